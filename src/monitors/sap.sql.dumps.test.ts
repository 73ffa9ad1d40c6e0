import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import dumps from './sap.sql.dumps.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  'AS content': [{ usrname: 'SMITH', content: 'FC008TIME_OUTAP007ZREPORT' }],
  'AS amount': [{ amount: 3 }],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(dumps, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('a few dumps of a known kind raise nothing', async () => {
  const seen = await run()
  expectSound(dumps, seen)
  expect([seen.metrics, judgedBy(dumps, seen)]).toEqual([
    {
      dumps_hour: 3,
      dumps_day: 3,
      dumps: [{ labels: { error: 'TIME_OUT', program: 'ZREPORT' }, value: 1 }],
    },
    {},
  ])
})

test('a dump of a kind that was not there before raises', async () => {
  const after = (previous: readonly string[]) =>
    collectOnce(dumps, settings, { client: sqlDatabase(answers), previous })
  expect([
    judgedBy(dumps, await after(['COMPUTE_INT_ZERODIVIDE ZREPORT'])),
    judgedBy(dumps, await after(['TIME_OUT ZREPORT'])),
  ]).toEqual([{ 'new kind of dump': 'WARNING' }, {}])
})

test('very many raise', async () => {
  const seen = await run({ 'AS amount': [{ amount: 101 }] })
  expect(judgedBy(dumps, seen)).toEqual({ 'many dumps': 'CRITICAL' })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ 'AS content': refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual([undefined, 'kinds (insufficient privilege)'])
})

test('withstands whatever rows come', () => withstandsDamagedRows(dumps, answers, { settings }))
