import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import license from './hana.license.ts'

const licence = { product: 'SAP-HANA', days: 400, used: 60, allowed: 100, permanent: 1, valid: 1, locked: 0 }
const run = (change: object) =>
  collectOnce(license, {}, { client: hanaDatabase({ M_LICENSE: [{ ...licence, ...change }] }) })

test('a licence is measured by days and use', async () => {
  const seen = await run({})
  expectSound(license, seen)
  const only = (value: number) => [{ labels: { product: 'SAP-HANA' }, value }]
  expect([seen.metrics, judgedBy(license, seen)]).toEqual([
    { days_left: only(400), used: only(60), permanent: only(1), valid: only(1), locked: only(0) },
    {},
  ])
})

// what is so of the licence → what raises
const stories: [object, object][] = [
  [{ days: 90 }, { 'licence ends': 'WARNING' }],
  [{ days: 20 }, { 'licence ends': 'CRITICAL' }],
  [{ days: null, used: 100 }, { 'licence used up': 'CRITICAL' }],
  [{ permanent: 0 }, { 'licence temporary': 'WARNING' }],
  [
    { valid: 0, locked: 1 },
    { 'licence invalid': 'CRITICAL', 'locked down': 'CRITICAL' },
  ],
]
test.each(stories)('%j raises %j', async (change, wanted) => {
  expect(judgedBy(license, await run(change))).toEqual(wanted)
})

test('withstands whatever rows come', () => withstandsDamagedRows(license, { M_LICENSE: [licence] }))
