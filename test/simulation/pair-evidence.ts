import type { ServerName } from './pair-server.ts'
import type { World } from './world.ts'

/** That a server became active; true time. */
export interface Took {
  readonly server: ServerName
  readonly life: number
  readonly term: number
  readonly at: number
}

/** A time in which the engines of a server acted. */
export interface ActingTime {
  readonly server: ServerName
  readonly acting: number
  readonly term: number
  readonly from: number
  until: number
  /** When this server last knew that it held everything, before this time began. */
  readonly inStepAt: number
}

/** What an agent did on the word of a server. */
export interface Believed {
  readonly agent: string
  readonly term: number
  readonly what: string
  readonly at: number
}

/** What is written down of a pair, by nobody who takes part. */
export class PairEvidence {
  readonly #world: World
  readonly took: Took[] = []
  readonly times: ActingTime[] = []
  readonly believedTerms: Believed[] = []
  readonly #inStepAt = new Map<ServerName, number>()

  constructor(world: World) {
    this.#world = world
  }

  tell(who: string, what: string): void {
    this.#world.tell(who, what)
  }

  acts(server: ServerName, life: number, term: number): void {
    this.took.push({ server, life, term, at: this.#world.at })
    this.tell(server, `becomes active, term ${term}`)
  }

  began(server: ServerName, acting: number, term: number): void {
    const from = this.#world.at
    this.times.push({ server, acting, term, from, until: Infinity, inStepAt: this.#inStepAt.get(server) ?? -Infinity })
    this.tell(server, `acts, term ${term}`)
  }

  /** It has data from a backup that was made then. */
  restored(server: ServerName, at: number): void {
    this.#inStepAt.set(server, Math.min(at, this.#inStepAt.get(server) ?? at))
  }

  /** It died, or stopped. Whatever its data says by now it has written itself. */
  ended(server: ServerName): void {
    const time = this.times.findLast((one) => one.server === server)
    if (time === undefined || time.until < Infinity) return
    time.until = this.#world.at
    this.#inStepAt.set(server, this.#world.at)
    this.tell(server, 'acts no more')
  }

  inStep(server: ServerName): void {
    this.#inStepAt.set(server, this.#world.at)
  }

  believed(agent: string, term: number, what: string): void {
    this.believedTerms.push({ agent, term, what, at: this.#world.at })
  }
}
