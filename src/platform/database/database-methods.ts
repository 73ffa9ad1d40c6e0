import { DatabaseSync } from 'node:sqlite'
import { FarwatchError } from '../../base/index.ts'
import type { Change, ChangePoint } from './change-line.ts'
import { ChangeLog, changeLogSchema } from './change-log.ts'
import { OrderedStatements } from './ordered-statements.ts'
import { StatementCache, inTransaction, openSqlite, problemOf, storageError } from './sqlite.ts'
import type { SchemaPart, SqlValue, Statement } from './statement.ts'

export type DatabaseMethods = ReturnType<typeof makeMethods>

export interface DatabaseOptions {
  readonly file: string
  readonly schema: readonly SchemaPart[]
  /** Tables whose rows are this instance's own, and are neither sent to a standby nor taken from one. */
  readonly local?: readonly string[]
  /** Of the change log; beyond it what a follower misses is cut. */
  readonly mostLogBytes?: number
}

/** A piece of a batch that is too long for one message. Its SQL stands once for all statements that share it. */
export interface StatementPiece {
  /** It begins a batch; what was gathered of another is forgotten. */
  readonly isFirst: boolean
  readonly texts: readonly string[]
  readonly statements: readonly {
    readonly text: number
    readonly params: Statement['params']
    readonly expect: number | undefined
  }[]
}

/** What a database answers, in whatever thread it lives. */
export function makeMethods(data: DatabaseOptions) {
  const schema = [...data.schema, changeLogSchema]
  const db = openSqlite(data.file, { schema })
  const statements = new StatementCache(db)
  const changing = new OrderedStatements(db)
  const log = new ChangeLog(db, { schema, local: data.local ?? [], mostBytes: data.mostLogBytes })
  const guarded = <T>(act: () => T): T => {
    try {
      return act()
    } catch (thrown) {
      throw storageError(thrown, data.file)
    }
  }
  let gathered: Statement[] = []
  const write = (batch: readonly Statement[]) =>
    guarded(() => {
      log.admit(batch)
      const { changed, committed } = inTransaction(db, () => {
        const changed = batch.map(({ sql, params, expect }) => {
          const changes = changing.run(sql, params)
          if (expect !== undefined && changes !== expect) {
            throw new FarwatchError(
              'conflict',
              `a stored row was not as expected (${changes} rows changed instead of ${expect})`,
              { hint: 'Somebody else changed it meanwhile. Load it again and repeat the change.' },
            )
          }
          return changes
        })
        return { changed, committed: log.record(batch, changed, Date.now()) }
      })
      committed()
      return changed
    })
  return {
    ready: (_: undefined) => true,
    read: (input: { sql: string; params: Record<string, SqlValue> }) =>
      guarded(() => statements.get(input.sql).all(input.params)),
    write,
    gather: ({ isFirst, texts, statements: piece }: StatementPiece) => {
      if (isFirst) gathered = []
      for (const { text, params, expect } of piece)
        gathered.push({
          sql: texts[text]!,
          ...(params === undefined ? {} : { params }),
          ...(expect === undefined ? {} : { expect }),
        })
      return true
    },
    writeGathered: (_: undefined) => {
      const batch = gathered
      gathered = []
      return write(batch)
    },
    backup: (input: { to: string }) => guarded(() => db.prepare('VACUUM INTO $to').run({ to: input.to }) && true),
    check: (_: undefined) => guarded(() => problemOf(data.file)),
    logFacts: (_: undefined) => guarded(() => log.line.facts()),
    startLogging: (line: string) => guarded(() => log.line.startLogging(line)),
    startFollowing: (_: undefined) => guarded(() => (log.line.startFollowing(), true)),
    stopLogging: (_: undefined) => guarded(() => (log.line.stop(), true)),
    readChanges: (input: { after: ChangePoint; bytes: number }) =>
      guarded(() => log.line.read(input.after, input.bytes, ({ body }) => body)),
    confirmChanges: (upTo: ChangePoint) => guarded(() => log.line.confirm(upTo)),
    applyChanges: (changes: readonly Change[]) => guarded(() => log.apply(changes)),
    copy: (input: { to: string }) => guarded(() => log.copy(input.to, (file) => new DatabaseSync(file))),
    install: (input: { from: string }) =>
      guarded(() => log.install(input.from, (file, parts) => openSqlite(file, { schema: parts }))),
    close: (_: undefined) => {
      try {
        db.exec('PRAGMA optimize')
      } catch {
        // A file that is damaged, or in use, is closed all the same.
      } finally {
        db.close()
      }
      return true
    },
  }
}
