import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom, type Clock } from '../base/index.ts'
import type { SpoolEntry } from '../model/index.ts'
import { systemClock } from '../platform/index.ts'
import {
  connector,
  differences,
  ofABusyMachine,
  openAgentKit,
  periodMs,
  task,
  until,
  type AgentKit,
  type MemoryServer,
} from './testing.ts'

let kit: AgentKit
let server: MemoryServer

beforeEach(async () => {
  kit = await openAgentKit()
  server = kit.server
})

afterEach(() => kit[Symbol.asyncDispose]())

test('every slot of a task runs once and reaches the server', async () => {
  server.assign([task('a', 'count')])
  const agent = await kit.start()
  await until(agent, 'uploaded', () => server.slotsOf('a').length >= 4)
  await agent.stop()
  // On a busy machine one may have had to be left out; it is recorded all the same.
  expect(differences([...server.ledger('a').keys()])).toEqual(new Set([periodMs]))
  const values = server.entries.flatMap((entry) => (entry.kind === 'run' ? [entry.samples[0]?.value] : []))
  expect(values.slice(0, 4)).toEqual([1, 2, 3, 4])
})

test('a task that still runs at its next slot skips it and says so', async () => {
  server.assign([task('a', 'well', { ms: 1_000 })])
  const agent = await kit.start()
  await until(agent, 'run ended')
  await agent.stop()
  const outcomes = [...server.ledger('a').values()]
  const first = outcomes.indexOf('ran')
  const during = outcomes.slice(first + 1, first + 3)
  expect([first >= 0, during.includes('still running'), during.filter((how) => !ofABusyMachine.has(how))]).toEqual([
    true,
    true,
    [],
  ])
})

test('in a maintenance window slots are recorded and not run, and are run when it is taken back', async () => {
  const yesterday = new Date(systemClock.now() - 86_400_000).toISOString().slice(0, 16)
  const window = { begins: yesterday, lastsMs: 2 * 86_400_000, zone: 'Europe/Berlin' }
  server.assign([task('a', 'well')], [{ ...connector('front'), pauses: [window] }])
  const agent = await kit.start()
  for (let i = 0; i < 2; i++) await until(agent, 'slots left out')
  const outcomes = () => server.entries.map(({ outcome }) => outcome)
  server.assign([task('a', 'well')])
  for (let i = 0; i < 3; i++) await until(agent, 'run ended')
  await agent.stop()
  const first = outcomes().indexOf('ran')
  expect([new Set(outcomes().slice(0, first)), differences([...server.ledger('a').keys()])]).toEqual([
    new Set(['maintenance']),
    new Set([periodMs]),
  ])
})

test('a changed assignment leaves what did not change undisturbed', async () => {
  server.assign([task('a', 'well'), task('b', 'well')])
  const agent = await kit.start()
  await until(agent, 'run ended', ({ result }) => result.task === 'b')
  const applied = until(agent, 'assignment applied')
  server.assign([task('a', 'well'), task('c', 'well')])
  await applied
  const appliedAt = systemClock.now()
  for (let i = 0; i < 3; i++) await until(agent, 'run ended', ({ result }) => result.task === 'c')
  await agent.stop()
  expect([differences([...server.ledger('a').keys()]), server.slotsOf('b').filter((slot) => slot > appliedAt)]).toEqual(
    [new Set([periodMs]), []],
  )
})

test('while the server is away results are kept, and then arrive once and in order', async () => {
  server.assign([task('a', 'well')])
  const agent = await kit.start()
  await until(agent, 'uploaded', () => server.slotsOf('a').length > 0)
  server.now = 'away'
  await until(agent, 'server lost', ({ during }) => during === 'upload')
  for (let i = 0; i < 4; i++) await until(agent, 'run ended')
  server.now = 'here'
  await until(agent, 'server reached', ({ during }) => during === 'upload')
  await agent.stop()
  const slots = server.slotsOf('a')
  const ledger = [...server.ledger('a').keys()]
  expect([differences(ledger), new Set(slots).size === slots.length, slots.length >= 5]).toEqual([
    new Set([periodMs]),
    true,
    true,
  ])
})

test('the slots between a stop and the next start are recorded as such', async () => {
  server.assign([task('a', 'well')])
  const first = await kit.start()
  await until(first, 'uploaded', () => server.slotsOf('a').length > 0)
  await first.stop()
  const stoppedAt = systemClock.now()
  await new Promise<void>((resolve) => systemClock.after(1_700, resolve))
  const startedAt = systemClock.now()
  const second = await kit.start()
  await until(second, 'run ended')
  await second.stop()
  const ledger = server.ledger('a')
  const between = [...ledger].flatMap(([slot, how]) => (slot > stoppedAt && slot < startedAt ? [how] : []))
  expect([differences([...ledger.keys()]), between.slice(0, 3), new Set(between)]).toEqual([
    new Set([periodMs]),
    ['stopped', 'stopped', 'stopped'],
    new Set(['stopped']),
  ])
})

test('a clock that jumps ahead leaves a gap record and no burst', async () => {
  let offset = 0
  const clock: Clock = {
    now: () => systemClock.now() + offset,
    elapsed: () => systemClock.elapsed(),
    after: (ms, act) => systemClock.after(ms, act),
  }
  server.assign([task('a', 'well')])
  const agent = await kit.start({ clock })
  await until(agent, 'run ended')
  const from = systemClock.now()
  offset = 3_600_000
  await until(agent, 'run ended', ({ result }) => result.slot > systemClock.now() + 3_000_000)
  await agent.stop()
  const gaps = server.entries.flatMap((entry) => (entry.kind === 'gap' && entry.reason === 'suspended' ? [entry] : []))
  // A busy machine may have passed over a moment as well.
  const long = gaps.filter((gap) => gap.to - gap.from > 3_000_000)
  const burst = server.slotsOf('a').filter((slot) => slot > from + 600_000 && slot < from + 3_000_000)
  expect([long.length, burst, differences([...server.ledger('a').keys()])]).toEqual([1, [], new Set([periodMs])])
  expect(kit.events.some((event) => event.event === 'clock jumped' && event.byMs > 3_500_000)).toBe(true)
})

test('a run by hand answers with its result and stores nothing; a check needs no task', async () => {
  server.assign([task('a', 'count', { periodMs: 3_600_000 })])
  const agent = await kit.start()
  await until(agent, 'assignment applied')
  const byHand = await agent.runNow('a')
  const check = await agent.check({
    monitor: 'test.behave',
    settings: { how: 'refuse', ms: 0 },
    connector: { type: 'http', settings: { name: 'x' }, credential: { type: 'token', fields: { secret: 'hunter2' } } },
    timeoutMs: 30_000,
  })
  expect([byHand.outcome, check.reason, check.message, server.entries]).toEqual([
    'ran',
    'refused',
    'nothing listens on 127.0.0.1:1 for ***',
    [],
  ])
  await expect(agent.runNow('b')).rejects.toMatchObject({ code: 'not-found' })
})

test('stopping twice is stopping once, ends in bounded time with runs under way, and accounts for them', async () => {
  server.assign([task('a', 'slow', { timeoutMs: 60_000 })])
  const agent = await kit.start()
  await until(agent, 'slots left out')
  const began = systemClock.elapsed()
  await Promise.all([agent.stop(), agent.stop()])
  // The run would go on for a minute.
  expect(systemClock.elapsed() - began).toBeLessThan(20_000)
  const slots = server.ledger('a')
  expect([[...slots.values()].includes('stopped'), differences([...slots.keys()])]).toEqual([true, new Set([periodMs])])
})

test('an agent killed again and again accounts for every slot once', async () => {
  const random = seededRandom(7)
  const stored = async () => {
    const lines = (await readFile(join(kit.directory, 'server'), 'utf8')).split('\n').slice(0, -1)
    return lines.flatMap((line) => (JSON.parse(line) as { entries: SpoolEntry[] }).entries)
  }
  for (let round = 0; round < 4; round++) {
    const agent = fork(fileURLToPath(new URL('./whole-agent/testing.ts', import.meta.url)), [kit.directory], {
      execArgv: [],
    })
    const exited = once(agent, 'exit')
    await once(agent, 'message')
    await new Promise<void>((resolve) => systemClock.after(random() * 600, resolve))
    // The last one goes on until each task was run.
    while (
      round === 3 &&
      new Set((await stored()).flatMap(({ kind, task: id }) => (kind === 'run' ? [id] : []))).size < 20
    )
      await once(agent, 'message')
    if (round < 3) agent.kill('SIGKILL')
    else agent.send('stop')
    await exited
  }
  server.entries.push(...(await stored()))
  for (let i = 0; i < 20; i++) {
    const id = `task ${i}`
    const runs = server.slotsOf(id)
    // From the first run on; what a gap record says of the time before the very first start is nobody's.
    const slots = [...server.ledger(id).keys()].filter((slot) => slot >= runs[0]!)
    expect([id, differences(slots), new Set(runs).size]).toEqual([id, new Set([250]), runs.length])
  }
})
