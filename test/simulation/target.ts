import type { RunReport } from '../../src/agent/index.ts'
import type { World } from './world.ts'

/** One request that reached the target. */
export interface Served {
  readonly agent: string
  /** Which life of the agent's program. */
  readonly life: number
  readonly task: string
  readonly connector: string
  readonly slot: number
  /** True time. */
  readonly at: number
  /** How many requests of this task there were, this one included. */
  readonly hits: number
}

/** What all runs query: it counts, and remembers who asked. */
export class CountingTarget {
  readonly served: Served[] = []
  readonly #world: World
  readonly #hits = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  serve(request: Omit<Served, 'at' | 'hits'>): Served {
    const hits = (this.#hits.get(request.task) ?? 0) + 1
    this.#hits.set(request.task, hits)
    const served = { ...request, at: this.#world.at, hits }
    this.served.push(served)
    return served
  }
}

/** How long a run takes and how it ends, apart from what is told of it. */
export function outcomeOf(
  world: World,
  timeoutMs: number,
): { readonly tookMs: number; readonly reason?: RunReport['reason'] } {
  const dice = world.random()
  if (dice < 0.03) return { tookMs: timeoutMs, reason: 'timed out' }
  if (dice < 0.06) return { tookMs: 1, reason: 'refused' }
  return { tookMs: dice < 0.15 ? world.between(100, timeoutMs) : world.between(1, 60) }
}
