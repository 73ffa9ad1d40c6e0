import type { HanaClient, SqlClient, SqlDialect, SqlRow, SqlValue } from './clients/index.ts'
import type { AnyMonitor } from './monitor.ts'
import { expectClearOutcomes, mutated } from './mutation-testing.ts'
import { isPlainObject } from './params.ts'

/** What a database says: by words that a statement holds, its rows, or the error that it is refused with. */
export type SqlAnswers = Readonly<Record<string, readonly SqlRow[] | Error>>

/** A database that answers from a table; a statement that holds none of its words gives no rows. `asked` takes up every statement. */
export function sqlDatabase(
  answers: SqlAnswers,
  about: { readonly dialect?: SqlDialect; readonly version?: string; readonly asked?: string[] } = {},
): SqlClient {
  return {
    target: 'db1:5432',
    database: 'shop',
    dialect: about.dialect ?? 'postgresql',
    session: (_, use) =>
      use({
        version: about.version ?? '15.18',
        connect: 9,
        query: async (sql, maxRows) => {
          about.asked?.push(sql)
          const words = Object.keys(answers).find((one) => sql.includes(one))
          const answer = words === undefined ? [] : answers[words]!
          if (answer instanceof Error) throw answer
          return answer.slice(0, maxRows)
        },
      }),
  }
}

/** As `sqlDatabase`, as a HANA to which a new session takes 120 ms. */
export function hanaDatabase(answers: SqlAnswers): HanaClient {
  return { ...sqlDatabase(answers, { dialect: 'hana', version: '2.00.059.00' }), signIn: async () => 120 }
}

/** Whatever rows come in place of those that should, a run measures soundly or says why it cannot. */
export function withstandsDamagedRows(
  monitor: AnyMonitor,
  answers: Readonly<Record<string, readonly SqlRow[]>>,
  about: {
    readonly settings?: Readonly<Record<string, unknown>>
    readonly previous?: unknown
    /** What it is and in which version; a HANA where nothing is said. */
    readonly database?: { readonly dialect: SqlDialect; readonly version: string }
  } = {},
): Promise<void> {
  const { database, ...rest } = about
  const client = (rows: SqlAnswers) => (database === undefined ? hanaDatabase(rows) : sqlDatabase(rows, database))
  return expectClearOutcomes(monitor, mutated(answers), (damaged) => client(rowsIn(damaged)), { ...rest, runs: 100 })
}

/** What of a value can come from a client at all: lists of rows whose values are plain. */
function rowsIn(damaged: unknown): SqlAnswers {
  const plain = (value: unknown): SqlValue =>
    typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' || value === null
      ? value
      : JSON.stringify(value)
  const row = (value: unknown): SqlRow =>
    isPlainObject(value) ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)])) : {}
  return isPlainObject(damaged)
    ? Object.fromEntries(
        Object.entries(damaged).map(([words, rows]) => [words, Array.isArray(rows) ? rows.map(row) : []]),
      )
    : {}
}
