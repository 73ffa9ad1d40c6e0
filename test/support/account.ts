import type { Result } from '../../src/contract/index.ts'
import { counterPath, type CountingTarget } from './counting-target.ts'
import { until, type TestInstance } from './instance.ts'
import { silence } from './silence.ts'

/** Every stored row of a group's tasks in the order of slots, by connector: counting documents have one task on each. */
export type Rows = ReadonlyMap<string, readonly Result[]>

export async function rowsOf(server: TestInstance, group = 'acme'): Promise<Rows> {
  const tasks = await server.call('listTasks', { query: { group } })
  return new Map(
    await Promise.all(
      tasks.map(
        async ({ id, connector }) =>
          [connector, await server.call('listResults', { params: { id }, query: {} })] as const,
      ),
    ),
  )
}

/** The counter that a run read, or undefined for one that read none and for a record without a run. */
export function hitsOf(row: Result): number | undefined {
  return row.metrics.find(({ name }) => name === 'hits')?.value
}

/** What a machine that is busy with other tests leaves out, as it should: it is recorded, and says nothing of what the story is about. */
const leftOut = new Set(['skipped: still running', 'skipped: overload'])

/** What slots without a run ended as, and why, as `lost: spool full`; but for what a busy machine left out. */
export function missed(rows: readonly Result[]): readonly string[] {
  return rows
    .filter(({ startedAt }) => startedAt === null)
    .map(({ outcome, reason }) => `${outcome}: ${reason}`)
    .filter((why) => !leftOut.has(why))
}

/** How many slots from one moment and before another a busy machine left out. @param periodMs of all of them */
export function leftOutIn(rows: readonly Result[], from: number, to: number, periodMs = 1_000): number {
  return rows
    .filter(({ outcome, reason }) => leftOut.has(`${outcome}: ${reason}`))
    .flatMap(({ slot, slots = 1 }) => Array.from({ length: slots }, (_, i) => slot + i * periodMs))
    .filter((slot) => slot >= from && slot < to).length
}

/** How many requests each connector's counter has served until now. */
export function servedNow(target: CountingTarget, rows: Iterable<string>, group = 'acme'): ReadonlyMap<string, number> {
  return new Map([...rows].map((connector) => [connector, target.served.get(counterPath(group, connector)) ?? 0]))
}

export interface Account {
  /**
   * Requests that were served and that no stored result tells of, as `front-0 #12`. A run that gave up before the answer came made one as
   * well, and cannot tell its number: for each of those a request is taken off.
   */
  readonly strays: readonly string[]
  /** Counters that two stored results name. */
  readonly twice: number
  /** Slots between the first and the last with no row, as `front-0 12:00:01.500`, each hole by its first; and how many have two. */
  readonly slots: { readonly missing: readonly string[]; readonly twice: number }
}

/**
 * What was stored, held against what was served: `served` as it was a while ago, so that what is under way is not held against anybody, and
 * `since` as it was when the story began.
 */
export function account(
  rows: Rows,
  served: ReadonlyMap<string, number>,
  { periodMs = 1_000, since = new Map() }: { periodMs?: number; since?: ReadonlyMap<string, number> } = {},
): Account {
  const strays: string[] = []
  let twice = 0
  for (const [connector, all] of rows) {
    const hits = all.map(hitsOf).filter((value) => value !== undefined)
    const told = new Set(hits)
    twice += hits.length - told.size
    const [first, last] = [(since.get(connector) ?? 0) + 1, served.get(connector) ?? 0]
    const untold = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i).filter(
      (hit) => !told.has(hit),
    )
    const gaveUp = all.filter(({ outcome }) => outcome === 'failed').length
    strays.push(...untold.slice(gaveUp).map((hit) => `${connector} #${hit}`))
  }
  const missing = [...rows].flatMap(([connector, all]) =>
    all
      .map(({ slot, slots = 1 }) => slot + slots * periodMs)
      .filter((next, i) => all[i + 1] !== undefined && all[i + 1]!.slot > next)
      .map((next) => `${connector} ${new Date(next).toISOString().slice(11, 23)}`),
  )
  return { strays, twice, slots: { missing, twice: silence(rows, periodMs).twice } }
}

/** Rows that were shown once and are not there any more, or are others now. */
export function vanished(before: Rows, now: Rows): readonly string[] {
  const runs = (rows: Rows) =>
    new Map(
      [...rows].flatMap(([connector, all]) =>
        all
          .filter(({ startedAt }) => startedAt !== null)
          .map((row): [string, string] => [`${connector} ${row.plannedAt}`, `${row.outcome} ${hitsOf(row)}`]),
      ),
    )
  const there = runs(now)
  return [...runs(before)].filter(([slot, result]) => there.get(slot) !== result).map(([slot]) => slot)
}

/** What `account` finds where all is well, along with what was shown and is gone. */
export const nothingLost = { strays: [], lost: [], twice: 0, slots: { missing: [], twice: 0 } }

/** Waits until all that was served until now is stored at a server, as well as all that was shown; tells what was never stored, and what twice. */
export async function settledAt(
  target: CountingTarget,
  server: TestInstance,
  shown: Rows,
): Promise<Account & { readonly lost: readonly string[] }> {
  const served = servedNow(target, shown.keys())
  return until(
    'all that was served is stored',
    async () => {
      const rows = await rowsOf(server)
      return { ...account(rows, served), lost: vanished(shown, rows) }
    },
    ({ strays, lost, slots }) => strays.length + lost.length + slots.missing.length === 0,
  )
}
