import type { GapRecord } from '../model/index.ts'
import type { KnownTask } from './known-tasks.ts'
import { slotsBetween } from './schedule.ts'
import type { Recovered } from './spool.ts'

/** One moment by both clocks. */
export interface Moment {
  /** Server time, epoch milliseconds. */
  readonly wall: number
  /** Monotonic milliseconds. */
  readonly elapsed: number
}

/** A wall clock that differs by more from the monotonic one was set; what is below is measuring it anew. */
export const jumpMs = 1_000
/** A slot taken before a sudden end may have waited, run, and been made again; its trace may be that much older than the sign of life. */
const inFlightMarginMs = 60_000

/**
 * Up to when an agent was absent: slots before are to be recorded, the others fell due to it.
 *
 * Not before its own beginning by the clock of then: from there on its schedule gives out slots, so an end a moment earlier, as a monotonic
 * clock with fractions or a better measured server time tells, would leave slots to nobody. Where the clock of then was far ahead, what was
 * run has the names of other slots, and those of that time are still empty.
 *
 * @param began when the first assignment came into force @param now when the server was heard
 */
export function absentUntil(began: Moment, now: Moment): number {
  const ranMs = now.elapsed - began.elapsed
  const wasAhead = now.wall - began.wall < ranMs - jumpMs
  return wasAhead ? now.wall : Math.max(began.wall, now.wall - ranMs)
}

/** How far before the last sign of life a slot may lie of which nothing is known: its run was under way. Milliseconds. */
export function reachMs(known: Iterable<KnownTask>): number {
  let longestMs = 0
  for (const { timeoutMs } of known) longestMs = Math.max(longestMs, timeoutMs)
  return 2 * longestMs + inFlightMarginMs
}

/**
 * What a sign of life says: now, but where something is owed from further back than the next life would look, since the clock was set or
 * the process stood still, the moment of that. Said otherwise, an end within that second would leave those slots to nobody.
 *
 * @param owedSince the earliest moment of which not everything is durable; server time, as `now`
 */
export function aliveAt(now: number, owedSince: number, known: Iterable<KnownTask>): number {
  const isFarBack = now - owedSince > inFlightMarginMs && now - owedSince > reachMs(known)
  return isFarBack ? owedSince : now
}

/**
 * Every slot between the last sign of life and the first run. It reaches back over runs that were in flight, but not to before the task was
 * run here; slots that have a result already keep it.
 *
 * @param known what was run before the end @param until server time; slots from then on are not the absence's
 */
export function absence(
  known: readonly KnownTask[],
  { lastAlive, damaged }: Recovered,
  until: number,
): readonly GapRecord[] {
  const marginMs = reachMs(known)
  const gaps: GapRecord[] = []
  for (const task of known) {
    const reach = (from: number) => Math.max(task.since, from - marginMs)
    for (const { from, to } of damaged) {
      const slots = slotsBetween(task, reach(from), Math.min(to, until - 1))
      if (slots !== undefined)
        gaps.push({ kind: 'gap', ...slots, outcome: 'lost', reason: 'lost: the spool was damaged' })
    }
    const slots = lastAlive === undefined ? undefined : slotsBetween(task, reach(lastAlive), until - 1)
    if (slots !== undefined) gaps.push({ kind: 'gap', ...slots, outcome: 'skipped', reason: 'stopped' })
  }
  return gaps
}
