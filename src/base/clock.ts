/** Ends a timer that was started; calling it again does nothing. */
export type CancelTimer = () => void

/**
 * Time as the loops of the engines see it. Decisions take `at` as a number; only loops hold a Clock.
 * `now` is the wall clock of the active server in epoch milliseconds, as well as this instance knows it; it may jump.
 * `elapsed` only moves forward, in milliseconds since some moment in the past, and is what durations are measured with.
 */
export interface Clock {
  now(): number
  elapsed(): number
  /** Calls `act` once, `delayMs` from now. A timer alone does not keep the program running. */
  after(delayMs: number, act: () => void): CancelTimer
}

/** A clock that stands still until a test moves it; timers fire in order while it moves. */
export class ManualClock implements Clock {
  #at: number
  #elapsed = 0
  #next = 0
  readonly #timers = new Map<number, { due: number; act: () => void }>()

  constructor(at = Date.UTC(2026, 0, 1)) {
    this.#at = at
  }

  now(): number {
    return this.#at
  }

  elapsed(): number {
    return this.#elapsed
  }

  after(delayMs: number, act: () => void): CancelTimer {
    const id = this.#next++
    this.#timers.set(id, { due: this.#elapsed + Math.max(0, delayMs), act })
    return () => void this.#timers.delete(id)
  }

  /** Moves both readings forward and fires what falls due, earliest first. */
  advance(ms: number): void {
    const end = this.#elapsed + ms
    for (;;) {
      const due = [...this.#timers]
        .filter(([, t]) => t.due <= end)
        .sort((a, b) => a[1].due - b[1].due || a[0] - b[0])[0]
      if (due === undefined) break
      const [id, timer] = due
      this.#timers.delete(id)
      this.#at += timer.due - this.#elapsed
      this.#elapsed = timer.due
      timer.act()
    }
    this.#at += end - this.#elapsed
    this.#elapsed = end
  }

  /** The wall clock is set to another time, as an administrator or NTP would; no timer notices. */
  jump(ms: number): void {
    this.#at += ms
  }
}
