import { expect, test } from 'vitest'
import { checkDeclared, type RabbitmqClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy, mutated } from '../sdk/testing.ts'
import rabbitmqQueues from './rabbitmq.queues.ts'

const orders = {
  name: 'orders',
  vhost: '/',
  state: 'running',
  messages: 7,
  messages_ready: 5,
  messages_unacknowledged: 2,
  consumers: 1,
  memory: 14_000,
  message_stats: { publish: 100, deliver_get: 95, ack: 93, redeliver: 1 },
}
const page = (...items: unknown[]) => ({ items, page: 1, page_count: 1, total_count: items.length })

const broker = (...pages: readonly unknown[]): RabbitmqClient => ({
  url: 'http://mq1:15672/',
  get: async (path) => pages[Number(/page=(\d+)/.exec(path)?.[1]) - 1],
})

const valuesOf = (metrics: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((one: { value: number }) => one.value) : value,
    ]),
  )

test('a queue is measured whole', async () => {
  const seen = await collectOnce(rabbitmqQueues, {}, { client: broker(page(orders)) })
  expectSound(rabbitmqQueues, seen)
  expect([valuesOf(seen.metrics), judgedBy(rabbitmqQueues, seen)]).toEqual([
    {
      queues: 1,
      messages_total: 7,
      messages: [7],
      ready: [5],
      unacked: [2],
      consumers: [1],
      unconsumed: [0],
      down: [0],
      published: [100],
      delivered: [95],
      acknowledged: [93],
      redelivered: [1],
      memory: [14_000],
    },
    {},
  ])
})

// queue → what raises
const ill: [string, object, Record<string, string>][] = [
  ['without a consumer', { consumers: 0 }, { 'nobody consumes': 'CRITICAL' }],
  ['empty without a consumer', { consumers: 0, messages: 0 }, {}],
  ['that is down', { state: 'down' }, { 'queue down': 'CRITICAL' }],
  ['that nobody acknowledges', { messages_unacknowledged: 20_000 }, { 'not acknowledged': 'WARNING' }],
  ['that fills', { messages: 20_000 }, { 'queue fills': 'WARNING' }],
  ['that overflows', { messages: 200_000 }, { 'queue fills': 'MAJOR' }],
]
test.each(ill)('a queue %s', async (_, change, raised) => {
  const seen = await collectOnce(rabbitmqQueues, {}, { client: broker(page({ ...orders, ...change })) })
  expect(judgedBy(rabbitmqQueues, seen)).toEqual(raised)
})

test('queues are chosen on every page by name and virtual host', async () => {
  const first = { ...page(orders, { ...orders, name: 'dead' }), page_count: 2 }
  const second = { ...page({ ...orders, vhost: 'shop' }, { ...orders, name: 'more', vhost: 'x' }), page_count: 2 }
  const settings = { vhosts: ['/', 'shop'], exclude: ['dead'] }
  const seen = await collectOnce(rabbitmqQueues, settings, { client: broker(first, second) })
  expect(seen.metrics['consumers']).toEqual([
    { labels: { vhost: '/', queue: 'orders' }, value: 1 },
    { labels: { vhost: 'shop', queue: 'orders' }, value: 1 },
  ])
})

test('more queues than allowed are counted, not reported', async () => {
  const client = broker(page(orders, { ...orders, name: 'more' }))
  const seen = await collectOnce(rabbitmqQueues, { maxQueues: 1 }, { client })
  expect([seen.metrics, seen.failure]).toEqual([
    { queues: 2, messages_total: 14 },
    { reason: 'too large', message: 'http://mq1:15672/ has 2 queues of those chosen; at most 1 are allowed' },
  ])
})

test('a pattern that cannot be read is refused', () => {
  const checked = checkDeclared(rabbitmqQueues, { exclude: ['/(/'] }, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => one.path)).toEqual(['settings.exclude'])
})

test('whatever the broker answers, the outcome is clear', () =>
  expectClearOutcomes(rabbitmqQueues, mutated(page(orders, orders)), (answer) => broker(answer)))
