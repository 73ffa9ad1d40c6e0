import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError, ManualClock } from '../base/index.ts'
import { slotFrom, type RunResult, type UploadBatch } from '../model/index.ts'
import { silentLog } from '../platform/index.ts'
import { openHistory, type History } from './history.ts'
import { UncoveredSlots, type UncoveredTask } from './uncovered-slots.ts'

const periodMs = 60_000
const reason = 'no agent of the group is online'
let directory: string
let clock: ManualClock
/** A slot of the task; the clock begins just before it. */
let first: number
let uncovered: UncoveredTask[]
let closers: (() => Promise<void>)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-uncovered-'))
  first = slotFrom('one', periodMs, Date.UTC(2026, 0, 1))
  clock = new ManualClock(first - 1)
  uncovered = []
})
afterEach(async () => {
  await stop()
  rmSync(directory, { recursive: true, force: true })
})

async function start(periodOfOne = periodMs): Promise<{ readonly history: History; readonly slots: UncoveredSlots }> {
  const history = await openHistory({ directory, clock })
  closers.push(() => history.close())
  await history.applyTasks([{ id: 'one', connector: 'c', periodMs: periodOfOne }])
  return { history, slots: slotsOver(history) }
}

function slotsOver(history: Pick<History, 'upload' | 'expected'>): UncoveredSlots {
  const slots = new UncoveredSlots({
    history,
    agent: 'server',
    spool: `uncovered ${clock.now()}`,
    uncovered: () => uncovered,
    clock,
    log: silentLog,
  })
  closers.unshift(() => slots.stop())
  return slots
}

async function stop(): Promise<void> {
  for (const close of closers.splice(0)) await close()
}

function nobody(about: Partial<UncoveredTask> = {}): UncoveredTask {
  return { id: 'one', periodMs, reason, since: clock.now(), ...about }
}

/** Passes time as a running server does: with a look at least every ten seconds. */
async function pass(slots: UncoveredSlots, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    clock.advance(Math.min(left, 10_000))
    await slots.look()
  }
}

/** How the slots ended, in minutes from the first: `0..3 uncovered: why`. */
async function ends(history: History): Promise<readonly string[]> {
  const { rows } = await history.results('one', { from: first - 3_600_000, to: first + 86_400_000 })
  const minute = (slot: number) => (slot - first) / periodMs
  return rows.map((row) =>
    row.kind === 'run'
      ? `${minute(row.slot)} ${row.outcome} on ${row.agent}`
      : `${minute(row.from)}..${minute(row.to)} ${row.outcome}: ${row.reason}`,
  )
}

function run(minute: number): RunResult {
  const slot = first + minute * periodMs
  return { kind: 'run', task: 'one', slot, outcome: 'ran', startedAt: slot, durationMs: 5, samples: [] }
}

function batch(from: number, ...entries: UploadBatch['entries']): UploadBatch {
  return { format: 1, agent: 'a', spool: 's', from, entries }
}

test('slots end as uncovered from the moment when nobody may run a task to the moment when somebody does', async () => {
  const { history, slots } = await start()
  await pass(slots, 2 * periodMs)
  await history.upload(batch(0, run(0), run(1)))
  uncovered = [nobody()]
  await slots.look()
  await pass(slots, 3 * periodMs)
  // The slot of this moment has passed when the agent gets the task, half a minute later.
  await pass(slots, periodMs / 2)
  uncovered = []
  await pass(slots, 2 * periodMs)
  expect(await ends(history)).toEqual(['0 ran on a', '1 ran on a', `2..5 uncovered: ${reason}`])
})

test('the time in which the server was away is uncovered as well, where a task was before and still is', async () => {
  const before = await start()
  uncovered = [nobody()]
  await before.slots.look()
  await pass(before.slots, 2 * periodMs)
  await stop()
  clock.advance(5 * periodMs)
  const after = await start()
  await after.slots.look()
  await pass(after.slots, periodMs)
  const { results, repeated } = await after.history.facts()
  expect({ ends: await ends(after.history), results, repeated }).toEqual({
    ends: [`0..7 uncovered: ${reason}`],
    results: 0,
    repeated: 0,
  })
})

test('slots count from when a task was added, and of its new period from when that was set', async () => {
  const since = clock.now() - 3_600_000
  const { history, slots } = await start()
  // The placement knows it before the history does: then it waits.
  uncovered = [nobody({ since }), nobody({ id: 'two', since })]
  await slots.look()
  await pass(slots, 2 * periodMs)
  const changed = 2 * periodMs
  await history.applyTasks([
    { id: 'one', connector: 'c', periodMs: changed },
    { id: 'two', connector: 'c', periodMs },
  ])
  uncovered = [nobody({ since, periodMs: changed }), nobody({ id: 'two', since })]
  await slots.look()
  await pass(slots, 4 * periodMs)
  const coverage = await history.coverage({ tasks: ['one', 'two'], from: since, to: clock.now() })
  const next = slotFrom('one', changed, first + 2 * periodMs - 1)
  expect({
    ends: await ends(history),
    counts: coverage.map(({ counts, slots }) => [counts.uncovered, slots]),
  }).toEqual({
    ends: [
      `0..1 uncovered: ${reason}`,
      `${(next - first) / periodMs}..${(next - first) / periodMs + 2} uncovered: ${reason}`,
    ],
    counts: [
      [4, 4],
      [4, 4],
    ],
  })
})

test('what an agent that was cut off ran meanwhile counts, whenever it comes', async () => {
  const { history, slots } = await start()
  uncovered = [nobody()]
  await slots.look()
  await history.upload(batch(0, run(1)))
  await pass(slots, 4 * periodMs)
  await history.upload(batch(1, run(2), run(1)))
  await pass(slots, periodMs)
  expect(await ends(history)).toEqual([
    `0..0 uncovered: ${reason}`,
    '1 ran on a',
    '2 ran on a',
    `3..4 uncovered: ${reason}`,
  ])
})

test('what could not be stored is recorded when it can be', async () => {
  const { history } = await start()
  let isFull = true
  const slots = slotsOver({
    expected: (tasks) => history.expected(tasks),
    upload: (upload) =>
      isFull ? Promise.reject(new FarwatchError('storage-unwritable', 'the disk is full')) : history.upload(upload),
  })
  uncovered = [nobody()]
  await slots.look()
  await pass(slots, 2 * periodMs)
  isFull = false
  // Nobody calls: it looks by itself.
  const stored = new Promise((resolve) => history.onStored(resolve))
  clock.advance(10_000)
  await stored
  expect(await ends(history)).toEqual([`0..2 uncovered: ${reason}`])
})

test('a clock that was set wrong for a moment leaves no hole', async () => {
  const { history, slots } = await start()
  uncovered = [nobody()]
  await slots.look()
  clock.jump(-3_600_000)
  await slots.look()
  clock.jump(3_600_000)
  await pass(slots, periodMs)
  clock.jump(3_600_000)
  await slots.look()
  clock.jump(-3_600_000)
  await pass(slots, periodMs)
  expect(await ends(history)).toEqual([`0..60 uncovered: ${reason}`])
})
