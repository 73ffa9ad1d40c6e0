import { provide } from './programs.ts'
import type { Peer, PreparedPeer } from './peer.ts'

/** Peers for as long as a comparison takes: each is had and prepared when it is first asked for, and serves all rows from then on. */
export class Stand implements AsyncDisposable {
  readonly #prepared = new Map<Peer, Promise<PreparedPeer>>()

  /** @throws where it cannot be had, each time with the same words */
  get(peer: Peer): Promise<PreparedPeer> {
    const known = this.#prepared.get(peer)
    if (known !== undefined) return known
    const made = (async () => {
      provide(peer.programs)
      return peer.prepare()
    })()
    this.#prepared.set(peer, made)
    return made
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const made of this.#prepared.values()) {
      const peer = await made.catch(() => undefined)
      await peer?.[Symbol.asyncDispose]()
    }
    this.#prepared.clear()
  }
}
