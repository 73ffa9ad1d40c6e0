import type { Clock } from '../base/index.ts'
import { RunTimes, type Histogram } from '../ingest/index.ts'
import type { Outcome, SpoolEntry } from '../model/index.ts'

/** What the results of one monitor were like since the start, on whatever agents and systems. */
export interface MonitorFacts {
  readonly monitor: string
  /** A slot counts anew where a run comes after a gap record of it. */
  readonly slots: Readonly<Record<Outcome, number>>
  readonly timeouts: number
  readonly durationMs: Summary
  /** How long after their slots runs began: the wait for a turn is part of it. */
  readonly latenessMs: Summary
}

/** Milliseconds. */
export interface Summary {
  /** Of the last ten to twenty minutes; undefined where there was nothing. */
  readonly p50: number | undefined
  readonly p95: number | undefined
  /** Since the start. */
  readonly sum: number
  readonly count: number
}

const generationMs = 10 * 60_000

interface Counted {
  readonly slots: Record<Outcome, number>
  readonly total: RunTimes
  before: RunTimes
  now: RunTimes
}

/**
 * Counts the results that counted, by monitor, for those who scrape: the statistics of the API are read from the history, which is too
 * dear to do every few seconds.
 */
export class MonitorCounts {
  readonly #monitorOf: (task: string) => string | undefined
  readonly #clock: Clock
  readonly #monitors = new Map<string, Counted>()
  #generationAt: number

  constructor(monitorOf: (task: string) => string | undefined, clock: Clock) {
    this.#monitorOf = monitorOf
    this.#clock = clock
    this.#generationAt = clock.elapsed()
  }

  /** Results of tasks that the configuration does not have any more are left out. */
  count(entries: Iterable<SpoolEntry>): void {
    this.#turn()
    for (const entry of entries) {
      const monitor = this.#monitorOf(entry.task)
      if (monitor === undefined) continue
      const counted = this.#of(monitor)
      if (entry.kind === 'gap') {
        counted.slots[entry.outcome] += Math.round((entry.to - entry.from) / entry.periodMs) + 1
        continue
      }
      counted.slots[entry.outcome]++
      const { durationMs, startedAt, slot, reason } = entry
      for (const times of [counted.total, counted.now])
        times.ran({ durationMs, delayMs: startedAt - slot, isTimeout: reason === 'timed out' })
    }
  }

  /** In the order of their names. */
  facts(): readonly MonitorFacts[] {
    this.#turn()
    return [...this.#monitors]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([monitor, { slots, total, before, now }]) => {
        const recent = new RunTimes()
        recent.include(before)
        recent.include(now)
        return {
          monitor,
          slots: { ...slots },
          timeouts: total.timeouts,
          durationMs: summaryOf(recent.durations, total.durations),
          latenessMs: summaryOf(recent.delays, total.delays),
        }
      })
  }

  #of(monitor: string): Counted {
    let counted = this.#monitors.get(monitor)
    if (counted === undefined) {
      const slots = { ran: 0, failed: 0, late: 0, skipped: 0, lost: 0, maintenance: 0, uncovered: 0 }
      counted = { slots, total: new RunTimes(), before: new RunTimes(), now: new RunTimes() }
      this.#monitors.set(monitor, counted)
    }
    return counted
  }

  #turn(): void {
    const turns = Math.floor((this.#clock.elapsed() - this.#generationAt) / generationMs)
    if (turns === 0) return
    this.#generationAt += turns * generationMs
    for (const counted of this.#monitors.values()) {
      counted.before = turns === 1 ? counted.now : new RunTimes()
      counted.now = new RunTimes()
    }
  }
}

function summaryOf(recent: Histogram, total: Histogram): Summary {
  return { p50: recent.percentile(0.5), p95: recent.percentile(0.95), sum: total.sum, count: total.count }
}
