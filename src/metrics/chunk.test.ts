import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { decodeChunk, encodeChunk, encodeLastingChunk } from './chunk.ts'
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
      expect(decodeChunk(start, encodeLastingChunk(start, given))).toStrictEqual(given)
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

test('a chunk that lasts is smaller where values repeat or lie on a coarse grid, and never larger', () => {
  const random = seededRandom(1)
  const sizes = (value: () => number) => {
    const day = points(Array.from({ length: 1_440 }, (_, minute) => [start + minute * 60_000, value()] as const))
    expect(decodeChunk(start, encodeLastingChunk(start, day))).toStrictEqual(day)
    return encodeLastingChunk(start, day).length / encodeChunk(start, day).length
  }
  expect({
    constant: sizes(() => 42),
    noise: sizes(() => Math.round(random() * 100_000) / 1_000) < 0.985,
    pages: sizes(() => (10_000 + Math.floor(random() * 40)) * 4_096) < 0.6,
    thirds: sizes(() => Math.floor(random() * 100) / 3) < 0.6,
  }).toEqual({ constant: 1, noise: true, pages: true, thirds: true })
})

test('bytes that are no chunk are refused', () => {
  const whole = encodeLastingChunk(
    start,
    points(Array.from({ length: 600 }, (_, i) => [start + i, (i % 7) / 3] as const)),
  )
  expect([whole[0], ...[new Uint8Array(), Uint8Array.of(9), whole.subarray(0, 40)].map(refused)]).toEqual([
    2,
    true,
    true,
    true,
  ])
})

function refused(bytes: Uint8Array): boolean {
  try {
    decodeChunk(start, bytes)
    return false
  } catch {
    return true
  }
}

test('times on the grid of slots cost nothing; a gap costs a few bytes', () => {
  const day = Array.from({ length: 1_440 }, (_, minute) => [start + minute * 60_000 + 417, 1] as const)
  const size = (samples: readonly (readonly [number, number])[]) => encodeChunk(start, points(samples)).length
  expect([size(day.slice(0, 2)), size(day), size(day.filter((_, i) => i % 200 !== 7))]).toEqual([15, 17, 79])
})
