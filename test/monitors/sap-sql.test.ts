import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import hana from '../../src/connectors/hana.ts'
import postgresql from '../../src/connectors/postgresql.ts'
import { monitors } from '../../src/monitors/index.ts'
import {
  checkDeclared,
  type Gathered,
  type HanaClient,
  type OpenCredential,
  type SqlClient,
} from '../../src/sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startPostgres, type Postgres } from '../servers/postgres.ts'
import { byHand } from './by-hand.ts'
import { measured, theOne } from './library.ts'
import { abapTables, hanaViews } from './sap-tables.ts'

let server: Postgres
let place: Record<string, unknown>
const watcher: OpenCredential = { type: 'basic', fields: { username: 'watcher', secret: 'geheim' } }

/** A moment so long ago as columns of an ABAP table have it. */
const day = (ago: string) => `to_char(localtimestamp - interval '${ago}', 'YYYYMMDD')`
const time = (ago: string) => `to_char(localtimestamp - interval '${ago}', 'HH24MISS')`
const ago = (span: string) => `${day(span)}, ${time(span)}`

beforeAll(async () => {
  server = await startPostgres()
  place = { host: '127.0.0.1', port: server.port }
  await server.sql(`CREATE ROLE watcher LOGIN PASSWORD 'geheim'; ${abapTables}`)
  await server.sql(`${hanaViews} GRANT USAGE ON SCHEMA sys, sys_databases, _sys_statistics, sapabap1 TO watcher;
    GRANT SELECT ON ALL TABLES IN SCHEMA sys, sys_databases, _sys_statistics, sapabap1 TO watcher`)
})
afterAll(() => server?.stop())

const of = (id: string, settings = {}, about = {}) =>
  measured(id, place, { schema: 'sapabap1', ...settings }, { connector: 'postgresql', credential: watcher, ...about })

/** An age that is right but for the time that the test takes. */
const about = (wanted: number) => expect.closeTo(wanted, -2)

describe('tables of an ABAP system', () => {
  test('dumps are counted once each, told apart by error and program', async () => {
    const content = (error: string, program: string) =>
      `FC${String(error.length).padStart(3, '0')}${error}AP${String(program.length).padStart(3, '0')}${program}`
    await server.sql(`INSERT INTO sapabap1.snap SELECT d, t, 'app1', 'SMITH', m, 1, s, 'C', f FROM (VALUES
      (${ago('10 minutes')}, '100', '000', '${content('COMPUTE_INT_ZERODIVIDE', 'ZREPORT')}'),
      (${ago('10 minutes')}, '100', '001', 'the rest of it'),
      (${ago('20 minutes')}, '200', '000', '${content('TIME_OUT', 'SAPLSMTR')}'),
      (${ago('5 hours')}, '100', '000', '${content('TIME_OUT', 'SAPLSMTR')}'),
      (${ago('3 days')}, '100', '000', 'FC')) AS v (d, t, m, s, f)`)
    const all = await of('sap.sql.dumps', {}, { previous: ['TIME_OUT SAPLSMTR'] })
    const one = await of('sap.sql.dumps', { client: '200' })
    expectSound(theOne(monitors, 'sap.sql.dumps'), all)
    expect([all.metrics, all.message, judgedBy(theOne(monitors, 'sap.sql.dumps'), all), one.metrics]).toEqual([
      {
        dumps_hour: 2,
        dumps_day: 3,
        dumps: [
          { labels: { error: 'COMPUTE_INT_ZERODIVIDE', program: 'ZREPORT' }, value: 1 },
          { labels: { error: 'TIME_OUT', program: 'SAPLSMTR' }, value: 1 },
        ],
        new_kinds: 1,
      },
      'the last: COMPUTE_INT_ZERODIVIDE in ZREPORT',
      { 'new kind of dump': 'WARNING' },
      { dumps_hour: 1, dumps_day: 1, dumps: [{ labels: { error: 'TIME_OUT', program: 'SAPLSMTR' }, value: 1 }] },
    ])
  })

  test('jobs that were cancelled, run and wait are told apart', async () => {
    const none = "'00000000', '000000'"
    await server.sql(`INSERT INTO sapabap1.tbtco
      (jobname, jobcount, status, authckman, sdlstrtdt, sdlstrttm, strtdate, strttime, enddate, endtime) VALUES
      ('BILLING', '1', 'A', '100', ${ago('1 hour')}, ${ago('1 hour')}, ${ago('30 minutes')}),
      ('BILLING', '2', 'A', '100', ${ago('3 hours')}, ${ago('3 hours')}, ${ago('2 hours')}),
      ('MRP', '3', 'R', '100', ${ago('2 hours')}, ${ago('2 hours')}, ${none}),
      ('MRP', '4', 'R', '100', ${ago('1 hour')}, ${ago('1 hour')}, ${none}),
      ('LATE', '5', 'S', '100', ${ago('20 minutes')}, ${none}, ${none}),
      ('EVENT', '6', 'S', '100', ${none}, ${none}, ${none}),
      ('TOMORROW', '7', 'S', '100', ${ago('-1 day')}, ${none}, ${none}),
      ('DONE', '8', 'F', '100', ${ago('1 hour')}, ${ago('1 hour')}, ${ago('1 hour')})`)
    const all = await of('sap.sql.jobs')
    const some = await of('sap.sql.jobs', { jobs: ['M*', 'B*'], excludeJobs: ['BILL*'], client: '100' })
    const monitor = theOne(monitors, 'sap.sql.jobs')
    expectSound(monitor, all)
    expect([all.metrics, judgedBy(monitor, all), some.metrics['aborted'], some.metrics['running']]).toEqual([
      {
        aborted: 1,
        aborted_job: [{ labels: { job: 'BILLING' }, value: 1 }],
        running: 2,
        running_longest: about(7_200),
        running_time: [{ labels: { job: 'MRP' }, value: about(7_200) }],
        delayed: 1,
        delay_longest: about(1_200),
      },
      { 'jobs cancelled': 'WARNING', 'jobs wait': 'CRITICAL' },
      0,
      2,
    ])
  })

  test('update requests that are not done after a while are stuck', async () => {
    const at = (span: string) => `to_char(localtimestamp - interval '${span}', 'YYYYMMDDHH24MISS')`
    await server.sql(`INSERT INTO sapabap1.vbhdr (vbkey, vbmandt, vbreport, vbrc, vbdate) VALUES
      ('1', '100', 'SAPMV45A', 0, ${at('1 minute')}), ('2', '100', 'SAPMV45A', 13, ${at('1 hour')}),
      ('3', '100', 'SAPMV45A', 0, ${at('10 minutes')})`)
    const seen = await of('sap.sql.updates')
    expectSound(theOne(monitors, 'sap.sql.updates'), seen)
    expect(seen.metrics).toEqual({
      stuck: 2,
      stuck_program: [{ labels: { program: 'SAPMV45A' }, value: 2 }],
      errors: 1,
      oldest: about(3_600),
      requests: 3,
    })
  })

  test('transactional calls that failed are told from those that wait', async () => {
    await server.sql(`INSERT INTO sapabap1.arfcsstate (arfcdest, arfcstate, arfcdatum, arfcuzeit) VALUES
      ('BW', 'SYSFAIL', ${ago('2 hours')}), ('BW', 'SYSFAIL', ${ago('1 minute')}), ('BW', 'RECORDED', ${ago('1 day')}),
      ('CRM', 'CPICERR', ${ago('5 minutes')})`)
    const seen = await of('sap.sql.trfc')
    const monitor = theOne(monitors, 'sap.sql.trfc')
    expectSound(monitor, seen)
    expect([
      { ...seen.metrics, calls: (seen.metrics['calls'] as readonly unknown[]).length },
      judgedBy(monitor, seen),
    ]).toEqual([
      {
        calls: 3,
        failed_calls: 3,
        failed_destination: [
          { labels: { destination: 'BW' }, value: 2 },
          { labels: { destination: 'CRM' }, value: 1 },
        ],
        failed_old: 1,
        failed_oldest: about(7_200),
      },
      { 'calls failed long ago': 'WARNING' },
    ])
  })

  test('queues are measured by depth, and those that stand raise', async () => {
    await server.sql(`INSERT INTO sapabap1.trfcqout (mandt, qname, dest, qstate, qrfcdatum, qrfcuzeit) VALUES
      ('100', 'CF_MATERIAL', 'APO', 'SYSFAIL', ${ago('1 hour')}), ('100', 'CF_MATERIAL', 'APO', 'READY', ${ago('1 minute')});
      INSERT INTO sapabap1.trfcqin (mandt, qname, qstate, qrfcdatum, qrfcuzeit) VALUES ('200', 'XBQ1', 'READY', ${ago('1 minute')})`)
    const seen = await of('sap.sql.qrfc')
    const monitor = theOne(monitors, 'sap.sql.qrfc')
    expectSound(monitor, seen)
    const out = { direction: 'out', queue: 'CF_MATERIAL', destination: 'APO' }
    const inbound = { direction: 'in', queue: 'XBQ1', destination: '' }
    expect([seen.metrics, judgedBy(monitor, seen)]).toEqual([
      {
        depth: [
          { labels: out, value: 2 },
          { labels: inbound, value: 1 },
        ],
        stuck: [
          { labels: out, value: 1 },
          { labels: inbound, value: 0 },
        ],
        age: [
          { labels: out, value: about(3_600) },
          { labels: inbound, value: about(60) },
        ],
        entries: [
          { labels: { direction: 'out' }, value: 2 },
          { labels: { direction: 'in' }, value: 1 },
        ],
        queues_stuck: [
          { labels: { direction: 'out' }, value: 1 },
          { labels: { direction: 'in' }, value: 0 },
        ],
      },
      { 'queue stands': 'WARNING' },
    ])
  })

  test('IDocs that failed and that wait are told apart by direction', async () => {
    await server.sql(`INSERT INTO sapabap1.edidc (mandt, docnum, status, direct, mestyp, credat, cretim) VALUES
      ('100', '1', '51', '2', 'ORDERS', ${ago('1 hour')}), ('100', '2', '53', '2', 'ORDERS', ${ago('1 hour')}),
      ('100', '3', '02', '1', 'INVOIC', ${ago('1 hour')}), ('100', '4', '30', '1', 'INVOIC', ${ago('2 hours')}),
      ('100', '5', '51', '2', 'ORDERS', ${ago('30 days')})`)
    const seen = await of('sap.sql.idocs')
    const monitor = theOne(monitors, 'sap.sql.idocs')
    expectSound(monitor, seen)
    const { idocs, ...others } = seen.metrics
    expect([(idocs as readonly unknown[]).length, others, judgedBy(monitor, seen)]).toEqual([
      4,
      {
        errors: [
          { labels: { direction: 'out' }, value: 1 },
          { labels: { direction: 'in' }, value: 1 },
        ],
        errors_type: expect.arrayContaining([
          { labels: { direction: 'in', type: 'ORDERS' }, value: 1 },
          { labels: { direction: 'out', type: 'INVOIC' }, value: 1 },
        ]),
        waiting: [
          { labels: { direction: 'out' }, value: 1 },
          { labels: { direction: 'in' }, value: 0 },
        ],
        waiting_oldest: about(7_200),
      },
      { 'IDocs failed': 'WARNING', 'IDocs wait': 'WARNING' },
    ])
  })

  test('spool numbers are measured against their range, and output by its device', async () => {
    await server.sql(`INSERT INTO sapabap1.tsp01 SELECT n, '100' FROM generate_series(1, 90) n;
      INSERT INTO sapabap1.tsp02 (pjident, pjdest, pjcreatime, pjfinaserr, pjfinaherr, pjclient) VALUES
      (1, 'LP01', concat(${day('1 hour')}, ${time('1 hour')}, '00'), 1, 1, '100'),
      (2, 'LP01', concat(${day('1 hour')}, ${time('1 hour')}, '00'), 0, 0, '100'),
      (3, 'LP01', concat(${day('3 days')}, ${time('3 days')}, '00'), 1, 1, '100')`)
    const seen = await of('sap.sql.spool', { numbers: 100 })
    const monitor = theOne(monitors, 'sap.sql.spool')
    expectSound(monitor, seen)
    const only = (value: number) => [{ labels: { device: 'LP01' }, value }]
    expect([seen.metrics, judgedBy(monitor, seen)]).toEqual([
      {
        requests: 90,
        numbers_used: 90,
        output: only(2),
        output_failed: only(1),
        output_problems: only(1),
        failures: 1,
      },
      { 'numbers used up': 'WARNING', 'not printed': 'WARNING' },
    ])
  })

  test('any table gives its rows and a value, whatever its name', async () => {
    await server.sql(`INSERT INTO sapabap1."/BIC/AZSALES00" VALUES ('100', 2.5), ('100', 4), ('200', 7)`)
    const table = { table: '/BIC/AZSALES00', column: 'amount', of: 'max', condition: "mandt = '100'" }
    const seen = await of('sap.sql.table', table)
    const gone = await of('sap.sql.table', { table: 'NOWHERE' })
    const cut = of('sap.sql.table', { ...table, condition: '1 = 1; DROP TABLE sapabap1.snap' })
    await expect(cut).rejects.toThrow('settings.condition holds ; or a comment')
    expect([seen.metrics, gone.failure]).toEqual([
      { rows: 2, value: 4 },
      {
        reason: 'configuration',
        message: `127.0.0.1:${server.port} lets nothing be read: table (relation "sapabap1.nowhere" does not exist)`,
      },
    ])
  })
})

describe('views of HANA', () => {
  /** The client of the PostgreSQL that holds the views, in the place of a HANA's. */
  function instead(): HanaClient & { close?(): void | Promise<void> } {
    const checked = checkDeclared(postgresql, place, 'c')
    if (!checked.ok) throw new Error(checked.problems[0]?.message)
    // The connector of this very type.
    const client = postgresql.open(checked.value, watcher) as SqlClient
    return {
      target: client.target,
      database: client.database,
      dialect: 'hana',
      session: (signal, use) => client.session(signal, use),
      signIn: async () => 100,
    }
  }

  async function run(id: string, about: { settings?: object; previous?: unknown } = {}): Promise<Gathered<string>> {
    const monitor = theOne(monitors, id)
    const seen = await collectOnce(monitor, { ...about.settings }, { client: instead(), previous: about.previous })
    expectSound(monitor, seen)
    return seen
  }

  test('every statement of every monitor is one that a database understands', async () => {
    const left: Record<string, unknown> = {}
    for (const { id, connectors } of monitors) {
      if (connectors.length > 1 || connectors[0] !== 'hana') continue
      const seen = await run(id)
      left[id] = seen.facts?.['missing'] ?? 'nothing left out'
    }
    expect(left).toEqual(Object.fromEntries(Object.keys(left).map((id) => [id, 'nothing left out'])))
    expect(Object.keys(left).length).toBe(12)
  })

  test('of a system’s services those are found that lead to a tenant', async () => {
    await server.sql(`INSERT INTO sys_databases.m_services VALUES
      ('SYSTEMDB', 'hana1', 30001, 'nameserver', 'MASTER', 30013), ('SYSTEMDB', 'hana2', 30001, 'nameserver', 'SLAVE', 30013),
      ('HDB', 'hana1', 30003, 'indexserver', 'MASTER', 30015), ('HDB', 'hana2', 30003, 'indexserver', 'SLAVE', 30015),
      ('HDB', 'hana1', 30007, 'xsengine', 'NONE', 0), ('PRD', 'hana2', 30040, 'indexserver', 'MASTER', 30041)`)
    const system = { host: 'db.example', instance: 0, tls: 'verify' }
    const found = await hana.neighbours!(system, instead(), AbortSignal.timeout(60_000))
    expect(found.map(({ name, settings }) => [name, settings])).toEqual([
      ['hana-00-HDB', { host: 'db.example', port: 30_015 }],
      ['hana-00-PRD', { host: 'hana2', port: 30_041 }],
    ])
  })

  test('ages, shares and gaps are worked out by the database', async () => {
    await server.sql(`SET search_path = sys;
      INSERT INTO m_database VALUES ('HDB', 'HDB', 'hana1', now() - interval '1 hour', '2.00.059');
      INSERT INTO m_services VALUES ('hana1', 30003, 'indexserver', 'YES'), ('hana1', 30040, 'xsengine', 'NO');
      INSERT INTO m_service_replication VALUES ('hana1', 30003, 'TWO', 'hana2', 30003, 'YES', 'ASYNC', 'SYNCING', 'logreplay',
        1000, now(), 900, now() - interval '90 seconds', now() - interval '100 seconds', 2, 5000, 0);
      INSERT INTO m_backup_catalog VALUES
        (1, 11, 'complete data backup', now() - interval '2 days', now() - interval '1 day', 'successful', ''),
        (2, 12, 'complete data backup', now() - interval '1 hour', now() - interval '1 hour', 'failed', 'no space'),
        (3, 13, 'log backup', now() - interval '10 minutes', now() - interval '9 minutes', 'successful', '');
      INSERT INTO m_backup_catalog_files VALUES (1, 11, 'volume', 400), (1, 11, 'volume', 100), (3, 13, 'catalog', 7);
      INSERT INTO m_license VALUES ('SAP-HANA', 100, 60, now() + interval '20 days', 'TRUE', 'TRUE', 'FALSE'),
        ('for ever', 0, 60, NULL, 'TRUE', 'TRUE', 'FALSE');
      INSERT INTO m_blocked_transactions VALUES (now() - interval '2 minutes', 'SAPABAP1', 'NRIV');
      INSERT INTO m_transactions VALUES ('ACTIVE', 'USER TRANSACTION', now() - interval '1 day', 0),
        ('ACTIVE', 'USER TRANSACTION', now() - interval '1 hour', 7);
      INSERT INTO m_savepoints VALUES ('hana1', 30003, now() - interval '3 hours', 1, 50000000),
        ('hana1', 30003, now() - interval '5 minutes', 4000000, 500000);
      INSERT INTO m_delta_merge_statistics VALUES ('MERGE', now(), 'FALSE', 2484, 1), ('MERGE', now(), 'FALSE', 2048, 3000);
      INSERT INTO m_cs_tables VALUES ('hana1', 'S', 'SMALL', 0, 1, 1, 10), ('hana1', 'S', 'LARGE', 0, 9, 9, 90);
      INSERT INTO m_sql_plan_cache VALUES ('hana1', 30003, 'a', 'SELECT 1', 10, 1000000, 0), ('hana1', 30003, 'b', 'SELECT 2', 1, 5000000, 0);
      INSERT INTO m_inifile_contents VALUES ('indexserver.ini', 'session', 'maximum_connections', '100');
      INSERT INTO m_connections SELECT 'Remote', 'IDLE' FROM generate_series(1, 85)`)
    const availability = await run('hana.availability')
    const replication = await run('hana.replication')
    const backup = await run('hana.backup')
    const license = await run('hana.license')
    const transactions = await run('hana.transactions')
    const log = await run('hana.log')
    const columnstore = await run('hana.columnstore', { settings: { tables: 1 } })
    const sql = await run('hana.sql', { settings: { statements: 1 } })
    const to = { site: 'TWO', host: 'hana2', port: '30003', mode: 'ASYNC' }
    const judged = (id: string, seen: Gathered<string>) => judgedBy(theOne(monitors, id), seen)
    expect({
      uptime: availability.metrics['uptime'],
      inactive: availability.metrics['services_inactive'],
      status: replication.metrics['status'],
      delay: replication.metrics['shipping_delay'],
      gap: replication.metrics['log_gap'],
      replay: replication.metrics['replay_delay'],
      dataAge: backup.metrics['data_age'],
      logAge: backup.metrics['log_age'],
      dataSize: backup.metrics['data_size'],
      catalog: backup.metrics['catalog_size'],
      backup: [judged('hana.backup', backup), backup.message],
      days: license.metrics['days_left'],
      license: judged('hana.license', license),
      blocked: [transactions.metrics['blocked'], transactions.metrics['blocked_longest']],
      written: transactions.metrics['transaction_oldest'],
      savepoint: [log.metrics['savepoint_age'], log.metrics['critical_phase']],
      merges: columnstore.metrics['merges_failed'],
      largest: columnstore.metrics['delta'],
      top: sql.metrics['top_time'],
      connections: sql.metrics['connections_used'],
    }).toEqual({
      uptime: about(3_600),
      inactive: 1,
      status: [{ labels: to, value: 2 }],
      delay: [{ labels: to, value: 90 }],
      gap: [{ labels: to, value: 6_400 }],
      replay: [{ labels: to, value: 10 }],
      dataAge: about(86_400),
      logAge: about(540),
      dataSize: 500,
      catalog: 7,
      backup: [{ 'backup failed': 'CRITICAL' }, 'the last complete data backup failed: no space'],
      days: [{ labels: { product: 'SAP-HANA' }, value: 20 }],
      license: { 'licence ends': 'CRITICAL' },
      blocked: [1, about(120)],
      written: about(3_600),
      savepoint: [
        [{ labels: { host: 'hana1', port: '30003' }, value: about(300) }],
        [{ labels: { host: 'hana1', port: '30003' }, value: 0.5 }],
      ],
      merges: 1,
      largest: [{ labels: { schema: 'S', table: 'LARGE', part: '0' }, value: 9 }],
      top: [{ labels: { hash: 'b' }, value: 5 }],
      connections: 85,
    })
  })
})

test('checked by hand, each gives a result', async () => {
  const ids = monitors.map(({ id }) => id).filter((id) => id.startsWith('sap.sql.'))
  const look = (id: string) => {
    const settings = { schema: 'sapabap1', ...(id === 'sap.sql.table' ? { table: 'tbtco' } : {}) }
    return byHand(id, place, { settings, credential: watcher, connector: 'postgresql' })
  }
  const said = await Promise.all(ids.map(look))
  expect(said.map((words) => words.slice(2))).toEqual(ids.map((id) => `${id} ran`))
})
