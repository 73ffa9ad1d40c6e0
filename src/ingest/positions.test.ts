import fc from 'fast-check'
import { expect, test } from 'vitest'
import { include, includes, type Ranges } from './positions.ts'

test('ranges hold exactly the positions that were put in, in as few pieces as can be', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(10))
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), (given) => {
      const ranges = given.reduce<Ranges>((all, [from, count]) => include(all, from, from + count), [])
      const model = new Set(given.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i)))
      expect(Array.from({ length: 80 }, (_, position) => includes(ranges, position))).toEqual(
        Array.from({ length: 80 }, (_, position) => model.has(position)),
      )
      for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThan(ranges[i - 1]![1])
    }),
  )
})
