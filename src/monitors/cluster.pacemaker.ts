import { defineMonitor, TargetError } from '../sdk/index.ts'
import { parseCrmMon, type ClusterResource } from './formats/crm-mon.ts'
import { itemsOf, measured } from './formats/measured.ts'
import { sectionsOf, sectionsScript } from './formats/sections.ts'

const commands = (sudo: string) => ({
  // The first is of Pacemaker 2, the second of before.
  cluster: `${sudo}crm_mon --one-shot --output-as=xml --inactive || ${sudo}crm_mon --one-shot --as-xml --inactive`,
  quorum: `${sudo}corosync-quorumtool -s`,
  rings: `${sudo}corosync-cfgtool -s`,
  sbd: `if test -r /etc/sysconfig/sbd; then . /etc/sysconfig/sbd; elif test -r /etc/default/sbd; then . /etc/default/sbd; fi; IFS=';'; for d in $SBD_DEVICE; do printf '%s ' "$d"; ${sudo}sbd -d "$d" dump > /dev/null && echo healthy || echo unhealthy; done`,
})
const asUser = sectionsScript(commands(''))
const asRoot = sectionsScript(commands('sudo -n '))

/** A Pacemaker cluster as one of its nodes sees it, such as that under SAP and its databases. */
export default defineMonitor({
  id: 'cluster.pacemaker',
  title: 'Pacemaker cluster',
  summary:
    'Nodes, resources, fail counts, quorum, rings and fencing devices of a Pacemaker cluster, as one node sees it by SSH.',
  connector: 'ssh',
  settings: {
    sudo: {
      kind: 'flag',
      label: 'By sudo',
      help: 'crm_mon is for the group haclient, the other programs are for root.',
      default: true,
    },
  },
  metrics: {
    nodes: { title: 'Nodes', unit: '' },
    nodes_online: { title: 'Nodes that are online', unit: '' },
    node_online: { title: 'The node is online (1) or not (0)', unit: '', items: ['node'] },
    node_standby: { title: 'The node is in standby (1) or not (0)', unit: '', items: ['node'] },
    node_maintenance: { title: 'The node is in maintenance (1) or not (0)', unit: '', items: ['node'] },
    node_unclean: { title: 'The node is to be fenced (1) or not (0)', unit: '', items: ['node'] },
    resource_running: { title: 'The resource runs somewhere (1) or nowhere (0)', unit: '', items: ['resource'] },
    resource_failed: { title: 'The resource has failed (1) or not (0)', unit: '', items: ['resource'] },
    resource_blocked: {
      title: 'The cluster can do nothing with the resource (1) or not (0)',
      unit: '',
      items: ['resource'],
    },
    fail_count: { title: 'Failures of the resource on the node', unit: '', items: ['resource', 'node'] },
    failed_actions: { title: 'Actions that failed and were not cleaned up', unit: '' },
    maintenance: { title: 'The whole cluster is in maintenance (1) or not (0)', unit: '' },
    fencing: { title: 'Fencing is switched on (1) or off (0)', unit: '' },
    quorate: { title: 'This part of the cluster has the quorum (1) or not (0)', unit: '' },
    votes: { title: 'Votes that there are', unit: '' },
    votes_expected: { title: 'Votes that are expected', unit: '' },
    rings_faulty: { title: 'Rings or links of corosync that are faulty', unit: '' },
    sbd_healthy: { title: 'The SBD device can be read (1) or not (0)', unit: '', items: ['device'] },
  },
  period: '1m',
  timeout: '20s',
  tested: 'recorded data',
  optIn: 'It needs a cluster, and on its nodes the programs by sudo.',
  thresholdsFrom:
    'As ClusterLabs’ ha_cluster_exporter and its dashboards look at it: a failed resource is a WARNING, no quorum is CRITICAL.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'no quorum', metric: 'quorate', thresholds: { CRITICAL: '== 0' } },
    { name: 'node not online', metric: 'node_online', thresholds: { MAJOR: '== 0' } },
    { name: 'node to be fenced', metric: 'node_unclean', thresholds: { CRITICAL: '> 0' } },
    { name: 'node in standby', metric: 'node_standby', thresholds: { INFO: '> 0' } },
    { name: 'resource failed', metric: 'resource_failed', thresholds: { MAJOR: '> 0' } },
    { name: 'resource blocked', metric: 'resource_blocked', thresholds: { CRITICAL: '> 0' } },
    { name: 'resource nowhere', metric: 'resource_running', thresholds: { MAJOR: '== 0' }, for: '2m' },
    { name: 'failures counted', metric: 'fail_count', thresholds: { WARNING: '>= 1' } },
    { name: 'fencing off', metric: 'fencing', thresholds: { WARNING: '== 0' } },
    { name: 'in maintenance', metric: 'maintenance', thresholds: { INFO: '> 0' } },
    { name: 'ring faulty', metric: 'rings_faulty', thresholds: { MAJOR: '> 0' } },
    { name: 'SBD device unhealthy', metric: 'sbd_healthy', thresholds: { CRITICAL: '== 0' } },
  ],
  needs: 'An account on one node, with these programs by sudo, or in the group haclient without what only root sees.',
  grant: [
    '# /etc/sudoers.d/farwatch',
    'farwatch ALL=(root) NOPASSWD: /usr/sbin/crm_mon --one-shot *, /usr/sbin/corosync-quorumtool -s, /usr/sbin/corosync-cfgtool -s, /usr/sbin/sbd -d * dump',
  ].join('\n'),
  tryIt:
    '`crm_standby -N node2 -v on` puts a node into standby; `crm_resource --fail -r …` counts a failure, `crm_resource --cleanup -r …` takes it back.',
  async collect({ sudo }, { client, signal }) {
    const script = sudo ? asRoot : asUser
    const { stdout } = await client.run({ words: ['sh', '-c', script], maxOutputBytes: 4 * 1024 * 1024 }, signal)
    const section = sectionsOf(stdout)
    const cluster = parseCrmMon(section.get('cluster') ?? '')
    if (cluster === undefined)
      throw new TargetError(
        'configuration',
        `${client.target} shows no cluster: crm_mon is not there, not allowed to this account, or Pacemaker does not run`,
      )
    const quorum = quorumOf(section.get('quorum') ?? '')
    const resources = byResource(cluster.resources)
    const node = (one: { readonly name: string }) => ({ node: one.name })
    const resource = (one: { readonly id: string }) => ({ resource: one.id })
    const flag = (is: boolean) => (is ? 1 : 0)
    return {
      metrics: measured({
        nodes: cluster.nodes.length,
        nodes_online: cluster.nodes.filter(({ online }) => online).length,
        node_online: itemsOf(cluster.nodes, node, ({ online }) => flag(online)),
        node_standby: itemsOf(cluster.nodes, node, ({ standby }) => flag(standby)),
        node_maintenance: itemsOf(cluster.nodes, node, ({ maintenance }) => flag(maintenance)),
        node_unclean: itemsOf(cluster.nodes, node, ({ unclean }) => flag(unclean)),
        resource_running: itemsOf(resources, resource, (one) => (one.wanted ? flag(one.running) : undefined)),
        resource_failed: itemsOf(resources, resource, ({ failed }) => flag(failed)),
        resource_blocked: itemsOf(resources, resource, ({ blocked }) => flag(blocked)),
        fail_count: itemsOf(
          cluster.failCounts,
          (one) => ({ resource: one.resource, node: one.node }),
          ({ count }) => count,
        ),
        failed_actions: cluster.failures.length,
        maintenance: cluster.maintenance === undefined ? undefined : flag(cluster.maintenance),
        fencing: cluster.fencing === undefined ? undefined : flag(cluster.fencing),
        quorate: quorum.quorate ?? (cluster.quorate === undefined ? undefined : flag(cluster.quorate)),
        votes: quorum.votes,
        votes_expected: quorum.expected,
        rings_faulty: faultyRings(section.get('rings') ?? ''),
        sbd_healthy: sbdDevices(section.get('sbd') ?? ''),
      }),
      facts: {
        ...(cluster.version === undefined ? {} : { version: cluster.version }),
        ...(cluster.coordinator === undefined ? {} : { coordinator: cluster.coordinator }),
      },
      ...(cluster.failures.length === 0 ? {} : { message: `failed: ${cluster.failures.join(', ')}`.slice(0, 800) }),
    }
  },
})

/** A clone runs several times under one id; it fails where one of them does. */
function byResource(all: readonly ClusterResource[]) {
  const found = new Map<string, { id: string; running: boolean; failed: boolean; blocked: boolean; wanted: boolean }>()
  for (const { id, active, failed, blocked, wanted } of all) {
    const one = found.get(id)
    found.set(id, {
      id,
      running: active || one?.running === true,
      failed: failed || one?.failed === true,
      blocked: blocked || one?.blocked === true,
      wanted: wanted || one?.wanted === true,
    })
  }
  return [...found.values()].slice(0, 1_000)
}

function quorumOf(text: string) {
  const number = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d{1,6})\\s*$`, 'm').exec(text)
    return found === null ? undefined : Number(found[1])
  }
  const quorate = /^Quorate:\s+(Yes|No)\s*$/m.exec(text)?.[1]
  return {
    quorate: quorate === undefined ? undefined : quorate === 'Yes' ? 1 : 0,
    votes: number('Total votes'),
    expected: number('Expected votes'),
  }
}

/** Corosync 2 says `ring 0 active with no faults` or `FAULTY`, Corosync 3 `connected` or `disconnected` for each link to another node. */
function faultyRings(text: string): number | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const states = lines.filter((line) => /^status\s*[:=]/.test(line) || /^nodeid:?\s*\d+\s*:/.test(line))
  if (states.length === 0) return undefined
  return states.filter((line) => /FAULTY|disconnected/i.test(line)).length
}

function sbdDevices(text: string) {
  return text.split('\n').flatMap((line) => {
    const found = /^(\/\S{1,200}) (healthy|unhealthy)$/.exec(line.trim())
    return found === null ? [] : [{ labels: { device: found[1]! }, value: found[2] === 'healthy' ? 1 : 0 }]
  })
}
