import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from './bytes.ts'
import { packNumbers, unpackNumbers, type Packing } from './column.ts'
import { seededRandom } from './random.ts'

function packed(values: readonly number[], packing?: Packing): Uint8Array {
  const out = new ByteWriter()
  packNumbers(out, Float64Array.from(values), packing)
  return out.done()
}

const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const decimal = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 6 })).map(([whole, scale]) => whole / 10 ** scale)

describe('a column', () => {
  test('gives back exactly the doubles it was given', () => {
    const columns = fc.oneof(
      fc.array(finite, { maxLength: 300 }),
      fc.array(decimal, { maxLength: 300 }),
      fc.array(fc.maxSafeInteger(), { maxLength: 300 }),
      fc.array(fc.oneof(finite, decimal, fc.constant(-0)), { maxLength: 300 }),
    )
    fc.assert(
      fc.property(columns, (values) => {
        const read = [...unpackNumbers(new ByteReader(packed(values)), values.length)]
        expect(read).toStrictEqual(values)
        const dense = packed(values, 'dense')
        expect([...unpackNumbers(new ByteReader(dense), values.length)]).toStrictEqual(values)
      }),
      { numRuns: 500 },
    )
  })

  test('gives back numbers of every range from digits of it', () => {
    const ranged = fc
      .tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.nat(20), fc.integer())
      .chain(([range, shift, low]) =>
        fc.array(
          fc.nat({ max: Math.max(1, range >> shift) }).map((value) => value + low),
          { maxLength: 300 },
        ),
      )
    fc.assert(
      fc.property(ranged, (values) => {
        const dense = packed(values, 'dense')
        expect([...unpackNumbers(new ByteReader(dense), values.length)]).toStrictEqual(values)
        expect(dense.length).toBeLessThanOrEqual(packed(values).length)
      }),
      { numRuns: 500 },
    )
    const random = seededRandom(1)
    const size = (count: number) =>
      packed(
        Array.from({ length: 1_440 }, () => Math.floor(random() * count)),
        'dense',
      ).length / 1_440
    expect([5, 100_001].map(size)).toEqual([expect.closeTo(2.37 / 8, 2), expect.closeTo(16.7 / 8, 2)])
  })

  test('bytes that are no column are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(100), (bytes, count) => {
        try {
          unpackNumbers(new ByteReader(bytes), count)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RangeError)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('refuses what is not finite', () => {
    for (const value of [NaN, Infinity, -Infinity])
      expect(() => packed([1, value])).toThrow(`${value} cannot be stored: a value must be finite`)
  })

  test('says when its bytes were cut', () => {
    const bytes = packed([1.5, 2.25, 99.125, -7])
    expect(() => unpackNumbers(new ByteReader(bytes.subarray(0, -1)), 4)).toThrow('the bytes end too early')
  })

  test('takes few bytes for what monitors measure', () => {
    const random = seededRandom(1)
    const day = Array.from({ length: 1_440 }, (_, minute) => minute)
    let total = 0
    const sizes = {
      constant: packed(day.map(() => 41.7)).length,
      even: packed(day.map((minute) => 1e9 + minute * 60)).length,
      counter: packed(day.map(() => (total += Math.floor(random() * 1_000)))).length / 1_440,
      noise: packed(day.map(() => Math.round(random() * 100_000) / 1_000)).length / 1_440,
    }
    expect(sizes).toEqual({ constant: 6, even: 10, counter: expect.closeTo(1.25, 1), noise: expect.closeTo(2.13, 1) })
  })
})
