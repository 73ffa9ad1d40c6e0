import { texts } from '../texts.ts'
import { formatSpan } from './values.ts'

/**
 * Moments as people on call write them: year first, 24 hours, in the reader's zone. `zone` is an IANA name; the browser's own
 * where none is given.
 */
interface Parts {
  readonly date: string
  readonly time: string
}

const formats = new Map<string, Intl.DateTimeFormat>()

function partsOf(at: number, zone: string | undefined): Parts {
  const key = zone ?? ''
  let format = formats.get(key)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      ...(zone === undefined ? {} : { timeZone: zone }),
    })
    formats.set(key, format)
  }
  const found = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return {
    date: `${found['year']}-${found['month']}-${found['day']}`,
    time: `${found['hour']}:${found['minute']}:${found['second']}`,
  }
}

type Moment = number | string

function millis(at: Moment): number {
  return typeof at === 'number' ? at : Date.parse(at)
}

/** `2026-11-22 14:03:10` */
export function formatMoment(at: Moment | null, zone?: string): string {
  if (at === null || Number.isNaN(millis(at))) return '–'
  const { date, time } = partsOf(millis(at), zone)
  return `${date} ${time}`
}

/** The time alone for a moment of the same day as `now`, otherwise with its date: `14:03:10`, `2026-11-21 14:03`. */
export function formatMomentShort(at: Moment | null, now: number, zone?: string): string {
  if (at === null || Number.isNaN(millis(at))) return '–'
  const { date, time } = partsOf(millis(at), zone)
  return date === partsOf(now, zone).date ? time : `${date} ${time.slice(0, 5)}`
}

/** How long ago, in one unit: `just now`, `40 s ago`, `3 min ago`, `5 h ago`, `12 d ago`. Clocks that differ a little never say "in". */
export function formatAgo(at: Moment | null, now: number): string {
  if (at === null || Number.isNaN(millis(at))) return '–'
  const ms = now - millis(at)
  const { justNow, ago } = texts.times
  if (ms < 5_000) return justNow
  if (ms < 60_000) return ago(`${Math.round(ms / 1_000)} s`)
  if (ms < 3_600_000) return ago(`${Math.round(ms / 60_000)} min`)
  if (ms < 48 * 3_600_000) return ago(`${Math.round(ms / 3_600_000)} h`)
  return ago(`${Math.round(ms / 86_400_000)} d`)
}

/** How long something lasted or has lasted. */
export function formatLasting(from: Moment, to: Moment): string {
  const ms = Math.max(0, millis(to) - millis(from))
  return formatSpan(ms < 60_000 ? Math.round(ms / 1_000) * 1_000 : ms)
}

/** Labels below a time axis whose ticks are `stepMs` apart: the time, and the day where it changes. */
export function formatTicks(at: readonly number[], stepMs: number, zone?: string): string[] {
  let day = ''
  return at.map((moment) => {
    const { date, time } = partsOf(moment, zone)
    const label = `${Number(date.slice(8))} ${texts.times.months[Number(date.slice(5, 7)) - 1]!}`
    if (stepMs >= 86_400_000) return label
    const shown = stepMs < 60_000 ? time : time.slice(0, 5)
    const changed = day !== '' && day !== date
    day = date
    return changed ? `${shown}\n${label}` : shown
  })
}
