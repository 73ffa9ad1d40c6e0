import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Assignment } from '../model/index.ts'
import { systemClock } from '../platform/index.ts'
import type { AssignmentFile } from './assignment-keeper.ts'
import type { AgentEvent } from './events.ts'
import {
  connector,
  differences,
  ofABusyMachine,
  openAgentKit,
  periodMs,
  slotPassed,
  task,
  until,
  type AgentKit,
  type MemoryServer,
} from './testing.ts'

// What an agent does while no server answers.

let kit: AgentKit
let server: MemoryServer

beforeEach(async () => {
  kit = await openAgentKit()
  server = kit.server
})

afterEach(() => kit[Symbol.asyncDispose]())

/** Keeps assignments as a disk does: as text. */
class Kept implements AssignmentFile {
  text: string | undefined
  readonly written: number[] = []
  problem: Error | undefined

  // What was written by `write`, or nothing.
  read = async () => (this.text === undefined ? undefined : (JSON.parse(this.text) as Assignment))

  async write(assignment: Assignment) {
    if (this.problem !== undefined) throw this.problem
    this.text = JSON.stringify(assignment)
    this.written.push(assignment.tasks.length)
  }
}

const reasonsOf = (id: string) => [...server.ledger(id).values()].filter((how) => !ofABusyMachine.has(how))

test('an agent that starts while no server answers goes on from what was kept, and yields to the server', async () => {
  const assignments = new Kept()
  server.assign([task('a', 'well'), task('b', 'well')])
  const first = await kit.start({ assignments })
  await until(first, 'uploaded', () => server.slotsOf('a').length > 0)
  await first.stop()
  await slotPassed('a')
  server.now = 'away'
  const second = await kit.start({ assignments })
  await until(second, 'run ended', ({ result }) => result.task === 'a')
  const alone = [second.status().source, second.status().tasks]
  server.assign([task('a', 'well'), task('c', 'well')])
  server.now = 'here'
  await until(second, 'assignment applied', ({ source }) => source === 'server')
  await until(second, 'run ended', ({ result }) => result.task === 'c')
  await second.stop()
  const slots = server.slotsOf('a')
  expect({
    alone,
    source: second.status().source,
    series: differences([...server.ledger('a').keys()]),
    once: new Set(slots).size === slots.length,
    ledger: new Set(reasonsOf('a')),
  }).toEqual({
    alone: ['kept', 2],
    source: 'server',
    series: new Set([periodMs]),
    once: true,
    ledger: new Set(['ran', 'stopped']),
  })
})

test('an agent whose attempts became rare asks at once when its link has found a server', async () => {
  server.now = 'away'
  const agent = await kit.start({ random: () => 1 })
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => (server.onAway = resolve))
  const before = server.known.length
  server.assign([task('a', 'well')])
  const applied = until(agent, 'assignment applied')
  server.come()
  await applied
  expect(server.known.length - before).toBe(1)
})

test('a server that answers nothing is waited for only a moment; whoever has asked from what was kept asks for all of it', async () => {
  const assignments = new Kept()
  server.assign([task('a', 'well')])
  const first = await kit.start({ assignments })
  await until(first, 'assignment applied')
  await first.stop()
  server.now = 'silent'
  const before = server.known.length
  const second = await kit.start({ assignments })
  await until(second, 'assignment applied')
  await second.stop()
  expect([second.status().source, server.known.slice(before)]).toEqual(['kept', [undefined]])
})

test('what is in force is kept, the last of a burst too, and so is that nothing is', async () => {
  const assignments = new Kept()
  server.assign([task('a', 'well')])
  const began = systemClock.elapsed()
  const agent = await kit.start({ assignments })
  await until(agent, 'assignment applied')
  for (let count = 2; count <= 9; count++) {
    const applied = until(agent, 'assignment applied')
    server.assign(Array.from({ length: count }, (_, i) => task(`task ${i}`, 'well', { periodMs: 60_000 })))
    await applied
  }
  const emptied = until(agent, 'assignment applied')
  server.assign([], [])
  await emptied
  await agent.stop()
  // One more for each second that a busy machine takes for the burst.
  const most = 3 + Math.floor((systemClock.elapsed() - began) / 1_000)
  expect([assignments.written.at(0), assignments.written.at(-1), assignments.written.length <= most]).toEqual([
    1,
    0,
    true,
  ])
})

test('an assignment that cannot be kept harms nothing', async () => {
  const assignments = new Kept()
  assignments.problem = new Error('the disk is full')
  server.assign([task('a', 'well')])
  const agent = await kit.start({ assignments })
  await until(agent, 'uploaded', () => server.slotsOf('a').length > 0)
  await agent.stop()
  expect(assignments.written).toEqual([])
})

const alone = connector('alone', { exclusive: true })
const both = [task('open', 'well'), task('shut', 'well', { connector: 'alone' })]

test('without an answer runs of exclusive connectors end with the lease, others go on, and each slot left out says why', async () => {
  server.settings = { ...server.settings, leaseMs: 1_500 }
  server.holdMs = 300
  server.assign(both, [connector('front'), alone])
  const agent = await kit.start()
  for (let i = 0; i < 6; i++) await until(agent, 'run ended', ({ result }) => result.task === 'shut')
  let cutAt = 0
  await new Promise<void>((resolve) => {
    server.onAsked = () => {
      cutAt = systemClock.now()
      resolve()
    }
  })
  await until(agent, 'run ended', ({ result }) => result.task === 'shut')
  server.now = 'away'
  server.onAsked = () => undefined
  await until(agent, 'lease ended')
  const afterwards = kit.events.length
  for (let i = 0; i < 3; i++)
    await until(agent, 'slots left out', ({ gap }) => gap.task === 'shut' && gap.reason === 'lease ended')
  const ran = (id: string) => (told: AgentEvent) => told.event === 'run ended' && told.result.task === id
  while (kit.events.slice(afterwards).filter(ran('open')).length < 3) await until(agent, 'run ended')
  const refused = await agent.runNow('shut').catch((thrown: { code: string }) => thrown.code)
  server.now = 'here'
  await until(agent, 'lease renewed')
  await until(agent, 'run ended', ({ result }) => result.task === 'shut')
  await agent.stop()
  // When the agent began them: until they are at work a busy machine may take a while.
  const begun = kit.events.flatMap((told) =>
    told.event === 'run ended' && told.result.task === 'shut' ? [told.result.slot + told.waitedMs] : [],
  )
  const left = [...server.ledger('shut')].flatMap(([slot, how]) => (how === 'lease ended' ? [slot] : []))
  expect({
    refused,
    // The last question that was answered may have been sent at any time up to the last one that was seen.
    late: begun.filter((at) => at > cutAt + 1_500 && at < left.at(-1)!),
    left: left.length >= 3,
    open: new Set(reasonsOf('open')),
    series: [differences([...server.ledger('shut').keys()]), differences([...server.ledger('open').keys()])],
  }).toEqual({
    refused: 'conflict',
    late: [],
    left: true,
    open: new Set(['ran']),
    series: [new Set([periodMs]), new Set([periodMs])],
  })
})

test('a lease comes back with the work that it is for: what was taken away meanwhile is not begun any more', async () => {
  const offset = { ms: 0 }
  server.settings = { ...server.settings, leaseMs: 1_500 }
  server.holdMs = 300
  server.assign(both, [connector('front'), alone])
  const agent = await kit.start({ clock: { ...systemClock, now: () => systemClock.now() + offset.ms } })
  await until(agent, 'run ended', ({ result }) => result.task === 'shut')
  server.now = 'away'
  await until(agent, 'lease ended')
  server.assign([task('open', 'well')])
  // A slot falls due in the very moment of the answer.
  server.onAsked = () => (offset.ms = 2 * periodMs)
  server.now = 'here'
  await until(agent, 'lease renewed')
  for (let i = 0; i < 2; i++) await until(agent, 'run ended', ({ result }) => result.task === 'open')
  await agent.stop()
  const renewedAt = kit.events.findLastIndex(({ event }) => event === 'lease renewed')
  const begun = kit.events
    .slice(renewedAt)
    .flatMap((told) => (told.event === 'run ended' && told.result.task === 'shut' ? [told.result.slot] : []))
  expect(begun).toEqual([])
})

test('the lease of the time before does not outlive the process', async () => {
  const assignments = new Kept()
  server.settings = { ...server.settings, leaseMs: 3_600_000 }
  server.assign(both, [connector('front'), alone])
  const first = await kit.start({ assignments })
  await until(first, 'run ended', ({ result }) => result.task === 'shut')
  await first.stop()
  server.now = 'away'
  const runsBefore = server.slotsOf('shut').length
  const second = await kit.start({ assignments })
  for (let i = 0; i < 3; i++) await until(second, 'run ended', ({ result }) => result.task === 'open')
  server.now = 'here'
  await until(second, 'server reached', ({ during }) => during === 'upload')
  await until(second, 'run ended', ({ result }) => result.task === 'shut')
  await second.stop()
  const then = reasonsOf('shut').slice(runsBefore)
  expect([then.includes('lease ended'), then.lastIndexOf('lease ended') < then.lastIndexOf('ran')]).toEqual([
    true,
    true,
  ])
})

test('a machine that slept has lost its lease, although its clock stood still', async () => {
  let sleptMs = 0
  server.settings = { ...server.settings, leaseMs: 15_000 }
  server.assign(both, [connector('front'), alone])
  const agent = await kit.start({ sleptMs: () => sleptMs })
  await until(agent, 'run ended', ({ result }) => result.task === 'shut')
  sleptMs = 60_000
  await until(agent, 'lease ended')
  await until(agent, 'slots left out', ({ gap }) => gap.task === 'shut' && gap.reason === 'lease ended')
  expect((await agent.runNow('open')).outcome).toBe('ran')
})

test('what an agent leaves behind is counted until the server has it', async () => {
  server.assign([task('a', 'well')])
  const first = await kit.start()
  await until(first, 'uploaded')
  server.now = 'away'
  await until(first, 'run ended')
  const before = first.status().unsafe
  await first.stop()
  server.now = 'here'
  server.assign([], [])
  const second = await kit.start()
  const all = until(second, 'uploaded', () => second.status().unsafe === 0)
  const found = second.status().unsafe
  await all
  const { unsafe, running, waiting } = second.status()
  expect([before > 0, found > 0, { unsafe, running, waiting }]).toEqual([
    true,
    true,
    { unsafe: 0, running: 0, waiting: 0 },
  ])
})

test('an agent whose line is cut marks what it sees, where nothing but silence tells it so, and holds back what it is not sure of', async () => {
  const cut = join(kit.directory, 'cut')
  const targets = ['p', 'q', 'r']
  server.settings = { ...server.settings, leaseMs: 15_000 }
  server.assign(
    targets.map((id) => task(id, `unreachable while ${cut}`, { periodMs: 1_000, connector: id })),
    targets.map((id) => connector(id)),
  )
  // While it stands still nothing becomes old, however long a busy machine takes to see all three targets.
  let stands: number | undefined
  const elapsed = () => stands ?? systemClock.elapsed()
  const first = await kit.start({ clock: { ...systemClock, elapsed } })
  await until(first, 'uploaded', () => targets.every((id) => server.slotsOf(id).length > 0))
  const unanswered = new Promise<void>((resolve) => (server.onSilence = resolve))
  server.now = 'silent'
  stands = systemClock.elapsed()
  await writeFile(cut, '')
  const away = targets.map((id) =>
    until(first, 'run ended', ({ result }) => result.task === id && result.reason === 'unreachable'),
  )
  await Promise.all([...away, unanswered])
  const held = first.status().isolated
  const known = until(first, 'isolation changed', ({ isolated }) => isolated)
  // Longer than results may be left without an answer, and not as long as they may be held back.
  stands += 4_000
  await known
  await until(first, 'run ended')
  const { isolated } = first.status()
  await first.stop()
  server.now = 'here'
  server.assign([], [])
  const second = await kit.start()
  await until(second, 'uploaded', () => second.status().unsafe === 0)
  const runs = server.entries.flatMap((entry) => (entry.kind === 'run' ? [entry] : []))
  const told = new Set(runs.map((run) => `${run.reason ?? 'fine'}${run.isolated === true ? ', isolated' : ''}`))
  expect([held, isolated, told]).toEqual([false, true, new Set(['fine', 'unreachable, isolated'])])
})

test('a target that is out of reach while the server answers is told without delay', async () => {
  const cut = join(kit.directory, 'cut')
  server.settings = { ...server.settings, leaseMs: 15_000 }
  const targets = ['p', 'q', 'r']
  server.assign(
    targets.map((id) => task(id, `unreachable while ${cut}`, { periodMs: 1_000, connector: id })),
    targets.map((id) => connector(id)),
  )
  const agent = await kit.start()
  await until(agent, 'uploaded')
  await writeFile(cut, '')
  await until(agent, 'run ended', ({ result }) => result.reason === 'unreachable')
  await until(agent, 'uploaded', () => server.entries.some((entry) => entry.reason === 'unreachable'))
  await agent.stop()
  const isolated = server.entries.filter((entry) => entry.kind === 'run' && entry.isolated === true)
  expect([isolated, kit.events.filter(({ event }) => event === 'isolation changed')]).toEqual([[], []])
})
