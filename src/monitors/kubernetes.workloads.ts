import { defineMonitor, TargetError, type Item } from '../sdk/index.ts'
import { numberAt, objectsOf, textAt, valueAt } from './formats/json.ts'
import { measured } from './formats/measured.ts'
import { Parts } from './formats/parts.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const workload = ['namespace', 'kind', 'workload'] as const
const metrics = {
  unavailable: { title: 'Replicas that are wanted and not available', unit: '', items: workload },
  replicas: { title: 'Replicas wanted', unit: '', items: workload },
  none_available: { title: 'Replicas are wanted and none is available (1)', unit: '', items: workload },
  pods: { title: 'Pods by phase', unit: '', items: ['namespace', 'phase'] },
  pending: { title: 'Pods that have waited to be started for longer than a while', unit: '', items: ['namespace'] },
  stuck: {
    title: 'Containers that cannot start (CrashLoopBackOff, ImagePullBackOff, …)',
    unit: '',
    items: ['namespace'],
  },
  restarts: { title: 'Containers that ended and were started again lately', unit: '', items: ['namespace'] },
  jobs_failed: { title: 'Jobs that failed lately', unit: '', items: ['namespace'] },
} as const

const troubles = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
])

const kinds = [
  { kind: 'deployment', path: 'apis/apps/v1', plural: 'deployments' },
  { kind: 'statefulset', path: 'apis/apps/v1', plural: 'statefulsets' },
  { kind: 'daemonset', path: 'apis/apps/v1', plural: 'daemonsets' },
] as const

export default defineMonitor({
  id: 'kubernetes.workloads',
  title: 'Kubernetes workloads',
  summary: 'Replicas that are missing, pods that wait, restart or cannot start, and jobs that failed.',
  connector: 'kubernetes',
  settings: {
    namespaces: includeSetting(
      'Namespaces taken',
      'Names or patterns. Where all are plain names the cluster is asked for each of them alone, so that rights in those suffice.',
    ),
    excludeNamespaces: excludeSetting('Namespaces left out', 'Names or patterns.'),
    include: includeSetting('Workloads taken', 'Names or patterns of deployments, stateful sets and daemon sets.'),
    exclude: excludeSetting('Workloads left out', 'Names or patterns.'),
    lately: {
      kind: 'duration',
      label: 'Lately',
      help: 'For how long a container that was started again counts.',
      default: '10m',
      min: '1m',
      max: '1d',
    },
    waiting: {
      kind: 'duration',
      label: 'A while',
      help: 'How long a pod may wait to be started before it counts as pending.',
      default: '5m',
      min: '0s',
      max: '1d',
    },
    failedWithin: {
      kind: 'duration',
      label: 'Failed jobs',
      help: 'For how long a job that failed counts; the cluster keeps them until somebody removes them.',
      default: '1h',
      min: '1m',
      max: '30d',
    },
  },
  metrics,
  period: '1m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'none available', metric: 'none_available', thresholds: { CRITICAL: '> 0' }, for: '2m' },
    { name: 'replicas missing', metric: 'unavailable', thresholds: { WARNING: '> 0' }, for: '10m' },
    { name: 'pods pending', metric: 'pending', thresholds: { WARNING: '> 0' }, for: '5m' },
    { name: 'cannot start', metric: 'stuck', thresholds: { MAJOR: '> 0' }, for: '5m' },
    { name: 'restarts', metric: 'restarts', thresholds: { WARNING: '> 0', MAJOR: '> 5' } },
    { name: 'jobs failed', metric: 'jobs_failed', thresholds: { WARNING: '> 0' } },
  ],
  thresholdsFrom:
    'The catalogue: restarts are a warning. The others are our own judgement, near to the alerts of the kubernetes-mixin.',
  needs:
    'A service account that may list pods, deployments, stateful sets, daemon sets and jobs, in the cluster or in the namespaces named.',
  grant: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: farwatch }
rules:
  - { apiGroups: [""], resources: [pods], verbs: [list] }
  - { apiGroups: [apps], resources: [deployments, statefulsets, daemonsets], verbs: [list] }
  - { apiGroups: [batch], resources: [jobs], verbs: [list] }`,
  tryIt:
    '`farwatch check kubernetes.workloads --set url=https://k8s:6443 --set secret="$(kubectl create token farwatch)" --set trustedCertificates="$(cat ca.crt)"`. A deployment of an image that does not exist raises `none available` and `cannot start`.',
  check: ({ namespaces, excludeNamespaces, include, exclude }, path) =>
    selectionProblems({ namespaces, excludeNamespaces, include, exclude }, path),
  async collect(settings, { client, signal, now }) {
    const parts = new Parts()
    const inNamespace = selects(settings.namespaces, settings.excludeNamespaces)
    const isTaken = selects(settings.include, settings.exclude)
    const alone = plainNames(settings.namespaces)
    const list = async <T>(part: string, api: string, plural: string, pick: (object: unknown) => T | undefined) => {
      const chosen = (object: unknown) =>
        inNamespace(textAt(object, 'metadata', 'namespace') ?? '') ? pick(object) : undefined
      const paths = alone?.map((name) => `/${api}/namespaces/${name}/${plural}`) ?? [`/${api}/${plural}`]
      const found: T[] = []
      for (const path of paths) found.push(...((await parts.read(part, () => client.list(path, chosen, signal))) ?? []))
      return found
    }

    const workloads: Workload[] = []
    for (const { kind, path, plural } of kinds)
      workloads.push(
        ...(await list(plural, path, plural, (object) => {
          const one = readWorkload(kind, object)
          return one !== undefined && isTaken(one.name) ? one : undefined
        })),
      )
    const at = now()
    const pods = await list('pods', 'api/v1', 'pods', (object) => readPod(object, at - settings.lately))
    const failed = await list('jobs', 'apis/batch/v1', 'jobs', (object) => readJob(object, at - settings.failedWithin))
    const asked = (kinds.length + 2) * (alone?.length ?? 1)
    if (parts.missing.length === asked) throw new TargetError('credentials', `${client.url}: ${parts.missing[0]}`)

    const isMissing = (part: string) => parts.missing.some((one) => one.startsWith(`${part} `))
    const ofWorkload = (value: (one: Workload) => number): Item[] =>
      workloads.map((one) => ({
        labels: { namespace: one.namespace, kind: one.kind, workload: one.name },
        value: value(one),
      }))
    const perNamespace = (value: (pod: Pod) => number) => summed(pods, ({ namespace }) => ({ namespace }), value)
    const ill = workloads.filter((one) => one.wanted > one.available).length
    return {
      metrics: measured({
        unavailable: ofWorkload((one) => Math.max(0, one.wanted - one.available)),
        replicas: ofWorkload((one) => one.wanted),
        none_available: ofWorkload((one) => Number(one.wanted > 0 && one.available <= 0)),
        ...(isMissing('pods')
          ? {}
          : {
              pods: summed(
                pods,
                ({ namespace, phase }) => ({ namespace, phase }),
                () => 1,
              ),
              pending: perNamespace((pod) =>
                Number(pod.phase === 'Pending' && (pod.since === undefined || at - pod.since >= settings.waiting)),
              ),
              stuck: perNamespace((pod) => pod.stuck),
              restarts: perNamespace((pod) => pod.restarted),
            }),
        // Zero where there was a pod, so that a namespace whose jobs went well again is seen to be well.
        jobs_failed: isMissing('jobs')
          ? undefined
          : summed(
              [...pods.map(({ namespace }) => ({ namespace, failed: 0 })), ...failed],
              ({ namespace }) => ({ namespace }),
              (one) => one.failed,
            ),
      }),
      ...parts.about(`${workloads.length} workloads, ${ill} lack replicas, ${pods.length} pods`),
    }
  },
})

/** The names where all of them are plain ones, so that each can be asked for alone; undefined where the whole cluster must be asked. */
function plainNames(given: readonly string[]): readonly string[] | undefined {
  return given.length > 0 && given.length <= 20 && given.every((name) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
    ? [...new Set(given)]
    : undefined
}

interface Workload {
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly wanted: number
  readonly available: number
}

function readWorkload(kind: (typeof kinds)[number]['kind'], object: unknown): Workload | undefined {
  const namespace = textAt(object, 'metadata', 'namespace')
  const name = textAt(object, 'metadata', 'name')
  if (namespace === undefined || name === undefined) return undefined
  // A number that is 0 is left out of the answer; replicas that nobody wrote are one.
  switch (kind) {
    case 'deployment':
    case 'statefulset': {
      const wanted = numberAt(object, 'spec', 'replicas') ?? 1
      // Older servers do not tell which replicas of a stateful set are available, only which are ready.
      const ready = numberAt(object, 'status', 'readyReplicas') ?? 0
      const available = numberAt(object, 'status', 'availableReplicas') ?? (kind === 'statefulset' ? ready : 0)
      return { namespace, kind, name, wanted, available }
    }
    case 'daemonset':
      return {
        namespace,
        kind,
        name,
        wanted: numberAt(object, 'status', 'desiredNumberScheduled') ?? 0,
        available: numberAt(object, 'status', 'numberAvailable') ?? 0,
      }
  }
}

interface Pod {
  readonly namespace: string
  readonly phase: string
  /** When it was made, epoch milliseconds. */
  readonly since: number | undefined
  readonly stuck: number
  readonly restarted: number
}

function readPod(object: unknown, lately: number): Pod | undefined {
  const namespace = textAt(object, 'metadata', 'namespace')
  if (namespace === undefined) return undefined
  const containers = ['containerStatuses', 'initContainerStatuses'].flatMap((list) =>
    objectsOf(valueAt(object, 'status', list), 100),
  )
  const phase = textAt(object, 'status', 'phase') ?? 'Unknown'
  return {
    namespace,
    phase: ['Pending', 'Running', 'Succeeded', 'Failed'].includes(phase) ? phase : 'Unknown',
    since: timeAt(object, 'metadata', 'creationTimestamp'),
    stuck: containers.filter((one) => troubles.has(textAt(one, 'state', 'waiting', 'reason') ?? '')).length,
    restarted: containers.filter((one) => (timeAt(one, 'lastState', 'terminated', 'finishedAt') ?? 0) > lately).length,
  }
}

function readJob(object: unknown, since: number): { namespace: string; failed: number } | undefined {
  const namespace = textAt(object, 'metadata', 'namespace')
  const failed = objectsOf(valueAt(object, 'status', 'conditions'), 100).some(
    (one) =>
      textAt(one, 'type') === 'Failed' &&
      textAt(one, 'status') === 'True' &&
      (timeAt(one, 'lastTransitionTime') ?? Number.POSITIVE_INFINITY) > since,
  )
  return namespace === undefined || !failed ? undefined : { namespace, failed: 1 }
}

function timeAt(value: unknown, ...path: readonly string[]): number | undefined {
  const text = textAt(value, ...path)
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isFinite(at) ? at : undefined
}

function summed<T>(
  all: readonly T[],
  labels: (one: T) => Readonly<Record<string, string>>,
  value: (one: T) => number,
): Item[] {
  const sums = new Map<string, { labels: Readonly<Record<string, string>>; value: number }>()
  for (const one of all) {
    const of = labels(one)
    const key = JSON.stringify(of)
    const sum = sums.get(key) ?? { labels: of, value: 0 }
    sum.value += value(one)
    sums.set(key, sum)
  }
  return [...sums.values()]
}
