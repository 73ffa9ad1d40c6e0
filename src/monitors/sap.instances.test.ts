import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapInstances from './sap.instances.ts'

const hour = 3_600_000
const ascs = { hostname: 'fwcs', instanceNr: '0', features: 'MESSAGESERVER|ENQUE', dispstatus: 'SAPControl-GREEN' }
const app = (dispstatus = 'SAPControl-GREEN') => ({
  hostname: 'fwapp1',
  instanceNr: '1',
  features: 'ABAP|ICMAN',
  dispstatus,
})

async function run(rows: readonly object[], at = 0, previous?: unknown) {
  let kept: unknown
  const seen = await collectOnce(
    sapInstances,
    {},
    {
      client: sapSaying({ GetSystemInstanceList: rows }),
      now: () => at,
      previous,
      remember: (value) => (kept = value),
    },
  )
  expectSound(sapInstances, seen)
  return { seen, kept }
}

test('every instance has its state under its host and number', async () => {
  const { seen } = await run([ascs, app()])
  expect([seen.metrics, seen.facts, judgedBy(sapInstances, seen)]).toEqual([
    {
      state: [
        { labels: { instance: 'fwcs_00' }, value: 2 },
        { labels: { instance: 'fwapp1_01' }, value: 2 },
      ],
      instances: 2,
      not_green: 0,
      vanished: 0,
    },
    { fwcs_00: 'MESSAGESERVER|ENQUE', fwapp1_01: 'ABAP|ICMAN' },
    {},
  ])
})

// colour of an instance → what the default rules say
const colours: [string, Record<string, string>][] = [
  ['SAPControl-YELLOW', { 'instance yellow': 'WARNING' }],
  ['SAPControl-RED', { 'instance red': 'CRITICAL' }],
  ['SAPControl-GRAY', { 'instance stopped': 'CRITICAL' }],
  ['SAPControl-GREEN', {}],
  ['nonsense', {}],
]
test.each(colours)('%s', async (colour, verdict) => {
  expect(judgedBy(sapInstances, (await run([ascs, app(colour)])).seen)).toEqual(verdict)
})

test('an instance that vanished is missed for a day, and no longer', async () => {
  const whole = await run([ascs, app()])
  const missing = await run([ascs], hour, whole.kept)
  const dayLater = await run([ascs], 25 * hour, missing.kept)
  const back = await run([ascs, app()], 2 * hour, missing.kept)
  expect([
    judgedBy(sapInstances, missing.seen),
    missing.seen.message,
    dayLater.seen.metrics['vanished'],
    back.seen.metrics['vanished'],
  ]).toEqual([{ 'instance vanished': 'CRITICAL' }, 'not in the list any more: fwapp1_01', 0, 0])
})

test('a target that is spared is no failure', async () => {
  const client = sapSaying({
    GetSystemInstanceList: { is: 'not asked', why: 'paused', message: 'not asked for while gwrd is not GREEN (RED)' },
  })
  const seen = await collectOnce(sapInstances, {}, { client })
  expect([seen.metrics, seen.message, judgedBy(sapInstances, seen)]).toEqual([
    {},
    'not asked for while gwrd is not GREEN (RED)',
    {},
  ])
})
