import { expect, test } from 'vitest'
import { StatementRefused, type KubernetesClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import kubernetesWorkloads from './kubernetes.workloads.ts'

const now = () => Date.parse('2026-11-26T12:00:00Z')
const metadata = { namespace: 'shop', name: 'web', creationTimestamp: '2026-11-26T06:00:00Z' }
const container = (state: object, lastState: object = {}) => ({ name: 'c', restartCount: 1, state, lastState })
const pod = (phase: string, ...containerStatuses: object[]) => ({ metadata, status: { phase, containerStatuses } })

const healthy: Record<string, object[]> = {
  '/apis/apps/v1/deployments': [{ metadata, spec: { replicas: 2 }, status: { availableReplicas: 2 } }],
  '/apis/apps/v1/statefulsets': [{ metadata, spec: {}, status: { readyReplicas: 1 } }],
  '/apis/apps/v1/daemonsets': [{ metadata, status: { desiredNumberScheduled: 3, numberAvailable: 3 } }],
  '/api/v1/pods': [
    pod(
      'Running',
      container({ running: {} }, { terminated: { finishedAt: '2026-11-26T08:00:00Z', exitCode: 1, reason: 'Error' } }),
    ),
    pod('Succeeded'),
  ],
  '/apis/batch/v1/jobs': [
    {
      metadata,
      status: { conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: '2026-11-25T12:00:00Z' }] },
    },
  ],
}

const cluster = (lists: unknown): KubernetesClient => ({
  url: 'https://k8s:6443/',
  get: async () => ({}),
  list: async (path, pick) => {
    const items = (lists as Record<string, unknown> | null)?.[path]
    if (!Array.isArray(items)) throw new StatementRefused('403', `not allowed to read ${path}`)
    return items.flatMap((item) => pick(item) ?? [])
  },
})

const look = (lists: object, settings = {}) =>
  collectOnce(kubernetesWorkloads, settings, { client: cluster({ ...healthy, ...lists }), now })

test('a cluster at rest', async () => {
  const seen = await look({})
  expectSound(kubernetesWorkloads, seen)
  const namespace = { namespace: 'shop' }
  const of = (kind: string, value: number) => ({ labels: { ...namespace, kind, workload: 'web' }, value })
  expect([seen.metrics, judgedBy(kubernetesWorkloads, seen)]).toEqual([
    {
      unavailable: [of('deployment', 0), of('statefulset', 0), of('daemonset', 0)],
      replicas: [of('deployment', 2), of('statefulset', 1), of('daemonset', 3)],
      none_available: [of('deployment', 0), of('statefulset', 0), of('daemonset', 0)],
      pods: [
        { labels: { ...namespace, phase: 'Running' }, value: 1 },
        { labels: { ...namespace, phase: 'Succeeded' }, value: 1 },
      ],
      pending: [{ labels: namespace, value: 0 }],
      stuck: [{ labels: namespace, value: 0 }],
      restarts: [{ labels: namespace, value: 0 }],
      jobs_failed: [{ labels: namespace, value: 0 }],
    },
    {},
  ])
})

// what changed → what raises
const ill: [string, object, Record<string, string>][] = [
  [
    'a deployment that lacks one of two',
    { '/apis/apps/v1/deployments': [{ metadata, spec: { replicas: 2 }, status: { availableReplicas: 1 } }] },
    { 'replicas missing': 'WARNING' },
  ],
  [
    'a deployment without any',
    { '/apis/apps/v1/deployments': [{ metadata, spec: { replicas: 2 }, status: {} }] },
    { 'none available': 'CRITICAL', 'replicas missing': 'WARNING' },
  ],
  [
    'a deployment that is switched off',
    { '/apis/apps/v1/deployments': [{ metadata, spec: { replicas: 0 }, status: {} }] },
    {},
  ],
  ['a pod that waits', { '/api/v1/pods': [pod('Pending')] }, { 'pods pending': 'WARNING' }],
  [
    'a container that ends again and again',
    {
      '/api/v1/pods': [
        pod(
          'Running',
          container(
            { waiting: { reason: 'CrashLoopBackOff' } },
            { terminated: { finishedAt: '2026-11-26T11:59:00Z', exitCode: 1 } },
          ),
        ),
      ],
    },
    { 'cannot start': 'MAJOR', restarts: 'WARNING' },
  ],
  [
    'a job that failed',
    {
      '/apis/batch/v1/jobs': [
        {
          metadata,
          status: { conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: '2026-11-26T11:30:00Z' }] },
        },
      ],
    },
    { 'jobs failed': 'WARNING' },
  ],
]
test.each(ill)('%s', async (_, lists, raised) => {
  expect(judgedBy(kubernetesWorkloads, await look(lists))).toEqual(raised)
})

test('what may not be read is left out; where that is everything it is a matter of credentials', async () => {
  const seen = await look({ '/api/v1/pods': undefined })
  const nothing = collectOnce(kubernetesWorkloads, {}, { client: cluster({}), now })
  expect([seen.facts, seen.metrics['pending'], seen.metrics['replicas'] !== undefined]).toEqual([
    { missing: 'pods (not allowed to read /api/v1/pods)' },
    undefined,
    true,
  ])
  await expect(nothing).rejects.toMatchObject({ reason: 'credentials' })
})

test('whatever the cluster answers, the outcome is clear', () =>
  expectClearOutcomes(kubernetesWorkloads, mutated(healthy), cluster))
