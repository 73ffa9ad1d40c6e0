import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import spool from './sap.sql.spool.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  TSP01: [{ amount: 3_200 }],
  TSP02: [{ device: 'LP01', amount: 40, failures: 0, problems: 1 }],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(spool, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('a spool at work raises nothing', async () => {
  const seen = await run()
  expectSound(spool, seen)
  expect([seen.metrics, judgedBy(spool, seen)]).toEqual([
    {
      requests: 3_200,
      numbers_used: 10,
      output: [{ labels: { device: 'LP01' }, value: 40 }],
      output_failed: [{ labels: { device: 'LP01' }, value: 0 }],
      output_problems: [{ labels: { device: 'LP01' }, value: 1 }],
      failures: 0,
    },
    {},
  ])
})

test('numbers that run out and output that failed raise', async () => {
  const seen = await run({
    TSP01: [{ amount: 31_000 }],
    TSP02: [{ device: 'LP01', amount: 40, failures: 2, problems: 2 }],
  })
  expect(judgedBy(spool, seen)).toEqual({ 'numbers used up': 'CRITICAL', 'not printed': 'WARNING' })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ TSP02: refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual([
    undefined,
    'output requests (insufficient privilege)',
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(spool, answers, { settings }))
