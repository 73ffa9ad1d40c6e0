import { isRun, outcomes, slotFrom, slotUntil, type Outcome } from '../model/index.ts'
import { slotsOf, type Stretch } from './ledger.ts'

/** A time in which the configuration had a task with one period; `until` is null while it still does. */
export interface Span {
  readonly from: number
  readonly until: number | null
  readonly periodMs: number
}

export type OutcomeCounts = Readonly<Record<Outcome, number>>

export interface Coverage {
  readonly task: string
  readonly counts: OutcomeCounts
  /** All slots that have ended, but for those of maintenance windows, in which none was to be run. */
  readonly slots: number
  /** Runs of all of these, 0 to 1; undefined where none has. */
  readonly share: number | undefined
}

const silent = 'nothing was heard of it'

/** The parts of stretches that lie in `from` ≤ slot < `to`. */
export function clip(stretches: readonly Stretch[], from: number, to: number): readonly Stretch[] {
  const parts: Stretch[] = []
  for (const stretch of stretches) {
    if (stretch.to < from || stretch.from >= to) continue
    if (stretch.from >= from && stretch.to < to) {
      parts.push(stretch)
      continue
    }
    const { periodMs } = stretch
    const first = stretch.from + Math.max(0, Math.ceil((from - stretch.from) / periodMs)) * periodMs
    const last = stretch.from + Math.floor((Math.min(stretch.to, to - 1) - stretch.from) / periodMs) * periodMs
    if (first <= last) parts.push({ ...stretch, from: first, to: last })
  }
  return parts
}

/**
 * Slots that were due and of which nothing was heard by `heardBy`: they have ended as `lost`. A task needs a moment to reach its
 * agent and to be taken from it, so nothing is demanded in its first two periods (a minute at least) and its last.
 * @param stretches ascending; all that is known from `from` to `to`
 */
export function silentlyLost(
  task: string,
  spans: readonly Span[],
  stretches: readonly Stretch[],
  from: number,
  to: number,
  heardBy: number,
): readonly Stretch[] {
  const lost: Stretch[] = []
  for (const { from: begun, until, periodMs } of spans) {
    const first = slotFrom(task, periodMs, Math.max(from, begun + Math.max(2 * periodMs, 60_000)))
    const end = Math.min(to, heardBy, until === null ? Infinity : until - periodMs)
    const last = slotUntil(task, periodMs, end - 1)
    let next = first
    const add = (upTo: number): void => {
      if (next <= upTo) lost.push({ from: next, to: upTo, periodMs, outcome: 'lost', reason: silent, agent: '' })
    }
    for (const stretch of stretches) {
      // A slot that came before the configuration was known stands alone, and is heard of all the same.
      const isOfSeries =
        stretch.periodMs === periodMs || (stretch.from === stretch.to && (stretch.from - first) % periodMs === 0)
      if (!isOfSeries || stretch.to < next) continue
      if (stretch.from > last) break
      add(stretch.from - periodMs)
      next = Math.max(next, stretch.to + periodMs)
    }
    add(last)
  }
  return lost
}

export function noOutcomes(): Record<Outcome, number> {
  return { ran: 0, failed: 0, late: 0, skipped: 0, lost: 0, maintenance: 0, uncovered: 0 }
}

/** Counts slots by outcome. */
export function countOutcomes(task: string, stretches: readonly Stretch[]): Coverage {
  const counts = noOutcomes()
  for (const stretch of stretches) counts[stretch.outcome] += slotsOf(stretch)
  let slots = 0
  let runs = 0
  for (const outcome of outcomes) {
    // What was planned not to be run is no hole.
    if (outcome !== 'maintenance') slots += counts[outcome]
    if (isRun(outcome)) runs += counts[outcome]
  }
  return { task, counts, slots, share: slots === 0 ? undefined : runs / slots }
}
