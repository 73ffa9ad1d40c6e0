import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sqlDatabase, withstandsDamagedRows } from '../sdk/testing.ts'
import jobs from './sap.sql.jobs.ts'

const settings = { schema: 'SAPABAP1' }
const answers = {
  'AS moment': [{ moment: '20261126070000' }],
  "STATUS = 'A'": [],
  "STATUS = 'R'": [{ job: 'MRP', since: '20261126065000' }],
  'STATUS IN': [{ job: 'LATE', planned: '20261126065930' }],
}
const run = (more: Parameters<typeof sqlDatabase>[0] = {}) =>
  collectOnce(jobs, settings, { client: sqlDatabase({ ...more, ...answers, ...more }) })

test('jobs that run, and one that waits for half a minute, raise nothing', async () => {
  const seen = await run()
  expectSound(jobs, seen)
  expect([seen.metrics, judgedBy(jobs, seen)]).toEqual([
    {
      aborted: 0,
      aborted_job: [],
      running: 1,
      running_longest: 600,
      running_time: [{ labels: { job: 'MRP' }, value: 600 }],
      delayed: 1,
      delay_longest: 30,
    },
    {},
  ])
})

test('cancelled jobs, long ones and long waits raise', async () => {
  const seen = await run({
    "STATUS = 'A'": [{ job: 'BILLING', amount: 5 }],
    "STATUS = 'R'": [{ job: 'MRP', since: '20261124000000' }],
    'STATUS IN': [{ job: 'LATE', planned: '20261126064000' }],
  })
  expect(judgedBy(jobs, seen)).toEqual({
    'jobs cancelled': 'CRITICAL',
    'jobs wait': 'CRITICAL',
    'job runs long': 'WARNING',
  })
})

test('a table that may not be read is left out with words', async () => {
  const refused = new StatementRefused('258', 'insufficient privilege')
  const seen = await run({ "STATUS = 'A'": refused })
  expect([seen.failure?.reason, seen.facts?.['missing']]).toEqual([
    undefined,
    'cancelled jobs (insufficient privilege)',
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(jobs, answers, { settings }))
