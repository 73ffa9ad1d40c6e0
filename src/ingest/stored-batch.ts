import {
  outcomes,
  type GapRecord,
  type RunOutcome,
  type RunResult,
  type Sample,
  type SpoolEntry,
} from '../model/index.ts'
import { lateBit, type LogRow } from './log-format.ts'
import { isolatedBit, type RunNote } from './packed-upload.ts'
import type { StoredBatch } from './result-log.ts'
import type { SampleSink } from './sample-sink.ts'
import type { TaskBook } from './task-book.ts'

/** A row of the log as consumers see it. */
export function storedBatch(
  position: number,
  { at, agent, runs, gaps, notes, loose }: LogRow,
  tasks: TaskBook,
  samples: Pick<SampleSink, 'definition'>,
): StoredBatch {
  const noteOf = new Map<number, RunNote>(notes)
  const entries: SpoolEntry[] = []
  let nextGap = 0
  for (let i = 0; i <= runs.count; i++) {
    for (; nextGap < gaps.length && gaps[nextGap]!.before <= i; nextGap++) {
      const { task, gap, late } = gaps[nextGap]!
      const entry: GapRecord & { late?: true } = {
        kind: 'gap',
        task: tasks.numbered(task)?.id ?? '',
        ...gap,
        ...(late ? { late } : {}),
      }
      entries.push(entry)
    }
    if (i === runs.count) break
    const code = runs.codes[i]!
    const ofRun: Sample[] = []
    for (let s = runs.samplesFrom[i]!; s < runs.samplesFrom[i + 1]!; s++) {
      const number = runs.series[s]!
      const definition = number < 0 ? loose[-1 - number] : samples.definition(number)
      if (definition === undefined) continue
      const { name, labels, unit, kind } = definition
      ofRun.push({ name, labels, value: runs.values[s]!, unit, ...(kind === undefined ? {} : { kind }) })
    }
    const { reason, ...note } = noteOf.get(i) ?? {}
    const entry: RunResult & { late?: true } = {
      kind: 'run',
      task: tasks.numbered(runs.tasks[i]!)?.id ?? '',
      slot: runs.slots[i]!,
      outcome: outcomes[code & 3] as RunOutcome,
      startedAt: runs.startedAt[i]!,
      durationMs: runs.durations[i]!,
      ...note,
      // It came as a FailureReason, and is one again.
      ...(reason === undefined ? {} : { reason: reason as NonNullable<RunResult['reason']> }),
      samples: ofRun,
      ...((code & isolatedBit) > 0 ? { isolated: true as const } : {}),
      ...((code & lateBit) > 0 ? { late: true as const } : {}),
    }
    entries.push(entry)
  }
  return { position, at, agent, entries }
}
