import { expect, test } from 'vitest'
import type { RuleDocument } from '../model/index.ts'
import { judgeRun, tableOf } from './judge.ts'
import { breachMessage, silenceMessage } from './message.ts'
import { failedRun, rulesOf, runOf, taskOf } from './testing.ts'

function messageOf(document: RuleDocument, run: ReturnType<typeof runOf>, flapping = false): string {
  const task = taskOf('a', rulesOf(document))
  const [judged] = judgeRun(tableOf(task), tableOf(task).beginning(0), run).effects
  const severity = judged!.effect.is === 'raise' ? judged!.effect.severity : 'INFO'
  return breachMessage({ task, judged: judged!, severity, cause: 'breach', flapping, run })
}

const slow = { metric: 'duration', thresholds: { WARNING: '> 2s' } } as const
const full = { metric: 'used', thresholds: { WARNING: '> 80%' } } as const

test('messages read well without a template, and a template has every part at hand', () => {
  expect([
    messageOf(slow, runOf('a', 1, { duration: 2_140 })),
    messageOf(full, runOf('a', 1, { 'used /var': 91.26 })),
    messageOf({ ...slow, thresholds: { WARNING: 'outside 1s..2s' } }, runOf('a', 1, { duration: 12 })),
    messageOf({ metric: 'failed', thresholds: { MAJOR: '== 1' } }, failedRun('a', 1)),
    messageOf(slow, runOf('a', 1, { duration: 2_140 }), true),
    messageOf({ ...full, message: '%SYSTEM% %ITEM%: %VALUE% is %THRESHOLD%' }, runOf('a', 1, { 'used /%MSG%': 99 })),
    messageOf(
      { metric: 'failed', thresholds: { MAJOR: '== 1' }, message: '%SYSTEM% is down: %MSG%' },
      failedRun('a', 1),
    ),
    silenceMessage(taskOf('a', []), 75_200, undefined),
  ]).toEqual([
    'shop: Duration is 2.14 s, above 2 s',
    'shop: Used (mount=/var) is 91.3 %, above 80 %',
    'shop: Duration is 12 ms, outside 1 s to 2 s',
    'shop: http.response on front failed: connection refused by 127.0.0.1:8080',
    'shop: Duration is 2.14 s, above 2 s — flapping, held open until it calms',
    'shop mount=/%MSG%: 99 % is above 80 %',
    'shop is down: connection refused by 127.0.0.1:8080',
    'shop: no results of http.response on front for 1m15s: nothing says why',
  ])
})
