import { createSecretKey, randomBytes } from 'node:crypto'
import type { RequestKey } from '../platform/wire/index.ts'

/** As long as the digest that it is for, RFC 7518, 3.2. */
export const requestKeyBytes = 32

/** Of two machines with one identity, which are told apart by their starts (presence.ts), and of the one before of each. */
const keptStarts = 4

/** Whom a key is given to. */
interface Start {
  readonly boot: string
  /** Of the agent's own key: one that was replaced takes what was agreed upon with it along. */
  readonly fingerprint: string
}

type Given = RequestKey & Start

/**
 * The keys that agents sign their requests with after they said hello, in memory only: a server that was started anew knows none, and whoever
 * comes with one says hello. A start of an agent keeps its own for as long as it lives, so that a second hello of it makes nothing of
 * what is under way wrong; and it keeps it beside a later start, so that two machines with one identity are still found out.
 */
export class RequestKeys {
  /** By agent, the newest last. */
  readonly #given = new Map<string, readonly Given[]>()

  /** For a start of an agent that said hello with its own key. */
  of(agent: string, start: Start): RequestKey {
    const given = this.#given.get(agent) ?? []
    const known = given.find((each) => isSame(each, start))
    if (known !== undefined) return known
    const id = randomBytes(16).toString('base64url')
    const made = { id, secret: createSecretKey(randomBytes(requestKeyBytes)), ...start }
    const kept = given.filter(({ fingerprint }) => fingerprint === start.fingerprint)
    this.#given.set(agent, [...kept, made].slice(-keptStarts))
    return made
  }

  /** The key of that name, if that start with the key that the agent has now was given it. */
  find(agent: string, id: string, start: Start): RequestKey | undefined {
    return this.#given.get(agent)?.find((each) => each.id === id && isSame(each, start))
  }

  /** Forgets those of agents that are not known any more. To be called now and then. */
  sweep(isKnown: (agent: string) => boolean): void {
    for (const agent of this.#given.keys()) if (!isKnown(agent)) this.#given.delete(agent)
  }
}

function isSame(one: Start, other: Start): boolean {
  return one.boot === other.boot && one.fingerprint === other.fingerprint
}
