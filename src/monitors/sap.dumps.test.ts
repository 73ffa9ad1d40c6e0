import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapDumps from './sap.dumps.ts'

async function run(nodes: Readonly<Record<string, readonly [text: string, colour: string]>>) {
  const rows = [
    { name: 'FW1', parent: '-1' },
    { name: 'Shortdumps', parent: '0' },
    ...Object.entries(nodes).map(([name, [description, colour]]) => ({
      name,
      parent: '1',
      description,
      ActualValue: `SAPControl-${colour}`,
    })),
  ]
  const seen = await collectOnce(sapDumps, {}, { client: sapSaying({ GetAlertTree: rows }) })
  expectSound(sapDumps, seen)
  return seen
}

test('a frequency is brought to an hour', async () => {
  expect((await run({ Frequency: ['0.05 /min', 'GREEN'] })).metrics).toEqual({ dumps_per_hour: 3, state: 2 })
})

// frequency and colour → what the default rules say, holding times aside
const verdicts: [string, string, Record<string, string>][] = [
  ['0 /min', 'GREEN', {}],
  ['3 /h', 'GREEN', { 'many dumps': 'WARNING' }],
  ['1 /min', 'YELLOW', { 'many dumps': 'CRITICAL', 'dumps yellow': 'WARNING' }],
  ['-', 'RED', { 'dumps red': 'CRITICAL' }],
  ['-', 'GRAY', {}],
]
test.each(verdicts)('%s in %s', async (text, colour, verdict) => {
  expect(judgedBy(sapDumps, await run({ 'Shortdumps Frequency': [text, colour] }))).toEqual(verdict)
})

test('a tree without the node measures nothing', async () => {
  const seen = await run({ AbortedJobs: ['1', 'RED'] })
  expect([seen.metrics, seen.message]).toEqual([{}, 'the tree has no frequency of short dumps'])
})
