import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from './bytes.ts'
import { packNumbers, unpackNumbers } from './column.ts'
import { seededRandom } from './random.ts'

function packed(values: readonly number[]): Uint8Array {
  const out = new ByteWriter()
  packNumbers(out, Float64Array.from(values))
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
