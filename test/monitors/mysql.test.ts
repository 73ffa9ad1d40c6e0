import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, messageOf, type Gathered, type OpenCredential, type SqlClient } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startMariaDbs, type MariaDb } from '../servers/mariadb.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const monitor = theOne(monitors, 'mysql')
const credential = (username: string, secret: string): OpenCredential => ({
  type: 'basic',
  fields: { username, secret },
})
const watcher = credential('farwatch', 'geheim')
let authority: Authority
let primary: MariaDb
let replica: MariaDb
let place: Record<string, unknown>

beforeAll(async () => {
  authority = await makeAuthority()
  const certificate = await authority.issue(['DNS:localhost'], 10)
  const [one, two] = await startMariaDbs(
    { certificate, configuration: 'server-id=1\nlog-bin=bin\nlog_bin_trust_function_creators=1\n' },
    { configuration: 'server-id=2\n' },
  )
  primary = one!
  replica = two!
  place = { host: 'localhost', port: primary.port }
  // What the reference page tells people to paste.
  const grant = (monitor.grant ?? '').replace('PASSWORD', 'geheim')
  await primary.sql(`${grant}
    CREATE USER stranger@'%' IDENTIFIED BY 'geheim';
    CREATE USER mirror@'%' IDENTIFIED BY 'geheim'; GRANT REPLICATION SLAVE ON *.* TO mirror@'%';
    CREATE DATABASE shop; CREATE TABLE shop.orders (id int PRIMARY KEY, state text); INSERT INTO shop.orders VALUES (1, 'open');
    GRANT ALL ON shop.* TO stranger@'%'`)
  await replica.sql(
    `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary.port}, MASTER_USER='mirror', MASTER_PASSWORD='geheim', MASTER_USE_GTID=slave_pos; START SLAVE`,
  )
}, 300_000)
afterAll(async () => {
  await replica?.stop()
  await primary?.stop()
  await authority?.remove()
})

test('a server at rest is measured whole with the privileges of the reference page, and nothing raises', async () => {
  const seen = await measured('mysql', place, {}, { credential: watcher })
  expectSound(monitor, seen, ['geheim'])
  const { restarted: _, ...raised } = judgedBy(monitor, seen)
  expect([seen.message, seen.metrics['read_only'], raised]).toEqual([undefined, 0, {}])
  expect(Object.keys(seen.metrics)).toEqual(
    expect.arrayContaining([
      ...['connections_used', 'threads_running', 'aborted_connects', 'slow_queries', 'deadlocks', 'history_length'],
      ...['transaction_longest', 'locks_waiting', 'buffer_pool_used', 'buffer_pool_dirty', 'database_size'],
    ]),
  )
})

test('a server is known by its greeting', async () => {
  const proposals = await theOne(connectors, 'mysql').discovery!.identify(
    { host: '127.0.0.1', port: primary.port },
    AbortSignal.timeout(60_000),
  )
  expect(proposals).toEqual([
    {
      name: `mysql-${primary.port}`,
      title: expect.stringMatching(/^MariaDB \d+\.\d+\.\d+-.*, port \d+$/),
      settings: { host: '127.0.0.1', port: primary.port },
      seen: `port ${primary.port} greeted in the words of MySQL`,
      certainty: 'identified',
      credential: 'basic',
    },
  ])
})

test('the share of pages found in the buffer pool is that since the run before', async () => {
  const first = await runMonitor('mysql', place, {}, { credential: watcher })
  await primary.sql('USE shop; SELECT sum((SELECT count(*) FROM orders WHERE id > -seq)) FROM seq_1_to_2000')
  const seen = await measured('mysql', place, {}, { credential: watcher, previous: first.kept })
  const hit = seen.metrics['buffer_pool_hit']
  expect(typeof hit === 'number' && hit > 50 && hit <= 100).toBe(true)
})

test('a replica follows, falls behind, and stands still', async () => {
  const there = { host: 'localhost', port: replica.port }
  const look = () => measured('mysql', there, {}, { credential: watcher })
  const source = `127.0.0.1:${primary.port}`
  // The accounts are replicated as well, so that the watcher is let in once it follows; and it has the table that is to be locked.
  const written = await primary.sql('SELECT @@gtid_binlog_pos')
  expect(await replica.sql(`SELECT MASTER_GTID_WAIT('${written}', 60)`)).toBe('0')
  let following: Gathered<string> | undefined
  const lag = async () => (following = await look()).metrics['replication_lag']
  await expect.poll(lag, { timeout: 60_000 }).toEqual([{ labels: { source }, value: 0 }])
  const holder = await createConnection({ host: '127.0.0.1', port: replica.port, user: 'root', password: '' })
  try {
    await holder.query('LOCK TABLES shop.orders READ')
    await primary.sql("INSERT INTO shop.orders VALUES (2, 'late')")
    const behind = async () => {
      const lag = (await look()).metrics['replication_lag']
      return typeof lag === 'object' && Number(lag[0]?.value) > 0
    }
    await expect.poll(behind, { timeout: 60_000 }).toBe(true)
    await holder.query('UNLOCK TABLES')
  } finally {
    await holder.end()
  }
  await replica.sql('STOP SLAVE SQL_THREAD')
  const stopped = await look()
  expectSound(monitor, stopped, ['geheim'])
  expect(
    [following, stopped].map((seen) => [seen?.metrics['replication_running'], seen?.metrics['replication_lag']]),
  ).toEqual([
    [[{ labels: { source }, value: 1 }], [{ labels: { source }, value: 0 }]],
    [[{ labels: { source }, value: 0 }], []],
  ])
})

test('a waiting lock and its transaction are seen', async () => {
  const connect = () =>
    createConnection({ host: '127.0.0.1', port: primary.port, user: 'stranger', password: 'geheim', database: 'shop' })
  const [holder, waiter] = await Promise.all([connect(), connect()])
  try {
    await holder.query('BEGIN')
    await holder.query("UPDATE orders SET state = 'held' WHERE id = 1")
    const waiting = waiter.query("UPDATE orders SET state = 'mine' WHERE id = 1")
    const look = async () => (await measured('mysql', place, {}, { credential: watcher })).metrics['locks_waiting']
    await expect.poll(look, { timeout: 60_000 }).toBe(1)
    await holder.query('ROLLBACK')
    await waiting
    await expect.poll(look, { timeout: 60_000 }).toBe(0)
  } finally {
    await holder.end()
    await waiter.end()
  }
})

function open(settings: object, user: string): SqlClient {
  const connector = theOne(connectors, 'mysql')
  const checked = checkDeclared(connector, { ...place, ...settings }, 'c')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  // What every connector for databases opens.
  return connector.open(checked.value, credential(user, 'geheim')) as SqlClient
}

test('a query can neither write, nor read files, nor hide a second statement, nor run for ever', async () => {
  const client = open({ database: 'shop', statementTimeout: '1s' }, 'stranger')
  const said = await client.session(AbortSignal.timeout(60_000), async (session) => {
    const answers: unknown[] = []
    for (const sql of [
      'SELECT id, state, id / 4 AS part, NULL AS nothing FROM orders ORDER BY id LIMIT 1',
      'SELECT 1 UNION SELECT 2 UNION SELECT 3',
      'DELETE FROM orders',
      "SELECT 1 INTO OUTFILE '/tmp/farwatch-never'",
      'SELECT 1; DELETE FROM orders',
      'SELECT * FROM orders WHERE sleep(5) = 0',
      'SELECT nothing FROM nowhere',
      'SELECT 1 AS still',
    ])
      answers.push(await session.query(sql, 2).catch(messageOf))
    return answers
  })
  expect(said).toEqual([
    [{ id: 1, state: expect.any(String), part: 0.25, nothing: null }],
    [{ '1': 1 }, { '1': 2 }],
    'not sent: it is not a query',
    'not sent: it holds the word INTO',
    'not sent: it is more than one statement',
    expect.stringMatching(/max_statement_time exceeded/),
    "Table 'shop.nowhere' doesn't exist",
    [{ still: 1 }],
  ])
})

test('a query of one’s own gives metrics', async () => {
  const query = 'SELECT state, count(*) AS orders FROM shop.orders WHERE id = 1 GROUP BY state;'
  const about = { connector: 'mysql', credential: credential('stranger', 'geheim') }
  const seen = await measured('sql.query', place, { query }, about)
  expect(seen.more).toEqual([{ name: 'orders', labels: { state: expect.any(String) }, value: 1 }])
})

test('the session itself takes no change: a function that deletes is refused by the server', async () => {
  await primary.sql(`DELIMITER //
CREATE FUNCTION shop.sneak() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM shop.orders; RETURN 1; END//`)
  const client = open({ database: 'shop' }, 'stranger')
  const said = await client.session(AbortSignal.timeout(60_000), (session) =>
    session.query('SELECT sneak() AS gone', 1).catch(messageOf),
  )
  expect([said, Number(await primary.sql('SELECT count(*) FROM shop.orders')) > 0]).toEqual([
    'Cannot execute statement in a READ ONLY transaction',
    true,
  ])
})

test('a user without privileges is told what is left out', async () => {
  const seen = await measured('mysql', place, {}, { credential: credential('stranger', 'geheim') })
  expectSound(monitor, seen, ['geheim'])
  expect([seen.message?.match(/\w+ \(Access denied/g), Number(seen.metrics['connections_used']) > 0]).toEqual([
    ['transactions (Access denied', 'replication (Access denied', 'sizes (Access denied'],
    true,
  ])
})

test('TLS is spoken where it is offered, and verified where that is wanted', async () => {
  const failure = async (settings: object) =>
    (await runMonitor('mysql', { ...place, ...settings }, {}, { credential: watcher })).failed?.replace(
      /\d{4,5}/,
      'PORT',
    )
  const trustedCertificates = authority.certificate
  expect([
    await failure({ tls: 'verify', trustedCertificates }),
    await failure({ tls: 'require' }),
    await failure({ tls: 'verify' }),
    await failure({ tls: 'verify', host: '127.0.0.1', trustedCertificates }),
    await failure({ tls: 'require', port: replica.port }),
    await failure({ tls: 'prefer', port: replica.port }),
  ]).toEqual([
    undefined,
    undefined,
    'tls: the certificate of localhost:PORT is not trusted: its issuer is not known; the server may not send its chain',
    'tls: the certificate of 127.0.0.1:PORT is not trusted: it is not for this name',
    'tls: localhost:PORT offers no TLS',
    undefined,
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, Record<string, unknown>, OpenCredential, RegExp][] = [
  [
    'the password',
    {},
    credential('farwatch', 'falsch'),
    /^credentials: localhost:PORT refused the sign-in: Access denied for user 'farwatch'@'127.0.0.1' \(using password: YES\)$/,
  ],
  ['the database', { database: 'nowhere' }, watcher, /^configuration: localhost:PORT: Access denied .*'nowhere'$/],
  ['the port', { port: 1 }, watcher, /^refused: connection refused by localhost:1$/],
]
test.each(wrong)('%s is wrong', async (_, settings, who, words) => {
  const seen = await runMonitor('mysql', { ...place, ...settings }, {}, { credential: who })
  expect(seen.failed?.replaceAll(String(primary.port), 'PORT')).toMatch(words)
})

test('a server that is full is told apart from one that is down', async () => {
  await primary.sql('SET GLOBAL max_connections = 10')
  const taken: Connection[] = []
  const connect = () =>
    createConnection({ host: '127.0.0.1', port: primary.port, user: 'stranger', password: 'geheim' })
  // Sessions that just ended count a moment longer: what they leave free is taken as well.
  const failure = async () => {
    for (
      let one = await connect().catch(() => undefined);
      one !== undefined;
      one = await connect().catch(() => undefined)
    )
      taken.push(one)
    const seen = await runMonitor('mysql', place, {}, { credential: watcher })
    return seen.failed?.replaceAll(String(primary.port), 'PORT')
  }
  try {
    await expect
      .poll(failure, { timeout: 60_000 })
      .toBe('refused: localhost:PORT takes no session: Too many connections')
  } finally {
    for (const one of taken) await one.end()
    await primary.sql('SET GLOBAL max_connections = 20')
  }
})

test('checked by hand it says the same', async () => {
  expect(await byHand('mysql', place, { credential: watcher })).toBe('0 mysql ran')
})
