import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseThreshold } from './threshold.ts'
import { formatAmount, parseAmount, units, type Unit } from './unit.ts'

test.each<[string, Unit, number | undefined]>([
  ['2s', 'ms', 2_000],
  ['1m30s', 'ms', 90_000],
  ['14d', 'd', 14],
  ['2w', 'd', 14],
  ['500 MiB', 'B', 524_288_000],
  ['10Mbit/s', 'B/s', 1_250_000],
  ['1 kB/s', 'bit/s', 8_000],
  ['60/min', '/s', 1],
  ['90%', '%', 90],
  ['-5', '°C', -5],
  ['1e6', '', 1_000_000],
  ['0.1', '', 0.1],
  ['5%', '', undefined],
  ['2GiB', 'ms', undefined],
  ['1m30', 'ms', undefined],
  ['1,5', '', undefined],
  ['2 constructor', 's', undefined],
  ['', '', undefined],
])('%s on a metric in "%s" is %s', (text, unit, amount) => {
  expect(parseAmount(text, unit)).toBe(amount)
})

test.each<[number, Unit, string]>([
  [2_140, 'ms', '2.14 s'],
  [91.234, '%', '91.2 %'],
  [3e9, 'B', '2.79 GiB'],
  [1_234, '', '1234'],
  [0, 'ms', '0 ms'],
  [0.25, '/s', '0.25/s'],
  [-3, 'd', '-3 d'],
])('%d in "%s" is shown as %s', (value, unit, shown) => {
  expect(formatAmount(value, unit)).toBe(shown)
})

test('every unit has a way to be written that reads back as itself', () => {
  fc.assert(
    fc.property(fc.constantFrom(...units), fc.integer({ min: -1_000_000, max: 1_000_000 }), (unit, value) => {
      expect(parseAmount(`${value}${unit}`, unit)).toBe(value)
      expect(formatAmount(value, unit)).not.toContain('NaN')
    }),
  )
})

test.each([
  ['> 2s', { threshold: { is: '>', than: 2_000 } }],
  ['<=10', { threshold: { is: '<=', than: 10 } }],
  ['outside 10..1s', { threshold: { is: 'outside', low: 10, high: 1_000 } }],
  ['inside 1s .. 2s', { threshold: { is: 'inside', low: 1_000, high: 2_000 } }],
])('%s', (text, read) => {
  expect(parseThreshold(text, 'ms')).toEqual(read)
})
