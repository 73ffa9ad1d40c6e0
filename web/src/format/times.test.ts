import { expect, test } from 'vitest'
import { formatAgo, formatLasting, formatMoment, formatMomentShort, formatTicks } from './times.ts'

const at = Date.parse('2026-11-22T23:30:05.000Z')

test("moments are written in the reader's zone, year first", () => {
  expect([
    formatMoment(at, 'UTC'),
    formatMoment(at, 'Europe/Berlin'),
    formatMoment(null),
    formatMoment('nonsense'),
  ]).toEqual(['2026-11-22 23:30:05', '2026-11-23 00:30:05', '–', '–'])
})

test('a moment of today needs no date, where today is the day of the reader', () => {
  const now = at + 3_600_000
  expect([formatMomentShort(at, now, 'UTC'), formatMomentShort(at, now, 'Europe/Berlin')]).toEqual([
    '2026-11-22 23:30',
    '00:30:05',
  ])
})

test('ages are told in one unit, and a clock that runs ahead is forgiven', () => {
  expect(
    [-3_000, 2_000, 40_000, 200_000, 5 * 3_600_000, 13 * 86_400_000].map((age) => formatAgo(at, at + age)),
  ).toEqual(['just now', 'just now', '40 s ago', '3 min ago', '5 h ago', '13 d ago'])
})

test('how long something lasted has no fractions of seconds', () => {
  expect([formatLasting(at, at + 12_345), formatLasting(at, at + 3_725_000)]).toEqual(['12 s', '1 h 2 min'])
})

test('an axis names the day where it changes', () => {
  const hour = 3_600_000
  expect(formatTicks([at, at + hour, at + 2 * hour], hour, 'UTC')).toEqual(['23:30', '00:30\n23 Nov', '01:30'])
  expect(formatTicks([at, at + 24 * hour], 24 * hour, 'UTC')).toEqual(['22 Nov', '23 Nov'])
  expect(formatTicks([at, at + 5_000], 5_000, 'UTC')).toEqual(['23:30:05', '23:30:10'])
})
