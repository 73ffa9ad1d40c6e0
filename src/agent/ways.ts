import type { Clock } from '../base/index.ts'
import type { AssignedConnector } from '../model/index.ts'
import type { Closable, ConnectorClients, ConnectorType } from '../sdk/index.ts'
import { maskOf, type Mask } from './mask.ts'

/** How long a client stays open that nobody uses. */
export const idleClientMs = 300_000

type Client = ConnectorClients[ConnectorType] & Closable

/** A connector as a monitoring process knows it, with the client its runs share. */
export interface Way {
  readonly definition: AssignedConnector
  readonly mask: Mask
  /** Opened by the first run that needs it. */
  client: Client | undefined
  /** The rest is kept by `Ways` alone. */
  users: number
  idleSince: number
  /** Changed or gone: the client is closed once its last run has ended. */
  gone: boolean
}

/** The connectors that a monitoring process was told of, and whose client is open. */
export class Ways {
  readonly #clock: Clock
  readonly #ways = new Map<string, Way>()
  /** Those that no run uses any more, the one that is idle longest first: nobody has to look at all of tens of thousands. */
  readonly #idle = new Set<Way>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In place of one of the same id. */
  define(definition: AssignedConnector): void {
    this.forget(definition.id)
    const { credential } = definition
    this.#ways.set(definition.id, {
      definition,
      mask: maskOf(credential),
      client: undefined,
      users: 0,
      idleSince: 0,
      gone: false,
    })
  }

  forget(id: string): void {
    const way = this.#ways.get(id)
    if (way === undefined) return
    this.#ways.delete(id)
    this.#idle.delete(way)
    way.gone = true
    if (way.users === 0) close(way)
  }

  /** For one run, which calls `leave` when it ends. @returns undefined where it is not known */
  enter(id: string): Way | undefined {
    const way = this.#ways.get(id)
    if (way === undefined) return undefined
    way.users++
    this.#idle.delete(way)
    return way
  }

  leave(way: Way): void {
    way.users--
    if (way.users > 0) return
    if (way.gone) return close(way)
    way.idleSince = this.#clock.elapsed()
    this.#idle.add(way)
  }

  /** Ends what nobody has used for `idleClientMs`. */
  closeIdle(): void {
    const before = this.#clock.elapsed() - idleClientMs
    for (const way of this.#idle) {
      if (way.idleSince > before) return
      this.#idle.delete(way)
      close(way)
    }
  }
}

function close(way: Way): void {
  const { client } = way
  way.client = undefined
  if (client?.close === undefined) return
  try {
    // Nobody waits for it: a connection that cannot be closed is the process's to lose.
    void Promise.resolve(client.close()).catch(() => undefined)
  } catch {
    // As above.
  }
}
