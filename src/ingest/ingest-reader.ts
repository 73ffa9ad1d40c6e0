import type { DatabaseSync } from 'node:sqlite'
import { isRun, type Outcome, type Slot } from '../model/index.ts'
import { StatementCache, type BundleTable } from '../platform/index.ts'
import { clip, countOutcomes, silentlyLost, type Coverage } from './coverage.ts'
import type { TaskHead } from './ingest-store.ts'
import { slotsOf, type Stretch } from './ledger.ts'
import { decodeRuns, mergeRuns, type StoredRun } from './result-columns.ts'
import { dayMs, partMs, resultDays, rowId, rowStart } from './schema.ts'
import { StatisticsSum } from './statistics.ts'
import { TaskDay } from './task-day.ts'

/** One run of a task, or slots that ended without one. */
export type ResultRow =
  | ({ readonly kind: 'run' } & StoredRun)
  | {
      readonly kind: 'gap'
      /** The first of the slots, the last, and how many they are. */
      readonly from: Slot
      readonly to: Slot
      readonly slots: number
      readonly outcome: Outcome
      readonly reason: string
    }

export interface ResultPage {
  /** By slot, oldest first. */
  readonly rows: readonly ResultRow[]
  /** Ask again `from` here for the next page; absent on the last. */
  readonly next?: number
}

/**
 * The reading half of ingest, over any connection to the file. What memory of the writing half holds is handed in as a head, taken
 * *before* the question is asked here: what is sealed in between is then seen twice, which does no harm, and never missed.
 */
export class IngestReader {
  readonly #statements: StatementCache
  readonly #resultDays: BundleTable

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
    this.#resultDays = resultDays(this.#statements)
  }

  /** How slots of `from` ≤ slot < `to` ended. @param heardBy what was due before it and not heard of is lost */
  coverage(head: TaskHead, from: number, to: number, heardBy: number): Coverage {
    return countOutcomes(head.id, this.#stretches(head, this.#days(head, from, to), from, to, heardBy))
  }

  /**
   * Adds up tasks. Outcomes are of exactly this range; durations, delays and timeouts of the whole days it touches, for they are kept by day.
   * @param names under which each of the tasks is counted; undefined to count by agent
   */
  statistics(
    heads: readonly TaskHead[],
    names: readonly string[] | undefined,
    { from, to, heardBy }: { from: number; to: number; heardBy: number },
  ): StatisticsSum {
    const sum = new StatisticsSum()
    heads.forEach((head, i) => {
      const days = this.#days(head, from, to)
      if (names !== undefined) sum.at(names[i]!)
      for (const stretch of this.#stretches(head, days, from, to, heardBy))
        sum.at(names?.[i] ?? stretch.agent).outcomes[stretch.outcome] += slotsOf(stretch)
      for (const day of days) for (const [agent, times] of day.times) sum.at(names?.[i] ?? agent).times.include(times)
    })
    return sum
  }

  /** Runs and gaps by slot. A gap that begins before `from` is given from there on. */
  results(head: TaskHead, from: number, to: number, limit: number, heardBy: number): ResultPage {
    const rows: ResultRow[] = []
    // By day, so that a long range costs what the page shows and not what the range holds.
    for (let start = Math.floor(from / dayMs) * dayMs; start < to && rows.length <= limit; start += dayMs) {
      const begin = Math.max(from, start)
      const end = Math.min(to, start + dayMs)
      const days = this.#days(head, begin, end)
      if (days.length === 0 && head.spans.length === 0) continue
      const stretches = this.#stretches(head, days, begin, end, heardBy)
      const ofDay: ResultRow[] = this.#runs(head, begin, end).map((run) => ({ kind: 'run' as const, ...run }))
      for (const stretch of stretches) {
        if (isRun(stretch.outcome)) continue
        const { from, to, outcome, reason } = stretch
        ofDay.push({ kind: 'gap', from, to, slots: slotsOf(stretch), outcome, reason })
      }
      rows.push(...ofDay.sort((a, b) => slotOf(a) - slotOf(b)))
    }
    if (rows.length <= limit) return { rows }
    return { rows: rows.slice(0, limit), next: slotOf(rows[limit]!) }
  }

  /** How each slot ended, alike ones together, ascending; and the slots whose runs came late. */
  outcomes(
    head: TaskHead,
    from: number,
    to: number,
    heardBy: number,
  ): { readonly stretches: readonly Stretch[]; readonly late: readonly Slot[] } {
    const stretches = this.#stretches(head, this.#days(head, from, to), from, to, heardBy)
    const late = this.#runs(head, from, to).flatMap((run) => (run.late ? [run.slot] : []))
    return { stretches: stretches.toSorted((a, b) => a.from - b.from), late }
  }

  #stretches(head: TaskHead, days: readonly TaskDay[], from: number, to: number, heardBy: number): readonly Stretch[] {
    const known = clip(
      days.flatMap((day) => day.ledger.stretches()),
      from,
      to,
    )
    return [...known, ...silentlyLost(head.id, head.spans, known, from, to, heardBy)]
  }

  /** Ascending; a day of which nothing is known is left out. */
  #days({ number, days }: TaskHead, from: number, to: number): readonly TaskDay[] {
    const found = new Map<number, Uint8Array>()
    if (number !== undefined) {
      const rows = this.#statements.get('SELECT id, body FROM task_day WHERE id >= $low AND id <= $high ORDER BY id')
      for (const row of rows.all({ low: rowId(number, from, dayMs), high: rowId(number, to - 1, dayMs) }))
        found.set(rowStart(Number(row['id']), dayMs), row['body'] as Uint8Array)
    }
    for (const { start, body } of days) if (start < to && start + dayMs > from) found.set(start, body)
    return [...found.keys()].sort((a, b) => a - b).map((start) => TaskDay.decode(start, found.get(start)!))
  }

  #runs({ number, runs }: TaskHead, from: number, to: number): readonly StoredRun[] {
    const stored: StoredRun[] = []
    if (number !== undefined) {
      const rows = this.#statements.get('SELECT id, body FROM result_part WHERE id >= $low AND id <= $high ORDER BY id')
      for (const row of rows.all({ low: rowId(number, from, partMs), high: rowId(number, to - 1, partMs) }))
        stored.push(...decodeRuns(rowStart(Number(row['id']), partMs), row['body'] as Uint8Array))
      // After the parts, since what is moved meanwhile moves from there to here.
      const [first, last] = [Math.floor(from / dayMs), Math.floor((to - 1) / dayMs)]
      for (const { day, body } of this.#resultDays.read(number, first, last))
        stored.push(...decodeRuns(day * dayMs, body))
    }
    return mergeRuns(stored, runs).filter(({ slot }) => slot >= from && slot < to)
  }
}

function slotOf(row: ResultRow): Slot {
  return row.kind === 'run' ? row.slot : row.from
}
