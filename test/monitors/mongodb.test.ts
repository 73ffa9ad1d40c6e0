import { Long, Timestamp } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, type OpenCredential } from '../../src/sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startMongodb, type MongodbServer } from '../servers/mongodb.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

// The real client against a server that speaks the real protocol with documents of the published shape.

const monitor = theOne(monitors, 'mongodb')
const user = { name: 'farwatch', password: 'geheim' }
const credential = (username: string, secret: string): OpenCredential => ({
  type: 'basic',
  fields: { username, secret },
})
const watcher = credential('farwatch', 'geheim')
let authority: Authority
let server: MongodbServer
let secure: MongodbServer
let place: Record<string, unknown>

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000)
const answers = {
  hello: { setName: 'rs0', hosts: ['a:27017', 'b:27017'] },
  serverStatus: {
    version: '8.0.4',
    uptime: 86_400,
    connections: { current: 12, available: Long.fromNumber(800) },
    mem: { resident: 512 },
    globalLock: { currentQueue: { total: 3, readers: 1, writers: 2 } },
    opcounters: { insert: Long.fromNumber(5), query: Long.fromString('9007199254740993') },
    asserts: { regular: 0, warning: 0, msg: 0, user: 7, rollovers: 0 },
    ok: 1,
  },
  replSetGetStatus: {
    set: 'rs0',
    myState: 1,
    members: [
      { name: 'a:27017', health: 1, state: 1, optimeDate: at(100), optime: { ts: new Timestamp({ t: 100, i: 1 }) } },
      { name: 'b:27017', health: 1, state: 2, optimeDate: at(29) },
    ],
    ok: 1,
  },
  currentOp: { inprog: [{ secs_running: Long.fromNumber(70) }], ok: 1 },
  listDatabases: { databases: [{ name: 'shop', sizeOnDisk: 8192 }], ok: 1 },
}

beforeAll(async () => {
  authority = await makeAuthority()
  server = await startMongodb({ answers, user })
  secure = await startMongodb({ answers, user, certificate: await authority.issue(['DNS:localhost'], 10) })
  place = { host: 'localhost', port: server.port }
})
afterAll(async () => {
  await secure?.stop()
  await server?.stop()
  await authority?.remove()
})

test('a member of a set is signed in to and measured', async () => {
  const seen = await measured('mongodb', place, {}, { credential: watcher })
  expectSound(monitor, seen, ['geheim'])
  const { connect: _, ...metrics } = seen.metrics
  expect([metrics, seen.facts, judgedBy(monitor, seen)]).toEqual([
    {
      uptime: 86_400,
      connections: 12,
      connections_used: (100 * 12) / 812,
      memory_resident: 512 * 1024 * 1024,
      operations_slow: 1,
      operation_longest: 70,
      queue: [
        { labels: { kind: 'readers' }, value: 1 },
        { labels: { kind: 'writers' }, value: 2 },
      ],
      operations: [
        { labels: { kind: 'insert' }, value: 5 },
        { labels: { kind: 'query' }, value: 9007199254740992 },
      ],
      operation_latency: [],
      asserts: [
        { labels: { kind: 'regular' }, value: 0 },
        { labels: { kind: 'warning' }, value: 0 },
        { labels: { kind: 'msg' }, value: 0 },
        { labels: { kind: 'user' }, value: 7 },
      ],
      tickets_used: [],
      primary_known: 1,
      member_healthy: [
        { labels: { member: 'a:27017' }, value: 1 },
        { labels: { member: 'b:27017' }, value: 1 },
      ],
      replication_lag: [{ labels: { member: 'b:27017' }, value: 71 }],
      database_size: [{ labels: { database: 'shop' }, value: 8192 }],
    },
    { version: '8.0.4', role: 'primary', set: 'rs0' },
    { 'replication lag': 'WARNING' },
  ])
})

test('TLS is verified, with the authority that the connector names', async () => {
  const there = { ...place, port: secure.port, tls: 'verify' }
  const failure = async (settings: object, timeoutMs = 60_000) =>
    (await runMonitor('mongodb', { ...there, ...settings }, {}, { credential: watcher, timeoutMs })).failed?.replace(
      /\d{4,5}/,
      'PORT',
    )
  const trustedCertificates = authority.certificate
  expect([
    await failure({ trustedCertificates }),
    await failure({ tls: 'require' }),
    await failure({}),
    await failure({ host: '127.0.0.1', trustedCertificates }),
  ]).toEqual([
    undefined,
    undefined,
    'tls: the certificate of localhost:PORT is not trusted: its issuer is not known; the server may not send its chain',
    'tls: the certificate of 127.0.0.1:PORT is not trusted: it is not for this name',
  ])
})

// what is wrong → the failure or the message, with the port written as PORT
const wrong: [string, Record<string, unknown>, OpenCredential | undefined, string][] = [
  [
    'the password',
    {},
    credential('farwatch', 'falsch'),
    'credentials: localhost:PORT refused the sign-in: Authentication failed.',
  ],
  [
    'the user',
    {},
    credential('nobody', 'x'),
    'credentials: localhost:PORT refused the sign-in: Authentication failed.',
  ],
  ['the port', { port: 1 }, watcher, 'refused: connection refused by localhost:1'],
  [
    'the name',
    { host: 'no.such.name.invalid' },
    watcher,
    'unreachable: the name of no.such.name.invalid:PORT was not found',
  ],
]
test.each(wrong)('%s is wrong', async (_, settings, who, words) => {
  const about = who === undefined ? {} : { credential: who }
  const seen = await runMonitor('mongodb', { ...place, ...settings }, {}, about)
  expect(seen.failed?.replaceAll(String(server.port), 'PORT')).toBe(words)
})

test('who does not sign in is told what is left out', async () => {
  const seen = await measured('mongodb', place)
  expect(seen.message).toMatch(/^left out: serverStatus \(Command serverStatus requires authentication\); /)
})

test('a server is known by its first answer', async () => {
  const { identify } = theOne(connectors, 'mongodb').discovery!
  const found = [server, secure].map(async ({ port }) => {
    const [proposal] = await identify({ host: '127.0.0.1', port }, AbortSignal.timeout(60_000))
    return [proposal?.title.replace(/, port.*/, ''), proposal?.settings['tls']]
  })
  expect(await Promise.all(found)).toEqual([
    ['MongoDB', undefined],
    ['MongoDB with TLS', 'verify'],
  ])
})

test('a refused sign-in is not tried again by the next run', async () => {
  const connector = theOne(connectors, 'mongodb')
  const checked = checkDeclared(connector, place, 'c')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  const client = connector.open(checked.value, credential('farwatch', 'falsch'))
  const before = server.signIns()
  const runs = await Promise.allSettled([1, 2, 3].map(() => collectOnce(monitor, {}, { client })))
  expect([new Set(runs.map(({ status }) => status)), server.signIns() - before]).toEqual([new Set(['rejected']), 1])
})

test('checked by hand it says the same', async () => {
  expect(await byHand('mongodb', place, { credential: watcher })).toBe('1 mongodb ran')
})
