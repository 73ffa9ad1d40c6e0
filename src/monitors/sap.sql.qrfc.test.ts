import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import qrfc from './sap.sql.qrfc.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  TRFCQOUT: [{ queue: 'CF', destination: 'APO', amount: 7, stuck: 0, oldest: '20261126065900' }],
  TRFCQIN: [],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(qrfc, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('queues that move raise nothing', async () => {
  const seen = await run()
  expectSound(qrfc, seen)
  expect([seen.metrics, judgedBy(qrfc, seen)]).toEqual([
    {
      depth: [{ labels: { direction: 'out', queue: 'CF', destination: 'APO' }, value: 7 }],
      stuck: [{ labels: { direction: 'out', queue: 'CF', destination: 'APO' }, value: 0 }],
      age: [{ labels: { direction: 'out', queue: 'CF', destination: 'APO' }, value: 60 }],
      entries: [
        { labels: { direction: 'out' }, value: 7 },
        { labels: { direction: 'in' }, value: 0 },
      ],
      queues_stuck: [
        { labels: { direction: 'out' }, value: 0 },
        { labels: { direction: 'in' }, value: 0 },
      ],
    },
    {},
  ])
})

test('long queues and such as stand raise', async () => {
  const seen = await run({ TRFCQIN: [{ queue: 'XB', destination: null, amount: 20_000, stuck: 3, oldest: '' }] })
  expect(judgedBy(qrfc, seen)).toEqual({ 'queue stands': 'WARNING', 'queue long': 'CRITICAL' })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ TRFCQIN: refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual([
    undefined,
    'inbound queues (insufficient privilege)',
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(qrfc, answers, { settings }))
