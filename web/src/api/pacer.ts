/** What a pacer needs of time. */
export interface Timing {
  now(): number
  /** Calls `act` once, `delayMs` from now. @returns calls it off */
  after(delayMs: number, act: () => void): () => void
}

/** However long loading took, it is not rested for longer. */
const longestRestMs = 10_000
/** An answer that never comes is not waited for: nothing new would be shown any more, on a page that says it is live. */
const longestLoadMs = 30_000

/**
 * Has what became old loaded again: each thing at the latest so long after it was said to be old, but not two loads at once, unless one
 * hangs, and after each a rest as long as it took. So whoever answers is asked no more than half of the time, however much happens, and
 * what is being loaded is not given up for something newer over and over.
 */
export class Pacer<T> {
  readonly #load: (wanted: readonly T[]) => Promise<unknown>
  readonly #timing: Timing
  readonly #due = new Map<string, { readonly wanted: T; readonly at: number }>()
  #cancel: () => void = () => undefined
  #loading: object | undefined
  #restUntil = 0

  constructor(load: (wanted: readonly T[]) => Promise<unknown>, timing: Timing) {
    this.#load = load
    this.#timing = timing
  }

  want(delayMs: number, ...all: readonly T[]): void {
    const at = this.#timing.now() + delayMs
    for (const wanted of all) {
      const key = JSON.stringify(wanted)
      this.#due.set(key, { wanted, at: Math.min(at, this.#due.get(key)?.at ?? Infinity) })
    }
    this.#plan()
  }

  /** Forgets what was wanted, and does not wait for what is being loaded. */
  reset(): void {
    this.#cancel()
    this.#due.clear()
    this.#loading = undefined
    this.#restUntil = 0
  }

  #plan(): void {
    this.#cancel()
    if (this.#loading !== undefined || this.#due.size === 0) return
    const first = Math.min(...[...this.#due.values()].map(({ at }) => at))
    const delayMs = Math.max(first, this.#restUntil) - this.#timing.now()
    this.#cancel = this.#timing.after(Math.max(0, delayMs), () => this.#begin())
  }

  #begin(): void {
    const began = this.#timing.now()
    const now = [...this.#due].filter(([, { at }]) => at <= began)
    for (const [key] of now) this.#due.delete(key)
    const loading = (this.#loading = {})
    const end = (): void => {
      if (this.#loading !== loading) return
      this.#loading = undefined
      const ended = this.#timing.now()
      this.#restUntil = ended + Math.min(ended - began, longestRestMs)
      this.#plan()
    }
    const giveUp = this.#timing.after(longestLoadMs, end)
    const done = (): void => {
      giveUp()
      end()
    }
    // Whoever shows what could not be loaded says so.
    this.#load(now.map(([, { wanted }]) => wanted)).then(done, done)
  }
}
