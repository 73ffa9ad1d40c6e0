import { expect, test } from 'vitest'
import type { Series } from '../../../src/contract/index.ts'
import { alone, maxLines, planCharts, titleOf } from './charts.ts'

const series = (id: string, name: string, labels: Record<string, string> = {}, unit = '%'): Series => ({
  id,
  name,
  unit,
  kind: 'gauge',
  task: 't',
  labels: { group: 'acme', system: 'shop', ...labels },
})

test('the items of one metric share a chart, told apart by what differs', () => {
  expect(
    planCharts(
      [
        series('1', 'disk_used', { mount: '/var', fs: 'ext4' }),
        series('2', 'disk_used', { mount: '/', fs: 'ext4' }),
        series('3', 'cpu_used'),
      ],
      ['cpu_used', 'disk_used'],
    ),
  ).toEqual([
    { metric: 'cpu_used', unit: '%', kind: 'gauge', lines: [{ id: '3', label: 'cpu_used' }], items: 1 },
    {
      metric: 'disk_used',
      unit: '%',
      kind: 'gauge',
      lines: [
        { id: '2', label: '/' },
        { id: '1', label: '/var' },
      ],
      items: 2,
    },
  ])
})

test('metrics the monitor does not declare come last, by name', () => {
  expect(
    planCharts([series('1', 'zz'), series('2', 'aa'), series('3', 'known')], ['known']).map(({ metric }) => metric),
  ).toEqual(['known', 'aa', 'zz'])
})

test('a chart with too many items shows the first and says how many there are', () => {
  const many = Array.from({ length: 40 }, (_, i) => series(String(i), 'load', { core: `c${i}` }))
  const [plan] = planCharts(many)
  expect([plan!.lines.length, plan!.items, plan!.lines[2]!.label]).toEqual([maxLines, 40, 'c2'])
})

test('a name becomes a title', () => {
  expect([titleOf('first_byte'), titleOf('node.load1'), titleOf('tls_cpus'), titleOf('')]).toEqual([
    'First byte',
    'Node load1',
    'TLS CPUs',
    '',
  ])
})

test('a value without a neighbour is found, so that it can be drawn', () => {
  expect([[1, null, 2, 3, null, 4], [null, 0, undefined], []].map(alone)).toEqual([[0, 5], [1], []])
})
