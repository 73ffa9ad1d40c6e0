import fc from 'fast-check'
import { expect, test } from 'vitest'
import { iso } from './iso.ts'

const furthest = 8.64e15

test('times are written as a Date writes them, whatever was written before', () => {
  const near = fc.integer({ min: 0, max: 4_102_444_800_000 })
  const any = fc.integer({ min: -furthest, max: furthest })
  const broken = fc.double({ min: -1e12, max: 1e12, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.oneof(near, any, broken)), (times) => {
      expect(times.map(iso)).toEqual(times.map((at) => new Date(at).toISOString()))
    }),
  )
})

test.each([0, -1, 86_399_999, 86_400_000, -86_400_000, furthest, -furthest])('%i is written as well', (at) => {
  expect(iso(at)).toBe(new Date(at).toISOString())
})

test.each([Number.NaN, Infinity, furthest + 1])('%d is no time', (at) => {
  expect(() => iso(at)).toThrow(RangeError)
})
