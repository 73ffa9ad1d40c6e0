import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapQueues from './sap.queues.ts'

async function run(rows: readonly object[]) {
  const seen = await collectOnce(sapQueues, {}, { client: sapSaying({ GetQueueStatistic: rows }) })
  expectSound(sapQueues, seen)
  return seen
}

const dialog = { Typ: 'ABAP/DIA', Now: '2', High: '5', Max: '14000', Writes: '447175', Reads: '447173' }

test('each queue is measured, and what is absent is left out', async () => {
  const seen = await run([dialog, { Typ: 'ABAP/ENQ', Max: '14000' }])
  const item = (queue: string, value: number) => ({ labels: { queue }, value })
  expect([seen.metrics, seen.message]).toEqual([
    {
      now: [item('ABAP/DIA', 2)],
      high: [item('ABAP/DIA', 5)],
      max: [item('ABAP/DIA', 14000), item('ABAP/ENQ', 14000)],
      fill: [item('ABAP/DIA', (100 * 2) / 14000)],
      writes: [item('ABAP/DIA', 447175)],
      reads: [item('ABAP/DIA', 447173)],
    },
    'ABAP/DIA: 2',
  ])
})

// what waits, of how many → what the default rules say, holding times aside
const verdicts: [string, string, Record<string, string>][] = [
  ['0', '14000', {}],
  ['6', '14000', { 'requests wait': 'WARNING' }],
  ['51', '14000', { 'requests wait': 'CRITICAL' }],
  ['5', '8', { 'queue fills': 'WARNING' }],
  ['5', '6', { 'queue fills': 'CRITICAL' }],
  ['-', '0', {}],
]
test.each(verdicts)('%s of %s', async (Now, Max, verdict) => {
  expect(judgedBy(sapQueues, await run([{ ...dialog, Now, Max }]))).toEqual(verdict)
})
