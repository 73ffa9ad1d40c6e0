import { expect, test } from 'vitest'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { alarmRows, matchesAlarm, withAlarm, type Grouping } from './alarms.ts'

/** `acme/shop disk MAJOR` */
function alarmOf(text: string, i = 0): AlarmAnswer {
  const [place = '', rule = '', severity = 'MAJOR'] = text.split(' ')
  const [group = '', system = ''] = place.split('/')
  return {
    id: text,
    severity: severity as AlarmAnswer['severity'],
    state: 'raised',
    group,
    system,
    connector: 'front',
    task: 't',
    monitor: 'm',
    rule,
    item: '',
    metric: 'x',
    value: 1,
    message: text,
    raisedAt: `2026-11-22T12:00:0${i}.000Z`,
    updatedAt: '2026-11-22T12:00:00.000Z',
    clearedAt: null,
    acknowledgedBy: null,
    assignedTo: null,
  }
}

test('grouped alarms are led by the group with the worst of them, and a closed group keeps its head', () => {
  const alarms = ['a/1 disk MINOR', 'a/2 disk MINOR', 'b/1 cpu CRITICAL', 'a/1 cpu MAJOR'].map(alarmOf)
  const drawn = (by: Grouping, closed: readonly string[] = []) =>
    alarmRows(alarms, by, new Set(closed)).map((row) =>
      row.is === 'head' ? `${row.name} (${row.of.length})` : row.alarm.id,
    )
  expect([drawn(''), drawn('system'), drawn('rule', ['rule m: disk'])]).toEqual([
    ['a/1 disk MINOR', 'a/2 disk MINOR', 'b/1 cpu CRITICAL', 'a/1 cpu MAJOR'],
    ['b / 1 (1)', 'b/1 cpu CRITICAL', 'a / 1 (2)', 'a/1 cpu MAJOR', 'a/1 disk MINOR', 'a / 2 (1)', 'a/2 disk MINOR'],
    ['m: cpu (2)', 'b/1 cpu CRITICAL', 'a/1 cpu MAJOR', 'm: disk (2)'],
  ])
})

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

test('a change of one alarm is made in whatever shape it was loaded, and nothing else is touched', () => {
  const [one, other] = ['a/1 disk MINOR', 'a/2 disk MINOR'].map(alarmOf)
  const change = { state: 'acknowledged', acknowledgedBy: 'ann' } as const
  const counts = { at: [1], open: {} }
  const loaded = [one, [one, other], { pages: [{ rows: [other, one], next: 'x' }], pageParams: [''] }, counts, undefined]
  const changed = { ...one, ...change }
  expect(loaded.map((data) => withAlarm(data, one!.id, change))).toEqual([
    changed,
    [changed, other],
    { pages: [{ rows: [other, changed], next: 'x' }], pageParams: [''] },
    counts,
    undefined,
  ])
})
