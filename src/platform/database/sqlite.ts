import { existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { FarwatchError, messageOf } from '../../base/index.ts'
import type { SchemaPart } from './statement.ts'

/**
 * Opens a database file the way all of Farwatch's are opened. WAL lets readers go on while the one writer writes; FULL makes a
 * commit survive power loss (0.29 ms against 0.05 ms with NORMAL, measured; affordable with one commit a batch).
 * @throws FarwatchError `data-directory-unusable` or `storage-corrupt`
 */
export function openSqlite(
  file: string,
  options: { readOnly?: boolean; schema?: readonly SchemaPart[] } = {},
): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    // A newer file must be left exactly as it is, and a connection that may write moves its journal into it when it closes.
    if (options.schema !== undefined && existsSync(`${file}-wal`)) {
      const looking = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
      try {
        refuseNewer(looking, file, options.schema)
      } finally {
        looking.close()
      }
    }
    db = new DatabaseSync(file, { readOnly: options.readOnly ?? false, timeout: 5_000 })
    if (options.readOnly !== true)
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000')
    db.exec('PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY')
    if (options.schema !== undefined) {
      refuseNewer(db, file, options.schema)
      migrate(db, options.schema)
    }
    return db
  } catch (thrown) {
    db?.close()
    throw storageError(thrown, file)
  }
}

/**
 * What is wrong with a database file, in SQLite's words; undefined where it is whole. By a connection of its own: one that is in use answers from what it has
 * in memory, and would find damage of the file only once it has to read it anew.
 */
export function problemOf(file: string): string | undefined {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
  try {
    const result = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    return result === 'ok' ? undefined : String(result)
  } finally {
    db.close()
  }
}

/** Puts a database file in the place of another; both are closed, and nobody opens them meanwhile. */
export function replaceDatabase(by: string, file: string): void {
  // A journal that the old file left would be carried out on the new one.
  if (existsSync(`${file}-wal`)) {
    const old = new DatabaseSync(file)
    try {
      old.exec('PRAGMA journal_mode = DELETE')
    } finally {
      old.close()
    }
  }
  for (const end of ['-wal', '-shm', '-journal']) rmSync(`${file}${end}`, { force: true })
  renameSync(by, file)
}

function storedVersions(db: DatabaseSync): ReadonlyMap<string, number> {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_part'").get() === undefined) return new Map()
  return new Map(
    db
      .prepare('SELECT name, version FROM schema_part')
      .all()
      .map((row) => [String(row['name']), Number(row['version'])]),
  )
}

function refuseNewer(db: DatabaseSync, file: string, schema: readonly SchemaPart[]): void {
  const stored = storedVersions(db)
  for (const part of schema) {
    const version = stored.get(part.name) ?? 0
    if (version > part.steps.length) {
      throw new FarwatchError(
        'data-directory-newer',
        `${file} was written by a newer Farwatch (${part.name} has version ${version}, this program knows ${part.steps.length})`,
        {
          hint: 'Start the newer Farwatch again, or restore a copy of the data directory from before the upgrade.',
        },
      )
    }
  }
}

/** Brings every part of the schema up to date, in one transaction: a file is of one version or of the other, and one commit is waited for. */
function migrate(db: DatabaseSync, schema: readonly SchemaPart[]): void {
  const stored = storedVersions(db)
  const behind = schema
    .map(({ name, steps }) => ({ name, steps, version: stored.get(name) ?? 0 }))
    .filter(({ steps, version }) => version < steps.length)
  if (behind.length === 0) return
  inTransaction(db, () => {
    db.exec('CREATE TABLE IF NOT EXISTS schema_part (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT')
    const note = db.prepare(
      'INSERT INTO schema_part (name, version) VALUES ($name, $version) ON CONFLICT (name) DO UPDATE SET version = excluded.version',
    )
    for (const { name, steps, version } of behind) {
      for (const step of steps.slice(version)) db.exec(step)
      note.run({ name, version: steps.length })
    }
  })
}

/** Runs `act` in one transaction: all of it is stored, or nothing. */
export function inTransaction<T>(db: DatabaseSync, act: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = act()
    db.exec('COMMIT')
    return result
  } catch (thrown) {
    // After a full disk SQLite may have rolled back by itself, and a second ROLLBACK would hide the reason.
    if (db.isTransaction) db.exec('ROLLBACK')
    throw thrown
  }
}

// SQLite's primary result codes (sqlite.org/rescode.html): the low byte of `errcode`.
const sqlite = { busy: 5, readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const

/** Gives what SQLite threw the words and the code that a user can do something with. */
export function storageError(thrown: unknown, file: string): unknown {
  if (thrown instanceof FarwatchError || typeof thrown !== 'object' || thrown === null || !('errcode' in thrown))
    return thrown
  switch (Number(thrown.errcode) & 0xff) {
    case sqlite.full:
    case sqlite.ioError:
    case sqlite.readOnly:
      return new FarwatchError('storage-unwritable', `${file} cannot be written: ${messageOf(thrown)}`, {
        hint: 'Free space on the disk of the data directory, or make it writable.',
        cause: thrown,
      })
    case sqlite.busy:
      return new FarwatchError('storage-unwritable', `${file} is in use: ${messageOf(thrown)}`, {
        hint: 'Another program has the file open and keeps it locked, such as a backup or a database browser: end it, or let it work on a copy.',
        cause: thrown,
      })
    case sqlite.corrupt:
    case sqlite.notADatabase:
      return new FarwatchError('storage-corrupt', `${file} is damaged: ${messageOf(thrown)}`, {
        hint: 'Restore the data directory from a copy, or start with a new one.',
        cause: thrown,
      })
    case sqlite.cannotOpen:
      return new FarwatchError('data-directory-unusable', `${file} cannot be opened: ${messageOf(thrown)}`, {
        hint: 'Check that the data directory exists and belongs to the user Farwatch runs as.',
        cause: thrown,
      })
    default:
      return thrown
  }
}

/** Prepares each statement once. node:sqlite statements live as long as their connection. */
export class StatementCache {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  get(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      // Generated SQL could grow this for ever; a thousand is far above what the program has.
      if (this.#prepared.size >= 1_000) this.#prepared.clear()
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}
