import { expect, test } from 'vitest'
import { countOpen } from './alarm-counts.ts'

test('an alarm counts in every part of the range in which it was open, however short that was', () => {
  const counts = countOpen(
    [
      { severity: 'MAJOR', from: -50, to: 20 },
      { severity: 'MAJOR', from: 10, to: null },
      { severity: 'INFO', from: 15, to: 18 },
      { severity: 'WARNING', from: -20, to: -10 },
      { severity: 'CRITICAL', from: 30, to: 100 },
    ],
    { from: 0, to: 40, points: 4 },
  )
  expect(counts).toEqual({
    at: [0, 10, 20, 30],
    open: {
      INFO: [0, 1, 0, 0],
      WARNING: [0, 0, 0, 0],
      MINOR: [0, 0, 0, 0],
      MAJOR: [1, 2, 1, 1],
      CRITICAL: [0, 0, 0, 1],
    },
  })
})
