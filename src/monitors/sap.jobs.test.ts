import { expect, test } from 'vitest'
import { alertTree, collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapJobs from './sap.jobs.ts'

async function run(nodes: Parameters<typeof alertTree>[1]) {
  const seen = await collectOnce(sapJobs, {}, { client: sapSaying({ GetAlertTree: alertTree('Background', nodes) }) })
  expectSound(sapJobs, seen)
  return seen
}

test('aborted jobs, those that wait, and the use of work processes are measured', async () => {
  const seen = await run({
    AbortedJobs: ['2', 'GREEN'],
    QueueLength: ['4', 'GREEN'],
    Utilisation: ['33 %', 'GREEN'],
    ErrorsInWpBTC: ['7', 'GREEN'],
  })
  expect([seen.metrics, seen.message]).toEqual([
    { aborted: 2, waiting: 4, utilisation: 33, errors: 7, state: 2 },
    'aborted: 2',
  ])
})

// node, text and colour → what the default rules say, holding times aside
const verdicts: [string, string, string, Record<string, string>][] = [
  ['AbortedJobs', '0', 'GREEN', {}],
  ['AbortedJobs', '1', 'GREEN', { 'jobs aborted': 'WARNING' }],
  ['AbortedJobs', '5', 'RED', { 'jobs aborted': 'CRITICAL', 'jobs red': 'CRITICAL' }],
  ['AbortedJobs', '-', 'YELLOW', { 'jobs yellow': 'WARNING' }],
  ['Utilisation', '85 %', 'GREEN', {}],
  ['Utilisation', '95 %', 'GREEN', { 'batch used up': 'WARNING' }],
]
test.each(verdicts)('%s %s in %s', async (name, text, colour, verdict) => {
  expect(judgedBy(sapJobs, await run({ [name]: [text, colour] }))).toEqual(verdict)
})
