import { defineMonitor, StatementRefused, type Item, type RedisReading, type RedisSession } from '../sdk/index.ts'
import { measured, numbersBefore, shareOf, shareSince } from './formats/measured.ts'
import { numberOf, parseRedisInfo, partsOf, type RedisInfo } from './formats/redis-info.ts'

/** How many entries a key holds, by the type that the server says it has. Texts hold none; a key that is missing holds 0. */
const lengths = { list: 'LLEN', stream: 'XLEN', set: 'SCARD', zset: 'ZCARD', hash: 'HLEN' } as const

/** Below this much memory the allocator's own needs make every ratio look bad. */
const speakingMemory = 64 * 1024 * 1024

/**
 * A Redis server in one short session that sends INFO and little more; or a Sentinel, which says of itself what it has, and of primaries what it sees.
 *
 * Default thresholds: 80 and 95 % of memory and clients, 60 and 300 s of replication lag; a fragmentation of 1.5 is where Redis' own
 * memory doctor begins to speak.
 */
export default defineMonitor({
  id: 'redis',
  title: 'Redis',
  summary:
    'Memory, clients, evictions, hits, replication, persistence, databases, the cluster, lengths of queues, and what a Sentinel sees.',
  connector: 'redis',
  settings: {
    keys: {
      kind: 'list',
      label: 'Keys whose length is measured',
      help: 'Lists, streams, sets and hashes by their whole name, for queues above all. In the connector’s database.',
      of: { kind: 'text', label: 'Key', maxLength: 200, example: 'queue:default' },
      maxItems: 50,
      default: [],
    },
  },
  metrics: {
    connect: { title: 'Time until a session was ready', unit: 'ms' },
    uptime: { title: 'Time since the server started', unit: 's' },
    memory_used: { title: 'Memory of the data', unit: 'B' },
    memory_max: { title: 'Memory allowed', unit: 'B' },
    memory_used_percent: { title: 'Memory of the allowed', unit: '%' },
    memory_rss: { title: 'Memory the system gave', unit: 'B' },
    fragmentation: { title: 'Memory the system gave, as a multiple of the data; from 64 MiB of data', unit: '' },
    clients: { title: 'Clients', unit: '' },
    clients_used: { title: 'Clients of the allowed number', unit: '%' },
    clients_blocked: { title: 'Clients that wait in a blocking command', unit: '' },
    rejected: { title: 'Connections rejected, too many clients', unit: '', kind: 'counter' },
    commands: { title: 'Commands', unit: '', kind: 'counter' },
    evicted: { title: 'Keys evicted for lack of memory', unit: '', kind: 'counter' },
    expired: { title: 'Keys expired', unit: '', kind: 'counter' },
    hits: { title: 'Keys looked up and found since the run before', unit: '%' },
    received: { title: 'Received', unit: 'B', kind: 'counter' },
    sent: { title: 'Sent', unit: 'B', kind: 'counter' },
    slow_commands: { title: 'Commands in the slow log', unit: '' },
    replica: { title: 'This server is a replica (1) or not (0)', unit: '' },
    replicas: { title: 'Replicas connected', unit: '' },
    replication_link: { title: 'The link to the primary is up (1) or down (0)', unit: '' },
    replication_link_down: { title: 'Time since the link to the primary broke', unit: 's' },
    replication_lag: { title: 'Time since a replica was last heard', unit: 's', items: ['replica'] },
    replication_lag_bytes: { title: 'How far a replica is behind', unit: 'B', items: ['replica'] },
    snapshot_failed: { title: 'The last snapshot failed (1) or not (0)', unit: '' },
    snapshot_age: { title: 'Time since the last snapshot', unit: 's' },
    snapshot_changes: { title: 'Changes since the last snapshot', unit: '' },
    log_failed: { title: 'The append-only file could not be written (1) or could (0)', unit: '' },
    loading: { title: 'The server still loads its data (1) or not (0)', unit: '' },
    keys: { title: 'Keys', unit: '', items: ['database'] },
    keys_expiring: { title: 'Keys with an end', unit: '', items: ['database'] },
    length: { title: 'Entries of a key', unit: '', items: ['key'] },
    cluster_failed: { title: 'The cluster is down for this node (1) or not (0)', unit: '' },
    cluster_slots_failed: { title: 'Slots of the cluster that no node serves', unit: '' },
    sentinel_up: { title: 'A Sentinel sees this primary up (1) or down (0)', unit: '', items: ['primary'] },
    sentinel_replicas: { title: 'Replicas of a primary that a Sentinel knows', unit: '', items: ['primary'] },
    sentinel_watchers: { title: 'Sentinels that watch a primary, itself included', unit: '', items: ['primary'] },
    sentinel_tilt: { title: 'A Sentinel does nothing for a while, its clock has jumped (1), or not (0)', unit: '' },
  },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'memory full',
      metric: 'memory_used_percent',
      thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' },
      for: '2m',
    },
    { name: 'memory fragmented', metric: 'fragmentation', thresholds: { INFO: '> 1.5' }, for: '30m' },
    { name: 'clients used up', metric: 'clients_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'connections rejected', metric: 'rejected', thresholds: { MAJOR: '> 0/s' } },
    { name: 'keys evicted', metric: 'evicted', thresholds: { WARNING: '> 0/s' }, for: '5m' },
    { name: 'replication broken', metric: 'replication_link', thresholds: { CRITICAL: '< 1' }, for: '1m' },
    { name: 'replication lag', metric: 'replication_lag', thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' } },
    { name: 'snapshot failed', metric: 'snapshot_failed', thresholds: { MAJOR: '> 0' } },
    { name: 'log not written', metric: 'log_failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'still loading', metric: 'loading', thresholds: { WARNING: '> 0' }, for: '5m' },
    { name: 'cluster down', metric: 'cluster_failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slots not served', metric: 'cluster_slots_failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'primary down', metric: 'sentinel_up', thresholds: { CRITICAL: '< 1' } },
    { name: 'too few Sentinels', metric: 'sentinel_watchers', thresholds: { WARNING: '< 3' }, for: '5m' },
    { name: 'Sentinel holds still', metric: 'sentinel_tilt', thresholds: { WARNING: '> 0' }, for: '2m' },
    { name: 'restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs:
    'Nothing where the server has no password. Else a user that may call INFO, SLOWLOG LEN and CLUSTER INFO, and TYPE and the lengths of the keys named; what it may not call is left out, and the result says so.',
  grant:
    'ACL SETUSER farwatch on >PASSWORD ~* -@all +ping +info +select +slowlog|len +cluster|info +type +llen +xlen +scard +zcard +hlen',
  thresholdsFrom:
    'Memory and clients 80 and 95 %, lag 60 and 300 s: the usual rules for redis_exporter and our own judgement. Fragmentation 1.5: Redis’ MEMORY DOCTOR. Three Sentinels: Redis’ own advice.',
  tryIt:
    'Set `CONFIG SET maxmemory` just above what is used: “memory full” raises. `REPLICAOF 127.0.0.1 1` on a test server raises “replication broken”. A Sentinel is asked at its own port (26379): stop its primary, and “primary down” raises.',
  async collect({ keys }, { client, signal, previous, remember }) {
    return client.session(signal, async (session) => {
      const missing: string[] = []
      const info = parseRedisInfo(textOf(await partOf(session, missing, 'INFO')))
      const number = (name: string) => numberOf(info.get(name))
      // A Sentinel keeps none.
      const keepsSlow = info.size > 0 && info.get('redis_mode') !== 'sentinel'
      const slow = keepsSlow ? await partOf(session, missing, 'SLOWLOG', 'LEN') : null
      const cluster =
        number('cluster_enabled') === 1
          ? parseRedisInfo(textOf(await partOf(session, missing, 'CLUSTER', 'INFO')))
          : undefined
      const length = await lengthsOf(session, missing, keys)
      const lookups = { hits: number('keyspace_hits'), misses: number('keyspace_misses') }
      remember(lookups)
      const left = missing.length === 0 ? undefined : `left out: ${missing.join('; ')}`.slice(0, 900)
      return {
        metrics: {
          connect: session.connect,
          ...measured({
            uptime: number('uptime_in_seconds'),
            ...memoryOf(info),
            ...clientsOf(info),
            commands: number('total_commands_processed'),
            evicted: number('evicted_keys'),
            expired: number('expired_keys'),
            hits: shareSince(numbersBefore(previous), lookups, 100),
            received: number('total_net_input_bytes'),
            sent: number('total_net_output_bytes'),
            slow_commands: typeof slow === 'number' ? slow : undefined,
            ...replicationOf(info),
            ...persistenceOf(info),
            cluster_failed: claim(cluster?.get('cluster_state'), 'ok', 0, 1),
            cluster_slots_failed: numberOf(cluster?.get('cluster_slots_fail')),
            sentinel_tilt: numberOf(info.get('sentinel_tilt')),
          }),
          ...primariesOf(info),
          replication_lag: replicasOf(info, 'lag'),
          replication_lag_bytes: replicasOf(info, 'bytes'),
          keys: databasesOf(info, 'keys'),
          keys_expiring: databasesOf(info, 'expires'),
          length,
        },
        facts: {
          version: info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown',
          ...(info.has('role') ? { role: info.get('role')!.slice(0, 40) } : {}),
          ...(info.has('redis_mode') ? { mode: info.get('redis_mode')!.slice(0, 40) } : {}),
        },
        ...(left === undefined ? {} : { message: left }),
        ...(info.size === 0 && left === undefined
          ? { failure: { reason: 'protocol' as const, message: `${client.target} answers INFO with nothing` } }
          : {}),
      }
    })
  },
})

/** The reply, or null where the server says no; what it says no to is named. */
async function partOf(session: RedisSession, missing: string[], ...command: RedisReading) {
  try {
    return await session.read(...command)
  } catch (thrown) {
    if (!(thrown instanceof StatementRefused)) throw thrown
    missing.push(`${command.slice(0, 2).join(' ')} (${thrown.message})`)
    return null
  }
}

function textOf(reply: unknown): string {
  return typeof reply === 'string' ? reply : ''
}

/** What a word says as a number; undefined where there is no word. */
function claim(word: string | undefined, expected: string, as: number, otherwise: number): number | undefined {
  return word === undefined ? undefined : word === expected ? as : otherwise
}

function memoryOf(info: RedisInfo) {
  const used = numberOf(info.get('used_memory'))
  // 0 stands for as much as there is.
  const max = numberOf(info.get('maxmemory')) || undefined
  const ratio = numberOf(info.get('mem_fragmentation_ratio'))
  return {
    memory_used: used,
    memory_max: max,
    memory_used_percent: shareOf(used, max),
    memory_rss: numberOf(info.get('used_memory_rss')),
    fragmentation: used !== undefined && used >= speakingMemory ? ratio : undefined,
  }
}

function clientsOf(info: RedisInfo) {
  const clients = numberOf(info.get('connected_clients'))
  return {
    clients,
    clients_used: shareOf(clients, numberOf(info.get('maxclients'))),
    clients_blocked: numberOf(info.get('blocked_clients')),
    rejected: numberOf(info.get('rejected_connections')),
  }
}

function replicationOf(info: RedisInfo) {
  const role = info.get('role')
  const isReplica = role === 'slave' || role === 'replica'
  return {
    replica: role === undefined ? undefined : isReplica ? 1 : 0,
    replicas: numberOf(info.get('connected_slaves')),
    replication_link: isReplica ? claim(info.get('master_link_status'), 'up', 1, 0) : undefined,
    // -1 while there never was a link.
    replication_link_down: atLeastZero(numberOf(info.get('master_link_down_since_seconds'))),
  }
}

function atLeastZero(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : value
}

/** On a primary each of its replicas; on a replica itself, under the name `here`. */
function replicasOf(info: RedisInfo, what: 'lag' | 'bytes'): Item[] {
  const written = numberOf(info.get('master_repl_offset'))
  const items: Item[] = []
  for (const [name, text] of info) {
    if (!/^slave\d+$/.test(name)) continue
    const parts = partsOf(text)
    const offset = numberOf(parts['offset'])
    const value =
      what === 'lag'
        ? numberOf(parts['lag'])
        : written === undefined || offset === undefined
          ? undefined
          : Math.max(0, written - offset)
    const replica = `${parts['ip'] ?? name}:${parts['port'] ?? ''}`.slice(0, 200)
    if (value !== undefined && !items.some((item) => item.labels['replica'] === replica))
      items.push({ labels: { replica }, value })
  }
  const heard = atLeastZero(numberOf(info.get('master_last_io_seconds_ago')))
  if (what === 'lag' && heard !== undefined) items.push({ labels: { replica: 'here' }, value: heard })
  return items
}

/** Of a Sentinel: `master0:name=shop,status=ok,address=10.0.0.5:6379,slaves=2,sentinels=3`. */
function primariesOf(info: RedisInfo) {
  const primaries = new Map<string, Readonly<Record<string, string>>>()
  for (const [key, text] of info) {
    const parts = /^master\d+$/.test(key) ? partsOf(text) : {}
    const name = parts['name']?.slice(0, 200)
    if (name !== undefined && !primaries.has(name)) primaries.set(name, parts)
  }
  if (primaries.size === 0) return {}
  const each = (value: (parts: Readonly<Record<string, string>>) => number | undefined) =>
    [...primaries].flatMap(([primary, parts]): Item[] => {
      const found = value(parts)
      return found === undefined ? [] : [{ labels: { primary }, value: found }]
    })
  return {
    sentinel_up: each((parts) => claim(parts['status'], 'ok', 1, 0)),
    sentinel_replicas: each((parts) => numberOf(parts['slaves'])),
    sentinel_watchers: each((parts) => numberOf(parts['sentinels'])),
  }
}

function persistenceOf(info: RedisInfo) {
  const savedAt = numberOf(info.get('rdb_last_save_time'))
  // The server's own clock, to the second; on a machine whose clock is wrong the difference is right all the same.
  const now = numberOf(info.get('server_time_usec'))
  const broken = [info.get('aof_last_write_status'), info.get('aof_last_bgrewrite_status')]
  return {
    snapshot_failed: claim(info.get('rdb_last_bgsave_status'), 'ok', 0, 1),
    snapshot_age: savedAt === undefined || now === undefined ? undefined : Math.max(0, now / 1e6 - savedAt),
    snapshot_changes: numberOf(info.get('rdb_changes_since_last_save')),
    log_failed:
      info.get('aof_enabled') === '1'
        ? broken.some((word) => word !== undefined && word !== 'ok')
          ? 1
          : 0
        : undefined,
    loading: numberOf(info.get('loading')),
  }
}

function databasesOf(info: RedisInfo, part: 'keys' | 'expires'): Item[] {
  return [...info].flatMap(([name, text]) => {
    const value = /^db\d+$/.test(name) ? numberOf(partsOf(text)[part]) : undefined
    return value === undefined ? [] : [{ labels: { database: name }, value }]
  })
}

async function lengthsOf(session: RedisSession, missing: string[], keys: readonly string[]): Promise<Item[]> {
  const items: Item[] = []
  for (const key of new Set(keys)) {
    const type = await partOf(session, missing, 'TYPE', key)
    if (type === null) continue
    if (type === 'none') items.push({ labels: { key }, value: 0 })
    else if (typeof type === 'string' && isMeasurable(type)) {
      const length = await partOf(session, missing, lengths[type], key)
      if (typeof length === 'number') items.push({ labels: { key }, value: length })
    } else missing.push(`${key} (it holds no entries that could be counted)`)
  }
  return items
}

function isMeasurable(type: string): type is keyof typeof lengths {
  return Object.hasOwn(lengths, type)
}
