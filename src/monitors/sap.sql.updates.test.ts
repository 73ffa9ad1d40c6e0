import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import updates from './sap.sql.updates.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  'AS program': [{ program: 'SAPMV45A', amount: 2, errors: 1, oldest: '20261126060000' }],
  'AS amount': [{ amount: 9 }],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(updates, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('a few that are stuck raise nothing', async () => {
  const seen = await run()
  expectSound(updates, seen)
  expect([seen.metrics, judgedBy(updates, seen)]).toEqual([
    {
      stuck: 2,
      stuck_program: [{ labels: { program: 'SAPMV45A' }, value: 2 }],
      errors: 1,
      oldest: 3_600,
      requests: 9,
    },
    {},
  ])
})

test('many that are stuck raise', async () => {
  const seen = await run({ 'AS program': [{ program: 'A', amount: 12, oldest: '' }] })
  expect(judgedBy(updates, seen)).toEqual({ 'updates not done': 'WARNING' })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ 'FROM SAPABAP1.VBHDR': refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual([
    'configuration',
    'requests not done (insufficient privilege); requests (insufficient privilege)',
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(updates, answers, { settings }))
