import { at, type Checked } from '../base/index.ts'
import type { MaintenanceDocument } from '../contract/index.ts'
import {
  isZone,
  readMonthDay,
  readWall,
  readWeekday,
  repetitionOf,
  weekdays,
  type MaintenanceTimes,
  type Repetition,
} from '../model/index.ts'
import { isPlainObject, shown } from '../sdk/index.ts'
import { canonical, type Maintenance, type MaintenanceForUse } from './configuration.ts'
import { Problems, readChoice, readDuration, readList, readName, readObject, readOwn, readText } from './reading.ts'

/** The keys of a window in a document, beside its name. */
export const maintenanceKeys = [
  'reason',
  'by',
  'group',
  'system',
  'connector',
  'tags',
  'begins',
  'lasts',
  'zone',
  'repeats',
  'checks',
  'endedAt',
] as const satisfies readonly (keyof MaintenanceDocument)[]

const maxReason = 4_000
const maxBy = 200
/** A window that is on for longer than a year is a system that is not to be watched. */
const lastsBounds = { minMs: 60_000, maxMs: 366 * 86_400_000 }
/** One that repeats is looked for day by day, as far back as it may last. */
const repeatedBounds = { minMs: 60_000, maxMs: 31 * 86_400_000 }
const mostInterval = 366

/**
 * Makes a window ready for use, or says everything that is wrong with what was written. What its names refer to is not looked at. Pure.
 */
export function compileMaintenance(written: object, path: string): Checked<MaintenanceForUse> {
  const problems = new Problems()
  const given = Object.fromEntries(Object.entries(written))
  const own = (key: (typeof maintenanceKeys)[number]) => readOwn(given, key)
  const name = (key: 'group' | 'system' | 'connector') =>
    own(key) === undefined ? undefined : readName(own(key), at(path, key), problems)
  readText(own('reason'), at(path, 'reason'), maxReason, problems)
  readText(own('by'), at(path, 'by'), maxBy, problems)
  const [group, system, connector] = [name('group'), name('system'), name('connector')]
  if (system !== undefined && own('group') === undefined)
    problems.add(at(path, 'group'), 'is missing: the group of the system')
  if (connector !== undefined && own('system') === undefined)
    problems.add(at(path, 'system'), 'is missing: the system of the connector')
  const checks =
    own('checks') === undefined ? 'skip' : readChoice(own('checks'), at(path, 'checks'), ['skip', 'run'], problems)
  const begins = readDay(own('begins'), at(path, 'begins'), problems, 'moment')
  const isRepeated = own('repeats') !== undefined
  const lastsMs = readDuration(own('lasts'), at(path, 'lasts'), isRepeated ? repeatedBounds : lastsBounds, problems)
  const zone = own('zone') === undefined ? 'UTC' : own('zone')
  if (typeof zone !== 'string' || !isZone(zone))
    problems.add(
      at(path, 'zone'),
      `there is no time zone ${shown(zone)}`,
      'For example: UTC, Europe/Berlin, America/New_York',
    )
  const repeats =
    isRepeated && begins !== undefined
      ? readRepetition(own('repeats'), at(path, 'repeats'), readWall(begins)!, problems)
      : undefined
  const endedAt = readMoment(own('endedAt'), at(path, 'endedAt'), problems)
  const tags = own('tags')
  if (problems.list.length > 0 || begins === undefined || lastsMs === undefined)
    return { ok: false, problems: problems.list }
  const times: MaintenanceTimes = {
    begins,
    lastsMs,
    zone: String(zone),
    ...(repeats === undefined ? {} : { repeats }),
    ...(endedAt === undefined ? {} : { endedAt }),
  }
  return {
    ok: true,
    // Tags that are no texts are reported where tags are read.
    value: { group, system, connector, tags: textsOf(tags), isSkipped: checks === 'skip', times },
  }
}

function textsOf(tags: unknown): Readonly<Record<string, string>> {
  if (!isPlainObject(tags)) return {}
  return Object.fromEntries(Object.entries(tags).filter((tag): tag is [string, string] => typeof tag[1] === 'string'))
}

/** What is kept of a window that `compileMaintenance` has taken. */
export function asMaintenance(
  given: Readonly<Record<string, unknown>>,
  tags: Readonly<Record<string, string>>,
): Maintenance['written'] {
  const kept = Object.fromEntries(
    maintenanceKeys.filter((key) => readOwn(given, key) !== undefined).map((key) => [key, given[key]]),
  )
  const { tags: _, reason, by, ...rest } = kept
  const said = {
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(by === undefined || by === '' ? {} : { by }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...rest,
  }
  // Every field of it has been read as what it is to be.
  return canonical(said) as unknown as Maintenance['written']
}

function readDay(given: unknown, path: string, problems: Problems, what: 'day' | 'moment'): string | undefined {
  const example = what === 'day' ? '2027-06-30' : '2026-12-01T22:00'
  const words = what === 'day' ? 'day' : 'day and time without a zone'
  if (given === undefined) return problems.add(path, `is missing: the ${words}`, `For example: ${example}`)
  const isRight =
    typeof given === 'string' && readWall(given) !== undefined && given.includes('T') === (what === 'moment')
  return isRight ? given : problems.add(path, `must be a ${words}, not ${shown(given)}`, `For example: ${example}`)
}

function readMoment(given: unknown, path: string, problems: Problems): number | undefined {
  if (given === undefined) return undefined
  const moment =
    typeof given === 'string' && /^\d{4}-\d{2}-\d{2}T[\d:.]{5,12}Z$/.test(given) ? Date.parse(given) : Number.NaN
  return Number.isFinite(moment)
    ? moment
    : problems.add(path, `must be a moment, not ${shown(given)}`, 'For example: 2026-12-01T21:30:00Z')
}

function readRepetition(given: unknown, path: string, begins: number, problems: Problems): Repetition | undefined {
  const object = readObject(given, path, ['every', 'interval', 'on', 'until'], problems)
  if (object === undefined) return undefined
  const every = readChoice(readOwn(object, 'every'), at(path, 'every'), ['day', 'week', 'month'], problems)
  const interval = readOwn(object, 'interval') ?? 1
  if (typeof interval !== 'number' || !Number.isInteger(interval) || interval < 1 || interval > mostInterval) {
    problems.add(at(path, 'interval'), `must be a whole number from 1 to ${mostInterval}, not ${shown(interval)}`)
    return undefined
  }
  const untilGiven = readOwn(object, 'until')
  const until = untilGiven === undefined ? undefined : readDay(untilGiven, at(path, 'until'), problems, 'day')
  const on = readList(readOwn(object, 'on'), at(path, 'on'), 31, problems)
  const each = <T>(read: (text: string) => T | undefined, example: string): T[] =>
    on.flatMap((one, index) => {
      const found = read(String(one))
      if (found === undefined) problems.add(at(at(path, 'on'), index), `${shown(one)} is not known here`, example)
      return found === undefined ? [] : [found]
    })
  if (every === undefined) return undefined
  if (every === 'day' && on.length > 0) problems.add(at(path, 'on'), 'is for weeks and months')
  const days = {
    week: every === 'week' ? each(readWeekday, `Possible: ${weekdays.join(', ')}.`) : [],
    month: every === 'month' ? each(readMonthDay, 'For example: 15, last, 2nd tue, last fri') : [],
  }
  return repetitionOf(every, { interval, ...(until === undefined ? {} : { until }) }, days, begins)
}

/** A connector by its names, with the tags of its system. */
export interface MaintainedPlace {
  readonly group: string
  readonly system: string
  readonly connector: string
  readonly tags: Readonly<Record<string, string>>
}

/** Whether a window concerns a connector. */
export function concerns(
  window: Pick<MaintenanceForUse, 'group' | 'system' | 'connector' | 'tags'>,
  place: MaintainedPlace,
): boolean {
  const { group, system, connector, tags } = window
  return (
    (group === undefined || group === place.group) &&
    (system === undefined || system === place.system) &&
    (connector === undefined || connector === place.connector) &&
    Object.entries(tags).every(([key, value]) => Object.hasOwn(place.tags, key) && place.tags[key] === value)
  )
}
