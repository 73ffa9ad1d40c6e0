import { defineMonitor, isVersionAtLeast, type Item, type SqlRow } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { itemsIn, mostIn, numberIn, SqlParts, sumIn } from './formats/sql-parts.ts'
import { queryProblems, readUserQuery } from './formats/sql-samples.ts'

const metrics = {
  connect: { title: 'Time until a session was ready', unit: 'ms' },
  connections: { title: 'Sessions of clients by state', unit: '', items: ['state'] },
  connections_used: { title: 'Sessions of the allowed number', unit: '%' },
  connections_max: { title: 'Sessions allowed', unit: '' },
  locks_waiting: { title: 'Sessions that wait for a lock', unit: '' },
  lock_wait_longest: { title: 'Longest wait for a lock', unit: 's' },
  transaction_longest: { title: 'Age of the oldest open transaction', unit: 's' },
  replication_lag: { title: 'How far a standby is behind, in time', unit: 's', items: ['standby'] },
  replication_lag_bytes: { title: 'How far a standby is behind, in log', unit: 'B', items: ['standby'] },
  recovery: { title: 'This server is a standby (1) or not (0)', unit: '' },
  standbys: { title: 'Standbys connected', unit: '' },
  receiver_running: { title: 'This standby receives from its primary (1) or not (0)', unit: '' },
  slot_active: { title: 'The replication slot is in use (1) or not (0)', unit: '', items: ['slot'] },
  slot_held: { title: 'Log kept for the replication slot', unit: 'B', items: ['slot'] },
  slot_lost: { title: 'The replication slot has lost its log (1) or not (0)', unit: '', items: ['slot'] },
  archive_failing: { title: 'The last attempt to archive failed (1) or not (0)', unit: '' },
  archive_failures: { title: 'Failed attempts to archive', unit: '', kind: 'counter' },
  wraparound_used: {
    title: 'Transaction numbers used up before old rows must be frozen',
    unit: '%',
    items: ['database'],
  },
  dead_rows: { title: 'Dead rows of a table, of all of its rows; from 10,000 on', unit: '%', items: ['table'] },
  checkpoints: { title: 'Checkpoints', unit: '', kind: 'counter', items: ['kind'] },
  checksum_failures: { title: 'Damaged pages found', unit: '', kind: 'counter', items: ['database'] },
  tablespace_size: { title: 'Size of the tablespace', unit: 'B', items: ['tablespace'] },
  database_size: { title: 'Size of the database', unit: 'B', items: ['database'] },
  cache_hit: { title: 'Reads answered by the cache since the run before', unit: '%', items: ['database'] },
  deadlocks: { title: 'Deadlocks', unit: '', kind: 'counter', items: ['database'] },
  commits: { title: 'Transactions committed', unit: '', kind: 'counter', items: ['database'] },
  rollbacks: { title: 'Transactions rolled back', unit: '', kind: 'counter', items: ['database'] },
  temporary_bytes: { title: 'Written to temporary files', unit: 'B', kind: 'counter', items: ['database'] },
  query_duration: { title: 'Time of the user’s query', unit: 'ms' },
} as const

const maxUserRows = 1_000

/**
 * A PostgreSQL server in one short read-only session.
 *
 * Default thresholds: 80 and 95 % of the connections, 60 and 300 s of replication lag, as in the common sets for postgres_exporter;
 * a transaction of more than an hour keeps vacuum from its work.
 */
export default defineMonitor({
  id: 'postgresql',
  title: 'PostgreSQL',
  summary: 'Sessions, locks, oldest transaction, replication, sizes, cache and a query of one’s own.',
  connector: 'postgresql',
  settings: {
    sizes: {
      kind: 'flag',
      label: 'Sizes of databases',
      help: 'The server reads directories for this, which takes long with very many tables.',
      default: true,
    },
    query: {
      kind: 'text',
      label: 'Query of one’s own',
      help: 'One SELECT. Each numeric column becomes a metric of that name, each other column a label. Runs read-only and within the connector’s statement timeout.',
      multiline: true,
      maxLength: 16_000,
      optional: true,
      example: 'SELECT state, count(*) AS orders FROM orders GROUP BY state',
    },
  },
  metrics,
  openMetrics: 'The numeric columns of `query`, with its other columns as labels.',
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  grant: "CREATE ROLE farwatch LOGIN PASSWORD '…';\nGRANT pg_monitor TO farwatch;",
  thresholdsFrom:
    'The catalogue for databases: connections 80 and 95 %, lag 60 and 300 s; locks, long transactions and the hit ratio are our own judgement.',
  tryIt:
    '`farwatch check postgresql --set host=db1 --set username=farwatch --set secret=…`. `BEGIN; LOCK TABLE t;` in one session and `SELECT * FROM t;` in another raise “locks” after a minute.',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'connections used up', metric: 'connections_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'locks', metric: 'lock_wait_longest', thresholds: { WARNING: '> 60s', CRITICAL: '> 10m' } },
    { name: 'long transaction', metric: 'transaction_longest', thresholds: { WARNING: '> 1h', MAJOR: '> 6h' } },
    {
      name: 'replication lag',
      metric: 'replication_lag',
      thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' },
      for: '1m',
    },
    { name: 'standby receives nothing', metric: 'receiver_running', thresholds: { CRITICAL: '< 1' }, for: '1m' },
    { name: 'log kept for a slot', metric: 'slot_held', thresholds: { WARNING: '> 10GiB', CRITICAL: '> 50GiB' } },
    { name: 'slot lost', metric: 'slot_lost', thresholds: { MAJOR: '> 0' } },
    { name: 'archiving fails', metric: 'archive_failing', thresholds: { MAJOR: '> 0' }, for: '5m' },
    { name: 'wraparound', metric: 'wraparound_used', thresholds: { WARNING: '> 40%', CRITICAL: '> 75%' } },
    { name: 'dead rows pile up', metric: 'dead_rows', thresholds: { INFO: '> 30%' }, for: '1h' },
    { name: 'damaged pages', metric: 'checksum_failures', thresholds: { CRITICAL: '> 0/s' } },
    { name: 'cache too small', metric: 'cache_hit', thresholds: { INFO: '< 90%' }, for: '15m' },
  ],
  needs:
    'A user that may connect; the role `pg_monitor` shows all of it. What a missing privilege hides is left out, and the result says so.',
  check: ({ query }, path) => queryProblems(query, `${path}.query`),
  async collect({ sizes, query }, { client, signal, now, previous, remember }) {
    return client.session(signal, async (session) => {
      const parts = new SqlParts(session)
      const hasStandbys = isVersionAtLeast(session.version, 10)
      const activity = (await parts.read('sessions', activitySql)) ?? []
      const limits = (await parts.read('limits', limitsSql)) ?? []
      const [lock] =
        (await parts.read('locks', isVersionAtLeast(session.version, 14) ? locksSql : locksSqlBefore14)) ?? []
      const databases = (await parts.read('databases', databasesSql)) ?? []
      const sizesSeen = sizes ? await parts.read('sizes', sizesSql) : []
      const replication = hasStandbys ? await parts.read('replication', replicationSql) : []
      const recovery = (hasStandbys ? await parts.read('recovery', recoverySql) : undefined) ?? []
      const isStandby = recovery[0]?.['recovering'] === true
      const [receiver] = (isStandby ? await parts.read('receiver', receiverSql) : undefined) ?? []
      const slots = isVersionAtLeast(session.version, 13) ? await parts.read('slots', slotsSql) : []
      const [archiver] = (await parts.read('archiver', archiverSql)) ?? []
      const ages = await parts.read('wraparound', wraparoundSql)
      const dead = await parts.read('dead rows', deadRowsSql)
      const checkpoints = await parts.read(
        'checkpoints',
        isVersionAtLeast(session.version, 17) ? checkpointsSql : checkpointsSqlBefore17,
      )
      const damaged = isVersionAtLeast(session.version, 12) ? await parts.read('checksums', checksumsSql) : []
      const tablespaces = sizes ? await parts.read('tablespaces', tablespacesSql) : []
      const outcome = parts.outcome(client)
      const taken = (name: string) => name === 'failed' || Object.hasOwn(metrics, name)
      const mine =
        query === undefined ? undefined : await readUserQuery(session, { sql: query, maxRows: maxUserRows, now, taken })
      const sessions = sumIn(activity, 'sessions') ?? 0
      const allowed = numberIn(limits[0], 'allowed')
      const reads = readsByDatabase(databases)
      remember(reads)
      return {
        metrics: measured({
          connect: session.connect,
          connections: activity.length > 0 ? itemsIn(activity, 'sessions', ['state']) : undefined,
          transaction_longest: activity.length > 0 ? Math.max(0, mostIn(activity, 'oldest') ?? 0) : undefined,
          connections_max: allowed,
          connections_used:
            allowed === undefined || allowed === 0 || activity.length === 0 ? undefined : (100 * sessions) / allowed,
          locks_waiting: lock === undefined ? undefined : (numberIn(lock, 'waiting') ?? 0),
          lock_wait_longest: lock === undefined ? undefined : (numberIn(lock, 'longest') ?? 0),
          recovery: recovery.length === 0 ? undefined : isStandby ? 1 : 0,
          replication_lag: [
            ...itemsIn(replication, 'lag', ['standby']),
            ...(isStandby ? itemsIn(recovery, 'lag', ['standby']) : []),
          ],
          standbys: replication === undefined || !hasStandbys || isStandby ? undefined : replication.length,
          receiver_running: numberIn(receiver, 'running'),
          slot_active: itemsIn(slots, 'active', ['slot']),
          slot_held: itemsIn(slots, 'held', ['slot']),
          slot_lost: itemsIn(slots, 'lost', ['slot']),
          archive_failing: numberIn(archiver, 'failing'),
          archive_failures: numberIn(archiver, 'failures'),
          wraparound_used: itemsIn(ages, 'used', ['database']),
          dead_rows: itemsIn(dead, 'share', ['table']),
          checkpoints: itemsIn(checkpoints, 'checkpoints', ['kind']),
          checksum_failures: itemsIn(damaged, 'failures', ['database']),
          tablespace_size: itemsIn(tablespaces, 'size', ['tablespace']),
          replication_lag_bytes: itemsIn(replication, 'bytes', ['standby']),
          database_size: itemsIn(sizesSeen, 'size', ['database']),
          cache_hit: cacheHits(previous, reads),
          deadlocks: itemsIn(databases, 'deadlocks', ['database']),
          commits: itemsIn(databases, 'commits', ['database']),
          rollbacks: itemsIn(databases, 'rollbacks', ['database']),
          temporary_bytes: itemsIn(databases, 'temporary', ['database']),
          query_duration: mine?.duration,
        }),
        more: mine?.samples ?? [],
        ...outcome,
        facts: { ...outcome.facts, role: isStandby ? 'standby' : 'primary', ...primaryFact(receiver) },
        ...(mine?.failure === undefined
          ? {}
          : { failure: { reason: 'assertion' as const, message: `${client.target}: ${mine.failure}`.slice(0, 900) } }),
      }
    })
  },
})

// A user without pg_monitor sees that other sessions exist, but neither their state nor their transactions.
const activitySql = `
  SELECT coalesce(state, 'hidden') AS state, count(*) AS sessions,
         coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)
                                     FILTER (WHERE pid <> pg_backend_pid())), 0)::float8 AS oldest
    FROM pg_stat_activity
   WHERE backend_type = 'client backend'
   GROUP BY 1 ORDER BY 1`

const limitsSql = `
  SELECT setting::int - (SELECT setting::int FROM pg_settings WHERE name = 'superuser_reserved_connections') AS allowed
    FROM pg_settings WHERE name = 'max_connections'`

const locksSql = `
  SELECT count(DISTINCT pid) AS waiting,
         coalesce(extract(epoch FROM max(clock_timestamp() - waitstart)), 0)::float8 AS longest
    FROM pg_locks WHERE NOT granted`

const locksSqlBefore14 = `
  SELECT count(DISTINCT l.pid) AS waiting,
         coalesce(extract(epoch FROM max(clock_timestamp() - a.query_start)), 0)::float8 AS longest
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted`

const databasesSql = `
  SELECT datname AS database, blks_hit::float8 AS hit, blks_read::float8 AS read, deadlocks::float8 AS deadlocks,
         xact_commit::float8 AS commits, xact_rollback::float8 AS rollbacks, temp_bytes::float8 AS temporary
    FROM pg_stat_database WHERE datname IS NOT NULL AND datname NOT LIKE 'template%'
   ORDER BY 1`

const sizesSql = `
  SELECT datname AS database, pg_database_size(oid)::float8 AS size
    FROM pg_database
   WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT')
   ORDER BY 1`

// A standby that has replayed everything has no lag in time, however long nothing was written.
const replicationSql = `
  SELECT coalesce(nullif(application_name, ''), 'standby') || coalesce('@' || host(client_addr), '') AS standby,
         max(coalesce(extract(epoch FROM replay_lag), 0))::float8 AS lag,
         max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::float8 AS bytes
    FROM pg_stat_replication WHERE NOT pg_is_in_recovery() AND replay_lsn IS NOT NULL
   GROUP BY 1`

const recoverySql = `
  SELECT pg_is_in_recovery() AS recovering, 'here' AS standby,
         CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
              ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float8 AS lag`

// A standby that is fed from an archive alone has no receiver, and says so by naming no primary.
const receiverSql = `
  SELECT CASE WHEN coalesce(current_setting('primary_conninfo', true), '') = '' THEN NULL
              ELSE (SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming') END AS running,
         (SELECT sender_host || ':' || sender_port FROM pg_stat_wal_receiver LIMIT 1) AS sender`

const slotsSql = `
  SELECT slot_name AS slot, active::int AS active, (wal_status IN ('lost'))::int AS lost,
         pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                         restart_lsn)::float8 AS held
    FROM pg_replication_slots ORDER BY 1`

const archiverSql = `
  SELECT failed_count AS failures, (last_failed_time > coalesce(last_archived_time, 'epoch'))::int AS failing
    FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off'`

// Numbers are taken round a circle of four thousand million; half of them lie in the past.
const wraparoundSql = `
  SELECT datname AS database, 100 * age(datfrozenxid) / 2147483647.0::float8 AS used FROM pg_database WHERE datallowconn ORDER BY 1`

const deadRowsSql = `
  SELECT schemaname || '.' || relname AS table, (100.0 * n_dead_tup / (n_dead_tup + n_live_tup))::float8 AS share
    FROM pg_stat_user_tables WHERE n_dead_tup >= 10000 ORDER BY n_dead_tup DESC LIMIT 50`

const checkpointsSql = `
  SELECT 'timed' AS kind, num_timed AS checkpoints FROM pg_stat_checkpointer
  UNION ALL SELECT 'requested', num_requested FROM pg_stat_checkpointer`

const checkpointsSqlBefore17 = `
  SELECT 'timed' AS kind, checkpoints_timed AS checkpoints FROM pg_stat_bgwriter
  UNION ALL SELECT 'requested', checkpoints_req FROM pg_stat_bgwriter`

const checksumsSql = `
  SELECT datname AS database, checksum_failures AS failures FROM pg_stat_database
   WHERE datname IS NOT NULL AND checksum_failures IS NOT NULL ORDER BY 1`

const tablespacesSql = `
  SELECT spcname AS tablespace, pg_tablespace_size(oid)::float8 AS size FROM pg_tablespace
   WHERE spcname <> 'pg_global' AND (has_tablespace_privilege(oid, 'CREATE') OR pg_has_role('pg_read_all_stats', 'USAGE'))
   ORDER BY 1`

function primaryFact(receiver: SqlRow | undefined): Readonly<Record<string, string>> {
  const sender = receiver?.['sender']
  return typeof sender === 'string' ? { primary: sender.slice(0, 200) } : {}
}

type Reads = Readonly<Record<string, { readonly hit: number; readonly read: number }>>

function readsByDatabase(databases: readonly SqlRow[]): Reads {
  return Object.fromEntries(
    databases.map((row) => [
      String(row['database']),
      { hit: numberIn(row, 'hit') ?? 0, read: numberIn(row, 'read') ?? 0 },
    ]),
  )
}

/** The share since the run before; too few reads to speak of say nothing. */
function cacheHits(previous: unknown, now: Reads): Item[] {
  // What a former run of this monitor handed over.
  const before = (previous ?? {}) as Partial<Reads>
  return Object.entries(now).flatMap(([database, { hit, read }]) => {
    const last = before[database]
    if (last === undefined) return []
    const hits = hit - last.hit
    const reads = read - last.read
    return hits < 0 || reads < 0 || hits + reads < 1_000
      ? []
      : [{ labels: { database }, value: (100 * hits) / (hits + reads) }]
  })
}
