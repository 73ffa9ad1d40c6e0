import { outcomes, type RunOutcome } from '../model/index.ts'
import type { StoredRun } from './result-columns.ts'

type Texts = Pick<StoredRun, 'agent' | 'reason' | 'message'>

const numbersPerRun = 4
const lateBit = 4
const isolatedBit = 8
const textsUnit = 16

/**
 * Runs that no row has yet. They are numbers one behind the other, since an object for each, with three doubles of its own, took 144 bytes: of
 * 5,000 tasks every 5 s that is 23 MB which the collector walks. A run takes 32 to 48 bytes so.
 */
export class HeldRuns {
  /** Slot, beginning, duration, and a code: outcome, late, isolated, and which texts. */
  readonly #numbers: number[] = []
  /** What they say in words; those of one run after another are mostly the same. */
  readonly #texts: Texts[] = []

  add({ slot, startedAt, durationMs, outcome, agent, late, isolated, reason, message }: StoredRun): void {
    const last = this.#texts.at(-1)
    if (last === undefined || last.agent !== agent || last.reason !== reason || last.message !== message)
      this.#texts.push({ agent, reason, message })
    const code =
      outcomes.indexOf(outcome) +
      (late ? lateBit : 0) +
      (isolated ? isolatedBit : 0) +
      textsUnit * (this.#texts.length - 1)
    this.#numbers.push(slot, startedAt, durationMs, code)
  }

  /** As they were added. */
  all(): readonly StoredRun[] {
    const runs: StoredRun[] = []
    for (let i = 0; i < this.#numbers.length; i += numbersPerRun) {
      const code = this.#numbers[i + 3]!
      runs.push({
        slot: this.#numbers[i]!,
        startedAt: this.#numbers[i + 1]!,
        durationMs: this.#numbers[i + 2]!,
        // Only runs are added, and theirs are the first three.
        outcome: outcomes[code & 3] as RunOutcome,
        late: (code & lateBit) > 0,
        isolated: (code & isolatedBit) > 0,
        ...this.#texts[Math.floor(code / textsUnit)]!,
      })
    }
    return runs
  }
}
