import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { openDatabase, silentLog, type Database } from '../platform/index.ts'
import {
  openDistribution,
  type Distribution,
  type DistributionChange,
  type RegisteredAgent,
  type Work,
} from './distribution.ts'
import { defaultLeaseSettings } from './leases.ts'
import { defaultPlacementSettings } from './placement.ts'
import { distributionSchema, type AgentFacts } from './schema.ts'

let directory: string
let database: Database
let clock: ManualClock
let open: Distribution[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-distribution-'))
  database = await openDatabase({ file: join(directory, 'a.db'), schema: [distributionSchema] })
  clock = new ManualClock()
})
afterEach(async () => {
  for (const distribution of open) await distribution.stop()
  open = []
  await database.close()
  rmSync(directory, { recursive: true })
})

const facts: AgentFacts = {
  monitors: ['http.response'],
  machine: { cores: 2, parallelTasks: 128 },
  provesReach: true,
}

function workOf(connectors: number, agents: readonly string[], exclusive = false): Work {
  return {
    connectors: Array.from({ length: connectors }, (_, i) => ({
      id: `c${i}`,
      group: 'acme',
      programs: [],
      tasks: [{ id: `t${i}`, monitor: 'http.response', periodMs: 60_000, timeoutMs: 10_000 }],
    })),
    groups: new Map([['acme', { agents, exclusive }]]),
  }
}

/** A server, and the agents around it: those that are alive call every second, confirm what they are to run and prove what they are asked. */
class World {
  readonly distribution: Distribution
  readonly changes: DistributionChange[] = []
  readonly alive = new Set<string>()
  readonly #registered = new Map<string, RegisteredAgent>()
  reaches: (agent: string, connector: string) => boolean = () => true

  constructor(distribution: Distribution) {
    this.distribution = distribution
    distribution.onChange((change) => this.changes.push(change))
  }

  register(id: string, more: Partial<RegisteredAgent> = {}): void {
    this.#registered.set(id, { id, name: id, local: false, registration: 'ACCEPTED', admin: 'ON', ...more })
    this.distribution.setAgents([...this.#registered.values()])
  }

  remove(id: string): void {
    this.#registered.delete(id)
    this.alive.delete(id)
    this.distribution.setAgents([...this.#registered.values()])
  }

  join(id: string, more: Partial<AgentFacts> = {}): void {
    this.register(id)
    this.distribution.heard(id, { facts: { ...facts, ...more } })
    this.alive.add(id)
  }

  /** Seconds pass. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1_000)
      for (const id of this.alive) {
        for (const connector of this.distribution.probesOf(id)) {
          const ok = this.reaches(id, connector)
          this.distribution.proved(id, connector, { ok, reason: ok ? '' : 'connection refused' })
        }
        this.distribution.heard(id, { confirms: this.distribution.assignmentScope(id).version, left: 0 })
      }
    }
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.distribution.agents().map(({ id, connectors }) => [id, connectors]))
  }

  problems(): readonly string[] {
    return this.distribution.problems().map(({ key, message }) => `${key} | ${message}`)
  }
}

async function opened(): Promise<Distribution> {
  const distribution = await openDistribution({
    database,
    clock,
    log: silentLog,
    settings: () => ({ lease: defaultLeaseSettings, placement: defaultPlacementSettings }),
  })
  open.push(distribution)
  return distribution
}

async function worldOf(work: Work, agents: readonly string[]): Promise<World> {
  const distribution = await opened()
  const world = new World(distribution)
  distribution.setWork(work)
  distribution.start()
  for (const agent of agents) world.join(agent)
  // The grace after the start.
  world.pass(60)
  return world
}

test('the work of an agent that falls silent runs elsewhere within twenty seconds, and one alarm names its groups', async () => {
  const world = await worldOf(workOf(9, ['a', 'b', 'c']), ['a', 'b', 'c'])
  const before = world.counts()
  world.alive.delete('a')
  let seconds = 0
  while (world.distribution.assignmentScope('a').connectors.size > 0 && seconds < 60) {
    world.pass(1)
    seconds++
  }
  const problems = world.problems()
  const keys = world.changes.flatMap(({ raised }) => raised.map(({ key }) => key))
  world.alive.add('a')
  world.pass(5)
  expect({
    before,
    inTime: seconds <= 18,
    after: world.distribution.agents().map(({ id, runtime }) => `${id} ${runtime}`),
    problems,
    alarms: keys.filter((key) => key.startsWith('agent')),
    cleared: world.changes.flatMap(({ cleared }) => cleared).filter((key) => key.startsWith('agent')),
  }).toEqual({
    before: { a: 3, b: 3, c: 3 },
    inTime: true,
    after: ['a ONLINE', 'b ONLINE', 'c ONLINE'],
    problems: ['agent lost: a | The agent a has been silent for more than 15s. Groups concerned: acme'],
    alarms: ['agent lost: a'],
    cleared: ['agent lost: a'],
  })
})

test('slots are nobody’s from the last word of a lost agent until the next one confirms', async () => {
  const world = await worldOf(workOf(1, ['a', 'b']), ['a', 'b'])
  const { distribution } = world
  const owner = distribution.assignmentScope('a').connectors.size > 0 ? 'a' : 'b'
  const seen: unknown[] = []
  distribution.onChange(() => seen.push(...[...distribution.idle()].map(([id, { reason }]) => `${id}: ${reason}`)))
  const lastWordAt = clock.now()
  world.alive.delete(owner)
  let since: number | undefined
  for (let seconds = 0; seconds < 25; seconds++) {
    world.pass(1)
    since ??= [...distribution.idle().values()][0]?.since
  }
  const other = owner === 'a' ? 'b' : 'a'
  expect({
    seen: [...new Set(seen)],
    since: since === undefined || since === lastWordAt,
    left: distribution.idle().size,
  }).toEqual({
    seen: [`c0: ${owner} had it, and ${other} took it over`],
    since: true,
    left: 0,
  })
})

test('in an exclusive group slots are nobody’s while a connector changes hands', async () => {
  const world = await worldOf(workOf(4, ['a', 'b'], true), ['a', 'b'])
  const seen = new Set<string>()
  world.distribution.onChange(() => {
    for (const { reason } of world.distribution.idle().values()) seen.add(reason)
  })
  void world.distribution.drain('a')
  world.pass(60)
  expect({ seen: [...seen], left: world.distribution.idle().size }).toEqual({
    seen: ['it was handed from a to b, and its group is exclusive'],
    left: 0,
  })
})

test('a restart moves nothing, and nobody is missed before agents had the time to come back', async () => {
  const first = await worldOf(workOf(10, ['a', 'b', 'c']), ['a', 'b', 'c'])
  const before = new Map(first.distribution.placement().places)
  await first.distribution.stop()
  open = []
  const again = await openDistribution({
    database,
    clock,
    log: silentLog,
    settings: () => ({ lease: defaultLeaseSettings, placement: defaultPlacementSettings }),
  })
  open.push(again)
  const scopes = ['a', 'b', 'c'].map((id) => again.assignmentScope(id).connectors.size)
  const world = new World(again)
  again.setWork(workOf(10, ['a', 'b', 'c']))
  again.start()
  world.pass(40)
  const runtimes = again.agents().map(({ runtime }) => runtime)
  for (const id of ['a', 'b', 'c']) world.alive.add(id)
  world.pass(60)
  expect({ scopes: scopes.sort((a, b) => a - b), runtimes, places: again.placement().places }).toEqual({
    scopes: [3, 3, 4],
    runtimes: ['ONLINE', 'ONLINE', 'ONLINE'],
    places: before,
  })
})

test('a server that stood still forgives everybody the time', async () => {
  const world = await worldOf(workOf(6, ['a', 'b']), ['a', 'b'])
  const changes = world.changes.length
  // The wall clock runs on while the machine is suspended; no timer does.
  clock.jump(3_600_000)
  world.pass(10)
  expect({
    states: world.distribution.agents().map(({ runtime }) => runtime),
    changes: world.changes.length - changes,
  }).toEqual({
    states: ['ONLINE', 'ONLINE'],
    changes: 0,
  })
})

test('a drain ends when others run everything, the agent has stopped and its results are here; every connector runs all along', async () => {
  const world = await worldOf(workOf(8, ['a', 'b']), ['a', 'b'])
  const drained = world.distribution.drain('a')
  let isAlwaysRun = true
  for (let i = 0; i < 20; i++) {
    world.pass(1)
    const scopes = ['a', 'b'].map((id) => world.distribution.assignmentScope(id).connectors)
    isAlwaysRun &&= new Set(scopes.flatMap((scope) => [...scope])).size === 8
  }
  expect({
    end: await drained,
    isAlwaysRun,
    counts: world.counts(),
    states: world.distribution.agents()[0]?.drain,
  }).toEqual({
    end: { is: 'drained' },
    isAlwaysRun: true,
    counts: { a: 0, b: 8 },
    states: 'done',
  })
  // It goes, and nobody is alarmed.
  world.alive.delete('a')
  world.pass(30)
  expect(world.problems().filter((words) => words.startsWith('agent'))).toEqual([])
})

test('a drain says what cannot go elsewhere, and why', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), ['a', 'b'])
  const [stays] = [...world.distribution.assignmentScope('a').connectors].sort()
  world.reaches = (agent, connector) => agent === 'a' || connector !== stays
  const drained = world.distribution.drain('a')
  world.pass(20)
  expect(await drained).toEqual({
    is: 'stuck',
    connectors: [{ connector: stays, reason: 'no other agent reaches the target (b: connection refused)' }],
  })
})

test('who is drained no more gets its share back, however many moves that takes', async () => {
  const world = await worldOf(workOf(60, ['a', 'b']), ['a', 'b'])
  const drained = world.distribution.drain('a')
  world.pass(60)
  await drained
  world.distribution.endDrain('a')
  world.pass(120)
  expect([world.distribution.assignmentScope('a').connectors.size >= 27, world.distribution.idle().size]).toEqual([
    true,
    0,
  ])
})

test('a drain can be called off', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), ['a', 'b'])
  const drained = world.distribution.drain('a')
  world.distribution.endDrain('a')
  expect(await drained).toEqual({ is: 'ended' })
})

test('most agents silent at once are one alarm, and nothing moves', async () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const world = await worldOf(workOf(20, names), names)
  const before = new Map(world.distribution.placement().places)
  const { length } = world.changes
  for (const id of ['a', 'b', 'c', 'd']) world.alive.delete(id)
  world.pass(30)
  const raised = world.changes.slice(length).flatMap((change) => change.raised.map(({ key }) => key))
  const counts = world.counts()
  for (const id of names) world.alive.add(id)
  world.pass(10)
  expect({
    raised: new Set(raised.filter((key) => key.startsWith('agent'))),
    counts,
    places: world.distribution.placement().places,
  }).toEqual({
    raised: new Set(['agents lost']),
    counts: { a: 4, b: 4, c: 4, d: 4, e: 4 },
    places: before,
  })
})

test('an agent whose version cannot prove anything is believed', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), ['a'])
  world.join('b', { provesReach: false })
  world.pass(5)
  expect(world.counts()).toEqual({ a: 2, b: 2 })
})

test('an agent that does not answer a question for proof gets nothing', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), ['a'])
  world.join('b')
  world.distribution.heard('b')
  world.alive.delete('b')
  for (let i = 0; i < 60; i++) {
    world.pass(1)
    world.distribution.heard('b')
  }
  const why = world.distribution.why('c0')
  expect([world.counts(), why?.others]).toEqual([
    { a: 4, b: 0 },
    [{ agent: 'b', because: expect.stringMatching(/^did not reach the target .* it did not say within 30s$/) }],
  ])
})

test('silence about targets that agents run already sends nothing elsewhere before two minutes are over', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), [])
  world.join('a')
  world.join('b')
  world.alive.clear()
  const owners = () =>
    [...world.distribution.placement().places.values()].map((at) => (at.is === 'uncovered' ? '-' : at.agent))
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      world.pass(1)
      for (const id of ['a', 'b'])
        world.distribution.heard(id, { confirms: world.distribution.assignmentScope(id).version, left: 0 })
    }
  }
  pass(5)
  const first = owners()
  pass(110)
  expect([owners(), world.distribution.probesOf('a').length + world.distribution.probesOf('b').length]).toEqual([
    first,
    4,
  ])
})

/** Each reading takes three milliseconds. */
class SlowClock extends ManualClock {
  override elapsed(): number {
    return super.elapsed() + 3 * this.#readings++
  }
  #readings = 0
}

test('a long look pauses, changes nothing before its end, and what comes meanwhile is not lost', async () => {
  clock = new SlowClock()
  const world = await worldOf(workOf(2_000, ['a', 'b']), [])
  world.distribution.setAgents(
    ['a', 'b'].map((id) => ({ id, name: id, local: false, registration: 'ACCEPTED', admin: 'ON' })),
  )
  world.distribution.heard('a', { facts })
  clock.advance(1_000)
  const during = world.distribution.assignmentScope('a').connectors.size
  // Comes in a pause, and is to be there after the next look.
  world.distribution.heard('b', { facts })
  world.distribution.setWork(workOf(1_000, ['a', 'b']))
  let after: Readonly<Record<string, number>> = {}
  for (let i = 0; i < 1_000 && (after['a'] ?? 0) + (after['b'] ?? 0) !== 1_000; i++) {
    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
    after = world.counts()
  }
  expect([during, after]).toEqual([0, { a: 500, b: 500 }])
})

test('a start with much to place pauses, and says once when agents may be told what they are to run', async () => {
  clock = new SlowClock()
  const distribution = await opened()
  distribution.setWork(workOf(2_000, ['a']))
  const placed: number[] = []
  distribution.start(() => placed.push(distribution.placement().places.size))
  const atOnce = [...placed]
  for (let i = 0; i < 1_000; i++) {
    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect([atOnce, placed]).toEqual([[], [2_000]])
})

test('a pending agent gets nothing; an accepted one does; a removed one loses it', async () => {
  const world = await worldOf(workOf(2, ['a']), [])
  world.register('a', { registration: 'PENDING' })
  world.distribution.heard('a', { facts })
  world.pass(3)
  const pending = world.distribution.uncovered()
  world.register('a')
  world.alive.add('a')
  world.pass(3)
  const accepted = world.counts()
  world.remove('a')
  world.pass(3)
  expect({
    pending,
    accepted,
    removed: world.problems(),
    scope: world.distribution.assignmentScope('a').connectors.size,
  }).toEqual({
    pending: [
      {
        group: 'acme',
        connectors: 2,
        of: 2,
        reason: 'none of the agents of the group "acme" can run it (a: waits to be accepted (PENDING))',
      },
    ],
    accepted: { a: 2 },
    removed: [
      'uncovered: acme | The group "acme" is UNCOVERED, nobody runs it: none of the agents of the group "acme" can run it (a is not known)',
    ],
    scope: 0,
  })
})

test('an agent that is forgotten and back before anything was placed anew runs what it had', async () => {
  const world = await worldOf(workOf(3, ['a']), ['a'])
  const before = [...world.distribution.assignmentScope('a').connectors].sort()
  world.distribution.setAgents([])
  world.register('a')
  const after = [...world.distribution.assignmentScope('a').connectors].sort()
  expect([before, after]).toEqual([
    ['c0', 'c1', 'c2'],
    ['c0', 'c1', 'c2'],
  ])
})

test('the local agent is never silent, and its loss is no reason for a warning', async () => {
  const world = await worldOf(workOf(2, ['local']), [])
  world.register('self', { name: 'box', local: true })
  world.distribution.heard('self', { facts })
  world.pass(120)
  expect(world.counts()).toEqual({ self: 2 })
  expect(world.problems()).toEqual([])
})

test('results teach what connectors cost, and the balance follows', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), ['a', 'b'])
  const heavy = [...world.distribution.assignmentScope('a').connectors]
  const run = (task: string, durationMs: number) =>
    ({ kind: 'run', task, slot: 0, outcome: 'ran', startedAt: 0, durationMs, samples: [] }) as const
  world.distribution.counted(
    ['c0', 'c1', 'c2', 'c3'].map((id) => run(`t${id.slice(1)}`, heavy.includes(id) ? 9_000 : 100)),
  )
  world.pass(60)
  const owners = heavy.map((id) => world.distribution.why(id)?.agent)
  expect(new Set(owners)).toEqual(new Set(['a', 'b']))
})

test('the fault of a full disk keeps no work from moving, and what was not stored is stored later', async () => {
  const world = await worldOf(workOf(4, ['a', 'b']), ['a', 'b'])
  await world.distribution.stop()
  open = []
  let isFull = true
  const failing: Database = {
    ...database,
    write: (batch) => (isFull ? Promise.reject(new Error('disk full')) : database.write(batch)),
  }
  const distribution = await openDistribution({
    database: failing,
    clock,
    log: silentLog,
    settings: () => ({ lease: defaultLeaseSettings, placement: defaultPlacementSettings }),
  })
  open.push(distribution)
  distribution.setWork(workOf(4, ['a', 'b']))
  distribution.start()
  const next = new World(distribution)
  next.alive.add('b')
  next.pass(70)
  const counts = next.counts()
  isFull = false
  await distribution.stop()
  open = []
  const stored = await database.read<{ place: string }>('SELECT place FROM distribution_place')
  expect({ counts, stored: stored.map(({ place }) => (JSON.parse(place) as { agent: string }).agent) }).toEqual({
    counts: { a: 0, b: 4 },
    stored: ['b', 'b', 'b', 'b'],
  })
})

// What may happen to a world, in any order. `kill` and `revive` are an agent's machine; the other words are an administrator's.
const happenings = fc.array(
  fc.record({
    seconds: fc.integer({ min: 1, max: 40 }),
    what: fc.constantFrom('kill', 'revive', 'revive', 'drain', 'undrain', 'off', 'on', 'associate', 'blind', 'see'),
    agent: fc.constantFrom('a', 'b', 'c', 'd'),
  }),
  { maxLength: 12 },
)

test('whatever happens to agents, what somebody can run is run by somebody within twenty seconds of the last loss, and by one in the end', async () => {
  const names = ['a', 'b', 'c', 'd']
  await fc.assert(
    fc.asyncProperty(happenings, fc.boolean(), async (story, exclusive) => {
      await database.write(
        ['agent', 'place', 'mass_loss'].map((table) => ({ sql: `DELETE FROM distribution_${table}` })),
      )
      const world = await worldOf(workOf(12, names, exclusive), names)
      const { distribution } = world
      try {
        let associated = names
        const off = new Set<string>()
        const draining = new Set<string>()
        const blind = new Set<string>()
        world.reaches = (agent) => !blind.has(agent)
        const ableFor = new Map(names.map((name) => [name, 60]))
        const missedFor = new Map<string, number>()
        const second = () => {
          world.pass(1)
          for (const name of names) {
            const isAble = world.alive.has(name) && associated.includes(name) && !off.has(name) && !draining.has(name)
            ableFor.set(name, isAble ? ableFor.get(name)! + 1 : 0)
          }
          const isSomebodyAble = [...ableFor.values()].some((seconds) => seconds > 25)
          for (let i = 0; i < 12; i++) {
            const runners = [...world.alive].filter((id) => distribution.assignmentScope(id).connectors.has(`c${i}`))
            const isMissed = runners.length === 0 && isSomebodyAble && distribution.placement().massLoss === undefined
            missedFor.set(`c${i}`, isMissed ? (missedFor.get(`c${i}`) ?? 0) + 1 : 0)
            expect(missedFor.get(`c${i}`)).toBeLessThanOrEqual(20)
            if (exclusive) expect(runners.length).toBeLessThanOrEqual(1)
          }
        }
        for (const { seconds, what, agent } of story) {
          if (what === 'kill') {
            world.alive.delete(agent)
            // A second loss while the first is being mended begins anew.
            missedFor.clear()
          } else if (what === 'revive') world.alive.add(agent)
          else if (what === 'drain') {
            void distribution.drain(agent)
            draining.add(agent)
          } else if (what === 'undrain') {
            distribution.endDrain(agent)
            draining.delete(agent)
          } else if (what === 'off' || what === 'on') {
            if (what === 'off') off.add(agent)
            else off.delete(agent)
            world.register(agent, { admin: what === 'off' ? 'OFF' : 'ON' })
          } else if (what === 'associate') {
            associated = associated.includes(agent)
              ? associated.filter((name) => name !== agent)
              : [...associated, agent].sort()
            distribution.setWork(workOf(12, associated, exclusive))
          } else if (what === 'blind') blind.add(agent)
          else blind.delete(agent)
          for (let i = 0; i < seconds; i++) second()
        }
        for (let i = 0; i < 200; i++) second()
        const able = names.filter((name) => ableFor.get(name)! > 100)
        const keeping = names.filter((name) => world.alive.has(name) && associated.includes(name) && !off.has(name))
        const owners = Array.from({ length: 12 }, (_, i) =>
          names.filter((name) => world.alive.has(name) && distribution.assignmentScope(name).connectors.has(`c${i}`)),
        )
        for (const own of owners) {
          if (able.length > 0) expect(own).toHaveLength(1)
          expect(own.every((name) => keeping.includes(name))).toBe(true)
        }
      } finally {
        await distribution.stop()
        open = []
      }
    }),
    { numRuns: 25 },
  )
})
