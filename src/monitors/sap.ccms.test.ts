import { expect, test } from 'vitest'
import type { SapRow } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapCcms from './sap.ccms.ts'

type Node = Partial<SapRow<'GetAlertTree'>>

const node = (name: string, parent: number, description = '', colour = 'GREEN'): Node => ({
  name,
  parent: String(parent),
  description,
  ActualValue: `SAPControl-${colour}`,
})

const tree: Node[] = [
  node('FW1', -1),
  node('fwapp1_FW1_01', 0),
  node('Dialog', 1),
  node('ResponseTime', 2, '312 msec'),
  node('Users', 2, '17'),
  node('Filesystems', 1),
  node('/usr/sap', 5),
  node('Percentage_Used', 6, '91 %', 'YELLOW'),
  node('Free', 6, '1024 MB'),
  node('/home', 5),
  node('Percentage_Used', 9, '12 %'),
  node('Shortdumps Frequency', 1, '6 /min', 'RED'),
  node('Version', 1, '-', 'GRAY'),
]

async function run(rows: readonly Node[], settings = {}) {
  const seen = await collectOnce(sapCcms, settings, { client: sapSaying({ GetAlertTree: rows }) })
  expectSound(sapCcms, seen)
  return seen
}

test('every leaf has its path, its colour, and its number in the unit that it bears', async () => {
  const seen = await run(tree)
  const item = (path: string, value: number) => ({ labels: { path: `FW1/fwapp1_FW1_01/${path}` }, value })
  expect([seen.metrics, seen.message, judgedBy(sapCcms, seen)]).toEqual([
    {
      state: [
        item('Shortdumps Frequency', 4),
        item('Filesystems//usr/sap/Percentage_Used', 3),
        item('Dialog/ResponseTime', 2),
        item('Dialog/Users', 2),
        item('Filesystems//usr/sap/Free', 2),
        item('Filesystems//home/Percentage_Used', 2),
        item('Version', 1),
      ],
      nodes: [
        { labels: { colour: 'green' }, value: 4 },
        { labels: { colour: 'yellow' }, value: 1 },
        { labels: { colour: 'red' }, value: 1 },
        { labels: { colour: 'grey' }, value: 1 },
      ],
      left_out: 0,
      time: [item('Dialog/ResponseTime', 312)],
      share: [item('Filesystems//usr/sap/Percentage_Used', 91), item('Filesystems//home/Percentage_Used', 12)],
      bytes: [item('Filesystems//usr/sap/Free', 1024 ** 3)],
      rate: [item('Shortdumps Frequency', 0.1)],
      value: [item('Dialog/Users', 17)],
    },
    'FW1/fwapp1_FW1_01/Shortdumps Frequency: 6 /min; FW1/fwapp1_FW1_01/Filesystems//usr/sap/Percentage_Used: 91 %',
    { 'CCMS yellow': 'WARNING', 'CCMS red': 'CRITICAL' },
  ])
})

test('nodes are picked by their paths, and a tree without alerts raises nothing', async () => {
  const seen = await run(tree, { nodes: ['*/Dialog/*', '!*Users'] })
  expect([(seen.metrics['state'] as unknown[]).length, seen.message, judgedBy(sapCcms, seen)]).toEqual([
    1,
    '1 nodes, none with an alert',
    {},
  ])
})

test('of too many nodes those with an alert are kept', async () => {
  const many = [...Array.from({ length: 500 }, (_, i) => node(`quiet${i}`, -1, '1')), node('loud', -1, '9', 'RED')]
  const seen = await run(many, { most: 10 })
  expect([(seen.metrics['state'] as unknown[]).length, seen.metrics['left_out'], judgedBy(sapCcms, seen)]).toEqual([
    10,
    491,
    { 'CCMS red': 'CRITICAL' },
  ])
})

test('a pattern that cannot be read is refused', async () => {
  await expect(run([], { nodes: ['/(/'] })).rejects.toThrow('settings.nodes')
})
