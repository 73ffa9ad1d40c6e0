import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../base/index.ts'
import { Histogram } from './histogram.ts'

test('percentiles are within five percent, also of what was joined and read back; count and maximum are exact', () => {
  const durations = fc.array(fc.double({ min: 0.01, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(durations, durations, fc.constantFrom(0.5, 0.95, 1), (first, second, share) => {
      const [one, two] = [first, second].map((values) => {
        const histogram = new Histogram()
        for (const each of values) histogram.add(each)
        const out = new ByteWriter()
        histogram.encode(out)
        return Histogram.decode(new ByteReader(out.done()))
      })
      one!.include(two!)
      const sorted = [...first, ...second].sort((a, b) => a - b)
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!
      expect(Math.abs(one!.percentile(share)! / exact - 1)).toBeLessThan(0.05)
      expect([one!.count, one!.max]).toEqual([sorted.length, sorted.at(-1)])
    }),
  )
})

test('damaged bytes are refused instead of having room made for buckets that no time has; the longest time has one', () => {
  const out = new ByteWriter()
  out.varint(1)
  out.varint(1e12)
  out.varint(1)
  expect(() => Histogram.decode(new ByteReader(out.done()))).toThrow(RangeError)
  const longest = new Histogram()
  longest.add(Number.MAX_VALUE)
  const kept = new ByteWriter()
  longest.encode(kept)
  expect(Histogram.decode(new ByteReader(kept.done())).max).toBe(Number.MAX_VALUE)
})
