import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import trfc from './sap.sql.trfc.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  'AS destination': [{ destination: 'BW', state: 'SYSFAIL', amount: 2, oldest: '20261126065000' }],
  'AS amount': [{ amount: 0 }],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(trfc, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('calls that failed just now raise nothing', async () => {
  const seen = await run()
  expectSound(trfc, seen)
  expect([seen.metrics, judgedBy(trfc, seen)]).toEqual([
    {
      calls: [{ labels: { destination: 'BW', state: 'SYSFAIL' }, value: 2 }],
      failed_calls: 2,
      failed_destination: [{ labels: { destination: 'BW' }, value: 2 }],
      failed_old: 0,
      failed_oldest: 600,
    },
    {},
  ])
})

test('old ones, and many, raise', async () => {
  const seen = await run({
    'AS destination': [{ destination: 'BW', state: 'CPICERR', amount: 100, oldest: '20261125000000' }],
    'AS amount': [{ amount: 90 }],
  })
  expect(judgedBy(trfc, seen)).toEqual({ 'calls failed long ago': 'WARNING', 'many calls failed': 'CRITICAL' })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ 'AS destination': refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual([undefined, 'calls (insufficient privilege)'])
})

test('withstands whatever rows come', () => withstandsDamagedRows(trfc, answers, { settings }))
