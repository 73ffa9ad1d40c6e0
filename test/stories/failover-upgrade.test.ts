import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, missed, rowsOf, servedNow, type Rows } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { online } from '../support/fleet.ts'
import { until, type TestInstance } from '../support/instance.ts'
import { buildNextVersion, type BuiltVersion } from '../support/next-version.ts'
import { acting, inStep, startPair, type Pair } from '../support/pair.ts'

// A pair of this version becomes one of the next, one side at a time; support/next-version.ts says what that one has that this one lacks.
// Agents stay as they are. What stands in the history at the end covers all of it.

const agents = ['north-1', 'north-2']
const tasks = 6
let target: CountingTarget
let next: BuiltVersion
let distant: BuiltVersion
let pair: Pair
let began: number
let servedBefore: ReadonlyMap<string, number>

beforeAll(async () => {
  next = await buildNextVersion()
  distant = await buildNextVersion({ min: 4, max: 5 })
  target = await CountingTarget.start()
  pair = await startPair({
    agents,
    before: async (primary) => {
      const { profiles, groups } = countingDocument(target.url, tasks)
      // What moves from agent to agent is run by both for a moment, whatever is upgraded meanwhile.
      for (const { connectors } of groups.flatMap(({ systems }) => systems))
        connectors.forEach((connector, i) => Object.assign(connector, { pin: agents[i % agents.length] }))
      const body = { profiles, groups, associations: [{ group: 'acme', agents }] }
      await primary.call('applyConfiguration', { query: {}, body })
    },
  })
  await ran(pair.primary, Date.now())
  began = Date.now()
  servedBefore = servedNow(target, (await rowsOf(pair.primary)).keys())
}, 300_000)
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
  await next?.[Symbol.asyncDispose]()
  await distant?.[Symbol.asyncDispose]()
})

/** Waits until every task has a run of after a moment. */
async function ran(server: TestInstance, after: number): Promise<void> {
  await until(
    'every task ran',
    () => server.call('listTasks', { query: {} }),
    (all) => all.length === tasks && all.every(({ lastSlot }) => lastSlot !== null && Date.parse(lastSlot) > after),
  )
}

async function upgrade(instance: TestInstance, to = next): Promise<void> {
  await instance.stop()
  instance.program = to.program
  await instance.start()
}

/** What is stored of the time since the upgrade began. */
async function stored(server: TestInstance): Promise<Rows> {
  const rows = await rowsOf(server)
  return new Map([...rows].map(([connector, all]) => [connector, all.filter(({ slot }) => slot > began - 2_000)]))
}

/** A change of the configuration, which is a revision. */
async function edit(server: TestInstance, name: string): Promise<void> {
  await server.call('applyConfiguration', { query: {}, body: { groups: [{ name }] } })
}

const groupsOf = async (server: TestInstance) => {
  // The document that is exported, of the form that is applied.
  const { groups = [] } = (await server.call('showConfiguration')) as { readonly groups?: readonly { name: string }[] }
  return groups.map(({ name }) => name)
}

/** What stands of a standby that waits. */
const waitingAlarms = async (server: TestInstance) =>
  (await server.call('listAlarms', { query: { state: 'open' } }))
    .filter(({ rule }) => rule === 'failover: standby waits')
    .map(({ message }) => message)

const partOf = async (server: TestInstance, name: string) =>
  (await server.call('showFailover')).parts.find((part) => part.name === name)

test('the SECONDARY is upgraded first, and follows a PRIMARY that is older', async () => {
  const { primary, secondary } = pair
  await upgrade(secondary)
  await secondary.signIn()
  await inStep(primary, secondary)
  await edit(primary, 'made-by-this-version')
  await until(
    'the change is there',
    () => groupsOf(secondary),
    (groups) => groups.includes('made-by-this-version'),
  )
  expect((await secondary.call('showInstance')).version).toBe(next.version)
})

test('it is handed over to, and the older side follows whatever it understands', async () => {
  const { primary, secondary } = pair
  const at = Date.now()
  await primary.call('handOver')
  await acting(secondary, true)
  await ran(secondary, at)
  await inStep(secondary, primary)
  expect((await secondary.call('showFailover')).term).toBe(2)
})

test('what it does not understand it waits for, and both sides say why', async () => {
  const { primary, secondary } = pair
  await edit(secondary, 'made-by-the-next-version')
  const seen = await until(
    'both say that it waits',
    () => Promise.all([primary, secondary].map((one) => partOf(one, 'database'))),
    (parts) => parts.every((part) => part?.state === 'waiting'),
  )
  const why = /is of a newer version of Farwatch: .* no column named origin/
  const [alarm] = await until(
    'it is an alarm',
    () => waitingAlarms(secondary),
    (alarms) => alarms.length > 0,
  )
  const waits = await until(
    'it is in the audit log',
    async () =>
      (await secondary.call('listAudit', { query: { who: 'failover' } })).find(
        ({ action }) => action === 'standby waits',
      ),
    (entry) => entry !== undefined,
  )
  expect({
    seen: seen.map((part) => part?.why),
    alarm,
    audit: waits?.what,
  }).toEqual({
    seen: Array(2).fill(expect.stringMatching(why)),
    alarm: expect.stringMatching(why),
    audit: expect.stringMatching(why),
  })
})

test('the PRIMARY is upgraded, has what it missed, and is given back control', async () => {
  const { primary, secondary } = pair
  await upgrade(primary)
  await primary.signIn()
  await inStep(secondary, primary)
  await until(
    'that is over',
    () => waitingAlarms(secondary),
    (alarms) => alarms.length === 0,
  )
  const at = Date.now()
  await secondary.call('handOver')
  await acting(primary, true)
  await ran(primary, at)
  await inStep(primary, secondary)
  expect({
    term: (await primary.call('showFailover')).term,
    groups: await Promise.all([primary, secondary].map(groupsOf)),
  }).toEqual({
    term: 3,
    groups: Array(2).fill(['acme', 'made-by-the-next-version', 'made-by-this-version']),
  })
})

test('in all that time no slot was missed, nothing was lost, and nothing counts twice', async () => {
  const { primary } = pair
  const served = servedNow(target, (await rowsOf(primary)).keys())
  await ran(primary, Date.now())
  const seen = await until(
    'everything that was served is stored',
    async () => account(await stored(primary), served, { since: servedBefore }),
    ({ strays, slots }) => strays.length === 0 && slots.missing.length === 0,
  )
  expect({ ...seen, missed: [...(await stored(primary)).values()].flatMap(missed) }).toEqual({
    strays: [],
    twice: 0,
    slots: { missing: [], twice: 0 },
    missed: [],
  })
})

test('agents are upgraded when it suits, each by itself', async () => {
  const [first] = pair.agents
  const at = Date.now()
  await upgrade(first!)
  await online(pair.primary, agents)
  await ran(pair.primary, at)
  // What is seen of it until it calls again is what was before.
  const versions = await until(
    'it calls again',
    async () => new Map((await pair.primary.call('listAgents')).map(({ name, version }) => [name, version])),
    (all) => all.get('north-1') === next.version,
  )
  expect(versions.get('north-1')).toBe(next.version)
})

test('versions that are too far apart say so on both sides, and the one that stands by leaves it at that', async () => {
  const { primary, secondary } = pair
  await upgrade(secondary, distant)
  await secondary.signIn()
  const both = () => Promise.all([primary, secondary].map((one) => one.call('showFailover')))
  // While it starts there may be other problems.
  const seen = await until('both say so', both, (all) =>
    all.every(({ pollProblem }) => pollProblem?.includes('the versions') === true),
  )
  const words = "the PRIMARY speaks the versions 1 to 2 of the pair's protocol, the SECONDARY 4 to 5"
  expect(seen.map(({ acts, pollProblem }) => [acts, pollProblem])).toEqual([
    [true, words],
    [false, `the PRIMARY refused: ${words}`],
  ])
})
