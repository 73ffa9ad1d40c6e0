import type { SqlClient, SqlDialect, SqlRow } from './clients/index.ts'

/** What a database says: by the first words that a statement holds, its rows, or the error that it is refused with. */
export type SqlAnswers = Readonly<Record<string, readonly SqlRow[] | Error>>

/**
 * A database that answers from a table. Statements that hold none of its words give no rows; `asked` takes up every statement.
 */
export function sqlDatabase(
  answers: SqlAnswers,
  about: {
    readonly dialect?: SqlDialect
    readonly version?: string
    readonly target?: string
    readonly asked?: string[]
  } = {},
): SqlClient {
  return {
    target: about.target ?? 'db1:5432',
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
