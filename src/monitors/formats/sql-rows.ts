import type { Item, SqlRow, SqlSession } from '../../sdk/index.ts'
import { Parts } from './parts.ts'

/** Reads a database part by part; one that the server refuses is left out and named. */
export class SqlParts {
  readonly #parts = new Parts()
  readonly #session: SqlSession

  constructor(session: SqlSession) {
    this.#session = session
  }

  /** The rows of a part, at most `maxRows`; none where there is no statement for this version or the server says no to it. */
  async read(part: string, sql: string | undefined, maxRows = 1_000): Promise<readonly SqlRow[]> {
    if (sql === undefined) return []
    return (await this.#parts.read(part, () => this.#session.query(sql, maxRows))) ?? []
  }

  /** What was left out, for people; undefined where nothing was. */
  get leftOut(): string | undefined {
    const { missing } = this.#parts
    return missing.length === 0 ? undefined : `left out: ${missing.join('; ')}`.slice(0, 900)
  }
}

export function numberIn(row: SqlRow | undefined, column: string): number | undefined {
  const value = row?.[column]
  // Nothing that can be counted or measured is larger; sums and shares of what is smaller stay finite.
  return typeof value === 'number' && Math.abs(value) < 1e100 ? value : undefined
}

export function sumOf(rows: readonly SqlRow[], column: string): number {
  return rows.reduce((sum, row) => sum + (numberIn(row, column) ?? 0), 0)
}

/** One item for each row that has a number in `column`, named by the row's `label`. The first of two with one name counts. */
export function itemsOf(rows: readonly SqlRow[], label: string, column: string, as = label): Item[] {
  const items = new Map<string, Item>()
  for (const row of rows) {
    const value = numberIn(row, column)
    const name = String(row[label] ?? '').slice(0, 200)
    if (value !== undefined && !items.has(name)) items.set(name, { labels: { [as]: name }, value })
  }
  return [...items.values()]
}
