import { silentLog, systemClock } from '../../platform/index.ts'
import { Pool } from '../pool.ts'

// Owns a pool whose only process spins for ever, and tells its parent that process's id; made to be killed.

const pool = new Pool({
  module: new URL('../misbehaving/testing.ts', import.meta.url),
  processes: 1,
  processMemoryMiB: 512,
  graceMs: 500,
  clock: systemClock,
  log: silentLog,
  tell: (event) => {
    if (event.event === 'process started') process.send?.(event.pid)
  },
})
pool.run(
  {
    task: {
      id: 'a',
      connector: 'b',
      monitor: 'test.behave',
      settings: { how: 'spin', ms: 0 },
      periodMs: 60_000,
      timeoutMs: 60_000,
    },
    connector: { id: 'b', type: 'http', group: '', settings: {} },
    slot: systemClock.now(),
    timeoutMs: 60_000,
    beginBefore: Infinity,
  },
  () => undefined,
)
