import type { CancelTimer, Clock } from '../base/index.ts'

/**
 * Server time as an agent has it after a start. A machine may come up with a wall clock that is hours behind, and until the server has
 * answered there is nothing better; but it is never earlier than this agent was last alive. Without that, slots that were run before the
 * end would be run once more.
 */
export class StartClock implements Clock {
  readonly #clock: Clock
  #aheadMs: number

  /** @param lastAlive server time of the last sign of life, or undefined */
  constructor(clock: Clock, lastAlive: number | undefined) {
    this.#clock = clock
    this.#aheadMs = lastAlive === undefined ? 0 : Math.max(0, lastAlive - clock.now())
  }

  /** The server has answered: its time is known. The last sign of life may itself have been written by a clock that was ahead. */
  measured(): void {
    this.#aheadMs = 0
  }

  now(): number {
    return this.#clock.now() + this.#aheadMs
  }

  elapsed(): number {
    return this.#clock.elapsed()
  }

  after(delayMs: number, act: () => void): CancelTimer {
    return this.#clock.after(delayMs, act)
  }
}
