import { StatementRefused, type Problem, type Sample, type SqlRow, type SqlSession } from '../../sdk/index.ts'

export interface UserQuery {
  readonly samples: readonly Sample[]
  /** Milliseconds; absent where the query was refused. */
  readonly duration?: number
  readonly rows?: number
  /** Why nothing can be made of it, in words that follow the target's name. */
  readonly failure?: string
}

/** What is wrong with a query that a user gives, as far as can be seen without a database. */
export function queryProblems(query: string | undefined, path: string): readonly Problem[] {
  if (query === undefined || /^\s*(select|with|values|table)\b/i.test(query)) return []
  return [{ path, message: 'is not a query', hint: 'It begins with SELECT, WITH, VALUES or TABLE.' }]
}

/**
 * Runs a user's query and makes samples of its rows: each numeric column is a metric of that name, each other column a label.
 * @param taken names that cannot be used: the monitor's own
 * @param labels columns that are labels although they hold numbers
 */
export async function readUserQuery(
  session: SqlSession,
  about: {
    readonly sql: string
    readonly maxRows: number
    readonly now: () => number
    readonly taken: (name: string) => boolean
    readonly labels?: readonly string[]
  },
): Promise<UserQuery> {
  const begun = about.now()
  let rows: readonly SqlRow[]
  try {
    // A closing semicolon is how people write; what follows one is refused by the server.
    rows = await session.query(about.sql.trim().replace(/;\s*$/, ''), about.maxRows + 1)
  } catch (thrown) {
    if (!(thrown instanceof StatementRefused)) throw thrown
    return { samples: [], failure: `the query was refused: ${thrown.message}` }
  }
  const duration = Math.max(0, about.now() - begun)
  if (rows.length > about.maxRows)
    return { samples: [], duration, failure: `the query gives more than ${about.maxRows} rows` }
  return { ...samplesOf(rows, about), duration, rows: rows.length }
}

function samplesOf(
  rows: readonly SqlRow[],
  { taken, labels: asked = [] }: { readonly taken: (name: string) => boolean; readonly labels?: readonly string[] },
): { readonly samples: readonly Sample[]; readonly failure?: string } {
  const isLabel = (column: string) => asked.some((one) => one.toLowerCase() === column.toLowerCase())
  const samples: Sample[] = []
  const seen = new Set<string>()
  for (const row of rows) {
    const columns = Object.entries(row)
    const labels: Record<string, string> = {}
    for (const [column, value] of columns)
      if (value !== null && (typeof value !== 'number' || isLabel(column)))
        labels[column] = String(value).trim().slice(0, 200)
    for (const [column, value] of columns) {
      if (typeof value !== 'number' || !Number.isFinite(value) || isLabel(column)) continue
      if (taken(column))
        return { samples: [], failure: `the column ${column} bears the name of one of this monitor’s own metrics` }
      const key = JSON.stringify([column, labels])
      if (seen.has(key))
        return { samples: [], failure: `the query gives several rows with the same labels for ${column}` }
      seen.add(key)
      samples.push({ name: column, labels, value })
    }
  }
  return samples.length === 0 && rows.length > 0 ? { samples, failure: 'the query gives no numbers' } : { samples }
}
