import fc from 'fast-check'
import { expect, test } from 'vitest'
import { absence, absentUntil, aliveAt, reachMs } from './absence.ts'
import { Schedule } from './schedule.ts'

const start = 1_767_225_600_000
const minute = 60_000
// So many phases of one second that a hole of one millisecond is met.
const known = Array.from({ length: 1_000 }, (_, i) => ({
  id: `task ${i}`,
  periodMs: 1_000,
  timeoutMs: 1_000,
  since: start - 10 * minute,
}))

const recovered = { lastAlive: start - minute, damaged: [] }

test('the absence meets the first slots of the schedule, whatever the clocks say of the time between', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 90, noNaN: true }),
      fc.double({ min: 0, max: 5_000, noNaN: true }),
      fc.integer({ min: -900, max: minute }),
      (phaseMs, ranMs, correctedMs) => {
        const began = { wall: start + Math.floor(phaseMs), elapsed: phaseMs }
        const schedule = new Schedule()
        schedule.replace(known, began.wall)
        const now = { wall: Math.floor(start + phaseMs + ranMs + correctedMs), elapsed: phaseMs + ranMs }
        const gaps = absence(known, recovered, absentUntil(began, now))
        const { due } = schedule.take(began.wall + 999)
        const first = new Map(due.map(({ task, slot }) => [task, slot]))
        const holes = gaps.filter(({ task, to }) => to + 1_000 < first.get(task)!)
        expect([gaps.length, first.size, holes]).toEqual([known.length, known.length, []])
      },
    ),
    { numRuns: 30 },
  )
})

test('slots of a time that a clock far ahead had not run are the absence', () => {
  const began = { wall: start + 60 * minute, elapsed: 0 }
  expect(absentUntil(began, { wall: start + 5_000, elapsed: 5_000 })).toBe(start + 5_000)
})

test('it reaches back over what was in flight, not to before the task was run here, and names what the spool lost', () => {
  const [task] = known
  const young = { ...task!, id: 'young', since: start - minute - 5_000 }
  const gaps = absence(
    [task!, young],
    { ...recovered, damaged: [{ from: start - 120_000, to: start - 110_000 }] },
    start,
  )
  const lengthOf = (id: string, outcome: string) =>
    gaps.filter((gap) => gap.task === id && gap.outcome === outcome).map(({ from, to }) => (to - from) / 1_000 + 1)
  expect([lengthOf(task!.id, 'skipped'), lengthOf('young', 'skipped'), lengthOf(task!.id, 'lost')]).toEqual([
    [60 + 62],
    [65],
    [10 + 62],
  ])
})

test('a sign of life stands where something is owed from, once the next life would not look back so far', () => {
  const tasks = [{ ...known[0]!, timeoutMs: 45_000 }]
  const hour = 60 * minute
  expect(
    [0, minute, reachMs(tasks), reachMs(tasks) + 1, hour].map(
      (backMs) => start - aliveAt(start, start - backMs, tasks),
    ),
  ).toEqual([0, 0, 0, reachMs(tasks) + 1, hour])
  expect([reachMs(tasks), aliveAt(start, Infinity, tasks), aliveAt(start, start + hour, tasks)]).toEqual([
    150_000,
    start,
    start,
  ])
})

test('whatever the clock did, the next life finds every slot that is owed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 * minute }), (backMs) => {
      const [task] = known
      const owed = start - backMs
      const since = start - 200 * minute
      const lastAlive = aliveAt(start, owed, [task!])
      const [gap] = absence([{ ...task!, since }], { lastAlive, damaged: [] }, start + minute)
      expect(gap!.from).toBeLessThanOrEqual(owed)
    }),
  )
})
