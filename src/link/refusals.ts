import type { Clock } from '../base/index.ts'
import type { Log } from '../platform/index.ts'

const againMs = 600_000
const most = 1_000

/**
 * Logs what was refused: the first of its kind from each at once, and how many more there were at most every ten minutes. A flood
 * of refusals must not become one of lines.
 */
export class Refusals {
  readonly #log: Log
  readonly #clock: Clock
  readonly #seen = new Map<string, { count: number; loggedAt: number }>()

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** @param who an agent's id where that was proven, else an address */
  add(who: string, code: string, message: string): void {
    const at = this.#clock.elapsed()
    const key = this.#seen.size < most || this.#seen.has(`${code} ${who}`) ? `${code} ${who}` : 'others'
    const seen = this.#seen.get(key)
    if (seen === undefined) {
      this.#seen.set(key, { count: 0, loggedAt: at })
      this.#log.warn('agent request refused', { who, code, message: message.slice(0, 500) })
    } else if (at - seen.loggedAt < againMs) seen.count++
    else {
      this.#seen.set(key, { count: 0, loggedAt: at })
      this.#log.warn('agent requests refused', { who, code, message: message.slice(0, 500), count: seen.count + 1 })
    }
  }

  /** Says what was counted and not yet said, and forgets who has been quiet. To be called every minute or so. */
  sweep(): void {
    const at = this.#clock.elapsed()
    for (const [key, { count, loggedAt }] of this.#seen) {
      if (at - loggedAt < againMs) continue
      const [code, who] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)]
      if (count > 0) this.#log.warn('agent requests refused', { who, code, count })
      this.#seen.delete(key)
    }
  }
}
