import type { DatabaseSync } from 'node:sqlite'
import { FarwatchError, messageOf } from '../../base/index.ts'
import { chain, decodeChange, encodeChange, targetOf, whyUndetermined, type LoggedStatement } from './change-format.ts'
import { StatementCache, inTransaction, storageError } from './sqlite.ts'
import type { SchemaPart, Statement } from './statement.ts'

/**
 * `change_log` has the batches that the other server of a pair may not have yet; `change_state` what is true before the first of them. Without
 * a pair both are empty.
 */
export const changeLogSchema: SchemaPart = {
  name: 'change_log',
  steps: [
    `CREATE TABLE change_log (position INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL, checksum TEXT NOT NULL) STRICT;
     CREATE TABLE change_state (
       only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
       mode TEXT NOT NULL,
       line TEXT NOT NULL,
       position INTEGER NOT NULL,
       checksum TEXT NOT NULL
     ) STRICT;`,
  ],
}

/** A place in a line of changes. Two databases that are at the same point have the same content. */
export interface ChangePoint {
  /** Which line: a new one begins whenever changes may have been made that were not logged. */
  readonly line: string
  /** How many changes were made since the line began. */
  readonly position: number
  /** Of all changes up to here, in their order. */
  readonly checksum: string
}

/** One batch of statements, as it is sent. */
export interface Change {
  readonly position: number
  /** When it was made, epoch milliseconds of the server that made it. */
  readonly at: number
  readonly body: Uint8Array
  /** Of the point that it leads to. */
  readonly checksum: string
}

/** What comes after a point; or that only a new copy helps, and why. */
export type ChangesRead =
  | { readonly is: 'changes'; readonly changes: readonly Change[] }
  | { readonly is: 'copy needed'; readonly why: string }

/** Where a follower is now, and what it changed; or that it cannot go on but by a new copy, and why. */
export type ChangesApplied =
  | { readonly is: 'applied'; readonly point: ChangePoint; readonly tables: readonly string[] }
  | { readonly is: 'copy needed'; readonly why: string }

/**
 *   off ──a pair is configured, active──▶ logging ◀──takes over / steps down──▶ following
 *    ▲                                       │                                      │
 *    └───────────────────────the pair is dissolved──────────────────────────────────┘
 */
export type ChangeMode = 'off' | 'logging' | 'following'

export interface ChangeLogFacts {
  readonly mode: ChangeMode
  readonly point: ChangePoint
  /** What is kept for a follower. */
  readonly changes: number
  readonly bytes: number
  /** When the oldest of it was made. */
  readonly since: number | undefined
}

const begin: ChangePoint = { line: '', position: 0, checksum: '' }

/** Beyond so much a follower that is away is better served with a copy, which is hardly larger. */
export const defaultMostLogBytes = 64 * 2 ** 20

/**
 * The change log of one database, over its one writing connection. What it keeps in memory follows only what was committed.
 */
export class ChangeLog {
  readonly #db: DatabaseSync
  readonly #statements: StatementCache
  readonly #schema: readonly SchemaPart[]
  readonly #local: ReadonlySet<string>
  readonly #mostBytes: number
  readonly #checked = new Map<string, { readonly table: string; readonly verb: string }>()
  #mode: ChangeMode
  #base: ChangePoint
  #point: ChangePoint
  #bytes: number

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
    this.#local = new Set([...options.local, 'change_log', 'change_state', 'schema_part'])
    this.#mostBytes = options.mostBytes ?? defaultMostLogBytes
    const { mode, base } = storedState(db)
    this.#mode = mode
    this.#base = base
    const { position, checksum } = (this.#statements
      .get('SELECT position, checksum FROM change_log ORDER BY position DESC LIMIT 1')
      .get() ?? base) as { position: number; checksum: string }
    this.#point = { line: base.line, position, checksum }
    this.#bytes = Number(
      this.#statements.get('SELECT sum(length(body)) AS bytes FROM change_log').get()?.['bytes'] ?? 0,
    )
  }

  get mode(): ChangeMode {
    return this.#mode
  }

  facts(): ChangeLogFacts {
    const oldest = this.#statements.get('SELECT at FROM change_log ORDER BY position LIMIT 1').get()
    return {
      mode: this.#mode,
      point: this.#point,
      changes: this.#point.position - this.#base.position,
      bytes: this.#bytes,
      since: oldest === undefined ? undefined : Number(oldest['at']),
    }
  }

  /**
   * Whether a batch may be written here at all; called before its transaction.
   * @throws FarwatchError `not-in-this-role` on a follower, but for tables of its own
   */
  admit(batch: readonly Statement[]): void {
    if (this.#mode !== 'following') return
    for (const { sql } of batch) {
      if (this.#local.has(this.#targetOf(sql).table)) continue
      throw new FarwatchError(
        'not-in-this-role',
        'this server is on standby: what it has is written by the active one',
        {
          hint: 'Make the change on the active server.',
        },
      )
    }
  }

  /**
   * Appends what a batch did; called in its transaction.
   *
   * Statements that changed nothing are left out, as they would change nothing elsewhere. Deletions from local tables are the exception to
   * both rules: a password that is changed here must end the sessions over there, however many those are.
   * @param changed rows by each statement @returns what is to be called after the commit
   */
  record(batch: readonly Statement[], changed: readonly number[], at: number): () => void {
    if (this.#mode !== 'logging') return () => undefined
    const logged: LoggedStatement[] = []
    batch.forEach(({ sql, params }, i) => {
      const { table, verb } = this.#targetOf(sql)
      const isLocal = this.#local.has(table)
      if (isLocal ? verb !== 'DELETE' : changed[i] === 0) return
      logged.push({ sql, ...(params === undefined ? {} : { params }), changed: isLocal ? undefined : changed[i]! })
    })
    if (logged.length === 0) return () => undefined
    const body = encodeChange(logged)
    const position = this.#point.position + 1
    const checksum = chain(this.#point.checksum, position, body)
    this.#statements
      .get('INSERT INTO change_log (position, at, body, checksum) VALUES ($position, $at, $body, $checksum)')
      .run({ position, at, body, checksum })
    const point = { line: this.#point.line, position, checksum }
    const isFull = this.#bytes + body.length > this.#mostBytes
    // The follower was away for too long: what it misses is cut, and its next question is answered with a copy.
    if (isFull) this.#rebase(point)
    return () => {
      this.#point = point
      this.#bytes = isFull ? 0 : this.#bytes + body.length
      if (isFull) this.#base = point
    }
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

  /** From now on batches are logged. The line that is there goes on; where there is none, one of this name begins. */
  startLogging(line: string): ChangePoint {
    if (this.#mode === 'logging') return this.#point
    this.#become('logging', this.#mode === 'off' ? { line, position: 0, checksum: '' } : this.#point)
    return this.#point
  }

  /** From now on only `apply` and `install` write, but for local tables. What was logged for a follower is forgotten. */
  startFollowing(): void {
    if (this.#mode !== 'following') this.#become('following', this.#point)
  }

  /** There is no pair any more. */
  stop(): void {
    if (this.#mode !== 'off') this.#become('off', begin)
  }

  #become(mode: ChangeMode, base: ChangePoint): void {
    inTransaction(this.#db, () => this.#write(mode, base))
    this.#mode = mode
    this.#base = base
    this.#point = base
    this.#bytes = 0
  }

  #write(mode: ChangeMode, { line, position, checksum }: ChangePoint): void {
    this.#statements.get('DELETE FROM change_log').run()
    this.#statements
      .get(
        `INSERT INTO change_state (only_row, mode, line, position, checksum) VALUES (1, $mode, $line, $position, $checksum)
         ON CONFLICT (only_row) DO UPDATE SET mode = excluded.mode, line = excluded.line, position = excluded.position, checksum = excluded.checksum`,
      )
      .run({ mode, line, position, checksum })
  }

  #rebase({ position, checksum }: ChangePoint): void {
    this.#statements.get('DELETE FROM change_log WHERE position <= $position').run({ position })
    this.#statements
      .get('UPDATE change_state SET position = $position, checksum = $checksum')
      .run({ position, checksum })
  }

  // For those who follow.

  /** What comes after a follower's point: one change at least, as many as fit in `bytes` else; none where it is up to date. */
  read(after: ChangePoint, bytes: number): ChangesRead {
    const known = this.#checksumAt(after)
    if (!known.is) return { is: 'copy needed', why: known.why }
    const changes: Change[] = []
    let size = 0
    const rows = this.#statements.get(
      'SELECT position, at, body, checksum FROM change_log WHERE position > $after ORDER BY position',
    )
    for (const row of rows.iterate({ after: after.position })) {
      // Written by `record`, and nowhere else.
      const change = row as unknown as Change
      size += change.body.length
      if (size > bytes && changes.length > 0) break
      changes.push(change)
    }
    return { is: 'changes', changes }
  }

  #checksumAt({ line, position, checksum }: ChangePoint): { is: true } | { is: false; why: string } {
    const no = (why: string) => ({ is: false as const, why })
    if (this.#mode !== 'logging') return no('nothing is logged here')
    if (line !== this.#point.line) return no('it follows another line of changes')
    if (position > this.#point.position)
      return no(`it is ahead: at ${position}, and here ${this.#point.position} is the newest`)
    if (position < this.#base.position)
      return no(`it is at ${position}, and what came before ${this.#base.position} is not kept`)
    const here =
      position === this.#base.position
        ? this.#base.checksum
        : String(
            this.#statements.get('SELECT checksum FROM change_log WHERE position = $position').get({ position })?.[
              'checksum'
            ],
          )
    return here === checksum ? { is: true } : no(`its content differs, as its checksum at ${position} says`)
  }

  /** A follower has everything up to a point, so that it may be forgotten here. A point that is not in the line is passed over. */
  confirm(upTo: ChangePoint): void {
    if (upTo.position <= this.#base.position || !this.#checksumAt(upTo).is) return
    inTransaction(this.#db, () => this.#rebase(upTo))
    this.#base = upTo
    this.#bytes = Number(
      this.#statements.get('SELECT sum(length(body)) AS bytes FROM change_log').get()?.['bytes'] ?? 0,
    )
  }

  /** Carries out changes in order, each in one transaction with its position. What was applied before is passed over. */
  apply(changes: readonly Change[]): ChangesApplied {
    const tables = new Set<string>()
    const needed = (why: string): ChangesApplied => ({ is: 'copy needed', why })
    if (this.#mode !== 'following') return needed('this database does not follow')
    for (const { position, body, checksum } of changes) {
      const next = this.#point.position + 1
      if (position < next) continue
      if (position > next) return needed(`changes ${next} to ${position - 1} are missing`)
      if (chain(this.#point.checksum, position, body) !== checksum)
        return needed(`the checksum of change ${position} differs`)
      const point = { line: this.#point.line, position, checksum }
      try {
        inTransaction(this.#db, () => {
          for (const { sql, params, changed } of decodeChange(body)) {
            const did = Number(this.#statements.get(sql).run(params ?? {}).changes)
            if (changed !== undefined && did !== changed)
              throw new Differs(`change ${position} met ${did} rows instead of ${changed}`)
            tables.add(targetOf(sql)?.table ?? '')
          }
          this.#rebase(point)
        })
      } catch (thrown) {
        const error = storageError(thrown, '')
        // A disk that is full is no reason for a copy; a row that cannot be as it was over there is.
        if (error instanceof FarwatchError) throw thrown
        return needed(
          thrown instanceof Differs ? thrown.message : `change ${position} cannot be applied: ${messageOf(thrown)}`,
        )
      }
      this.#base = point
      this.#point = point
    }
    return { is: 'applied', point: this.#point, tables: [...tables] }
  }

  // Copies.

  /** Writes a copy without what is local to a new file, as the base of a follower. */
  copy(file: string, open: (file: string) => DatabaseSync): ChangePoint {
    this.#db.prepare('VACUUM INTO $file').run({ file })
    const copy = open(file)
    try {
      // What is deleted leaves no trace in the file, which leaves the machine.
      copy.exec('PRAGMA journal_mode = DELETE; PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF')
      for (const table of tablesOf(copy, 'main'))
        if (this.#local.has(table) && table !== 'change_state' && table !== 'schema_part')
          copy.exec(`DELETE FROM "${table}"`)
      const { position, checksum } = this.#point
      copy.prepare('UPDATE change_state SET position = $position, checksum = $checksum').run({ position, checksum })
    } finally {
      copy.close()
    }
    return this.#point
  }

  /**
   * Takes a copy over in one transaction: afterwards this database follows from there. Local tables stay, but for rows that refer to
   * what is not there any more.
   */
  install(file: string, open: (file: string, schema: readonly SchemaPart[]) => DatabaseSync): ChangePoint {
    // A copy of an older version is brought to this one; a newer one is refused.
    const copy = open(file, this.#schema)
    const { base } = storedState(copy)
    copy.exec('PRAGMA journal_mode = DELETE')
    copy.close()
    const db = this.#db
    db.exec('PRAGMA foreign_keys = OFF')
    db.prepare('ATTACH $file AS copy').run({ file })
    try {
      inTransaction(db, () => {
        // Such as those which keep the audit log from being changed: here it is exchanged.
        const triggers = db.prepare("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'").all()
        for (const { name } of triggers) db.exec(`DROP TRIGGER main."${String(name)}"`)
        for (const table of tablesOf(db, 'main')) {
          if (this.#local.has(table)) continue
          const columns = db.prepare('SELECT name FROM pragma_table_info($table)').all({ table })
          const names = columns.map(({ name }) => `"${String(name)}"`).join(', ')
          db.exec(
            `DELETE FROM main."${table}"; INSERT INTO main."${table}" (${names}) SELECT ${names} FROM copy."${table}"`,
          )
        }
        this.#installSequences()
        for (const { sql } of triggers) db.exec(String(sql))
        for (const { table, rowid } of db.prepare('PRAGMA main.foreign_key_check').all())
          db.prepare(`DELETE FROM main."${String(table)}" WHERE rowid = $rowid`).run({ rowid: rowid ?? null })
        this.#write('following', base)
      })
    } finally {
      db.exec('DETACH copy; PRAGMA foreign_keys = ON')
    }
    this.#mode = 'following'
    this.#base = base
    this.#point = base
    this.#bytes = 0
    return base
  }

  /** AUTOINCREMENT goes on where it was over there, or the next row would have another id. */
  #installSequences(): void {
    const has = (schema: string) =>
      this.#db.prepare(`SELECT 1 FROM ${schema}.sqlite_schema WHERE name = 'sqlite_sequence'`).get() !== undefined
    if (!has('main') || !has('copy')) return
    for (const schema of ['main', 'copy'] as const)
      for (const { name } of this.#db.prepare(`SELECT name FROM ${schema}.sqlite_sequence`).all()) {
        if (this.#local.has(String(name))) continue
        const about = { name: String(name) }
        this.#db.prepare('DELETE FROM main.sqlite_sequence WHERE name = $name').run(about)
        if (schema === 'copy')
          this.#db
            .prepare(
              'INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM copy.sqlite_sequence WHERE name = $name',
            )
            .run(about)
      }
  }
}

class Differs extends Error {}

function storedState(db: DatabaseSync): { mode: ChangeMode; base: ChangePoint } {
  // Written by ChangeLog, and nowhere else.
  const row = db.prepare('SELECT mode, line, position, checksum FROM change_state').get() as
    | (ChangePoint & { mode: ChangeMode })
    | undefined
  if (row === undefined) return { mode: 'off', base: begin }
  const { mode, line, position, checksum } = row
  return { mode, base: { line, position, checksum } }
}

function tablesOf(db: DatabaseSync, schema: 'main' | 'copy'): readonly string[] {
  return db
    .prepare(`SELECT name FROM ${schema}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
    .all()
    .map(({ name }) => String(name))
}
