import { defineMonitor, TargetError } from '../sdk/index.ts'
import { numberAt, objectsOf, textAt, valueAt, type JsonObject } from './formats/json.ts'
import { itemsOf } from './formats/measured.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const item = ['vhost', 'queue'] as const
const metrics = {
  messages: { title: 'Messages in the queue', unit: '', items: item },
  ready: { title: 'Messages ready to be delivered', unit: '', items: item },
  unacked: { title: 'Messages delivered and not acknowledged', unit: '', items: item },
  consumers: { title: 'Consumers', unit: '', items: item },
  unconsumed: { title: 'Messages in a queue that nobody consumes', unit: '', items: item },
  down: { title: 'The queue does not run (1)', unit: '', items: item },
  published: { title: 'Messages published', unit: '', kind: 'counter', items: item },
  delivered: { title: 'Messages delivered', unit: '', kind: 'counter', items: item },
  acknowledged: { title: 'Messages acknowledged', unit: '', kind: 'counter', items: item },
  redelivered: { title: 'Messages delivered again', unit: '', kind: 'counter', items: item },
  memory: { title: 'Memory of the queue', unit: 'B', items: item },
  queues: { title: 'Queues chosen', unit: '' },
  messages_total: { title: 'Messages in all chosen queues', unit: '' },
} as const

const pageSize = 500
const maxPages = 40
const columns = [
  'name',
  'vhost',
  'state',
  'messages',
  'messages_ready',
  'messages_unacknowledged',
  'consumers',
  'memory',
  'message_stats.publish',
  'message_stats.deliver_get',
  'message_stats.ack',
  'message_stats.redeliver',
].join()

export default defineMonitor({
  id: 'rabbitmq.queues',
  title: 'RabbitMQ queues',
  summary: 'Depth, unacknowledged messages, consumers and traffic of each queue.',
  connector: 'rabbitmq',
  settings: {
    vhosts: includeSetting('Virtual hosts', 'Names or patterns: `/`, `shop*`.'),
    include: includeSetting('Queues taken', 'Names or patterns: `orders.*`, `/^invoice-\\d+$/`.'),
    exclude: excludeSetting(
      'Queues left out',
      'Names or patterns. Queues that are meant to fill without a consumer, such as dead letters, belong here or need a rule of their own.',
    ),
    maxQueues: {
      kind: 'number',
      label: 'Most queues',
      help: 'More than these are a failed run, and none is reported one by one: half of the truth would look like the whole.',
      integer: true,
      min: 1,
      max: 5_000,
      default: 1_000,
    },
  },
  metrics,
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'nobody consumes', metric: 'unconsumed', thresholds: { CRITICAL: '> 0' }, for: '2m' },
    { name: 'queue down', metric: 'down', thresholds: { CRITICAL: '> 0' } },
    { name: 'queue fills', metric: 'messages', thresholds: { WARNING: '> 10000', MAJOR: '> 100000' }, for: '5m' },
    { name: 'not acknowledged', metric: 'unacked', thresholds: { WARNING: '> 10000' }, for: '5m' },
  ],
  thresholdsFrom:
    'Messages without a consumer: the catalogue. Ten and a hundred thousand messages are our own judgement of queues that are meant to be short.',
  needs:
    'The management plugin, and a user with the tag `monitoring`, which sees the queues of the virtual hosts it has permissions in; `administrator` is not needed.',
  grant:
    "rabbitmqctl add_user farwatch SECRET\nrabbitmqctl set_user_tags farwatch monitoring\nrabbitmqctl set_permissions -p / farwatch '' '' ''",
  tryIt:
    '`farwatch check rabbitmq.queues --set url=http://mq1:15672 --set username=farwatch --set secret=…`. A message published to a queue that nobody consumes raises `nobody consumes`.',
  check: ({ vhosts, include, exclude }, path) => selectionProblems({ vhosts, include, exclude }, path),
  async collect({ vhosts, include, exclude, maxQueues }, { client, signal }) {
    const inVhost = selects(vhosts, [])
    const isTaken = selects(include, exclude)
    const taken: JsonObject[] = []
    for (let page = 1; page <= maxPages; page++) {
      const answer = await client.get(`/api/queues?page=${page}&page_size=${pageSize}&columns=${columns}`, signal)
      const items = valueAt(answer, 'items')
      if (!Array.isArray(items))
        throw new TargetError('protocol', `${client.url} answers with something that is no page of queues`)
      taken.push(
        ...objectsOf(items, pageSize).filter((queue) => {
          const name = textAt(queue, 'name')
          return name !== undefined && inVhost(textAt(queue, 'vhost') ?? '') && isTaken(name)
        }),
      )
      if (page >= (numberAt(answer, 'page_count') ?? 1)) break
    }
    const totals = {
      queues: taken.length,
      messages_total: taken.reduce((sum, queue) => sum + (numberAt(queue, 'messages') ?? 0), 0),
    }
    if (taken.length > maxQueues) {
      return {
        metrics: totals,
        failure: {
          reason: 'too large',
          message: `${client.url} has ${taken.length} queues of those chosen; at most ${maxQueues} are allowed`,
        },
      }
    }
    const each = (value: (queue: JsonObject) => number | undefined) =>
      itemsOf(taken, (queue) => ({ vhost: textAt(queue, 'vhost') ?? '', queue: textAt(queue, 'name')! }), value)
    return {
      metrics: {
        ...totals,
        messages: each((queue) => numberAt(queue, 'messages')),
        ready: each((queue) => numberAt(queue, 'messages_ready')),
        unacked: each((queue) => numberAt(queue, 'messages_unacknowledged')),
        consumers: each((queue) => numberAt(queue, 'consumers')),
        unconsumed: each((queue) => {
          const messages = numberAt(queue, 'messages')
          return numberAt(queue, 'consumers') === 0 ? messages : messages === undefined ? undefined : 0
        }),
        down: each((queue) => {
          const state = textAt(queue, 'state')
          // `idle` and `flow` are how a running queue rests and is held up; a state that is not told says nothing.
          return state === undefined ? undefined : Number(!['running', 'idle', 'flow', 'syncing'].includes(state))
        }),
        published: each((queue) => numberAt(queue, 'message_stats', 'publish')),
        delivered: each((queue) => numberAt(queue, 'message_stats', 'deliver_get')),
        acknowledged: each((queue) => numberAt(queue, 'message_stats', 'ack')),
        redelivered: each((queue) => numberAt(queue, 'message_stats', 'redeliver')),
        memory: each((queue) => numberAt(queue, 'memory')),
      },
      message: `${totals.messages_total} messages in ${totals.queues} queues`,
    }
  },
})
