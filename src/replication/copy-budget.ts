/**
 * How much of a copy may be sent, so that it takes its time instead of the active server's. Unused time adds up to one second's worth.
 */
export class CopyBudget {
  readonly #bytesPerSecond: number
  #left: number
  #at: number

  constructor(bytesPerSecond: number, elapsed: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#left = bytesPerSecond
    this.#at = elapsed
  }

  /** @returns how long to wait before anything may be sent; 0 where something may be */
  waitMs(elapsed: number): number {
    const earned = ((elapsed - this.#at) * this.#bytesPerSecond) / 1_000
    this.#left = Math.min(this.#bytesPerSecond, this.#left + earned)
    this.#at = elapsed
    return this.#left > 0 ? 0 : Math.ceil((1 - this.#left) / (this.#bytesPerSecond / 1_000))
  }

  /** It may go below nothing: a chunk is sent whole. */
  spend(bytes: number): void {
    this.#left -= bytes
  }
}
