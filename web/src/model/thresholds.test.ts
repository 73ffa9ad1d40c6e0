import { expect, test } from 'vitest'
import { thresholdsOf } from './thresholds.ts'

const lines = [
  { id: '1', label: '/' },
  { id: '2', label: '/var' },
]
const row = { rule: 'used', severity: 'WARNING', threshold: '> 80%', at: [80] } as const

test('rows that say the same of every line are one threshold, those of some lines name them', () => {
  expect(
    thresholdsOf(
      [
        { ...row, series: '1' },
        { ...row, series: '2' },
        { ...row, series: '2', severity: 'CRITICAL', threshold: 'outside 5%..95%', at: [5, 95] },
        { ...row, series: '9', at: [70] },
      ],
      lines,
    ),
  ).toEqual([
    { severity: 'CRITICAL', at: 5, text: 'outside 5%..95% (/var)' },
    { severity: 'CRITICAL', at: 95, text: 'outside 5%..95% (/var)' },
    { severity: 'WARNING', at: 80, text: '> 80%' },
  ])
})
