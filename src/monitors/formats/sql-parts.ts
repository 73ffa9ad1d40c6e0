import {
  isPlainObject,
  StatementRefused,
  type FailureReason,
  type Facts,
  type Item,
  type SqlClient,
  type SqlRow,
  type SqlSession,
} from '../../sdk/index.ts'

/**
 * Reads what a monitor wants to know part by part. A part that the database refuses, because a view or column does not exist in this version
 * or a privilege is missing, is left out and named; the others go on.
 */
export class SqlParts {
  readonly #session: SqlSession
  readonly #missing: string[] = []
  #read = 0

  constructor(session: SqlSession) {
    this.#session = session
  }

  /** @returns the rows, or undefined where the part was refused. Throws TargetError where the session itself is at an end. */
  async read(part: string, sql: string, maxRows = 1_000): Promise<readonly SqlRow[] | undefined> {
    try {
      const rows = await this.#session.query(sql, maxRows)
      this.#read++
      // Where a driver leaves a hole, what reads the rows is not to stumble over it.
      return rows.filter(isPlainObject)
    } catch (thrown) {
      if (!(thrown instanceof StatementRefused)) throw thrown
      this.#missing.push(`${part} (${thrown.message})`)
      return undefined
    }
  }

  /** What is said of the run besides its metrics: the database, what was left out, and a failure where that is everything. */
  outcome(
    client: SqlClient,
    message?: string,
  ): {
    readonly facts: Facts
    readonly message?: string
    readonly failure?: { readonly reason: FailureReason; readonly message: string }
  } {
    const about = { version: this.#session.version, database: client.database }
    if (this.#missing.length === 0) return { facts: about, ...(message === undefined ? {} : { message }) }
    const missing = this.#missing.join('; ').slice(0, 900)
    const facts = { ...about, missing }
    if (this.#read === 0)
      return {
        facts,
        failure: { reason: 'configuration', message: `${client.target} lets nothing be read: ${missing}` },
      }
    const said = message === undefined ? '' : `${message}; `
    return { facts, message: `${said}left out: ${missing}`.slice(0, 900) }
  }
}

/** The value of a column where it is a number, also one that is written as text; true is 1. */
export function numberIn(row: SqlRow | undefined, column: string): number | undefined {
  const value = row?.[column]
  if (typeof value === 'boolean') return value ? 1 : 0
  const number =
    typeof value === 'string' && /^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** The value of a column as a label or fact; empty where there is none. */
export function textIn(row: SqlRow | undefined, column: string): string {
  const value = row?.[column]
  return value === undefined || value === null ? '' : String(value).trim().slice(0, 200)
}

export function sumIn(rows: readonly SqlRow[] | undefined, column: string): number | undefined {
  return rows?.reduce((sum, row) => sum + (numberIn(row, column) ?? 0), 0)
}

/** The largest value of a column; undefined where there is none. */
export function mostIn(rows: readonly SqlRow[] | undefined, column: string): number | undefined {
  const values = (rows ?? []).flatMap((row) => numberIn(row, column) ?? [])
  return values.length === 0 ? undefined : Math.max(...values)
}

/**
 * One item for each row in which there is a number: that of a column, or what a function makes of the row. `labels` are columns. The first of
 * several rows with the same labels counts.
 */
export function itemsIn(
  rows: readonly SqlRow[] | undefined,
  value: string | ((row: SqlRow) => number | undefined),
  labels: readonly string[],
): Item[] {
  const items = new Map<string, Item>()
  for (const row of rows ?? []) {
    const number = typeof value === 'string' ? numberIn(row, value) : value(row)
    if (number === undefined || !Number.isFinite(number)) continue
    const named = Object.fromEntries(labels.map((label) => [label, textIn(row, label)]))
    const key = JSON.stringify(named)
    if (!items.has(key)) items.set(key, { labels: named, value: number })
  }
  return [...items.values()]
}
