import { at, defineMonitor, type SapRow } from '../sdk/index.ts'
import { added, itemsByKey, spared, unprotected, userNeeded } from './formats/sap.ts'

type Lock = SapRow<'EnqGetLockTable'>

const mostRemembered = 1_500

/** The locks of a system (transaction SM12). */
export default defineMonitor({
  id: 'sap.locks',
  title: 'SAP locks',
  summary: 'How many locks there are, by user and object, and how old the oldest is.',
  connector: 'sapcontrol',
  settings: {
    timeZone: {
      kind: 'text',
      label: 'Time zone of the SAP host',
      help: 'Such as Europe/Berlin. Locks bear the local time of their beginning and do not say of which zone. Without it a lock is as old as the time since Farwatch saw it first.',
      optional: true,
      maxLength: 60,
      example: 'Europe/Berlin',
    },
  },
  metrics: {
    locks: { title: 'Locks', unit: '' },
    owners: { title: 'Users that hold locks', unit: '' },
    locks_by_user: { title: 'Locks of the users that hold the most', unit: '', items: ['user'] },
    locks_by_object: { title: 'Locks of the objects that are locked the most', unit: '', items: ['object'] },
    oldest: { title: 'Age of the oldest lock', unit: 's' },
  },
  period: '5m',
  timeout: '20s',
  tested: 'schema only',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'old lock', metric: 'oldest', thresholds: { WARNING: '> 1h', MAJOR: '> 4h' } },
    { name: 'many locks', metric: 'locks', thresholds: { WARNING: '> 1000', CRITICAL: '> 5000' } },
  ],
  needs: userNeeded('The instance of the central services (ASCS). To see its lock table:'),
  grant: unprotected('EnqGetLockTable'),
  thresholdsFrom: 'Our own judgement.',
  tryIt:
    'Leave a record open for change in a test system, then: `farwatch check sap.locks --set host=… --set username=… --set secret=… --set timeZone=Europe/Berlin`',
  check({ timeZone }, path) {
    return timeZone === undefined || zoneClock(timeZone) !== undefined
      ? []
      : [
          {
            path: at(path, 'timeZone'),
            message: 'is not a time zone',
            hint: 'As in Europe/Berlin, America/Chicago, UTC.',
          },
        ]
  },
  async collect({ timeZone }, { client, signal, now, previous, remember }) {
    const seen = await client.read('EnqGetLockTable', signal)
    if (seen.is === 'not asked') {
      remember(previous)
      return spared(seen)
    }
    const { rows } = seen
    const byUser = new Map<string, number>()
    const byObject = new Map<string, number>()
    for (const { user, object } of rows) {
      added(byUser, nameOf(user), 1)
      added(byObject, nameOf(object), 1)
    }
    const local = timeZone === undefined ? undefined : zoneClock(timeZone)?.(now())
    const before = readFirstSeen(previous)
    const firstSeen = new Map<string, number>()
    let oldest: { readonly lock: Lock; readonly age: number } | undefined
    for (const lock of rows) {
      const key = keyOf(lock)
      const first = before.get(key) ?? now()
      if (firstSeen.size < mostRemembered) firstSeen.set(key, first)
      const began = begunAt(lock)
      const age = local === undefined || began === undefined ? now() - first : local - began
      if (oldest === undefined || age > oldest.age) oldest = { lock, age }
    }
    if (local === undefined) remember(Object.fromEntries(firstSeen))
    return {
      metrics: {
        locks: rows.length,
        owners: byUser.size,
        locks_by_user: itemsByKey(byUser, 'user', 20),
        locks_by_object: itemsByKey(byObject, 'object', 20),
        oldest: oldest === undefined ? 0 : Math.max(0, oldest.age / 1_000),
      },
      message: oldest === undefined ? 'no locks' : `the oldest: ${describe(oldest.lock)}`.slice(0, 900),
    }
  },
})

function nameOf(text: string | null): string {
  return (text ?? '').slice(0, 100) || 'unknown'
}

function describe({ user, client, object, transaction, 'lock-name': name }: Lock): string {
  return `${nameOf(object)} (${name ?? '?'}) by ${nameOf(user)} in client ${client ?? '?'}${transaction ? `, ${transaction}` : ''}`
}

/** Owners begin with the local time of their beginning: `20260928165824…`. As if that were UTC, in milliseconds. */
function begunAt({ owner }: Lock): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(owner ?? '')
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number)
  const time = Date.UTC(year!, month! - 1, day, hour, minute, second)
  return year! < 1990 || month! > 12 || day! > 31 || Number.isNaN(time) ? undefined : time
}

/** The time shown by a clock on the wall of that zone, as if it were UTC, in milliseconds; undefined where there is no such zone. */
function zoneClock(timeZone: string): ((at: number) => number) | undefined {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return undefined
  }
  return (time) => {
    const part = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]))
    return Date.UTC(
      part['year'] ?? 0,
      (part['month'] ?? 1) - 1,
      part['day'] ?? 1,
      part['hour'] ?? 0,
      part['minute'] ?? 0,
      part['second'] ?? 0,
    )
  }
}

/** A short name for a lock, so that many can be remembered: FNV-1a. Two that meet make one lock a little too old. */
function keyOf(lock: Lock): string {
  let hash = 0x811c9dc5
  for (const character of `${lock.owner} ${lock['lock-name']} ${lock['lock-arg']} ${lock['lock-mode']}`)
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0
  return hash.toString(36)
}

function readFirstSeen(previous: unknown): ReadonlyMap<string, number> {
  if (typeof previous !== 'object' || previous === null) return new Map()
  return new Map(Object.entries(previous).filter((entry): entry is [string, number] => typeof entry[1] === 'number'))
}
