import { expect, test } from 'vitest'
import { findEntries, type Entry } from './palette.ts'

const entries: Entry[] = [
  { key: '1', kind: 'page', name: 'Alarms', hint: '' },
  { key: '2', kind: 'act', name: 'Dark colours', hint: '' },
  { key: '3', kind: 'system', name: 'alarm-server', hint: 'acme' },
  { key: '4', kind: 'system', name: 'db1', hint: 'alarming' },
  { key: '5', kind: 'system', name: 'fire-alarm', hint: 'acme' },
  { key: '6', kind: 'page', name: 'Audit log', hint: 'Administration' },
]

test.each([
  ['', '1 2'],
  ['alarm', '1 3 5 4'],
  ['ACME alarm', '3 5'],
  ['dark', '2'],
  ['administration', '6'],
  ['nothing', ''],
])('%j finds %j', (text, found) => {
  expect(
    findEntries(entries, text)
      .map(({ key }) => key)
      .join(' '),
  ).toBe(found)
})
