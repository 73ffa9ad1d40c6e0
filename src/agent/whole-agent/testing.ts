import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../base/index.ts'
import type { AssignedTask, ServerLink } from '../../model/index.ts'
import { silentLog, systemClock } from '../../platform/index.ts'
import { startAgent } from '../agent.ts'

// A whole agent whose server is a file in the directory it is given: one line for each batch. Made to be killed.

const directory = process.argv[2]!
const file = join(directory, 'server')
const stored = new Map<string, number>()
try {
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { spool, to } = JSON.parse(line) as { spool: string; to: number }
    stored.set(spool, to)
  }
} catch {
  // The first start.
}

const tasks: AssignedTask[] = Array.from({ length: 20 }, (_, i) => ({
  id: `task ${i}`,
  connector: 'front',
  monitor: 'test.behave',
  settings: { how: 'well', ms: i },
  periodMs: 250,
  timeoutMs: 1_000,
}))

const link: ServerLink = {
  async assignment(known, signal) {
    if (known === undefined) {
      return {
        version: '1',
        connectors: [{ id: 'front', type: 'http', group: 'acme', settings: { name: 'front' } }],
        tasks,
        settings: {
          parallelTasks: 0,
          parallelPerTarget: 100,
          processTimeoutMs: 10_000,
          logLevel: 'info',
          logDurationMs: 0,
          leaseMs: null,
        },
      }
    }
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    return undefined
  },
  async upload({ spool, from, entries }) {
    const known = stored.get(spool) ?? from
    const to = Math.max(known, from + entries.length)
    const fresh = entries.slice(known - from)
    if (fresh.length > 0) appendFileSync(file, `${JSON.stringify({ spool, to, entries: fresh })}\n`)
    stored.set(spool, to)
    process.send?.(to)
    return { acknowledged: to, safe: to, pauseMs: 0 }
  },
}

const agent = await startAgent({
  uuid: '00000000-0000-4000-8000-000000000001',
  link,
  directory: join(directory, 'agent'),
  clock: systemClock,
  random: seededRandom(1),
  settings: { processes: 1, processMemoryMiB: 512, spoolMaxBytes: 16 * 1_048_576, spoolMaxAgeMs: 86_400_000 },
  monitoringProcess: new URL('../misbehaving/testing.ts', import.meta.url),
  targetOf: ({ id }) => id,
  log: silentLog,
})
process.on('message', () => void agent.stop().then(() => process.exit(0)))
