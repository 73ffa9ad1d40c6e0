import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AlarmQueue } from './alarm-queue.ts'
import type { QueuedDelivery } from './outbox.ts'

const one = (id: number, alarm: string, notBefore = 0): QueuedDelivery => ({
  id,
  key: `k${id}`,
  plugin: 'hook',
  alarm,
  since: 0,
  notBefore,
  failures: 0,
})

// what is queued (id+alarm, @ not before) ; room at time → what leaves, and when to ask again
const stories: Record<string, [string, { at: number; room: number }, string]> = {
  'leaves in the order it came': ['1a 2b 3c', { at: 0, room: 2 }, '1a 2b'],
  'only the first of an alarm leaves': ['1a 2a 3b', { at: 0, room: 9 }, '1a 3b'],
  'a waiting delivery holds up its own alarm and no other': ['1a@50 2a 3b', { at: 0, room: 9 }, '3b ask@50'],
  'a wall clock that was set back holds nothing up': ['1a@99999999', { at: 0, room: 9 }, '1a'],
  'what waits long enough leaves': ['1a@50 2a', { at: 50, room: 9 }, '1a'],
}

for (const [name, [queued, { at, room }, expected]] of Object.entries(stories)) {
  test(name, () => {
    const queue = new AlarmQueue()
    for (const [, id, alarm, , notBefore] of queued.matchAll(/(\d+)([a-z])(@(\d+))?/g))
      queue.add(one(Number(id), alarm!, Number(notBefore ?? 0)))
    const { leaving, askAgainAt } = queue.take(at, room)
    const words = [
      ...leaving.map(({ id, alarm }) => `${id}${alarm}`),
      ...(askAgainAt === undefined ? [] : [`ask@${askAgainAt}`]),
    ]
    expect(words.join(' ')).toBe(expected)
  })
}

test('whatever fails and whatever comes in between, every delivery leaves and the order within an alarm holds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.boolean()),
      (alarms, room, fails) => {
        const queue = new AlarmQueue()
        alarms.forEach((alarm, i) => queue.add(one(i, alarm)))
        const arrived: Record<string, number[]> = {}
        const limit = 1_000
        for (let round = 0; queue.size > 0 && round < limit; round++) {
          for (const delivery of queue.take(round, room - queue.inFlight).leaving) {
            if (round < limit / 2 && fails.next().value === true)
              queue.putBack({ ...delivery, notBefore: round + 1, failures: delivery.failures + 1 })
            else {
              ;(arrived[delivery.alarm] ??= []).push(delivery.id)
              queue.remove(delivery)
            }
          }
        }
        const wanted: Record<string, number[]> = {}
        alarms.forEach((alarm, i) => (wanted[alarm] ??= []).push(i))
        expect({ arrived, inFlight: queue.inFlight }).toEqual({ arrived: wanted, inFlight: 0 })
      },
    ),
    { numRuns: 100 },
  )
})

test('beyond its bound the oldest are named, but never one that is on its way', () => {
  const queue = new AlarmQueue()
  for (let id = 1; id <= 5; id++) queue.add(one(id, `alarm ${id}`))
  queue.take(0, 1)
  expect(queue.overflow(3).map(({ id }) => id)).toEqual([2, 3])
})
