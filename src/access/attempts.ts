/**
 * Counts failed attempts and says when the next one is allowed: `free` attempts within the window cost nothing, each further one
 * doubles the wait, up to the window. Success forgets. Bounded: past `maxKeys` the oldest keys are dropped.
 */
export class Attempts {
  readonly #failures = new Map<string, { count: number; lastAt: number }>()
  readonly #free: number
  readonly #windowMs: number
  readonly #maxKeys: number

  constructor(options: { free: number; windowMs: number; maxKeys: number }) {
    this.#free = options.free
    this.#windowMs = options.windowMs
    this.#maxKeys = options.maxKeys
  }

  /** How long `key` has to wait before it may try, in milliseconds; 0 for not at all. */
  waitMs(key: string, at: number): number {
    const seen = this.#failures.get(key)
    if (seen === undefined || seen.count < this.#free) return 0
    const wait = Math.min(this.#windowMs, 1_000 * 2 ** Math.min(20, seen.count - this.#free))
    return Math.max(0, seen.lastAt + wait - at)
  }

  failed(key: string, at: number): void {
    const seen = this.#failures.get(key)
    const count = seen === undefined || at - seen.lastAt > this.#windowMs ? 1 : seen.count + 1
    this.#failures.delete(key)
    this.#failures.set(key, { count, lastAt: at })
    if (this.#failures.size > this.#maxKeys) {
      const oldest = this.#failures.keys().next()
      if (oldest.done !== true) this.#failures.delete(oldest.value)
    }
  }

  succeeded(key: string): void {
    this.#failures.delete(key)
  }
}
