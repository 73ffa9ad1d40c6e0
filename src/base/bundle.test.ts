import fc from 'fast-check'
import { expect, test } from 'vitest'
import { appendToBundle, decodeBundle, encodeBundle } from './bundle.ts'

const bodies = fc
  .array(fc.tuple(fc.nat(1_000), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 })
  .map((entries) => [...new Map(entries)].sort((a, b) => a[0] - b[0]).map(([place, body]) => ({ place, body })))

test('a bundle gives back its bodies, all of them or those from one place to another', () => {
  fc.assert(
    fc.property(bodies, fc.nat(1_000), fc.nat(1_000), (entries, first, last) => {
      const bytes = encodeBundle(entries)
      expect([decodeBundle(bytes), decodeBundle(bytes, first, last)]).toEqual([
        entries,
        entries.filter(({ place }) => place >= first && place <= last),
      ])
    }),
  )
})

test('a body that is added behind the others makes the bundle that all of them make', () => {
  fc.assert(
    fc.property(bodies, (entries) => {
      const added = entries.at(-1) ?? { place: 0, body: new Uint8Array(3) }
      const others = encodeBundle(entries.slice(0, -1))
      const all = appendToBundle(others, added)
      expect([all, appendToBundle(all!, added)]).toEqual([
        encodeBundle(entries.length === 0 ? [added] : entries),
        undefined,
      ])
    }),
  )
  const most = encodeBundle(Array.from({ length: 127 }, (_, place) => ({ place, body: new Uint8Array() })))
  expect(appendToBundle(most, { place: 127, body: new Uint8Array() })).toBeUndefined()
})

test('what is alike with the body before takes three bytes', () => {
  const body = new Uint8Array(100).fill(7)
  const size = (count: number) => encodeBundle(Array.from({ length: count }, (_, place) => ({ place, body }))).length
  expect(size(17) - size(1)).toBe(48)
})

test('a bundle that was cut, or is none, is refused as such', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeBundle(bytes)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RangeError)
      }
    }),
  )
  const whole = encodeBundle([1, 2, 3].map((place) => ({ place, body: Uint8Array.of(place, 5, 5) })))
  for (let length = 0; length < whole.length; length++)
    expect(() => decodeBundle(whole.subarray(0, length))).toThrow(RangeError)
  expect(() => decodeBundle(Uint8Array.of(...whole, 0))).toThrow(RangeError)
  expect(() => encodeBundle([2, 1].map((place) => ({ place, body: whole })))).toThrow(RangeError)
})
