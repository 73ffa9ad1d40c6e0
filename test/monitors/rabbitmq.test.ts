import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startRabbitmq, type Rabbitmq } from '../servers/rabbitmq.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

let server: Rabbitmq
const as = (username: string, secret = 'geheim'): { credential: OpenCredential } => ({
  credential: { type: 'basic', fields: { username, secret } },
})
const watcher = as('farwatch')

beforeAll(async () => {
  server = await startRabbitmq()
  await server.manage('PUT', '/api/users/farwatch', { password: 'geheim', tags: 'monitoring' })
  await server.manage('PUT', '/api/users/nobody', { password: 'geheim', tags: '' })
  await server.manage('PUT', '/api/permissions/%2F/farwatch', { configure: '', write: '', read: '' })
  for (const queue of ['orders', 'audit']) await server.manage('PUT', `/api/queues/%2F/${queue}`, { durable: true })
  await server.manage('POST', '/api/exchanges/%2F/amq.default/publish', {
    properties: {},
    routing_key: 'orders',
    payload: 'x',
    payload_encoding: 'string',
  })
}, 90_000)
afterAll(() => server?.stop())

test('nodes are measured whole, and nothing raises', async () => {
  const monitor = theOne(monitors, 'rabbitmq.node')
  // The broker gathers its own figures some hundred milliseconds after it began to answer.
  await expect
    .poll(async () => (await measured('rabbitmq.node', { url: server.url }, {}, watcher)).metrics['memory'], {
      timeout: 20_000,
    })
    .toHaveLength(1)
  const seen = await measured('rabbitmq.node', { url: server.url }, {}, watcher)
  expectSound(monitor, seen, ['geheim'])
  const empty = Object.entries(seen.metrics).filter(([, value]) => Array.isArray(value) && value.length === 0)
  expect([empty, seen.metrics.running, judgedBy(monitor, seen)]).toEqual([
    [],
    [{ labels: { node: 'farwatch@localhost' }, value: 1 }],
    {},
  ])
})

test('a message that nobody consumes raises, and its queue alone', async () => {
  const monitor = theOne(monitors, 'rabbitmq.queues')
  const look = () => measured('rabbitmq.queues', { url: server.url }, { include: ['o*', 'audit'] }, watcher)
  await expect.poll(async () => (await look()).metrics['messages_total'], { timeout: 20_000 }).toBe(1)
  const seen = await look()
  expectSound(monitor, seen, ['geheim'])
  const filtered = await measured('rabbitmq.queues', { url: server.url }, { exclude: ['orders'] }, watcher)
  expect([seen.metrics['unconsumed'], judgedBy(monitor, seen), judgedBy(monitor, filtered)]).toEqual([
    expect.arrayContaining([
      { labels: { vhost: '/', queue: 'orders' }, value: 1 },
      { labels: { vhost: '/', queue: 'audit' }, value: 0 },
    ]),
    { 'nobody consumes': 'CRITICAL' },
    {},
  ])
})

test('what is wrong with the sign-in or the place is told apart', async () => {
  const outcome = async (credential: { credential: OpenCredential }, url = server.url) =>
    (await runMonitor('rabbitmq.node', { url }, {}, credential)).failed?.replaceAll(server.url, 'URL')
  expect([
    await outcome(as('farwatch', 'falsch')),
    await outcome(as('nobody')),
    await outcome(watcher, 'http://127.0.0.1:1'),
    await outcome(watcher, `http://127.0.0.1:${server.amqpPort}`),
  ]).toEqual([
    'credentials: URL/ refused the sign-in (HTTP 401)',
    'credentials: URL/ refused the sign-in (HTTP 401)',
    'refused: connection refused by 127.0.0.1:1',
    expect.stringMatching(/^protocol: /),
  ])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('rabbitmq.node', { url: server.url }, watcher),
    await byHand('rabbitmq.queues', { url: server.url }, watcher),
  ]).toEqual(['0 rabbitmq.node ran', expect.stringMatching(/^[02] rabbitmq\.queues ran$/)])
})
