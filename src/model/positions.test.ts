import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstMissing, hasPosition, rangesBelow, withRange, type Ranges } from './positions.ts'

const given = fc.array(fc.tuple(fc.nat(60), fc.nat(10)), { maxLength: 20 })
const rangesOf = (pairs: [number, number][]) =>
  pairs.reduce<Ranges>((all, [from, count]) => withRange(all, from, from + count), [])
const positions = Array.from({ length: 80 }, (_, position) => position)
const held = (ranges: Ranges) => positions.filter((position) => hasPosition(ranges, position))

test('ranges hold exactly the positions that were put in, in as few pieces as can be', () => {
  fc.assert(
    fc.property(given, (pairs) => {
      const ranges = rangesOf(pairs)
      const model = new Set(pairs.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i)))
      expect(held(ranges)).toEqual(positions.filter((position) => model.has(position)))
      for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThan(ranges[i - 1]![1])
    }),
  )
})

test('ranges are cut off at a position, and tell what is missing from one on', () => {
  fc.assert(
    fc.property(given, fc.nat(70), (pairs, at) => {
      const ranges = rangesOf(pairs)
      const all = new Set(held(ranges))
      expect([held(rangesBelow(ranges, at)), firstMissing(ranges, at)]).toEqual([
        [...all].filter((position) => position < at),
        positions.find((position) => position >= at && !all.has(position)),
      ])
    }),
  )
})
