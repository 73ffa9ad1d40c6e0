import { expect, test } from 'vitest'
import { formatNumber, formatShare, formatSpan, formatValue } from './values.ts'

// value unit → what people read (thin spaces written as _)
const stories = {
  'numbers keep about three digits': [
    [0, '', '0'],
    [0.01234, '', '0.0123'],
    [1.2345, '', '1.23'],
    [12.345, '', '12.3'],
    [123.45, '', '123.5'],
    [1234567, '', '1_234_567'],
    [-1500, '', '-1_500'],
  ],
  'times grow into larger units': [
    [0.25, 'ms', '250 µs'],
    [12.5, 'ms', '12.5 ms'],
    [1250, 'ms', '1.25 s'],
    [90, 's', '1 min 30 s'],
    [119.6, 's', '2 min'],
    [3600, 's', '1 h'],
    [100_000, 's', '1 d 4 h'],
    [450, 'us', '450 µs'],
    [29.4, 'd', '29.4 d'],
  ],
  'bytes take binary steps, bits and hertz decimal ones': [
    [512, 'B', '512 B'],
    [1536, 'B', '1.5 KiB'],
    [8 * 1024 ** 3, 'B', '8 GiB'],
    [2048, 'B/s', '2 KiB/s'],
    [2_500_000, 'bit/s', '2.5 Mbit/s'],
    [2_400_000_000, 'Hz', '2.4 GHz'],
  ],
  'the other units stand behind': [
    [12.34, '%', '12.3 %'],
    [7, '/s', '7/s'],
    [41.5, '°C', '41.5 °C'],
    [Number.NaN, 'ms', '–'],
  ],
} as const

for (const [claim, rows] of Object.entries(stories)) {
  test(claim, () => {
    expect(rows.map(([value, unit]) => formatValue(value, unit).replaceAll('\u202f', '_'))).toEqual(
      rows.map((row) => row[2]),
    )
  })
}

test('a share never claims to be whole when it is not', () => {
  expect([1, 0.99999, 0.9991, 0.985, 0.5, 0, null].map(formatShare)).toEqual([
    '100 %',
    '99.99 %',
    '99.91 %',
    '98.5 %',
    '50 %',
    '0 %',
    '–',
  ])
})

test('spans that round up to the next unit are written in it', () => {
  expect([59_999, 3_599_900, 86_399_900].map(formatSpan)).toEqual(['60 s', '1 h', '1 d'])
})

test('very large and very small numbers stay short', () => {
  expect([1e18, 1e-9].map((value) => formatNumber(value))).toEqual(['1.00e+18', '1.00e-9'])
})
