import type { ServerName } from './pair-server.ts'
import type { World } from './world.ts'

/** That a server became active; true time. */
export interface Took {
  readonly server: ServerName
  readonly term: number
  readonly because: string
  readonly at: number
  /** The other one acted, and the two had been in reach of each other for a while. */
  readonly isBesideOther: boolean
  /** The highest term that this server had written down. */
  readonly known: number
  /** Agents that had told this server, just before, that the other one served them. */
  readonly servedByOther: readonly string[]
}

/** A time in which the engines of a server acted. */
export interface ActingTime {
  readonly server: ServerName
  readonly acting: number
  readonly term: number
  readonly from: number
  until: number
  /** The notifications of which its ledger said, when this time began, that they were delivered. */
  readonly recorded: ReadonlySet<string>
}

/** What an agent did on the word of a server. */
export interface Believed {
  readonly agent: string
  readonly server: ServerName
  readonly term: number
  readonly what: string
  readonly at: number
}

/** An answer of the other server that took longer is not waited for. */
const onItsWayMs = 6_000

/** Twice within the timeout an agent says so. */
const recentMs = 2_500

/** A disk that is neither full nor slow has written within so long what was to be kept. */
const writtenMs = 1_000

/** What is written down of a pair, by nobody who takes part. */
export class PairEvidence {
  readonly #world: World
  readonly took: Took[] = []
  readonly times: ActingTime[] = []
  readonly believedTerms: Believed[] = []
  /** By server: what its ledger says was delivered, and since when. */
  readonly #ledgers = new Map<ServerName, ReadonlyMap<string, number>>()
  /** By agent and server: when it was last answered by that one, and whether it had said that the other one serves it. */
  readonly #statements = new Map<string, { readonly at: number; readonly isServed: boolean }>()
  /** By server: the highest term that it knows, since when, and the highest that it has known for long enough to have it on its disk. */
  readonly #known = new Map<ServerName, { term: number; since: number; durable: number }>()
  readonly #isOtherInReach: (server: ServerName) => boolean

  /** @param isOtherInReach whether the other server runs, and was in reach of this one for a while */
  constructor(world: World, isOtherInReach: (server: ServerName) => boolean) {
    this.#world = world
    this.#isOtherInReach = isOtherInReach
  }

  tell(who: string, what: string): void {
    this.#world.tell(who, what)
  }

  acts(server: ServerName, term: number, because: string): void {
    const { at } = this.#world
    const other = server === 'P' ? 'S' : 'P'
    const isActing = this.times.some((time) => time.server === other && time.until === Infinity)
    const servedByOther = [...this.#statements].flatMap(([key, said]) => {
      const [agent, to] = key.split(' ')
      return to === server && said.isServed && at - said.at < recentMs ? [agent!] : []
    })
    const isBesideOther = isActing && this.#isOtherInReach(server)
    const known = this.#known.get(server)?.durable ?? 0
    this.took.push({ server, term, because, at, isBesideOther, known, servedByOther })
    this.tell(server, `becomes active, term ${term}: ${because}`)
  }

  began(server: ServerName, acting: number, term: number): void {
    const from = this.#world.at
    this.times.push({ server, acting, term, from, until: Infinity, recorded: new Set(this.#ledgerOf(server).keys()) })
    this.tell(server, `acts, term ${term}`)
  }

  /** @param isDiskWell or it cannot write that down */
  knows(server: ServerName, term: number, isDiskWell: boolean): void {
    const { at } = this.#world
    const before = this.#known.get(server) ?? { term: 0, since: at, durable: 0 }
    const since = isDiskWell && term === before.term ? before.since : at
    const durable = at - since >= writtenMs ? Math.max(before.durable, term) : before.durable
    this.#known.set(server, { term, since, durable })
  }

  /** What the pair knows for good is older than it was, too. */
  forgot(server: ServerName): void {
    this.#known.delete(server)
  }

  /** Its ledger says so now. */
  recorded(server: ServerName, key: string): void {
    this.#ledgers.set(server, new Map(this.#ledgerOf(server)).set(key, this.#world.at))
  }

  /** It has data from a backup that was made then. */
  restored(server: ServerName, at: number): void {
    this.#ledgers.set(server, new Map([...this.#ledgerOf(server)].filter(([, since]) => since <= at - onItsWayMs)))
  }

  ended(server: ServerName): void {
    const time = this.times.findLast((one) => one.server === server)
    if (time === undefined || time.until < Infinity) return
    time.until = this.#world.at
    this.tell(server, 'acts no more')
  }

  /** It holds what the other one held when that last answered. */
  inStep(server: ServerName): void {
    const { at } = this.#world
    const theirs = [...this.#ledgerOf(server === 'P' ? 'S' : 'P')]
    this.#ledgers.set(server, new Map(theirs.filter(([, since]) => since <= at - onItsWayMs)))
  }

  #ledgerOf(server: ServerName): ReadonlyMap<string, number> {
    return this.#ledgers.get(server) ?? new Map()
  }

  /** A server answered an agent, which it serves or does not. */
  answered(agent: string, server: ServerName, isServed: boolean): void {
    this.#statements.set(`${agent} ${server}`, { at: this.#world.at, isServed })
  }

  believed(agent: string, server: ServerName, term: number, what: string): void {
    this.believedTerms.push({ agent, server, term, what, at: this.#world.at })
  }
}
