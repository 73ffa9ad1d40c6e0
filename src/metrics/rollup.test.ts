import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { decodeRollup, encodeRollup, mergeRollups, rollUp, rollupWithin } from './rollup.ts'

const hourMs = 3_600_000
const start = Date.UTC(2026, 0, 1)

function rolled(samples: Iterable<readonly [number, number]>) {
  const sorted = [...new Map(samples)].sort((a, b) => a[0] - b[0])
  return rollUp(
    { times: Float64Array.from(sorted, ([time]) => time), values: Float64Array.from(sorted, ([, value]) => value) },
    hourMs,
  )
}

const decimals = fc.integer({ min: 0, max: 12 }).chain((scale) => fc.integer().map((whole) => whole / 10 ** scale))
const samplesOf = (value: fc.Arbitrary<number>) =>
  fc.array(
    fc.tuple(
      fc.nat(86_399_999 * 3).map((ms) => start + ms),
      value,
    ),
    { maxLength: 120 },
  )
const samples = fc.oneof(
  ...[fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), decimals, fc.constant(-0)].map(samplesOf),
)

test('a roll-up is given back exactly, of whatever samples it is', () => {
  fc.assert(
    fc.property(samples, (given) => {
      const rollup = rolled(given)
      expect(decodeRollup(start, hourMs, encodeRollup(start, hourMs, rollup))).toStrictEqual(rollup)
    }),
    { numRuns: 500 },
  )
})

test('days put together are the roll-up of all, and each can be taken out again', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(71), fc.integer()), { maxLength: 100 }), fc.nat(72), (given, hour) => {
      const all = rolled(given.map(([at, value]) => [start + at * hourMs, value] as const))
      const border = start + hour * hourMs
      const [before, after] = [rollupWithin(all, start, border), rollupWithin(all, border, start + 72 * hourMs)]
      expect([mergeRollups(before, after), mergeRollups(after, before), mergeRollups(before, all)]).toEqual([
        all,
        all,
        all,
      ])
    }),
  )
})

test('a day of a counter, of noise and of a constant takes few bytes among others', () => {
  const random = seededRandom(1)
  let total = 0
  const bytesADay = (value: () => number) => {
    const month = Array.from({ length: 32 * 1_440 }, (_, minute) => [start + minute * 60_000, value()] as const)
    return encodeRollup(start, hourMs, rolled(month)).length / 32
  }
  expect([
    bytesADay(() => (total += Math.floor(random() * 1_000))) < 140,
    bytesADay(() => Math.round(random() * 100_000) / 1_000) < 200,
    bytesADay(() => 42) < 2,
  ]).toEqual([true, true, true])
})

test('bytes that are no roll-up are refused', () => {
  const whole = encodeRollup(start, hourMs, rolled(Array.from({ length: 300 }, (_, i) => [start + i * 900_000, i % 7])))
  const refused = [new Uint8Array(), Uint8Array.of(9), ...Array.from(whole, (_, i) => whole.subarray(0, i))]
  for (const bytes of refused) expect(() => decodeRollup(start, hourMs, bytes)).toThrow(RangeError)
})
