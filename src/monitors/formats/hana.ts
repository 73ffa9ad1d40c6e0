import type { Item, SqlClient, SqlRow } from '../../sdk/index.ts'
import { numberIn, SqlParts } from './sql-parts.ts'

/** What the monitors of SAP HANA say alike. */

export const hanaThresholds =
  'SAP’s embedded statistics server and the mini checks of SAP Note 1999993, as public exporters use them'

export const hanaNeeds =
  'A user of this database with the role MONITORING (in HANA Cloud: the privilege CATALOG READ). What a missing privilege hides is left out, and the result says so.'

export const hanaGrant = `CREATE USER FARWATCH PASSWORD "<password>" NO FORCE_FIRST_PASSWORD_CHANGE;
ALTER USER FARWATCH DISABLE PASSWORD LIFETIME;
GRANT MONITORING TO FARWATCH;`

/** The line that runs a monitor by hand. */
export function hanaTry(monitor: string): string {
  return `\`farwatch check ${monitor} --set host=hana1.example --set instance=00 --set tenant=HDB --set username=FARWATCH --set secret=…\``
}

/** Reads views of HANA part by part in the session that the client keeps, and says what was left out. */
export async function readHana<M>(
  client: SqlClient,
  signal: AbortSignal,
  read: (parts: SqlParts) => Promise<{ readonly metrics: M; readonly message?: string }>,
) {
  return client.session(signal, async (session) => {
    const parts = new SqlParts(session)
    const { metrics, message } = await read(parts)
    return { metrics, ...parts.outcome(client, message) }
  })
}

/** The percentage that one column is of another. */
export function percentOf(part: string, whole: string): (row: SqlRow) => number | undefined {
  return (row) => {
    const [of, all] = [numberIn(row, part), numberIn(row, whole)]
    return of === undefined || all === undefined || all <= 0 ? undefined : (100 * of) / all
  }
}

/** Counters of several items, as a run hands them to the next. */
export type Counters = Readonly<Record<string, readonly number[]>>

/** The values of `columns` by the item that `labels` name. */
export function countersIn(
  rows: readonly SqlRow[] | undefined,
  labels: readonly string[],
  columns: readonly string[],
): Counters {
  return Object.fromEntries(
    (rows ?? []).slice(0, 500).flatMap((row) => {
      const values = columns.map((column) => numberIn(row, column))
      const known = values.filter((value) => value !== undefined)
      return known.length === values.length
        ? [[JSON.stringify(labels.map((label) => String(row[label] ?? '').slice(0, 200))), known]]
        : []
    }),
  )
}

/**
 * What became of counters since the run before, item by item. Items that are new, and those whose counters went back because what counts was
 * restarted, are left out.
 */
export function since(
  previous: unknown,
  now: Counters,
  labels: readonly string[],
  value: (grown: readonly number[]) => number | undefined,
): Item[] {
  const before: Readonly<Record<string, unknown>> =
    typeof previous === 'object' && previous !== null ? Object.fromEntries(Object.entries(previous)) : {}
  return Object.entries(now).flatMap(([key, values]) => {
    const last = before[key]
    if (!Array.isArray(last) || last.length !== values.length) return []
    const grown = values.map((one, i) => one - Number(last[i]))
    if (!grown.every((one) => one >= 0)) return []
    const found = value(grown)
    if (found === undefined || !Number.isFinite(found)) return []
    // The keys were made by `countersIn`, of as many texts as there are labels.
    const names = JSON.parse(key) as readonly string[]
    return [{ labels: Object.fromEntries(labels.map((label, i) => [label, names[i] ?? ''])), value: found }]
  })
}
