/** A month as a calendar shows it: whole weeks from Monday, in the reader's own zone. */
export interface CalendarDay<T> {
  /** `2026-12-01` */
  readonly date: string
  readonly day: number
  readonly isOfMonth: boolean
  readonly isToday: boolean
  readonly from: number
  readonly to: number
  /** What touches the day, in order of time. */
  readonly what: readonly T[]
}

/** @returns the month of an address (`2026-12`), or the one that `now` is in */
export function readMonth(text: string | undefined, now: number): { readonly year: number; readonly month: number } {
  const found = /^(\d{4})-(\d{2})$/.exec(text ?? '')
  const today = new Date(now)
  const [year, month] = [Number(found?.[1]), Number(found?.[2])]
  return found !== null && month >= 1 && month <= 12
    ? { year, month }
    : { year: today.getFullYear(), month: today.getMonth() + 1 }
}

export function writeMonth({ year, month }: { year: number; month: number }, by = 0): string {
  const moved = new Date(year, month - 1 + by, 1)
  return `${moved.getFullYear()}-${two(moved.getMonth() + 1)}`
}

/** From when to when the weeks reach that a month touches. */
export function spanOf({ year, month }: { year: number; month: number }): {
  readonly from: number
  readonly to: number
} {
  const first = new Date(year, month - 1, 1)
  const weekday = (first.getDay() + 6) % 7
  const days = Math.ceil((weekday + new Date(year, month, 0).getDate()) / 7) * 7
  return {
    from: new Date(year, month - 1, 1 - weekday).getTime(),
    to: new Date(year, month - 1, 1 - weekday + days).getTime(),
  }
}

export function weeksOf<T extends { readonly from: number; readonly to: number }>(
  of: { year: number; month: number },
  all: readonly T[],
  now: number,
): (readonly CalendarDay<T>[])[] {
  const { to } = spanOf(of)
  const weeks: CalendarDay<T>[][] = []
  // Days are counted by the calendar: one in which clocks change is not 24 hours long.
  const begin = new Date(spanOf(of).from)
  for (let i = 0; ; i++) {
    const from = new Date(begin.getFullYear(), begin.getMonth(), begin.getDate() + i).getTime()
    if (from >= to) return weeks
    const end = new Date(begin.getFullYear(), begin.getMonth(), begin.getDate() + i + 1).getTime()
    const date = new Date(from)
    const day: CalendarDay<T> = {
      date: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
      day: date.getDate(),
      isOfMonth: date.getMonth() + 1 === of.month,
      isToday: from <= now && now < end,
      from,
      to: end,
      what: all.filter((one) => one.from < end && one.to > from).toSorted((a, b) => a.from - b.from),
    }
    if (i % 7 === 0) weeks.push([day])
    else weeks.at(-1)!.push(day)
  }
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
