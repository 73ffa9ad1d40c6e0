/**
 * When a maintenance window is on. Everything here follows from what is written in the window and a moment, so that agents and servers,
 * whatever zone their machines are in, agree on it to the millisecond, cut off from each other too.
 *
 * A window begins by the clock on the wall of its zone and lasts so long by any clock: two hours from 22:00 are two hours, in the night in
 * which clocks change as well. A time that a change of clocks leaves out begins as much later; one that comes twice begins the first time.
 */
export interface MaintenanceTimes {
  /** On the wall in `zone`: `2026-12-01T22:00`. The first of them, where it repeats. */
  readonly begins: string
  readonly lastsMs: number
  /** IANA name. */
  readonly zone: string
  readonly repeats?: Repetition
  /** What was on at this moment ended at it: somebody ended it early. Epoch milliseconds. */
  readonly endedAt?: number
}

export type Weekday = (typeof weekdays)[number]
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** A day of a month: the 15th, the last one (-1), the second Tuesday, the last Friday (-1). A month without it is left out. */
export type MonthDay =
  | { readonly is: 'date'; readonly day: number }
  | { readonly is: 'weekday'; readonly nth: number; readonly weekday: Weekday }

/** `interval`: every so many days, weeks (from Monday) or months, counted from the first. `until`: the last day on which one may begin. */
export type Repetition = { readonly interval: number; readonly until?: string } & (
  | { readonly every: 'day' }
  | { readonly every: 'week'; readonly on: readonly Weekday[] }
  | { readonly every: 'month'; readonly on: readonly MonthDay[] }
)

/** A stretch of time in which a window is on: from ≤ t < to, epoch milliseconds. */
export interface Occurrence {
  readonly from: number
  readonly to: number
}

const dayMs = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** Whether this machine knows a time zone by that name. */
export function isZone(zone: string): boolean {
  try {
    return formatOf(zone) !== undefined
  } catch {
    return false
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
    })
    formats.set(zone, format)
  }
  return format
}

/** What the clock on the wall shows at a moment, written as if it were UTC; in whole seconds. */
function wallAt(zone: string, at: number): number {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  )
  return Date.UTC(
    parts['year']!,
    parts['month']! - 1,
    parts['day']!,
    parts['hour']!,
    parts['minute']!,
    parts['second']!,
  )
}

function offsetAt(zone: string, at: number): number {
  return wallAt(zone, at) - Math.floor(at / 1_000) * 1_000
}

/** The moment at which the clock on the wall shows `wall`, which is written as if it were UTC. */
export function momentOf(zone: string, wall: number): number {
  // No zone changes its clocks twice within two days.
  const before = offsetAt(zone, wall - dayMs)
  const after = offsetAt(zone, wall + dayMs)
  const shown = [wall - before, wall - after].filter((at) => wallAt(zone, at) === wall)
  return shown.length > 0 ? Math.min(...shown) : wall - before
}

/** A day or a moment on the wall as if it were UTC, or undefined where it is none that a calendar has. */
export function readWall(text: string): number | undefined {
  const found = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}))?$/.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute] = found.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const wall = Date.UTC(year, month - 1, day, hour, minute)
  const isThere = new Date(wall).toISOString().startsWith(`${text.slice(0, 10)}T${text.slice(11) || '00:00'}`)
  return year >= 1970 && isThere ? wall : undefined
}

/** `mon` to `sun`. */
export function readWeekday(text: string | undefined): Weekday | undefined {
  return weekdays.find((day) => day === text)
}

const nths: Readonly<Record<string, number>> = { '1st': 1, '2nd': 2, '3rd': 3, '4th': 4, '5th': 5, last: -1 }

/** `15`, `last`, `2nd tue`, `last fri`; undefined for anything else. */
export function readMonthDay(text: string): MonthDay | undefined {
  if (text === 'last') return { is: 'date', day: -1 }
  if (/^\d{1,2}$/.test(text)) {
    const day = Number(text)
    return day >= 1 && day <= 31 ? { is: 'date', day } : undefined
  }
  const [nth = '', day, ...more] = text.split(' ')
  const weekday = readWeekday(day)
  const found = Object.hasOwn(nths, nth) ? nths[nth] : undefined
  return weekday === undefined || found === undefined || more.length > 0
    ? undefined
    : { is: 'weekday', nth: found, weekday }
}

/** A repetition on the days that it names, or else on that of the first time, which is on the wall. */
export function repetitionOf(
  every: Repetition['every'],
  shared: { readonly interval: number; readonly until?: string },
  on: { readonly week: readonly Weekday[]; readonly month: readonly MonthDay[] },
  begins: number,
): Repetition {
  switch (every) {
    case 'day':
      return { ...shared, every }
    case 'week':
      return { ...shared, every, on: on.week.length > 0 ? on.week : [weekdays[weekdayOf(dayOf(begins))]!] }
    case 'month':
      return {
        ...shared,
        every,
        on: on.month.length > 0 ? on.month : [{ is: 'date', day: new Date(begins).getUTCDate() }],
      }
  }
}

const dayOf = (wall: number): number => Math.floor(wall / dayMs)
/** 0 for Monday. The first day of 1970 was a Thursday. */
const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7

/** Whether a window that repeats begins on a day; days and the first of them are counted from 1970. */
function beginsOn(repeats: Repetition, first: number, day: number): boolean {
  switch (repeats.every) {
    case 'day':
      return (day - first) % repeats.interval === 0
    case 'week': {
      const weeks = (day - weekdayOf(day) - (first - weekdayOf(first))) / 7
      return weeks % repeats.interval === 0 && repeats.on.includes(weekdays[weekdayOf(day)]!)
    }
    case 'month': {
      const [of, since] = [new Date(day * dayMs), new Date(first * dayMs)]
      const months = (of.getUTCFullYear() - since.getUTCFullYear()) * 12 + of.getUTCMonth() - since.getUTCMonth()
      return months % repeats.interval === 0 && repeats.on.some((one) => isMonthDay(one, of, day))
    }
  }
}

function isMonthDay(one: MonthDay, of: Date, day: number): boolean {
  const date = of.getUTCDate()
  const days = new Date(Date.UTC(of.getUTCFullYear(), of.getUTCMonth() + 1, 0)).getUTCDate()
  switch (one.is) {
    case 'date':
      return one.day > 0 ? date === one.day : date === days + 1 + one.day
    case 'weekday':
      if (weekdays[weekdayOf(day)] !== one.weekday) return false
      return one.nth > 0 ? Math.ceil(date / 7) === one.nth : Math.ceil((days + 1 - date) / 7) === -one.nth
  }
}

/** Every stretch of a window that lies in from ≤ t < to, wholly or in part, in order of time. They may overlap. */
export function occurrencesOf(times: MaintenanceTimes, from: number, to: number): Occurrence[] {
  const begins = readWall(times.begins)
  if (begins === undefined) return []
  const { zone, lastsMs, repeats } = times
  if (repeats === undefined) return within([occurrenceAt(times, begins)], from, to)
  const first = dayOf(begins)
  const until = repeats.until === undefined ? Infinity : dayOf(readWall(repeats.until) ?? Infinity)
  // A day to either side, since the wall is up to 14 hours away.
  const last = Math.min(until, dayOf(to) + 1)
  const found: Occurrence[] = []
  for (let day = Math.max(first, dayOf(from - lastsMs) - 1); day <= last; day++) {
    if (beginsOn(repeats, first, day)) found.push(occurrenceAt({ ...times, zone }, begins + (day - first) * dayMs))
  }
  return within(found, from, to)
}

function occurrenceAt({ zone, lastsMs, endedAt }: MaintenanceTimes, wall: number): Occurrence {
  const from = momentOf(zone, wall)
  const to = from + lastsMs
  return { from, to: endedAt !== undefined && from <= endedAt && endedAt < to ? endedAt : to }
}

function within(all: readonly Occurrence[], from: number, to: number): Occurrence[] {
  return all.filter((one) => one.from < to && one.to > from && one.to > one.from).sort((a, b) => a.from - b.from)
}

/** How far ahead it is looked for the next time: a yearly repetition and a 29th of February are found, and one that is over costs little. */
const horizonMs = 4 * 366 * dayMs
const stepMs = 62 * dayMs

/** The stretch that is on at a moment, whole, or else the next one to come. Undefined where none comes any more. */
export function occurrenceFrom(times: MaintenanceTimes, at: number): Occurrence | undefined {
  for (let from = at; from < at + horizonMs; from += stepMs) {
    const all = occurrencesOf(times, from, from + stepMs)
    const [first, ...rest] = all
    if (first === undefined) continue
    let { to } = first
    // Stretches that touch are one.
    for (const next of rest) if (next.from <= to) to = Math.max(to, next.to)
    return { from: first.from, to }
  }
  return undefined
}

/** Whether any of some windows is on at a moment. Made to be asked for many moments that lie near each other: it looks up little. */
export class MaintenanceClock {
  readonly #windows: { readonly times: MaintenanceTimes; known: { from: number; to: number; isOn: boolean } }[]

  constructor(windows: readonly MaintenanceTimes[]) {
    this.#windows = windows.map((times) => ({ times, known: { from: 0, to: 0, isOn: false } }))
  }

  isOn(at: number): boolean {
    return this.#windows.some((window) => {
      const { times, known } = window
      if (at >= known.from && at < known.to) return known.isOn
      const next = occurrencesOf(times, at, at + 1)[0]
      if (next !== undefined) window.known = { from: Math.max(next.from, at), to: next.to, isOn: true }
      else {
        const ahead = occurrencesOf(times, at, at + dayMs)[0]
        window.known = { from: at, to: ahead?.from ?? at + dayMs, isOn: false }
      }
      return window.known.isOn
    })
  }
}
