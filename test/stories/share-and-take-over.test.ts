import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, rowsOf, servedNow, vanished } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { online, startFleet, type Fleet } from '../support/fleet.ts'
import { until, type TestInstance } from '../support/instance.ts'

// Two agents that share two groups: `acme`, which goes on being watched by an agent that is cut off, and `vault`, which must never be asked twice.

const names = ['north-1', 'north-2']
const acme = { group: 'acme', tasks: 6, periodMs: 1_000 }
const vault = { group: 'vault', tasks: 4, periodMs: 2_000 }
let target: CountingTarget
let fleet: Fleet
let server: TestInstance

beforeAll(async () => {
  target = await CountingTarget.start()
  fleet = await startFleet({ agents: names })
  server = fleet.server
  const [open, closed] = [
    countingDocument(target.url, acme.tasks),
    countingDocument(target.url, vault.tasks, { group: 'vault', whenCutOff: 'exclusive', period: '2s' }),
  ]
  await server.call('applyConfiguration', {
    query: {},
    body: {
      profiles: [...open.profiles, ...closed.profiles],
      groups: [...open.groups, ...closed.groups],
      associations: [acme, vault].map(({ group }) => ({ group, agents: names })),
    },
  })
})
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

/** Who runs each connector of a group. */
async function placesOf(group: string): Promise<ReadonlyMap<string, string | null>> {
  const tasks = await server.call('listTasks', { query: { group } })
  return new Map(tasks.map(({ connector, agent }) => [connector, agent]))
}

const runners = async () =>
  [...new Set([...(await placesOf('acme')).values(), ...(await placesOf('vault')).values()].map(String))].toSorted()

/** An agent that runs something of each of some groups, and the other one. Who came back a while ago has nothing yet. */
async function oneWithWork(...groups: readonly string[]) {
  const places = await Promise.all(groups.map(async (group) => [...(await placesOf(group)).values()]))
  const all = fleet.agents.map((instance, i) => ({ instance, name: names[i]! }))
  const one = all.find(({ name }) => places.every((some) => some.includes(name))) ?? all[0]!
  return [one, all.find((other) => other !== one)!] as const
}

/** Open alarms that name an agent as lost. */
async function lostAlarms(): Promise<string[]> {
  const open = await server.call('listAlarms', { query: { state: 'raised' } })
  return open.filter(({ message }) => /silent for more than|fell silent/.test(message)).map(({ message }) => message)
}

/** Waits until every task has a run that began after a moment. */
async function allRan(group: { group: string; tasks: number }, after: number): Promise<void> {
  await until(
    `everything of ${group.group} ran`,
    () => rowsOf(server, group.group),
    (rows) =>
      rows.size === group.tasks &&
      [...rows.values()].every((all) => all.some((row) => row.startedAt !== null && row.slot > after)),
  )
}

test('two agents share the work of a group', async () => {
  await until('both have work', runners, (agents) => agents.join() === names.join())
  await Promise.all([acme, vault].map((group) => allRan(group, Date.now())))
})

test('when one is killed its work runs elsewhere, under one alarm that names the groups and ends with the absence', async () => {
  // Connectors are dealt out whatever their group: one of the two may have none of the smaller one.
  const [killed, other] = await oneWithWork('acme', 'vault')
  const shown = await rowsOf(server)
  await killed.instance.kill()
  const killedAt = Date.now()
  await until('the other has everything', runners, (agents) => agents.join() === other.name)
  await Promise.all([acme, vault].map((group) => allRan(group, killedAt)))
  const alarms = await until('an alarm was raised', lostAlarms, (all) => all.length > 0)
  await killed.instance.start()
  await online(server, names)
  await until('the alarm is cleared', lostAlarms, (all) => all.length === 0)
  await allRan(acme, Date.now())
  // Nobody ran the slots between the loss and the takeover; who was lost says so when it is back.
  const { twice, slots } = await until(
    'what was missed is told',
    async () => account(await rowsOf(server), new Map()),
    (seen) => seen.slots.missing.length === 0,
  )
  expect({
    alarms: alarms.map((message) => /agent (\S+) .*Groups concerned: (.*)$/.exec(message)?.slice(1)),
    lost: vanished(shown, await rowsOf(server)),
    twice,
    slots,
  }).toEqual({
    alarms: [[killed.name, 'acme and vault']],
    lost: [],
    twice: 0,
    slots: { missing: [], twice: 0 },
  })
})

test('an agent that stands still and wakes up asks nothing of an exclusive group that another has meanwhile', async () => {
  const places = await placesOf('vault')
  const [stopped, other] = await oneWithWork('vault')
  await allRan(vault, Date.now())
  await betweenRuns()
  const before = servedNow(target, places.keys(), 'vault')
  stopped.instance.pause()
  try {
    await until(
      'the other has everything',
      () => placesOf('vault'),
      (now) => [...now.values()].every((agent) => agent === other.name),
    )
    await allRan(vault, Date.now())
  } finally {
    stopped.instance.resume()
  }
  await online(server, names)
  await allRan(vault, Date.now())
  await allRan(vault, Date.now())
  await betweenRuns()
  const served = servedNow(target, places.keys(), 'vault')
  // Each request that was ever served is the one run of one slot: a second one for a slot would be a counter without a result.
  const seen = await until(
    'everything that was served is stored, and what was missed is told',
    async () => account(await rowsOf(server, 'vault'), served, { periodMs: vault.periodMs, since: before }),
    ({ strays, slots }) => strays.length === 0 && slots.missing.length === 0,
  )
  expect({
    ...seen,
    ran: [...served].every(([connector, count]) => count > before.get(connector)!),
  }).toEqual({ strays: [], twice: 0, slots: { missing: [], twice: 0 }, ran: true })

  /** Waits for a moment at which no request of the group is under way: all runs that were due are stored, and the next is not due at once. */
  async function betweenRuns(): Promise<void> {
    const { group, tasks, periodMs } = vault
    await until(
      'nothing of the group is under way',
      async () => {
        const newest = [...(await rowsOf(server, group)).values()].map((all) => all.at(-1)!.slot)
        const at = Date.now()
        return newest.map((slot) => slot + periodMs - at)
      },
      (dueInMs) => dueInMs.length === tasks && dueInMs.every((ms) => ms > 150 && ms <= periodMs),
    )
  }
})
