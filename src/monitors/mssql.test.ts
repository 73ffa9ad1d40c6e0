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
import mssql from './mssql.ts'

const counter = (name: string, value: number, instance = ''): SqlRow => ({ counter: name, instance, value })
const counters = [
  counter('Number of Deadlocks/sec', 3, '_Total'),
  counter('Batch Requests/sec', 9_000),
  counter('Page life expectancy', 5_000),
  counter('Buffer cache hit ratio', 1_990),
  counter('Buffer cache hit ratio base', 2_000),
  counter('Memory Grants Pending', 0),
  counter('Total Server Memory (KB)', 1_000),
  counter('Target Server Memory (KB)', 2_000),
  counter('Percent Log Used', 12, 'shop'),
  counter('Percent Log Used', 99, '_Total'),
  counter('Percent Log Used', 98, 'mssqlsystemresource'),
  counter('Data File(s) Size (KB)', 8, 'shop'),
  counter('Log File(s) Size (KB)', 4, 'shop'),
]

// An instance with an availability group, in the shape that Microsoft documents.
const healthy: Readonly<Record<string, readonly SqlRow[]>> = {
  'sys.dm_os_sys_info': [
    { uptime: 86_400, workers_max: 512, workers: 128, edition: 'Enterprise Edition (64-bit)', groups: 1 },
  ],
  dm_exec_sessions: [{ sessions: 7, running: 2 }],
  dm_exec_requests: [{ blocked: 0, longest: null }],
  dm_tran_active_transactions: [{ longest: 4 }],
  dm_os_performance_counters: counters,
  log_reuse_wait_desc: [
    { database: 'master', online: 1, state: 'ONLINE', log_waits: 'NOTHING' },
    { database: 'shop', online: 1, state: 'ONLINE', log_waits: 'LOG_BACKUP' },
  ],
  dm_db_file_space_usage: [{ size: 1_000, used: 100 }],
  dm_os_volume_stats: [{ volume: 'D:\\', size: 1_000, available: 400 }],
  dm_hadr_availability_replica_states: [
    { group: 'ag1', replica: 'SQL1', healthy: 1, is_primary: 1 },
    { group: 'ag1', replica: 'SQL2', healthy: 1, is_primary: 0 },
  ],
  dm_hadr_database_replica_states: [
    { database: 'shop', replica: 'SQL1', suspended: 0, lag: null, send_queue: null, redo_queue: 0 },
    { database: 'shop', replica: 'SQL2', suspended: 0, lag: 2, send_queue: 1024, redo_queue: 2048 },
  ],
  backupset: [
    { database: 'master', age: 3_600, log_age: null },
    { database: 'shop', age: 7_200, log_age: 900 },
  ],
  suspect_pages: [{ pages: 0 }],
  sysjobservers: [{ job: 'nightly', failed: 0 }],
}
const ask = (answers: SqlAnswers, settings = {}) =>
  collectOnce(mssql, settings, {
    client: sqlDatabase(answers, { dialect: 'mssql', version: '16.0.4200.1' }),
    previous: { hits: 990, misses: 0 },
  })

test('reports the instance, its databases, the group, backups and jobs', async () => {
  const seen = await ask(healthy)
  expectSound(mssql, seen)
  const replica = (name: string) => ({ group: 'ag1', replica: name })
  const moved = { database: 'shop', replica: 'SQL2' }
  expect([seen.metrics, seen.facts, judgedBy(mssql, seen)]).toEqual([
    {
      connect: 9,
      uptime: 86_400,
      sessions: 7,
      sessions_running: 2,
      workers_used: 25,
      blocked: 0,
      blocked_longest: 0,
      transaction_longest: 4,
      deadlocks: 3,
      batches: 9_000,
      page_life: 5_000,
      cache_hit: (100 * 1_000) / 1_010,
      memory_grants_pending: 0,
      memory_used: 1_024_000,
      memory_target: 2_048_000,
      tempdb_used: 10,
      suspect_pages: 0,
      database_online: [
        { labels: { database: 'master' }, value: 1 },
        { labels: { database: 'shop' }, value: 1 },
      ],
      database_size: [{ labels: { database: 'shop' }, value: 8_192 }],
      log_used: [{ labels: { database: 'shop' }, value: 12 }],
      log_size: [{ labels: { database: 'shop' }, value: 4_096 }],
      volume_used: [{ labels: { volume: 'D:\\' }, value: 60 }],
      volume_available: [{ labels: { volume: 'D:\\' }, value: 400 }],
      replica_healthy: [
        { labels: replica('SQL1'), value: 1 },
        { labels: replica('SQL2'), value: 1 },
      ],
      replica_primary: [
        { labels: replica('SQL1'), value: 1 },
        { labels: replica('SQL2'), value: 0 },
      ],
      replica_suspended: [
        { labels: { ...moved, replica: 'SQL1' }, value: 0 },
        { labels: moved, value: 0 },
      ],
      replica_lag: [{ labels: moved, value: 2 }],
      replica_send_queue: [{ labels: moved, value: 1024 }],
      replica_redo_queue: [
        { labels: { ...moved, replica: 'SQL1' }, value: 0 },
        { labels: moved, value: 2048 },
      ],
      backup_age: [
        { labels: { database: 'master' }, value: 3_600 },
        { labels: { database: 'shop' }, value: 7_200 },
      ],
      log_backup_age: [{ labels: { database: 'shop' }, value: 900 }],
      job_failed: [{ labels: { job: 'nightly' }, value: 0 }],
    },
    { version: '16.0.4200.1', database: 'shop', edition: 'Enterprise Edition (64-bit)' },
    {},
  ])
})

// what is otherwise → what raises
const troubles: [string, SqlAnswers, Record<string, string>][] = [
  ['workers', { 'sys.dm_os_sys_info': [{ workers_max: 100, workers: 96 }] }, { 'workers used up': 'CRITICAL' }],
  ['blocking', { dm_exec_requests: [{ blocked: 2, longest: 61 }] }, { blocking: 'WARNING' }],
  ['a forgotten transaction', { dm_tran_active_transactions: [{ longest: 22_000 }] }, { 'long transaction': 'MAJOR' }],
  [
    'memory',
    { dm_os_performance_counters: [counter('Page life expectancy', 200), counter('Memory Grants Pending', 1)] },
    { 'too little memory': 'WARNING', 'queries wait for memory': 'WARNING' },
  ],
  ['a full log', { dm_os_performance_counters: [counter('Percent Log Used', 96, 'shop')] }, { 'log full': 'CRITICAL' }],
  [
    'a database that is offline',
    { log_reuse_wait_desc: [{ database: 'old', online: 0, state: 'SUSPECT' }] },
    { 'database offline': 'MAJOR' },
  ],
  ['a full tempdb', { dm_db_file_space_usage: [{ size: 10, used: 9 }] }, { 'tempdb full': 'WARNING' }],
  [
    'a full volume',
    { dm_os_volume_stats: [{ volume: 'C:\\', size: 100, available: 1 }] },
    { 'volume full': 'CRITICAL' },
  ],
  [
    'a replica',
    {
      dm_hadr_availability_replica_states: [{ group: 'g', replica: 'b', healthy: 0 }],
      dm_hadr_database_replica_states: [{ database: 'shop', replica: 'b', suspended: 1, lag: 400 }],
    },
    { 'replica not healthy': 'CRITICAL', 'replica suspended': 'MAJOR', 'replica lag': 'CRITICAL' },
  ],
  [
    'backups',
    { backupset: [{ database: 'shop', age: 180_000, log_age: 4_000 }] },
    { 'backup too old': 'MAJOR', 'log backup too old': 'WARNING' },
  ],
  ['damaged pages', { suspect_pages: [{ pages: 1 }] }, { 'damaged pages': 'CRITICAL' }],
  ['a job', { sysjobservers: [{ job: 'nightly', failed: 1 }] }, { 'job failed': 'WARNING' }],
]
test.each(troubles)('%s raises', async (_, trouble, wanted) => {
  const groups = { 'sys.dm_os_sys_info': [{ groups: 1 }] }
  expect(judgedBy(mssql, await ask({ ...healthy, ...groups, ...trouble }))).toEqual(wanted)
})

test('a database that is left out raises nothing, and one that is offline is named', async () => {
  const offline = { log_reuse_wait_desc: [{ database: 'old', online: 0, state: 'OFFLINE' }] }
  const seen = await ask({ ...healthy, ...offline })
  const without = await ask({ ...healthy, ...offline }, { excludeDatabases: ['ol*'] })
  expect([seen.facts?.['offline'], judgedBy(mssql, without)]).toEqual(['old OFFLINE', {}])
})

test('without availability groups nobody is asked about them; what is refused is left out', async () => {
  const no = new StatementRefused('229', 'The SELECT permission was denied on the object')
  const answers = { ...healthy, 'sys.dm_os_sys_info': [{ groups: 0 }], dm_hadr: no, suspect_pages: no }
  const seen = await ask(answers)
  expect([seen.message, seen.metrics['replica_healthy'], seen.metrics['sessions']]).toEqual([
    'left out: damaged pages (The SELECT permission was denied on the object)',
    [],
    7,
  ])
})

test('whatever rows come, what is said is sound', () =>
  withstandsDamagedRows(mssql, healthy, { database: { dialect: 'mssql', version: '16.0.4200.1' } }))

test('deadlocks and a restart raise', async () => {
  const at = (deadlocks: number) =>
    ask({ ...healthy, dm_os_performance_counters: [counter('Number of Deadlocks/sec', deadlocks, '_Total')] })
  const restarted = { ...healthy, 'sys.dm_os_sys_info': [{ uptime: 20, workers_max: 512, workers: 128, groups: 1 }] }
  const before = await at(3)
  expect([
    judgedBy(mssql, await at(7), before),
    judgedBy(mssql, await at(3), before),
    judgedBy(mssql, await ask(restarted)),
  ]).toEqual([{ deadlocks: 'INFO' }, {}, { restarted: 'INFO' }])
})
