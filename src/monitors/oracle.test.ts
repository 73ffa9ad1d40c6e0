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
import oracle from './oracle.ts'

// A standby that is open for reading, in the shape that Oracle documents, with a primary's values besides.
const healthy: Readonly<Record<string, readonly SqlRow[]>> = {
  'FROM v$instance': [{ name: 'ORCL1', host: 'db1', status: 'OPEN', uptime: 86_400, is_open: 1 }],
  'FROM v$database_block': [{ blocks: 0 }],
  'FROM v$database': [{ name: 'ORCL', role: 'PHYSICAL STANDBY', open_mode: 'READ ONLY WITH APPLY' }],
  blocking_session: [{ blocked: 0, longest: null }],
  'FROM v$session': [{ sessions: 40, active: 3 }],
  resource_limit: [
    { resource: 'processes', used: 150, whole: 300 },
    { resource: 'transactions', used: 3, whole: null },
  ],
  'FROM v$transaction': [{ longest: 12 }],
  tablespace_usage: [
    { tablespace: 'USERS', used: 10, whole: 100, free: 90 },
    { tablespace: 'UNDOTBS1', used: 70, whole: 100, free: 30 },
  ],
  recovery_file_dest: [{ used: 1, size_limit: 4 }],
  asm_diskgroup: [{ group: 'DATA', used: 60, whole: 100 }],
  dataguard_stats: [
    { kind: 'transport', value: '+00 00:00:02' },
    { kind: 'apply', value: '+01 02:03:04' },
  ],
  archive_dest_status: [{ destination: 'LOG_ARCHIVE_DEST_1', failed: 0 }],
  rman_backup: [{ age: 7_200, log_age: 900, failed: 0 }],
  job_run_details: [{ failed: 0 }],
  dba_scheduler_jobs: [{ broken: 0 }],
  dba_objects: [],
}
const ask = (answers: SqlAnswers, settings = {}) =>
  collectOnce(oracle, settings, { client: sqlDatabase(answers, { dialect: 'oracle', version: '19.22.0.0.0' }) })

test('reports the instance, space, standby, backups and jobs', async () => {
  const seen = await ask(healthy)
  expectSound(oracle, seen)
  expect([seen.metrics, seen.facts, judgedBy(oracle, seen)]).toEqual([
    {
      connect: 9,
      uptime: 86_400,
      instance_open: 1,
      sessions: 40,
      sessions_active: 3,
      blocked: 0,
      blocked_longest: 0,
      transaction_longest: 12,
      recovery_area_used: 25,
      backup_age: 7_200,
      log_backup_age: 900,
      backups_failed: 0,
      jobs_broken: 0,
      jobs_failed: 0,
      corrupt_blocks: 0,
      resource_used: [{ labels: { resource: 'processes' }, value: 50 }],
      tablespace_used: [
        { labels: { tablespace: 'USERS' }, value: 10 },
        { labels: { tablespace: 'UNDOTBS1' }, value: 70 },
      ],
      tablespace_free: [
        { labels: { tablespace: 'USERS' }, value: 90 },
        { labels: { tablespace: 'UNDOTBS1' }, value: 30 },
      ],
      disk_group_used: [{ labels: { group: 'DATA' }, value: 60 }],
      standby_lag: [
        { labels: { kind: 'transport' }, value: 2 },
        { labels: { kind: 'apply' }, value: 93_784 },
      ],
      archive_failed: [{ labels: { destination: 'LOG_ARCHIVE_DEST_1' }, value: 0 }],
      objects_invalid: [],
    },
    {
      version: '19.22.0.0.0',
      database: 'shop',
      instance: 'ORCL1',
      host: 'db1',
      status: 'OPEN',
      name: 'ORCL',
      role: 'PHYSICAL STANDBY',
      open: 'READ ONLY WITH APPLY',
    },
    { 'standby lag': 'CRITICAL' },
  ])
})

// what is otherwise → what raises
const troubles: [string, SqlAnswers, Record<string, string>][] = [
  ['a restart', { 'FROM v$instance': [{ status: 'OPEN', uptime: 20, is_open: 1 }] }, { restarted: 'INFO' }],
  ['a restricted instance', { 'FROM v$instance': [{ status: 'OPEN', is_open: 0 }] }, { 'instance not open': 'MAJOR' }],
  [
    'processes',
    { resource_limit: [{ resource: 'processes', used: 290, whole: 300 }] },
    { 'resource used up': 'CRITICAL' },
  ],
  ['blocking', { blocking_session: [{ blocked: 1, longest: 700 }] }, { blocking: 'CRITICAL' }],
  ['a forgotten transaction', { 'FROM v$transaction': [{ longest: 4_000 }] }, { 'long transaction': 'WARNING' }],
  [
    'a tablespace',
    { tablespace_usage: [{ tablespace: 'USERS', used: 96, whole: 100 }] },
    { 'tablespace full': 'CRITICAL' },
  ],
  ['the recovery area', { recovery_file_dest: [{ used: 9, size_limit: 10 }] }, { 'recovery area full': 'WARNING' }],
  ['ASM', { asm_diskgroup: [{ group: 'DATA', used: 99, whole: 100 }] }, { 'disk group full': 'CRITICAL' }],
  ['archiving', { archive_dest_status: [{ destination: 'D1', failed: 1 }] }, { 'logs not archived': 'CRITICAL' }],
  [
    'backups',
    { rman_backup: [{ age: 180_000, log_age: 20_000, failed: 1 }] },
    { 'backup too old': 'MAJOR', 'log backup too old': 'WARNING', 'backup failed': 'MAJOR' },
  ],
  [
    'jobs',
    { dba_scheduler_jobs: [{ broken: 1 }], job_run_details: [{ failed: 2 }] },
    { 'jobs broken': 'WARNING', 'jobs failed': 'INFO' },
  ],
  ['invalid objects', { dba_objects: [{ owner: 'SHOP', objects: 3 }] }, { 'invalid objects': 'INFO' }],
  ['damaged blocks', { 'FROM v$database_block': [{ blocks: 2 }] }, { 'damaged blocks': 'CRITICAL' }],
]
test.each(troubles)('%s raises', async (_, trouble, wanted) => {
  const primary = { ...healthy, 'FROM v$database': [{ role: 'PRIMARY', open_mode: 'READ WRITE' }] }
  expect(judgedBy(oracle, await ask({ ...primary, ...trouble }))).toEqual(wanted)
})

test('a database that is only mounted is not asked for its dictionary', async () => {
  const mounted = { 'FROM v$database': [{ role: 'PRIMARY', open_mode: 'MOUNTED' }] }
  const seen = await ask({ ...healthy, ...mounted })
  expect([seen.metrics['tablespace_used'], seen.metrics['jobs_broken'], seen.metrics['sessions']]).toEqual([
    [],
    undefined,
    40,
  ])
})

test('what is left out by name raises nothing, and what a privilege hides is said', async () => {
  const no = new StatementRefused('ORA-00942', 'table or view does not exist')
  const full = { tablespace_usage: [{ tablespace: 'ARCHIVE_2019', used: 99, whole: 100 }], rman_backup: no }
  const seen = await ask({ ...healthy, ...full, dataguard_stats: [] }, { excludeTablespaces: ['ARCHIVE_*'] })
  expect([judgedBy(oracle, seen), seen.message]).toEqual([{}, 'left out: backups (table or view does not exist)'])
})

test('whatever rows come, what is said is sound', () =>
  withstandsDamagedRows(oracle, healthy, { database: { dialect: 'oracle', version: '19.22.0.0.0' } }))
