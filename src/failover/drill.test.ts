import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError, ManualClock } from '../base/index.ts'
import { MemoryDisk, silentLog } from '../platform/index.ts'
import { neverPaired } from './decide.ts'
import { DrillSchedule, isDue } from './drill-schedule.ts'
import { Drills } from './drills.ts'
import { Pair } from './pair.ts'
import { PairFile } from './pair-file.ts'
import { checkSetUp, defaultPairSettings } from './setting.ts'
import type { OwnFacts } from './state.ts'
import { switchOver } from './switch-over.ts'

const uuids = { P: '11111111-1111-4111-8111-111111111111', S: '22222222-2222-4222-8222-222222222222' } as const
type Name = keyof typeof uuids

let clock: ManualClock
let disk: MemoryDisk
let pairs: { readonly P: Pair; readonly S: Pair }
let own: Record<Name, OwnFacts>
let isLinked: boolean
let ending: AbortController
let counted: [number, number][]
let drills: Drills

/** Two halves of a pair that speak without a network, and copy in no time. */
beforeEach(async () => {
  clock = new ManualClock()
  disk = new MemoryDisk({ now: () => 0, random: () => 0.5 })
  isLinked = true
  ending = new AbortController()
  counted = []
  const fresh: OwnFacts = {
    position: { term: 1, count: 10 },
    isWhole: true,
    isQuiet: true,
    unsound: undefined,
    followers: 0,
    configuration: 'c',
  }
  own = { P: fresh, S: fresh }
  pairs = {
    P: await half('P', () => Promise.reject(new Error('it is polled'))),
    S: await half('S', async (report) => {
      if (!isLinked) throw new FarwatchError('unreachable', 'nobody is there')
      const answer = { report: await pairs.P.heard(report) }
      const [leader, follower]: [Name, Name] = pairs.P.notActive() === undefined ? ['P', 'S'] : ['S', 'P']
      if (pairs[follower].notActive() !== undefined)
        own[follower] = { ...own[follower], position: own[leader].position }
      return answer
    }),
  }
  pairs.P.start()
  pairs.S.start()
  await pass(3)
  drills = await openDrills()
})

afterEach(async () => {
  ending.abort()
  await Promise.all([pairs.P.stop(), pairs.S.stop()])
})

async function half(name: Name, poll: ConstructorParameters<typeof Pair>[0]['poll']): Promise<Pair> {
  const file = await PairFile.open({ disk: disk.open(), path: `/${name}.json`, instance: uuids[name] })
  await file.write(
    name === 'P'
      ? {
          settings: { ...defaultPairSettings, role: 'PRIMARY', mode: 'ACTIVE', peerUuid: uuids.S },
          durable: neverPaired,
        }
      : {
          settings: { ...defaultPairSettings, role: 'SECONDARY', mode: 'STANDBY', peerUrl: 'https://a.example' },
          durable: { term: 1, ownTerm: 0, acts: false, joins: false },
        },
  )
  return new Pair({
    clock,
    log: silentLog,
    file,
    own: () => own[name],
    poll,
    acting: {
      act: async (term) => {
        own[name] = { ...own[name], isQuiet: false, position: { term, count: own[name].position.count + 1 } }
      },
      stop: async () => {
        own[name] = { ...own[name], isQuiet: true }
      },
      keepOwnWork: async () => undefined,
      copyAnew: async () => undefined,
    },
    tell: { raise: () => undefined, clear: () => undefined, audit: () => undefined },
  })
}

const openDrills = () =>
  Drills.open({
    clock,
    pair: pairs.P,
    signal: ending.signal,
    disk: disk.open(),
    path: '/drills.json',
    log: silentLog,
    setUp: () =>
      checkSetUp(pairs.P.settings(), pairs.P.state(), {
        ownUuid: uuids.P,
        peerFingerprint: 'ab',
        pollProblem: undefined,
        remoteAgents: 0,
        ways: { idle: undefined, tried: undefined },
      }),
    count: async (from, to) => {
      counted.push([from, to])
      return { resultsLost: 0, duplicates: 0, runsMissed: 2, notificationsRepeated: 0 }
    },
  })

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 50; i++) {
    clock.advance(20)
    // What a step does runs in a handful of turns; nothing here waits for a real disk or network.
    await setImmediate()
  }
}

/** Lets time go on until it has ended, however it did. */
async function during<T>(work: Promise<T>): Promise<T | string> {
  let isDone = false
  const ended = work
    .catch((thrown: unknown) => (thrown as Error).message)
    .finally(() => {
      isDone = true
    })
  while (!isDone) await pass(0.2)
  return ended
}

const states = () => [pairs.P.status().state, pairs.S.status().state]

test('a drill goes there and back, says how long that took, asks what became of that time, and is kept', async () => {
  const report = await during(drills.run('admin'))
  const again = await openDrills()
  if (typeof report === 'string') throw new Error(report)
  const isBrief = (one: { ms: number; idleMs: number } | undefined) =>
    one !== undefined && one.ms > 0 && one.ms < 3_000 && one.idleMs > 0 && one.idleMs <= one.ms
  expect({
    ...report,
    there: isBrief(report.there),
    back: isBrief(report.back),
    states: states(),
    counted,
    kept: again.list(),
  }).toEqual({
    by: 'admin',
    startedAt: report.startedAt,
    endedAt: report.endedAt,
    there: true,
    back: true,
    resultsLost: 0,
    duplicates: 0,
    runsMissed: 2,
    notificationsRepeated: 0,
    problems: [],
    states: ['active', 'standby'],
    counted: [[report.startedAt, report.endedAt]],
    kept: [report],
  })
})

test('a drill that does not come back says so, and leaves the other side active', async () => {
  const report = during(drills.run('schedule'))
  while (pairs.S.status().state !== 'active') await pass(0.2)
  await pass(1)
  isLinked = false
  await pass(20)
  const { there, back, problems } = (await report) as Awaited<ReturnType<Drills['run']>>
  expect([there === undefined, back, problems, states()[1]]).toEqual([
    false,
    undefined,
    ['not taken back: the other server fell silent, and this one took over without a hand-over'],
    'active',
  ])
})

test('a drill begins where all is well, on the side that acts, and one at a time', async () => {
  const run = () => during(drills.run('admin'))
  const first = run()
  const second = await run()
  await first
  await during(switchOver({ clock, pair: pairs.P, signal: ending.signal }, 60_000))
  const held = await run()
  await during(switchOver({ clock, pair: pairs.P, signal: ending.signal }, 60_000))
  own.S = { ...own.S, isWhole: false }
  await pass(3)
  const incomplete = await run()
  await pairs.P.set({ mode: 'OFF' }, { ownUuid: uuids.P, ownUrls: [], isServer: true })
  const off = await run()
  expect([second, held, incomplete, off]).toEqual([
    'no drill: another one is under way',
    'no drill: this side does not act',
    'no drill: the set-up is not complete. The first copy to the SECONDARY is under way.',
    'no drill: there is no pair, or its mechanism is off',
  ])
})

test('a switch can be asked for on either side, and ends when the other of the two acts', async () => {
  const ask = (name: Name) => during(switchOver({ clock, pair: pairs[name], signal: ending.signal }, 60_000))
  const seen = [await ask('S'), await ask('S'), await ask('P'), await ask('P')]
  expect(seen.map((one) => (typeof one === 'string' ? one : [one.active, one.term]))).toEqual([
    ['SECONDARY', 2],
    ['PRIMARY', 3],
    ['SECONDARY', 4],
    ['PRIMARY', 5],
  ])
})

test('a switch that waits for too long is not waited for, and stands', async () => {
  const waits = during(switchOver({ clock, pair: pairs.P, signal: ending.signal }, 5_000))
  isLinked = false
  const problem = await waits
  expect([problem, pairs.P.status().handsOver, states()]).toEqual([
    'the hand-over still waits after 5s',
    true,
    ['active', 'standby'],
  ])
})

test('by the settings the PRIMARY drills while it acts, and a refusal is not the end of it', async () => {
  const began: number[] = []
  let isRefused = false
  const settings = { everyDays: 0, hour: 0 }
  const schedule = new DrillSchedule({
    clock,
    log: silentLog,
    pair: pairs.P,
    settings: () => settings,
    lastAt: async () => began[0],
    run: async () => {
      if (isRefused) throw new FarwatchError('conflict', 'no drill: the other server is not in contact')
      began.unshift(clock.now())
    },
  })
  schedule.start()
  await pass(700)
  const never = [...began]
  settings.everyDays = 1
  isRefused = true
  await pass(600)
  const refused = [...began]
  isRefused = false
  await pass(1_300)
  await schedule.stop()
  await pass(700)
  expect([never, refused, began.length]).toEqual([[], [], 1])
})

test('drills are due in their hour, and after their days', () => {
  const day = 86_400_000
  const at = (days: number, hour: number) => Date.UTC(2026, 0, 1, hour) + days * day
  expect([
    isDue(at(0, 3), 0, 3, undefined),
    isDue(at(0, 3), 7, 3, undefined),
    isDue(at(0, 4), 7, 3, undefined),
    isDue(at(6, 3), 7, 3, at(0, 3)),
    isDue(at(7, 3), 7, 3, at(0, 3) + 600_000),
  ]).toEqual([false, true, false, false, true])
})
