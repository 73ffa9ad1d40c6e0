import { expect, test } from 'vitest'
import { alertTree, collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapUpdates from './sap.updates.ts'

async function run(nodes: Parameters<typeof alertTree>[1]) {
  const seen = await collectOnce(sapUpdates, {}, { client: sapSaying({ GetAlertTree: alertTree('Update', nodes) }) })
  expectSound(sapUpdates, seen)
  return seen
}

test('failed updates, those that wait, and dead processes are measured', async () => {
  const seen = await run({
    AbapErrorInUpdate: ['3', 'GREEN'],
    QueueLength: ['1', 'GREEN'],
    ErrorsInWpUPD: ['2', 'YELLOW'],
  })
  expect([seen.metrics, seen.message]).toEqual([{ errors: 3, wp_errors: 2, waiting: 1, state: 3 }, 'failed: 3'])
})

// text and colour → what the default rules say
const verdicts: [string, string, Record<string, string>][] = [
  ['0', 'GREEN', {}],
  ['11', 'GREEN', { 'updates failed': 'WARNING' }],
  ['21', 'GREEN', { 'updates failed': 'CRITICAL' }],
  ['-', 'YELLOW', { 'update yellow': 'WARNING' }],
  ['-', 'RED', { 'update red': 'CRITICAL' }],
]
test.each(verdicts)('%s in %s', async (text, colour, verdict) => {
  expect(judgedBy(sapUpdates, await run({ AbapErrorInUpdate: [text, colour] }))).toEqual(verdict)
})

test('a work process that died raises', async () => {
  const at = (errors: string) => run({ ErrorsInWpUPD: [errors, 'GREEN'] })
  const before = await at('1')
  expect([judgedBy(sapUpdates, await at('2'), before), judgedBy(sapUpdates, await at('1'), before)]).toEqual([
    { 'update process died': 'WARNING' },
    {},
  ])
})
