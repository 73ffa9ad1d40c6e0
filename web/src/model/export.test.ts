import { expect, test } from 'vitest'
import { csvOf, figuresOf } from './export.ts'

test('a table of values has a line for each moment with a value, and names that no spreadsheet takes for formulas', () => {
  expect(
    csvOf(
      [0, 60_000, 120_000],
      [
        { name: '=cmd()', unit: '', value: [1, null, 3] },
        { name: 'a, "b"', unit: 'ms', value: [null, null, 2.5] },
      ],
    ).split('\r\n'),
  ).toEqual(['time,\'=cmd(),"a, ""b"" (ms)"', '1970-01-01T00:00:00.000Z,1,', '1970-01-01T00:02:00.000Z,3,2.5', ''])
})

test('figures are of what was measured, with the peaks that averages hide', () => {
  expect([
    figuresOf({ value: [1, null, 3], min: [0.5, null, 3], max: [9, null, 3] }),
    figuresOf({ value: [null], min: [null], max: [null] }),
  ]).toEqual([
    { last: 3, min: 0.5, mean: 2, max: 9 },
    { last: null, min: null, mean: null, max: null },
  ])
})
