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

  test('tells no slot twice when the clock is set back and forth', () => {
    fc.assert(
      fc.property(
        tasks,
        fc.array(fc.integer({ min: -60_000, max: 60_000 }), { minLength: 1, maxLength: 40 }),
        (list, steps) => {
          const schedule = new Schedule()
          schedule.replace(list, start)
          let at = start
          const looks = steps.map((step) => (at += step))
          const { told } = account(schedule, looks)
          for (const slots of told.values()) expect(new Set(slots).size).toBe(slots.length)
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
