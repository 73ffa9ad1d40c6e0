import { parseDuration } from '../../../src/base/duration.ts'
import type { Maintenance, MaintenanceDocument, RepetitionDocument } from '../../../src/contract/index.ts'
import {
  isZone,
  occurrenceFrom,
  readMonthDay,
  readWall,
  repetitionOf,
  weekdays,
  type MaintenanceTimes,
  type Repetition,
  type Weekday,
} from '../../../src/model/maintenance.ts'

/** A window as it stands in the fields of its form. */
export interface MaintenanceForm {
  readonly name: string
  readonly reason: string
  readonly group: string
  /** Who is responsible; empty for whoever made it. */
  readonly by: string
  readonly system: string
  readonly connector: string
  readonly tags: string
  readonly begins: string
  readonly lasts: string
  readonly zone: string
  readonly every: '' | RepetitionDocument['every']
  readonly interval: number
  readonly onWeek: readonly Weekday[]
  readonly onMonth: string
  readonly until: string
  readonly checks: 'skip' | 'run'
  /** When the one that was on was ended; empty where it was not, or where its times are changed. */
  readonly endedAt: string
}

export function emptyForm(begins: string, zone: string): MaintenanceForm {
  return {
    name: '',
    reason: '',
    by: '',
    group: '',
    system: '',
    connector: '',
    tags: '',
    begins,
    lasts: '2h',
    zone,
    every: '',
    interval: 1,
    onWeek: [],
    onMonth: '',
    until: '',
    checks: 'skip',
    endedAt: '',
  }
}

export function formOf(window: Maintenance): MaintenanceForm {
  const { repeats } = window
  const on = (repeats?.on ?? []).map(String)
  return {
    name: window.name,
    reason: window.reason ?? '',
    by: window.by ?? '',
    group: window.group ?? '',
    system: window.system ?? '',
    connector: window.connector ?? '',
    tags: Object.entries(window.tags ?? {})
      .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
      .join(', '),
    begins: window.begins,
    lasts: window.lasts,
    zone: window.zone ?? 'UTC',
    every: repeats?.every ?? '',
    interval: repeats?.interval ?? 1,
    onWeek: repeats?.every === 'week' ? weekdays.filter((day) => on.includes(day)) : [],
    onMonth: repeats?.every === 'month' ? on.join(', ') : '',
    until: repeats?.until ?? '',
    checks: window.checks ?? 'skip',
    endedAt: window.endedAt ?? '',
  }
}

const partsOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** What is sent; whether it may be is the server's to say. */
export function documentOf(form: MaintenanceForm): MaintenanceDocument {
  const tags = Object.fromEntries(
    partsOf(form.tags).map((part) => {
      const [key = '', ...value] = part.split('=')
      return [key.trim(), value.join('=').trim()]
    }),
  )
  const on = form.every === 'week' ? form.onWeek : form.every === 'month' ? partsOf(form.onMonth) : []
  return {
    name: form.name.trim(),
    ...(form.reason === '' ? {} : { reason: form.reason }),
    ...(form.by.trim() === '' ? {} : { by: form.by.trim() }),
    ...(form.group === '' ? {} : { group: form.group }),
    ...(form.system === '' ? {} : { system: form.system }),
    ...(form.connector === '' ? {} : { connector: form.connector }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    begins: form.begins,
    lasts: form.lasts.trim(),
    zone: form.zone,
    ...(form.every === ''
      ? {}
      : {
          repeats: {
            every: form.every,
            ...(form.interval === 1 ? {} : { interval: form.interval }),
            ...(on.length === 0 ? {} : { on: [...on] }),
            ...(form.until === '' ? {} : { until: form.until }),
          },
        }),
    ...(form.checks === 'skip' ? {} : { checks: form.checks }),
    ...(form.endedAt === '' ? {} : { endedAt: form.endedAt }),
  }
}

/** The next times of what stands in a form; none where it is not whole yet. */
export function previewOf(form: MaintenanceForm, now: number, most: number): { from: number; to: number }[] {
  const begins = readWall(form.begins)
  const lastsMs = parseDuration(form.lasts)
  if (begins === undefined || lastsMs === undefined || lastsMs <= 0 || !isZone(form.zone)) return []
  const repeats = repetitionIn(form, begins)
  const times: MaintenanceTimes = {
    begins: form.begins,
    lastsMs,
    zone: form.zone,
    ...(repeats === undefined ? {} : { repeats }),
  }
  const found: { from: number; to: number }[] = []
  let at = now
  while (found.length < most) {
    const next = occurrenceFrom(times, at)
    if (next === undefined) break
    found.push(next)
    at = next.to
  }
  return found
}

function repetitionIn(form: MaintenanceForm, begins: number): Repetition | undefined {
  if (form.every === '') return undefined
  return repetitionOf(
    form.every,
    { interval: Math.max(1, Math.trunc(form.interval)), ...(form.until === '' ? {} : { until: form.until }) },
    { week: form.onWeek, month: partsOf(form.onMonth).flatMap((part) => readMonthDay(part) ?? []) },
    begins,
  )
}
