import fc from 'fast-check'
import type { SqlClient, SqlDialect, SqlRow, SqlValue } from '../../sdk/index.ts'
import { collectOnce, expectSound } from '../../sdk/testing.ts'
import type { AnyMonitor } from '../../sdk/index.ts'

export type Answers = Readonly<Record<string, readonly SqlRow[] | Error>>

/** A database that answers each statement by the first key that it holds; with nothing where none does. */
export function database(dialect: SqlDialect, version: string, answers: Answers): SqlClient {
  return {
    target: 'db1:1',
    database: 'shop',
    dialect,
    session: (_, use) =>
      use({
        version,
        connect: 9,
        query: async (sql) => {
          const known = Object.keys(answers).find((part) => sql.includes(part))
          const answer = known === undefined ? [] : answers[known]!
          if (answer instanceof Error) throw answer
          return answer
        },
      }),
  }
}

const anyValue: fc.Arbitrary<SqlValue | undefined> = fc.oneof(
  fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY, '', '-', '1e999', true),
  fc.double(),
  fc.string({ unit: 'binary', maxLength: 300 }),
)

/** Answers in which some values are other ones, some columns are missing, and some rows come twice or not at all. */
function damaged(answers: Answers): fc.Arbitrary<Answers> {
  const rowOf = (row: SqlRow) =>
    fc
      .array(fc.tuple(fc.constantFrom(...Object.keys(row)), anyValue), { maxLength: 3 })
      .map(
        (changes) =>
          Object.fromEntries(
            Object.entries({ ...row, ...Object.fromEntries(changes) }).filter(([, value]) => value !== undefined),
          ) as SqlRow,
      )
  const parts = Object.entries(answers).map(([part, rows]) =>
    (rows instanceof Error
      ? fc.constant(rows)
      : fc.tuple(...rows.map((row) => fc.array(rowOf(row), { maxLength: 2 }))).map((all) => all.flat())
    ).map((rowsSeen) => [part, rowsSeen] as const),
  )
  return fc.tuple(...parts).map((all) => Object.fromEntries(all))
}

/** Whatever rows a server gives, a run ends, and what it says is sound. */
export async function withstandsDamagedRows(
  monitor: AnyMonitor,
  dialect: SqlDialect,
  version: string,
  answers: Answers,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(damaged(answers), fc.anything(), async (rows, previous) => {
      const client = database(dialect, version, rows)
      expectSound(monitor, await collectOnce(monitor, settings, { client, previous }))
    }),
    { numRuns: 60 },
  )
}
