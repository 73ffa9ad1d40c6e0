import { defineMonitor, type Item, type MongodbDocument, type MongodbSession } from '../sdk/index.ts'
import { numberAt, objectOf, objectsOf, textAt, valueAt } from './formats/json.ts'
import { measured, numbersBefore, shareOf } from './formats/measured.ts'
import { Parts } from './formats/parts.ts'

/** States of members by the number that the server gives them. */
const states: Readonly<Record<number, string>> = {
  0: 'STARTUP',
  1: 'PRIMARY',
  2: 'SECONDARY',
  3: 'RECOVERING',
  5: 'STARTUP2',
  6: 'UNKNOWN',
  7: 'ARBITER',
  8: 'DOWN',
  9: 'ROLLBACK',
  10: 'REMOVED',
}
const healthyStates = new Set([1, 2, 7])

/**
 * One server of MongoDB in one short session.
 *
 * Default thresholds: 80 and 95 % of the connections, 60 and 300 s of replication lag; 95 % of the cache in use and 20 % of it not yet written
 * are where WiredTiger makes clients wait while it clears up.
 */
export default defineMonitor({
  id: 'mongodb',
  title: 'MongoDB',
  summary: 'Connections, replica set, queues, cache, operations, cursors, asserts and sizes of one server.',
  connector: 'mongodb',
  settings: {
    sizes: {
      kind: 'flag',
      label: 'Sizes of databases',
      help: 'The server looks at every file for this, which takes long with very many collections.',
      default: true,
    },
  },
  metrics: {
    connect: { title: 'Time until a session was ready', unit: 'ms' },
    uptime: { title: 'Time since the server started', unit: 's' },
    connections: { title: 'Connections', unit: '' },
    connections_used: { title: 'Connections of the possible number', unit: '%' },
    memory_resident: { title: 'Memory the system gave', unit: 'B' },
    queue: { title: 'Operations that wait for a lock', unit: '', items: ['kind'] },
    operations: { title: 'Operations of clients', unit: '', kind: 'counter', items: ['kind'] },
    operation_latency: { title: 'Average time of an operation since the run before', unit: 'ms', items: ['kind'] },
    operations_slow: { title: 'Operations that have run for ten seconds and more', unit: '' },
    operation_longest: { title: 'Longest operation at work', unit: 's' },
    asserts: { title: 'Asserts', unit: '', kind: 'counter', items: ['kind'] },
    cursors_open: { title: 'Open cursors', unit: '' },
    cursors_timed_out: { title: 'Cursors that nobody fetched from any more', unit: '', kind: 'counter' },
    cache_used: { title: 'Cache in use', unit: '%' },
    cache_dirty: { title: 'Cache not yet written', unit: '%' },
    tickets_used: { title: 'Operations at once, of the allowed number', unit: '%', items: ['kind'] },
    received: { title: 'Received', unit: 'B', kind: 'counter' },
    sent: { title: 'Sent', unit: 'B', kind: 'counter' },
    primary_known: { title: 'The set has a primary (1) or not (0), as this member sees it', unit: '' },
    member_healthy: { title: 'A member is primary, secondary or arbiter (1) or not (0)', unit: '', items: ['member'] },
    replication_lag: { title: 'How far a member is behind the primary', unit: 's', items: ['member'] },
    database_size: { title: 'Size of the database on disk', unit: 'B', items: ['database'] },
  },
  period: '1m',
  timeout: '15s',
  tested: 'schema only',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'connections used up', metric: 'connections_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'no primary', metric: 'primary_known', thresholds: { CRITICAL: '< 1' }, for: '1m' },
    { name: 'member not healthy', metric: 'member_healthy', thresholds: { MAJOR: '< 1' }, for: '1m' },
    {
      name: 'replication lag',
      metric: 'replication_lag',
      thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' },
      for: '1m',
    },
    { name: 'operations queue', metric: 'queue', thresholds: { WARNING: '> 50', CRITICAL: '> 200' }, for: '5m' },
    { name: 'tickets used up', metric: 'tickets_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'cache full', metric: 'cache_used', thresholds: { WARNING: '> 95%' }, for: '5m' },
    { name: 'cache not written', metric: 'cache_dirty', thresholds: { MAJOR: '> 20%' }, for: '5m' },
    { name: 'long operation', metric: 'operation_longest', thresholds: { WARNING: '> 10m', MAJOR: '> 1h' } },
    { name: 'server errors', metric: 'asserts', items: { kind: 'regular' }, thresholds: { MAJOR: '> 0/s' } },
    { name: 'restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs:
    'A user with the role `clusterMonitor`, which shows all of it. What a missing privilege hides is left out, and the result says so.',
  grant: `use admin
db.createUser({ user: 'farwatch', pwd: 'PASSWORD', roles: ['clusterMonitor'] })`,
  thresholdsFrom:
    'Connections 80 and 95 %, lag 60 and 300 s: the usual rules for mongodb_exporter. Cache 95 % and 20 %: the triggers in WiredTiger’s documentation. The others: our own judgement.',
  tryIt:
    'Stop a secondary of a test set: “member not healthy” raises after a minute. `db.fsyncLock()` on one makes its lag grow.',
  async collect({ sizes }, { client, signal, previous, remember }) {
    return client.session(signal, async (session) => {
      const parts = new Parts()
      const hello = (await parts.read('hello', () => session.read('hello'))) ?? {}
      const status = (await parts.read('serverStatus', () => session.read('serverStatus'))) ?? {}
      const inSet = typeof hello['setName'] === 'string'
      const set = inSet ? await parts.read('replSetGetStatus', () => session.read('replSetGetStatus')) : undefined
      const slow = await parts.read('currentOp', () => session.read('slowOperations'))
      const databases = sizes ? await parts.read('listDatabases', () => session.read('listDatabases')) : undefined
      const version = textAt(status, 'version') ?? (await versionOf(parts, session))
      const latencies = latenciesOf(status)
      remember(latencies)
      const running = objectsOf(slow?.['inprog'], 1_000).map((one) => numberAt(one, 'secs_running') ?? 0)
      const { missing } = parts
      return {
        metrics: {
          connect: session.connect,
          ...measured({
            uptime: numberAt(status, 'uptime'),
            ...connectionsOf(status),
            memory_resident: inMebibytes(numberAt(status, 'mem', 'resident')),
            operations_slow: slow === undefined ? undefined : running.length,
            operation_longest: slow === undefined ? undefined : Math.max(0, ...running),
            cursors_open: numberAt(status, 'metrics', 'cursor', 'open', 'total'),
            cursors_timed_out: numberAt(status, 'metrics', 'cursor', 'timedOut'),
            cache_used: shareOf(
              numberAt(status, 'wiredTiger', 'cache', 'bytes currently in the cache'),
              numberAt(status, 'wiredTiger', 'cache', 'maximum bytes configured'),
            ),
            cache_dirty: shareOf(
              numberAt(status, 'wiredTiger', 'cache', 'tracked dirty bytes in the cache'),
              numberAt(status, 'wiredTiger', 'cache', 'maximum bytes configured'),
            ),
            received: numberAt(status, 'network', 'bytesIn'),
            sent: numberAt(status, 'network', 'bytesOut'),
          }),
          queue: numbersIn(status, 'globalLock', 'currentQueue').filter(({ labels }) => labels['kind'] !== 'total'),
          operations: numbersIn(status, 'opcounters'),
          operation_latency: averages(numbersBefore(previous), latencies),
          asserts: numbersIn(status, 'asserts').filter(({ labels }) => labels['kind'] !== 'rollovers'),
          tickets_used: ticketsOf(status),
          ...setMetrics(set),
          database_size: objectsOf(databases?.['databases'], 1_000).flatMap((one) => {
            const value = numberAt(one, 'sizeOnDisk')
            return value === undefined ? [] : [{ labels: { database: textAt(one, 'name') ?? 'unknown' }, value }]
          }),
        },
        facts: {
          version,
          role: roleOf(hello, set),
          ...(inSet ? { set: textAt(hello, 'setName') ?? 'unknown' } : {}),
        },
        ...(missing.length === 0 ? {} : { message: `left out: ${missing.join('; ')}`.slice(0, 900) }),
      }
    })
  },
})

async function versionOf(parts: Parts, session: MongodbSession): Promise<string> {
  const build = await parts.read('buildInfo', () => session.read('buildInfo'))
  return build === undefined ? 'unknown' : (textAt(build, 'version') ?? 'unknown')
}

/** Every number of a document, by its field's name. */
function numbersIn(document: MongodbDocument, ...path: readonly string[]): Item[] {
  const found = objectOf(valueAt(document, ...path)) ?? {}
  return Object.keys(found)
    .slice(0, 50)
    .flatMap((kind) => {
      const value = numberAt(found, kind)
      return value === undefined ? [] : [{ labels: { kind }, value }]
    })
}

function inMebibytes(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1024 * 1024
}

function connectionsOf(status: MongodbDocument) {
  const connections = numberAt(status, 'connections', 'current')
  const available = numberAt(status, 'connections', 'available')
  return {
    connections,
    connections_used:
      connections === undefined || available === undefined ? undefined : shareOf(connections, connections + available),
  }
}

/** Since version 7 under `queues`, where the server adjusts the number by itself. */
function ticketsOf(status: MongodbDocument): Item[] {
  return ['read', 'write'].flatMap((kind) => {
    const places = [
      ['queues', 'execution', kind],
      ['wiredTiger', 'concurrentTransactions', kind],
    ]
    for (const place of places) {
      const value = shareOf(numberAt(status, ...place, 'out'), numberAt(status, ...place, 'totalTickets'))
      if (value !== undefined) return [{ labels: { kind }, value }]
    }
    return []
  })
}

/** `reads`, `reads.latency`, …: how many there were, and their microseconds together. */
function latenciesOf(status: MongodbDocument): Readonly<Record<string, number>> {
  const known: Record<string, number> = {}
  for (const kind of ['reads', 'writes', 'commands']) {
    const ops = numberAt(status, 'opLatencies', kind, 'ops')
    const latency = numberAt(status, 'opLatencies', kind, 'latency')
    if (ops !== undefined && latency !== undefined) Object.assign(known, { [kind]: ops, [`${kind}.latency`]: latency })
  }
  return known
}

function averages(before: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): Item[] {
  return ['reads', 'writes', 'commands'].flatMap((kind) => {
    const ops = (now[kind] ?? Number.NaN) - (before[kind] ?? Number.NaN)
    const microseconds = (now[`${kind}.latency`] ?? Number.NaN) - (before[`${kind}.latency`] ?? Number.NaN)
    return ops >= 1 && microseconds >= 0 ? [{ labels: { kind }, value: microseconds / ops / 1_000 }] : []
  })
}

function setMetrics(set: MongodbDocument | undefined) {
  const members = objectsOf(set?.['members'], 50)
  const primary = members.find((member) => numberAt(member, 'state') === 1)
  const written = numberAt(primary, 'optimeDate')
  const healthy = new Map<string, Item>()
  const lag = new Map<string, Item>()
  for (const member of members) {
    const labels = { member: textAt(member, 'name') ?? 'unknown' }
    const state = numberAt(member, 'state')
    const isHealthy = numberAt(member, 'health') !== 0 && state !== undefined && healthyStates.has(state)
    healthy.set(labels.member, { labels, value: isHealthy ? 1 : 0 })
    // One that was not heard of is not behind by what it last said.
    const read = numberAt(member, 'optimeDate')
    if (state === 2 && isHealthy && written !== undefined && read !== undefined)
      lag.set(labels.member, { labels, value: Math.max(0, (written - read) / 1_000) })
  }
  return {
    ...(set === undefined || members.length === 0 ? {} : { primary_known: primary === undefined ? 0 : 1 }),
    member_healthy: [...healthy.values()],
    replication_lag: [...lag.values()],
  }
}

function roleOf(hello: MongodbDocument, set: MongodbDocument | undefined): string {
  if (hello['msg'] === 'isdbgrid') return 'router'
  const state = numberAt(set, 'myState')
  if (state !== undefined) return (states[state] ?? 'unknown').toLowerCase()
  if (typeof hello['setName'] !== 'string') return 'alone'
  return hello['isWritablePrimary'] === true ? 'primary' : hello['arbiterOnly'] === true ? 'arbiter' : 'secondary'
}
