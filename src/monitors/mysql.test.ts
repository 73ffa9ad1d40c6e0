import { expect, test } from 'vitest'
import { StatementRefused, type SqlRow } from '../sdk/index.ts'
import {
  type SqlAnswers,
  collectOnce,
  expectSound,
  judgedBy,
  sqlDatabase,
  withstandsDamagedRows,
} from '../sdk/testing.ts'
import mysql from './mysql.ts'

/** `Threads_connected 5` as the rows of SHOW. */
const shown = (text: string): SqlRow[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ (.*)/))
    .map(([name, value]) => ({ Variable_name: name!, Value: value ?? '' }))

const status = `
  Uptime 86400
  Threads_connected 30
  Threads_running 2
  Connection_errors_max_connections 0
  Aborted_connects 3
  Aborted_clients 4
  Questions 1000
  Slow_queries 5
  Innodb_row_lock_waits 6
  Innodb_buffer_pool_reads 100
  Innodb_buffer_pool_read_requests 10000
  Innodb_buffer_pool_pages_total 1000
  Innodb_buffer_pool_pages_free 250
  Innodb_buffer_pool_pages_dirty 10
  Created_tmp_disk_tables 7
  Bytes_received 8
  Bytes_sent 9
  wsrep_cluster_size 3
  wsrep_cluster_status Primary
  wsrep_ready ON
  wsrep_flow_control_paused 0.01`

const replication: SqlRow = {
  Replica_IO_State: 'Waiting for source to send event',
  Source_Host: '10.0.0.5',
  Source_Port: 3306,
  Replica_IO_Running: 'Yes',
  Replica_SQL_Running: 'Yes',
  Last_IO_Error: '',
  Last_SQL_Error: '',
  Seconds_Behind_Source: 12,
  SQL_Delay: 10,
  Channel_Name: '',
}

// A replica of MySQL 8.4 in a Galera cluster, which no real one is: for the sake of every value.
const healthy: Readonly<Record<string, readonly SqlRow[]>> = {
  'GLOBAL STATUS': shown(status),
  'GLOBAL VARIABLES': shown(
    'max_connections 100\nread_only ON\nversion_comment MySQL Community Server - GPL\nhostname db1',
  ),
  innodb_metrics: shown('lock_deadlocks 1\ntrx_rseg_history_len 20'),
  innodb_trx: [{ longest: 5, waiting: 1, longest_wait: 2 }],
  processlist: [{ longest: 4 }],
  'REPLICA STATUS': [replication],
  'information_schema.innodb_tablespaces': [
    { database: 'shop', size: 8192 },
    { database: 'mysql', size: 4096 },
  ],
}
const ask = (answers: SqlAnswers, version = '8.4.2') =>
  collectOnce(
    mysql,
    {},
    { client: sqlDatabase(answers, { dialect: 'mysql', version }), previous: { hits: 900, misses: 100 } },
  )

test('reports connections, locks, replication, the pool, the cluster and sizes', async () => {
  const seen = await ask(healthy)
  expectSound(mysql, seen)
  expect([seen.metrics, seen.facts, judgedBy(mysql, seen)]).toEqual([
    {
      connect: 9,
      uptime: 86_400,
      connections: 30,
      connections_max: 100,
      connections_used: 30,
      threads_running: 2,
      connections_refused: 0,
      aborted_connects: 3,
      aborted_clients: 4,
      questions: 1000,
      slow_queries: 5,
      query_longest: 4,
      transaction_longest: 5,
      locks_waiting: 1,
      lock_wait_longest: 2,
      lock_waits: 6,
      deadlocks: 1,
      history_length: 20,
      buffer_pool_hit: 100,
      buffer_pool_used: 75,
      buffer_pool_dirty: 1,
      temporary_tables: 7,
      received: 8,
      sent: 9,
      read_only: 1,
      cluster_size: 3,
      cluster_ready: 1,
      cluster_paused: 1,
      replication_running: [{ labels: { source: '10.0.0.5:3306' }, value: 1 }],
      replication_lag: [{ labels: { source: '10.0.0.5:3306' }, value: 2 }],
      database_size: [
        { labels: { database: 'shop' }, value: 8192 },
        { labels: { database: 'mysql' }, value: 4096 },
      ],
    },
    { version: '8.4.2', database: 'shop', edition: 'MySQL Community Server - GPL', hostname: 'db1' },
    {},
  ])
})

// what is otherwise → what raises
const troubles: [string, SqlAnswers, Record<string, string>][] = [
  ['full', { 'GLOBAL VARIABLES': shown('max_connections 31') }, { 'connections used up': 'CRITICAL' }],
  ['a lock', { innodb_trx: [{ longest: 70, waiting: 1, longest_wait: 61 }] }, { locks: 'WARNING' }],
  ['a forgotten transaction', { innodb_trx: [{ longest: 22_000 }] }, { 'long transaction': 'MAJOR' }],
  ['lag', { 'REPLICA STATUS': [{ ...replication, Seconds_Behind_Source: 311 }] }, { 'replication lag': 'CRITICAL' }],
  [
    'a broken replication',
    { 'REPLICA STATUS': [{ ...replication, Replica_SQL_Running: 'No', Seconds_Behind_Source: null }] },
    { 'replication stopped': 'CRITICAL' },
  ],
  [
    'a node that is alone',
    { 'GLOBAL STATUS': shown(status.replace('Primary', 'non-Primary')) },
    { 'cluster node not ready': 'CRITICAL' },
  ],
  ['old versions', { innodb_metrics: shown('trx_rseg_history_len 2000000') }, { 'old versions pile up': 'WARNING' }],
  ['a restart', { 'GLOBAL STATUS': shown('Uptime 20') }, { restarted: 'INFO' }],
]
test.each(troubles)('%s raises', async (_, trouble, wanted) => {
  expect(judgedBy(mysql, await ask({ ...healthy, ...trouble }))).toEqual(wanted)
})

test('what the server counts raises when it grows, and a pool or a cluster that is too slow', async () => {
  const at = (more: string, deadlocks = 1) =>
    ask({
      ...healthy,
      'GLOBAL STATUS': shown(`${status}\n${more}`),
      innodb_metrics: shown(`lock_deadlocks ${deadlocks}\ntrx_rseg_history_len 20`),
    })
  const before = await ask(healthy)
  const replaced = (from: string, to: string) => ask({ ...healthy, 'GLOBAL STATUS': shown(status.replace(from, to)) })
  expect([
    judgedBy(mysql, await replaced('max_connections 0', 'max_connections 2'), before),
    judgedBy(mysql, await replaced('Aborted_connects 3', 'Aborted_connects 30'), before),
    judgedBy(mysql, await at('', 4), before),
    judgedBy(mysql, await replaced('pool_reads 100', 'pool_reads 3000'), before),
    judgedBy(mysql, await replaced('paused 0.01', 'paused 0.3'), before),
    judgedBy(mysql, await ask(healthy), before),
  ]).toEqual([
    { 'connections refused': 'MAJOR' },
    { 'failed sign-ins': 'WARNING' },
    { deadlocks: 'INFO' },
    { 'buffer pool too small': 'INFO' },
    { 'cluster held up': 'WARNING' },
    {},
  ])
})

test('a replication that stands still says why in the server’s words', async () => {
  const broken = { ...replication, Replica_SQL_Running: 'No', Last_SQL_Error: 'Duplicate entry', Channel_Name: 'erp' }
  const seen = await ask({ ...healthy, 'REPLICA STATUS': [broken] })
  expect(seen.facts?.['replication']).toBe('erp: Duplicate entry')
})

// version → the words it is asked for its replication in
const words: [string, string][] = [
  ['5.7.44-log', 'SHOW SLAVE STATUS'],
  ['8.0.21', 'SHOW SLAVE STATUS'],
  ['8.0.22', 'SHOW REPLICA STATUS'],
  ['9.1.0', 'SHOW REPLICA STATUS'],
  ['10.11.6-MariaDB', 'SHOW ALL SLAVES STATUS'],
]
test.each(words)('%s is asked %s', async (version, sql) => {
  const old = {
    Master_Host: 'm',
    Master_Port: 1,
    Slave_IO_Running: 'Yes',
    Slave_SQL_Running: 'Yes',
    Seconds_Behind_Master: 0,
  }
  const seen = await ask({ [sql]: [old] }, version)
  expect([seen.metrics['replication_running'], seen.metrics['replication_lag']]).toEqual([
    [{ labels: { source: 'm:1' }, value: 1 }],
    [{ labels: { source: 'm:1' }, value: 0 }],
  ])
})

test('what a missing privilege hides is left out with the server’s words', async () => {
  const no = new StatementRefused('ER_SPECIFIC_ACCESS_DENIED_ERROR', 'Access denied; you need the PROCESS privilege')
  const seen = await ask({ ...healthy, innodb_trx: no })
  expect([seen.message, seen.metrics['transaction_longest'], seen.metrics['connections']]).toEqual([
    'left out: transactions (Access denied; you need the PROCESS privilege)',
    undefined,
    30,
  ])
})

test('whatever rows come, what is said is sound', () =>
  withstandsDamagedRows(mysql, healthy, { database: { dialect: 'mysql', version: '8.4.2' } }))
