import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { directoryPassword, startSlapd, type Slapd } from '../servers/slapd.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

let provider: Slapd
let consumer: Slapd
const as = (name: string, secret: string): { credential: OpenCredential } => ({
  credential: { type: 'basic', fields: { username: `cn=${name},dc=example`, secret } },
})
const admin = as('admin', directoryPassword)
const anna = as('anna', 'geheim-anna')
const plain = () => ({ host: 'localhost', port: provider.port, tls: 'off' })
const trusting = () => ({ host: 'localhost', trustedCertificates: provider.certificate })

beforeAll(async () => {
  provider = await startSlapd()
  consumer = await startSlapd({ provider: provider.port })
})
afterAll(async () => {
  await consumer?.stop()
  await provider?.stop()
})

test('a user signs in and finds entries, in the clear, by StartTLS and by TLS', async () => {
  const monitor = theOne(monitors, 'ldap.bind')
  const ways = [plain(), { ...trusting(), port: provider.port }, { ...trusting(), port: provider.tlsPort, tls: 'tls' }]
  const seen = []
  for (const way of ways) {
    const one = await measured('ldap.bind', way, { base: 'dc=example', filter: '(objectClass=person)' }, anna)
    expectSound(monitor, one, ['geheim'])
    seen.push([one.metrics['entries'], Object.keys(one.metrics).length, judgedBy(monitor, one)])
  }
  const whole = [2, 5, {}]
  expect(seen).toEqual([whole, whole, whole])
})

test('nobody in particular reads what the server says of itself', async () => {
  const seen = await measured('ldap.bind', plain())
  expect(seen.metrics['entries']).toBe(1)
})

// what is wrong → the failure, with ports written by their names
const wrong: [string, () => Record<string, unknown>, { credential?: OpenCredential }, string][] = [
  [
    'the password',
    plain,
    as('anna', 'falsch'),
    'credentials: localhost:PORT refused the sign-in: name or password is wrong',
  ],
  [
    'the authority',
    () => ({ host: 'localhost', port: provider.port }),
    anna,
    'tls: the certificate of localhost:PORT is not trusted: it is self-signed',
  ],
  [
    'the name',
    () => ({ ...trusting(), host: '127.0.0.1', port: provider.tlsPort, tls: 'tls' }),
    anna,
    'tls: the certificate of 127.0.0.1:TLSPORT is not trusted: it is not for this name',
  ],
  ['the port', () => ({ ...plain(), port: 1 }), anna, 'refused: connection refused by localhost:1'],
  [
    'TLS where there is none',
    () => ({ ...trusting(), port: provider.port, tls: 'tls' }),
    anna,
    'tls: localhost:PORT broke off the TLS handshake',
  ],
]
test.each(wrong)('%s is wrong', async (_, place, who, words) => {
  const seen = await runMonitor('ldap.bind', place(), {}, who)
  expect(seen.failed?.replaceAll(String(provider.tlsPort), 'TLSPORT').replaceAll(String(provider.port), 'PORT')).toBe(
    words,
  )
})

test('a search base that is none is a matter of configuration', async () => {
  const seen = await measured('ldap.bind', plain(), { base: 'dc=nowhere' }, anna)
  expect([seen.failure?.reason, seen.failure?.message.replace(/^.*refused: /, '')]).toEqual([
    'configuration',
    'there is no such object (32)',
  ])
})

test('the server’s own figures are read whole, by whoever may read them', async () => {
  const monitor = theOne(monitors, 'ldap.monitor')
  const seen = await measured('ldap.monitor', plain(), {}, admin)
  expectSound(monitor, seen, ['geheim'])
  const refused = await runMonitor('ldap.monitor', plain(), {}, anna)
  expect([
    Object.keys(monitor.metrics).filter((name) => seen.metrics[name] === undefined),
    seen.metrics['database_entries'],
    judgedBy(monitor, seen),
    refused.failed?.startsWith('configuration: '),
  ]).toEqual([[], [{ labels: { database: 'dc=example' }, value: 3 }], {}, true])
})

test('a consumer that has everything lags by nothing, for those who may see it', async () => {
  const monitor = theOne(monitors, 'ldap.replication')
  const settings = { base: 'dc=example', provider: 'localhost', providerPort: provider.port }
  const look = (credential = admin) =>
    runMonitor('ldap.replication', { ...plain(), port: consumer.port }, settings, credential)
  await expect
    .poll(async () => (await look()).gathered?.message, { timeout: 60_000 })
    .toBe('has all changes of localhost')
  const equal = await look()
  const stranger = await look({ credential: { type: 'basic', fields: { username: '', secret: '' } } })
  expectSound(monitor, equal.gathered!)
  expect([equal.gathered?.metrics['lag'], judgedBy(monitor, equal.gathered!), stranger.failed]).toEqual([
    [{ labels: { server: '000' }, value: 0 }],
    {},
    'configuration: localhost shows no contextCSN for dc=example to this user',
  ])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('ldap.bind', plain(), anna),
    await byHand('ldap.monitor', plain(), admin),
    await byHand('ldap.replication', plain(), {
      ...admin,
      settings: { base: 'dc=example', provider: 'localhost', providerPort: consumer.port },
    }),
  ]).toEqual(['0 ldap.bind ran', '0 ldap.monitor ran', '0 ldap.replication ran'])
})
