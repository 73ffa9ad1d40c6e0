import { defineMonitor, type Item } from '../sdk/index.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const metrics = {
  lag: { title: 'Messages that a group has not yet read', unit: '', items: ['group', 'topic'] },
  lag_partition: {
    title: 'Messages not yet read in the partition that is furthest behind',
    unit: '',
    items: ['group', 'topic'],
  },
  committed: { title: 'Messages that a group has read', unit: '', kind: 'counter', items: ['group', 'topic'] },
  members: { title: 'Consumers of a group', unit: '', items: ['group'] },
  unconsumed: { title: 'Messages for a group that has no consumer', unit: '', items: ['group'] },
  groups: { title: 'Groups chosen', unit: '' },
} as const

export default defineMonitor({
  id: 'kafka.lag',
  title: 'Kafka consumer lag',
  summary: 'How far consumer groups are behind, by group and topic, and groups that nobody consumes for.',
  connector: 'kafka',
  settings: {
    groups: includeSetting('Groups taken', 'Names or patterns.'),
    excludeGroups: excludeSetting('Groups left out', 'Names or patterns, such as `console-consumer-*`.'),
    topics: includeSetting('Topics taken', 'Names or patterns.'),
    excludeTopics: excludeSetting('Topics left out', 'Names or patterns.'),
  },
  metrics,
  period: '1m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'lag', metric: 'lag', thresholds: { WARNING: '> 10000', MAJOR: '> 100000' }, for: '5m' },
    { name: 'nobody consumes', metric: 'unconsumed', thresholds: { CRITICAL: '> 0' }, for: '10m' },
  ],
  thresholdsFrom:
    'Messages without a consumer are critical by the catalogue; groups that are given up stay for days, and belong into `excludeGroups`. Ten and a hundred thousand messages are our own judgement.',
  needs: 'A user that may describe topics and groups; groups that it may not see do not count.',
  grant:
    'kafka-acls.sh --add --allow-principal User:farwatch --operation Describe --topic "*"\nkafka-acls.sh --add --allow-principal User:farwatch --operation Describe --group "*"',
  tryIt:
    '`farwatch check kafka.lag --set host=kafka1 --set username=farwatch --set secret=…`. Stop a consumer and go on producing, and `nobody consumes` raises.',
  check: ({ groups, excludeGroups, topics, excludeTopics }, path) =>
    selectionProblems({ groups, excludeGroups, topics, excludeTopics }, path),
  async collect({ groups, excludeGroups, topics, excludeTopics }, { client, signal }) {
    const seen = await client.groups(selects(groups, excludeGroups), selects(topics, excludeTopics), signal)
    const lag: Item[] = []
    const furthest: Item[] = []
    const committed: Item[] = []
    const members: Item[] = []
    const unconsumed: Item[] = []
    for (const { group: name, members: consumers, offsets } of seen.groups) {
      const group = name.slice(0, 200)
      const byTopic = Map.groupBy(offsets, ({ topic }) => topic)
      let behind = 0
      for (const [topic, partitions] of byTopic) {
        const labels = { group, topic: topic.slice(0, 200) }
        // A group may have read what came since the ends were asked for.
        const lags = partitions.map((one) => Math.max(0, one.end - one.committed))
        const sum = lags.reduce((a, b) => a + b, 0)
        behind += sum
        lag.push({ labels, value: sum })
        furthest.push({ labels, value: lags.reduce((a, b) => Math.max(a, b), 0) })
        committed.push({ labels, value: partitions.reduce((total, one) => total + one.committed, 0) })
      }
      if (consumers === undefined) continue
      members.push({ labels: { group }, value: consumers })
      unconsumed.push({ labels: { group }, value: consumers === 0 ? behind : 0 })
    }
    const missing = seen.missing.slice(0, 20).join('; ').slice(0, 500)
    return {
      metrics: { lag, lag_partition: furthest, committed, members, unconsumed, groups: seen.groups.length },
      facts: missing === '' ? {} : { missing },
      message: `${seen.groups.length} groups${missing === '' ? '' : `; left out: ${missing}`}`,
    }
  },
})
