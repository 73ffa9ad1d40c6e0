import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDeclared, TargetError } from '../sdk/index.ts'
import { connectors } from './index.ts'

// Whether a target can be reached is asked of real ports: one that is open, one that nobody listens on, and name servers.

let heard = ''
const listener = createServer((socket) => {
  socket.on('data', (said) => (heard += said.toString('latin1')))
  socket.on('error', () => undefined)
})
const names = createSocket('udp4')
const mute = createSocket('udp4')
let questions = 0
names.on('message', (question, from) => {
  questions++
  // REFUSED: it is there, and wants to know nothing of us.
  const answer = Buffer.from(question)
  answer[2]! |= 0x80
  answer[3] = 5
  names.send(answer, from.port, from.address)
})
let open = 0
// Nobody's, and never given to who asks for any.
const shut = 1

beforeAll(async () => {
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  open = (listener.address() as AddressInfo).port
  for (const socket of [names, mute]) {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
})

afterAll(async () => {
  listener.close()
  await once(listener, 'close')
  names.close()
  mute.close()
})

async function reach(type: string, settings: object, signal = AbortSignal.timeout(50_000)): Promise<string> {
  const connector = connectors.find(({ id }) => id === type)!
  const checked = checkDeclared(connector, settings, 'c')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  if (connector.reach === undefined) return 'wherever the agent is'
  return connector.reach(checked.value, signal).then(
    () => 'reached',
    (thrown: unknown) => (thrown instanceof TargetError ? thrown.reason : String(thrown)),
  )
}

// what is asked for: type, settings → whether it is reached
const ways: [string, string, () => object, string][] = [
  ['an open port', 'tcp', () => ({ host: '127.0.0.1', port: open }), 'reached'],
  ['an open port by its name', 'tcp', () => ({ host: 'localhost', port: open }), 'reached'],
  ['a port nobody listens on', 'tcp', () => ({ host: '127.0.0.1', port: shut }), 'refused'],
  ['a name that is none', 'tcp', () => ({ host: 'no.such.name.invalid', port: open }), 'unreachable'],
  ['a database', 'postgresql', () => ({ host: '127.0.0.1', port: open }), 'reached'],
  ['a database that is down', 'postgresql', () => ({ host: '127.0.0.1', port: shut }), 'refused'],
  ['a start service', 'sapcontrol', () => ({ host: '127.0.0.1', port: open }), 'reached'],
  ['an instance that is down', 'sap-http', () => ({ host: '127.0.0.1', port: shut }), 'refused'],
  ['a page', 'http', () => ({ url: `http://127.0.0.1:${open}/x` }), 'reached'],
  ['a page behind TLS', 'http', () => ({ url: `https://127.0.0.1:${open}/x` }), 'reached'],
  ['a page nobody serves', 'http', () => ({ url: `https://127.0.0.1:${shut}/x` }), 'refused'],
  ['one node', 'http', () => ({ url: 'https://shop.invalid/', connectTo: `127.0.0.1:${open}` }), 'reached'],
  ['a dead node', 'http', () => ({ url: `http://127.0.0.1:${open}/`, connectTo: `127.0.0.1:${shut}` }), 'refused'],
  ['by a proxy', 'http', () => ({ url: 'https://shop.invalid/', proxy: `http://127.0.0.1:${open}` }), 'reached'],
  [
    'by a dead proxy',
    'http',
    () => ({ url: `http://127.0.0.1:${open}/`, proxy: `http://127.0.0.1:${shut}` }),
    'refused',
  ],
  ['a name server', 'dns', () => ({ server: `127.0.0.1:${names.address().port}` }), 'reached'],
  ['no name server', 'dns', () => ({ server: `127.0.0.1:${shut}` }), 'refused'],
  ['a host by SSH', 'ssh', () => ({ host: '127.0.0.1', port: open }), 'reached'],
  ['a host by SSH that is down', 'ssh', () => ({ host: '127.0.0.1', port: shut }), 'refused'],
  ['a device that keeps silent', 'snmp', () => ({ host: '127.0.0.1', port: mute.address().port }), 'reached'],
  ['no device', 'snmp', () => ({ host: '127.0.0.1', port: shut }), 'refused'],
  ['no time server', 'ntp', () => ({ host: '127.0.0.1', port: shut }), 'refused'],
  ['a host that is none', 'icmp', () => ({ host: 'no.such.name.invalid' }), 'unreachable'],
  ['programs', 'exec', () => ({}), 'wherever the agent is'],
  ['the machine', 'local', () => ({}), 'wherever the agent is'],
]
test.each(ways)('%s, %s', async (_, type, settings, wanted) => {
  expect(await reach(type, settings())).toBe(wanted)
})

test('this machine answers to a ping where it has a program that asks', async () => {
  expect(['reached', 'configuration']).toContain(await reach('icmp', { host: '127.0.0.1' }))
})

test('nothing is sent to whom a connection shows it all, and one question to a name server', async () => {
  heard = ''
  questions = 0
  await reach('http', { url: `https://127.0.0.1:${open}/?token=secret` })
  await reach('postgresql', { host: '127.0.0.1', port: open })
  await reach('dns', { server: `127.0.0.1:${names.address().port}` })
  expect([heard, questions]).toEqual(['', 1])
})

test('whoever asks may stop asking', async () => {
  const asked = [AbortSignal.abort(), AbortSignal.timeout(50)].map((signal) =>
    reach('dns', { server: `127.0.0.1:${mute.address().port}` }, signal),
  )
  expect([
    await reach('tcp', { host: '127.0.0.1', port: open }, AbortSignal.abort()),
    ...(await Promise.all(asked)),
  ]).toEqual(['timed out', 'timed out', 'timed out'])
})

test('every connector that leads over a network can be asked', () => {
  expect(connectors.flatMap(({ id, reach: way }) => (way === undefined ? [id] : [])).sort()).toEqual(['exec', 'local'])
})
