import { expect, test } from 'vitest'
import { rulesOf, thresholdsFor } from './thresholds.ts'

const task = { profile: 'web', monitor: 'http.response', name: 'http.response' }
const defaults = [{ metric: 'duration', thresholds: { WARNING: '> 2s' } }]

test("a profile's rules go before the monitor's own", () => {
  const own = [{ metric: 'duration', thresholds: { CRITICAL: '> 9s' } }]
  const document = {
    profiles: [{ name: 'web', monitors: [{ monitor: 'http.response', rules: own }, { monitor: 'ping' }] }],
  }
  expect([
    rulesOf(task, document, defaults),
    rulesOf({ ...task, profile: 'other' }, document, defaults),
    rulesOf(task, undefined, defaults),
  ]).toEqual([own, defaults, defaults])
})

test('thresholds are lines in the unit of the metric, unless they hold for some items only', () => {
  const rules = [
    { metric: 'duration', thresholds: { WARNING: '> 2s', CRITICAL: '> 5s' } },
    { metric: 'duration', items: { path: '/slow' }, thresholds: { MAJOR: '> 60s' } },
    { metric: 'size', thresholds: { MINOR: '> 1MiB' } },
  ]
  expect(thresholdsFor(rules, 'duration', 'ms')).toEqual([
    { severity: 'CRITICAL', at: 5_000 },
    { severity: 'WARNING', at: 2_000 },
  ])
})
