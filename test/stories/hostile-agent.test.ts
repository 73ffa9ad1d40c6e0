import { randomUUID } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signRequest, signatureHeader } from '../../src/platform/wire/index.ts'
import { makeKeys, makeTestClient } from '../../src/link/testing.ts'
import type { Assignment } from '../../src/model/index.ts'
import { hitsOf, leftOutIn, missed, rowsOf } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { fingerprintAt, startFleet, type Fleet } from '../support/fleet.ts'
import { TestInstance, until } from '../support/instance.ts'
import { scratchDirectory } from '../support/launch.ts'

// An accepted agent in the hands of somebody else: it has its key, and the program of its choice.

const tasks = 4
const periodMs = 2_000
let target: CountingTarget
let fleet: Fleet
let server: TestInstance
let from = 0

beforeAll(async () => {
  target = await CountingTarget.start()
  fleet = await startFleet({ agents: ['honest'] })
  server = fleet.server
  const [ours, theirs] = [
    countingDocument(target.url, tasks, { period: '2s' }),
    countingDocument(target.url, 1, { group: 'theirs', period: '2s' }),
  ]
  await server.call('applyConfiguration', {
    query: {},
    body: {
      ...ours,
      groups: [
        {
          ...(ours.groups[0] as object),
          credentials: [{ name: 'login', type: 'basic', username: 'monitor', secret: { value: 'hunter2' } }],
        },
        ...theirs.groups,
      ],
      associations: [
        { group: 'acme', agents: ['honest'] },
        { group: 'theirs', agents: ['mallory'] },
      ],
    },
  })
  await until(
    'every task ran',
    () => rowsOf(server),
    (rows) => rows.size === tasks && [...rows.values()].every((all) => all.length >= 2),
  )
  from = Date.now()
})
afterAll(async () => {
  connections.destroy()
  await fleet?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

const keys = makeKeys()
const boot = randomUUID()
const never = new AbortController().signal

interface Message {
  readonly path?: string
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** A few connections are enough, also for many messages. */
const connections = new Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false })

/** One message past the link's client; the status, or why there was none. */
function post(message: Message): Promise<number | string> {
  const { path = '/link/v1/poll', body = Buffer.from('{}'), headers = {} } = message
  return new Promise((resolve) => {
    const sent = request(
      new URL(path, server.url),
      { method: 'POST', agent: connections, headers: { 'content-length': body.length, ...headers } },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
        answer.on('error', () => resolve('cut'))
      },
    )
    // A kept connection that ended just when it was used again says nothing about the message.
    sent.on('error', () => resolve(sent.reusedSocket ? post(message) : 'cut'))
    sent.end(body)
  })
}

async function signed(kind: string, body: Uint8Array, by = keys): Promise<Message> {
  const path = `/link/v1/${kind}`
  const signature = await signRequest(by.signer, { boot, path, at: Date.now(), protocol: 1, term: 0, body })
  return { path, body, headers: { [signatureHeader]: signature } }
}

/** How many lines the server logged about what it refused, since a moment. */
const refusals = (since: string) =>
  (server.log.slice(since.length).match(/"event":"agent requests? refused"/g) ?? []).length

test('an accepted agent gets no task, credential or result of a group that is not its own, whatever it sends', async () => {
  const fingerprint = await fingerprintAt(server.url)
  const { token } = await server.call('createEnrolmentToken', { body: { expiresIn: '10m', uses: 1 } })
  const mallory = makeTestClient(undefined, {
    url: server.url,
    keys,
    boot,
    token,
    trust: { authorities: () => [], trusts: (shown) => shown === fingerprint },
    describe: () => ({
      name: 'mallory',
      version: '1.0.0',
      monitors: { 'http.response': 'x', 'tcp.port': 'x' },
      machine: { hostname: 'm', platform: 'linux', cores: 64, memoryBytes: 2 ** 40 },
    }),
  })
  try {
    let got: Assignment | undefined
    await until(
      'it has work of its own group',
      async () => (got = (await mallory.assignment(got?.version, never)) ?? got),
      (assignment) => (assignment?.tasks.length ?? 0) > 0,
    )
    const groups = new Set(got!.connectors.map(({ group }) => group))
    const secrets = JSON.stringify(got).includes('hunter2')

    const before = await rowsOf(server)
    const strange = (await server.call('listTasks', { query: { group: 'acme' } }))[0]!
    const slot = before.get(strange.connector)!.at(-1)!.slot + 60 * periodMs
    const lie = {
      kind: 'run',
      task: strange.id,
      slot,
      outcome: 'ran',
      startedAt: slot,
      durationMs: 1,
      samples: [{ name: 'hits', labels: {}, value: 666 }],
    } as const
    const mark = server.log
    for (let from = 0; from < 5; from++)
      await mallory
        .upload({ format: 1, agent: keys.signer.uuid, spool: 's', from, entries: [lie] }, never)
        .catch(() => undefined)
    const values = [...(await rowsOf(server)).values()].flat().map(hitsOf)
    const logged = await until(
      'it is logged',
      async () =>
        server.log
          .slice(mark.length)
          .split('\n')
          .filter((line) => /"level":"warn"/.test(line) && line.includes(keys.signer.uuid)),
      (lines) => lines.length > 0,
    )
    expect({
      groups: [...groups],
      secrets,
      stored: values.includes(666),
      logged: logged.length,
    }).toEqual({ groups: ['theirs'], secrets: false, stored: false, logged: 1 })
  } finally {
    await mallory.stop()
  }
})

test('what is forged, cut off, too large, of yesterday or said twice is refused, and logged once', async () => {
  const mark = server.log
  const good = await signed('reply', Buffer.from(JSON.stringify({ command: 'c', part: 0, last: true })))
  const huge = Buffer.alloc(9 * 1_048_576, 32)
  const stranger = makeKeys()
  const answers = {
    unsigned: await post({}),
    stranger: await post(await signed('poll', Buffer.from('{}'), stranger)),
    stolenName: await post(await signed('poll', Buffer.from('{}'), makeKeys(fleet.agents[0]!.uuid))),
    // Nobody waits for it; and nobody takes it again.
    once: await post(good),
    twice: await post(good),
    cut: await post({ ...good, body: good.body!.subarray(0, 10) }),
    malformed: await post(await signed('poll', Buffer.from('{"waitMs":'))),
    mistyped: await post(await signed('poll', Buffer.from('{"waitMs":"long"}'))),
    huge: await post(await signed('upload', huge)),
    packed: await post({
      ...(await signed('poll', Buffer.from('x'))),
      headers: { ...(await signed('poll', Buffer.from('x'))).headers, 'content-encoding': 'gzip' },
    }),
    unknown: await post(await signed('format-disk', Buffer.from('{}'))),
  }
  // The same again, many times: counted, not logged.
  for (let i = 0; i < 30; i++) await post({})
  expect({ answers, lines: refusals(mark) <= 12 }).toEqual({
    answers: {
      unsigned: 401,
      stranger: 401,
      stolenName: 401,
      once: 404,
      twice: 401,
      cut: 401,
      malformed: 400,
      mistyped: 400,
      huge: expect.toSatisfy((status) => status === 413 || status === 'cut'),
      packed: 400,
      unknown: 404,
    },
    lines: true,
  })
})

test('an agent that floods is told to wait', async () => {
  const mark = server.log
  const messages = await Promise.all(Array.from({ length: 200 }, () => signed('poll', Buffer.from('{}'))))
  const began = performance.now()
  const answers = await Promise.all(messages.map(post))
  // Sixty at once, and from then on twenty a second.
  const allowed = 60 + 20 * Math.ceil((performance.now() - began) / 1_000)
  const waits = answers.filter((status) => status === 429).length
  expect({
    waits: waits > 0 && waits >= messages.length - allowed,
    lines: refusals(mark) <= 2,
  }).toEqual({ waits: true, lines: true })
})

test('an honest agent was not harmed by any of it', async () => {
  // All of the above may take less than a period.
  const to = Math.max(Date.now(), from + 3 * periodMs)
  await until(
    'what was planned until now is stored',
    () => rowsOf(server),
    (rows) => [...rows.values()].every((all) => all.at(-1)!.slot > to),
  )
  const rows = [...(await rowsOf(server)).values()].flat().filter(({ slot }) => slot > from && slot <= to)
  const coverage = await server.call('showCoverage', { query: { group: 'acme', from: String(from), to: String(to) } })
  const { ran = 0, failed = 0, late = 0 } = coverage.outcomes
  const slots = Object.values(coverage.outcomes).reduce((sum, count) => sum + count, 0)
  // But for those a busy machine had no time for.
  const runs = slots - leftOutIn(rows, from, to, periodMs)
  const known = rows.reduce((sum, { slots = 1 }) => sum + slots, 0)
  expect({
    missed: missed(rows),
    covered: slots > 0 && ran + failed + late === runs,
    ran: known >= tasks * Math.floor((to - from) / periodMs - 2),
    runtime: (await server.call('listAgents')).find(({ name }) => name === 'honest')!.runtime,
  }).toEqual({ missed: [], covered: true, ran: true, runtime: 'ONLINE' })
})

test('a copy of an agent on another machine is refused with words, and raises an alarm', async () => {
  const [honest] = fleet.agents
  await using copy = await scratchDirectory()
  const data = join(copy.path, 'data')
  await cp(honest!.data, data, { recursive: true })
  await rm(join(data, 'lock.json'), { force: true })
  await using second = await TestInstance.start({
    data,
    env: { FARWATCH_ROLE: 'agent', FARWATCH_NAME: 'honest', FARWATCH_SERVER: server.url, FARWATCH_PROCESSES: '1' },
  })
  const { message } = await until(
    'it is told',
    () => second.call('showConnection'),
    (connection) => /same identity|another machine|copy|copied/i.test(connection.message),
  )
  const alarms = await until(
    'an alarm is raised',
    async () =>
      (await server.call('listAlarms', { query: { state: 'raised' } })).filter((alarm) =>
        /identity|copied|copy|twice/i.test(alarm.message),
      ),
    (all) => all.length > 0,
  )
  // It says hello again when the other one was found out.
  const still = await until(
    'the first one goes on',
    () => honest!.call('showConnection'),
    ({ state }) => state === 'connected',
  )
  expect({
    told: message.length > 30,
    alarms: alarms.length,
    names: alarms[0]!.message.includes('honest'),
    still: still.state,
  }).toEqual({
    told: true,
    alarms: 1,
    names: true,
    still: 'connected',
  })
})
