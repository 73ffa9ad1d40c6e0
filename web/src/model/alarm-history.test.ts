import { expect, test } from 'vitest'
import { outline, stacked } from './alarm-history.ts'

const none = [0, 0, 0]

test('severities are stacked with the worst at the foot, and those that never occur take no room', () => {
  const { layers, highest } = stacked({
    INFO: none,
    WARNING: [1, 1, 0],
    MINOR: none,
    MAJOR: none,
    CRITICAL: [0, 2, 1],
  })
  expect({ layers, highest }).toEqual({
    layers: [
      { severity: 'CRITICAL', foot: [0, 0, 0], top: [0, 2, 1] },
      { severity: 'WARNING', foot: [0, 2, 1], top: [1, 3, 1] },
    ],
    highest: 3,
  })
})

test('an outline goes up and down part by part and comes back along its foot', () => {
  expect(outline({ severity: 'MAJOR', foot: [0, 1], top: [1, 2] }, 2, 20, 10)).toBe('M0 10V5H10V0H20V5H10V10H0Z')
})
