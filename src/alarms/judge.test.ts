import { expect, test } from 'vitest'
import { explain, judgeRun, tableOf, type Judgement, type TaskState } from './judge.ts'
import { failedRun, rulesOf, runOf, taskOf } from './testing.ts'

function judgeAll(rules: ReturnType<typeof rulesOf>, ...runs: readonly ReturnType<typeof runOf>[]): readonly string[] {
  const table = tableOf(taskOf('a', rules))
  let state: TaskState = table.beginning(0)
  return runs.map((run) => {
    const judgement: Judgement = judgeRun(table, state, run)
    state = judgement.state
    return judgement.effects
      .map(({ rule, item, value, effect }) => `${rule.name} [${item}] ${value} ${effect.is}`)
      .join(', ')
  })
}

test('an exclusive row takes its items away from later ones, and every item says who judged it', () => {
  const rules = rulesOf(
    { name: 'scratch', metric: 'used', items: { mount: '/tmp*' }, exclusive: true, alarm: false },
    { name: 'database', metric: 'used', items: { mount: '/^/db/' }, thresholds: { CRITICAL: '> 70' }, exclusive: true },
    { name: 'rest', metric: 'used', thresholds: { WARNING: '> 80' } },
  )
  const run = runOf('a', 1, { 'used /tmp1': 99, 'used /db': 75, 'used /': 85, duration: 5 })
  expect(judgeAll(rules, run)).toEqual(['database [mount=/db] 75 raise, rest [mount=/] 85 raise'])
  expect(
    explain(taskOf('a', rules), run).map(({ metric, item, rows }) => [
      metric,
      item,
      rows.map(({ rule, severity }) => `${rule}: ${severity}`).join(),
    ]),
  ).toEqual([
    ['failed', '', ''],
    ['used', 'mount=/tmp1', 'scratch: CLEAR'],
    ['used', 'mount=/db', 'database: CRITICAL'],
    ['used', 'mount=/', 'rest: WARNING'],
    ['duration', '', ''],
  ])
})

test('a counter is judged by its rate, and a counter that began anew is not', () => {
  const rules = rulesOf({ metric: 'requests', thresholds: { WARNING: '> 10/s' } })
  expect(
    judgeAll(
      rules,
      runOf('a', 10_000, { requests: 5_000 }),
      runOf('a', 20_000, { requests: 5_050 }),
      runOf('a', 30_000, { requests: 5_200 }),
      runOf('a', 40_000, { requests: 100 }),
      runOf('a', 50_000, { requests: 150 }),
    ),
  ).toEqual(['', '', 'requests [] 15 raise', '', 'requests [] 5 clear'])
})

test('a failed run neither clears nor raises what it could not measure', () => {
  const rules = rulesOf(
    { metric: 'duration', thresholds: { WARNING: '> 2s' } },
    { metric: 'failed', thresholds: { CRITICAL: '> 0' } },
  )
  expect(
    judgeAll(
      rules,
      runOf('a', 1, { duration: 3_000 }),
      failedRun('a', 2),
      failedRun('a', 3),
      failedRun('a', 4),
      failedRun('a', 5),
      runOf('a', 6, { duration: 1_000 }),
    ),
  ).toEqual([
    'duration [] 3000 raise',
    'failed [] 1 raise',
    'failed [] 1 repeat',
    'failed [] 1 repeat',
    'failed [] 1 repeat',
    'failed [] 0 clear, duration [] 1000 clear',
  ])
})

test('a calm run changes nothing that must be stored', () => {
  const table = tableOf(taskOf('a', rulesOf({ metric: 'duration', thresholds: { WARNING: '> 2s' } })))
  const { effects, changed, state } = judgeRun(table, table.beginning(0), runOf('a', 7, { duration: 5 }))
  expect({ effects, changed, kept: state.items.size, lastSlot: state.lastSlot }).toEqual({
    effects: [],
    changed: false,
    kept: 0,
    lastSlot: 7,
  })
})
