import { expect, test } from 'vitest'
import { checkDeclared, type KafkaClient, type KafkaGroups } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import kafkaLag from './kafka.lag.ts'

const cluster = (seen: KafkaGroups): KafkaClient => ({
  target: 'k1:9092',
  cluster: () => Promise.reject(new Error('not here')),
  groups: async (wanted) => ({ ...seen, groups: seen.groups.filter(({ group }) => wanted(group)) }),
})
const group = (name: string, members: number | undefined, committed: number, end = 20_000) => ({
  group: name,
  state: 'Stable',
  members,
  offsets: [
    { topic: 'orders', partition: 0, committed, end },
    // Read further than the end that was asked for before.
    { topic: 'orders', partition: 1, committed: 12, end: 10 },
  ],
})

test('partitions of a topic are summed, and the furthest is told', async () => {
  const seen = await collectOnce(
    kafkaLag,
    {},
    { client: cluster({ groups: [group('billing', 2, 19_995)], missing: [] }) },
  )
  expectSound(kafkaLag, seen)
  const of = (value: number) => [{ labels: { group: 'billing', topic: 'orders' }, value }]
  expect([seen.metrics, judgedBy(kafkaLag, seen)]).toEqual([
    {
      lag: of(5),
      lag_partition: of(5),
      committed: of(20_007),
      members: [{ labels: { group: 'billing' }, value: 2 }],
      unconsumed: [{ labels: { group: 'billing' }, value: 0 }],
      groups: 1,
    },
    {},
  ])
})

// group → what raises
const groups: [string, ReturnType<typeof group>, Record<string, unknown>, Record<string, string>][] = [
  ['far behind', group('billing', 1, 0), {}, { lag: 'WARNING' }],
  ['without a consumer', group('billing', 0, 19_000), {}, { 'nobody consumes': 'CRITICAL' }],
  ['without a consumer and without messages', group('billing', 0, 20_000), {}, {}],
  ['whose consumers may not be counted', group('billing', undefined, 19_000), {}, {}],
  ['that is left out', group('console-consumer-1', 0, 0), { excludeGroups: ['console-*'] }, {}],
]
test.each(groups)('a group %s', async (_, one, settings, raised) => {
  const client = cluster({ groups: [one], missing: ['broker 2 (connection refused by k2:9092)'] })
  const seen = await collectOnce(kafkaLag, settings, { client })
  expect([judgedBy(kafkaLag, seen), seen.facts?.['missing']]).toEqual([
    raised,
    'broker 2 (connection refused by k2:9092)',
  ])
})

test('a pattern that cannot be read is refused', () => {
  const checked = checkDeclared(kafkaLag, { topics: ['/(/'] }, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => one.path)).toEqual(['settings.topics'])
})
