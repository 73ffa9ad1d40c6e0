import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fittedFrom, readRange, resultsSpanMs, zoomed } from './range.ts'

test('whatever the address says, there is a range', () => {
  expect(
    [
      {},
      { range: '24h' },
      { range: '__proto__' },
      { from: '1000', to: '61000' },
      { from: '61000', to: '1000', range: '7d' },
      { from: 'x', to: '1' },
    ].map(readRange),
  ).toEqual([
    { is: 'last', name: '1h', chosen: false },
    { is: 'last', name: '24h', chosen: true },
    { is: 'last', name: '1h', chosen: false },
    { is: 'fixed', from: 1_000, to: 61_000 },
    { is: 'last', name: '7d', chosen: true },
    { is: 'last', name: '1h', chosen: false },
  ])
})

test('what was zoomed into can be read back, however narrow it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1e12, max: 2e12 }), fc.integer({ min: 0, max: 1e9 }), (from, width) => {
      const range = readRange(zoomed(from, from + width))
      expect(range.is === 'fixed' && range.from <= from && range.to >= from + width).toBe(true)
    }),
  )
})

test('as many results are asked for as are shown, and at most those of a day', () => {
  expect(['1s', '1m30s', '5m', '1d', 'nonsense'].map(resultsSpanMs)).toEqual([
    300_000, 27_000_000, 86_400_000, 86_400_000, 86_400_000,
  ])
})

test('an axis nobody chose begins where the values do, one that was chosen is shown whole', () => {
  const [from, to, minute] = [0, 3_600_000, 60_000]
  const unasked = { is: 'last', name: '1h', chosen: false } as const
  expect([
    fittedFrom(unasked, from, to, to - 10 * minute),
    fittedFrom(unasked, from, to, to - minute),
    fittedFrom(unasked, from, to, undefined),
    fittedFrom({ ...unasked, chosen: true }, from, to, to - minute),
  ]).toEqual([to - 10 * minute, to - 2 * minute, from, from])
})
