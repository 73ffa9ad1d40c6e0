import { randomUUID } from 'node:crypto'
import { systemClock, systemDisk } from '../../platform/index.ts'
import { Spool } from '../spool.ts'

// Appends results to the spool of a directory without end, and tells its parent how many are durable; made to be killed.

const spool = await Spool.open({
  disk: systemDisk,
  newId: () => randomUUID(),
  directory: process.argv[2]!,
  maxBytes: 64 * 1_048_576,
  maxAgeMs: 86_400_000,
  clock: systemClock,
  tell: () => undefined,
  periodOf: () => 60_000,
})
spool.beginLife(() => systemClock.now())
let count = 0
for (
  let slice = await spool.read(count, 2_000);
  slice !== undefined;
  slice = await spool.read(slice.from + slice.entries.length, 2_000)
)
  count += slice.entries.length
spool.onDurable(() => process.send?.(count))
for (;;) {
  const entries = Array.from({ length: 100 }, (_, i) => ({
    kind: 'run' as const,
    task: 'a',
    slot: count + i,
    outcome: 'ran' as const,
    startedAt: count + i,
    durationMs: 1,
    samples: [],
  }))
  spool.append(entries)
  count += entries.length
  await spool.flush()
}
