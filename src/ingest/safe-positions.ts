/**
 * Up to where agents may forget: what the other server of a pair has confirmed. It is known from the changes that this process made or was
 * asked about; what was acknowledged before its start becomes safe with the next upload of its spool.
 */
export class SafePositions {
  readonly #spools = new Map<string, { readonly change: number; readonly acknowledged: number }[]>()
  #confirmed = -1

  /** All of a spool before `acknowledged` is in changes up to `change`. @returns all before which is safe */
  acknowledged(agent: string, spool: string, change: number, acknowledged: number): number {
    const key = `${agent}\0${spool}`
    const waiting = this.#spools.get(key) ?? []
    // One for each upload since the last confirmation; a standby that is away for long would make them many.
    if (waiting.length >= mostWaiting) waiting.pop()
    waiting.push({ change, acknowledged })
    const firstUnsafe = waiting.findIndex((entry) => entry.change > this.#confirmed)
    const safe = firstUnsafe === -1 ? waiting.length - 1 : firstUnsafe - 1
    this.#spools.set(key, safe > 0 ? waiting.slice(safe) : waiting)
    return safe < 0 ? 0 : waiting[safe]!.acknowledged
  }

  /** The other server has all changes up to this one. */
  confirm(change: number): void {
    this.#confirmed = Math.max(this.#confirmed, change)
  }

  /** Another line of changes begins, or none: nothing is known to be safe. */
  reset(): void {
    this.#confirmed = -1
    this.#spools.clear()
  }
}

const mostWaiting = 1_000
