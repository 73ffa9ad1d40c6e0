import { ByteReader, ByteWriter } from '../base/index.ts'
import { isRun, outcomes, type Outcome } from '../model/index.ts'
import { noOutcomes, type OutcomeCounts } from './coverage.ts'
import { RunTimes, spreadOf, type Spread } from './run-times.ts'

/** How the slots of some tasks ended, and what their runs were like. */
export interface RunStatistics {
  /** What was counted together: the name that the question gave to its tasks, or the id of an agent; '' for slots that were no agent's. */
  readonly name: string
  readonly runs: number
  readonly outcomes: OutcomeCounts
  /** Runs that ended by their timeout. */
  readonly timeouts: number
  /** Of the runs, in milliseconds; percentiles within 4.5 %. Undefined where there was none. */
  readonly durationMs: Spread | undefined
  /**
   * How long after their slots the runs began, in milliseconds. The wait for a turn is part of it: a result does not tell it apart from
   * what else made a run late.
   */
  readonly delayMs: Spread | undefined
}

interface Sum {
  readonly outcomes: Record<Outcome, number>
  readonly times: RunTimes
}

/** A sum on its way between threads. */
export interface PackedSum {
  readonly name: string
  readonly outcomes: OutcomeCounts
  readonly times: Uint8Array
}

/** Statistics that are being added up, by name. Percentiles come from joined histograms: those of parts cannot be averaged. */
export class StatisticsSum {
  readonly #sums = new Map<string, Sum>()

  at(name: string): Sum {
    let sum = this.#sums.get(name)
    if (sum === undefined) this.#sums.set(name, (sum = { outcomes: noOutcomes(), times: new RunTimes() }))
    return sum
  }

  pack(): readonly PackedSum[] {
    return [...this.#sums].map(([name, sum]) => {
      const out = new ByteWriter()
      sum.times.encode(out)
      return { name, outcomes: sum.outcomes, times: out.done() }
    })
  }

  include(packed: readonly PackedSum[]): void {
    for (const { name, outcomes: counts, times } of packed) {
      const sum = this.at(name)
      for (const outcome of outcomes) sum.outcomes[outcome] += counts[outcome]
      sum.times.include(RunTimes.decode(new ByteReader(times)))
    }
  }

  statistics(): readonly RunStatistics[] {
    return [...this.#sums].map(([name, { outcomes: counts, times }]) => ({
      name,
      runs: outcomes.reduce((runs, outcome) => runs + (isRun(outcome) ? counts[outcome] : 0), 0),
      outcomes: counts,
      timeouts: times.timeouts,
      durationMs: spreadOf(times.durations),
      delayMs: spreadOf(times.delays),
    }))
  }
}
