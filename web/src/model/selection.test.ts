import { expect, test } from 'vitest'
import type { Series } from '../../../src/contract/index.ts'
import { chartsByUnit, fillIn, likeNames, readSelection, writeSelection } from './selection.ts'

test.each([
  ['duration', { name: 'duration', group: '', system: '', labels: '' }],
  [
    'disk_used{group="acme", system="db*", mount="/var*"}',
    { name: 'disk_used', group: 'acme', system: 'db*', labels: 'mount="/var*"' },
  ],
  ['{group="a \\"b\\""}', { name: '', group: 'a "b"', system: '', labels: '' }],
])('%s is read in parts and written as it was', (text, parts) => {
  expect([readSelection(text), writeSelection(readSelection(text))]).toEqual([parts, text])
})

test('a part of a name looks for those that hold it, once there is enough of it', () => {
  expect(['r', 'robot', 'ro*', 'ro{group="a"}', ''].map(likeNames)).toEqual([
    undefined,
    '*robot*',
    undefined,
    '*ro*{group="a"}',
    undefined,
  ])
})

test('what is chosen above a dashboard is filled in as it is, and everything where nothing is', () => {
  const text = 'duration{group="$group", system="$system"}'
  expect([fillIn(text, { group: 'acme', system: '' }), fillIn(text, { group: 'a*, "b"', system: '$group' })]).toEqual([
    'duration{group="acme", system="*"}',
    'duration{group="a\\\\*\\\\, \\"b\\"", system="$group"}',
  ])
})

const series = (id: string, name: string, unit: string, labels: Record<string, string>): Series => ({
  id,
  name,
  unit,
  kind: 'gauge',
  task: 't',
  labels: { task: id, ...labels },
})

test('series are one chart for each unit, and bear what tells them apart', () => {
  expect(
    chartsByUnit([
      series('1', 'duration', 'ms', { group: 'a', system: 'web2' }),
      series('2', 'duration', 'ms', { group: 'a', system: 'web1' }),
      series('3', 'used', '%', { group: 'a', system: 'web1' }),
      series('4', 'first_byte', 'ms', { group: 'a', system: 'web1' }),
    ]),
  ).toEqual([
    { unit: '%', metrics: ['used'], lines: [{ id: '3', label: 'web1' }], items: 1 },
    {
      unit: 'ms',
      metrics: ['duration', 'first_byte'],
      lines: [
        { id: '2', label: 'duration · web1' },
        { id: '1', label: 'duration · web2' },
        { id: '4', label: 'first_byte · web1' },
      ],
      items: 3,
    },
  ])
})
