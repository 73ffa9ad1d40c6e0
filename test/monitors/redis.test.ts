import { connect } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startRedis, type RedisServer } from '../servers/redis.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const monitor = theOne(monitors, 'redis')
const credential = (username: string, secret: string): OpenCredential => ({
  type: 'basic',
  fields: { username, secret },
})
const watcher = credential('watcher', 'geheim')
let authority: Authority
let primary: RedisServer
let replica: RedisServer
let place: Record<string, unknown>

beforeAll(async () => {
  authority = await makeAuthority()
  const certificate = await authority.issue(['DNS:localhost'], 10)
  primary = await startRedis({
    certificate,
    configuration: [
      'requirepass 0wner-secret',
      'repl-diskless-sync-delay 0',
      'repl-ping-replica-period 1',
      // What the reference page tells people to paste.
      (monitor.grant ?? '').replace('ACL SETUSER farwatch', 'user watcher').replace('PASSWORD', 'geheim'),
      'user blind on >geheim -@all +ping',
    ].join('\n'),
  })
  replica = await startRedis({ configuration: `replicaof 127.0.0.1 ${primary.port}\nmasterauth 0wner-secret` })
  place = { host: 'localhost', port: primary.port }
  await asOwner('RPUSH queue:default a b c', 'SET word x', 'SELECT 3', 'SET other 1 EX 1000')
})
afterAll(async () => {
  await replica?.stop()
  await primary?.stop()
  await authority?.remove()
})

/** Says commands to the primary, as its owner. */
async function asOwner(...commands: string[]): Promise<string> {
  const socket = connect(primary.port, '127.0.0.1')
  let said = ''
  socket.on('data', (chunk: Buffer) => (said += chunk.toString()))
  socket.end(['AUTH 0wner-secret', ...commands, 'QUIT'].map((line) => `${line}\r\n`).join(''))
  await once(socket, 'close')
  return said
}

test('a primary at rest is measured whole with the privileges of the reference page, and nothing raises', async () => {
  await expect
    .poll(async () => (await measured('redis', place, {}, { credential: watcher })).metrics['replicas'], {
      timeout: 60_000,
    })
    .toBe(1)
  const seen = await measured(
    'redis',
    place,
    { keys: ['queue:default', 'queue:none', 'word'] },
    { credential: watcher },
  )
  expectSound(monitor, seen, ['geheim'])
  const { restarted: _, ...raised } = judgedBy(monitor, seen)
  expect([seen.message, seen.metrics['replica'], seen.metrics['length'], seen.metrics['keys'], raised]).toEqual([
    'left out: word (it holds no entries that could be counted)',
    0,
    [
      { labels: { key: 'queue:default' }, value: 3 },
      { labels: { key: 'queue:none' }, value: 0 },
    ],
    [
      { labels: { database: 'db0' }, value: 2 },
      { labels: { database: 'db3' }, value: 1 },
    ],
    {},
  ])
  expect(Object.keys(seen.metrics)).toEqual(
    expect.arrayContaining(['uptime', 'memory_used', 'clients_used', 'snapshot_failed', 'snapshot_age', 'loading']),
  )
})

test('a server is known by what it says to a PING, with and without TLS', async () => {
  const { identify } = theOne(connectors, 'redis').discovery!
  const found = [primary.port, primary.tlsPort!, replica.port].map(async (port) => {
    const [proposal] = await identify({ host: '127.0.0.1', port }, AbortSignal.timeout(60_000))
    return [proposal?.title.replace(/, port.*/, ''), proposal?.credential, proposal?.settings['tls']]
  })
  expect(await Promise.all(found)).toEqual([
    ['Redis', 'basic', undefined],
    ['Redis with TLS', 'basic', 'verify'],
    ['Redis', undefined, undefined],
  ])
})

test('what is written fills the memory until it raises', async () => {
  await asOwner('SETRANGE big 1000000 x', 'CONFIG SET maxmemory-policy noeviction')
  const used = Number(/used_memory:(\d+)/.exec(await asOwner('INFO memory'))?.[1])
  await asOwner(`CONFIG SET maxmemory ${Math.round(used / 0.9)}`)
  const full = await measured('redis', place, {}, { credential: watcher })
  await asOwner('CONFIG SET maxmemory 0', 'DEL big')
  const after = await measured('redis', place, {}, { credential: watcher })
  expect([judgedBy(monitor, full)['memory full'], judgedBy(monitor, after)['memory full']]).toEqual([
    'WARNING',
    undefined,
  ])
})

test('a replica says how it follows, and what it has when its primary is gone', async () => {
  const there = { host: 'localhost', port: replica.port }
  // The primary counts a replica that is still copying.
  await expect
    .poll(async () => (await measured('redis', there)).metrics['replication_link'], { timeout: 60_000 })
    .toBe(1)
  const following = await measured('redis', there)
  const alone = await startRedis({ configuration: 'replicaof 127.0.0.1 1' })
  const lost = await measured('redis', { host: 'localhost', port: alone.port }).finally(() => alone.stop())
  expectSound(monitor, lost)
  expect([
    following.metrics['replica'],
    following.metrics['replication_link'],
    judgedBy(monitor, following)['replication broken'],
    judgedBy(monitor, lost)['replication broken'],
  ]).toEqual([1, 1, undefined, 'CRITICAL'])
})

test('a Sentinel tells whether it sees its primary', async () => {
  const watched = await startRedis()
  const sentinel = await startRedis({
    isSentinel: true,
    configuration: `sentinel monitor shop 127.0.0.1 ${watched.port} 1\nsentinel down-after-milliseconds shop 300`,
  })
  try {
    const look = () => measured('redis', { host: 'localhost', port: sentinel.port })
    const shop = (value: number) => [{ labels: { primary: 'shop' }, value }]
    await expect.poll(async () => (await look()).metrics['sentinel_up'], { timeout: 60_000 }).toEqual(shop(1))
    const seen = await look()
    await watched.stop()
    await expect.poll(async () => (await look()).metrics['sentinel_up'], { timeout: 60_000 }).toEqual(shop(0))
    expectSound(monitor, seen)
    expect([
      seen.facts?.['mode'],
      seen.message,
      seen.metrics['sentinel_watchers'],
      judgedBy(monitor, await look())['primary down'],
    ]).toEqual(['sentinel', undefined, shop(1), 'CRITICAL'])
  } finally {
    await sentinel.stop()
    await watched.stop()
  }
})

test('TLS is verified, with the authority that the connector names', async () => {
  const secure = { host: 'localhost', port: primary.tlsPort, tls: 'verify' }
  const failure = async (settings: object, timeoutMs = 60_000) =>
    (await runMonitor('redis', { ...secure, ...settings }, {}, { credential: watcher, timeoutMs })).failed?.replace(
      /\d{4,5}/,
      'PORT',
    )
  expect([
    await failure({ trustedCertificates: authority.certificate }),
    await failure({ tls: 'require' }),
    await failure({}),
    await failure({ host: '127.0.0.1', trustedCertificates: authority.certificate }),
    // Redis waits for the end of a line that never comes.
    await failure({ port: primary.port }, 500),
    await failure({ tls: 'off' }),
  ]).toEqual([
    undefined,
    undefined,
    'tls: the certificate of localhost:PORT is not trusted: its issuer is not known; the server may not send its chain',
    'tls: the certificate of 127.0.0.1:PORT is not trusted: it is not for this name',
    'timed out: localhost:PORT did not finish the TLS handshake in time',
    'protocol: localhost:PORT closed the connection before the answer was complete',
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, Record<string, unknown>, OpenCredential | undefined, string][] = [
  [
    'the password',
    {},
    credential('watcher', 'falsch'),
    'credentials: localhost:PORT refused the sign-in: WRONGPASS invalid username-password pair or user is disabled.',
  ],
  ['no password', {}, undefined, 'credentials: localhost:PORT wants a sign-in: NOAUTH Authentication required.'],
  ['the database', { database: 99 }, watcher, 'configuration: localhost:PORT: DB index is out of range'],
  ['the port', { port: 1 }, watcher, 'refused: connection refused by localhost:1'],
]
test.each(wrong)('%s is wrong', async (_, settings, who, words) => {
  const seen = await runMonitor('redis', { ...place, ...settings }, {}, who === undefined ? {} : { credential: who })
  expect(seen.failed?.replaceAll(String(primary.port), 'PORT')).toBe(words)
})

test('a user without privileges is told what is left out', async () => {
  const seen = await measured('redis', place, { keys: ['word'] }, { credential: credential('blind', 'geheim') })
  expect(seen.message).toMatch(/^left out: INFO \(NOPERM .*; TYPE word \(NOPERM/)
})

test('checked by hand it says the same', async () => {
  expect(await byHand('redis', place, { credential: watcher })).toBe('0 redis ran')
})
