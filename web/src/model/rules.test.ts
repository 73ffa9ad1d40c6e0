import { expect, test } from 'vitest'
import type { RuleDocument } from '../../../src/model/index.ts'
import { withSteps, closeRule, compareRules, moveIn, openRule, ruleText } from './rules.ts'

const rules: readonly RuleDocument[] = [
  { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
  { metric: ['used', 'free'], items: { mount: ['/var', '/home*'], type: 'ext4' }, thresholds: { WARNING: '> 80%' } },
  { metric: 'duration', thresholds: 'G2W:80 W2M:90', of: '3 of 5', clear: { after: 2, hysteresis: '5%' } },
  { metric: 'lag', noData: { after: '5m', severity: 'MAJOR' }, alarm: false },
]

test('a row comes back from its form as it was', () => {
  expect(rules.map((rule) => closeRule(openRule(rule)))).toEqual(rules)
})

test('steps typed into the field of one severity are all thresholds of the row', () => {
  const draft = openRule({ metric: 'a', thresholds: { MAJOR: '> 1' } })
  expect([
    closeRule({ ...draft, thresholds: { WARNING: 'G2W:80 W2M:90' } }).thresholds,
    withSteps({ WARNING: '> 80' }),
    withSteps('g2w:80'),
  ]).toEqual(['G2W:80 W2M:90', { WARNING: '> 80' }, 'g2w:80'])
})

test('what was emptied is not sent, and what is no number is sent as it was typed', () => {
  const draft = openRule({ metric: 'a', thresholds: { WARNING: '> 1' }, for: '1m' })
  expect([
    closeRule({ ...draft, thresholds: { WARNING: '' }, for: '', items: [['', '']], name: '' }),
    closeRule({ ...draft, clearAfter: 'two' }).clear,
    closeRule({ ...draft, metric: '["a"' }).metric,
  ]).toEqual([{ metric: 'a' }, { after: 'two' }, '["a"'])
})

test('a table is held against the monitor’s own, row by row', () => {
  const own: readonly RuleDocument[] = [
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 2s' } },
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'ends', metric: 'days', thresholds: { WARNING: '< 30d' } },
  ]
  const table: readonly RuleDocument[] = [
    { name: 'no answer', thresholds: { CRITICAL: '> 0' }, metric: 'failed' },
    { metric: 'duration', thresholds: { WARNING: '> 1s' } },
    { metric: 'orders', thresholds: { WARNING: '> 9' } },
  ]
  expect(compareRules(own, table).map((one) => `${one.is} ${one.rule.name ?? String(one.rule.metric)}`)).toEqual([
    'same no answer',
    'changed duration',
    'added orders',
    'removed ends',
  ])
})

test('a row is said in one line', () => {
  expect(rules.map(ruleText)).toEqual([
    '> 0 CRITICAL',
    '> 80% WARNING',
    'G2W:80 W2M:90 in 3 of 5',
    'no data for 5m MAJOR',
  ])
})

test('rows change places within the table and never leave it', () => {
  expect([moveIn([1, 2, 3], 0, 2), moveIn([1, 2, 3], 0, -1), moveIn([1, 2, 3], 2, 3)]).toEqual([
    [2, 3, 1],
    [1, 2, 3],
    [1, 2, 3],
  ])
})
