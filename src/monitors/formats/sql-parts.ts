import { StatementRefused, type Item, type SqlRow, type SqlSession } from '../../sdk/index.ts'

/**
 * Reads what a monitor wants to know part by part. A part that the database refuses, because a view or column does not exist in this version
 * or a privilege is missing, is left out and named; the others go on.
 */
export class SqlParts {
  readonly #session: SqlSession
  readonly #missing: string[] = []

  constructor(session: SqlSession) {
    this.#session = session
  }

  /** @returns the rows, or undefined where the part was refused. Throws TargetError where the session itself is at an end. */
  async read(part: string, sql: string, maxRows = 1_000): Promise<readonly SqlRow[] | undefined> {
    try {
      return await this.#session.query(sql, maxRows)
    } catch (thrown) {
      if (!(thrown instanceof StatementRefused)) throw thrown
      this.#missing.push(`${part} (${thrown.message})`)
      return undefined
    }
  }

  /** What was left out and why, as one line; undefined where nothing was. */
  get missing(): string | undefined {
    return this.#missing.length === 0 ? undefined : this.#missing.join('; ').slice(0, 900)
  }

  /** `missing` as a fact and as the message of a run that went well, to be spread into what is returned. */
  get message(): { readonly message?: string } {
    const { missing } = this
    return missing === undefined ? {} : { message: `left out: ${missing}`.slice(0, 900) }
  }
}

/** The value of a column where it is a number. Drivers give exact numbers that are too long for a double as text; those are read too. */
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

/** One item for each row in which `column` holds a number; `labels` are columns, or names for them: `{ standby: 'name' }`. */
export function itemsIn(
  rows: readonly SqlRow[] | undefined,
  column: string,
  labels: readonly string[] | Readonly<Record<string, string>>,
): Item[] {
  const names = Array.isArray(labels) ? labels.map((name: string) => [name, name] as const) : Object.entries(labels)
  return (rows ?? []).flatMap((row) => {
    const value = numberIn(row, column)
    if (value === undefined) return []
    return [{ labels: Object.fromEntries(names.map(([label, from]) => [label, textIn(row, from)])), value }]
  })
}
