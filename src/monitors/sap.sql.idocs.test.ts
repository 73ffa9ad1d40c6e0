import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import idocs from './sap.sql.idocs.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  EDIDC: [
    { direction: 'in', status: '53', type: 'ORDERS', amount: 90, oldest: '20261120000000' },
    { direction: 'out', status: '30', type: 'INVOIC', amount: 1, oldest: '20261126065900' },
  ],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(idocs, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('IDocs that are done or have just come raise nothing', async () => {
  const seen = await run()
  expectSound(idocs, seen)
  expect([seen.metrics, judgedBy(idocs, seen)]).toEqual([
    {
      idocs: [
        { labels: { direction: 'in', status: '53', type: 'ORDERS' }, value: 90 },
        { labels: { direction: 'out', status: '30', type: 'INVOIC' }, value: 1 },
      ],
      errors: [
        { labels: { direction: 'out' }, value: 0 },
        { labels: { direction: 'in' }, value: 0 },
      ],
      errors_type: [],
      waiting: [
        { labels: { direction: 'out' }, value: 1 },
        { labels: { direction: 'in' }, value: 0 },
      ],
      waiting_oldest: 60,
    },
    {},
  ])
})

test('failed ones and long waits raise', async () => {
  const seen = await run({
    EDIDC: [
      { direction: 'in', status: '51', type: 'ORDERS', amount: 60, oldest: '20261120000000' },
      { direction: 'in', status: '64', type: 'ORDERS', amount: 1, oldest: '20261126050000' },
      { direction: 'out', status: '51', type: 'ORDERS', amount: 60, oldest: '20261120000000' },
    ],
  })
  expect(judgedBy(idocs, seen)).toEqual({ 'IDocs failed': 'CRITICAL', 'IDocs wait': 'WARNING' })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ EDIDC: refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual(['configuration', 'IDocs (insufficient privilege)'])
})

test('withstands whatever rows come', () => withstandsDamagedRows(idocs, answers, { settings }))
