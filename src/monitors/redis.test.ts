import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StatementRefused, type RedisClient, type RedisReply } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import redis from './redis.ts'

/** Answers by the whole command. */
function server(answers: Readonly<Record<string, RedisReply | Error>>): RedisClient {
  return {
    target: 'cache1:6379',
    session: (_, use) =>
      use({
        connect: 3,
        read: async (...command) => {
          const answer = answers[command.join(' ')] ?? null
          if (answer instanceof Error) throw answer
          return answer
        },
      }),
  }
}

// From a Redis 7.0.15 that follows another and has one replica of its own, without what is not read.
const healthy = `# Server
redis_version:7.0.15
redis_mode:standalone
server_time_usec:1796000060000000
uptime_in_seconds:86400

# Clients
connected_clients:12
cluster_connections:0
maxclients:10000
blocked_clients:2

# Memory
used_memory:134217728
used_memory_rss:161061273
maxmemory:268435456
mem_fragmentation_ratio:1.20

# Persistence
loading:0
rdb_changes_since_last_save:17
rdb_last_save_time:1796000000
rdb_last_bgsave_status:ok
aof_enabled:1
aof_last_bgrewrite_status:ok
aof_last_write_status:ok

# Stats
total_commands_processed:1200
total_net_input_bytes:3000
total_net_output_bytes:9000
rejected_connections:0
expired_keys:5
evicted_keys:0
keyspace_hits:1900
keyspace_misses:100

# Replication
role:slave
master_link_status:up
master_last_io_seconds_ago:1
connected_slaves:1
slave0:ip=10.0.0.6,port=6379,state=online,offset=900,lag=0
master_repl_offset:1000

# Cluster
cluster_enabled:1

# Keyspace
db0:keys=40,expires=4,avg_ttl=0
`.replaceAll('\n', '\r\n')

const answers = {
  INFO: healthy,
  'SLOWLOG LEN': 3,
  'CLUSTER INFO': 'cluster_state:ok\r\ncluster_slots_fail:0\r\n',
  'TYPE jobs': 'stream',
  'XLEN jobs': 8,
}

test('reports memory, clients, replication, persistence, the cluster and lengths', async () => {
  const previous = { hits: 1_000, misses: 0 }
  const seen = await collectOnce(redis, { keys: ['jobs'] }, { client: server(answers), previous })
  expectSound(redis, seen)
  expect([seen.metrics, seen.facts, judgedBy(redis, seen)]).toEqual([
    {
      connect: 3,
      uptime: 86_400,
      memory_used: 134_217_728,
      memory_max: 268_435_456,
      memory_used_percent: 50,
      memory_rss: 161_061_273,
      fragmentation: 1.2,
      clients: 12,
      clients_used: 0.12,
      clients_blocked: 2,
      rejected: 0,
      commands: 1200,
      evicted: 0,
      expired: 5,
      hits: 90,
      received: 3000,
      sent: 9000,
      slow_commands: 3,
      replica: 1,
      replicas: 1,
      replication_link: 1,
      snapshot_failed: 0,
      snapshot_age: 60,
      snapshot_changes: 17,
      log_failed: 0,
      loading: 0,
      cluster_failed: 0,
      cluster_slots_failed: 0,
      replication_lag: [
        { labels: { replica: '10.0.0.6:6379' }, value: 0 },
        { labels: { replica: 'here' }, value: 1 },
      ],
      replication_lag_bytes: [{ labels: { replica: '10.0.0.6:6379' }, value: 100 }],
      keys: [{ labels: { database: 'db0' }, value: 40 }],
      keys_expiring: [{ labels: { database: 'db0' }, value: 4 }],
      length: [{ labels: { key: 'jobs' }, value: 8 }],
    },
    { version: '7.0.15', role: 'slave', mode: 'standalone' },
    {},
  ])
})

// what INFO says instead → the rule that raises, and how
const troubles: [string, string, string, string][] = [
  ['used_memory:134217728', 'used_memory:268435456', 'memory full', 'CRITICAL'],
  ['connected_clients:12', 'connected_clients:9000', 'clients used up', 'WARNING'],
  ['mem_fragmentation_ratio:1.20', 'mem_fragmentation_ratio:1.61', 'memory fragmented', 'INFO'],
  ['master_link_status:up', 'master_link_status:down', 'replication broken', 'CRITICAL'],
  ['lag=0', 'lag=61', 'replication lag', 'WARNING'],
  ['rdb_last_bgsave_status:ok', 'rdb_last_bgsave_status:err', 'snapshot failed', 'MAJOR'],
  ['aof_last_write_status:ok', 'aof_last_write_status:err', 'log not written', 'CRITICAL'],
  ['loading:0', 'loading:1', 'still loading', 'WARNING'],
  ['uptime_in_seconds:86400', 'uptime_in_seconds:4', 'restarted', 'INFO'],
]
test.each(troubles)('%s → %s raises', async (was, is, rule, severity) => {
  const client = server({ ...answers, INFO: healthy.replace(was, is) })
  expect(judgedBy(redis, await collectOnce(redis, {}, { client }))).toEqual({ [rule]: severity })
})

// what a Sentinel says of a primary → what raises
const primaries: [string, Record<string, string>][] = [
  ['name=shop,status=ok,address=10.0.0.5:6379,slaves=2,sentinels=3', {}],
  ['name=shop,status=sdown,address=10.0.0.5:6379,slaves=2,sentinels=3', { 'primary down': 'CRITICAL' }],
  ['name=shop,status=ok,address=10.0.0.5:6379,slaves=0,sentinels=1', { 'too few Sentinels': 'WARNING' }],
]
test.each(primaries)('a Sentinel sees %s', async (primary, raised) => {
  const said = (tilt: number) =>
    `# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n# Sentinel\r\nsentinel_masters:1\r\nsentinel_tilt:${tilt}\r\nmaster0:${primary}\r\n`
  const look = (tilt: number) =>
    // It keeps no slow log, and is not asked for one.
    collectOnce(
      redis,
      {},
      { client: server({ INFO: said(tilt), 'SLOWLOG LEN': new StatementRefused('ERR', 'unknown') }) },
    )
  const seen = await look(0)
  expectSound(redis, seen)
  expect([seen.facts?.['mode'], seen.message, judgedBy(redis, seen), judgedBy(redis, await look(1))]).toEqual([
    'sentinel',
    undefined,
    raised,
    { ...raised, 'Sentinel holds still': 'WARNING' },
  ])
})

test('what the server says no to is left out with its words', async () => {
  const no = new StatementRefused('NOPERM', 'NOPERM this user has no permissions')
  const seen = await collectOnce(
    redis,
    { keys: ['jobs'] },
    { client: server({ ...answers, 'SLOWLOG LEN': no, 'TYPE jobs': no }) },
  )
  expect([seen.message, seen.metrics['slow_commands'], seen.metrics['clients']]).toEqual([
    'left out: SLOWLOG LEN (NOPERM this user has no permissions); TYPE jobs (NOPERM this user has no permissions)',
    undefined,
    12,
  ])
})

test('an answer without anything in it is a failure', async () => {
  const seen = await collectOnce(redis, {}, { client: server({ INFO: '' }) })
  expect(seen.failure?.message).toBe('cache1:6379 answers INFO with nothing')
})

test('a damaged INFO gives sound values or none', async () => {
  const damage = fc.array(fc.tuple(fc.nat(healthy.length), fc.nat(9), fc.string({ maxLength: 6 })), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(damage, fc.anything(), async (cuts, previous) => {
      let info = healthy
      for (const [at, length, put] of cuts) info = info.slice(0, at) + put + info.slice(at + length)
      expectSound(redis, await collectOnce(redis, {}, { client: server({ ...answers, INFO: info }), previous }))
    }),
    { numRuns: 60 },
  )
})

test('what is counted raises when it grows, and so does a cluster that lacks something', async () => {
  const look = (more: Readonly<Record<string, RedisReply>> = {}) =>
    collectOnce(redis, {}, { client: server({ ...answers, ...more }) })
  const before = await look()
  const grown = healthy
    .replace('rejected_connections:0', 'rejected_connections:2')
    .replace('evicted_keys:0', 'evicted_keys:9')
  expect([
    judgedBy(redis, await look({ INFO: grown }), before),
    judgedBy(redis, await look({ 'CLUSTER INFO': 'cluster_state:fail\r\ncluster_slots_fail:3\r\n' }), before),
    judgedBy(redis, await look(), before),
  ]).toEqual([
    { 'connections rejected': 'MAJOR', 'keys evicted': 'WARNING' },
    { 'cluster down': 'CRITICAL', 'slots not served': 'CRITICAL' },
    {},
  ])
})
