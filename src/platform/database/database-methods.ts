import { FarwatchError } from '../../base/index.ts'
import { StatementCache, inTransaction, openSqlite, storageError } from './sqlite.ts'
import type { SchemaPart, SqlValue, Statement } from './statement.ts'

export type DatabaseMethods = ReturnType<typeof makeMethods>

/** What a database answers, in whatever thread it lives. */
export function makeMethods(data: { file: string; schema: readonly SchemaPart[] }) {
  const db = openSqlite(data.file, { schema: data.schema })
  const statements = new StatementCache(db)
  const guarded = <T>(act: () => T): T => {
    try {
      return act()
    } catch (thrown) {
      throw storageError(thrown, data.file)
    }
  }
  return {
    ready: (_: undefined) => true,
    read: (input: { sql: string; params: Record<string, SqlValue> }) =>
      guarded(() => statements.get(input.sql).all(input.params)),
    write: (batch: readonly Statement[]) =>
      guarded(() =>
        inTransaction(db, () =>
          batch.map(({ sql, params, expect }) => {
            const changes = Number(statements.get(sql).run(params ?? {}).changes)
            if (expect !== undefined && changes !== expect) {
              throw new FarwatchError(
                'conflict',
                `a stored row was not as expected (${changes} rows changed instead of ${expect})`,
                { hint: 'Somebody else changed it meanwhile. Load it again and repeat the change.' },
              )
            }
            return changes
          }),
        ),
      ),
    backup: (input: { to: string }) => guarded(() => db.prepare('VACUUM INTO $to').run({ to: input.to }) && true),
    close: (_: undefined) => {
      db.exec('PRAGMA optimize')
      db.close()
      return true
    },
  }
}
