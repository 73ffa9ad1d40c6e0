import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../base/index.ts'
import type { Assignment } from '../model/index.ts'
import { systemClock, systemDisk } from '../platform/index.ts'
import { thisMachine } from './machine.ts'
import {
  diskThatSyncs,
  ofABusyMachine,
  openAgentKit,
  periodMs,
  slotPassed,
  task,
  until,
  type AgentKit,
  type MemoryServer,
} from './testing.ts'

// A machine that comes up with a wrong wall clock, until the first exchange with the server corrects it.

let kit: AgentKit
let server: MemoryServer
const hoursMs = 3 * 3_600_000

beforeEach(async () => {
  kit = await openAgentKit()
  server = kit.server
})

afterEach(() => kit[Symbol.asyncDispose]())

function wrongClock(offset: { ms: number }): Clock {
  return { ...systemClock, now: () => systemClock.now() + offset.ms }
}

/** The slots of a task that ended in some way between two moments of true time, and those that did not. */
function accounted(id: string, from: number, to: number) {
  const ledger = server.ledger(id)
  const first = [...ledger.keys()][0]!
  const slots: number[] = []
  for (let slot = first + Math.ceil((from - first) / periodMs) * periodMs; slot <= to; slot += periodMs)
    slots.push(slot)
  return slots.filter((slot) => !ledger.has(slot))
}

const runsOf = (id: string) => server.entries.filter((entry) => entry.task === id && entry.kind === 'run').length

test.each([
  ['ahead', hoursMs],
  ['behind', -hoursMs],
])('a machine that comes up three hours %s misses what it was away for, and nothing else', async (_, wrongMs) => {
  server.assign([task('a', 'well')])
  const first = await kit.start()
  await until(first, 'uploaded', () => server.slotsOf('a').length > 0)
  await first.stop()
  await slotPassed('a')
  const lastRun = server.slotsOf('a').at(-1)!
  const offset = { ms: wrongMs }
  server.onAsked = () => (offset.ms = 0)
  const second = await kit.start({ clock: wrongClock(offset) })
  for (let i = 0; i < 3; i++) await until(second, 'run ended')
  await second.stop()
  const slots = server.slotsOf('a')
  expect({
    once: new Set(slots).size === slots.length,
    silent: accounted('a', lastRun, slots.at(-1)!),
    reasons: new Set([...server.ledger('a').values()].filter((how) => !ofABusyMachine.has(how))),
    slots: [...server.ledger('a').keys()].length < 60,
  }).toEqual({ once: true, silent: [], reasons: new Set(['ran', 'stopped']), slots: true })
})

/** Slots fall due while it writes. */
const slowDisk = diskThatSyncs(async (sync) => {
  await new Promise((resolve) => setTimeout(resolve, 3 * periodMs))
  await sync()
})

test.each([
  ['ahead', hoursMs, systemDisk],
  ['behind', -hoursMs, systemDisk],
  ['ahead with a slow disk', hoursMs, slowDisk],
])(
  'a machine that comes up three hours %s while no server answers runs no slot twice, and goes on at once when it is corrected',
  async (_, wrongMs, disk) => {
    let kept: Assignment | undefined
    const assignments = { read: async () => kept, write: async (assignment: Assignment) => void (kept = assignment) }
    server.assign([task('a', 'well')])
    const first = await kit.start({ assignments })
    await until(first, 'uploaded', () => server.slotsOf('a').length > 0)
    await first.stop()
    const lastRun = server.slotsOf('a').at(-1)!
    const offset = { ms: wrongMs }
    server.now = 'away'
    const second = await kit.start({ assignments, clock: wrongClock(offset), machine: { ...thisMachine, disk } })
    for (let i = 0; i < 4; i++) await until(second, 'run ended')
    server.now = 'here'
    let askedAt = Infinity
    server.onAsked = () => {
      offset.ms = 0
      askedAt = Math.min(askedAt, systemClock.now())
    }
    await until(second, 'assignment applied', ({ source }) => source === 'server')
    const correctedAt = systemClock.now()
    const before = kit.events.filter(({ event }) => event === 'run ended').length
    await until(
      second,
      'run ended',
      ({ result }) => result.slot > correctedAt && result.slot < correctedAt + hoursMs / 2,
    )
    const burst = kit.events.filter(({ event }) => event === 'run ended').length - before
    const slotsSince = Math.ceil((systemClock.now() - askedAt) / periodMs)
    await until(second, 'run ended')
    await second.stop()
    const slots = server.slotsOf('a')
    const now = slots.filter((slot) => slot < correctedAt + hoursMs / 2)
    expect({
      once: [new Set(slots).size === slots.length, runsOf('a') === slots.length],
      // One that was at work, and those of the time since.
      burst: burst <= 1 + slotsSince,
      silent: accounted('a', lastRun, now.at(-1)!),
    }).toEqual({ once: [true, true], burst: true, silent: [] })
  },
)

test('a clock that was ahead for a moment leaves nobody unwatched when it is set back', async () => {
  const offset = { ms: 0 }
  server.assign([task('a', 'well')])
  const agent = await kit.start({ clock: wrongClock(offset) })
  await until(agent, 'run ended')
  offset.ms = hoursMs
  await until(agent, 'clock jumped')
  offset.ms = 0
  await until(agent, 'clock jumped', ({ byMs }) => byMs < 0)
  const backAt = systemClock.now()
  await until(agent, 'run ended', ({ result }) => result.slot > backAt && result.slot < backAt + hoursMs / 2)
  await agent.stop()
  const slots = server.slotsOf('a')
  expect(new Set(slots).size).toBe(slots.length)
})

test('what a jump of the clock passed over is accounted for, also where the next assignment takes the task away', async () => {
  const offset = { ms: 0 }
  server.assign([task('a', 'well')])
  const agent = await kit.start({ clock: wrongClock(offset) })
  await until(agent, 'run ended')
  const from = systemClock.now()
  offset.ms = hoursMs
  server.assign([task('b', 'well')])
  await until(agent, 'assignment applied')
  await agent.stop()
  expect(accounted('a', from, from + hoursMs)).toEqual([])
})
