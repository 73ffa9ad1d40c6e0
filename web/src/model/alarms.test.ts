import { expect, test } from 'vitest'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { matchesAlarm } from './alarms.ts'

test('an alarm is found by any word of what is shown of it, whatever the case', () => {
  const alarm: AlarmAnswer = {
    id: 'a',
    severity: 'MAJOR',
    state: 'acknowledged',
    group: 'acme',
    system: 'shop',
    connector: 'front',
    task: 't',
    monitor: 'host.local',
    rule: 'disk',
    item: 'mount=/var',
    metric: 'disk_used',
    value: 95,
    message: '/var is 95 % full',
    raisedAt: '2026-11-22T12:00:00.000Z',
    updatedAt: '2026-11-22T12:00:00.000Z',
    clearedAt: null,
    acknowledgedBy: 'nora',
    assignedTo: null,
  }
  expect(
    ['', 'FULL', 'shop /var', 'nora acme', 'nobody', 'shop nobody'].map((text) => matchesAlarm(alarm, text)),
  ).toEqual([true, true, true, true, false, false])
})
