import type { RunResult, Slot } from '../model/index.ts'
import type { RunReport } from './process-messages.ts'

/** What a monitoring process told of a run, as it is stored. A run that failed is `failed`, however late it was. */
export function resultOf(task: string, slot: Slot, report: RunReport, isLate: boolean): RunResult {
  const { startedAt, durationMs, samples, facts, message, reason } = report
  return {
    kind: 'run',
    task,
    slot,
    outcome: reason !== undefined ? 'failed' : isLate ? 'late' : 'ran',
    startedAt: Math.round(startedAt),
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    samples,
    ...(facts === undefined ? {} : { facts }),
  }
}
