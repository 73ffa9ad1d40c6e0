import { expect, test } from 'vitest'
import { isKept, rowsFor } from './rows.ts'
import { checkRules, type RuleDocument } from './rule.ts'

function rulesOf(...rows: readonly RuleDocument[]) {
  const checked = checkRules(rows, { metrics: {}, open: true, path: 'rules' })
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  return checked.value
}

// item : the rows that take it → whether its values are kept
const table = rulesOf(
  { name: 'shown', metric: 'used', items: { mount: '/db*' }, alarm: false },
  { name: 'scratch', metric: 'used', items: { mount: '/tmp*' }, exclusive: true, metricOutput: false, alarm: false },
  { name: 'silent', metric: '*', thresholds: { WARNING: '> 80' }, metricOutput: false },
  { name: 'broken', metric: 'failed', thresholds: { WARNING: '> 0' } },
)
const stories: Readonly<Record<string, string>> = {
  'used /db1': 'shown silent → kept',
  'used /tmp': 'scratch → not kept',
  'used /': 'silent → not kept',
  'failed ': 'broken → kept',
}

test('the first row that takes an item says whether its values are kept', () => {
  const told = Object.keys(stories).map((item) => {
    const [metric = '', mount = ''] = item.split(' ')
    const rows = rowsFor(table, metric, { mount }).map(({ name }) => name)
    return [item, `${rows.join(' ')} → ${isKept(table, metric, { mount }) ? 'kept' : 'not kept'}`]
  })
  expect([Object.fromEntries(told), isKept(rulesOf(), 'used', {})]).toEqual([stories, true])
})
