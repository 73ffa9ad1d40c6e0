import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { messageOf, type OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startMosquitto, type Mosquitto } from '../servers/mosquitto.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

let server: Mosquitto
const as = (username: string, secret = 'geheim'): { credential: OpenCredential } => ({
  credential: { type: 'basic', fields: { username, secret } },
})
const watcher = as('farwatch')
const plain = () => ({ host: 'localhost', port: server.port, tls: false })

beforeAll(async () => {
  server = await startMosquitto()
  const client = await mqtt.connectAsync(`mqtt://localhost:${server.port}`, {
    username: 'farwatch',
    password: 'geheim',
  })
  const keep = (topic: string, value: string) => client.publishAsync(topic, value, { retain: true, qos: 1 })
  await keep('plant/boiler/temperature', '81.5')
  await keep('plant/tank/temperature', '20')
  await keep('plant/state', '{"pump":{"running":true}}')
  await keep('plant/name', 'north')
  await client.endAsync()
})
afterAll(() => server?.stop())

test('a broker tells of itself, by TLS and without', async () => {
  const monitor = theOne(monitors, 'mqtt.broker')
  const secure = { host: 'localhost', port: server.tlsPort, trustedCertificates: server.certificate }
  const look = (place: Record<string, unknown>, patience = '10s') =>
    measured('mqtt.broker', place, { patience }, watcher)
  // It writes its figures down every second.
  await expect
    .poll(async () => (await look(plain(), '200ms')).metrics['clients'], { timeout: 60_000 })
    .toBeGreaterThan(0)
  const seen = [await look(plain()), await look(secure)]
  for (const one of seen) expectSound(monitor, one, ['geheim'])
  expect(
    seen.map((one) => [
      Object.keys(monitor.metrics).filter((name) => one.metrics[name] === undefined),
      one.facts?.['version'],
      judgedBy(monitor, one),
    ]),
  ).toEqual(Array.from({ length: 2 }, () => [['bridge'], expect.stringMatching(/^mosquitto version 2/), {}]))
})

test('who may read nothing still shows whether one can sign in', async () => {
  const seen = await measured('mqtt.broker', plain(), { patience: '100ms' }, as('stranger'))
  expect([Object.keys(seen.metrics), seen.message]).toEqual([
    ['connect'],
    'signed in; the broker shows no figures below $SYS/broker/ to this user',
  ])
})

test('kept values are read by topic, by pattern and out of JSON; what is none is named', async () => {
  const values = {
    boiler: 'plant/boiler/temperature',
    temperature: 'plant/+/temperature',
    pump: 'plant/state',
    name: 'plant/name',
    nothing: 'plant/nothing',
  }
  const settings = { values, paths: { pump: '$.pump.running' }, patience: '1s' }
  const seen = await measured('mqtt.value', plain(), settings, watcher)
  expectSound(theOne(monitors, 'mqtt.value'), seen, ['geheim'])
  expect([seen.more, seen.failure?.message.replace(/^[^ ]+ /, '')]).toEqual([
    [
      { name: 'boiler', labels: {}, value: 81.5 },
      { name: 'temperature', labels: { topic: 'plant/boiler/temperature' }, value: 81.5 },
      { name: 'temperature', labels: { topic: 'plant/tank/temperature' }, value: 20 },
      { name: 'pump', labels: {}, value: 1 },
    ],
    'what came at plant/name is no number (name); nothing came at plant/nothing (nothing)',
  ])
})

test('a message comes back, of either quality', async () => {
  const monitor = theOne(monitors, 'mqtt.roundtrip')
  const seen = []
  for (const qos of ['0', '1']) {
    const one = await measured('mqtt.roundtrip', plain(), { topic: 'farwatch/trip', qos }, watcher)
    expectSound(monitor, one)
    seen.push(Object.keys(one.metrics))
  }
  expect(seen).toEqual([
    ['connect', 'duration'],
    ['connect', 'duration'],
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, () => Record<string, unknown>, { credential?: OpenCredential }, string][] = [
  ['the password', plain, as('farwatch', 'falsch'), 'credentials: localhost:PORT refused the sign-in: not authorized'],
  ['no credential', plain, {}, 'credentials: localhost:PORT refused the sign-in: not authorized'],
  ['the port', () => ({ ...plain(), port: 1 }), watcher, 'refused: connection refused by localhost:1'],
  [
    'TLS where there is none',
    () => ({ ...plain(), tls: true }),
    watcher,
    'tls: localhost:PORT broke off the TLS handshake',
  ],
  [
    'no TLS where there is',
    () => ({ ...plain(), port: server.tlsPort }),
    watcher,
    'protocol: localhost:PORT does not speak MQTT as it should',
  ],
]
test.each(wrong)('%s', async (_, place, who, words) => {
  const seen = await runMonitor('mqtt.broker', place(), {}, who)
  expect(seen.failed?.replace(/localhost:(?!1$)\d+/, 'localhost:PORT')).toBe(words)
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('mqtt.broker', plain(), watcher),
    await byHand('mqtt.value', plain(), { ...watcher, settings: { values: { boiler: 'plant/boiler/temperature' } } }),
    await byHand('mqtt.roundtrip', plain(), { ...watcher, settings: { topic: 'farwatch/trip' } }),
  ]).toEqual(['0 mqtt.broker ran', '0 mqtt.value ran', '0 mqtt.roundtrip ran'])
})

test('a refused sign-in is not tried again at once', async () => {
  const { open } = theOne(connectors, 'mqtt')
  const client = open(
    { ...plain(), verifyCertificate: true, trustedCertificates: undefined },
    as('farwatch', 'falsch').credential,
  )
  if (!('roundTrip' in client)) throw new Error('no client of MQTT')
  const attempt = () =>
    client.roundTrip({ topic: 'farwatch/trip', qos: 0 }, AbortSignal.timeout(60_000)).catch(messageOf)
  const first = await attempt()
  await server.stop()
  expect(await attempt()).toEqual(first)
})
