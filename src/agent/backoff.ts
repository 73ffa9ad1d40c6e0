import type { Clock, Random } from '../base/index.ts'

/** Growing pauses between attempts, each of a random length so that many agents do not come back at the same moment. */
export class Backoff {
  readonly #random: Random
  readonly #firstMs: number
  readonly #longestMs: number
  #failures = 0

  constructor(random: Random, firstMs: number, longestMs: number) {
    this.#random = random
    this.#firstMs = firstMs
    this.#longestMs = longestMs
  }

  get failures(): number {
    return this.#failures
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** @returns how long to wait now, between half of the present pause and all of it */
  failed(): number {
    const pause = Math.min(this.#longestMs, this.#firstMs * 2 ** Math.min(this.#failures++, 30))
    return pause * (0.5 + 0.5 * this.#random())
  }
}

/** Resolves after a while, or as soon as the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}
