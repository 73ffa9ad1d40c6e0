import { defineMonitor } from '../sdk/index.ts'

const metrics = {
  connect: { title: 'Time until a session was ready', unit: 'ms' },
  brokers: { title: 'Brokers in the cluster', unit: '' },
  controller: { title: 'A broker leads the cluster (1) or none does (0)', unit: '' },
  topics: { title: 'Topics', unit: '' },
  partitions: { title: 'Partitions', unit: '' },
  offline: { title: 'Partitions that nobody leads', unit: '' },
  under_replicated: { title: 'Partitions that lack replicas that have everything', unit: '' },
  not_preferred: { title: 'Partitions that another than their first replica leads', unit: '' },
  led: { title: 'Partitions that a broker leads', unit: '', items: ['broker'] },
} as const

export default defineMonitor({
  id: 'kafka.cluster',
  title: 'Kafka cluster',
  summary: 'Brokers, the controller, and partitions that are offline or lack replicas.',
  connector: 'kafka',
  settings: {},
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'no controller', metric: 'controller', thresholds: { CRITICAL: '< 1' }, for: '1m' },
    { name: 'partitions offline', metric: 'offline', thresholds: { CRITICAL: '> 0' } },
    { name: 'replicas missing', metric: 'under_replicated', thresholds: { WARNING: '> 0' }, for: '5m' },
  ],
  thresholdsFrom:
    'Kafka’s own documentation names these three as what must be 0 (or 1) in a healthy cluster; five minutes are what the restart of a broker takes.',
  needs: 'A user that may describe the cluster and its topics; topics that it may not see do not count.',
  grant:
    'kafka-acls.sh --add --allow-principal User:farwatch --operation Describe --cluster\nkafka-acls.sh --add --allow-principal User:farwatch --operation Describe --topic "*"',
  tryIt:
    '`farwatch check kafka.cluster --set host=kafka1 --set username=farwatch --set secret=…`; without TLS add `--set tls=false`. Stop one broker, and `replicas missing` raises.',
  async collect(_, { client, signal }) {
    const cluster = await client.cluster(signal)
    const partitions = cluster.topics.flatMap(({ topic, partitions: its }) => its.map((one) => ({ ...one, topic })))
    const offline = partitions.filter(({ leader }) => leader < 0)
    const lacking = partitions.filter(({ replicas, inSync }) => inSync.length < replicas.length)
    const ill = [...new Set([...offline, ...lacking].map(({ topic }) => topic))]
    return {
      metrics: {
        connect: cluster.connect,
        brokers: cluster.brokers.length,
        controller: Number(cluster.controller !== undefined),
        topics: cluster.topics.length,
        partitions: partitions.length,
        offline: offline.length,
        under_replicated: lacking.length,
        not_preferred: partitions.filter(({ leader, replicas }) => leader >= 0 && leader !== replicas[0]).length,
        led: cluster.brokers.map(({ id }) => ({
          labels: { broker: String(id) },
          value: partitions.filter(({ leader }) => leader === id).length,
        })),
      },
      facts: cluster.clusterId === undefined ? {} : { cluster: cluster.clusterId.slice(0, 200) },
      message: `${cluster.brokers.length} brokers, ${partitions.length} partitions${ill.length === 0 ? '' : `; ill: ${ill.slice(0, 10).join(', ').slice(0, 300)}`}`,
    }
  },
})
