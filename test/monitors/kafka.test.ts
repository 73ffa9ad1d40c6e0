import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { kafkaUser, startKafka, type Kafka, type KafkaState } from '../servers/kafka.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const healthy = (): KafkaState => ({
  controller: 2,
  topics: {
    orders: [
      { leader: 1, replicas: [1, 2], inSync: [1, 2], end: 100 },
      { leader: 2, replicas: [2, 1], inSync: [2, 1], end: 50 },
    ],
    audit: [{ leader: 2, replicas: [2, 1], inSync: [1, 2], end: 7 }],
  },
  groups: {
    billing: { coordinator: 1, members: 2, offsets: { orders: [90, 50] } },
    archive: { coordinator: 2, members: 1, offsets: { orders: [100, 49], audit: [7] } },
  },
})

let open: Kafka
let closed: Kafka
const place = (server: Kafka, more = {}) => ({ host: 'localhost', port: server.port, tls: false, ...more })
const user = (secret = kafkaUser.secret): { credential: OpenCredential } => ({
  credential: { type: 'basic', fields: { ...kafkaUser, secret } },
})

beforeAll(async () => {
  open = await startKafka(healthy())
  closed = await startKafka(healthy(), { sasl: true })
})
afterAll(async () => {
  await open?.stop()
  await closed?.stop()
})

test('the brokers of these tests are understood by a client that others wrote', async () => {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [`127.0.0.1:${open.port}`], retries: 0 })
  try {
    const [groups, offsets, ends, { brokers, controllerId }] = [
      await admin.listGroups(),
      await admin.listConsumerGroupOffsets({ groups: ['archive'] }),
      await admin.listOffsets({
        topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
      }),
      await admin.metadata({ topics: ['orders'] }),
    ]
    expect([
      [...groups.keys()].sort(),
      offsets[0]?.topics.map(({ name, partitions }) => [name, partitions.map((one) => Number(one.committedOffset))]),
      Number(ends[0]?.partitions[0]?.offset),
      brokers.size,
      controllerId,
    ]).toEqual([
      ['archive', 'billing'],
      [
        ['orders', [100, 49]],
        ['audit', [7]],
      ],
      100,
      2,
      2,
    ])
  } finally {
    await admin.close()
  }
})

test('a cluster is measured whole, signed in or not', async () => {
  const monitor = theOne(monitors, 'kafka.cluster')
  const seen = [
    await measured('kafka.cluster', place(open)),
    await measured('kafka.cluster', place(closed, { mechanism: 'PLAIN' }), {}, user()),
    await measured('kafka.cluster', place(closed, { mechanism: 'SCRAM-SHA-256' }), {}, user()),
  ]
  for (const one of seen) expectSound(monitor, one, [kafkaUser.secret])
  expect(seen.map(({ metrics: { connect: _, ...metrics } }) => metrics)).toEqual(
    Array.from({ length: 3 }, () => ({
      brokers: 2,
      controller: 1,
      topics: 2,
      partitions: 3,
      offline: 0,
      under_replicated: 0,
      not_preferred: 0,
      led: [
        { labels: { broker: '1' }, value: 1 },
        { labels: { broker: '2' }, value: 2 },
      ],
    })),
  )
})

test('groups are gathered from all brokers, and ends from all leaders', async () => {
  const monitor = theOne(monitors, 'kafka.lag')
  const seen = await measured(
    'kafka.lag',
    place(closed, { mechanism: 'SCRAM-SHA-256' }),
    { excludeTopics: ['aud*'] },
    user(),
  )
  expectSound(monitor, seen, [kafkaUser.secret])
  expect([seen.metrics['lag'], seen.metrics['members'], seen.facts, judgedBy(monitor, seen)]).toEqual([
    [
      { labels: { group: 'billing', topic: 'orders' }, value: 10 },
      { labels: { group: 'archive', topic: 'orders' }, value: 1 },
    ],
    [
      { labels: { group: 'billing' }, value: 2 },
      { labels: { group: 'archive' }, value: 1 },
    ],
    {},
    {},
  ])
})

// what is wrong → the failure, with ports written as PORT
const wrong: [string, () => Record<string, unknown>, { credential?: OpenCredential }, string][] = [
  [
    'the password (PLAIN)',
    () => place(closed, { mechanism: 'PLAIN' }),
    user('falsch'),
    'credentials: localhost:PORT refused the sign-in (Kafka error 58)',
  ],
  [
    'the password (SCRAM)',
    () => place(closed, { mechanism: 'SCRAM-SHA-256' }),
    user('falsch'),
    'credentials: localhost:PORT refused the sign-in (Kafka error 58)',
  ],
  [
    'the way to sign in',
    () => place(closed),
    user(),
    'configuration: localhost:PORT takes no sign-in by SCRAM-SHA-512, but by PLAIN, SCRAM-SHA-256',
  ],
  ['the port', () => place(open, { port: 1 }), {}, 'refused: connection refused by localhost:1'],
  ['no sign-in', () => place(closed), {}, 'protocol: localhost:PORT closed the connection'],
]
test.each(wrong)('%s is wrong', async (_, at, who, words) => {
  const seen = await runMonitor('kafka.lag', at(), {}, who)
  expect(seen.failed?.replace(/localhost:(?!1$)\d+/, 'localhost:PORT')).toBe(words)
})

test('checked by hand they say the same', async () => {
  expect([await byHand('kafka.cluster', place(open)), await byHand('kafka.lag', place(open))]).toEqual([
    '0 kafka.cluster ran',
    '0 kafka.lag ran',
  ])
})
