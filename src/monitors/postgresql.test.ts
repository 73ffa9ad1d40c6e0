import { expect, test } from 'vitest'
import { StatementRefused, type SqlRow } from '../sdk/index.ts'
import { sqlDatabase } from '../sdk/sql-testing.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import postgresql from './postgresql.ts'

const healthy = {
  'FROM pg_stat_activity': [
    { state: 'active', sessions: 3, oldest: 5 },
    { state: 'idle', sessions: 2, oldest: 0 },
  ],
  max_connections: [{ allowed: 20 }],
  pg_locks: [{ waiting: 0, longest: 0 }],
  pg_stat_database: [
    { database: 'shop', hit: 9_000, read: 1_000, deadlocks: 1, commits: 7, rollbacks: 2, temporary: 0 },
  ],
  pg_database_size: [{ database: 'shop', size: 8192 }],
  pg_stat_replication: [{ standby: 'two@10.0.0.6', lag: 1, bytes: 64 }],
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
