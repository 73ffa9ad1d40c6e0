import { expect, test } from 'vitest'
import { readMonth, spanOf, weeksOf, writeMonth } from './calendar.ts'

const local = (text: string): number => new Date(text).getTime()

test('a month is shown in whole weeks from Monday, with what touches each day', () => {
  const night = { name: 'night', from: local('2026-12-01T22:00'), to: local('2026-12-02T02:00') }
  const noon = { name: 'noon', from: local('2026-12-02T12:00'), to: local('2026-12-02T13:00') }
  const weeks = weeksOf({ year: 2026, month: 12 }, [noon, night], local('2026-12-03T09:00'))
  expect([
    weeks.map((week) => `${week[0]!.date} ${week.length}`),
    weeks[0]!.map(({ day, isOfMonth, isToday, what }) =>
      [day, isOfMonth, isToday, what.map(({ name }) => name)].join(' '),
    ),
  ]).toEqual([
    ['2026-11-30 7', '2026-12-07 7', '2026-12-14 7', '2026-12-21 7', '2026-12-28 7'],
    [
      '30 false false ',
      '1 true false night',
      '2 true false night,noon',
      '3 true true ',
      '4 true false ',
      '5 true false ',
      '6 true false ',
    ],
  ])
})

test('months are read from the address and counted over the year', () => {
  const now = local('2026-12-03T09:00')
  const { from, to } = spanOf({ year: 2027, month: 2 })
  expect([
    writeMonth(readMonth('2027-01', now)),
    writeMonth(readMonth('2027-13', now)),
    writeMonth(readMonth(undefined, now), 1),
    writeMonth({ year: 2026, month: 1 }, -1),
    from === local('2027-02-01T00:00'),
    to === local('2027-03-01T00:00'),
  ]).toEqual(['2027-01', '2026-12', '2027-01', '2025-12', true, true])
})
