import { messageOf, type Clock } from '../base/index.ts'
import type { Log } from '../platform/index.ts'

export interface PairRoundsParts {
  readonly clock: Clock
  readonly log: Log
  /** One exchange. @returns whether there is more at once */
  readonly round: () => Promise<boolean>
  /** The pause before the next one, where there is not; asked each time. */
  readonly restMs: () => number
  /** Aborted when what a round does is cut off, as all ends: then its failure is no news. */
  readonly signal: AbortSignal
}

/** Exchanges with the other server, one after another, by the SECONDARY. One that fails is logged once, and the next is made all the same. */
export class PairRounds {
  readonly #parts: PairRoundsParts
  readonly #running: Promise<void>
  #isEnding = false
  #wake = () => undefined as void
  #problem: string | undefined

  /** Begins at once. */
  constructor(parts: PairRoundsParts) {
    this.#parts = parts
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      let hasMore = false
      try {
        hasMore = await this.#parts.round()
        this.#problem = undefined
      } catch (thrown) {
        this.#failed(messageOf(thrown))
      }
      if (!hasMore && !this.#isEnding) await this.#rest(this.#parts.restMs())
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  #failed(problem: string): void {
    if (this.#isEnding || this.#parts.signal.aborted) return
    if (problem !== this.#problem) this.#parts.log.warn('exchange with the other server failed', { problem })
    this.#problem = problem
  }

  /** No round is begun any more. Resolves when the last one has ended; whoever made it may abort it meanwhile. May be called twice. */
  async stop(): Promise<void> {
    this.#isEnding = true
    this.#wake()
    await this.#running
  }
}
