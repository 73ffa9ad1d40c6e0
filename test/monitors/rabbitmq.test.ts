import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { Gathered, OpenCredential } from '../../src/sdk/index.ts'
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
}, 300_000)
afterAll(() => server?.stop())

test('nodes are measured whole, and nothing raises', async () => {
  const monitor = theOne(monitors, 'rabbitmq.node')
  // The broker gathers its own figures some hundred milliseconds after it began to answer, and not all at once.
  const look = () => measured('rabbitmq.node', { url: server.url }, {}, watcher)
  const empty = ({ metrics }: Gathered<string>) =>
    Object.keys(metrics).filter((name) => Array.isArray(metrics[name]) && metrics[name].length === 0)
  let seen = await look()
  await expect.poll(async () => empty((seen = await look())), { timeout: 60_000 }).toEqual([])
  expectSound(monitor, seen, ['geheim'])
  expect([seen.metrics['running'], judgedBy(monitor, seen)]).toEqual([
    [{ labels: { node: 'farwatch@localhost' }, value: 1 }],
    {},
  ])
})

test('a message that nobody consumes raises, and its queue alone', async () => {
  const monitor = theOne(monitors, 'rabbitmq.queues')
  const look = () => measured('rabbitmq.queues', { url: server.url }, { include: ['o*', 'audit'] }, watcher)
  let seen = await look()
  const unconsumed = async () => [(seen = await look()).metrics['messages_total'], judgedBy(monitor, seen)]
  await expect.poll(unconsumed, { timeout: 60_000 }).toEqual([1, { 'nobody consumes': 'CRITICAL' }])
  expectSound(monitor, seen, ['geheim'])
  const filtered = await measured('rabbitmq.queues', { url: server.url }, { exclude: ['orders'] }, watcher)
  expect([seen.metrics['unconsumed'], judgedBy(monitor, filtered)]).toEqual([
    expect.arrayContaining([
      { labels: { vhost: '/', queue: 'orders' }, value: 1 },
      { labels: { vhost: '/', queue: 'audit' }, value: 0 },
    ]),
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
