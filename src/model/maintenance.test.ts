import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  MaintenanceClock,
  momentOf,
  occurrenceFrom,
  occurrencesOf,
  readWall,
  weekdays,
  type MaintenanceTimes,
  type Repetition,
} from './maintenance.ts'

const hour = 3_600_000
const day = 24 * hour
const at = (iso: string): number => Date.parse(iso)
const shown = (all: readonly { readonly from: number; readonly to: number }[]): string[] =>
  all.map(({ from, to }) => `${new Date(from).toISOString().slice(0, 16)} ${(to - from) / hour} h`)
const berlin = (begins: string, lastsHours: number, repeats?: Repetition): MaintenanceTimes => ({
  begins,
  lastsMs: lastsHours * hour,
  zone: 'Europe/Berlin',
  ...(repeats === undefined ? {} : { repeats }),
})
const all = (times: MaintenanceTimes, from: string, to: string): string[] =>
  shown(occurrencesOf(times, at(from), at(to)))

test('a window begins by the clock on the wall, in summer and in winter, and lasts by any clock', () => {
  const nightly = berlin('2026-03-28T22:30', 4, { every: 'day', interval: 1 })
  expect(all(nightly, '2026-03-28T12:00Z', '2026-03-31T12:00Z')).toEqual([
    '2026-03-28T21:30 4 h',
    '2026-03-29T20:30 4 h',
    '2026-03-30T20:30 4 h',
  ])
})

test('a time that a change of clocks leaves out begins as much later, and one that comes twice begins the first time', () => {
  const at0230 = (date: string) => berlin(`${date}T02:30`, 1, { every: 'day', interval: 1 })
  expect([
    all(at0230('2026-03-28'), '2026-03-28T00:00Z', '2026-03-30T12:00Z'),
    all(at0230('2026-10-24'), '2026-10-24T00:00Z', '2026-10-26T12:00Z'),
  ]).toEqual([
    ['2026-03-28T01:30 1 h', '2026-03-29T01:30 1 h', '2026-03-30T00:30 1 h'],
    ['2026-10-24T00:30 1 h', '2026-10-25T00:30 1 h', '2026-10-26T01:30 1 h'],
  ])
})

const repeated: Readonly<Record<string, [Repetition, readonly string[]]>> = {
  'every second week, on Monday and Thursday': [
    { every: 'week', interval: 2, on: ['mon', 'thu'] },
    ['2026-12-03', '2026-12-14', '2026-12-17', '2026-12-28', '2026-12-31'],
  ],
  'the second Tuesday of each month': [
    { every: 'month', interval: 1, on: [{ is: 'weekday', nth: 2, weekday: 'tue' }] },
    ['2026-12-08', '2027-01-12', '2027-02-09'],
  ],
  'the last Friday of each month': [
    { every: 'month', interval: 1, on: [{ is: 'weekday', nth: -1, weekday: 'fri' }] },
    ['2026-12-25', '2027-01-29', '2027-02-26'],
  ],
  'the 31st, where a month has one': [
    { every: 'month', interval: 1, on: [{ is: 'date', day: 31 }] },
    ['2026-12-31', '2027-01-31'],
  ],
  'the last day of each month': [
    { every: 'month', interval: 1, on: [{ is: 'date', day: -1 }] },
    ['2026-12-31', '2027-01-31', '2027-02-28'],
  ],
  'every third day until the tenth': [
    { every: 'day', interval: 3, until: '2026-12-10' },
    ['2026-12-01', '2026-12-04', '2026-12-07', '2026-12-10'],
  ],
}

test.each(Object.entries(repeated))('%s', (_, [repeats, days]) => {
  const times = berlin('2026-12-01T10:00', 1, repeats)
  const found = occurrencesOf(times, at('2026-11-01T00:00Z'), at('2027-03-01T00:00Z'))
  const last = at(`${days.at(-1)!}T23:59Z`)
  expect(found.filter(({ from }) => from <= last).map(({ from }) => new Date(from).toISOString().slice(0, 10))).toEqual(
    days,
  )
})

test('what was ended early is over from that moment, and comes again', () => {
  const nightly = { ...berlin('2026-12-01T22:00', 4, { every: 'day', interval: 1 }), endedAt: at('2026-12-02T22:00Z') }
  expect(all(nightly, '2026-12-01T12:00Z', '2026-12-04T12:00Z')).toEqual([
    '2026-12-01T21:00 4 h',
    '2026-12-02T21:00 1 h',
    '2026-12-03T21:00 4 h',
  ])
})

test('the next time is found however far ahead it is, and none where it is over', () => {
  const once = berlin('2026-12-01T22:00', 2)
  const leap = berlin('2026-02-28T08:00', 1, { every: 'month', interval: 1, on: [{ is: 'date', day: 29 }] })
  const noon = (iso: string) => at(`${iso}T12:00Z`)
  expect(
    [
      occurrenceFrom(once, noon('2026-01-01')),
      occurrenceFrom(once, noon('2026-12-02')),
      occurrenceFrom(leap, noon('2027-01-30')),
    ].map((one) => (one === undefined ? undefined : shown([one])[0])),
  ).toEqual(['2026-12-01T21:00 2 h', undefined, '2027-03-29T06:00 1 h'])
})

test('texts that no calendar has are no days', () => {
  expect(['2026-02-30', '2026-13-01', '2026-02-28T24:00', '2026-2-3', '', '2028-02-29T23:59'].map(readWall)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    Date.UTC(2028, 1, 29, 23, 59),
  ])
})

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia']
const someTimes = fc.record({
  begins: fc
    .integer({ min: Date.UTC(2020, 0, 1) / 60_000, max: Date.UTC(2030, 0, 1) / 60_000 })
    .map((minutes) => new Date(minutes * 60_000).toISOString().slice(0, 16)),
  lastsMs: fc.integer({ min: 60_000, max: 40 * hour }),
  zone: fc.constantFrom(...zones),
  repeats: fc.oneof(
    fc.record({ every: fc.constant('day' as const), interval: fc.integer({ min: 1, max: 5 }) }),
    fc.record({
      every: fc.constant('week' as const),
      interval: fc.integer({ min: 1, max: 3 }),
      on: fc.subarray([...weekdays], { minLength: 1 }),
    }),
  ),
})

test('asked in any pieces, a window is on at the same moments', () => {
  fc.assert(
    fc.property(someTimes, fc.integer({ min: 0, max: 30 * 24 }), (times, afterHours) => {
      const from = readWall(times.begins)! + afterHours * hour
      const whole = occurrencesOf(times, from, from + 21 * day)
      const clock = new MaintenanceClock([times])
      for (let i = 0; i < 200; i++) {
        const moment = from + i * 2.5 * hour
        const isOn = whole.some((one) => one.from <= moment && moment < one.to)
        expect([moment, clock.isOn(moment), occurrencesOf(times, moment, moment + 1).length > 0]).toEqual([
          moment,
          isOn,
          isOn,
        ])
      }
    }),
    { numRuns: 60 },
  )
})

test('a moment on the wall is one that its clock shows, or lies in what a change of clocks left out', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: 26_000_000, max: 31_000_000 }), (zone, minutes) => {
      const wall = minutes * 60_000
      const moment = momentOf(zone, wall)
      // Its own offset leads back, but where there is no such time, which never is more than a day (the one Samoa left out).
      const parts = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
      const text = parts.format(moment).replace(' ', 'T')
      const back = Date.parse(`${text}Z`)
      expect(back - wall === 0 || (back > wall && back - wall <= day)).toBe(true)
    }),
  )
})
