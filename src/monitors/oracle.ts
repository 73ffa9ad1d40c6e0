import { defineMonitor, type SqlRow } from '../sdk/index.ts'
import { measured, shareOf } from './formats/measured.ts'
import { excludeSetting, selectionProblems, selects } from './formats/selection.ts'
import { itemsIn, numberIn, SqlParts, textIn } from './formats/sql-parts.ts'

/**
 * An Oracle database in one short read-only session, from its dynamic and its dictionary views.
 *
 * Default thresholds: 80 and 95 % of sessions, processes, tablespaces, the recovery area and ASM, 60 and 300 s of standby lag.
 */
export default defineMonitor({
  id: 'oracle',
  title: 'Oracle Database',
  summary:
    'Instance state, sessions, processes, tablespaces, recovery area, ASM, blocking, standby lag, backups, jobs, invalid objects.',
  connector: 'oracle',
  settings: {
    excludeTablespaces: excludeSetting('Tablespaces left out', 'Names or patterns: those that are meant to be full.'),
    backups: {
      kind: 'flag',
      label: 'Ages of backups',
      help: 'From the control file’s list of RMAN’s jobs. Off where the database is backed up in another way.',
      default: true,
    },
  },
  metrics: {
    connect: { title: 'Time until a session was ready', unit: 'ms' },
    uptime: { title: 'Time since the instance started', unit: 's' },
    instance_open: { title: 'The instance is open for everybody (1) or not (0)', unit: '' },
    sessions: { title: 'Sessions of users', unit: '' },
    sessions_active: { title: 'Sessions of users at work', unit: '' },
    resource_used: { title: 'A resource of its limit', unit: '%', items: ['resource'] },
    blocked: { title: 'Sessions that wait for another one', unit: '' },
    blocked_longest: { title: 'Longest wait for another session', unit: 's' },
    transaction_longest: { title: 'Age of the oldest open transaction', unit: 's' },
    tablespace_used: {
      title: 'Tablespace in use, of the size that its files may grow to',
      unit: '%',
      items: ['tablespace'],
    },
    tablespace_free: { title: 'What the tablespace can still take', unit: 'B', items: ['tablespace'] },
    recovery_area_used: { title: 'Recovery area in use, without what can be given back', unit: '%' },
    disk_group_used: { title: 'ASM disk group in use', unit: '%', items: ['group'] },
    standby_lag: { title: 'How far this standby is behind', unit: 's', items: ['kind'] },
    archive_failed: { title: 'The archive destination has an error (1) or not (0)', unit: '', items: ['destination'] },
    backup_age: { title: 'Age of the newest backup of the database that went well', unit: 's' },
    log_backup_age: { title: 'Age of the newest backup of the archived logs that went well', unit: 's' },
    backups_failed: { title: 'Backups that failed within a day', unit: '' },
    jobs_broken: { title: 'Jobs of the scheduler that are broken or have failed too often', unit: '' },
    jobs_failed: { title: 'Runs of the scheduler’s jobs that failed within a day', unit: '' },
    objects_invalid: { title: 'Invalid objects', unit: '', items: ['owner'] },
    corrupt_blocks: { title: 'Damaged blocks that are known', unit: '' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  rules: [
    { name: 'no session', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'instance not open', metric: 'instance_open', thresholds: { MAJOR: '< 1' }, for: '5m' },
    { name: 'resource used up', metric: 'resource_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'blocking', metric: 'blocked_longest', thresholds: { WARNING: '> 60s', CRITICAL: '> 10m' } },
    { name: 'long transaction', metric: 'transaction_longest', thresholds: { WARNING: '> 1h', MAJOR: '> 6h' } },
    {
      name: 'tablespace full',
      metric: 'tablespace_used',
      thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' },
      for: '5m',
    },
    { name: 'recovery area full', metric: 'recovery_area_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'disk group full', metric: 'disk_group_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
    { name: 'standby lag', metric: 'standby_lag', thresholds: { WARNING: '> 60s', CRITICAL: '> 300s' }, for: '2m' },
    { name: 'logs not archived', metric: 'archive_failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'backup too old', metric: 'backup_age', thresholds: { WARNING: '> 29h', MAJOR: '> 48h' } },
    { name: 'log backup too old', metric: 'log_backup_age', thresholds: { WARNING: '> 4h', MAJOR: '> 24h' } },
    { name: 'backup failed', metric: 'backups_failed', thresholds: { MAJOR: '> 0' } },
    { name: 'jobs broken', metric: 'jobs_broken', thresholds: { WARNING: '> 0' } },
    { name: 'jobs failed', metric: 'jobs_failed', thresholds: { INFO: '> 0' } },
    { name: 'invalid objects', metric: 'objects_invalid', thresholds: { INFO: '> 0' }, for: '1h' },
    { name: 'damaged blocks', metric: 'corrupt_blocks', thresholds: { CRITICAL: '> 0' } },
    { name: 'restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs:
    'A user that may open a session and read the catalogue. In a container database a user of the container sees its own tablespaces; a common user of the root sees the instance. What a missing privilege hides is left out, and the result says so.',
  grant: `CREATE USER farwatch IDENTIFIED BY "PASSWORD";
GRANT CREATE SESSION, SELECT_CATALOG_ROLE TO farwatch;
-- for damaged blocks and failed jobs nothing further; in a root container: a name such as c##farwatch, and CONTAINER = ALL`,
  thresholdsFrom:
    'Sessions, tablespaces and lag: the usual rules for oracledb_exporter and Checkmk’s checks. Backups as for SAP HANA. The others: our own judgement.',
  tryIt:
    'Lock a row in two sessions: “blocking” raises after a minute. A tablespace of one small file without growth raises “tablespace full”.',
  check: ({ excludeTablespaces }, path) => selectionProblems({ excludeTablespaces }, path),
  async collect({ excludeTablespaces, backups }, { client, signal }) {
    const isWanted = selects([], excludeTablespaces)
    return client.session(signal, async (session) => {
      const parts = new SqlParts(session)
      const [instance] = (await parts.read('instance', instanceSql)) ?? []
      const [database] = (await parts.read('database', databaseSql)) ?? []
      const [sessions] = (await parts.read('sessions', sessionsSql)) ?? []
      const resources = await parts.read('resources', resourcesSql)
      const [blocking] = (await parts.read('blocking', blockingSql)) ?? []
      const [transactions] = (await parts.read('transactions', transactionsSql)) ?? []
      // Dictionary views can be read only where the database is open.
      const isOpen = String(database?.['open_mode'] ?? 'READ WRITE').startsWith('READ')
      const tablespaces = (isOpen ? await parts.read('tablespaces', tablespacesSql) : undefined) ?? []
      const [area] = (await parts.read('recovery area', recoveryAreaSql)) ?? []
      const groups = await parts.read('disk groups', diskGroupsSql)
      const isStandby = String(database?.['role'] ?? 'PRIMARY') !== 'PRIMARY'
      const lag = (isStandby ? await parts.read('standby lag', standbySql) : undefined) ?? []
      const destinations = await parts.read('archive destinations', destinationsSql)
      const [saved] = (backups ? await parts.read('backups', backupsSql) : undefined) ?? []
      const [broken] = (isOpen ? await parts.read('jobs', brokenJobsSql) : undefined) ?? []
      const [failed] = (isOpen ? await parts.read('runs of jobs', failedJobsSql) : undefined) ?? []
      const invalid = (isOpen ? await parts.read('invalid objects', invalidSql) : undefined) ?? []
      const [corrupt] = (await parts.read('damaged blocks', corruptSql)) ?? []
      const wanted = tablespaces.filter((row) => isWanted(String(row['tablespace'])))
      const outcome = parts.outcome(client)
      return {
        metrics: {
          connect: session.connect,
          ...measured({
            uptime: numberIn(instance, 'uptime'),
            instance_open: numberIn(instance, 'is_open'),
            sessions: numberIn(sessions, 'sessions'),
            sessions_active: numberIn(sessions, 'active'),
            blocked: numberIn(blocking, 'blocked'),
            blocked_longest: blocking === undefined ? undefined : (numberIn(blocking, 'longest') ?? 0),
            transaction_longest: transactions === undefined ? undefined : (numberIn(transactions, 'longest') ?? 0),
            recovery_area_used: shareOf(numberIn(area, 'used'), numberIn(area, 'size_limit')),
            backup_age: numberIn(saved, 'age'),
            log_backup_age: numberIn(saved, 'log_age'),
            backups_failed: numberIn(saved, 'failed'),
            jobs_broken: numberIn(broken, 'broken'),
            jobs_failed: numberIn(failed, 'failed'),
            corrupt_blocks: numberIn(corrupt, 'blocks'),
          }),
          resource_used: itemsIn(resources, usedOfWhole, ['resource']),
          tablespace_used: itemsIn(wanted, usedOfWhole, ['tablespace']),
          tablespace_free: itemsIn(wanted, 'free', ['tablespace']),
          disk_group_used: itemsIn(groups, usedOfWhole, ['group']),
          standby_lag: itemsIn(lag, lagOf, ['kind']),
          archive_failed: itemsIn(destinations, 'failed', ['destination']),
          objects_invalid: itemsIn(invalid, 'objects', ['owner']),
        },
        ...outcome,
        facts: {
          ...outcome.facts,
          ...texts({ instance: instance?.['name'], host: instance?.['host'], status: instance?.['status'] }),
          ...texts({ name: database?.['name'], role: database?.['role'], open: database?.['open_mode'] }),
        },
      }
    })
  },
})

const instanceSql = `
  SELECT instance_name AS name, host_name AS host, status, (sysdate - startup_time) * 86400 AS uptime,
         CASE WHEN status = 'OPEN' AND logins = 'ALLOWED' THEN 1 ELSE 0 END AS is_open
    FROM v$instance`

const databaseSql = `SELECT name, database_role AS role, open_mode FROM v$database`

const sessionsSql = `
  SELECT count(*) AS sessions, sum(CASE WHEN status = 'ACTIVE' THEN 1 ELSE 0 END) AS active
    FROM v$session WHERE type = 'USER' AND sid <> sys_context('USERENV', 'SID')`

// A limit is padded text, and may be UNLIMITED.
const resourcesSql = `
  SELECT resource_name AS "resource", current_utilization AS used,
         CASE WHEN trim(limit_value) = 'UNLIMITED' THEN NULL ELSE to_number(trim(limit_value)) END AS whole
    FROM v$resource_limit WHERE resource_name IN ('processes', 'sessions', 'transactions', 'parallel_max_servers')`

const blockingSql = `
  SELECT count(*) AS blocked, max(seconds_in_wait) AS longest FROM v$session WHERE blocking_session IS NOT NULL AND type = 'USER'`

const transactionsSql = `SELECT max((sysdate - start_date) * 86400) AS longest FROM v$transaction`

// The metrics of the server itself count what files may grow to; in blocks of each tablespace.
const tablespacesSql = `
  SELECT m.tablespace_name AS tablespace, m.used_space * t.block_size AS used, m.tablespace_size * t.block_size AS whole,
         (m.tablespace_size - m.used_space) * t.block_size AS free
    FROM dba_tablespace_usage_metrics m JOIN dba_tablespaces t ON t.tablespace_name = m.tablespace_name ORDER BY 1`

const recoveryAreaSql = `
  SELECT sum(space_used - space_reclaimable) AS used, sum(space_limit) AS size_limit FROM v$recovery_file_dest`

const diskGroupsSql = `
  SELECT name AS "group", total_mb - usable_file_mb * decode(type, 'HIGH', 3, 'NORMAL', 2, 1) AS used, total_mb AS whole
    FROM v$asm_diskgroup_stat WHERE total_mb > 0`

// As intervals in text: +00 00:01:12
const standbySql = `SELECT replace(name, ' lag') AS kind, value FROM v$dataguard_stats WHERE name IN ('transport lag', 'apply lag')`

const destinationsSql = `
  SELECT dest_name AS destination, CASE WHEN status = 'ERROR' THEN 1 ELSE 0 END AS failed
    FROM v$archive_dest_status WHERE status IN ('VALID', 'ERROR') AND type <> 'UNKNOWN'`

const backupsSql = `
  SELECT (sysdate - max(CASE WHEN status LIKE 'COMPLETED%' AND input_type LIKE 'DB%' THEN end_time END)) * 86400 AS age,
         (sysdate - max(CASE WHEN status LIKE 'COMPLETED%' AND input_type = 'ARCHIVELOG' THEN end_time END)) * 86400 AS log_age,
         sum(CASE WHEN status = 'FAILED' AND end_time > sysdate - 1 THEN 1 ELSE 0 END) AS failed
    FROM v$rman_backup_job_details`

const brokenJobsSql = `
  SELECT count(*) AS broken FROM dba_scheduler_jobs WHERE enabled = 'TRUE' AND state IN ('BROKEN', 'FAILED')`

const failedJobsSql = `
  SELECT count(*) AS failed FROM dba_scheduler_job_run_details
   WHERE status IN ('FAILED', 'STOPPED') AND log_date > systimestamp - INTERVAL '1' DAY`

const invalidSql = `
  SELECT owner, count(*) AS objects FROM dba_objects WHERE status = 'INVALID' AND object_type <> 'SYNONYM' GROUP BY owner ORDER BY 1`

const corruptSql = `SELECT count(*) AS blocks FROM v$database_block_corruption`

function usedOfWhole(row: SqlRow): number | undefined {
  return shareOf(numberIn(row, 'used'), numberIn(row, 'whole'))
}

/** `+01 02:03:04.5` in seconds; one that is negative says that the standby's clock is ahead. */
function lagOf(row: SqlRow): number | undefined {
  const found = /^\+(\d{1,5}) (\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)$/.exec(textIn(row, 'value'))
  if (found === null) return undefined
  const [, days, hours, minutes, seconds] = found
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
}

function texts(values: Readonly<Record<string, SqlRow[string] | undefined>>): Record<string, string> {
  const known = Object.entries(values).filter((one): one is [string, string] => typeof one[1] === 'string')
  return Object.fromEntries(known.map(([name, value]) => [name, value.slice(0, 200)]))
}
