import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { Gathered, OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startPostgres, startStandby, type Postgres } from '../servers/postgres.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const monitor = theOne(monitors, 'postgresql')
let server: Postgres
let place: Record<string, unknown>
const credential = (username: string, secret: string): OpenCredential => ({
  type: 'basic',
  fields: { username, secret },
})
const watcher = credential('watcher', 'geheim')

beforeAll(async () => {
  server = await startPostgres()
  place = { host: 'localhost', port: server.port, database: 'shop' }
  await server.sql('CREATE DATABASE shop')
  await server.sql("CREATE ROLE watcher LOGIN PASSWORD 'geheim'; GRANT pg_monitor TO watcher")
  await server.sql("CREATE ROLE stranger LOGIN PASSWORD 'geheim'")
  await server.sql(
    "CREATE TABLE orders (state text, amount numeric); INSERT INTO orders VALUES ('open', 2.5), ('open', 1), ('done', 7); GRANT SELECT ON orders TO watcher",
    'shop',
  )
})
afterAll(() => server?.stop())

test('a server at rest is measured whole, and nothing raises', async () => {
  const query = 'SELECT state, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY state ORDER BY state;'
  const seen = await measured('postgresql', place, { query }, { credential: watcher })
  expectSound(monitor, seen, ['geheim'])
  expect([seen.message, seen.metrics['recovery'], seen.more, judgedBy(monitor, seen)]).toEqual([
    undefined,
    0,
    [
      { name: 'orders', labels: { state: 'done' }, value: 1 },
      { name: 'amount', labels: { state: 'done' }, value: 7 },
      { name: 'orders', labels: { state: 'open' }, value: 2 },
      { name: 'amount', labels: { state: 'open' }, value: 3.5 },
    ],
    {},
  ])
  expect(Object.keys(seen.metrics)).toEqual(
    expect.arrayContaining([
      'connections',
      'connections_used',
      'locks_waiting',
      'transaction_longest',
      'database_size',
      'deadlocks',
    ]),
  )
})

test('a waiting lock and its transaction are seen', async () => {
  const connect = async () => {
    const client = new Client({
      host: '127.0.0.1',
      port: server.port,
      user: server.user,
      password: server.password,
      database: 'shop',
    })
    await client.connect()
    return client
  }
  const holder = await connect()
  const waiter = await connect()
  try {
    await holder.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    const waiting = waiter.query('SELECT count(*) FROM orders')
    await expect
      .poll(async () => (await measured('postgresql', place, {}, { credential: watcher })).metrics['locks_waiting'], {
        timeout: 60_000,
      })
      .toBe(1)
    const seen = await measured('postgresql', place, {}, { credential: watcher })
    await holder.query('ROLLBACK')
    await waiting
    expect([Number(seen.metrics['lock_wait_longest']) > 0, Number(seen.metrics['transaction_longest']) > 0]).toEqual([
      true,
      true,
    ])
  } finally {
    await holder.end()
    await waiter.end()
  }
})

test('a standby follows, falls behind, and is seen from both sides', async () => {
  const standby = await startStandby(server)
  try {
    const there = { ...place, port: standby.port }
    const [above, below] = [
      () => measured('postgresql', place, {}, { credential: watcher }),
      () => measured('postgresql', there, {}, { credential: watcher }),
    ]
    await expect.poll(async () => (await below()).metrics['receiver_running'], { timeout: 60_000 }).toBe(1)
    await server.sql('CREATE TABLE late (n int)', 'shop')
    const arrived = () => standby.sql("SELECT to_regclass('late')", 'shop')
    await expect.poll(arrived, { timeout: 60_000 }).toBe('late')
    // What the servers write for themselves is on its way now and then.
    let following: Gathered<string>[] = []
    const lagOfBelow = async () => {
      following = [await above(), await below()]
      return following[1]?.metrics['replication_lag']
    }
    const none = [{ labels: { standby: 'here' }, value: 0 }]
    await expect.poll(lagOfBelow, { timeout: 60_000 }).toEqual(none)
    await standby.sql('SELECT pg_wal_replay_pause()')
    await server.sql('INSERT INTO late VALUES (1)', 'shop')
    const lag = async () => {
      const seen = (await below()).metrics['replication_lag']
      return typeof seen === 'object' && Number(seen[0]?.value) > 0
    }
    await expect.poll(lag, { timeout: 60_000 }).toBe(true)
    const behind = await above()
    for (const seen of [...following, behind]) expectSound(monitor, seen, ['geheim'])
    const named = { labels: { slot: 'standby' } }
    const bytes = behind.metrics['replication_lag_bytes']
    expect([
      following.map((seen) => [seen.metrics['standbys'], seen.metrics['recovery'], seen.facts?.['role'], seen.message]),
      following[0]?.metrics['slot_active'],
      typeof bytes === 'object' && Number(bytes[0]?.value) > 0,
      following.map((seen) => judgedBy(monitor, seen)),
    ]).toEqual([
      [
        [1, 0, 'primary', undefined],
        [undefined, 1, 'standby', undefined],
      ],
      [{ ...named, value: 1 }],
      true,
      [{}, {}],
    ])
  } finally {
    await standby.stop()
  }
  const left = async () => {
    const { metrics } = await measured('postgresql', place, {}, { credential: watcher })
    return [metrics['standbys'], metrics['slot_active']]
  }
  // Its primary hears of its end a moment later.
  await expect.poll(left, { timeout: 60_000 }).toEqual([0, [{ labels: { slot: 'standby' }, value: 0 }]])
  await server.sql("SELECT pg_drop_replication_slot('standby')")
})

test('a log that cannot be archived, and dead rows, are seen', async () => {
  const archiving = await startPostgres("archive_mode = on\narchive_command = 'false'\nautovacuum = off\n")
  try {
    const there = { host: 'localhost', port: archiving.port }
    const owner = credential(archiving.user, archiving.password)
    await archiving.sql(
      'CREATE TABLE old AS SELECT generate_series(1, 20000) AS n; DELETE FROM old; SELECT pg_switch_wal()',
    )
    const look = async () => judgedBy(monitor, await measured('postgresql', there, {}, { credential: owner }))
    await expect
      .poll(look, { timeout: 60_000 })
      .toMatchObject({ 'archiving fails': 'MAJOR', 'dead rows pile up': 'INFO' })
  } finally {
    await archiving.stop()
  }
})

test('a query can neither write, nor hide a second statement, nor run for ever', async () => {
  const ask = async (query: string, connector = {}) => {
    const seen = await measured(
      'postgresql',
      { ...place, ...connector },
      { query },
      { credential: credential(server.user, server.password) },
    )
    return seen.failure?.message.replace(/^.*refused: /, '')
  }
  expect([
    await ask('WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) AS gone FROM gone'),
    await ask('SELECT 1 AS one; DELETE FROM orders'),
    await ask('SELECT 1 AS one FROM pg_sleep(5)', { statementTimeout: '1s' }),
    await ask("SELECT nextval('no_such')"),
    await server.sql('SELECT count(*) FROM orders', 'shop'),
  ]).toEqual([
    'DECLARE CURSOR must not contain data-modifying statements in WITH',
    'cannot insert multiple commands into a prepared statement',
    'canceling statement due to statement timeout',
    'relation "no_such" does not exist',
    '3',
  ])
})

test('a query of one’s own runs alone as well', async () => {
  const about = { connector: 'postgresql', credential: watcher }
  const query = 'SELECT state, count(*) AS orders FROM orders GROUP BY state ORDER BY state'
  const seen = await measured('sql.query', place, { query }, about)
  const refused = await measured('sql.query', place, { query: 'SELECT 1 AS n FROM nowhere' }, about)
  expect([seen.more, seen.metrics['query_rows'], refused.failure?.message]).toEqual([
    [
      { name: 'orders', labels: { state: 'done' }, value: 1 },
      { name: 'orders', labels: { state: 'open' }, value: 2 },
    ],
    2,
    `localhost:${server.port}: the query was refused: relation "nowhere" does not exist`,
  ])
})

test('a user without privileges sees what it may see, and what failed is said', async () => {
  const seen = await measured(
    'postgresql',
    place,
    { query: 'SELECT count(*) AS orders FROM orders' },
    { credential: credential('stranger', 'geheim') },
  )
  expectSound(monitor, seen, ['geheim'])
  expect([seen.failure?.message, Number(seen.metrics['connections_used']) > 0]).toEqual([
    `localhost:${server.port}: the query was refused: permission denied for table orders`,
    true,
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, Record<string, unknown>, OpenCredential, string][] = [
  [
    'the password',
    {},
    credential('watcher', 'falsch'),
    'credentials: localhost:PORT refused the sign-in: password authentication failed for user "watcher"',
  ],
  [
    'the database',
    { database: 'nowhere' },
    watcher,
    'configuration: localhost:PORT: database "nowhere" does not exist',
  ],
  ['TLS', { tls: 'require' }, watcher, 'tls: localhost:PORT offers no TLS'],
  ['the port', { port: 1 }, watcher, 'refused: connection refused by localhost:1'],
]
test.each(wrong)('%s is wrong', async (_, settings, who, words) => {
  const seen = await runMonitor('postgresql', { ...place, ...settings }, {}, { credential: who })
  expect(seen.failed?.replaceAll(String(server.port), 'PORT')).toBe(words)
})

test('checked by hand they say the same', async () => {
  const settings = { query: 'SELECT count(*) AS orders FROM orders' }
  expect([
    await byHand('postgresql', place, { credential: watcher }),
    await byHand('sql.query', place, { settings, credential: watcher, connector: 'postgresql' }),
  ]).toEqual(['0 postgresql ran', '0 sql.query ran'])
})
