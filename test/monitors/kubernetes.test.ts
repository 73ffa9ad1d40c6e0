import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startKubernetes, type Kubernetes } from '../servers/kubernetes.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const node = (name: string, ready = 'True') => ({
  metadata: { name },
  spec: {},
  status: {
    allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
    conditions: [
      { type: 'MemoryPressure', status: 'False' },
      { type: 'Ready', status: ready },
    ],
  },
})
const deployment = (namespace: string, name: string, replicas: number, available?: number) => ({
  metadata: { namespace, name },
  spec: { replicas },
  status: available === undefined ? {} : { availableReplicas: available, readyReplicas: available },
})
const pod = (namespace: string, name: string) => ({
  metadata: { namespace, name, creationTimestamp: '2026-11-26T06:00:00Z' },
  status: { phase: 'Running', containerStatuses: [{ restartCount: 0, state: { running: {} }, lastState: {} }] },
})

let server: Kubernetes
const as = (secret: string): { credential: OpenCredential } => ({ credential: { type: 'token', fields: { secret } } })
const account = as('geheim-token')
const place = () => ({ url: server.url, trustedCertificates: server.certificate })

beforeAll(async () => {
  server = await startKubernetes({
    '/api/v1/nodes': [node('one'), node('two'), node('three')],
    '/api/v1/pods': ['a', 'b', 'c', 'd', 'e'].map((name) => pod('shop', name)),
    '/apis/apps/v1/deployments': [
      deployment('shop', 'web', 2, 2),
      deployment('shop', 'api', 1, 1),
      deployment('kube-system', 'dns', 2),
    ],
    '/apis/apps/v1/statefulsets': [],
    '/apis/apps/v1/daemonsets': [],
    '/apis/apps/v1/namespaces/shop/deployments': [deployment('shop', 'web', 2, 1)],
    '/api/v1/namespaces/shop/pods': [pod('shop', 'a')],
  })
})
afterAll(() => server?.stop())

test('nodes are read page by page, and what the cluster does not offer is left out', async () => {
  const monitor = theOne(monitors, 'kubernetes.nodes')
  server.asked.length = 0
  const seen = await measured('kubernetes.nodes', place(), {}, account)
  expectSound(monitor, seen, ['geheim'])
  expect([seen.message, seen.facts?.['version'], judgedBy(monitor, seen), server.asked]).toEqual([
    '3 of 3 nodes are ready; left out: use (there is no /apis/metrics.k8s.io/v1beta1/nodes)',
    'v1.30.2',
    {},
    [
      'GET /api/v1/nodes?limit=250',
      'GET /api/v1/nodes?limit=250&continue=2',
      'GET /apis/metrics.k8s.io/v1beta1/nodes?limit=250',
      'GET /version',
    ],
  ])
})

test('workloads are chosen by namespace, and what may not be read is left out', async () => {
  const monitor = theOne(monitors, 'kubernetes.workloads')
  const seen = await measured('kubernetes.workloads', place(), { excludeNamespaces: ['kube-*'] }, account)
  expectSound(monitor, seen, ['geheim'])
  expect([seen.message, judgedBy(monitor, seen)]).toEqual([
    '2 workloads, 0 lack replicas, 5 pods; left out: jobs (not allowed to read /apis/batch/v1/jobs)',
    {},
  ])
})

test('plain names of namespaces are asked for alone', async () => {
  const seen = await measured('kubernetes.workloads', place(), { namespaces: ['shop'] }, account)
  expect([seen.metrics['unavailable'], seen.metrics['jobs_failed']]).toEqual([
    [{ labels: { namespace: 'shop', kind: 'deployment', workload: 'web' }, value: 1 }],
    undefined,
  ])
})

test('what is wrong with the token, the authority or the place is told apart', async () => {
  const outcome = async (settings: Record<string, unknown>, credential = account) =>
    (await runMonitor('kubernetes.nodes', settings, {}, credential)).failed?.replaceAll(/localhost:\d\d+/g, 'HOST')
  expect([
    await outcome(place(), as('falsch')),
    await outcome({ url: server.url }),
    await outcome({ ...place(), url: 'https://localhost:1' }),
  ]).toEqual([
    'credentials: https://HOST/ refused the sign-in (HTTP 401)',
    'tls: the certificate of HOST is not trusted: it is self-signed',
    'refused: connection refused by localhost:1',
  ])
})

test('an API server is known by the words in which it refuses a stranger', async () => {
  const { discovery } = theOne(connectors, 'kubernetes')
  const port = Number(new URL(server.url).port)
  expect(await discovery!.identify({ host: '127.0.0.1', port }, AbortSignal.timeout(60_000))).toMatchObject([
    { settings: { url: `https://127.0.0.1:${port}` }, credential: 'token', certainty: 'identified' },
  ])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('kubernetes.nodes', place(), account),
    await byHand('kubernetes.workloads', place(), account),
  ]).toEqual(['0 kubernetes.nodes ran', '2 kubernetes.workloads ran'])
})
