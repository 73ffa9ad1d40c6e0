import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import table from './sap.sql.table.ts'

const settings = {
  schema: 'SAPABAP1',
  table: '/BIC/AZSALES00',
  condition: "MANDT = '100'",
  column: 'AMOUNT',
  of: 'avg',
}

test('rows and a value of a column are asked for in one statement', async () => {
  const asked: string[] = []
  const client = sqlDatabase({ SAPABAP1: [{ n: 3, amount: 2.5 }] }, { dialect: 'hana', asked })
  const seen = await collectOnce(table, settings, { client })
  expectSound(table, seen)
  expect([seen.metrics, asked]).toEqual([
    { rows: 3, value: 2.5 },
    [`SELECT COUNT(*) AS n, avg(AMOUNT) AS amount FROM SAPABAP1."/BIC/AZSALES00" WHERE MANDT = '100'`],
  ])
})

test('a table that may not be read raises', async () => {
  const client = sqlDatabase({ SAPABAP1: new StatementRefused('258', 'insufficient privilege') })
  const seen = await collectOnce(table, settings, { client })
  expect([seen.failure?.message, judgedBy(table, seen)]).toEqual([
    'db1:5432 lets nothing be read: table (insufficient privilege)',
    { 'not measured': 'MAJOR' },
  ])
})

// what is given → what is wrong with it
const wrong: [object, string][] = [
  [{ condition: '1 = 1; DROP TABLE X' }, 'settings.condition holds ; or a comment'],
  [{ condition: '1 = 1 -- all' }, 'settings.condition holds ; or a comment'],
  [{ table: 'T WHERE 1 = 1' }, 'settings.table "T WHERE 1 = 1" is not of the form [A-Za-z0-9_/]+'],
  [{ schema: '"S"' }, 'settings.schema "\\"S\\"" is not of the form [A-Za-z_][A-Za-z0-9_$#]*'],
]
test.each(wrong)('%j is refused', async (given, words) => {
  await expect(collectOnce(table, { ...settings, ...given }, { client: sqlDatabase({}) })).rejects.toThrow(words)
})

test('withstands whatever rows come', () =>
  withstandsDamagedRows(table, { SAPABAP1: [{ n: 1, amount: 2 }] }, { settings }))
