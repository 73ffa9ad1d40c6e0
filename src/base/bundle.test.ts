import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBundle, encodeBundle } from './bundle.ts'

const bodies = fc
  .array(fc.tuple(fc.nat(1_000), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 })
  .map((entries) => [...new Map(entries)].sort((a, b) => a[0] - b[0]).map(([place, body]) => ({ place, body })))

test('a bundle gives back its bodies, all of them or those up to a place', () => {
  fc.assert(
    fc.property(bodies, fc.nat(1_000), (entries, upTo) => {
      const bytes = encodeBundle(entries)
      expect([decodeBundle(bytes), decodeBundle(bytes, upTo)]).toEqual([
        entries,
        entries.filter(({ place }) => place <= upTo),
      ])
    }),
  )
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
