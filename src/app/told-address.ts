import { messageOf, type Clock } from '../base/index.ts'
import type { Polling } from '../failover/index.ts'

/** What became of trying the address that agents are given of the PRIMARY. */
export interface TriedAddress {
  readonly url: string
  /** Undefined where the PRIMARY is there. */
  readonly problem: string | undefined
}

export interface ToldAddressParts {
  readonly clock: Clock
  readonly polling: Pick<Polling, 'reach'>
  /** Where the PRIMARY is polled. */
  readonly peerUrl: () => string
  /** What it said of where agents and people reach it, and who it is; undefined before it was heard. */
  readonly told: () => { readonly url: string; readonly uuid: string } | undefined
  readonly signal: AbortSignal
}

const tryEveryMs = 60_000
/** One that just failed may only have been about to start. */
const tryAgainMs = 10_000
const silentMs = 10_000

/**
 * Whether the PRIMARY is behind the address that it gives to agents and people, tried by its SECONDARY now and then. Where it is polled at that very
 * address there is nothing to try.
 */
export class ToldAddress {
  readonly #parts: ToldAddressParts
  #tried: TriedAddress | undefined
  #dueAt = -Infinity

  constructor(parts: ToldAddressParts) {
    this.#parts = parts
  }

  get tried(): TriedAddress | undefined {
    return this.#tried
  }

  /** Every second or so, while the PRIMARY is polled. Never rejects. */
  async look(): Promise<void> {
    const { clock, told, peerUrl } = this.#parts
    const wanted = told()
    if (wanted === undefined || !URL.canParse(wanted.url) || isSame(wanted.url, peerUrl())) {
      this.#tried = undefined
      return
    }
    if (this.#tried?.url === wanted.url && clock.elapsed() < this.#dueAt) return
    const problem = await this.#problemAt(wanted)
    this.#tried = { url: wanted.url, problem }
    this.#dueAt = clock.elapsed() + (problem === undefined ? tryEveryMs : tryAgainMs)
  }

  async #problemAt({ url, uuid }: { readonly url: string; readonly uuid: string }): Promise<string | undefined> {
    const { polling, signal } = this.#parts
    try {
      const found = await polling.reach(url, silentMs, signal)
      if (found === undefined || found === uuid) return undefined
      return `the instance ${found} answers there, and the PRIMARY is ${uuid}`
    } catch (thrown) {
      return messageOf(thrown)
    }
  }
}

function isSame(a: string, b: string): boolean {
  return URL.canParse(b) && new URL(a).origin === new URL(b).origin
}
