import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { sqlDatabase } from '../sdk/testing.ts'
import { quotedName, readSap, secondsOf } from './formats/sap-tables.ts'

const settings = { schema: 'SAPSR3', client: '100' }
const at = (moment: string) => ({ 'AS moment': [{ moment }] })

// moment in a column → seconds, or nothing
const moments: [string, number | undefined][] = [
  ['19700101000001', 1],
  ['20261126070000', Date.UTC(2026, 10, 26, 7) / 1_000],
  ['2026112607000012', Date.UTC(2026, 10, 26, 7) / 1_000],
  ['00000000000000', undefined],
  ['20261326000000', undefined],
  ['', undefined],
  ['yesterday', undefined],
]
test.each(moments)('%j is %j', (text, wanted) => {
  expect(secondsOf(text)).toBe(wanted)
})

test('conditions are made by the database’s clock, over midnight as well', async () => {
  const client = sqlDatabase(at('20261126001500'))
  const seen = await readSap(settings, client, AbortSignal.timeout(30_000), async (sap) => ({
    metrics: [
      sap.table('SNAP'),
      sap.ofClient('MANDT'),
      sap.within(3_600, 'DATUM', 'UZEIT'),
      sap.olderThan(60, 'D', 'T'),
      sap.moment(86_400),
      sap.age({ since: '20261125235900' }, 'since'),
      sap.age({ since: '20261127000000' }, 'since'),
      sap.age({ since: '00000000000000' }, 'since'),
    ],
  }))
  expect(seen.metrics).toEqual([
    'SAPSR3.SNAP',
    " AND MANDT = '100'",
    "DATUM >= '20261125' AND (DATUM > '20261125' OR UZEIT >= '231500')",
    "D > '00000000' AND D <= '20261126' AND (D < '20261126' OR T <= '001400')",
    '20261125001500',
    960,
    0,
    undefined,
  ])
})

test('each kind of database is asked for its time in its own words', async () => {
  const asked: string[] = []
  for (const dialect of ['hana', 'mssql', 'mysql', 'oracle', 'postgresql'] as const) {
    const client = sqlDatabase(at('20261126070000'), { dialect, asked })
    await readSap(settings, client, AbortSignal.timeout(30_000), async () => ({ metrics: {} }))
  }
  expect(asked.map((sql) => /(FROM \w+)?$/.exec(sql)?.[0])).toEqual(['FROM DUMMY', '', '', 'FROM DUAL', ''])
})

test('a database that tells no time is no target', async () => {
  const run = (client: ReturnType<typeof sqlDatabase>) =>
    readSap(settings, client, AbortSignal.timeout(30_000), async () => ({ metrics: {} }))
  await expect(run(sqlDatabase(at('soon')))).rejects.toMatchObject({ reason: 'protocol' })
  await expect(run(sqlDatabase({ 'AS moment': new StatementRefused('1', 'no') }))).rejects.toThrow('no')
})

test('names that are more than letters are put in quotes', () => {
  expect([quotedName('BALHDR', 'hana'), quotedName('/BIC/A', 'hana'), quotedName('/BIC/A', 'mysql')]).toEqual([
    'BALHDR',
    '"/BIC/A"',
    '`/BIC/A`',
  ])
})
