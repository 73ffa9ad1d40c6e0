/** A reading of the machine's monotonic clock. */
export interface Reading {
  readonly elapsed: number
  /** How long the machine has slept until now, which the monotonic clock does not count; from any beginning, right to a second. */
  readonly sleptMs: number
}

/** What the beginning of a machine's sleep is measured worse than. */
const sleepNoiseMs = 1_500

/**
 * The right to begin runs of exclusive connectors. The server gives them to another agent once it has heard nothing from this one for
 * as long as a lease lasts; since it heard the last call after that was sent, a lease counted from the sending ends here first.
 */
export class Lease {
  #leaseMs: number | null = 0
  #renewed: Reading | undefined

  /** @param leaseMs null: for as long as this process lives */
  set(leaseMs: number | null): void {
    this.#leaseMs = leaseMs
  }

  /** @param sent when the call was sent that the server has answered now */
  renew(sent: Reading): void {
    this.#renewed = sent
  }

  /** For how long runs may begin from now on: not at all where it is 0. */
  leftMs(now: Reading): number {
    const renewed = this.#renewed
    if (renewed === undefined) return 0
    if (this.#leaseMs === null) return Infinity
    const sleptMs = now.sleptMs - renewed.sleptMs
    const goneMs = now.elapsed - renewed.elapsed + (sleptMs > sleepNoiseMs ? sleptMs : 0)
    return Math.max(0, this.#leaseMs - goneMs)
  }
}
