import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { FarwatchError, type CancelTimer, type Clock } from '../base/index.ts'
import type { Assignment, UploadBatch } from '../model/index.ts'
import { silentLog, systemClock } from '../platform/index.ts'
import { signatureHeader, unpack } from '../platform/wire/index.ts'
import type { LinkClient } from './client.ts'
import { ServerClock } from './clock-offset.ts'
import type { CommandOrder, Envelope, HelloAnswer } from './protocol.ts'
import type { LinkRequest, LinkResponse, LinkServerOptions } from './server.ts'
import {
  emptyAssignment,
  makeKeys,
  makeTestClient,
  putBefore,
  startTestServer,
  wrongClock,
  type TestClientOptions,
  type TestServer,
} from './testing.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function serve(options: Partial<LinkServerOptions> = {}): Promise<TestServer> {
  const server = await startTestServer(options)
  ends.push(server.stop)
  return server
}

function agentOf(server: TestServer, options: Partial<TestClientOptions> = {}): LinkClient {
  const client = makeTestClient(server.keystore, { url: server.url, ...options })
  ends.push(() => client.stop())
  return client
}

/** An agent that a token accepts with its first hello. */
async function enrolled(server: TestServer, options: Partial<TestClientOptions> = {}): Promise<LinkClient> {
  const { token } = await server.registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
  return agentOf(server, { token, ...options })
}

async function refusal(work: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof FarwatchError)) throw new Error(`not refused: ${String(thrown)}`)
  return { code: thrown.code, message: thrown.message, hint: thrown.hint }
}

const never = new AbortController().signal

const acme: Assignment = {
  ...emptyAssignment,
  version: 'v2',
  settings: { ...emptyAssignment.settings, leaseMs: 15_000 },
  connectors: [
    {
      id: 'c1',
      type: 'http',
      group: 'acme',
      settings: { url: 'https://shop.example' },
      credential: { type: 'basic', fields: { username: 'u', password: 'hunter2' } },
    },
    { id: 'c2', type: 'tcp', group: 'acme', settings: { host: 'db', port: 5432 } },
    { id: 'c3', type: 'tcp', group: 'acme', settings: { host: 'db', port: 5433 }, exclusive: true },
  ],
  tasks: ['c1', 'c2', 'c3'].map((connector) => ({
    id: `task of ${connector}`,
    connector,
    monitor: 'tcp.port',
    settings: {},
    periodMs: 60_000,
    timeoutMs: 10_000,
  })),
}

function batchOf(agent: string, task = 'task of c1'): UploadBatch {
  return {
    format: 1,
    agent,
    spool: 'spool 1',
    from: 7,
    entries: [
      {
        kind: 'run',
        task,
        slot: 1_767_225_600_000,
        outcome: 'ran',
        startedAt: 1_767_225_600_004.5,
        durationMs: 3.25,
        samples: [{ name: 'connect_time', labels: {}, value: 1.5 }],
      },
      {
        kind: 'gap',
        task,
        from: 1_767_225_660_000,
        to: 1_767_225_720_000,
        outcome: 'skipped',
        periodMs: 60_000,
        reason: 'overload',
      },
    ],
  }
}

test('an agent waits until it is accepted, and then gets its work', async () => {
  const server = await serve({ assignmentFor: () => acme })
  const keys = makeKeys()
  const states: string[] = []
  const agent = agentOf(server, {
    keys,
    onState({ is }) {
      if (is !== states.at(-1)) states.push(is)
      if (is === 'pending') void server.registry.accept(keys.signer.uuid, 'admin')
    },
  })
  const first = await agent.assignment(undefined, never)
  const given = first ?? (await agent.assignment(undefined, never))
  const known = server.registry.agents().map(({ registration, fingerprint }) => [registration, fingerprint])
  expect({ given, states, known }).toEqual({
    given: acme,
    states: ['connecting', 'pending', 'connected'],
    known: [['ACCEPTED', keys.signer.fingerprint]],
  })
})

test('a pending or rejected agent gets nothing but its state', async () => {
  const server = await serve({ assignmentFor: () => acme, holdMs: () => 0 })
  const keys = makeKeys()
  const agent = agentOf(server, { keys })
  const pending = [
    await agent.assignment(undefined, never),
    await refusal(agent.upload(batchOf(keys.signer.uuid), never)),
  ]
  const pendingState = agent.state()
  await server.registry.reject(keys.signer.uuid, 'admin')
  const emptied = await agent.assignment(undefined, never)
  const rejected = await refusal(agent.assignment(emptied?.version, never))
  expect({
    pending,
    emptied: emptied?.tasks,
    is: pendingState.is,
    names: pendingState.message.includes(keys.signer.fingerprint),
    rejected,
  }).toEqual({
    pending: [undefined, expect.objectContaining({ code: 'forbidden' })],
    emptied: [],
    is: 'pending',
    names: true,
    rejected: {
      code: 'forbidden',
      message: 'An administrator of the server rejected this agent. It stays rejected until that is lifted there.',
      hint: '',
    },
  })
})

test('an agent that waits although it has a token goes on saying what is wrong with the token', async () => {
  const server = await serve({ holdMs: () => 0 })
  const agent = agentOf(server, { token: 'never made' })
  const said: string[] = []
  for (let polls = 0; polls < 3; polls++) {
    await agent.assignment(undefined, never)
    said.push(agent.state().message)
  }
  const words = 'The enrolment token is unknown, used up or expired. '
  expect(said.map((message) => message.slice(0, words.length))).toEqual([words, words, words])
})

test('a removed agent is told to stop and to forget, and its key is good no more', async () => {
  const server = await serve({ assignmentFor: () => acme, holdMs: () => 0 })
  const keys = makeKeys()
  const agent = await enrolled(server, { keys })
  await agent.assignment(undefined, never)
  await server.registry.remove(keys.signer.uuid, 'admin')
  const emptied = await agent.assignment('v2', never)
  const after = agent.state().is
  const again = agentOf(server, { keys })
  const refused = await refusal(again.assignment('none: REVOKED', never))
  expect({ emptied, after, code: refused.code, left: server.registry.agents() }).toEqual({
    emptied: { version: 'none: REVOKED', connectors: [], tasks: [], settings: acme.settings },
    after: 'revoked',
    code: 'forbidden',
    left: [],
  })
})

test('results arrive as they were sent, and only from whom they say they are', async () => {
  const got: unknown[] = []
  const server = await serve({
    upload: async (agent, batch, leftOut) => {
      got.push([agent.name, batch, [...leftOut]])
      return { acknowledged: 9, safe: 8, pauseMs: 5 }
    },
    ownedTask: (_, task) => task !== 'task of another',
  })
  const keys = makeKeys()
  const { uuid } = keys.signer
  const told: unknown[] = []
  const agent = await enrolled(server, { keys, log: { ...silentLog, warn: (_, fields) => void told.push(fields) } })
  expect({
    answer: await agent.upload(batchOf(uuid), never),
    foreignTask: await agent.upload(batchOf(uuid, 'task of another'), never),
    foreignAgent: (await refusal(agent.upload(batchOf(randomUUID()), never))).message,
    got,
    told,
  }).toEqual({
    answer: { acknowledged: 9, safe: 8, pauseMs: 5 },
    foreignTask: { acknowledged: 9, safe: 8, pauseMs: 5 },
    foreignAgent: 'the server refused: an agent may only upload results of its own',
    got: [
      ['north-1', batchOf(uuid), []],
      ['north-1', batchOf(uuid, 'task of another'), ['task of another']],
    ],
    told: [
      {
        why: 'results of 1 tasks that were never given to this agent, such as task of another, were not stored',
      },
    ],
  })
})

test('a change reaches a waiting agent at once, as a difference, with credentials only it can open', async () => {
  let now = acme
  const server = await serve({ assignmentFor: () => now })
  const agent = await enrolled(server)
  const first = await agent.assignment(undefined, never)
  const waiting = agent.assignment('v2', never)
  now = {
    ...acme,
    version: 'v3',
    connectors: acme.connectors
      .slice(0, 2)
      .map((one) => (one.id === 'c2' ? { ...one, settings: { host: 'db2' } } : one)),
    tasks: acme.tasks.slice(0, 2),
  }
  server.link.changed()
  const second = await waiting
  expect({ first, second, kept: second?.tasks[0] === first?.tasks[0] }).toEqual({
    first: acme,
    second: now,
    kept: true,
  })
})

test('an agent that comes back is not told to drop what it has, also where its work is placed while that is made', async () => {
  const made = Promise.withResolvers<Assignment>()
  const asked = Promise.withResolvers<void>()
  const assignments = [made.promise, acme]
  let isSettling = true
  const server = await serve({
    isSettling: () => isSettling,
    assignmentFor() {
      asked.resolve()
      return assignments.shift()!
    },
  })
  const agent = await enrolled(server)
  const given = agent.assignment(undefined, never)
  await asked.promise
  isSettling = false
  server.link.changed()
  made.resolve({ ...acme, version: 'v1', connectors: [], tasks: [] })
  expect(await given).toEqual(acme)
})

test('an agent whose clock is a day wrong is corrected and served, either way', async () => {
  const server = await serve()
  const days = await Promise.all(
    [-1, 1].map(async (day) => {
      const clock = wrongClock(day * 86_400_000)
      const serverClock = new ServerClock(clock)
      const agent = await enrolled(server, { clock, serverClock })
      const assignment = await agent.assignment(undefined, never)
      const { wallOffsetMs, errorMs } = serverClock.status()!
      return {
        version: assignment?.version,
        // Within what it claims to know, and less than a minute in any case.
        shown: Math.abs(wallOffsetMs + day * 86_400_000) <= Math.min(errorMs + 5, 60_000),
        right: Math.abs(serverClock.now() - systemClock.now()) <= Math.min(errorMs + 5, 60_000),
      }
    }),
  )
  expect(days).toEqual([
    { version: 'v1', shown: true, right: true },
    { version: 'v1', shown: true, right: true },
  ])
})

test('neighbouring versions agree on what both speak; others are told which to update', async () => {
  const server = await serve({ protocol: { min: 2, max: 3 } })
  const outcomes: unknown[] = []
  for (const protocol of [
    { min: 1, max: 1 },
    { min: 1, max: 2 },
    { min: 3, max: 4 },
    { min: 4, max: 5 },
  ]) {
    const agent = await enrolled(server, { protocol })
    const outcome = await agent.assignment(undefined, never).then(
      () => agent.state().protocol,
      (thrown: FarwatchError) => `${thrown.code}: ${thrown.hint}`,
    )
    outcomes.push(outcome)
  }
  expect(outcomes).toEqual([
    'not-supported: Update the agent.',
    2,
    3,
    'not-supported: Update the server first, then its agents.',
  ])
})

test('the certificate of the first start is refused with what is to be done about it', async () => {
  const server = await serve()
  const stranger = makeTestClient(undefined, { url: `https://127.0.0.2:${server.port}` })
  ends.push(() => stranger.stop())
  // It listens on 127.0.0.1 alone, so a tunnel leads there: a name the certificate does not bear.
  const wrongName = makeTestClient(undefined, {
    url: `https://farwatch.example:${server.port}`,
    proxy: () => `http://127.0.0.1:${tunnelPort}`,
  })
  ends.push(() => wrongName.stop())
  const tunnelPort = await startTunnel(() => server.port)
  const { fingerprint } = server.keystore.own()
  expect(await refusal(wrongName.assignment(undefined, never))).toEqual({
    code: 'untrusted-certificate',
    message: `the certificate of https://farwatch.example:${server.port} is not trusted: it is self-signed, and it is for other names. Wanted: farwatch.example. It bears: localhost, 127.0.0.1, 0:0:0:0:0:0:0:1. Its fingerprint (SHA-256): ${fingerprint}`,
    hint: expect.stringMatching(
      /farwatch certificate generate.*farwatch trust https:\/\/farwatch\.example:\d+ --fingerprint [0-9A-F:]+/,
    ),
  })
})

test('an agent reaches its server through a proxy, and trusts one certificate by its fingerprint whatever it names', async () => {
  const server = await serve()
  const tunnelPort = await startTunnel(() => server.port)
  const agent = await enrolled(server, {
    url: `https://farwatch.example:${server.port}`,
    proxy: () => `http://user:pass@127.0.0.1:${tunnelPort}`,
  })
  const assignment = await agent.assignment(undefined, never)
  expect({ version: assignment?.version, asked: tunnelled }).toEqual({
    version: 'v1',
    asked: [[`farwatch.example:${server.port}`, `Basic ${Buffer.from('user:pass').toString('base64')}`]],
  })
})

test('an agent holds one poll: a newer one lets the older go', async () => {
  const polls = new Array<() => void>()
  const server = await serve({ polled: () => polls.shift()?.() })
  const agent = await enrolled(server)
  await agent.assignment(undefined, never)
  const begun = new Promise<void>((resolve) => polls.push(resolve))
  const older = agent.assignment('v1', never)
  await begun
  const stop = new AbortController()
  const newer = agent.assignment('v1', stop.signal).catch(() => 'held until it was let go')
  const first = await older
  stop.abort()
  expect([first, await newer]).toEqual([undefined, 'held until it was let go'])
})

test('a busy server is asked for the same again only after the time it named, and other messages go on', async () => {
  let busy = true
  const server = await serve({
    holdMs: () => 0,
    upload: async (_, { from }) => {
      if (!busy) return { acknowledged: from, safe: from, pauseMs: 0 }
      busy = false
      throw new FarwatchError('overloaded', 'the disk is slow', { retryAfterMs: 300 })
    },
  })
  const keys = makeKeys()
  // While it stands still the time that the server named does not go by.
  const waits = new Set<() => void>()
  let stands = false
  const clock: Clock = {
    ...systemClock,
    after: (ms, act) => {
      if (!stands) return systemClock.after(ms, act)
      let cancel: CancelTimer = () => void waits.delete(begin)
      const begin = () => void (cancel = systemClock.after(ms, act))
      waits.add(begin)
      return () => cancel()
    },
  }
  const agent = await enrolled(server, { keys, clock, random: () => 0 })
  const refused = await refusal(agent.upload(batchOf(keys.signer.uuid), never))
  const from = systemClock.elapsed()
  stands = true
  let isSentAgain = false
  const again = agent.upload(batchOf(keys.signer.uuid), never).then(() => {
    isSentAgain = true
    return systemClock.elapsed() - from
  })
  await agent.assignment(undefined, never)
  const polledBefore = !isSentAgain
  stands = false
  for (const begin of waits) begin()
  expect([refused.message, polledBefore, (await again) >= 290]).toEqual([
    'the server refused: the disk is slow',
    true,
    true,
  ])
})

test('a server with an older term is not believed, and a higher one is remembered before it is followed', async () => {
  let term = 5
  const higher: number[] = []
  const server = await serve({ term: () => term, higherTerm: (_, seen) => higher.push(seen), holdMs: () => 0 })
  const remembered: number[] = []
  const agent = await enrolled(server, {
    term: {
      read: () => remembered.at(-1) ?? 0,
      raise: async (seen) => void remembered.push(seen),
    },
  })
  await agent.assignment(undefined, never)
  term = 4
  const refused = await refusal(agent.assignment('v1', never))
  expect({ remembered, code: refused.code, message: refused.message, higher }).toEqual({
    remembered: [5],
    code: 'conflict',
    message: 'the server has the term 4, and another one had 5 already',
    higher: [5],
  })
})

test('what no server of ours would assign is refused by the agent, whole', async () => {
  const lies: Record<string, Partial<Assignment>> = {
    'a period of a millisecond': { tasks: [{ ...acme.tasks[0]!, periodMs: 1 }] },
    'half a period': { tasks: [{ ...acme.tasks[0]!, periodMs: 60_000.5 }] },
    'no id': { connectors: [{ ...acme.connectors[1]!, id: '' }] },
    'negative room': { settings: { ...acme.settings, parallelTasks: -1 } },
  }
  let lie: Partial<Assignment> = {}
  const server = await serve({ assignmentFor: () => ({ ...acme, ...lie }) })
  const agent = await enrolled(server, { random: () => 0 })
  const said: Record<string, string> = {}
  for (const [name, each] of Object.entries(lies)) {
    lie = { ...each, version: name }
    server.link.changed()
    const { code, message } = await refusal(agent.assignment(undefined, never))
    said[name] = `${code}: ${message}`
  }
  const start = 'bad-request: the answer to the poll is malformed: /assignment'
  expect(said).toEqual({
    'a period of a millisecond': `${start}/tasks/0/periodMs must be >= 100`,
    'half a period': `${start}/tasks/0/periodMs must be integer`,
    'no id': `${start}/connectors/0/id must not have fewer than 1 characters`,
    'negative room': `${start}/settings/parallelTasks must be >= 0`,
  })
})

test('a result that is none is refused, and whoever asked is told', async () => {
  const server = await serve()
  const keys = makeKeys()
  const agent = await enrolled(server, { keys, command: async () => ({ kind: 'run', task: 'task of c1' }) })
  await agent.assignment(undefined, never)
  const order = { is: 'run-now', task: 'task of c1' } as const
  const told = refusal(server.link.command(keys.signer.uuid, order, { timeoutMs: 50_000 }))
  await agent.assignment('v1', never)
  expect((await told).message).toMatch(/^the result of the run is malformed: it .*slot/)
})

test('commands are done once and answered, with text in parts', async () => {
  const done: string[] = []
  const server = await serve({ holdMs: () => 2_000 })
  const keys = makeKeys()
  const agent = await enrolled(server, {
    keys,
    command: async (command, sendText) => {
      done.push(command.is)
      if (command.is === 'send-logs') for (const text of ['one\n', 'two\n']) await sendText(text)
      if (command.is === 're-key') throw new FarwatchError('storage-unwritable', 'the disk is full')
      if (command.is === 'reach') return [{ connector: 'c1', reached: true, message: '' }]
      if (command.is === 'discover')
        return { address: '10.0.0.1', tried: 1, open: [command.host.length], found: [], problems: [] }
      return undefined
    },
  })
  await agent.assignment(undefined, never)
  const stopped = new AbortController()
  const polling = (async () => {
    while (!stopped.signal.aborted) await agent.assignment('v1', stopped.signal).catch(() => undefined)
  })()
  let text = ''
  const { uuid } = keys.signer
  const options = { timeoutMs: 50_000, onText: (part: string) => void (text += part) }
  const [reached, logs, rekey, discovered] = await Promise.allSettled([
    server.link.command(
      uuid,
      { is: 'reach', connectors: [{ id: 'c1', type: 'tcp', group: 'acme', settings: {} }] },
      options,
    ),
    server.link.command(uuid, { is: 'send-logs', maxBytes: 1_000 }, options),
    server.link.command(uuid, { is: 're-key' }, options),
    server.link.command(uuid, { is: 'discover', host: 'db1' }, options),
  ])
  stopped.abort()
  await polling
  expect({
    reached,
    logs,
    rekey: rekey.status === 'rejected' && rekey.reason.message,
    discovered,
    text,
    done: done.sort(),
  }).toEqual({
    reached: { status: 'fulfilled', value: [{ connector: 'c1', reached: true, message: '' }] },
    logs: { status: 'fulfilled', value: undefined },
    rekey: 'the agent could not do re-key: the disk is full',
    discovered: {
      status: 'fulfilled',
      value: { address: '10.0.0.1', tried: 1, open: [3], found: [], problems: [] },
    },
    text: 'one\ntwo\n',
    done: ['discover', 're-key', 'reach', 'send-logs'],
  })
})

test('a command that an agent does not know, any more or yet, is answered with words', async () => {
  const server = await serve({ holdMs: () => 2_000 })
  const keys = makeKeys()
  const agent = await enrolled(server, { keys })
  await agent.assignment(undefined, never)
  // What a server of another version may order.
  const order = { is: 'drain', on: true } as unknown as CommandOrder
  const ordered = refusal(server.link.command(keys.signer.uuid, order, { timeoutMs: 50_000 }))
  await agent.assignment('v1', never)
  expect((await ordered).message).toBe(
    'the agent could not do drain: this agent does not know the command drain; update it',
  )
})

test('servers of before the first pair, which refuse a poll without it, are told that an agent does not drain', async () => {
  const server = await serve()
  const agent = await enrolled(server)
  const polls: unknown[] = []
  putBefore(server, async (request) => {
    const body = await unpack(request.body, request.headers['content-encoding']?.toString(), 1_000_000)
    if (request.path.endsWith('poll')) polls.push(body)
    return server.link.handle(request)
  })
  await agent.assignment(undefined, never)
  expect(polls).toEqual([expect.objectContaining({ status: expect.objectContaining({ draining: false }) })])
})

test('a key is changed without being accepted anew, and the old one is good no more', async () => {
  const server = await serve({ assignmentFor: () => acme, holdMs: () => 0 })
  const old = makeKeys()
  const agent = await enrolled(server, { keys: old })
  await agent.assignment(undefined, never)
  const next = makeKeys(old.signer.uuid)
  await agent.changeKeys(next, never)
  const resealed = await agent.assignment('v2', never)
  const copy = agentOf(server, { keys: old })
  const refused = await refusal(copy.assignment('none: REVOKED', never))
  const [entry] = server.registry.agents()
  expect({
    resealed,
    by: entry?.fingerprint,
    state: entry?.registration,
    refused: refused.code,
    copy: copy.state().is,
  }).toEqual({
    resealed: acme,
    by: next.signer.fingerprint,
    state: 'ACCEPTED',
    refused: 'forbidden',
    copy: 'revoked',
  })
})

test('a copied disk is found out: the machine that was there first goes on, the other is told', async () => {
  const doubles: string[] = []
  let passed = 0
  const clock = { ...systemClock, now: () => systemClock.now() + passed, elapsed: () => systemClock.elapsed() + passed }
  const server = await serve({ clock, holdMs: () => 0, foundDouble: ({ name }) => doubles.push(name), log: silentLog })
  const keys = makeKeys()
  const first = await enrolled(server, { keys, clock, serverClock: new ServerClock(clock), random: () => 0 })
  const second = agentOf(server, { keys, clock, serverClock: new ServerClock(clock), random: () => 0 })
  const said: unknown[] = []
  const speak = async (agent: LinkClient) =>
    said.push(
      await agent.assignment(undefined, never).then(
        (given) => given?.version,
        (thrown: Error) => thrown.message,
      ),
    )
  await speak(first)
  passed += 10_000
  await speak(second)
  passed += 10_000
  await speak(first)
  passed += 10_000
  await speak(second)
  await speak(first)
  passed += 61_000
  await speak(second)
  expect({ said, doubles }).toEqual({
    said: [
      'v1',
      'v1',
      'v1',
      `the server refused: another machine speaks with the identity ${keys.signer.uuid} of this agent`,
      'v1',
      'v1',
    ],
    doubles: ['north-1'],
  })
})

test('a server that was started anew is said hello to again, without being accepted anew', async () => {
  const hellos: string[] = []
  const server = await serve({ saidHello: ({ name }) => hellos.push(name) })
  const agent = await enrolled(server)
  const before = await agent.assignment(undefined, never)
  server.restart()
  const after = await agent.assignment(undefined, never)
  expect({ before, after, hellos }).toEqual({
    before: emptyAssignment,
    after: emptyAssignment,
    hellos: ['north-1', 'north-1'],
  })
})

/** By which algorithm each message is signed that comes to a server, and what is answered to it. */
function watchSignatures(
  server: TestServer,
  answering: (kind: string, alg: string, request: LinkRequest) => Promise<LinkResponse>,
): string[] {
  const seen: string[] = []
  putBefore(server, async (request) => {
    const [head = ''] = String(request.headers[signatureHeader]).split('.')
    const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: string }
    const kind = request.path.slice(request.path.lastIndexOf('/') + 1)
    const answer = await answering(kind, alg, request)
    seen.push(`${kind} ${alg} ${answer.status}`)
    return answer
  })
  return seen
}

test('what follows a hello is signed with the key that was agreed upon, which ends with either and with the own one', async () => {
  const server = await serve({ holdMs: () => 0 })
  const seen = watchSignatures(server, (_kind, _alg, request) => server.link.handle(request))
  const keys = makeKeys()
  const agent = await enrolled(server, { keys })
  const work = async () => {
    await agent.assignment(undefined, never)
    await agent.upload(batchOf(keys.signer.uuid), never)
    return seen.splice(0)
  }
  const first = await work()
  server.restart()
  const restarted = await work()
  await agent.changeKeys(makeKeys(keys.signer.uuid), never)
  const changed = await work()
  expect({ first, restarted, changed }).toEqual({
    first: ['hello EdDSA 200', 'poll HS256 200', 'upload HS256 200'],
    // Refused for a key that the server knew before it was started anew.
    restarted: ['poll HS256 401', 'hello EdDSA 200', 'poll HS256 200', 'upload HS256 200'],
    changed: ['rekey EdDSA 200', 'hello EdDSA 200', 'poll HS256 200', 'upload HS256 200'],
  })
})

test('a server that comes back as an earlier version, and one that never knew of such keys, is worked with', async () => {
  const server = await serve({ holdMs: () => 0 })
  let isOld = false
  const ofOld = async (kind: string, alg: string, request: LinkRequest): Promise<LinkResponse> => {
    if (!isOld) return server.link.handle(request)
    // As they read a signature of a kind that they do not know.
    if (alg !== 'EdDSA')
      return server.link.handle({ ...request, headers: { ...request.headers, [signatureHeader]: 'x.y' } })
    const answer = await server.link.handle(request)
    if (kind !== 'hello') return answer
    const envelope = (await unpack(answer.body, answer.headers['content-encoding'], 1_000_000)) as Envelope
    const { requestKey: _, ...result } = envelope.result as HelloAnswer
    const { 'content-encoding': __, ...headers } = answer.headers
    return { ...answer, headers, body: Buffer.from(JSON.stringify({ ...envelope, result })) }
  }
  const seen = watchSignatures(server, ofOld)
  const agent = await enrolled(server)
  await agent.assignment(undefined, never)
  isOld = true
  await agent.assignment(undefined, never)
  await agent.assignment(undefined, never)
  expect(seen).toEqual([
    'hello EdDSA 200',
    'poll HS256 200',
    'poll HS256 401',
    'hello EdDSA 200',
    'poll EdDSA 200',
    'poll EdDSA 200',
  ])
})

test('a poll whose assignment takes long to be made is let go in time, and a later one gets it', async () => {
  const made = Promise.withResolvers<Assignment>()
  const server = await serve({ holdMs: () => 0, assignmentFor: () => made.promise })
  const agent = await enrolled(server)
  const nothing = await agent.assignment(undefined, never)
  made.resolve(acme)
  expect([nothing, await agent.assignment(undefined, never)]).toEqual([undefined, acme])
})

test('a poll whose connection is cut goes on with the next', async () => {
  let now = emptyAssignment
  let onPoll = () => undefined as void
  const server = await serve({ assignmentFor: () => now, polled: () => onPoll() })
  const agent = await enrolled(server)
  await agent.assignment(undefined, never)
  const cut = new Promise<void>((resolve) => {
    onPoll = () => {
      onPoll = () => undefined
      server.https.closeAllConnections()
      now = acme
      server.link.changed()
      resolve()
    }
  })
  const given = agent.assignment('v1', never)
  await cut
  expect(await given).toEqual(acme)
})

// --- A proxy that knows CONNECT and leads everything to one port.

const tunnelled: [string | undefined, string | undefined][] = []

async function startTunnel(port: () => number): Promise<number> {
  tunnelled.length = 0
  const sockets = new Set<Socket>()
  const proxy = createServer()
  proxy.on('connect', (request, socket: Socket) => {
    tunnelled.push([request.url, request.headers['proxy-authorization']])
    const onwards = connect(port(), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onwards).pipe(socket)
    })
    for (const each of [socket, onwards]) {
      sockets.add(each)
      each.on('error', () => undefined)
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  ends.push(async () => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
    await once(proxy, 'close')
  })
  return (proxy.address() as AddressInfo).port
}

test('a question that was given up before it was asked fails for the one who asked, and nowhere else', async () => {
  const agent = makeTestClient(undefined, { url: 'https://127.0.0.1:1' })
  await expect(agent.assignment(undefined, AbortSignal.abort())).rejects.toMatchObject({ code: 'shutting-down' })
  await agent.stop()
})
