import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StatementRefused, type MongodbClient, type MongodbDocument, type MongodbReading } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import mongodb from './mongodb.ts'

type Answers = { readonly [R in MongodbReading]?: MongodbDocument | Error }

function server(answers: Answers): MongodbClient {
  return {
    target: 'db1:27017',
    session: (_, use) =>
      use({
        connect: 4,
        read: async (what) => {
          const answer = answers[what] ?? new StatementRefused('CommandNotFound', `no such command: '${what}'`)
          if (answer instanceof Error) throw answer
          return answer
        },
      }),
  }
}

const member = (name: string, state: number, optimeDate: number, health = 1): MongodbDocument => ({
  name,
  state,
  optimeDate,
  health,
})
const cache = {
  'bytes currently in the cache': 700,
  'tracked dirty bytes in the cache': 50,
  'maximum bytes configured': 1000,
}
const healthy = {
  hello: { setName: 'rs0', isWritablePrimary: false },
  serverStatus: {
    version: '8.0.4',
    uptime: 86_400,
    connections: { current: 10, available: 90 },
    globalLock: { currentQueue: { total: 0, readers: 0, writers: 0 } },
    metrics: { cursor: { open: { total: 3 }, timedOut: 2 } },
    network: { bytesIn: 5, bytesOut: 6 },
    opLatencies: { reads: { ops: 110, latency: 60_000 }, writes: { ops: 5, latency: 1 } },
    wiredTiger: { cache, concurrentTransactions: { read: { out: 1, totalTickets: 128 } } },
  },
  replSetGetStatus: { myState: 2, members: [member('a', 1, 100_000), member('b', 2, 99_000), member('c', 7, 0)] },
  slowOperations: { inprog: [] },
  listDatabases: { databases: [{ name: 'shop', sizeOnDisk: 8192 }] },
} as const satisfies Answers
const before = { reads: 10, 'reads.latency': 10_000 }
const ask = (answers: Answers, settings = {}) =>
  collectOnce(mongodb, settings, { client: server(answers), previous: before })

test('reports cache, cursors, tickets, latency, and the set from a member that is not its primary', async () => {
  const seen = await ask(healthy)
  expectSound(mongodb, seen)
  expect([seen.metrics, seen.facts, judgedBy(mongodb, seen)]).toEqual([
    expect.objectContaining({
      connections_used: 10,
      cache_used: 70,
      cache_dirty: 5,
      cursors_open: 3,
      cursors_timed_out: 2,
      operation_latency: [{ labels: { kind: 'reads' }, value: 0.5 }],
      tickets_used: [{ labels: { kind: 'read' }, value: 0.78125 }],
      operations_slow: 0,
      operation_longest: 0,
      primary_known: 1,
      replication_lag: [{ labels: { member: 'b' }, value: 1 }],
    }),
    { version: '8.0.4', role: 'secondary', set: 'rs0' },
    {},
  ])
})

const status = (change: MongodbDocument): Answers => ({ serverStatus: { ...healthy.serverStatus, ...change } })
const set = (...members: MongodbDocument[]): Answers => ({ replSetGetStatus: { myState: 2, members } })

// what is otherwise → what raises
const troubles: [string, Answers, Record<string, string>][] = [
  ['connections', status({ connections: { current: 96, available: 4 } }), { 'connections used up': 'CRITICAL' }],
  ['no primary', set(member('b', 2, 0), member('c', 7, 0)), { 'no primary': 'CRITICAL' }],
  ['a member that is down', set(member('a', 1, 9), member('b', 8, 0, 0)), { 'member not healthy': 'MAJOR' }],
  ['lag', set(member('a', 1, 400_000), member('b', 2, 9_000)), { 'replication lag': 'CRITICAL' }],
  ['queues', status({ globalLock: { currentQueue: { readers: 60 } } }), { 'operations queue': 'WARNING' }],
  [
    'a full cache',
    status({ wiredTiger: { cache: { ...cache, 'bytes currently in the cache': 960 } } }),
    { 'cache full': 'WARNING' },
  ],
  [
    'a cache that is not written',
    status({ wiredTiger: { cache: { ...cache, 'tracked dirty bytes in the cache': 210 } } }),
    { 'cache not written': 'MAJOR' },
  ],
  [
    'tickets',
    status({ queues: { execution: { write: { out: 9, totalTickets: 10 } } } }),
    { 'tickets used up': 'WARNING' },
  ],
  ['a long operation', { slowOperations: { inprog: [{ secs_running: 700 }] } }, { 'long operation': 'WARNING' }],
  ['a restart', status({ uptime: 9 }), { restarted: 'INFO' }],
]
test.each(troubles)('%s raises', async (_, trouble, wanted) => {
  expect(judgedBy(mongodb, await ask({ ...healthy, ...trouble }))).toEqual(wanted)
})

test('errors of the server itself raise when they grow', async () => {
  const after = (regular: number) => ask({ ...healthy, ...status({ asserts: { regular, user: 7 } }) })
  const before = await after(3)
  expect([judgedBy(mongodb, await after(4), before), judgedBy(mongodb, await after(3), before)]).toEqual([
    { 'server errors': 'MAJOR' },
    {},
  ])
})

test('a router has no set, and what it does not know is left out', async () => {
  const seen = await ask({ hello: { msg: 'isdbgrid' }, buildInfo: { version: '8.0.4' } }, { sizes: false })
  expect([seen.facts, seen.message, seen.metrics['primary_known']]).toEqual([
    { version: '8.0.4', role: 'router' },
    "left out: serverStatus (no such command: 'serverStatus'); currentOp (no such command: 'slowOperations')",
    undefined,
  ])
})

test('whatever documents come, what is said is sound', async () => {
  const document = fc
    .object({ withDate: false, maxDepth: 3 })
    .map((one) => JSON.parse(JSON.stringify(one)) as MongodbDocument)
  const spoilt = (good: MongodbDocument) =>
    fc.oneof(
      document,
      document.map((bad) => ({ ...good, ...bad })),
      fc.constant(good),
    )
  // Each name of a field is given any value somewhere in it.
  const twisted = (good: MongodbDocument) =>
    fc
      .tuple(fc.nat(40), fc.jsonValue())
      .map(([nth, value]) => {
        let i = 0
        return JSON.parse(JSON.stringify(good), (_, had: unknown) => (i++ === nth ? value : had)) as unknown
      })
      .filter((one): one is MongodbDocument => typeof one === 'object' && one !== null && !Array.isArray(one))
  const answers = fc.record({
    hello: spoilt(healthy.hello),
    serverStatus: fc.oneof(spoilt(healthy.serverStatus), twisted(healthy.serverStatus)),
    replSetGetStatus: fc.oneof(spoilt(healthy.replSetGetStatus), twisted(healthy.replSetGetStatus)),
    slowOperations: twisted({ inprog: [{ secs_running: 1 }] }),
    listDatabases: twisted(healthy.listDatabases),
  })
  await fc.assert(
    fc.asyncProperty(answers, fc.anything(), async (all, previous) => {
      expectSound(mongodb, await collectOnce(mongodb, {}, { client: server(all), previous }))
    }),
    { numRuns: 60 },
  )
})
