import type { CancelTimer, Clock, Random } from '../base/index.ts'

export interface WitnessingOptions {
  readonly clock: Clock
  readonly random: Random
  /** URLs of the servers that are to hear of this agent now. */
  readonly targets: () => readonly string[]
  /** How long one call may come after the one before at most; milliseconds. */
  readonly paceMs: () => number
  /** Makes one call. Never rejects; it ends soon, by itself or by the signal. */
  readonly call: (url: string, signal: AbortSignal) => Promise<void>
}

interface Called {
  readonly beganAt: number
  /** Where between the shortest pause and the longest the next call falls. */
  readonly jitter: number
  isHurried: boolean
}

/** Targets and pace change without a word. */
const lookMs = 1_000
/** However much happens, no server is called more often. */
const leastMs = 500
/** The shortest pause, of the longest: agents that lost a server together do not go on together. */
const shortest = 0.6

/** When an agent tells which of its servers what it sees: each by itself, so that one that does not answer holds up no other. */
export class Witnessing {
  readonly #options: WitnessingOptions
  readonly #abort = new AbortController()
  readonly #called = new Map<string, Called>()
  readonly #inHand = new Map<string, Promise<void>>()
  #cancel: CancelTimer = () => undefined
  #isBegun = false

  constructor(options: WitnessingOptions) {
    this.#options = options
  }

  /** From now on; what the ordinary beginning is over with within a moment needs no witness. May be called again. */
  begin(): void {
    if (this.#isBegun || this.#abort.signal.aborted) return
    this.#isBegun = true
    this.#cancel = this.#options.clock.after(lookMs, () => this.#look())
  }

  /** Something happened that they are to hear of at once. */
  hurry(): void {
    for (const called of this.#called.values()) called.isHurried = true
    if (this.#isBegun) this.#look()
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    this.#cancel()
    await Promise.all(this.#inHand.values())
  }

  #look(): void {
    const { clock, targets, call } = this.#options
    if (this.#abort.signal.aborted) return
    this.#cancel()
    const at = clock.elapsed()
    let next = at + lookMs
    for (const url of targets()) {
      if (this.#inHand.has(url)) continue
      const due = this.#dueAt(url)
      if (due > at) {
        next = Math.min(next, due)
        continue
      }
      this.#called.set(url, { beganAt: at, jitter: this.#options.random(), isHurried: false })
      // Awaited by `stop`.
      this.#inHand.set(
        url,
        call(url, this.#abort.signal).finally(() => this.#inHand.delete(url)),
      )
    }
    this.#cancel = clock.after(next - at, () => this.#look())
  }

  #dueAt(url: string): number {
    const called = this.#called.get(url)
    if (called === undefined) return -Infinity
    const { beganAt, jitter, isHurried } = called
    return beganAt + (isHurried ? leastMs : this.#options.paceMs() * (shortest + (1 - shortest) * jitter))
  }
}
