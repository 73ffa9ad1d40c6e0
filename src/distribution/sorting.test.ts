import { inOnePiece } from '../platform/index.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { perStep, sorting } from './sorting.ts'

test('sorting with pauses gives what sorting gives, and equal ones stay in their order', () => {
  const lists = fc.array(fc.record({ size: fc.nat(20), name: fc.nat() }), { size: '+1' })
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 40 }), (some, times) => {
      // Longer than a few steps, so that there is something to put together.
      const list = Array.from({ length: times }, () => some)
        .flat()
        .concat(some.slice(1))
      const bySize = (a: { size: number }, b: { size: number }) => a.size - b.size
      expect(inOnePiece(sorting(list, bySize))).toEqual(list.toSorted(bySize))
    }),
  )
  const many = Array.from({ length: 5 * perStep + 3 }, (_, i) => (i * 7_919) % 4_001)
  expect(inOnePiece(sorting(many, (a, b) => a - b))).toEqual(many.toSorted((a, b) => a - b))
})
