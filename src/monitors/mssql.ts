import { defineMonitor, isVersionAtLeast, type Item, type SqlRow } from '../sdk/index.ts'
import { measured, numbersBefore, shareOf, shareSince } from './formats/measured.ts'
import { excludeSetting, selectionProblems, selects } from './formats/selection.ts'
import { itemsIn, numberIn, SqlParts, textIn } from './formats/sql-parts.ts'

/**
 * An instance of SQL Server in one short session, from its dynamic management views and from msdb.
 *
 * Default thresholds: 80 and 95 % of workers and logs, 60 and 300 s of replica lag; a page that lives for less than five minutes is what
 * Microsoft gives as a sign of too little memory.
 */
export default defineMonitor({
  id: 'mssql',
  title: 'SQL Server',
  summary:
    'Sessions, workers, blocking, oldest transaction, databases, logs, memory, availability groups, backups, jobs, disks.',
  connector: 'mssql',
  settings: {
    excludeDatabases: excludeSetting(
      'Databases left out',
      'Names or patterns: one that is meant to be offline, or that is restored over and over.',
    ),
  },
  metrics: {
    connect: { title: 'Time until a session was ready', unit: 'ms' },
    uptime: { title: 'Time since the instance started', unit: 's' },
    sessions: { title: 'Sessions of users', unit: '' },
    sessions_running: { title: 'Sessions of users at work', unit: '' },
    workers_used: { title: 'Workers of the allowed number', unit: '%' },
    blocked: { title: 'Requests that wait for another session', unit: '' },
    blocked_longest: { title: 'Longest wait for another session', unit: 's' },
    transaction_longest: { title: 'Age of the oldest open transaction', unit: 's' },
    deadlocks: { title: 'Deadlocks', unit: '', kind: 'counter' },
    batches: { title: 'Batches', unit: '', kind: 'counter' },
    page_life: { title: 'How long a page stays in memory', unit: 's' },
    cache_hit: { title: 'Pages found in memory since the run before', unit: '%' },
    memory_grants_pending: { title: 'Queries that wait for memory', unit: '' },
    memory_used: { title: 'Memory in use', unit: 'B' },
    memory_target: { title: 'Memory the instance would take', unit: 'B' },
    database_online: { title: 'The database is online (1) or not (0)', unit: '', items: ['database'] },
    database_size: { title: 'Size of the database’s data files', unit: 'B', items: ['database'] },
    log_used: { title: 'Transaction log in use', unit: '%', items: ['database'] },
    log_size: { title: 'Size of the transaction log', unit: 'B', items: ['database'] },
    tempdb_used: { title: 'tempdb in use', unit: '%' },
    volume_used: { title: 'Volume in use, where files of databases lie', unit: '%', items: ['volume'] },
    volume_available: { title: 'Free on the volume', unit: 'B', items: ['volume'] },
    replica_healthy: {
      title: 'The replica is connected and healthy (1) or not (0)',
      unit: '',
      items: ['group', 'replica'],
    },
    replica_primary: { title: 'The replica is primary (1) or not (0)', unit: '', items: ['group', 'replica'] },
    replica_suspended: {
      title: 'Movement of data is suspended (1) or not (0)',
      unit: '',
      items: ['database', 'replica'],
    },
    replica_lag: { title: 'How far a secondary is behind', unit: 's', items: ['database', 'replica'] },
    replica_send_queue: { title: 'Log not yet sent to a secondary', unit: 'B', items: ['database', 'replica'] },
    replica_redo_queue: { title: 'Log not yet redone by a secondary', unit: 'B', items: ['database', 'replica'] },
    backup_age: { title: 'Age of the newest full or differential backup', unit: 's', items: ['database'] },
    log_backup_age: { title: 'Age of the newest backup of the log', unit: 's', items: ['database'] },
    suspect_pages: { title: 'Damaged pages not yet restored', unit: '' },
    job_failed: { title: 'The last run of the job failed (1) or not (0)', unit: '', items: ['job'] },
  },
  period: '1m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'workers used up', metric: 'workers_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '2m' },
    { name: 'blocking', metric: 'blocked_longest', thresholds: { WARNING: '> 60s', CRITICAL: '> 10m' } },
    { name: 'long transaction', metric: 'transaction_longest', thresholds: { WARNING: '> 1h', MAJOR: '> 6h' } },
    { name: 'deadlocks', metric: 'deadlocks', thresholds: { INFO: '> 1/min' }, for: '5m' },
    { name: 'too little memory', metric: 'page_life', thresholds: { WARNING: '< 300s' }, for: '15m' },
    { name: 'queries wait for memory', metric: 'memory_grants_pending', thresholds: { WARNING: '> 0' }, for: '5m' },
    { name: 'database offline', metric: 'database_online', thresholds: { MAJOR: '< 1' }, for: '2m' },
    { name: 'log full', metric: 'log_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'tempdb full', metric: 'tempdb_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'volume full', metric: 'volume_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'replica not healthy', metric: 'replica_healthy', thresholds: { CRITICAL: '< 1' }, for: '2m' },
    { name: 'replica suspended', metric: 'replica_suspended', thresholds: { MAJOR: '> 0' } },
    { name: 'replica lag', metric: 'replica_lag', thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' }, for: '1m' },
    { name: 'backup too old', metric: 'backup_age', thresholds: { WARNING: '> 29h', MAJOR: '> 48h' } },
    { name: 'log backup too old', metric: 'log_backup_age', thresholds: { WARNING: '> 1h', MAJOR: '> 4h' } },
    { name: 'damaged pages', metric: 'suspect_pages', thresholds: { CRITICAL: '> 0' } },
    { name: 'job failed', metric: 'job_failed', thresholds: { WARNING: '> 0' } },
    { name: 'restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs:
    'A login with VIEW SERVER STATE and VIEW ANY DEFINITION, and reading of some tables of msdb for backups, damaged pages and jobs. What a missing privilege hides is left out, and the result says so.',
  grant: `CREATE LOGIN farwatch WITH PASSWORD = 'PASSWORD';
GRANT VIEW SERVER STATE TO farwatch;
GRANT VIEW ANY DEFINITION TO farwatch;
USE msdb;
CREATE USER farwatch FOR LOGIN farwatch;
GRANT SELECT ON dbo.backupset TO farwatch;
GRANT SELECT ON dbo.suspect_pages TO farwatch;
GRANT SELECT ON dbo.sysjobs TO farwatch;
GRANT SELECT ON dbo.sysjobservers TO farwatch;`,
  thresholdsFrom:
    'Page life 300 s: Microsoft’s old advice, still what most exporters warn at. Backups and lag as for SAP HANA in SAP’s and Checkmk’s checks. The others: our own judgement.',
  tryIt: '`ALTER DATABASE x SET OFFLINE` on a test server raises “database offline” after two minutes.',
  check: ({ excludeDatabases }, path) => selectionProblems({ excludeDatabases }, path),
  async collect({ excludeDatabases }, { client, signal, previous, remember }) {
    const isWanted = selects([], excludeDatabases)
    return client.session(signal, async (session) => {
      const parts = new SqlParts(session)
      const wanted = (rows: readonly SqlRow[] = []) => rows.filter((row) => isWanted(String(row['database'])))
      const [instance] = (await parts.read('instance', instanceSql)) ?? []
      const [sessions] = (await parts.read('sessions', sessionsSql)) ?? []
      const [blocking] = (await parts.read('blocking', blockingSql)) ?? []
      const [transactions] = (await parts.read('transactions', transactionsSql)) ?? []
      const counters = new Counters((await parts.read('counters', countersSql)) ?? [])
      const databases = wanted(await parts.read('databases', databasesSql))
      const [tempdb] = (await parts.read('tempdb', tempdbSql)) ?? []
      const volumes = await parts.read('volumes', volumesSql)
      const hasGroups = numberIn(instance, 'groups') === 1
      const replicas = hasGroups ? await parts.read('replicas', replicasSql) : []
      const movement = wanted(hasGroups ? await parts.read('replication', movementSql(session.version)) : [])
      const backups = wanted(await parts.read('backups', backupsSql(hasGroups)))
      const [suspects] = (await parts.read('damaged pages', suspectsSql)) ?? []
      const jobs = await parts.read('jobs', jobsSql)
      // Its base counts every look for a page, the ratio those that found one.
      const found = counters.of('Buffer cache hit ratio')
      const looked = counters.of('Buffer cache hit ratio base')
      const looks = { hits: found, misses: found === undefined || looked === undefined ? undefined : looked - found }
      remember(looks)
      const onDatabase = (counter: string, factor: number) =>
        counters.byInstance(counter, factor).filter(({ labels }) => isWanted(labels['database'] ?? ''))
      const outcome = parts.outcome(client)
      return {
        metrics: {
          connect: session.connect,
          ...measured({
            uptime: numberIn(instance, 'uptime'),
            sessions: numberIn(sessions, 'sessions'),
            sessions_running: numberIn(sessions, 'running'),
            workers_used: shareOf(numberIn(instance, 'workers'), numberIn(instance, 'workers_max')),
            blocked: numberIn(blocking, 'blocked'),
            blocked_longest: blocking === undefined ? undefined : (numberIn(blocking, 'longest') ?? 0),
            transaction_longest: transactions === undefined ? undefined : (numberIn(transactions, 'longest') ?? 0),
            deadlocks: counters.of('Number of Deadlocks/sec'),
            batches: counters.of('Batch Requests/sec'),
            page_life: counters.of('Page life expectancy'),
            cache_hit: shareSince(numbersBefore(previous), looks, 100),
            memory_grants_pending: counters.of('Memory Grants Pending'),
            memory_used: counters.of('Total Server Memory (KB)', 1024),
            memory_target: counters.of('Target Server Memory (KB)', 1024),
            tempdb_used: shareOf(numberIn(tempdb, 'used'), numberIn(tempdb, 'size')),
            suspect_pages: numberIn(suspects, 'pages'),
          }),
          database_online: itemsIn(databases, 'online', ['database']),
          database_size: onDatabase('Data File(s) Size (KB)', 1024),
          log_used: onDatabase('Percent Log Used', 1),
          log_size: onDatabase('Log File(s) Size (KB)', 1024),
          volume_used: itemsIn(volumes, volumeUsed, ['volume']),
          volume_available: itemsIn(volumes, 'available', ['volume']),
          replica_healthy: itemsIn(replicas, 'healthy', ['group', 'replica']),
          replica_primary: itemsIn(replicas, 'is_primary', ['group', 'replica']),
          replica_suspended: itemsIn(movement, 'suspended', ['database', 'replica']),
          replica_lag: itemsIn(movement, 'lag', ['database', 'replica']),
          replica_send_queue: itemsIn(movement, 'send_queue', ['database', 'replica']),
          replica_redo_queue: itemsIn(movement, 'redo_queue', ['database', 'replica']),
          backup_age: itemsIn(backups, 'age', ['database']),
          log_backup_age: itemsIn(backups, 'log_age', ['database']),
          job_failed: itemsIn(jobs, 'failed', ['job']),
        },
        ...outcome,
        facts: {
          ...outcome.facts,
          ...(typeof instance?.['edition'] === 'string' ? { edition: instance['edition'].slice(0, 100) } : {}),
          ...offlineFacts(databases),
        },
      }
    })
  },
})

const instanceSql = `
  SELECT CAST(datediff(second, i.sqlserver_start_time, getdate()) AS float) AS uptime, CAST(i.max_workers_count AS float) AS workers_max,
         CAST((SELECT sum(s.current_workers_count) FROM sys.dm_os_schedulers s WHERE s.status = 'VISIBLE ONLINE') AS float) AS workers,
         CAST(SERVERPROPERTY('Edition') AS nvarchar(100)) AS edition,
         CAST(coalesce(SERVERPROPERTY('IsHadrEnabled'), 0) AS int) AS groups
    FROM sys.dm_os_sys_info i`

const sessionsSql = `
  SELECT CAST(count(*) AS float) AS sessions, CAST(sum(CASE WHEN status = 'running' THEN 1 ELSE 0 END) AS float) AS running
    FROM sys.dm_exec_sessions WHERE is_user_process = 1 AND session_id <> @@SPID`

const blockingSql = `
  SELECT CAST(count(*) AS float) AS blocked, CAST(max(wait_time) AS float) / 1000 AS longest
    FROM sys.dm_exec_requests WHERE blocking_session_id > 0`

const transactionsSql = `
  SELECT CAST(max(datediff(second, t.transaction_begin_time, getdate())) AS float) AS longest
    FROM sys.dm_tran_active_transactions t JOIN sys.dm_tran_session_transactions s ON s.transaction_id = t.transaction_id
   WHERE s.is_user_transaction = 1 AND s.session_id <> @@SPID`

// Names are padded with blanks up to the width of their column.
const countersSql = `
  SELECT rtrim(counter_name) AS counter, rtrim(instance_name) AS instance, CAST(cntr_value AS float) AS value
    FROM sys.dm_os_performance_counters
   WHERE counter_name IN ('Number of Deadlocks/sec', 'Batch Requests/sec', 'Memory Grants Pending', 'Total Server Memory (KB)',
                          'Target Server Memory (KB)', 'Data File(s) Size (KB)', 'Log File(s) Size (KB)', 'Percent Log Used')
      OR (counter_name IN ('Page life expectancy', 'Buffer cache hit ratio', 'Buffer cache hit ratio base')
          AND object_name LIKE '%Buffer Manager%')`

const databasesSql = `
  SELECT name AS [database], CAST(CASE WHEN state = 0 THEN 1 ELSE 0 END AS float) AS online, state_desc AS state,
         log_reuse_wait_desc AS log_waits
    FROM sys.databases ORDER BY name`

const tempdbSql = `
  SELECT CAST(sum(total_page_count) AS float) AS size, CAST(sum(allocated_extent_page_count) AS float) AS used
    FROM tempdb.sys.dm_db_file_space_usage`

const volumesSql = `
  SELECT v.volume_mount_point AS volume, CAST(max(v.total_bytes) AS float) AS size, CAST(min(v.available_bytes) AS float) AS available
    FROM sys.master_files f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) v GROUP BY v.volume_mount_point`

const replicasSql = `
  SELECT g.name AS [group], r.replica_server_name AS replica,
         CAST(CASE WHEN s.connected_state = 1 AND s.synchronization_health = 2 THEN 1 ELSE 0 END AS float) AS healthy,
         CAST(CASE WHEN s.role = 1 THEN 1 ELSE 0 END AS float) AS is_primary
    FROM sys.dm_hadr_availability_replica_states s JOIN sys.availability_replicas r ON r.replica_id = s.replica_id
    JOIN sys.availability_groups g ON g.group_id = s.group_id`

/** How far secondaries are behind in time is known since SQL Server 2016. */
function movementSql(version: string): string {
  const lag = isVersionAtLeast(version, 13) ? 'CAST(s.secondary_lag_seconds AS float)' : 'NULL'
  return `
  SELECT db_name(s.database_id) AS [database], r.replica_server_name AS replica, CAST(s.is_suspended AS float) AS suspended,
         ${lag} AS lag, CAST(s.log_send_queue_size AS float) * 1024 AS send_queue, CAST(s.redo_queue_size AS float) * 1024 AS redo_queue
    FROM sys.dm_hadr_database_replica_states s JOIN sys.availability_replicas r ON r.replica_id = s.replica_id`
}

/** Of a database in an availability group only where its backups are meant to be made. One without any is as old as the database. */
function backupsSql(hasGroups: boolean): string {
  return `
  SELECT d.name AS [database],
         CAST(datediff(minute, coalesce(max(CASE WHEN b.type IN ('D', 'I') THEN b.backup_finish_date END), d.create_date), getdate()) AS float)
           * 60 AS age,
         CASE WHEN d.recovery_model < 3
              THEN CAST(datediff(minute, coalesce(max(CASE WHEN b.type = 'L' THEN b.backup_finish_date END), d.create_date), getdate())
                        AS float) * 60 END AS log_age
    FROM sys.databases d LEFT JOIN msdb.dbo.backupset b ON b.database_name = d.name
   WHERE d.name <> 'tempdb' AND d.state = 0 AND d.source_database_id IS NULL
         ${hasGroups ? 'AND sys.fn_hadr_backup_is_preferred_replica(d.name) = 1' : ''}
   GROUP BY d.name, d.create_date, d.recovery_model ORDER BY d.name`
}

const suspectsSql = `SELECT CAST(count(*) AS float) AS pages FROM msdb.dbo.suspect_pages WHERE event_type IN (1, 2, 3)`

const jobsSql = `
  SELECT j.name AS job, CAST(CASE WHEN max(CASE WHEN s.last_run_outcome = 0 THEN 1 ELSE 0 END) = 1 THEN 1 ELSE 0 END AS float) AS failed
    FROM msdb.dbo.sysjobs j JOIN msdb.dbo.sysjobservers s ON s.job_id = j.job_id
   WHERE j.enabled = 1 AND s.last_run_date > 0 GROUP BY j.name ORDER BY j.name`

/** Performance counters by their name; those of databases by their instance as well. */
class Counters {
  readonly #rows: readonly SqlRow[]

  constructor(rows: readonly SqlRow[]) {
    this.#rows = rows
  }

  /** The counter of the whole instance: without an instance, or that of all. */
  of(counter: string, factor = 1): number | undefined {
    const row = this.#rows.find(
      (one) => one['counter'] === counter && (one['instance'] === '' || one['instance'] === '_Total'),
    )
    const value = numberIn(row, 'value')
    return value === undefined ? undefined : value * factor
  }

  byInstance(counter: string, factor: number): Item[] {
    const rows = this.#rows.filter((one) => one['counter'] === counter && !systemInstances.has(String(one['instance'])))
    const named = rows.map((one) => ({ ...one, database: one['instance'] ?? null }))
    return itemsIn(named, (row) => (numberIn(row, 'value') ?? Number.NaN) * factor, ['database'])
  }
}

const systemInstances = new Set(['', '_Total', 'mssqlsystemresource'])

function volumeUsed(row: SqlRow): number | undefined {
  const size = numberIn(row, 'size')
  const available = numberIn(row, 'available')
  return size === undefined || available === undefined ? undefined : shareOf(size - available, size)
}

/** What state the databases are in that are not online. */
function offlineFacts(databases: readonly SqlRow[]): Readonly<Record<string, string>> {
  const offline = databases
    .filter((row) => row['online'] === 0)
    .map((row) => `${textIn(row, 'database')} ${textIn(row, 'state')}`)
  return offline.length === 0 ? {} : { offline: offline.join(', ').slice(0, 900) }
}
