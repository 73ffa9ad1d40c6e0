import { expect, test } from 'vitest'
import { StatementRefused, type SqlRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import postgresql from './postgresql.ts'

const healthy = {
  'FROM pg_stat_activity': [
    { state: 'active', sessions: 3, oldest: 5 },
    { state: 'idle', sessions: 2, oldest: 0 },
  ],
  max_connections: [{ allowed: 20 }],
  pg_locks: [{ waiting: 0, longest: 0 }],
  checksum_failures: [{ database: 'shop', failures: 0 }],
  pg_stat_database: [
    { database: 'shop', hit: 9_000, read: 1_000, deadlocks: 1, commits: 7, rollbacks: 2, temporary: 0 },
  ],
  pg_database_size: [{ database: 'shop', size: 8192 }],
  pg_stat_replication: [{ standby: 'two@10.0.0.6', lag: 1, bytes: 64 }],
  pg_replication_slots: [{ slot: 'two', active: 1, held: 128, lost: 0 }],
  pg_stat_archiver: [{ failures: 2, failing: 0 }],
  datfrozenxid: [{ database: 'shop', used: 9.5 }],
  pg_stat_user_tables: [{ table: 'public.orders', share: 12 }],
  checkpoints_timed: [{ kind: 'timed', checkpoints: 4 }],
  pg_tablespace_size: [{ tablespace: 'pg_default', size: 4096 }],
  "'here'": [{ recovering: false, standby: 'here', lag: 0 }],
}

test('reports sessions, locks, replication, sizes and the cache since the run before', async () => {
  const previous = { shop: { hit: 1_000, read: 0 } }
  const seen = await collectOnce(postgresql, {}, { client: sqlDatabase(healthy), previous })
  expectSound(postgresql, seen)
  expect([seen.metrics, judgedBy(postgresql, seen)]).toEqual([
    {
      connect: 9,
      connections: [
        { labels: { state: 'active' }, value: 3 },
        { labels: { state: 'idle' }, value: 2 },
      ],
      connections_used: 25,
      connections_max: 20,
      transaction_longest: 5,
      locks_waiting: 0,
      lock_wait_longest: 0,
      recovery: 0,
      standbys: 1,
      slot_active: [{ labels: { slot: 'two' }, value: 1 }],
      slot_held: [{ labels: { slot: 'two' }, value: 128 }],
      slot_lost: [{ labels: { slot: 'two' }, value: 0 }],
      archive_failing: 0,
      archive_failures: 2,
      wraparound_used: [{ labels: { database: 'shop' }, value: 9.5 }],
      dead_rows: [{ labels: { table: 'public.orders' }, value: 12 }],
      checkpoints: [{ labels: { kind: 'timed' }, value: 4 }],
      checksum_failures: [{ labels: { database: 'shop' }, value: 0 }],
      tablespace_size: [{ labels: { tablespace: 'pg_default' }, value: 4096 }],
      replication_lag: [{ labels: { standby: 'two@10.0.0.6' }, value: 1 }],
      replication_lag_bytes: [{ labels: { standby: 'two@10.0.0.6' }, value: 64 }],
      database_size: [{ labels: { database: 'shop' }, value: 8192 }],
      cache_hit: [{ labels: { database: 'shop' }, value: (100 * 8_000) / 9_000 }],
      deadlocks: [{ labels: { database: 'shop' }, value: 1 }],
      commits: [{ labels: { database: 'shop' }, value: 7 }],
      rollbacks: [{ labels: { database: 'shop' }, value: 2 }],
      temporary_bytes: [{ labels: { database: 'shop' }, value: 0 }],
    },
    { 'cache too small': 'INFO' },
  ])
})

test('a missing privilege hides one part and is named', async () => {
  const refused = new StatementRefused('42501', 'permission denied for view pg_stat_replication')
  const seen = await collectOnce(postgresql, {}, { client: sqlDatabase({ ...healthy, pg_stat_replication: refused }) })
  expect([seen.failure, seen.message, seen.metrics['connections_used']]).toEqual([
    undefined,
    'left out: replication (permission denied for view pg_stat_replication)',
    25,
  ])
})

// rows of one's own query → samples, or the failure's words
const queries: [string, readonly SqlRow[] | Error, unknown][] = [
  ['labels and numbers', [{ state: 'open', orders: 3 }], [{ name: 'orders', labels: { state: 'open' }, value: 3 }]],
  ['no rows', [], []],
  ['no numbers', [{ state: 'open' }], 'db1:5432: the query gives no numbers'],
  ['twice the same', [{ n: 1 }, { n: 2 }], 'db1:5432: the query gives several rows with the same labels for n'],
  [
    'a taken name',
    [{ recovery: 1 }],
    'db1:5432: the column recovery bears the name of one of this monitor’s own metrics',
  ],
  [
    'refused',
    new StatementRefused('42P01', 'relation "orders" does not exist'),
    'db1:5432: the query was refused: relation "orders" does not exist',
  ],
]
test.each(queries)('a query of one’s own: %s', async (_, rows, wanted) => {
  const client = sqlDatabase({ 'FROM orders': rows, ...healthy })
  const seen = await collectOnce(postgresql, { query: 'SELECT * FROM orders;' }, { client })
  expect(seen.failure?.message ?? seen.more).toEqual(wanted)
})

test('used up connections and a long transaction raise', async () => {
  const busy = { ...healthy, 'FROM pg_stat_activity': [{ state: 'active', sessions: 20, oldest: 8_000 }] }
  expect(judgedBy(postgresql, await collectOnce(postgresql, {}, { client: sqlDatabase(busy) }))).toEqual({
    'connections used up': 'CRITICAL',
    'long transaction': 'WARNING',
  })
})

// what is otherwise → what raises
const troubles: [string, Record<string, readonly SqlRow[]>, Record<string, string>][] = [
  [
    'a slot that nobody uses',
    { pg_replication_slots: [{ slot: 'two', active: 0, held: 2e10, lost: 0 }] },
    { 'log kept for a slot': 'WARNING' },
  ],
  [
    'a slot without its log',
    { pg_replication_slots: [{ slot: 'two', active: 0, held: null, lost: 1 }] },
    { 'slot lost': 'MAJOR' },
  ],
  ['an archive', { pg_stat_archiver: [{ failures: 3, failing: 1 }] }, { 'archiving fails': 'MAJOR' }],
  ['old rows', { datfrozenxid: [{ database: 'shop', used: 80 }] }, { wraparound: 'CRITICAL' }],
  ['dead rows', { pg_stat_user_tables: [{ table: 'public.orders', share: 31 }] }, { 'dead rows pile up': 'INFO' }],
  [
    'a standby alone',
    {
      "'here'": [{ recovering: true, standby: 'here', lag: 70 }],
      pg_stat_wal_receiver: [{ running: 0, sender: null }],
    },
    { 'standby receives nothing': 'CRITICAL', 'replication lag': 'WARNING' },
  ],
]
test.each(troubles)('%s raises', async (_, trouble, wanted) => {
  expect(
    judgedBy(postgresql, await collectOnce(postgresql, {}, { client: sqlDatabase({ ...healthy, ...trouble }) })),
  ).toEqual(wanted)
})

test('whatever rows come, what is said is sound', () =>
  withstandsDamagedRows(postgresql, healthy, { database: { dialect: 'postgresql', version: '15.18' } }))

test('a long wait for a lock and damaged pages raise; a large cache and a standby that follows are clear', async () => {
  const at = (more: Readonly<Record<string, readonly SqlRow[]>>, previous = { shop: { hit: 0, read: 0 } }) =>
    collectOnce(postgresql, {}, { client: sqlDatabase({ ...healthy, ...more }), previous })
  const damaged = (failures: number) => at({ checksum_failures: [{ database: 'shop', failures }] })
  const large = {
    pg_stat_database: [
      { database: 'shop', hit: 99_900, read: 100, deadlocks: 1, commits: 7, rollbacks: 2, temporary: 0 },
    ],
  }
  const following = {
    "'here'": [{ recovering: true, standby: 'here', lag: 0 }],
    pg_stat_wal_receiver: [{ running: 1, sender: 'one' }],
  }
  const before = await at(large)
  expect([
    judgedBy(postgresql, await at({ ...large, pg_locks: [{ waiting: 1, longest: 61 }] })),
    judgedBy(postgresql, await damaged(2), await damaged(0)),
    judgedBy(postgresql, await at({ ...large, ...following }), before),
  ]).toMatchObject([{ locks: 'WARNING' }, { 'damaged pages': expect.any(String) }, {}])
})
