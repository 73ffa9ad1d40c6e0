import { defineMonitor, TargetError } from '../sdk/index.ts'
import { objectsOf, textAt, valueAt } from './formats/json.ts'
import { itemsOf, measured, shareOf } from './formats/measured.ts'
import { Parts } from './formats/parts.ts'
import { parseQuantity } from './formats/quantity.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const metrics = {
  ready: { title: 'The node is ready (1) or not (0)', unit: '', items: ['node'] },
  pressure: { title: 'The node is short of something (1) or not (0)', unit: '', items: ['node', 'of'] },
  unschedulable: { title: 'The node takes no new pods (1) or does (0)', unit: '', items: ['node'] },
  cpu_used: { title: 'Processors of what pods may take', unit: '%', items: ['node'] },
  memory_used: { title: 'Memory of what pods may take', unit: '%', items: ['node'] },
  pods_allowed: { title: 'Pods that the node may take', unit: '', items: ['node'] },
  nodes: { title: 'Nodes', unit: '' },
  nodes_ready: { title: 'Nodes that are ready', unit: '' },
} as const

const pressures: Readonly<Record<string, string>> = {
  MemoryPressure: 'memory',
  DiskPressure: 'disk',
  PIDPressure: 'processes',
  NetworkUnavailable: 'network',
}

interface Node {
  readonly name: string
  readonly ready: boolean
  readonly short: ReadonlyMap<string, boolean>
  readonly unschedulable: boolean
  readonly cpu: number | undefined
  readonly memory: number | undefined
  readonly pods: number | undefined
}

export default defineMonitor({
  id: 'kubernetes.nodes',
  title: 'Kubernetes nodes',
  summary: 'Whether the nodes of a cluster are ready, what they are short of, and how much of them is in use.',
  connector: 'kubernetes',
  settings: {
    include: includeSetting('Nodes taken', 'Names or patterns.'),
    exclude: excludeSetting('Nodes left out', 'Names or patterns.'),
  },
  metrics,
  period: '1m',
  timeout: '15s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'node not ready', metric: 'ready', thresholds: { CRITICAL: '< 1' }, for: '5m' },
    { name: 'pressure', metric: 'pressure', thresholds: { WARNING: '> 0' }, for: '2m' },
    { name: 'processors', metric: 'cpu_used', thresholds: { WARNING: '> 90%', MAJOR: '> 95%' }, for: '15m' },
    { name: 'memory', metric: 'memory_used', thresholds: { WARNING: '> 90%', MAJOR: '> 95%' }, for: '5m' },
  ],
  thresholdsFrom: 'The catalogue: not ready for five minutes is critical; 90 and 95 % as for any machine.',
  needs:
    'A service account that may list nodes. What is in use comes from the metrics server; where there is none it is left out.',
  grant: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: farwatch }
rules:
  - { apiGroups: [""], resources: [nodes, pods], verbs: [list] }
  - { apiGroups: [apps], resources: [deployments, statefulsets, daemonsets], verbs: [list] }
  - { apiGroups: [batch], resources: [jobs], verbs: [list] }
  - { apiGroups: [metrics.k8s.io], resources: [nodes], verbs: [list] }`,
  tryIt:
    '`farwatch check kubernetes.nodes --set url=https://k8s:6443 --set secret="$(kubectl create token farwatch)" --set trustedCertificates="$(cat ca.crt)"`. `kubectl cordon` shows as `unschedulable`; a stopped kubelet raises `node not ready`.',
  check: ({ include, exclude }, path) => selectionProblems({ include, exclude }, path),
  async collect({ include, exclude }, { client, signal }) {
    const parts = new Parts()
    const isTaken = selects(include, exclude)
    const pick = (object: unknown) => {
      const node = readNode(object)
      return node !== undefined && isTaken(node.name) ? node : undefined
    }
    const nodes = await parts.read('nodes', () => client.list('/api/v1/nodes', pick, signal))
    if (nodes === undefined) throw new TargetError('credentials', `${client.url}: ${parts.missing[0]}`)
    const used = await parts.read('use', () => client.list('/apis/metrics.k8s.io/v1beta1/nodes', readUse, signal))
    const useOf = new Map((used ?? []).map((one) => [one.name, one]))
    const version = await parts.read('version', async () => textAt(await client.get('/version', signal), 'gitVersion'))
    const labels = ({ name }: Node) => ({ node: name })
    const ready = nodes.filter((node) => node.ready).length
    const about = parts.about(`${ready} of ${nodes.length} nodes are ready`)
    return {
      metrics: measured({
        ready: itemsOf(nodes, labels, (node) => Number(node.ready)),
        pressure: nodes.flatMap((node) =>
          [...node.short].map(([of, isShort]) => ({ labels: { node: node.name, of }, value: Number(isShort) })),
        ),
        unschedulable: itemsOf(nodes, labels, (node) => Number(node.unschedulable)),
        cpu_used: itemsOf(nodes, labels, (node) => shareOf(useOf.get(node.name)?.cpu, node.cpu)),
        memory_used: itemsOf(nodes, labels, (node) => shareOf(useOf.get(node.name)?.memory, node.memory)),
        pods_allowed: itemsOf(nodes, labels, (node) => node.pods),
        nodes: nodes.length,
        nodes_ready: ready,
      }),
      ...about,
      facts: { ...about.facts, ...(version === undefined ? {} : { version }) },
    }
  },
})

function readNode(object: unknown): Node | undefined {
  const name = textAt(object, 'metadata', 'name')
  if (name === undefined) return undefined
  const short = new Map<string, boolean>()
  let ready = false
  for (const condition of objectsOf(valueAt(object, 'status', 'conditions'), 100)) {
    const type = textAt(condition, 'type') ?? ''
    const isTrue = textAt(condition, 'status') === 'True'
    // Unknown, as of a node that fell silent, is not ready.
    if (type === 'Ready') ready = isTrue
    else if (Object.hasOwn(pressures, type)) short.set(pressures[type]!, isTrue)
  }
  const allocatable = (what: string) => parseQuantity(valueAt(object, 'status', 'allocatable', what))
  return {
    name,
    ready,
    short,
    unschedulable: valueAt(object, 'spec', 'unschedulable') === true,
    cpu: allocatable('cpu'),
    memory: allocatable('memory'),
    pods: allocatable('pods'),
  }
}

function readUse(object: unknown) {
  const name = textAt(object, 'metadata', 'name')
  return name === undefined
    ? undefined
    : {
        name,
        cpu: parseQuantity(valueAt(object, 'usage', 'cpu')),
        memory: parseQuantity(valueAt(object, 'usage', 'memory')),
      }
}
