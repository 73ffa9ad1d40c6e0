import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, missed, rowsOf } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { online, startFleet, type Fleet } from '../support/fleet.ts'
import { until, type TestInstance } from '../support/instance.ts'

// What a server does with agents that it cannot connect to.

const names = ['north-1', 'north-2']
const tasks = 6
const period = '2s'
const periodMs = 2_000
let target: CountingTarget
let fleet: Fleet
let server: TestInstance

beforeAll(async () => {
  target = await CountingTarget.start()
  fleet = await startFleet({ agents: names })
  server = fleet.server
  await server.call('applyConfiguration', {
    query: {},
    body: { ...countingDocument(target.url, tasks, { period }), associations: [{ group: 'acme', agents: names }] },
  })
  await until(
    'every task ran',
    () => rowsOf(server),
    (rows) => rows.size === tasks && [...rows.values()].every((all) => all.length >= 2),
  )
})
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

test('a task runs now, on the agent that has it, and takes no slot', async () => {
  const task = (await server.call('listTasks', { query: { group: 'acme', connector: 'front-0' } }))[0]!
  const result = await server.call('runTask', { params: { id: task.id } })
  const hits = result.metrics.find(({ name }) => name === 'hits')!.value
  const stored = await until(
    'it ran again by schedule',
    () => rowsOf(server),
    (rows) =>
      rows.get('front-0')!.some((row) => row.metrics.some(({ name, value }) => name === 'hits' && value > hits)),
  )
  const all = stored.get('front-0')!
  expect({
    outcome: result.outcome,
    agent: result.agent,
    stored: all.filter((row) => row.metrics.some(({ name, value }) => name === 'hits' && value === hits)).length,
  }).toEqual({ outcome: 'ran', agent: task.agent, stored: 0 })
})

test('a connector that is not saved is tried from the agent that is named, with a credential that is sealed to it', async () => {
  await server.call('applyConfiguration', {
    query: {},
    body: {
      groups: [
        {
          name: 'acme',
          credentials: [{ name: 'by-hand', type: 'basic', username: 'u', secret: { value: 'only-there' } }],
        },
      ],
    },
  })
  const answer = await server.call('checkConnector', {
    body: {
      group: 'acme',
      agent: 'north-2',
      connector: { type: 'http', settings: { url: `${target.url}/by-hand` }, credential: 'by-hand' },
      monitor: 'http.response',
    },
  })
  const offered = await server.call('listCandidates', {
    body: { group: 'acme', agent: 'north-2', connector: { type: 'local' }, monitor: 'host.local' },
  })
  const unknown = await server.send('POST', '/api/v1/checks', {
    group: 'acme',
    agent: 'south-1',
    connector: { type: 'http', settings: { url: `${target.url}/by-hand` } },
    monitor: 'http.response',
  })
  expect({
    agent: answer.agent,
    outcome: answer.outcome,
    status: answer.samples.find(({ name }) => name === 'status')?.value,
    served: target.served.get('/by-hand'),
    authorization: target.authorizations.at(-1),
    unknown: [unknown.status, /north-1, north-2/.test(unknown.body)],
    answered: JSON.stringify(answer).includes('only-there'),
    offered: [offered.agent, offered.reason, offered.candidates['excludeInterfaces']?.includes('lo')],
  }).toEqual({
    agent: 'north-2',
    outcome: 'ran',
    status: 200,
    served: 1,
    authorization: `Basic ${Buffer.from('u:only-there').toString('base64')}`,
    unknown: [404, true],
    answered: false,
    offered: ['north-2', null, true],
  })
})

test('a drained agent has nothing left to do, and not one slot was missed', async () => {
  await online(server, names)
  const places = async () => (await server.call('listTasks', { query: { group: 'acme' } })).map(({ agent }) => agent)
  await until('both have work', places, (agents) => new Set(agents).size === 2)
  const from = Date.now()
  const [north1] = fleet.agents
  const answer = await server.call('drainAgent', { params: { id: north1!.uuid } })
  const drained = (await server.call('listAgents')).find(({ name }) => name === 'north-1')!
  const now = await places()
  const seen = target.requests.length
  await until(
    'the others went on',
    async () => target.requests.length,
    (count) => count > seen + 2 * tasks,
  )
  const to = Date.now()
  // A slot that both ran while one took over from the other is two requests, and counts once.
  const rows = await until(
    'what was planned until now is stored',
    () => rowsOf(server),
    (all) => [...all.values()].every((some) => some.at(-1)!.slot > to),
  )
  await server.call('undrainAgent', { params: { id: north1!.uuid } })
  await online(server, names)
  expect({
    answer,
    runtime: drained.runtime,
    connectors: drained.connectors,
    places: [...new Set(now)],
    ...account(rows, new Map(), { periodMs }),
    missed: missed([...rows.values()].flat().filter(({ slot }) => slot > from)),
  }).toEqual({
    answer: { drained: true },
    runtime: 'DRAINING',
    connectors: 0,
    places: ['north-2'],
    strays: [],
    twice: 0,
    slots: { missing: [], twice: 0 },
    missed: [],
  })
})

test('the log level reaches every agent and falls back by itself; the log of an agent is read through its own connection', async () => {
  const debugLines = (agent: TestInstance) => agent.log.split('"level":"debug"').length - 1
  await server.call('changeSettings', { body: { logDurationMs: 5_000 } })
  await server.call('changeSettings', { body: { logLevel: 'debug' } })
  const both = async () => fleet.agents.map(debugLines)
  await until('both log more', both, (counts) => counts.every((count) => count > 0))
  const [agent] = fleet.agents
  const log = await server.call('showAgentLogs', { params: { id: agent!.uuid }, query: {} })
  const lines = log.trimEnd().split('\n')
  // Quiet for longer than there is between two debug lines of an agent at work.
  let [last, since] = [await both(), Date.now()]
  await until('both log as before', both, (counts) => {
    if (counts.join() !== last.join()) [last, since] = [counts, Date.now()]
    return Date.now() - since > 4_000
  })
  const small = await server.call('showAgentLogs', { params: { id: agent!.uuid }, query: { maxBytes: 2_000 } })
  expect({
    json: lines.every((line) => typeof (JSON.parse(line) as { event?: unknown }).event === 'string'),
    debug: lines.some((line) => line.includes('"debug"')),
    small: small.length <= 2_000 && small.length > 0,
  }).toEqual({ json: true, debug: true, small: true })
})

test('the number of parallel tasks reaches every agent', async () => {
  let [begun, now, most] = [0, 0, 0]
  const slow = createServer((_, response) => {
    begun++
    most = Math.max(most, ++now)
    // Also where whoever asked has given up before it is answered.
    response.once('close', () => now--)
    setTimeout(() => response.end('{"hits": 1}'), 700)
  })
  await new Promise<void>((resolve) => void slow.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = slow.address() as AddressInfo
    const document = countingDocument(`http://127.0.0.1:${port}`, 5, { group: 'slow' })
    await server.call('applyConfiguration', {
      query: {},
      body: { ...document, associations: [{ group: 'slow', agents: ['north-1'] }] },
    })
    await until(
      'several ask at once',
      async () => most,
      (count) => count > 1,
    )
    const changedAt = Date.now()
    await server.call('changeSettings', { body: { parallelTasks: 1 } })
    await until(
      'the rest is skipped, and says why',
      async () => [...(await rowsOf(server, 'slow')).values()].flat(),
      (rows) =>
        rows.filter(({ outcome, reason, slot }) => outcome === 'skipped' && reason === 'overload' && slot > changedAt)
          .length >= 5,
    )
    // What was under way before the agent heard of it may still be.
    await until(
      'nothing of before is under way',
      async () => now,
      (count) => count <= 1,
    )
    most = now
    const before = begun
    await until(
      'more were asked, one after the other',
      async () => begun,
      (count) => count >= before + 4,
    )
    expect(most).toBe(1)
  } finally {
    await server.call('changeSettings', { body: { parallelTasks: null } })
    await server.call('applyConfiguration', {
      query: { prune: true },
      body: { ...countingDocument(target.url, tasks, { period }), associations: [{ group: 'acme', agents: names }] },
    })
    slow.closeAllConnections()
    await new Promise((resolve) => slow.close(resolve))
  }
})

test('a new key needs no new acceptance, and is the one of the next start too', async () => {
  const agent = fleet.agents[0]!
  const find = async () => (await server.call('listAgents')).find(({ id }) => id === agent.uuid)!
  const before = await find()
  await server.call('rekeyAgent', { params: { id: agent.uuid } })
  const after = await until('it is known by another key', find, ({ fingerprint }) => fingerprint !== before.fingerprint)
  const own = await agent.call('showInstance')
  await agent.stop()
  await agent.start()
  await agent.signIn()
  const { lastSeenAt } = await find()
  const again = await until('it called again', find, (now) => now.runtime === 'ONLINE' && now.lastSeenAt! > lastSeenAt!)
  const connection = await until(
    'it is connected',
    () => agent.call('showConnection'),
    ({ state }) => state === 'connected',
  )
  expect({
    shown: own.fingerprint === after.fingerprint,
    kept: [again.fingerprint, connection.fingerprint].every((fingerprint) => fingerprint === after.fingerprint),
    registration: again.registration,
    decided: [again.decidedAt, again.decidedBy],
  }).toEqual({ shown: true, kept: true, registration: 'ACCEPTED', decided: [before.decidedAt, before.decidedBy] })
})
