import { expect, test } from 'vitest'
import { StatementRefused, type KubernetesClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import { parseQuantity } from './formats/quantity.ts'
import kubernetesNodes from './kubernetes.nodes.ts'

const node = (name: string, conditions: Record<string, string>, spec = {}) => ({
  metadata: { name },
  spec,
  status: {
    allocatable: { cpu: '3920m', memory: '8Gi', pods: '110' },
    conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })),
  },
})
const healthy = {
  '/api/v1/nodes': [node('one', { Ready: 'True', MemoryPressure: 'False' })],
  '/apis/metrics.k8s.io/v1beta1/nodes': [{ metadata: { name: 'one' }, usage: { cpu: '1960m', memory: '2Gi' } }],
}

const cluster = (lists: unknown): KubernetesClient => ({
  url: 'https://k8s:6443/',
  get: async () => ({ gitVersion: 'v1.30.2' }),
  list: async (path, pick) => {
    const items = (lists as Record<string, unknown> | null)?.[path]
    if (!Array.isArray(items)) throw new StatementRefused('404', `there is no ${path}`)
    return items.flatMap((item) => pick(item) ?? [])
  },
})

test('a node at rest', async () => {
  const seen = await collectOnce(kubernetesNodes, {}, { client: cluster(healthy) })
  expectSound(kubernetesNodes, seen)
  const of = (value: number) => [{ labels: { node: 'one' }, value }]
  expect([seen.metrics, judgedBy(kubernetesNodes, seen)]).toEqual([
    {
      ready: of(1),
      pressure: [{ labels: { node: 'one', of: 'memory' }, value: 0 }],
      unschedulable: of(0),
      cpu_used: of(50),
      memory_used: of(25),
      pods_allowed: of(110),
      nodes: 1,
      nodes_ready: 1,
    },
    {},
  ])
})

test('a node that fell silent and one under pressure raise', async () => {
  const ill = [
    node('one', { Ready: 'Unknown' }),
    node('two', { Ready: 'True', DiskPressure: 'True' }, { unschedulable: true }),
  ]
  const seen = await collectOnce(kubernetesNodes, {}, { client: cluster({ ...healthy, '/api/v1/nodes': ill }) })
  expect([judgedBy(kubernetesNodes, seen), seen.message]).toEqual([
    { 'node not ready': 'CRITICAL', pressure: 'WARNING' },
    '1 of 2 nodes are ready',
  ])
})

test('a node whose processors and memory are used up raises', async () => {
  const used = [{ metadata: { name: 'one' }, usage: { cpu: '3800m', memory: '7600Mi' } }]
  const client = cluster({ ...healthy, '/apis/metrics.k8s.io/v1beta1/nodes': used })
  const seen = await collectOnce(kubernetesNodes, {}, { client })
  expect(judgedBy(kubernetesNodes, seen)).toEqual({ processors: 'MAJOR', memory: 'WARNING' })
})

// as Kubernetes writes it → the number
const quantities: [unknown, number | undefined][] = [
  ['250m', 0.25],
  ['64Mi', 67_108_864],
  ['1.5G', 1.5e9],
  ['12e3', 12_000],
  ['123456789n', 0.123456789],
  ['7', 7],
  ['', undefined],
  ['1 Gi', undefined],
  ['Mi', undefined],
  [7, undefined],
]
test.each(quantities)('%j is %j', (text, number) => {
  expect(parseQuantity(text)).toEqual(number === undefined ? undefined : expect.closeTo(number, 9))
})

test('whatever the cluster answers, the outcome is clear', () =>
  expectClearOutcomes(kubernetesNodes, mutated(healthy), cluster))
