import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError } from '../base/index.ts'
import { operations, type Operation, type OperationName } from '../contract/index.ts'
import { defaultPairSettings, type DrillReport, type PairSettings } from '../failover/index.ts'
import type { FailoverFacts, FailoverQuestions, PairNow } from './failover.ts'
import { failoverHandlers } from './handlers/failover-handlers.ts'
import { startTestApi, type TestApi } from './testing.ts'

const there = 'https://a.example:8443'
const ownUuid = 'e71ac1f6-6c4a-4c7e-9c0e-0a1b2c3d4e5f'

const standby: PairNow = {
  role: 'SECONDARY',
  state: 'standby',
  term: 3,
  notActive: 'this server is standing by: the PRIMARY is active, with term 3',
  activeUrl: there,
}

const drill: DrillReport = {
  startedAt: Date.UTC(2026, 0, 31, 12),
  endedAt: Date.UTC(2026, 0, 31, 12, 0, 4),
  by: 'admin',
  there: { ms: 900, idleMs: 150 },
  back: { ms: 1_100, idleMs: 200 },
  resultsLost: 0,
  duplicates: 0,
  runsMissed: 0,
  notificationsRepeated: 0,
  problems: [],
}

/** A SECONDARY that stands by; remembers what was asked of it. */
function fakePair(asked: unknown[]): FailoverQuestions {
  let settings: PairSettings = { ...defaultPairSettings, role: 'SECONDARY', mode: 'STANDBY', peerUrl: there }
  const facts = (): FailoverFacts => ({
    pair: {
      settings,
      mode: settings.mode,
      state: 'standby',
      term: 3,
      lag: 4,
      peer: {
        state: 'active',
        isOn: true,
        acts: true,
        term: 3,
        position: { term: 3, count: 104 },
        isWhole: true,
        unsound: undefined,
        followers: 1,
        configuration: 'c1',
        handOver: 'none',
        asksForHandOver: false,
        heardMsAgo: 700,
      },
      witnesses: [{ agent: 'id-of-x', says: 'served' }],
      handsOver: false,
      problems: [],
      pollProblem: undefined,
    },
    parts: {
      history: { is: 'copying', why: 'a gap' },
      database: { is: 'following', point: { log: 'l', position: 4, chain: '' } as never, changes: 4, seconds: 0.5 },
    },
    setUp: [{ on: 'SECONDARY', isDone: true, message: 'The SECONDARY has the URL of the PRIMARY.' }],
    ownUuid,
    peerFingerprint: undefined,
  })
  return {
    now: () => standby,
    status: async () => facts(),
    set: async (given, by) => {
      asked.push({ given, by })
      if (given.mode === 'ACTIVE') {
        const problem = {
          path: 'mode',
          message: 'a SECONDARY cannot be set to ACTIVE by hand',
          hint: 'Set it to STANDBY.',
        }
        throw new FarwatchError('invalid-value', problem.message, { hint: problem.hint, problems: [problem] })
      }
      settings = { ...settings, ...given }
    },
    handOver: async (by) => {
      asked.push({ handOver: by })
      return { active: 'SECONDARY', term: 4, ms: 850 }
    },
    forcePrice: () => ({
      missingChanges: 4,
      lastContactMsAgo: 700,
      configuration: { here: 'c1', there: 'c2' },
    }),
    force: async (by) => void asked.push({ force: by }),
    drill: async () => drill,
    drills: async () => [drill],
  }
}

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
  api.pair = standby
  const refused: string[] = []
  const own: string[] = []
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    // The keys of the contract are its names.
    const { status, body } = await api.call(name as OperationName, {
      params: { id: 'x', name: 'x', username: 'x', fingerprint: 'x', connectorId: 'x', task: 'x', system: 'x' },
    })
    const error = (body as { error?: { code: string; details?: unknown } } | undefined)?.error
    const isRefused = error?.code === 'not-active'
    if (isRefused) expect([name, status, error?.details]).toEqual([name, 409, { activeUrl: there }])
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
  api.pair = standby
  const { body } = await api.call('applyConfiguration', { body: {} })
  const { status } = await api.call('applyConfiguration', { body: {}, token: 'fw_nobody' })
  api.pair = { ...standby, notActive: 'this server is held', activeUrl: undefined }
  const unknown = await api.call('createUser', { body: {} })
  expect([body, status, unknown.body]).toEqual([
    {
      error: {
        code: 'not-active',
        message: 'this server is standing by: the PRIMARY is active, with term 3; nothing was changed',
        hint: `Ask the active server: ${there}`,
        details: { activeUrl: there },
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
  api.pair = standby
  const { status, body } = await api.get('/readyz')
  const instance = await api.call('showInstance')
  expect([alone.body, status, body, (instance.body as { failover: unknown }).failover]).toEqual([
    { status: 'ready' },
    200,
    { status: 'ready', acts: false, state: 'standby', reason: standby.notActive },
    { role: 'SECONDARY', state: 'standby', acts: false, term: 3, message: standby.notActive, activeUrl: there },
  ])
})

test('the pair is shown with its lag, its parts, its witnesses and what is missing', async () => {
  const { body } = await api.call('showFailover')
  expect(body).toEqual({
    role: 'SECONDARY',
    mode: 'STANDBY',
    peerUrl: there,
    peerUuid: '',
    timeoutMs: 15_000,
    pollMs: 2_000,
    state: 'standby',
    acts: false,
    term: 3,
    activeUrl: there,
    uuid: ownUuid,
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
    there,
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

test('a hand-over answers who acts, and drills are kept to be read', async () => {
  const shown = { ...drill, startedAt: '2026-01-31T12:00:00.000Z', endedAt: '2026-01-31T12:00:04.000Z' }
  const answers = [await api.call('handOver'), await api.call('runDrill'), await api.call('listDrills')]
  expect(answers.map(({ body }) => body)).toEqual([{ active: 'SECONDARY', term: 4, ms: 850 }, shown, [shown]])
})
