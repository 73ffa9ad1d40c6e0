import { createSecretKey, randomBytes, randomUUID, sign } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { CompactSign } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, type Log } from '../platform/index.ts'
import {
  bodyHash,
  type Claims,
  ReplayGuard,
  type RequestKey,
  signatureHeader,
  signRequest,
  unpack,
} from '../platform/wire/index.ts'
import { sizeLimits, type Envelope, type HelloAnswer } from './protocol.ts'
import { openRequestKey } from './sealing.ts'
import type { LinkRequest } from './server.ts'
import { makeKeys, makeTestClient, startTestServer, type TestServer } from './testing.ts'

// Messages as an attacker, a broken proxy or a defective agent would send them, past the client.

const keys = makeKeys()
const boot = randomUUID()
const { uuid } = keys.signer
const warned: unknown[] = []
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (event, fields) => void warned.push({ event, ...fields }),
  error: (event, fields) => void warned.push({ event, ...fields }),
  with: () => log,
}
let server: TestServer
let uploads = 0
/** Where the time of the server stands still. */
let stands: number | undefined

beforeAll(async () => {
  server = await startTestServer({
    log,
    clock: { ...systemClock, elapsed: () => stands ?? systemClock.elapsed() },
    holdMs: () => 0,
    upload: async () => ({ acknowledged: ++uploads, safe: 0, pauseMs: 0 }),
  })
  const { token } = await server.registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  const agent = makeTestClient(server.keystore, { url: server.url, keys, boot, token })
  await agent.assignment(undefined, new AbortController().signal)
  await agent.stop()
})
afterAll(() => server.stop())

const poll = {
  waitMs: 0,
  received: [],
  status: {
    cpu: 0,
    cores: 1,
    memory: { usedBytes: 1, totalBytes: 2 },
    disk: { freeBytes: 1, totalBytes: 2 },
    spool: { entries: 0, bytes: 0 },
    clock: { offsetMs: 0, rttMs: 1 },
    tasks: 0,
    running: 0,
    waiting: 0,
    isolated: false,
  },
}

interface Forged {
  readonly kind?: string
  readonly body?: unknown
  readonly bytes?: Uint8Array
  readonly encoding?: string
  readonly by?: typeof keys
  readonly claims?: Partial<Claims>
  /** How long ago it was signed, by the wall clock. */
  readonly agoMs?: number
  /** Signs it instead of the own one. */
  readonly key?: RequestKey
  readonly change?: (request: LinkRequest) => LinkRequest
}

async function requestOf({
  kind = 'poll',
  body = poll,
  bytes,
  encoding,
  by = keys,
  claims,
  agoMs = 0,
  key,
  change,
}: Forged) {
  const sent = bytes ?? Buffer.from(JSON.stringify(body))
  const path = `/link/v1/${kind}`
  const about = { boot, path, at: systemClock.now() - agoMs, protocol: 1, term: 1, body: sent, ...claims }
  const signature = await signRequest({ ...by.signer, uuid: claims?.agent ?? by.signer.uuid }, about, key)
  const request: LinkRequest = {
    method: 'POST',
    path,
    headers: { [signatureHeader]: signature, ...(encoding === undefined ? {} : { 'content-encoding': encoding }) },
    body: sent,
    address: '203.0.113.7',
    signal: new AbortController().signal,
  }
  return change === undefined ? request : change(request)
}

async function answerTo(request: LinkRequest): Promise<string> {
  const { status, headers, body } = await server.link.handle(request)
  const { refused } = (await unpack(body, headers['content-encoding'], 10_000_000)) as Envelope
  return refused === undefined ? `${status} taken` : `${status} ${refused.reason}: ${refused.message}`
}

const signed = (payload: object, header: object = {}) =>
  new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'farwatch-request', kid: keys.signer.fingerprint, ...header })
    .sign(keys.signer.privateKey)

const day = 86_400_000
const upload = { format: 1, agent: uuid, spool: 's', from: 0, entries: [] as unknown[] }
const run = {
  kind: 'run',
  task: 't',
  slot: 1,
  outcome: 'ran',
  startedAt: 1,
  durationMs: 1,
  samples: [{ name: 'm', labels: {}, value: 1 }],
}
const other = makeKeys(uuid)

// what is sent → what is said to it
const messages: Record<string, readonly [Forged, string | RegExp]> = {
  'a right one': [{}, '200 taken'],
  'a right one, behind a prefix': [
    { change: (request) => ({ ...request, path: `/farwatch${request.path}` }) },
    '200 taken',
  ],
  'a right one, packed': [
    { bytes: zstdCompressSync(Buffer.from(JSON.stringify(poll))), encoding: 'zstd' },
    '200 taken',
  ],
  'a right one, of few bytes that unpack to many': [
    {
      bytes: zstdCompressSync(Buffer.from(JSON.stringify({ ...poll, mood: 'fine'.repeat(50_000) }))),
      encoding: 'zstd',
    },
    '200 taken',
  ],
  'no signature': [
    { change: (request) => ({ ...request, headers: {} }) },
    '401 refused: the request does not prove who sent it: it bears no signature',
  ],
  'half a signature': [
    {
      change: (request) => ({
        ...request,
        headers: { [signatureHeader]: String(request.headers[signatureHeader]).slice(0, 300) },
      }),
    },
    /^40[01] refused: /,
  ],
  'another key under the same fingerprint': [
    { by: { ...other, signer: { ...other.signer, fingerprint: keys.signer.fingerprint } } },
    '401 refused: the signature is not that of the key that was accepted',
  ],
  'another key': [{ by: other }, '401 hello: this server does not know this agent with this key'],
  'an agent nobody knows': [{ by: makeKeys() }, '401 hello: this server does not know this agent with this key'],
  'another body than was signed': [
    { change: (request) => ({ ...request, body: Buffer.from('{}') }) },
    '401 refused: the body is not the one that was signed',
  ],
  'a body that was cut off': [
    { change: (request) => ({ ...request, body: request.body.subarray(0, 20) }) },
    '401 refused: the body is not the one that was signed',
  ],
  'a signature for another message': [
    { claims: { path: '/link/v1/upload' } },
    '401 refused: the request is signed for another message',
  ],
  'one of yesterday': [{ agoMs: day }, /^401 clock: the request is signed for another time, 8640\d{4} ms ago$/],
  'one of tomorrow': [{ agoMs: -day }, /^401 clock: /],
  'one from before this server was started': [{ claims: { at: systemClock.now() - 59_000 } }, /^401 clock: /],
  'a body over the limit': [
    { bytes: Buffer.alloc(sizeLimits.poll.packed + 1, 32) },
    `413 refused: the body is larger than ${sizeLimits.poll.packed} bytes`,
  ],
  'a few bytes that unpack to many': [
    { bytes: gzipSync(Buffer.alloc(20_000_000, 32)), encoding: 'gzip' },
    `413 refused: the body is larger than ${sizeLimits.poll.plain} bytes`,
  ],
  'a few bytes that unpack to many, the other way': [
    { bytes: zstdCompressSync(Buffer.alloc(20_000_000, 32)), encoding: 'zstd' },
    `413 refused: the body is larger than ${sizeLimits.poll.plain} bytes`,
  ],
  'what is not packed as it says': [{ encoding: 'gzip' }, '400 refused: the body is not what gzip packs'],
  'what is not packed as it says, the other way': [
    { encoding: 'zstd' },
    '400 refused: the body is not what zstd packs',
  ],
  'a packing nobody knows': [{ encoding: 'br' }, '400 refused: the body is packed with br'],
  'no JSON': [{ bytes: Buffer.from('{"a":') }, '400 refused: the body is not JSON'],
  'a poll without a status': [
    { body: { waitMs: 0, received: [] } },
    /^400 refused: the poll is malformed: it .*status/,
  ],
  'a poll that waits for a day': [
    { body: { ...poll, waitMs: day } },
    '400 refused: the poll is malformed: /waitMs must be <= 30000',
  ],
  'a number as text': [
    { body: { ...poll, status: { ...poll.status, cpu: '0.5' } } },
    '400 refused: the poll is malformed: /status/cpu must be number',
  ],
  'results of another agent': [
    { kind: 'upload', body: { ...upload, agent: randomUUID() } },
    '403 refused: an agent may only upload results of its own',
  ],
  'an outcome nobody knows': [
    { kind: 'upload', body: { ...upload, entries: [{ ...run, outcome: 'fine' }] } },
    /^400 refused: the upload is malformed: \/entries\/0/,
  ],
  'a run outside of time': [
    { kind: 'upload', body: { ...upload, entries: [{ ...run, slot: -1 }] } },
    /^400 refused: the upload is malformed: \/entries\/0/,
  ],
  'an answer nobody asked for': [
    { kind: 'reply', body: { command: 'c', part: 0, last: true } },
    '404 refused: nobody waits for the answer of this command any more',
  ],
  'a new key without its proof': [
    {
      kind: 'rekey',
      body: { publicKey: other.publicKey, sealingKey: other.sealing.publicKey, proof: 'not.a.proof' },
    },
    '401 refused: the new key does not prove that the agent has it',
  ],
  'a new key that is none': [
    { kind: 'rekey', body: { publicKey: 'x'.repeat(60), sealingKey: other.sealing.publicKey, proof: 'p' } },
    '400 refused: the public key that was sent is not an ed25519 key as PEM',
  ],
  'a witness': [{ kind: 'witness', body: { servedMsAgo: 12.5, term: 3 }, claims: { term: 3 } }, '200 taken'],
  'a witness that says hello never': [
    { kind: 'witness', body: { term: 0 }, claims: { boot: randomUUID() } },
    '200 taken',
  ],
  'a witness nobody knows': [
    { kind: 'witness', body: { term: 0 }, by: makeKeys() },
    '401 hello: this server does not know this agent with this key',
  ],
  'a witness from before the beginning': [
    { kind: 'witness', body: { servedMsAgo: -1, term: 0 } },
    '400 refused: what the agent saw of the other server is malformed: /servedMsAgo must be >= 0',
  ],
  'a message nobody knows': [{ kind: 'format-disk' }, '404 refused: agents and servers have no such message'],
  'a GET': [
    { change: (request) => ({ ...request, method: 'GET' }) },
    '404 refused: agents and servers have no such message',
  ],
  'more than is known': [{ body: { ...poll, mood: 'fine' } }, '200 taken'],
}

for (const [name, [forged, expected]] of Object.entries(messages)) {
  test(`${name}: ${String(expected)}`, async () => {
    const said = await answerTo(await requestOf(forged))
    if (typeof expected === 'string') expect(said).toBe(expected)
    else expect(said).toMatch(expected)
  })
}

/** The key that this start of the agent is given with its hello; asked again it is the same. */
async function requestKeyOf(by: typeof keys, start: string): Promise<RequestKey> {
  const hello = {
    protocol: { min: 1, max: 1 },
    uuid: by.signer.uuid,
    name: 'north-1',
    publicKey: by.publicKey,
    sealingKey: by.sealing.publicKey,
    version: '1.0.0',
    boot: start,
    monitors: {},
    machine: { hostname: 'north', platform: 'linux', cores: 2, memoryBytes: 2 ** 32 },
  }
  const request = await requestOf({ kind: 'hello', body: hello, by, claims: { boot: start } })
  const { headers, body } = await server.link.handle(request)
  const envelope = (await unpack(body, headers['content-encoding'], 10_000_000)) as Envelope
  const { requestKey = '' } = envelope.result as HelloAnswer
  return (await openRequestKey(requestKey, by.signer.uuid, by.sealing.privateKey))!
}

test('a request key proves one start of one agent, for what needs no more', async () => {
  const key = await requestKeyOf(keys, boot)
  const stranger = makeKeys()
  const { token } = await server.registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  const start = randomUUID()
  const agent = makeTestClient(server.keystore, { url: server.url, keys: stranger, boot: start, token })
  await agent.assignment(undefined, new AbortController().signal)
  await agent.stop()
  const ofOther = await requestKeyOf(stranger, start)
  const secretOf = (text: string) => createSecretKey(Buffer.from(text))
  const forged: Record<string, Forged> = {
    'a poll': { key },
    'an upload': { kind: 'upload', body: upload, key },
    'sent again with another body': {
      key,
      change: (request) => ({ ...request, body: Buffer.from('{}') }),
    },
    'under another name': { key: { ...key, id: 'another' } },
    'another secret under its name': { key: { ...key, secret: secretOf('0'.repeat(32)) } },
    'of another agent': { key: ofOther },
    'of another agent, which says so': { key: ofOther, by: stranger, claims: { boot: start } },
    'for another start': { key, claims: { boot: randomUUID() } },
    // The old trick: what everybody knows taken for a secret.
    'the public key': { key: { id: keys.signer.fingerprint, secret: secretOf(keys.publicKey) } },
    'a witness': { kind: 'witness', body: { term: 0 }, key },
    'a hello': { kind: 'hello', body: {}, key },
    'a new key': {
      kind: 'rekey',
      body: { publicKey: other.publicKey, sealingKey: other.sealing.publicKey, proof: 'not.a.proof' },
      key,
    },
    'an own signature under its name': { by: { ...keys, signer: { ...keys.signer, fingerprint: key.id } } },
  }
  const said: Record<string, string> = {}
  for (const [name, one] of Object.entries(forged)) said[name] = await answerTo(await requestOf(one))
  const twice = await requestOf({ key })
  said['first'] = await answerTo(twice)
  said['the same again'] = await answerTo(twice)
  const unknown = '401 hello: this server does not know this agent with this key'
  expect({ isSame: (await requestKeyOf(keys, boot)).id === key.id, ...said }).toEqual({
    isSame: true,
    'a poll': '200 taken',
    'an upload': '200 taken',
    'sent again with another body': '401 refused: the body is not the one that was signed',
    'under another name': unknown,
    'another secret under its name': '401 refused: the signature is not that of the key that was accepted',
    'of another agent': unknown,
    'of another agent, which says so': '200 taken',
    'for another start': unknown,
    'the public key': unknown,
    'a witness': unknown,
    'a hello': expect.stringMatching(/^400 refused: the hello is malformed: /),
    'a new key': unknown,
    'an own signature under its name': unknown,
    first: '200 taken',
    'the same again': '401 refused: the request was sent a second time',
  })
})

test('a request is taken once, whoever sends it again', async () => {
  const request = await requestOf({})
  const said = await Promise.all([answerTo(request), answerTo(request)])
  expect([...said.sort(), await answerTo(request)]).toEqual([
    '200 taken',
    '401 refused: the request was sent a second time',
    '401 refused: the request was sent a second time',
  ])
})

test('a signature by another algorithm, or of another kind, is none', async () => {
  const request = await requestOf({})
  const claims = {
    agent: uuid,
    boot,
    method: 'POST',
    path: '/link/v1/poll',
    sha256: bodyHash(request.body),
    at: systemClock.now(),
    nonce: randomUUID(),
    protocol: 1,
    term: 1,
  }
  const unsigned = [{ alg: 'none', typ: 'farwatch-request', kid: keys.signer.fingerprint }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  // Rightly signed, with a header that has to be understood and is not.
  const head = { alg: 'EdDSA', typ: 'farwatch-request', kid: keys.signer.fingerprint, crit: ['exp'], exp: 1 }
  const signing = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const critical = `${signing}.${sign(null, Buffer.from(signing), keys.signer.privateKey).toString('base64url')}`
  const others = [
    `${unsigned}.`,
    `${unsigned}.${randomBytes(64).toString('base64url')}`,
    await signed(claims, { typ: 'farwatch-new-key' }),
    critical,
    unsigned,
    `${await signed(claims)}.${unsigned}`,
    await signed({ ...claims, at: 'now' }),
  ]
  const said = []
  for (const jws of others) said.push(await answerTo({ ...request, headers: { [signatureHeader]: jws } }))
  expect(said).toEqual([
    ...Array.from(
      { length: 6 },
      () => '401 refused: the request does not prove who sent it: its signature cannot be read',
    ),
    '400 refused: the signature of the request is malformed: /at must be number',
  ])
})

test('an agent that floods is told to wait, and harms no other', async () => {
  const flooder = makeKeys()
  const start = randomUUID()
  const { token } = await server.registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  const agent = makeTestClient(server.keystore, { url: server.url, keys: flooder, boot: start, token })
  await agent.assignment(undefined, new AbortController().signal)
  await agent.stop()
  const requests = await Promise.all(
    Array.from({ length: 100 }, () => requestOf({ by: flooder, claims: { boot: start } })),
  )
  const before = warned.length
  // However long a busy machine takes for them, they come at one moment.
  stands = systemClock.elapsed()
  const said = await Promise.all(requests.map(answerTo))
  const other = await answerTo(await requestOf({}))
  stands = undefined
  const counts = Object.groupBy(said, (each) => each.slice(0, 9))
  expect({
    // It may send 60 at once, and has said hello before.
    refused: (counts['429 later']?.length ?? 0) >= 40,
    rest: Object.keys(counts).sort(),
    other,
    lines: warned.length - before,
  }).toEqual({ refused: true, rest: ['200 taken', '429 later'], other: '200 taken', lines: 1 })
})

test('nonces are never forgotten to make room, and always when their time is over', () => {
  const guard = new ReplayGuard(2)
  const said = [
    guard.take('a', '1', 0),
    guard.take('a', '2', 10_000),
    guard.take('a', '3', 20_000),
    guard.take('b', '1', 20_000),
    guard.take('a', '1', 119_999),
    guard.take('a', '3', 120_000),
    guard.take('a', '2', 121_000),
  ]
  expect(said).toEqual(['fresh', 'fresh', 'full', 'fresh', 'replayed', 'fresh', 'replayed'])
})
