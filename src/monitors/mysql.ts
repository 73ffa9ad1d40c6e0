import { defineMonitor, isVersionAtLeast, type Item, type SqlRow } from '../sdk/index.ts'
import { measured, numbersBefore, shareOf, shareSince } from './formats/measured.ts'
import { itemsIn, numberIn, SqlParts } from './formats/sql-parts.ts'

/**
 * A MySQL or MariaDB server in one short read-only session.
 *
 * Default thresholds: 80 and 95 % of the connections, 60 and 300 s of replication lag; a transaction of more than an hour keeps old versions
 * of rows from being removed.
 */
export default defineMonitor({
  id: 'mysql',
  title: 'MySQL or MariaDB',
  summary:
    'Connections, replication, locks, oldest transaction, buffer pool, deadlocks, refused connections, sizes, Galera cluster.',
  connector: 'mysql',
  settings: {
    sizes: {
      kind: 'flag',
      label: 'Sizes of databases',
      help: 'Of tables in InnoDB, from its list of files. Slow where there are hundreds of thousands of tables.',
      default: true,
    },
  },
  metrics: {
    connect: { title: 'Time until a session was ready', unit: 'ms' },
    uptime: { title: 'Time since the server started', unit: 's' },
    connections: { title: 'Connections', unit: '' },
    connections_used: { title: 'Connections of the allowed number', unit: '%' },
    connections_max: { title: 'Connections allowed', unit: '' },
    threads_running: { title: 'Connections at work', unit: '' },
    connections_refused: { title: 'Connections refused, all were taken', unit: '', kind: 'counter' },
    aborted_connects: { title: 'Failed attempts to sign in', unit: '', kind: 'counter' },
    aborted_clients: { title: 'Clients that left without a farewell', unit: '', kind: 'counter' },
    questions: { title: 'Statements', unit: '', kind: 'counter' },
    slow_queries: { title: 'Statements slower than the server’s limit', unit: '', kind: 'counter' },
    query_longest: { title: 'Longest statement at work', unit: 's' },
    transaction_longest: { title: 'Age of the oldest open transaction', unit: 's' },
    locks_waiting: { title: 'Transactions that wait for a lock', unit: '' },
    lock_wait_longest: { title: 'Longest wait for a lock', unit: 's' },
    lock_waits: { title: 'Waits for locks of rows', unit: '', kind: 'counter' },
    deadlocks: { title: 'Deadlocks', unit: '', kind: 'counter' },
    history_length: { title: 'Changes whose old versions are still kept', unit: '' },
    buffer_pool_hit: { title: 'Pages found in the buffer pool since the run before', unit: '%' },
    buffer_pool_used: { title: 'Buffer pool in use', unit: '%' },
    buffer_pool_dirty: { title: 'Buffer pool not yet written', unit: '%' },
    temporary_tables: { title: 'Temporary tables on disk', unit: '', kind: 'counter' },
    received: { title: 'Received', unit: 'B', kind: 'counter' },
    sent: { title: 'Sent', unit: 'B', kind: 'counter' },
    read_only: { title: 'The server takes no changes (1) or does (0)', unit: '' },
    replication_running: { title: 'The replication runs (1) or not (0)', unit: '', items: ['source'] },
    replication_lag: {
      title: 'How far the replication is behind, beyond the delay that is meant',
      unit: 's',
      items: ['source'],
    },
    replicas: { title: 'Replicas connected', unit: '' },
    cluster_size: { title: 'Nodes of the Galera cluster that this one sees', unit: '' },
    cluster_ready: { title: 'The node takes statements, in the part that decides (1) or not (0)', unit: '' },
    cluster_paused: { title: 'Galera replication held up by flow control', unit: '%' },
    database_size: { title: 'Size of the database’s InnoDB tables', unit: 'B', items: ['database'] },
  },
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'connections used up', metric: 'connections_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'connections refused', metric: 'connections_refused', thresholds: { MAJOR: '> 0/s' } },
    { name: 'failed sign-ins', metric: 'aborted_connects', thresholds: { WARNING: '> 10/min' }, for: '5m' },
    { name: 'locks', metric: 'lock_wait_longest', thresholds: { WARNING: '> 60s', CRITICAL: '> 10m' } },
    { name: 'long transaction', metric: 'transaction_longest', thresholds: { WARNING: '> 1h', MAJOR: '> 6h' } },
    { name: 'deadlocks', metric: 'deadlocks', thresholds: { INFO: '> 1/min' }, for: '5m' },
    { name: 'old versions pile up', metric: 'history_length', thresholds: { WARNING: '> 1000000' }, for: '15m' },
    { name: 'buffer pool too small', metric: 'buffer_pool_hit', thresholds: { INFO: '< 90%' }, for: '15m' },
    { name: 'replication stopped', metric: 'replication_running', thresholds: { CRITICAL: '< 1' }, for: '1m' },
    {
      name: 'replication lag',
      metric: 'replication_lag',
      thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' },
      for: '1m',
    },
    { name: 'cluster node not ready', metric: 'cluster_ready', thresholds: { CRITICAL: '< 1' } },
    { name: 'cluster held up', metric: 'cluster_paused', thresholds: { WARNING: '> 10%' }, for: '5m' },
    { name: 'restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs:
    'A user with PROCESS and REPLICATION CLIENT, for replicas of MariaDB 10.5 and newer SLAVE MONITOR. What a missing privilege hides is left out, and the result says so. Tested against MariaDB 10.11; what MySQL words in another way, on rows of the published shape.',
  grant: `CREATE USER 'farwatch'@'%' IDENTIFIED BY 'PASSWORD' WITH MAX_USER_CONNECTIONS 5;
GRANT PROCESS, REPLICATION CLIENT ON *.* TO 'farwatch'@'%';
-- MariaDB 10.5 and newer, besides:
GRANT SLAVE MONITOR ON *.* TO 'farwatch'@'%';`,
  thresholdsFrom:
    'Connections 80 and 95 %, lag 60 and 300 s: the usual rules for mysqld_exporter. A million kept changes: Percona’s advice on purge lag. The others: our own judgement.',
  tryIt:
    'On a replica `STOP REPLICA SQL_THREAD` raises “replication stopped” after a minute; `SET GLOBAL max_connections` just above what is connected raises “connections used up”.',
  async collect({ sizes }, { client, signal, previous, remember }) {
    return client.session(signal, async (session) => {
      const parts = new SqlParts(session)
      const isMariaDb = /mariadb/i.test(session.version)
      const status = valuesOf(await parts.read('status', statusSql))
      const variables = valuesOf(await parts.read('variables', variablesSql))
      const counts = isMariaDb
        ? new Map<string, SqlRow[string]>()
        : valuesOf(await parts.read('InnoDB counts', countsSql))
      const [transactions] = (await parts.read('transactions', transactionsSql)) ?? []
      const [work] = (await parts.read('statements', workSql)) ?? []
      const replication = (await parts.read('replication', replicationSql(isMariaDb, session.version))) ?? []
      const sizesSeen = sizes ? ((await parts.read('sizes', sizesSql(isMariaDb, session.version))) ?? []) : []
      const number = (name: string) => numberFrom(status.get(name))
      const connections = number('threads_connected')
      const max = numberFrom(variables.get('max_connections'))
      const pages = number('innodb_buffer_pool_pages_total')
      const free = number('innodb_buffer_pool_pages_free')
      const misses = number('innodb_buffer_pool_reads')
      const requests = number('innodb_buffer_pool_read_requests')
      const reads = { hits: requests === undefined || misses === undefined ? undefined : requests - misses, misses }
      remember(reads)
      const inCluster = (number('wsrep_cluster_size') ?? 0) > 0
      const outcome = parts.outcome(client)
      return {
        metrics: {
          connect: session.connect,
          ...measured({
            uptime: number('uptime'),
            connections,
            connections_max: max,
            connections_used: shareOf(connections, max),
            threads_running: number('threads_running'),
            connections_refused: number('connection_errors_max_connections'),
            aborted_connects: number('aborted_connects'),
            aborted_clients: number('aborted_clients'),
            questions: number('questions'),
            slow_queries: number('slow_queries'),
            query_longest: work === undefined ? undefined : (numberIn(work, 'longest') ?? 0),
            transaction_longest: transactions === undefined ? undefined : (numberIn(transactions, 'longest') ?? 0),
            locks_waiting: transactions === undefined ? undefined : (numberIn(transactions, 'waiting') ?? 0),
            lock_wait_longest: transactions === undefined ? undefined : (numberIn(transactions, 'longest_wait') ?? 0),
            lock_waits: number('innodb_row_lock_waits'),
            deadlocks: number('innodb_deadlocks') ?? numberFrom(counts.get('lock_deadlocks')),
            history_length: number('innodb_history_list_length') ?? numberFrom(counts.get('trx_rseg_history_len')),
            buffer_pool_hit: shareSince(numbersBefore(previous), reads, 1_000),
            buffer_pool_used: free === undefined || pages === undefined ? undefined : shareOf(pages - free, pages),
            buffer_pool_dirty: shareOf(number('innodb_buffer_pool_pages_dirty'), pages),
            temporary_tables: number('created_tmp_disk_tables'),
            received: number('bytes_received'),
            sent: number('bytes_sent'),
            read_only: readOnly(variables.get('read_only')),
            replicas: number('slaves_connected') ?? number('replicas_connected'),
            cluster_size: inCluster ? number('wsrep_cluster_size') : undefined,
            cluster_ready: inCluster
              ? status.get('wsrep_ready') === 'ON' && status.get('wsrep_cluster_status') === 'Primary'
                ? 1
                : 0
              : undefined,
            cluster_paused: inCluster ? shareOf(number('wsrep_flow_control_paused'), 1) : undefined,
          }),
          ...replicationOf(replication),
          database_size: itemsIn(sizesSeen, 'size', ['database']),
        },
        ...outcome,
        facts: {
          ...outcome.facts,
          ...(variables.has('version_comment')
            ? { edition: String(variables.get('version_comment')).slice(0, 100) }
            : {}),
          ...(variables.has('hostname') ? { hostname: String(variables.get('hostname')).slice(0, 200) } : {}),
          ...replicationFacts(replication),
        },
      }
    })
  },
})

const statusSql = `
  SHOW GLOBAL STATUS WHERE variable_name IN (
    'Uptime', 'Threads_connected', 'Threads_running', 'Connection_errors_max_connections', 'Aborted_connects', 'Aborted_clients',
    'Questions', 'Slow_queries', 'Innodb_row_lock_waits', 'Innodb_deadlocks', 'Innodb_history_list_length',
    'Innodb_buffer_pool_reads', 'Innodb_buffer_pool_read_requests', 'Innodb_buffer_pool_pages_total',
    'Innodb_buffer_pool_pages_free', 'Innodb_buffer_pool_pages_dirty', 'Created_tmp_disk_tables', 'Bytes_received', 'Bytes_sent',
    'Slaves_connected', 'Replicas_connected', 'wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_ready',
    'wsrep_flow_control_paused')`

const variablesSql = `
  SHOW GLOBAL VARIABLES WHERE variable_name IN ('max_connections', 'read_only', 'version_comment', 'hostname')`

// MariaDB has both among its status; this list of MySQL's counts them since the start.
const countsSql = `
  SELECT name AS Variable_name, count AS Value FROM information_schema.innodb_metrics
   WHERE name IN ('lock_deadlocks', 'trx_rseg_history_len')`

const transactionsSql = `
  SELECT max(timestampdiff(SECOND, trx_started, now())) AS longest,
         sum(trx_state = 'LOCK WAIT') AS waiting,
         max(timestampdiff(SECOND, trx_wait_started, now())) AS longest_wait
    FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> connection_id()`

// Replication threads are at work for as long as they live.
const workSql = `
  SELECT max(time) AS longest FROM information_schema.processlist
   WHERE command IN ('Query', 'Execute') AND id <> connection_id() AND user <> 'system user'`

function replicationSql(isMariaDb: boolean, version: string): string {
  if (isMariaDb) return 'SHOW ALL SLAVES STATUS'
  return isVersionAtLeast(version, 8, 0, 22) ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS'
}

function sizesSql(isMariaDb: boolean, version: string): string {
  const tablespaces = !isMariaDb && isVersionAtLeast(version, 8) ? 'innodb_tablespaces' : 'innodb_sys_tablespaces'
  return `SELECT substring_index(name, '/', 1) AS \`database\`, sum(file_size) AS size FROM information_schema.${tablespaces}
           WHERE name LIKE '%/%' GROUP BY 1 ORDER BY 1`
}

/** Names in lower case, as servers differ in how they write them. */
function valuesOf(rows: readonly SqlRow[] = []): ReadonlyMap<string, SqlRow[string]> {
  return new Map(rows.map((row) => [String(row['Variable_name']).toLowerCase(), row['Value'] ?? null]))
}

function numberFrom(value: SqlRow[string] | undefined): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Math.abs(number) < 1e100 ? number : undefined
}

function readOnly(value: SqlRow[string] | undefined): number | undefined {
  return value === undefined ? undefined : value === 'ON' || value === '1' || value === 1 ? 1 : 0
}

/** A column of a replication by the newer or the older of its names. */
function column(row: SqlRow, newer: string, older: string): SqlRow[string] {
  return row[newer] ?? row[older] ?? null
}

function sourceOf(row: SqlRow): string {
  const channel = column(row, 'Channel_Name', 'Connection_name')
  if (typeof channel === 'string' && channel !== '') return channel.slice(0, 100)
  return `${column(row, 'Source_Host', 'Master_Host')}:${column(row, 'Source_Port', 'Master_Port')}`.slice(0, 200)
}

function replicationOf(rows: readonly SqlRow[]) {
  const running = new Map<string, Item>()
  const lag = new Map<string, Item>()
  for (const row of rows) {
    const labels = { source: sourceOf(row) }
    const threads = [
      column(row, 'Replica_IO_Running', 'Slave_IO_Running'),
      column(row, 'Replica_SQL_Running', 'Slave_SQL_Running'),
    ]
    running.set(labels.source, { labels, value: threads.every((state) => state === 'Yes') ? 1 : 0 })
    // Nothing while it does not run: the server does not know how far behind it is.
    const behind = numberFrom(column(row, 'Seconds_Behind_Source', 'Seconds_Behind_Master'))
    if (behind !== undefined)
      lag.set(labels.source, { labels, value: Math.max(0, behind - (numberFrom(row['SQL_Delay']) ?? 0)) })
  }
  return { replication_running: [...running.values()], replication_lag: [...lag.values()] }
}

/** Why a replication stands still, in the server's words. */
function replicationFacts(rows: readonly SqlRow[]): Readonly<Record<string, string>> {
  const errors = rows.flatMap((row) => {
    const words = [row['Last_IO_Error'], row['Last_SQL_Error']].filter((one) => typeof one === 'string' && one !== '')
    return words.length === 0 ? [] : [`${sourceOf(row)}: ${words.join('; ')}`]
  })
  return errors.length === 0
    ? {}
    : {
        replication: errors
          .join('; ')
          .replace(/\p{Cc}/gu, ' ')
          .slice(0, 900),
      }
}
