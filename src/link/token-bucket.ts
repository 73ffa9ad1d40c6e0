/**
 * How often somebody may: `burst` at once, and from then on `perSecond`. One for each of a bounded number of somebodies; where there
 * are more, those who were not heard of for longest begin anew.
 */
export class TokenBuckets {
  readonly #burst: number
  readonly #perMs: number
  readonly #limit: number
  readonly #levels = new Map<string, { readonly left: number; readonly at: number }>()

  constructor(options: { readonly burst: number; readonly perSecond: number; readonly limit: number }) {
    this.#burst = options.burst
    this.#perMs = options.perSecond / 1_000
    this.#limit = options.limit
  }

  /** @param at our `elapsed`. @returns 0 where it is allowed, else how long to wait, in milliseconds */
  take(who: string, at: number): number {
    const known = this.#levels.get(who)
    const left = Math.min(
      this.#burst,
      (known?.left ?? this.#burst) + (known === undefined ? 0 : at - known.at) * this.#perMs,
    )
    this.#levels.delete(who)
    if (this.#levels.size >= this.#limit)
      for (const oldest of this.#levels.keys()) {
        this.#levels.delete(oldest)
        break
      }
    this.#levels.set(who, { left: left >= 1 ? left - 1 : left, at })
    return left >= 1 ? 0 : Math.ceil((1 - left) / this.#perMs)
  }
}
