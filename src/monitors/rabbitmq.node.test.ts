import { expect, test } from 'vitest'
import { StatementRefused, type RabbitmqClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import rabbitmqNode from './rabbitmq.node.ts'

const healthy = {
  '/api/overview': {
    rabbitmq_version: '3.10.8',
    cluster_name: 'rabbit@mq1',
    object_totals: { channels: 4, connections: 2, consumers: 3, exchanges: 7, queues: 5 },
  },
  '/api/nodes': [
    {
      name: 'rabbit@mq1',
      running: true,
      partitions: [],
      mem_used: 150_000_000,
      mem_limit: 600_000_000,
      mem_alarm: false,
      disk_free: 20_000_000_000,
      disk_free_limit: 50_000_000,
      disk_free_alarm: false,
      fd_used: 40,
      fd_total: 1_000,
      sockets_used: 2,
      sockets_total: 829,
      proc_used: 420,
      proc_total: 1_048_576,
      run_queue: 1,
      uptime: 60_000,
    },
    { name: 'rabbit@mq2', running: true, partitions: [] },
  ],
}

const broker = (answers: Readonly<Record<string, unknown>>): RabbitmqClient => ({
  url: 'http://mq1:15672/',
  get: async (path) => {
    if (answers[path] instanceof Error) throw answers[path]
    return answers[path]
  },
})

test('a cluster at rest is measured node by node', async () => {
  const seen = await collectOnce(rabbitmqNode, {}, { client: broker(healthy) })
  expectSound(rabbitmqNode, seen)
  const of = (node: string, name: string) =>
    Object.entries(seen.metrics[name] ?? {}).find(([, one]) => one.labels?.node === node)?.[1].value
  expect([
    of('rabbit@mq1', 'memory_used'),
    of('rabbit@mq1', 'files_used'),
    of('rabbit@mq1', 'uptime'),
    of('rabbit@mq2', 'memory_used'),
    seen.metrics['connections'],
    seen.facts,
    judgedBy(rabbitmqNode, seen),
  ]).toEqual([25, 4, 60, undefined, 2, { version: '3.10.8', cluster: 'rabbit@mq1' }, {}])
})

test('alarms, a partition and a node that is down raise', async () => {
  const [first] = healthy['/api/nodes']
  const ill = [
    { ...first, mem_alarm: true, mem_used: 500_000_000, fd_used: 990, partitions: ['rabbit@mq2'] },
    { name: 'rabbit@mq2', running: false },
  ]
  const seen = await collectOnce(rabbitmqNode, {}, { client: broker({ ...healthy, '/api/nodes': ill }) })
  expect([judgedBy(rabbitmqNode, seen), seen.message]).toEqual([
    {
      'node down': 'CRITICAL',
      'publishers held up': 'CRITICAL',
      memory: 'WARNING',
      partition: 'CRITICAL',
      'used up': 'CRITICAL',
    },
    '1 of 2 nodes run',
  ])
})

test('a part that may not be read is left out and named', async () => {
  const refused = new StatementRefused('403', 'not allowed to read /api/overview')
  const seen = await collectOnce(rabbitmqNode, {}, { client: broker({ ...healthy, '/api/overview': refused }) })
  expect([seen.facts, seen.metrics['connections']]).toEqual([
    { missing: 'overview (not allowed to read /api/overview)' },
    undefined,
  ])
})

test('whatever the broker answers, the outcome is clear', () =>
  expectClearOutcomes(rabbitmqNode, mutated(healthy), (answers) => broker((answers ?? {}) as Record<string, unknown>)))
