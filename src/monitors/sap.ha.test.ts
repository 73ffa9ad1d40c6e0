import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapHa from './sap.ha.ts'

async function run(about: { state?: string; active?: string; node?: string; previous?: unknown } = {}) {
  let kept: unknown
  const client = sapSaying({
    HAGetFailoverConfig: [
      {
        HAActive: about.active ?? 'true',
        HAProductVersion: 'Pacemaker 2.1',
        HAActiveNode: about.node ?? 'node1',
        HANodes: 'node1,node2',
      },
    ],
    HACheckConfig: [
      {
        state: about.state ?? 'SAPControl-HA-SUCCESS',
        category: 'SAPControl-SAP-CONFIGURATION',
        description: 'Redundant ABAP instances',
        comment: '2 of 2',
      },
    ],
  })
  const seen = await collectOnce(sapHa, {}, { client, previous: about.previous, remember: (value) => (kept = value) })
  expectSound(sapHa, seen)
  return { seen, kept }
}

test('checks are measured under their category and text, and the cluster is described', async () => {
  const { seen, kept } = await run()
  expect([seen.metrics, seen.facts, seen.message, kept]).toEqual([
    { active: 1, check: [{ labels: { check: 'SAP-CONFIGURATION: Redundant ABAP instances' }, value: 0 }], checks: 1 },
    { product: 'Pacemaker 2.1', interface: '', nodes: 'node1,node2', activeNode: 'node1' },
    '1 checks are good',
    'node1',
  ])
})

// what is found → what the default rules say
const verdicts: [string, Parameters<typeof run>[0], Record<string, string>][] = [
  ['all is well', {}, {}],
  ['a check that warns', { state: 'SAPControl-HA-WARNING' }, { 'check warns': 'WARNING' }],
  ['a check that failed', { state: 'ERROR' }, { 'check failed': 'MAJOR' }],
  ['a state of no name', { state: 'BLUE' }, {}],
  ['the same node', { previous: 'node1' }, {}],
  ['another node', { previous: 'node2' }, { 'node changed': 'WARNING' }],
]
test.each(verdicts)('%s', async (_, about, verdict) => {
  expect(judgedBy(sapHa, (await run(about)).seen)).toEqual(verdict)
})

test('without a cluster nothing is checked', async () => {
  const { seen } = await run({ active: 'false', state: 'ERROR' })
  expect([seen.metrics, seen.message]).toEqual([{ active: 0, check: [], checks: 0 }, 'no cluster is connected'])
})
