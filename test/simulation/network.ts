import type { World } from './world.ts'

/** How messages of a stretch of time fare. Shares from 0 to 1. */
export interface Weather {
  readonly lost: number
  readonly doubled: number
  /** Of messages that take up to `lateMs` and so overtake each other. */
  readonly late: number
  readonly lateMs: number
}

export const fair: Weather = { lost: 0, doubled: 0, late: 0, lateMs: 0 }

/** The lines between the agents and the server, each with two directions that may be cut by themselves. */
export class Network {
  readonly world: World
  weather: Weather = fair
  #stormyAt = -Infinity
  readonly #cut = new Set<string>()
  /** When a line was last not as it should be. True time. */
  readonly #troubledAt = new Map<string, number>()

  constructor(world: World) {
    this.world = world
  }

  cut(agent: string, direction: 'up' | 'down' | 'both'): void {
    this.world.tell('network', `${agent} cut ${direction}`)
    this.#troubledAt.set(agent, this.world.at)
    if (direction !== 'down') this.#cut.add(`${agent} up`)
    if (direction !== 'up') this.#cut.add(`${agent} down`)
  }

  heal(agent: string): void {
    if (this.#cut.delete(`${agent} up`) || this.#cut.delete(`${agent} down`))
      this.world.tell('network', `${agent} healed`)
    this.#cut.delete(`${agent} up`)
    this.#cut.delete(`${agent} down`)
    this.#troubledAt.set(agent, this.world.at)
  }

  /** Whether everything that was sent over a line within the last while came over soon. */
  wasWell(line: string, forMs: number): boolean {
    const troubledAt = this.#troubledAt.get(line) ?? -Infinity
    return !this.isCut(line) && this.weather === fair && this.world.at - Math.max(troubledAt, this.#stormyAt) > forMs
  }

  setWeather(weather: Weather): void {
    this.weather = weather
    this.#stormyAt = this.world.at
  }

  isCut(agent: string): boolean {
    return this.#cut.has(`${agent} up`) || this.#cut.has(`${agent} down`)
  }

  /** Carries one message, perhaps twice. @returns whether it is on its way at all */
  carry(agent: string, direction: 'up' | 'down', arrive: () => void): boolean {
    const { world, weather } = this
    if (this.#cut.has(`${agent} ${direction}`) || world.chance(weather.lost)) return false
    const copies = world.chance(weather.doubled) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const delayMs = world.between(1, 20) + (world.chance(weather.late) ? world.between(0, weather.lateMs) : 0)
      world.after(delayMs, () => {
        // What is under way when the line is cut is lost with it.
        if (!this.#cut.has(`${agent} ${direction}`)) arrive()
      })
    }
    return true
  }
}
