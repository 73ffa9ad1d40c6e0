import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeKeys } from '../link/testing.ts'
import { startTestApi, type TestApi } from './testing.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi()
})
afterEach(() => api.stop())

type Shown = Readonly<Record<string, unknown>>

const connector = (name: string, more: object = {}) => ({
  name,
  type: 'tcp',
  settings: { host: 'h', port: 1 },
  profiles: ['t'],
  ...more,
})

async function configure(connectors: readonly object[], agents: readonly string[]): Promise<void> {
  await api.inventory.apply(
    {
      profiles: [{ name: 't', connector: 'tcp', monitors: [{ monitor: 'tcp.port' }] }],
      groups: [{ name: 'acme', systems: [{ name: 's', connectors }] }, { name: 'other' }],
      associations: [{ group: 'acme', agents }],
    },
    { author: 'ann' },
  )
}

async function enrolled(name: string): Promise<string> {
  const { body } = await api.call('createEnrolmentToken', { body: {} })
  const keys = makeKeys()
  api.agent({
    keys,
    token: (body as { token: string }).token,
    describe: () => ({
      name,
      version: '1.0.0',
      monitors: { 'tcp.port': 'a1' },
      machine: { hostname: `${name}.acme.example`, platform: 'linux', cores: 2, memoryBytes: 2 ** 32 },
    }),
  })
  const id = keys.signer.uuid
  await api.until(() => api.distribution.agents().some((agent) => agent.id === id && agent.runtime === 'ONLINE'))
  return id
}

/** So many connectors have the place that they are to have: what was configured is placed a moment later. */
const arePlaced = (count: number) =>
  api.until(() => {
    const places = [...api.distribution.placement().places.values()]
    return places.length === count && places.every(({ is }) => is === 'settled' || is === 'uncovered')
  })

const isOnline = (id: string) => () =>
  api.distribution.agents().some((agent) => agent.id === id && agent.runtime === 'ONLINE')

test('an agent asks, is accepted under another name, works, is switched off and on, and goes', async () => {
  const keys = makeKeys()
  const { uuid, fingerprint } = keys.signer
  api.agent({ keys })
  await api.until(() => api.registry.agent(uuid) !== undefined)
  const params = { id: uuid }
  const state = async (name: Parameters<TestApi['call']>[0], body?: unknown) => {
    const answer = await api.call(name, { params, ...(body === undefined ? {} : { body }) })
    const agent = answer.body as Shown
    return [answer.status, agent['name'], agent['registration'], agent['admin'], agent['fingerprint'] === fingerprint]
  }
  const seen = [await state('showAgent'), await state('acceptAgent', { name: 'south-1' })]
  await api.until(isOnline(uuid))
  seen.push(
    await state('deactivateAgent'),
    await state('activateAgent'),
    await state('renameAgent', { name: 'south-2' }),
  )
  const online = (await api.call('showAgent', { params })).body as Shown
  const gone = [(await api.call('removeAgent', { params })).body, (await api.call('showAgent', { params })).status]
  expect([seen, gone, api.registry.isRevoked(fingerprint)]).toEqual([
    [
      [200, 'north-1', 'PENDING', 'ON', true],
      [200, 'south-1', 'ACCEPTED', 'ON', true],
      [200, 'south-1', 'ACCEPTED', 'OFF', true],
      [200, 'south-1', 'ACCEPTED', 'ON', true],
      [200, 'south-2', 'ACCEPTED', 'ON', true],
    ],
    [{ done: true }, 404],
    true,
  ])
  expect(online).toMatchObject({
    announcedName: 'north-1',
    local: false,
    runtime: 'ONLINE',
    drain: 'none',
    protocol: 1,
    hostname: 'north',
    address: '127.0.0.1',
    running: 0,
    cpu: 0.1,
    memory: { usedBytes: 1, totalBytes: 2 },
    spool: { entries: 0, bytes: 0, oldestAt: null },
    isolated: false,
    lacks: ['http.response'],
    decidedBy: 'command line',
  })
  const { body: audit } = { body: await api.inventory.audit({}) }
  expect(audit.entries.map(({ action }) => action).reverse()).toEqual([
    'agent accepted',
    'agent deactivated',
    'agent activated',
    'agent renamed',
    'agent removed',
  ])
})

test('a rejected agent stays so until that is lifted', async () => {
  const keys = makeKeys()
  const { stop } = api.agent({ keys })
  const params = { id: keys.signer.uuid }
  await api.until(() => api.registry.agent(params.id) !== undefined)
  await stop()
  const rejected = (await api.call('rejectAgent', { params })).body as Shown
  expect([
    rejected['registration'],
    (await api.call('liftAgent', { params })).body,
    (await api.call('liftAgent', { params })).status,
    api.registry.agents(),
  ]).toEqual(['REJECTED', { done: true }, 404, []])
})

test('an enrolment token is shown once, with what to paste, and accepts as many agents as it says', async () => {
  await api.keystore.generate(['watch.example.org'])
  const made = (await api.call('createEnrolmentToken', { body: { expiresIn: '1h', uses: 2, note: 'for acme' } }))
    .body as Shown
  const listed = (await api.call('listEnrolmentTokens')).body as Shown[]
  const port = new URL(api.url).port
  expect([made['command'], made['warning'], listed]).toEqual([
    `farwatch trust https://watch.example.org:${port} --fingerprint ${api.keystore.own().fingerprint} && FARWATCH_ENROLMENT_TOKEN=${String(made['token'])} farwatch start --role agent --server https://watch.example.org:${port}`,
    null,
    [
      {
        id: made['id'],
        note: 'for acme',
        createdBy: 'command line',
        createdAt: made['createdAt'],
        expiresAt: made['expiresAt'],
        uses: 2,
        usesLeft: 2,
      },
    ],
  ])
  const id = await enrolled('north-1')
  expect([
    api.registry.agent(id)?.registration,
    (await api.call('removeEnrolmentToken', { params: { id: String(made['id']) } })).body,
    (await api.call('createEnrolmentToken', { body: { expiresIn: 'soon' } })).status,
  ]).toEqual(['ACCEPTED', { done: true }, 400])
})

test('a drain answers when all work has moved, and refuses with what cannot and why', async () => {
  const [first, second] = [await enrolled('north-1'), await enrolled('north-2')]
  await configure([connector('a'), connector('b')], ['north-1', 'north-2'])
  const placed = () => [...api.distribution.placement().places.values()]
  const ownersAre = (...ids: string[]) =>
    placed().length === 2 && placed().every((at) => at.is === 'settled' && ids.includes(at.agent))
  await api.until(() => ownersAre(first, second))
  const drained = await api.call('drainAgent', { params: { id: first } })
  const moved = ownersAre(second)
  const stuck = await api.call('drainAgent', { params: { id: second } })
  const back = (await api.call('undrainAgent', { params: { id: first } })).body as Shown
  const problem = (stuck.body as { error: { message: string; details: readonly Shown[] } }).error
  expect([
    drained.body,
    moved,
    [stuck.status, problem.message, problem.details.map(({ path, message }) => `${String(path)}: ${String(message)}`)],
    [back['runtime'], back['drain']],
  ]).toEqual([
    { drained: true },
    true,
    [
      409,
      '2 connectors of north-2 cannot move to another agent',
      ['acme/s/a: no other agent can run it', 'acme/s/b: no other agent can run it'],
    ],
    ['ONLINE', 'none'],
  ])
})

test("the server's own agent is there, and can neither be rejected nor removed", async () => {
  const params = { id: api.localId }
  const local = (await api.call('showAgent', { params })).body as Shown
  expect([
    [local['name'], local['local'], local['registration'], local['runtime'], local['fingerprint']],
    await api.call('removeAgent', { params }),
    (await api.call('rejectAgent', { params })).status,
    (await api.call('rejectAgent', { params: { id: 'nobody' } })).status,
  ]).toMatchObject([
    ['local', true, 'ACCEPTED', 'ONLINE', 'its-own'],
    { status: 409, body: { error: { code: 'conflict', message: "the server's own agent cannot be removed" } } },
    409,
    404,
  ])
})

test('the log of an agent comes through its own connection, as a text', async () => {
  const keys = makeKeys()
  const { body } = await api.call('createEnrolmentToken')
  api.agent({
    keys,
    token: (body as { token: string }).token,
    command: async (command, sendText) => {
      if (command.is === 'send-logs')
        for (const text of ['{"event":"one"}\n', '{"event":"two"}\n']) await sendText(text)
    },
  })
  const params = { id: keys.signer.uuid }
  await api.until(isOnline(params.id))
  const { status, headers, body: text } = await api.call('showAgentLogs', { params, query: { maxBytes: 1_000 } })
  expect([status, headers['content-type'], text]).toEqual([
    200,
    'text/plain; charset=utf-8',
    '{"event":"one"}\n{"event":"two"}\n',
  ])
  expect((await api.call('showAgentLogs', { params: { id: 'nobody' } })).status).toBe(404)
})

test('who sees one group sees the agents, and of theirs alone more than name and state; only administrators change them', async () => {
  const [id] = [await enrolled('north-1'), await configure([connector('a')], ['north-1'])]
  await arePlaced(1)
  const password = 'correct horse battery'
  const tokenOf = async (group: string) => {
    const username = `of-${group}`
    await api.access.createUser('ann', { username, password, grants: [{ group, role: 'admin' }] })
    return (await api.access.signIn({ username, password, address: '127.0.0.1' })).token
  }
  const seen: unknown[] = []
  for (const group of ['acme', 'other']) {
    const token = await tokenOf(group)
    const agents = (await api.call('listAgents', { token })).body as Shown[]
    const north = agents.find((agent) => agent['id'] === id)!
    const removed = await api.call('removeAgent', { params: { id }, token })
    const places = (await api.call('listPlacement', { token })).body as Shown[]
    seen.push([north['name'], north['runtime'], north['groups'], north['hostname'], removed.status, places.length])
  }
  expect(seen).toEqual([
    ['north-1', 'ONLINE', ['acme'], 'north-1.acme.example', 403, 1],
    ['north-1', 'ONLINE', [], null, 403, 0],
  ])
})

test('it is said where each connector is, why, and why on no other agent', async () => {
  const id = await enrolled('north-1')
  await configure([connector('a'), connector('b', { pin: 'north-9' })], ['north-1'])
  await arePlaced(2)
  const { headers, body } = await api.call('listPlacement', { query: { group: 'acme', limit: 1 } })
  const [here] = body as Shown[]
  const next = String(headers['farwatch-next-cursor'])
  const rest = (await api.call('listPlacement', { query: { group: 'acme', limit: 1, cursor: next } })).body as Shown[]
  expect([here, rest]).toEqual([
    {
      connectorId: expect.any(String),
      group: 'acme',
      system: 's',
      connector: 'a',
      type: 'tcp',
      tasks: 1,
      agent: 'north-1',
      agentId: id,
      state: 'settled',
      to: null,
      since: expect.any(String),
      why: 'it had the least load of the agents that may run it',
      pin: null,
      others: [{ agent: 'local', agentId: api.localId, because: 'is not associated with the group "acme"' }],
    },
    [
      expect.objectContaining({
        connector: 'b',
        agent: null,
        state: 'uncovered',
        why: 'not monitored: pinned to an agent that is not known (any more)',
        pin: 'north-9',
      }),
    ],
  ])
  expect([
    (await api.call('showPlacement', { params: { connectorId: String(here!['connectorId']) } })).body,
    (await api.call('showPlacement', { params: { connectorId: 'nothing' } })).status,
    ((await api.call('listPlacement', { query: { agent: 'north-1' } })).body as Shown[]).length,
  ]).toEqual([here, 404, 1])
})

test('an edit of associations says what it would leave uncovered, move and weaken, and does it when asked', async () => {
  await enrolled('north-1')
  await configure([connector('a'), connector('b')], ['local'])
  await arePlaced(2)
  const put = (agents: readonly string[], dryRun: boolean) =>
    api.call('replaceAssociations', { query: { dryRun }, body: { associations: [{ group: 'acme', agents }] } })
  const nobody = (await put(['north-9'], true)).body as Shown
  const other = (await put(['north-1'], false)).body as Shown
  expect([
    [nobody['uncovered'], nobody['moves'], nobody['weak']],
    [other['uncovered'], other['moves'], (other['difference'] as Shown)['applied']],
    api.inventory.associations(),
  ]).toEqual([
    [
      [
        {
          group: 'acme',
          reason: 'none of the agents of the group "acme" can run it (north-9 is not known)',
          connectors: 2,
          of: 2,
        },
      ],
      2,
      [],
    ],
    [[], 2, true],
    [{ group: 'acme', agents: ['north-1'] }],
  ])
})
