import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DueTimes } from './due-times.ts'

test('each name is handed out once, when it is due and not a second late, whatever was put before', () => {
  const puts = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 60_000 })))
  fc.assert(
    fc.property(puts, (all) => {
      const times = new DueTimes()
      const expected = new Map<string, number>()
      for (const [name, at] of all) {
        times.put(name, at)
        expected.set(name, Math.ceil(at / 1_000) * 1_000)
      }
      const taken = new Map<string, number>()
      for (let at = 0; at <= 61_000; at += 1_000) for (const name of times.take(at)) taken.set(name, at)
      expect(taken).toEqual(expected)
    }),
  )
})

test('what never falls due is taken out', () => {
  const times = new DueTimes()
  times.put('a', 1_000)
  times.put('a', Infinity)
  expect(times.take(1e12)).toEqual([])
})
