import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeChunk, encodeChunk } from './chunk.ts'
import { merge, within, type Points } from './points.ts'

const start = Date.UTC(2026, 0, 1)

function points(entries: Iterable<readonly [number, number]>): Points {
  const sorted = [...new Map(entries)].sort((a, b) => a[0] - b[0])
  return { times: Float64Array.from(sorted, ([time]) => time), values: Float64Array.from(sorted, ([, value]) => value) }
}

const offset = fc.oneof(
  fc.integer({ min: 0, max: 86_399_999 }),
  fc.integer({ min: 0, max: 1_439 }).map((minute) => minute * 60_000 + 417),
)
const sample = fc.tuple(
  offset.map((ms) => start + ms),
  fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constant(0)),
)

test('a chunk gives back its samples exactly, on the grid of slots and off it', () => {
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), (samples) => {
      const given = points(samples)
      expect(decodeChunk(start, encodeChunk(start, given))).toStrictEqual(given)
    }),
  )
})

test('merging is what one would do by hand', () => {
  fc.assert(
    fc.property(
      fc.array(sample, { maxLength: 50 }),
      fc.array(sample, { maxLength: 50 }),
      offset,
      offset,
      (a, b, from, to) => {
        const both = merge(points(a), points(b))
        expect([...both.times].map((time, i) => [time, both.values[i]])).toStrictEqual(
          [...new Map([...a, ...b])].sort((x, y) => x[0] - y[0]),
        )
        const part = within(both, start + from, start + to)
        expect([...part.times]).toEqual([...both.times].filter((time) => time >= start + from && time < start + to))
      },
    ),
  )
})

test('times on the grid of slots cost nothing; a gap costs a few bytes', () => {
  const day = Array.from({ length: 1_440 }, (_, minute) => [start + minute * 60_000 + 417, 1] as const)
  const size = (samples: readonly (readonly [number, number])[]) => encodeChunk(start, points(samples)).length
  expect([size(day.slice(0, 2)), size(day), size(day.filter((_, i) => i % 200 !== 7))]).toEqual([15, 17, 79])
})
