/**
 * How a slot ended. The first three are runs; the others are records of a slot without one.
 *
 * - `ran`         the monitor ran in time and measured its target
 * - `failed`      the monitor ran and could not measure: refused, timed out, killed, wrong credentials; the reason says which
 * - `late`        the monitor ran and measured, but began later than half a period after its time
 * - `skipped`     not run: overload, the run before was still going, or the machine slept
 * - `lost`        a gap record: it may have run, but the result is gone
 * - `maintenance` not run or not judged because of a maintenance window
 * - `uncovered`   no agent was there to run it
 */
export const outcomes = ['ran', 'failed', 'late', 'skipped', 'lost', 'maintenance', 'uncovered'] as const
export type Outcome = (typeof outcomes)[number]
export type RunOutcome = 'ran' | 'failed' | 'late'

export function isRun(outcome: Outcome): outcome is RunOutcome {
  return outcome === 'ran' || outcome === 'failed' || outcome === 'late'
}
