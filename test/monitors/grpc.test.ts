import { Metadata, Server, ServerCredentials, status, type handleUnaryCall } from '@grpc/grpc-js'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { certificateFor } from '../servers/certificate.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

/** The answers of the health protocol, by service, as bytes on the wire; what is not here is not known. */
const states: Record<string, Buffer> = {
  '': Buffer.from([8, 1]),
  'shop.v1.Orders': Buffer.from([8, 2]),
  // A field of a later version beside the state.
  'shop.v2.Orders': Buffer.from([0x12, 2, 65, 66, 8, 1]),
}

const check: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  const service = call.request.subarray(2).toString()
  if (service === 'secret' && call.metadata.get('authorization')[0] !== 'Bearer geheim')
    return done({ code: status.UNAUTHENTICATED, details: 'no', metadata: new Metadata() })
  const state = states[service]
  if (service === 'secret') done(null, Buffer.from([8, 1]))
  else if (state === undefined) done({ code: status.NOT_FOUND, details: 'unknown service' })
  else done(null, state)
}

const same = (bytes: Buffer) => bytes
const health = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
} as const

function started(credentials: ServerCredentials, offersHealth = true): Promise<{ server: Server; port: number }> {
  const server = new Server()
  if (offersHealth) server.addService(health, { check })
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error === null ? resolve({ server, port }) : reject(error),
    ),
  )
}

let plain: { server: Server; port: number }
let secure: { server: Server; port: number }
let bare: { server: Server; port: number }
let certificate = ''
const place = () => ({ host: 'localhost', port: plain.port, tls: false })

beforeAll(async () => {
  const { key, cert } = await certificateFor('localhost')
  certificate = cert
  plain = await started(ServerCredentials.createInsecure())
  bare = await started(ServerCredentials.createInsecure(), false)
  secure = await started(
    ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }]),
  )
})
afterAll(() => {
  for (const one of [plain, secure, bare]) one?.server.forceShutdown()
})

test('a server that serves is measured, in the clear and by TLS', async () => {
  const monitor = theOne(monitors, 'grpc.health')
  const seen = [
    await measured('grpc.health', place()),
    await measured('grpc.health', { host: 'localhost', port: secure.port, trustedCertificates: certificate }),
  ]
  for (const one of seen) expectSound(monitor, one)
  expect(seen.map((one) => [Object.keys(one.metrics), judgedBy(monitor, one)])).toEqual([
    [['serving', 'duration', 'connect'], {}],
    [['serving', 'duration', 'connect', 'tls', 'certificate_days'], {}],
  ])
})

test('services are told apart, and one that nobody knows does not serve', async () => {
  const services = ['shop.v1.Orders', 'shop.v2.Orders', 'x'.repeat(200)]
  const seen = await measured('grpc.health', place(), { services })
  expect([seen.metrics['serving'], seen.message?.slice(0, 40)]).toEqual([
    services.map((service) => ({ labels: { service }, value: Number(service === 'shop.v2.Orders') })),
    'shop.v1.Orders is NOT_SERVING, xxxxxxxxx',
  ])
})

test('a token opens what is closed', async () => {
  const outcome = async (secret: string) => {
    const run = await runMonitor(
      'grpc.health',
      place(),
      { services: ['secret'] },
      { credential: { type: 'token', fields: { secret } } },
    )
    return run.failed?.replace(String(plain.port), 'PORT') ?? run.gathered?.message
  }
  expect([await outcome('geheim'), await outcome('falsch')]).toEqual([
    'serving',
    'credentials: localhost:PORT refused the sign-in (gRPC status 16)',
  ])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, () => Record<string, unknown>, string][] = [
  ['the port', () => ({ ...place(), port: 1 }), 'refused: connection refused by localhost:1'],
  [
    'a server without the protocol',
    () => ({ ...place(), port: bare.port }),
    'configuration: localhost:PORT does not offer the health checking protocol',
  ],
  [
    'TLS where there is none',
    () => ({ ...place(), tls: true }),
    'tls: the TLS handshake with localhost:PORT failed: wrong version number',
  ],
  [
    'the authority',
    () => ({ host: 'localhost', port: secure.port }),
    'tls: the certificate of localhost:PORT is not trusted: it is self-signed',
  ],
]
test.each(wrong)('%s', async (_, at, words) => {
  const seen = await runMonitor('grpc.health', at())
  expect(seen.failed?.replace(/localhost:(?!1$)\d+/, 'localhost:PORT')).toBe(words)
})

test('a server is known by how it answers', async () => {
  const { discovery } = theOne(connectors, 'grpc')
  const identify = (port: number) => discovery!.identify({ host: '127.0.0.1', port }, AbortSignal.timeout(60_000))
  expect([await identify(plain.port), await identify(bare.port)]).toMatchObject([
    [{ settings: { tls: false }, seen: `port ${plain.port} answered a question for its health by gRPC` }],
    [{ seen: `port ${bare.port} answered by gRPC` }],
  ])
})

test('whatever a server says, the outcome is clear and soon', async () => {
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
  let said: Uint8Array = settings
  const strange = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(said)
    socket.once('data', () => socket.end())
  })
  strange.listen(0, '127.0.0.1')
  await once(strange, 'listening')
  const port = (strange.address() as AddressInfo).port
  try {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (bytes, asHttp2) => {
        said = asHttp2 ? Buffer.concat([settings, bytes]) : bytes
        const seen = await runMonitor('grpc.health', { ...place(), port }, {}, { timeoutMs: 200 })
        expect(seen.failed).toMatch(/^(protocol|timed out|refused): /)
      }),
      { numRuns: 40 },
    )
  } finally {
    strange.close()
    await once(strange, 'close')
  }
})

test('checked by hand it says the same', async () => {
  expect(await byHand('grpc.health', place())).toBe('0 grpc.health ran')
})
