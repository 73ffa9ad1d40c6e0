import type { AnswerOf, Operations } from '../../../src/contract/index.ts'
import { isRun, outcomes } from '../../../src/model/outcome.ts'

export type StatisticsRow = AnswerOf<Operations['monitorStatistics']>[number]

/** Slots that were planned and had no run, without those of a maintenance window: what should not be. */
export function missedOf(counts: StatisticsRow['outcomes']): number {
  return outcomes.reduce(
    (sum, outcome) => sum + (isRun(outcome) || outcome === 'maintenance' ? 0 : (counts[outcome] ?? 0)),
    0,
  )
}

/** What all rows come to. Percentiles are left out: those of parts make none of the whole. */
export function totalsOf(rows: readonly StatisticsRow[]): {
  readonly runs: number
  readonly failed: number
  readonly late: number
  readonly missed: number
  readonly maintenance: number
  readonly timeouts: number
  /** Of what was planned outside of maintenance; null where nothing was. */
  readonly share: number | null
} {
  const sum = (of: (row: StatisticsRow) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const runs = sum((row) => row.runs)
  const missed = sum((row) => missedOf(row.outcomes))
  return {
    runs,
    failed: sum((row) => row.outcomes['failed'] ?? 0),
    late: sum((row) => row.outcomes['late'] ?? 0),
    missed,
    maintenance: sum((row) => row.outcomes['maintenance'] ?? 0),
    timeouts: sum((row) => row.timeouts),
    share: runs + missed === 0 ? null : runs / (runs + missed),
  }
}

/** How a row is called: by its place, from the outside in. */
export function nameOf({ by, place }: StatisticsRow): string {
  if (place === undefined) return by
  const { group, system, connector, profile, monitor } = place
  return [group, system, connector, profile, monitor].filter((part) => part !== undefined).join(' / ')
}
