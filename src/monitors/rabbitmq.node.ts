import { defineMonitor, TargetError } from '../sdk/index.ts'
import { numberAt, objectsOf, textAt, valueAt, type JsonObject } from './formats/json.ts'
import { itemsOf, measured, shareOf } from './formats/measured.ts'
import { Parts } from './formats/parts.ts'

const item = ['node'] as const
const metrics = {
  running: { title: 'The node runs (1) or not (0)', unit: '', items: item },
  memory_alarm: { title: 'Publishers are held up because memory is short (1)', unit: '', items: item },
  disk_alarm: { title: 'Publishers are held up because disk is short (1)', unit: '', items: item },
  memory_used: { title: 'Memory of the allowed amount', unit: '%', items: item },
  memory: { title: 'Memory in use', unit: 'B', items: item },
  disk_free: { title: 'Free disk', unit: 'B', items: item },
  disk_headroom: { title: 'Free disk above the limit at which publishers are held up', unit: 'B', items: item },
  files_used: { title: 'File descriptors of the allowed number', unit: '%', items: item },
  sockets_used: { title: 'Sockets of the allowed number', unit: '%', items: item },
  processes_used: { title: 'Erlang processes of the allowed number', unit: '%', items: item },
  partitions: { title: 'Nodes that this one has lost sight of', unit: '', items: item },
  run_queue: { title: 'Erlang processes that wait for a processor', unit: '', items: item },
  uptime: { title: 'Time since the start', unit: 's', items: item },
  connections: { title: 'Connections of clients', unit: '' },
  channels: { title: 'Channels', unit: '' },
} as const

export default defineMonitor({
  id: 'rabbitmq.node',
  title: 'RabbitMQ nodes',
  summary: 'Alarms, memory, disk, file descriptors, sockets and partitions of every node of a cluster.',
  connector: 'rabbitmq',
  settings: {},
  metrics,
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'node down', metric: 'running', thresholds: { CRITICAL: '< 1' } },
    { name: 'publishers held up', metric: ['memory_alarm', 'disk_alarm'], thresholds: { CRITICAL: '> 0' } },
    { name: 'partition', metric: 'partitions', thresholds: { CRITICAL: '> 0' } },
    { name: 'memory', metric: 'memory_used', thresholds: { WARNING: '> 80%', MAJOR: '> 95%' }, for: '2m' },
    {
      name: 'used up',
      metric: ['files_used', 'sockets_used', 'processes_used'],
      thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' },
    },
  ],
  thresholdsFrom:
    'Alarms and partitions are RabbitMQ’s own; 80 and 95 % of a limit are the catalogue’s values for anything that can be used up.',
  needs: 'The management plugin, and a user with the tag `monitoring`.',
  grant:
    'rabbitmq-plugins enable rabbitmq_management\nrabbitmqctl add_user farwatch SECRET\nrabbitmqctl set_user_tags farwatch monitoring',
  tryIt:
    '`farwatch check rabbitmq.node --set url=http://mq1:15672 --set username=farwatch --set secret=…`. `rabbitmqctl set_vm_memory_high_watermark 0.00001` raises `publishers held up`; set it back to 0.4.',
  async collect(_, { client, signal }) {
    const parts = new Parts()
    const overview = await parts.read('overview', () => client.get('/api/overview', signal))
    const answer = await parts.read('nodes', () => client.get('/api/nodes', signal))
    if (overview === undefined && answer === undefined)
      throw new TargetError('credentials', `${client.url}: ${parts.missing.join('; ')}`)
    if (answer !== undefined && !Array.isArray(answer))
      throw new TargetError('protocol', `${client.url} answers with something that is no list of nodes`)
    const nodes = objectsOf(answer, 1_000).filter((node) => textAt(node, 'name') !== undefined)
    const version = textAt(overview, 'rabbitmq_version')
    const cluster = textAt(overview, 'cluster_name')
    const each = (value: (node: JsonObject) => number | undefined) =>
      itemsOf(nodes, (node) => ({ node: textAt(node, 'name')! }), value)
    const number = (name: string) => each((node) => numberAt(node, name))
    const flag = (name: string) => each((node) => flagAt(node, name))
    const up = nodes.filter((node) => node['running'] === true).length
    const about = parts.about(`${up} of ${nodes.length} nodes run`)
    return {
      metrics: measured({
        running: flag('running'),
        memory_alarm: flag('mem_alarm'),
        disk_alarm: flag('disk_free_alarm'),
        memory_used: each((node) => shareOf(numberAt(node, 'mem_used'), numberAt(node, 'mem_limit'))),
        memory: number('mem_used'),
        disk_free: number('disk_free'),
        disk_headroom: each((node) => difference(node, 'disk_free', 'disk_free_limit')),
        files_used: each((node) => shareOf(numberAt(node, 'fd_used'), numberAt(node, 'fd_total'))),
        sockets_used: each((node) => shareOf(numberAt(node, 'sockets_used'), numberAt(node, 'sockets_total'))),
        processes_used: each((node) => shareOf(numberAt(node, 'proc_used'), numberAt(node, 'proc_total'))),
        partitions: each((node) => {
          const lost = valueAt(node, 'partitions')
          return Array.isArray(lost) ? lost.length : undefined
        }),
        run_queue: number('run_queue'),
        uptime: each((node) => {
          const ms = numberAt(node, 'uptime')
          return ms === undefined ? undefined : ms / 1000
        }),
        connections: numberAt(overview, 'object_totals', 'connections'),
        channels: numberAt(overview, 'object_totals', 'channels'),
      }),
      ...about,
      facts: {
        ...about.facts,
        ...(version === undefined ? {} : { version }),
        ...(cluster === undefined ? {} : { cluster }),
      },
    }
  },
})

function flagAt(node: JsonObject, name: string): number | undefined {
  const value = valueAt(node, name)
  return typeof value === 'boolean' ? Number(value) : undefined
}

function difference(node: JsonObject, from: string, less: string): number | undefined {
  const a = numberAt(node, from)
  const b = numberAt(node, less)
  return a === undefined || b === undefined ? undefined : a - b
}
