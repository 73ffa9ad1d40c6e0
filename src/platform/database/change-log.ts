import type { DatabaseSync } from 'node:sqlite'
import { FarwatchError, messageOf } from '../../base/index.ts'
import { decodeChange, encodeChange, targetOf, whyUndetermined, type LoggedStatement } from './change-format.ts'
import {
  ChangeLine,
  Differs,
  NotUnderstood,
  changeTables,
  storedState,
  writeState,
  type Change,
  type ChangePoint,
  type ChangesApplied,
} from './change-line.ts'
import { StatementCache, inTransaction, storageError } from './sqlite.ts'
import type { SchemaPart, Statement } from './statement.ts'

const name = 'change'
export const changeLogSchema: SchemaPart = { name: 'change_log', steps: [changeTables(name)] }

/** A follower that missed more is better served with a copy, which is hardly larger. */
const defaultMostBytes = 64 * 2 ** 20

/** The change log of a database: batches of statements, repeated as they were. */
export class ChangeLog {
  readonly #db: DatabaseSync
  readonly #statements: StatementCache
  readonly #schema: readonly SchemaPart[]
  readonly #local: ReadonlySet<string>
  readonly #checked = new Map<string, { readonly table: string; readonly verb: string }>()
  readonly line: ChangeLine

  /** @param options.local tables whose rows are this instance's own: neither logged nor copied. Deletions from them are logged, see `record` */
  constructor(
    db: DatabaseSync,
    options: {
      readonly schema: readonly SchemaPart[]
      readonly local: readonly string[]
      readonly mostBytes?: number | undefined
    },
  ) {
    this.#db = db
    this.#statements = new StatementCache(db)
    this.#schema = options.schema
    this.#local = new Set([...options.local, `${name}_log`, `${name}_state`, 'schema_part'])
    this.line = new ChangeLine(db, { name, mostBytes: options.mostBytes ?? defaultMostBytes })
  }

  /**
   * Whether a batch may be written here at all; called before its transaction.
   * @throws FarwatchError `not-in-this-role` on a follower, but for tables of its own
   */
  admit(batch: readonly Statement[]): void {
    if (this.line.mode === 'following' && !batch.every(({ sql }) => this.#local.has(this.#targetOf(sql).table)))
      throw standbyError()
  }

  /**
   * Appends what a batch did; called in its transaction.
   *
   * Statements that changed nothing are left out, as they would change nothing elsewhere. Deletions from local tables are the exception to
   * both rules: a password that is changed here must end the sessions over there, however many those are.
   * @param changed rows by each statement @returns what is to be called after the commit
   */
  record(batch: readonly Statement[], changed: readonly number[], at: number): () => void {
    if (this.line.mode !== 'logging') return () => undefined
    const logged: LoggedStatement[] = []
    batch.forEach(({ sql, params }, i) => {
      const { table, verb } = this.#targetOf(sql)
      const isLocal = this.#local.has(table)
      if (isLocal ? verb !== 'DELETE' : changed[i] === 0) return
      logged.push({ sql, ...(params === undefined ? {} : { params }), changed: isLocal ? undefined : changed[i]! })
    })
    return logged.length === 0 ? () => undefined : this.line.append(encodeChange(logged), at).committed
  }

  #targetOf(sql: string): { readonly table: string; readonly verb: string } {
    const known = this.#checked.get(sql)
    if (known !== undefined) return known
    const found = targetOf(sql)
    // Both are defects of the program, found by the first test that writes with a pair.
    if (found === undefined) throw new Error(`the change log cannot tell what is changed by: ${sql}`)
    const why = whyUndetermined(sql)
    if (why !== undefined) throw new Error(`a statement cannot be repeated on the other server, for ${why}: ${sql}`)
    if (this.#checked.size >= 1_000) this.#checked.clear()
    this.#checked.set(sql, found)
    return found
  }

  apply(changes: readonly Change[]): ChangesApplied {
    const tables = new Set<string>()
    const carryOut = ({ position, body }: Change) => {
      try {
        for (const { sql, params, changed } of understood(position, () => decodeChange(body))) {
          // What cannot even be prepared names tables or columns that came with a later version.
          const statement = understood(position, () => this.#statements.get(sql))
          const did = Number(statement.run(params ?? {}).changes)
          if (changed !== undefined && did !== changed)
            throw new Differs(`change ${position} met ${did} rows instead of ${changed}`)
          tables.add(targetOf(sql)?.table ?? '')
        }
      } catch (thrown) {
        // A disk that is full is no reason for a copy; a row that cannot be as it was over there is.
        const isTold = thrown instanceof Differs || thrown instanceof NotUnderstood
        if (isTold || storageError(thrown, '') instanceof FarwatchError) throw thrown
        throw new Differs(`change ${position} cannot be applied: ${messageOf(thrown)}`)
      }
      return () => undefined
    }
    return this.line.apply(changes, carryOut, () => [...tables])
  }

  // Copies.

  /** Writes a copy without what is local to a new file, as the base of a follower. */
  copy(file: string, open: (file: string) => DatabaseSync): ChangePoint {
    if (this.line.mode !== 'logging') throw new Error('a copy of what is not logged would be out of date at once')
    this.#db.prepare('VACUUM INTO $file').run({ file })
    const copy = open(file)
    try {
      // What is deleted leaves no trace in the file, which leaves the machine.
      copy.exec('PRAGMA journal_mode = DELETE; PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF')
      for (const table of tablesOf(copy))
        if (this.#local.has(table) && table !== 'schema_part') copy.exec(`DELETE FROM "${table}"`)
      writeState(copy, name, 'following', this.line.point)
    } finally {
      copy.close()
    }
    return this.line.point
  }

  /**
   * Takes a copy over in one transaction: afterwards this database follows from there. Local tables stay, but for rows that refer to
   * what is not there any more.
   */
  install(file: string, open: (file: string, schema: readonly SchemaPart[]) => DatabaseSync): ChangePoint {
    // A copy of an older version is brought to this one; a newer one is refused.
    const copy = open(file, this.#schema)
    const { base } = storedState(copy, name)
    copy.exec('PRAGMA journal_mode = DELETE')
    copy.close()
    const db = this.#db
    db.exec('PRAGMA foreign_keys = OFF')
    db.prepare('ATTACH $file AS copy').run({ file })
    try {
      inTransaction(db, () => {
        // Such as those which keep the audit log from being changed: here it is exchanged.
        const triggers = db.prepare("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'").all()
        for (const trigger of triggers) db.exec(`DROP TRIGGER main."${String(trigger['name'])}"`)
        for (const table of tablesOf(db)) {
          if (this.#local.has(table)) continue
          const columns = db.prepare('SELECT name FROM pragma_table_info($table)').all({ table })
          const names = columns.map((column) => `"${String(column['name'])}"`).join(', ')
          db.exec(
            `DELETE FROM main."${table}"; INSERT INTO main."${table}" (${names}) SELECT ${names} FROM copy."${table}"`,
          )
        }
        this.#installSequences()
        for (const { sql } of triggers) db.exec(String(sql))
        for (const { table, rowid } of db.prepare('PRAGMA main.foreign_key_check').all())
          db.prepare(`DELETE FROM main."${String(table)}" WHERE rowid = $rowid`).run({ rowid: rowid ?? null })
        writeState(db, name, 'following', base)
      })
    } finally {
      db.exec('DETACH copy; PRAGMA foreign_keys = ON')
    }
    this.line.became('following', base)
    return base
  }

  /** AUTOINCREMENT goes on where it was over there, or the next row would have another id. */
  #installSequences(): void {
    const has = (schema: string) =>
      this.#db.prepare(`SELECT 1 FROM ${schema}.sqlite_schema WHERE name = 'sqlite_sequence'`).get() !== undefined
    if (!has('main') || !has('copy')) return
    for (const schema of ['main', 'copy'] as const)
      for (const row of this.#db.prepare(`SELECT name FROM ${schema}.sqlite_sequence`).all()) {
        const table = String(row['name'])
        if (this.#local.has(table)) continue
        this.#db.prepare('DELETE FROM main.sqlite_sequence WHERE name = $table').run({ table })
        if (schema === 'copy')
          this.#db
            .prepare(
              'INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM copy.sqlite_sequence WHERE name = $table',
            )
            .run({ table })
      }
  }
}

export function standbyError(): FarwatchError {
  return new FarwatchError('not-in-this-role', 'this server is on standby: what it has is written by the active one', {
    hint: 'Make the change on the active server.',
  })
}

function understood<T>(position: number, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    if (storageError(thrown, '') instanceof FarwatchError) throw thrown
    throw new NotUnderstood(`change ${position} is of a newer version of Farwatch: ${messageOf(thrown)}`)
  }
}

function tablesOf(db: DatabaseSync): readonly string[] {
  return db
    .prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .all()
    .map((row) => String(row['name']))
}
