import { expect, test } from 'vitest'
import type { KafkaClient, KafkaCluster } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import kafkaCluster from './kafka.cluster.ts'

const partition = (change = {}) => ({ partition: 0, leader: 1, replicas: [1, 2], inSync: [1, 2], ...change })
const healthy: KafkaCluster = {
  connect: 5,
  clusterId: 'c',
  controller: 1,
  brokers: [
    { id: 1, host: 'k1', port: 9092 },
    { id: 2, host: 'k2', port: 9092 },
  ],
  topics: [{ topic: 'orders', partitions: [partition()] }],
}
const cluster = (change: Partial<KafkaCluster>): KafkaClient => ({
  target: 'k1:9092',
  cluster: async () => ({ ...healthy, ...change }),
  groups: () => Promise.reject(new Error('not here')),
})

// cluster → what raises
const clusters: [string, Partial<KafkaCluster>, Record<string, string>][] = [
  ['at rest', {}, {}],
  ['without a controller', { controller: undefined }, { 'no controller': 'CRITICAL' }],
  [
    'with a partition that nobody leads',
    { topics: [{ topic: 'orders', partitions: [partition({ leader: -1, inSync: [] })] }] },
    { 'partitions offline': 'CRITICAL', 'replicas missing': 'WARNING' },
  ],
  [
    'with a replica that is behind',
    { topics: [{ topic: 'orders', partitions: [partition({ inSync: [1] })] }] },
    { 'replicas missing': 'WARNING' },
  ],
]
test.each(clusters)('a cluster %s', async (_, change, raised) => {
  const seen = await collectOnce(kafkaCluster, {}, { client: cluster(change) })
  expectSound(kafkaCluster, seen)
  expect(judgedBy(kafkaCluster, seen)).toEqual(raised)
})
