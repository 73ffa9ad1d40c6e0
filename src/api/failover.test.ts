import { afterEach, beforeEach, expect, test } from 'vitest'
import { operations, type Operation, type OperationName } from '../contract/index.ts'
import { accessHandlers } from './handlers/access-handlers.ts'
import { failoverHandlers } from './handlers/failover-handlers.ts'
import { drillOfTest, fakePair, pairUrl, startTestApi, standsBy, type TestApi } from './testing.ts'

let api: TestApi
let asked: unknown[]

beforeEach(async () => {
  api = await startTestApi()
  asked = []
  const failover = fakePair(asked)
  const agentName = (id: string) => (id === 'id-of-x' ? 'agent-x' : undefined)
  api.handlers = { ...api.handlers, ...failoverHandlers({ failover, agentName }) }
})
afterEach(() => api.stop())

test('a side that stands by answers every question and takes no change but of what is its own', async () => {
  api.pair = standsBy
  const refused: string[] = []
  const own: string[] = []
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    // The keys of the contract are its names.
    const { status, body } = await api.call(name as OperationName, {
      params: { id: 'x', name: 'x', username: 'x', fingerprint: 'x', connectorId: 'x', task: 'x', system: 'x' },
    })
    const error = (body as { error?: { code: string; details?: unknown } } | undefined)?.error
    const isRefused = error?.code === 'not-active'
    if (isRefused) expect([name, status, error?.details]).toEqual([name, 409, { activeUrl: pairUrl }])
    if (operation.method === 'GET') expect([name, isRefused]).toEqual([name, false])
    else (isRefused ? refused : own).push(name)
  }
  expect({ own, someRefused: refused.length > 25 }).toEqual({
    own: [
      'createSession',
      'endSession',
      'setUp',
      'changeInstance',
      'changeSettings',
      'changeFailover',
      'handOver',
      'forceTakeover',
      'runDrill',
      'generateCertificate',
      'importCertificate',
      'trustCertificate',
      'distrustCertificate',
    ],
    someRefused: true,
  })
})

test('who is refused is told where the active server is, and who may not change anything is told nothing', async () => {
  api.pair = standsBy
  const { body } = await api.call('applyConfiguration', { body: {} })
  const { status } = await api.call('applyConfiguration', { body: {}, token: 'fw_nobody' })
  api.pair = { ...standsBy, notActive: 'this server is held', activeUrl: undefined }
  const unknown = await api.call('createUser', { body: {} })
  expect([body, status, unknown.body]).toEqual([
    {
      error: {
        code: 'not-active',
        message: 'this server is standing by: the PRIMARY is active, with term 3; nothing was changed',
        hint: `Ask the active server: ${pairUrl}`,
        details: { activeUrl: pairUrl },
      },
    },
    401,
    {
      error: {
        code: 'not-active',
        message: 'this server is held; nothing was changed',
        hint: 'Which server is active is not known here: see GET /failover on both.',
        details: { activeUrl: null },
      },
    },
  ])
})

test('a standby is ready, and says that it does not act', async () => {
  const alone = await api.get('/readyz')
  api.pair = standsBy
  const { status, body } = await api.get('/readyz')
  const instance = await api.call('showInstance')
  expect([alone.body, status, body, (instance.body as { failover: unknown }).failover]).toEqual([
    { status: 'ready' },
    200,
    { status: 'ready', acts: false, state: 'standby', reason: standsBy.notActive },
    { role: 'SECONDARY', state: 'standby', acts: false, term: 3, message: standsBy.notActive, activeUrl: pairUrl },
  ])
})

test('the pair is shown with its lag, its parts, its witnesses and what is missing', async () => {
  const { body } = await api.call('showFailover')
  expect(body).toEqual({
    role: 'SECONDARY',
    mode: 'STANDBY',
    peerUrl: pairUrl,
    peerUuid: '',
    timeoutMs: 15_000,
    pollMs: 2_000,
    state: 'standby',
    acts: false,
    term: 3,
    activeUrl: pairUrl,
    uuid: expect.any(String),
    lag: { changes: 4, seconds: null },
    parts: [
      { name: 'history', state: 'copying', changes: null, seconds: null, why: 'a gap' },
      { name: 'database', state: 'following', changes: 4, seconds: 0.5, why: null },
    ],
    peer: { state: 'active', on: true, acts: true, term: 3, complete: true, unsound: null, heardMsAgo: 700 },
    peerFingerprint: null,
    pollProblem: null,
    handsOver: false,
    witnesses: [{ agent: 'id-of-x', name: 'agent-x', says: 'served' }],
    setUp: [{ on: 'SECONDARY', done: true, message: 'The SECONDARY has the URL of the PRIMARY.' }],
    problems: [],
  })
})

test('what is left out of a change stays, and what is refused says where and what instead', async () => {
  const changed = await api.call('changeFailover', { body: { timeoutMs: 5_000 } })
  const refused = await api.call('changeFailover', { body: { mode: 'ACTIVE' } })
  const { peerUrl, timeoutMs } = changed.body as { peerUrl: string; timeoutMs: number }
  expect([peerUrl, timeoutMs, refused.status, refused.body, asked]).toEqual([
    pairUrl,
    5_000,
    400,
    {
      error: {
        code: 'invalid-value',
        message: 'a SECONDARY cannot be set to ACTIVE by hand',
        hint: 'Set it to STANDBY.',
        details: [{ path: 'mode', message: 'a SECONDARY cannot be set to ACTIVE by hand', hint: 'Set it to STANDBY.' }],
      },
    },
    [
      { given: { timeoutMs: 5_000 }, by: expect.any(String) },
      { given: { mode: 'ACTIVE' }, by: expect.any(String) },
    ],
  ])
})

test('a forced take-over is priced first, and done when the price is accepted', async () => {
  const price = {
    missingChanges: 4,
    lastContactMsAgo: 700,
    configuration: { here: 'c1', there: 'c2', same: false },
  }
  const asking = await api.call('forceTakeover')
  const before = [...asked]
  const done = await api.call('forceTakeover', { body: { confirm: true } })
  expect([asking.body, before, done.body, asked]).toEqual([
    { forced: false, price },
    [],
    { forced: true, price },
    [{ force: expect.any(String) }],
  ])
})

test('whoever may look may see the pair, and only an administrator may touch it', async () => {
  api.handlers = { ...api.handlers, ...accessHandlers(api.access) }
  const account = { username: 'wall', password: 'correct horse battery' }
  await api.call('createUser', { body: { ...account, grants: [{ role: 'viewer', group: '*' }] } })
  const { token } = (await api.call('createSession', { body: account })).body as { token: string }
  const names = ['showFailover', 'listDrills', 'changeFailover', 'handOver', 'forceTakeover', 'runDrill'] as const
  const statuses: number[] = []
  for (const name of names) statuses.push((await api.call(name, { token })).status)
  expect([statuses, asked]).toEqual([[200, 200, 403, 403, 403, 403], []])
})

test('a hand-over answers who acts, and drills are kept to be read', async () => {
  const shown = { ...drillOfTest, startedAt: '2026-01-31T12:00:00.000Z', endedAt: '2026-01-31T12:00:04.000Z' }
  const answers = [await api.call('handOver'), await api.call('runDrill'), await api.call('listDrills')]
  expect(answers.map(({ body }) => body)).toEqual([{ active: 'SECONDARY', term: 4, ms: 850 }, shown, [shown]])
})
