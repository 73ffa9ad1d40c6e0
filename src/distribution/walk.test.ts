import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Walk } from './walk.ts'

test('a walk finds what the map has, in whatever order it was filled and is asked', () => {
  const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 12 })
  fc.assert(
    fc.property(keys, keys, (filled, asked) => {
      const map = new Map(filled.map((key, i) => [key, i]))
      const walk = new Walk(map)
      expect(asked.map((key) => walk.get(key))).toEqual(asked.map((key) => map.get(key)))
    }),
  )
})
