import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { slotFrom, slotUntil } from '../model/index.ts'
import { Schedule, slotsBetween, toleranceOf } from './schedule.ts'

const start = 1_767_225_600_000

/** Every slot of a task from the first look to the last, each told exactly once, due or missed; what is due is in time. */
function account(schedule: Schedule, looks: readonly number[]) {
  const told = new Map<string, number[]>()
  const tell = (task: string, slot: number) => told.set(task, [...(told.get(task) ?? []), slot])
  let tooLate = 0
  let bursts = 0
  for (const at of looks) {
    const { due, missed } = schedule.take(at)
    for (const { task, from, to, periodMs } of missed) for (let s = from; s <= to; s += periodMs) tell(task, s)
    for (const { task, slot, periodMs } of due) {
      tell(task, slot)
      if (at - slot > toleranceOf(periodMs)) tooLate++
    }
    if (new Set(due.map(({ task }) => task)).size < due.length) bursts++
  }
  return { told, tooLate, bursts }
}

const tasks = fc.uniqueArray(
  fc.record({ id: fc.string({ minLength: 1 }), periodMs: fc.integer({ min: 100, max: 90_000 }) }),
  {
    selector: (task) => task.id,
    minLength: 1,
    maxLength: 8,
  },
)

describe('a schedule', () => {
  test('tells every slot once whatever steps time takes forward, none too late and none in a burst', () => {
    fc.assert(
      fc.property(
        tasks,
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 60 }),
        (list, steps) => {
          const schedule = new Schedule()
          schedule.replace(list, start)
          let at = start
          const looks = steps.map((step) => (at += step))
          const { told, tooLate, bursts } = account(schedule, looks)
          const expected = new Map(
            list.flatMap(({ id, periodMs }) => {
              const slots: number[] = []
              for (let s = slotFrom(id, periodMs, start); s <= at; s += periodMs) slots.push(s)
              return slots.length === 0 ? [] : [[id, slots] as const]
            }),
          )
          expect([tooLate, bursts, told]).toEqual([0, 0, expected])
        },
      ),
    )
  })

  test('hands out no slot twice when the clock is set back and forth', () => {
    fc.assert(
      fc.property(
        tasks,
        fc.array(fc.integer({ min: -60_000, max: 60_000 }), { minLength: 1, maxLength: 40 }),
        (list, steps) => {
          const schedule = new Schedule()
          schedule.replace(list, start)
          let at = start
          const looks = steps.map((step) => (at += step))
          const due = looks.flatMap((look) => schedule.take(look).due.map(({ task, slot }) => `${task} ${slot}`))
          expect(new Set(due).size).toBe(due.length)
        },
      ),
    )
  })

  test('goes on after the clock was far ahead by mistake', () => {
    const schedule = new Schedule()
    const year = 31_536_000_000
    schedule.replace([{ id: 'a', periodMs: 1_000 }], start + year)
    const ahead = account(schedule, [start + year + 3_000]).told.get('a')!
    const back = account(schedule, [start, start + 1_000, start + 2_000]).told.get('a')!
    expect([ahead.length, back.length]).toEqual([3, expect.toSatisfy((n: number) => n === 2 || n === 3)])
  })

  test('goes on at once after the clock was ahead for a moment, and runs what it had called missed', () => {
    const hours = 3 * 3_600_000
    const schedule = new Schedule()
    schedule.replace([{ id: 'a', periodMs: 1_000 }], start)
    const due = (at: number) => schedule.take(at).due.map(({ slot }) => slot)
    const ahead = [...due(start + 999), ...due(start + hours)]
    // A slot that is a moment old when the clock comes back is not made up for.
    due(start + 3_000)
    const back: number[] = []
    for (let at = start + 4_000; at <= start + hours + 3_000; at += 1_000) back.push(...due(at))
    const slots = Array.from({ length: back.length + 1 }, (_, i) => back[0]! + i * 1_000)
    expect([ahead.length, back.length, back]).toEqual([2, 10_799, slots.filter((slot) => slot !== ahead[1])])
  })

  test('keeps the series of a task that did not change, and begins a new one where the period did', () => {
    const schedule = new Schedule()
    const a = { id: 'a', periodMs: 10_000 }
    schedule.replace([a, { id: 'b', periodMs: 10_000 }], start)
    schedule.take(start + 25_000)
    schedule.replace([a, { id: 'b', periodMs: 7_000 }], start + 26_000)
    const { told } = account(schedule, [start + 30_000, start + 34_000, start + 38_000, start + 40_000])
    expect(told.get('a')).toEqual(
      [slotFrom('a', 10_000, start + 25_001)].concat(
        slotFrom('a', 10_000, start + 25_001) + 10_000 <= start + 40_000
          ? [slotFrom('a', 10_000, start + 25_001) + 10_000]
          : [],
      ),
    )
    expect(told.get('b')![0]).toBe(slotFrom('b', 7_000, start + 26_000))
  })

  test('serves 100,000 tasks from one heap', () => {
    const schedule = new Schedule()
    schedule.replace(
      Array.from({ length: 100_000 }, (_, i) => ({ id: `task ${i}`, periodMs: 60_000 })),
      start,
    )
    let due = 0
    for (let at = start + 100; at < start + 60_000; at += 100) due += schedule.take(at).due.length
    due += schedule.take(start + 59_999).due.length
    expect(due).toBe(100_000)
  })

  test('names the slots between two moments, or none', () => {
    const task = { id: 'a', periodMs: 60_000 }
    const first = slotFrom('a', 60_000, start)
    expect([slotsBetween(task, start, start + 119_999), slotsBetween(task, first + 1, first + 59_999)]).toEqual([
      { task: 'a', from: first, to: slotUntil('a', 60_000, start + 119_999), periodMs: 60_000 },
      undefined,
    ])
  })
})
