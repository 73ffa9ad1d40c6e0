import { expect, test } from 'vitest'
import { alertTree, collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapSpool from './sap.spool.ts'

async function run(nodes: Parameters<typeof alertTree>[1]) {
  const seen = await collectOnce(sapSpool, {}, { client: sapSaying({ GetAlertTree: alertTree('Spool', nodes) }) })
  expectSound(sapSpool, seen)
  return seen
}

test('the use of the list and dead processes are measured', async () => {
  const seen = await run({ HostspoolListUsed: ['12 %', 'GREEN'], ErrorsInWpSPO: ['0', 'GREEN'] })
  expect([seen.metrics, seen.message]).toEqual([{ list_used: 12, wp_errors: 0, state: 2 }, 'list used: 12 %'])
})

// use and colour → what the default rules say
const verdicts: [string, string, Record<string, string>][] = [
  ['80 %', 'GREEN', {}],
  ['81 %', 'YELLOW', { 'spool list fills': 'WARNING' }],
  ['96 %', 'RED', { 'spool list fills': 'CRITICAL', 'spool red': 'MAJOR' }],
]
test.each(verdicts)('%s in %s', async (text, colour, verdict) => {
  expect(judgedBy(sapSpool, await run({ HostspoolListUsed: [text, colour] }))).toEqual(verdict)
})

test('a work process that died raises', async () => {
  const at = (errors: string) => run({ ErrorsInWpSPO: [errors, 'GREEN'] })
  const before = await at('1')
  expect([judgedBy(sapSpool, await at('2'), before), judgedBy(sapSpool, await at('1'), before)]).toEqual([
    { 'spool process died': 'WARNING' },
    {},
  ])
})
