import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leftOutIn, missed, nothingLost, rowsOf, settledAt } from '../support/account.ts'
import { CountingTarget } from '../support/counting-target.ts'
import { HookReceiver } from '../support/hook-receiver.ts'
import { until, type TestInstance } from '../support/instance.ts'
import { acting, following, inStep, oneActs, startPair, type Pair } from '../support/pair.ts'
import { PairLoad } from '../support/pair-load.ts'

// A pair and two agents, under the load of two groups: of `acme` every request counts, those of `bell` fail when they are told to, so that alarms are
// raised before a takeover, amid it and after it. Each story begins with the PRIMARY active and both in step, and ends so.

const names = ['north-1', 'north-2']
let target: CountingTarget
let hook: HookReceiver
let pair: Pair
let load: PairLoad
let primary: TestInstance
let secondary: TestInstance

beforeAll(async () => {
  target = await CountingTarget.start()
  hook = await HookReceiver.start()
  pair = await startPair({ agents: names })
  primary = pair.primary
  secondary = pair.secondary
  load = await PairLoad.start({ pair, target, hook, agents: names, tasks: 6 })
})
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await hook?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

/** Under how many keys each step of the alarms of `bell` was told. */
const keysOfBells = () => Object.fromEntries([...hook.told('bell')].map(([what, keys]) => [what, keys.size]))

/** The PRIMARY acts again, and both have everything. */
async function givenBack(): Promise<void> {
  const active = await oneActs(pair)
  if (active === secondary) await secondary.call('handOver', { body: {} })
  await inStep(primary, secondary)
}

async function restarted(instance: TestInstance, end: () => Promise<unknown>): Promise<void> {
  await end()
  await instance.start()
  await instance.signIn()
}

/** Open alarms about agents and about the pair, by what they say first. */
async function openAlarms(server: TestInstance): Promise<readonly string[]> {
  const open = await server.call('listAlarms', { query: { state: 'open' } })
  return open.filter(({ group }) => group !== 'bell').map(({ rule }) => rule)
}

/** The same once it is as it should stay: a problem of the moment of a takeover is over a moment later. */
const lastingAlarms = (server: TestInstance, wanted: readonly string[], apartFrom = '') =>
  until(
    'no other alarm is open',
    async () => (await openAlarms(server)).filter((rule) => rule !== apartFrom),
    (rules) => isDeepStrictEqual(rules, wanted),
  )

const failoverOf = async (server: TestInstance) => {
  const { state, acts, term } = await server.call('showFailover')
  return { state, acts, term }
}

/** What both servers have, as each shows it, once it is the same: what a side that does not act shows is read anew part by part. */
function shownByBoth(
  one: TestInstance,
  other: TestInstance,
): Promise<readonly [Record<string, unknown>, Record<string, unknown>]> {
  return until(
    'both show the same',
    () => Promise.all([shownBy(one), shownBy(other)]),
    ([here, there]) => isDeepStrictEqual(here, there),
  )
}

/** What a server shows of what both have. */
async function shownBy(server: TestInstance): Promise<Record<string, unknown>> {
  const agents = await server.call('listAgents')
  return {
    configuration: await server.call('showConfiguration'),
    revision: await server.call('listSnapshots', { query: {} }),
    agents: agents.map(({ name, registration }) => `${name} ${registration}`).toSorted(),
    tasks: (await server.call('listTasks', { query: {} })).map(({ id, connector }) => `${id} ${connector}`),
    users: (await server.call('listUsers')).map(({ username }) => username),
    tokens: (await server.call('listTokens')).map(({ name }) => name),
    associations: await server.call('listAssociations'),
    audit: (await server.call('listAudit', { query: {} })).map(({ action, what }) => `${action} ${what}`),
    plugins: (await server.call('listPlugins')).map(({ name }) => name),
    alarms: (await server.call('listAlarms', { query: {} })).map(({ id, state }) => `${id} ${state}`),
  }
}

test('the standby shows what the active server has, and refuses changes with the address of that one', async () => {
  await primary.call('createToken', { body: { name: 'for scripts', expiresIn: '1h' } })
  load.ring('front-0', true)
  await load.rung(primary, 'front-0')
  await load.told('front-0 raised')
  await until(
    'it is at the standby',
    // What a standby shows is read anew part by part: where that takes a while, the alarm may be there before the token that was made first.
    () => Promise.all([load.bells(secondary), secondary.call('listTokens')]),
    (all) => all.every((part) => part.length > 0),
  )
  await inStep(primary, secondary)
  const [task] = await secondary.call('listTasks', { query: { group: 'acme' } })
  const gets = [
    '/instance',
    '/statistics/agents',
    '/statistics/monitors',
    '/status',
    '/placement',
    '/metrics/series',
    '/coverage',
    `/tasks/${task!.id}`,
    `/tasks/${task!.id}/results`,
    '/audit',
  ]
  const reads = await Promise.all(
    gets.map(async (path) => `${path} ${(await secondary.send('GET', `/api/v1${path}`)).status}`),
  )
  const write = await secondary.send('PUT', '/api/v1/configuration', { groups: [{ name: 'beta' }] })
  const { error } = JSON.parse(write.body) as { error: { code: string; details: unknown } }
  const ready = await secondary.send('GET', '/readyz')
  const [shown, wanted] = await shownByBoth(secondary, primary)
  expect({
    shown,
    reads,
    write: [write.status, error.code, error.details],
    ready: [ready.status, (JSON.parse(ready.body) as { acts: boolean }).acts],
  }).toEqual({
    shown: wanted,
    reads: gets.map((path) => `${path} 200`),
    write: [409, 'not-active', { activeUrl: primary.url }],
    ready: [200, false],
  })
})

/** What a server has of a time that is over: results, how the slots ended, and the metric that was read. */
async function measuredBy(server: TestInstance, task: string, range: { readonly from: string; readonly to: string }) {
  const [series] = await server.call('listSeries', { query: { match: 'hits', task } })
  const { points } = await server.call('queryMetrics', { query: { series: series!.id, ...range } })
  return {
    results: await server.call('listResults', { params: { id: task }, query: range }),
    coverage: await server.call('showCoverage', { query: { task, ...range } }),
    points,
  }
}

test('what was measured is at the standby to the last value: results, coverage and metrics', async () => {
  const [task] = await primary.call('listTasks', { query: { group: 'acme' } })
  const to = Date.now()
  const range = { from: new Date(to - 5_000).toISOString(), to: new Date(to).toISOString() }
  await load.ran(primary, to)
  const here = await measuredBy(primary, task!.id, range)
  const there = await until(
    'it is at the standby',
    () => measuredBy(secondary, task!.id, range),
    (all) => isDeepStrictEqual(all, here),
  )
  expect([here.results.length > 0, here.points.length > 0, there]).toEqual([true, true, here])
})

test('when the PRIMARY is killed the SECONDARY takes over: nothing that was acknowledged is lost or counted twice, alarms stay what they were', async () => {
  const open = await load.rung(secondary, 'front-0')
  const shown = await rowsOf(primary)
  load.ring('front-1', true)
  await primary.kill()
  await acting(secondary, true)
  await load.ran(secondary, Date.now())
  const result = await settledAt(target, secondary, shown)
  const still = await load.rung(secondary, 'front-0')
  await load.rung(secondary, 'front-1')
  await load.told('front-1 raised')
  load.ring('front-0', false)
  load.ring('front-2', true)
  await load.rung(secondary, 'front-2')
  await Promise.all(['front-0 cleared', 'front-2 raised'].map((what) => load.told(what)))
  const audit = await secondary.call('listAudit', { query: {} })
  const became = audit.find(({ who, action }) => who === 'failover' && action === 'became active')
  const told = (await secondary.call('listAlarms', { query: {} })).find(({ rule }) => rule === 'failover term 2')
  expect({
    result,
    failover: await failoverOf(secondary),
    alarmIsTheSame: still === open,
    keys: keysOfBells(),
    underTwoKeys: hook.underTwoKeys,
    repeats: hook.repeats <= names.length,
    // A timeout later it says as well that it has no standby.
    alarms: await lastingAlarms(secondary, ['failover: secondary active'], 'failover: no standby'),
    audit: [became?.what, became?.after],
    told: [told?.severity, told?.state, told?.message],
  }).toEqual({
    result: nothingLost,
    failover: { state: 'active', acts: true, term: 2 },
    alarmIsTheSame: true,
    keys: { 'front-0 raised': 1, 'front-0 cleared': 1, 'front-1 raised': 1, 'front-2 raised': 1 },
    underTwoKeys: [],
    repeats: true,
    alarms: ['failover: secondary active'],
    audit: [
      'term 2: peer lost',
      {
        at: expect.any(String),
        seen: {
          lastContactMsAgo: expect.any(Number),
          peer: expect.objectContaining({ state: 'active', term: 1 }),
          witnesses: names.map(() => ({ agent: expect.any(String), says: 'lost' })),
          lag: expect.any(Number),
        },
      },
    ],
    told: [
      'MAJOR',
      'cleared',
      expect.stringMatching(
        /^This server became active with term 2: peer lost\. The other server was last heard \d+ s ago; of agents it says north-\d: lost, north-\d: lost; \d+ changes were missing$/,
      ),
    ],
  })
})

test('the PRIMARY comes back and is held: it follows, shows everything, and cannot be made active by hand', async () => {
  await primary.start()
  await primary.signIn()
  await following(primary, 'held')
  await inStep(secondary, primary)
  // That a copy is complete is itself written into the audit log, which then has to come over.
  const [shown, wanted] = await shownByBoth(primary, secondary)
  const byHand = await primary.send('PUT', '/api/v1/failover', { mode: 'ACTIVE' })
  const write = await primary.send('PUT', '/api/v1/configuration', { groups: [{ name: 'beta' }] })
  expect({
    shown,
    byHand: [byHand.status, byHand.body],
    write: [write.status, (JSON.parse(write.body) as { error: { details: unknown } }).error.details],
    failover: [await failoverOf(primary), await failoverOf(secondary)],
  }).toEqual({
    shown: wanted,
    byHand: [400, expect.stringContaining('Set the SECONDARY to STANDBY')],
    write: [409, { activeUrl: secondary.url }],
    failover: [
      { state: 'held', acts: false, term: 2 },
      { state: 'active', acts: true, term: 2 },
    ],
  })
})

test('the SECONDARY is set to STANDBY and hands over under load: no run is missed, and no notification made twice', async () => {
  const shown = await rowsOf(secondary)
  load.ring('front-1', false)
  await secondary.call('changeFailover', { body: { mode: 'STANDBY' } })
  await acting(primary, true)
  await load.ran(primary, Date.now())
  load.ring('front-2', false)
  await Promise.all(['front-1 cleared', 'front-2 cleared'].map((what) => load.told(what)))
  await inStep(primary, secondary)
  const { repeats } = hook
  expect({
    result: await settledAt(target, primary, shown),
    missed: [...(await rowsOf(primary)).values()].flatMap(missed),
    failover: [await failoverOf(primary), await failoverOf(secondary)],
    keys: Object.values(keysOfBells()).every((count) => count === 1),
    underTwoKeys: hook.underTwoKeys,
    repeats: repeats <= names.length,
    alarms: await lastingAlarms(primary, []),
  }).toEqual({
    result: nothingLost,
    missed: [],
    failover: [
      { state: 'active', acts: true, term: 3 },
      { state: 'standby', acts: false, term: 3 },
    ],
    keys: true,
    underTwoKeys: [],
    repeats: true,
    alarms: [],
  })
})

test('a PRIMARY that stood still is replaced, and when it goes on it stops at once: nothing is stored or told twice', async () => {
  const shown = await rowsOf(primary)
  primary.pause()
  try {
    await acting(secondary, true)
    load.ring('front-0', true)
    await load.rung(secondary, 'front-0')
  } finally {
    primary.resume()
  }
  await following(primary, 'held')
  await load.ran(secondary, Date.now())
  load.ring('front-0', false)
  await load.bellsSettle(secondary)
  expect({
    result: await settledAt(target, secondary, shown),
    failover: [await failoverOf(primary), await failoverOf(secondary)],
    told: await load.notTold(secondary),
    underTwoKeys: hook.underTwoKeys,
  }).toEqual({
    result: nothingLost,
    failover: [
      { state: 'held', acts: false, term: 4 },
      { state: 'active', acts: true, term: 4 },
    ],
    told: [],
    underTwoKeys: [],
  })
  await givenBack()
})

test('a drill by the command line loses nothing, repeats nothing, and is kept', async () => {
  const drill = await primary.cli(['failover', 'drill', '--json'])
  const report = JSON.parse(drill.stdout) as Record<string, unknown> & {
    readonly startedAt: string
    readonly endedAt: string
  }
  const [from, to] = [Date.parse(report.startedAt), Date.parse(report.endedAt)]
  const rows = await Promise.all(['acme', 'bell'].map((group) => rowsOf(primary, group)))
  const leftOut = rows.flatMap((each) => [...each.values()]).reduce((sum, all) => sum + leftOutIn(all, from, to), 0)
  expect([drill.code, report, (await primary.call('listDrills'))[0]]).toEqual([
    0,
    expect.objectContaining({
      resultsLost: 0,
      duplicates: 0,
      // It tells these as well, and they are not the drill's.
      runsMissed: leftOut,
      notificationsRepeated: 0,
      problems: [],
      there: { ms: expect.any(Number), idleMs: expect.any(Number) },
      back: { ms: expect.any(Number), idleMs: expect.any(Number) },
    }),
    report,
  ])
})

test('a SECONDARY that is restarted amid a takeover takes over nevertheless', async () => {
  const shown = await rowsOf(primary)
  await primary.kill()
  await until(
    'it misses the PRIMARY',
    () => secondary.call('showFailover'),
    ({ peer }) => peer !== null && peer.heardMsAgo > 3_000,
  )
  await restarted(secondary, () => secondary.kill())
  await acting(secondary, true)
  await load.ran(secondary, Date.now())
  await restarted(primary, () => primary.kill())
  await following(primary, 'held')
  expect(await settledAt(target, secondary, shown)).toEqual(nothingLost)
})

test(
  'a SECONDARY that is told to end amid a takeover ends in order, and acts when it is started again',
  { timeout: 240_000 },
  async () => {
    await givenBack()
    const shown = await rowsOf(primary)
    const logged = secondary.log.length
    await primary.kill()
    await until(
      'it becomes active',
      async () => secondary.log.slice(logged),
      (log) => log.includes('"event":"becomes active"'),
    )
    const code = await secondary.stop()
    await secondary.start()
    await secondary.signIn()
    await acting(secondary, true)
    await load.ran(secondary, Date.now())
    await restarted(primary, () => primary.kill())
    await following(primary, 'held')
    expect([code, await settledAt(target, secondary, shown)]).toEqual([0, nothingLost])
  },
)

test.each([
  ['the PRIMARY first', () => [primary, secondary]],
  ['the SECONDARY first', () => [secondary, primary]],
])('both are killed and started, %s: exactly one acts, and nothing is lost', async (_, order) => {
  const shown = await rowsOf(await oneActs(pair))
  await Promise.all([primary.kill(), secondary.kill()])
  for (const each of order()) await restarted(each, () => each.kill())
  const active = await oneActs(pair)
  await load.ran(active, Date.now())
  expect(await settledAt(target, active, shown)).toEqual(nothingLost)
})

test('to force a takeover shows first what it costs, and then acts at once', async () => {
  await givenBack()
  // The SECONDARY is to be asked before it takes over by itself.
  await secondary.call('changeFailover', { body: { timeoutMs: 60_000 } })
  // As of the last poll: one that came before the first change of this term says nothing of what is missing.
  await until(
    'it is known how far the SECONDARY is',
    () => secondary.call('forceTakeover', { body: {} }),
    ({ price }) => price.missingChanges !== null,
  )
  await primary.kill()
  const asked = await secondary.call('forceTakeover', { body: {} })
  const before = await failoverOf(secondary)
  const done = await secondary.call('forceTakeover', { body: { confirm: true } })
  const after = await failoverOf(secondary)
  await restarted(primary, () => primary.kill())
  await following(primary, 'held')
  expect({ asked, before: before.acts, done: done.forced, after, now: await failoverOf(secondary) }).toEqual({
    asked: {
      forced: false,
      price: {
        missingChanges: expect.any(Number),
        lastContactMsAgo: expect.any(Number),
        configuration: { here: expect.any(String), there: expect.any(String), same: true },
      },
    },
    before: false,
    done: true,
    after: { state: 'active', acts: true, term: before.term + 1 },
    now: after,
  })
})
