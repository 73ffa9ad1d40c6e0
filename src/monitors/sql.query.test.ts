import { expect, test } from 'vitest'
import { StatementRefused, TargetError, type SqlRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase } from '../sdk/testing.ts'
import sqlQuery from './sql.query.ts'

const query = 'SELECT * FROM orders;'
const run = (rows: readonly SqlRow[] | Error, settings = {}) =>
  collectOnce(sqlQuery, { query, ...settings }, { client: sqlDatabase({ 'FROM orders': rows }) })

test('numbers become metrics and texts their labels, whatever database it is', async () => {
  const seen = await run([
    { state: 'open', orders: 3, amount: 2.5, since: null },
    { state: 'done', orders: 7, amount: 0, since: null },
  ])
  expectSound(sqlQuery, seen)
  expect(seen).toEqual({
    metrics: { connect: 9, query_duration: 0, query_rows: 2 },
    more: [
      { name: 'orders', labels: { state: 'open' }, value: 3 },
      { name: 'amount', labels: { state: 'open' }, value: 2.5 },
      { name: 'orders', labels: { state: 'done' }, value: 7 },
      { name: 'amount', labels: { state: 'done' }, value: 0 },
    ],
    facts: { version: '15.18', database: 'shop' },
  })
})

test('a query that takes long raises', async () => {
  const took = async (ms: number) => {
    let at = -ms
    const client = sqlDatabase({ 'FROM orders': [{ n: 1 }] })
    return judgedBy(sqlQuery, await collectOnce(sqlQuery, { query }, { client, now: () => (at += ms) }))
  }
  expect([await took(10_100), await took(90)]).toEqual([{ 'query slow': 'WARNING' }, {}])
})

test('a number that is named as a label is one', async () => {
  const rows = [
    { client: 100, n: 1 },
    { client: 200, n: 2 },
  ]
  expect((await run(rows, { labels: ['CLIENT'] })).more).toEqual([
    { name: 'n', labels: { client: '100' }, value: 1 },
    { name: 'n', labels: { client: '200' }, value: 2 },
  ])
})

// rows → why nothing can be made of them
const unusable: [string, readonly SqlRow[] | Error, object, string][] = [
  ['no numbers', [{ state: 'open' }], {}, 'the query gives no numbers'],
  ['twice the same', [{ n: 1 }, { n: 2 }], {}, 'the query gives several rows with the same labels for n'],
  [
    'too many',
    [
      { n: 1, k: 'a' },
      { n: 2, k: 'b' },
    ],
    { maxRows: 1 },
    'the query gives more than 1 rows',
  ],
  [
    'a taken name',
    [{ query_rows: 1 }],
    {},
    'the column query_rows bears the name of one of this monitor’s own metrics',
  ],
  [
    'refused',
    new StatementRefused('42501', 'permission denied for table orders'),
    {},
    'the query was refused: permission denied for table orders',
  ],
]
test.each(unusable)('what cannot be used fails with words: %s', async (_, rows, settings, words) => {
  const seen = await run(rows, settings)
  expect([seen.failure, judgedBy(sqlQuery, seen)]).toEqual([
    { reason: 'assertion', message: `db1:5432: ${words}` },
    { 'query failed': 'MAJOR' },
  ])
})

test('only a query is taken, and a session that ends is the target’s failure', async () => {
  await expect(collectOnce(sqlQuery, { query: 'DELETE FROM orders' }, { client: sqlDatabase({}) })).rejects.toThrow(
    'settings.query is not a query',
  )
  await expect(run(new TargetError('timed out', 'db1:5432 did not answer in time'))).rejects.toThrow('in time')
})
