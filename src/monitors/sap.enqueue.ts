import { defineMonitor, type Item, type SapRow } from '../sdk/index.ts'
import { measured, shareOf } from './formats/measured.ts'
import { colourOf, colourTitle, numberOf, spared, unprotected, userNeeded } from './formats/sap.ts'

const requests = {
  enqueue_requests: 'Lock requests',
  enqueue_rejects: 'Lock requests that were rejected, because somebody else held the lock',
  enqueue_errors: 'Lock requests that failed',
  dequeue_requests: 'Release requests',
  dequeue_errors: 'Release requests that failed',
  dequeue_all_requests: 'Requests to release all locks of an owner',
  cleanup_requests: 'Requests to release all locks of an application server',
  backup_requests: 'Requests to keep locks for the update',
  reporting_requests: 'Readings of the lock table',
  compress_requests: 'Internal compressions',
  verify_requests: 'Internal verifications',
} as const

const tables = ['owner', 'arguments', 'locks'] as const

/** The lock server of a system, as its own statistics show it. It is in the central services (ASCS), not in dialog instances. */
export default defineMonitor({
  id: 'sap.enqueue',
  title: 'SAP lock server',
  summary: 'Fill levels, requests, rejections, errors, waiting times and replication of the enqueue server.',
  connector: 'sapcontrol',
  settings: {},
  metrics: {
    now: { title: 'Entries in use', unit: '', items: ['table'] },
    high: { title: 'Most entries that were ever in use', unit: '', items: ['table'] },
    max: { title: 'Entries there can be', unit: '', items: ['table'] },
    fill: { title: 'Entries in use, of those there can be', unit: '%', items: ['table'] },
    state: { title: `State of the tables and the replication: ${colourTitle}`, unit: '', items: ['part'] },
    requests: {
      title: 'Requests and errors by kind, as the server counts them',
      unit: '',
      kind: 'counter',
      items: ['kind'],
    },
    errors: { title: 'Lock and release requests that failed', unit: '', kind: 'counter' },
    rejects: { title: requests.enqueue_rejects, unit: '', kind: 'counter' },
    lock_time: { title: 'Time spent in lock operations', unit: 's', kind: 'counter' },
    lock_wait_time: { title: 'Time that work processes waited for the lock table', unit: 's', kind: 'counter' },
    server_time: { title: 'Time spent in lock operations by all processes of the server', unit: 's', kind: 'counter' },
  },
  period: '1m',
  timeout: '15s',
  tested: 'recorded data',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'table fills', metric: 'fill', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'lock errors', metric: 'errors', thresholds: { WARNING: '> 0/s' } },
    { name: 'lock server yellow', metric: 'state', thresholds: { WARNING: '== 3' } },
    { name: 'lock server red', metric: 'state', thresholds: { CRITICAL: '>= 4' } },
  ],
  needs: userNeeded('The instance of the central services (ASCS). To see its statistics:'),
  grant: unprotected('EnqGetStatistic'),
  thresholdsFrom: 'Our own judgement; the colours are the server’s own.',
  tryIt: '`farwatch check sap.enqueue --set host=… --set instance=… --set username=… --set secret=…`',
  async collect(_, { client, signal }) {
    const seen = await client.read('EnqGetStatistic', signal)
    if (seen.is === 'not asked') return spared(seen)
    const row = seen.rows[0]
    if (row === undefined) return { metrics: {}, message: 'the server has no statistics' }
    const number = (field: keyof SapRow<'EnqGetStatistic'>) => numberOf(row[field])
    const byTable = (what: 'now' | 'high' | 'max') => items('table', tables, (table) => number(`${table}-${what}`))
    const errors = [number('enqueue-errors'), number('dequeue-errors')].filter((one) => one !== undefined)
    return {
      metrics: measured({
        now: byTable('now'),
        high: byTable('high'),
        max: byTable('max'),
        fill: items('table', tables, (table) => shareOf(number(`${table}-now`), number(`${table}-max`))),
        state: items('part', [...tables, 'replication'] as const, (part) => colourOf(row[`${part}-state`])),
        // The names are those of the fields, but for the dashes.
        requests: items('kind', Object.keys(requests), (kind) =>
          number(kind.replaceAll('_', '-') as keyof SapRow<'EnqGetStatistic'>),
        ),
        errors: errors.length === 0 ? undefined : errors.reduce((sum, one) => sum + one, 0),
        rejects: number('enqueue-rejects'),
        lock_time: number('lock-time'),
        lock_wait_time: number('lock-wait-time'),
        server_time: number('server-time'),
      }),
      message: `${row['locks-now'] ?? '?'} locks of ${row['owner-now'] ?? '?'} owners`,
    }
  },
})

function items<T extends string>(label: string, names: readonly T[], value: (name: T) => number | undefined): Item[] {
  return names.flatMap((name) => {
    const read = value(name)
    return read === undefined ? [] : [{ labels: { [label]: name }, value: read }]
  })
}
