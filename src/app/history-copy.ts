import type { DatabaseSync } from 'node:sqlite'
import { historyLine } from '../ingest/index.ts'
import { inTransaction, openSqlite, readRows, writeRows, writeState, type ChangePoint } from '../platform/index.ts'
import { historySchema } from './history-store.ts'

/**
 * Where a copy of the history begins. It needs no moment at which everything stands still: sealing and replaying do nothing twice, so rows
 * may be taken at any time after the beginning, and the log behind `sealed` brings all of them to where the changes go on.
 */
export interface HistoryCopy {
  /** Changes follow from here on. */
  readonly point: ChangePoint
  /** Rows of the log behind this position, up to `newest`, are part of the copy. */
  readonly sealed: number
  readonly newest: number
}

/** How far a copy is: what comes next is behind this row of this table of `copiedTables`. */
export interface CopyCursor {
  readonly table: number
  readonly after: number
}

/**
 * In this order: what is compacted, or ends its time, moves from a table to one behind it, and so is met once at least. The books come after
 * what refers to them, the log last.
 */
const copiedTables = [
  'task_facts',
  'result_part',
  'result_days',
  'task_day',
  'sample_hour',
  'sample_day',
  'sample_days',
  'rollup_5m',
  'rollup_5m_days',
  'rollup_1h',
  'rollup_1h_days',
  'ingest_task',
  'metric_series',
  'spool',
  'log',
] as const

export const copyBegin: CopyCursor = { table: 0, after: 0 }

/** The next rows of a copy, over any connection to the file; undefined at its end. */
export function readCopy(
  db: DatabaseSync,
  { sealed, newest }: HistoryCopy,
  { table, after }: CopyCursor,
  bytes: number,
): { readonly body: Uint8Array; readonly next: CopyCursor } | undefined {
  for (let i = table; i < copiedTables.length; i++) {
    const name = copiedTables[i]!
    const from = i === table ? after : 0
    const range = name === 'log' ? [Math.max(from, sealed), newest] : [from, Number.MAX_SAFE_INTEGER]
    const rows = readRows(db, name, range[0]!, range[1]!, bytes)
    if (rows !== undefined) return { body: rows.body, next: { table: i, after: rows.last } }
  }
  return undefined
}

/** A copy that arrives, in a file of its own: the history that is there answers questions until it is whole. */
export class ArrivingCopy {
  readonly #db: DatabaseSync

  /** Goes on where it was interrupted. @param file that is made where it does not exist */
  constructor(file: string) {
    this.#db = openSqlite(file, { schema: historySchema })
    this.#db.exec(
      'CREATE TABLE IF NOT EXISTS copy_progress (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), copy TEXT NOT NULL, cursor TEXT NOT NULL) STRICT',
    )
    // What a crash of the machine takes is copied again from the cursor, which goes with it.
    this.#db.exec('PRAGMA synchronous = NORMAL')
  }

  /** Which copy it is, and what comes next; undefined before the first rows. */
  progress(): { readonly copy: HistoryCopy; readonly cursor: CopyCursor } | undefined {
    // Written by `take`, and nowhere else.
    const row = this.#db.prepare('SELECT copy, cursor FROM copy_progress').get() as
      | { copy: string; cursor: string }
      | undefined
    return row === undefined
      ? undefined
      : { copy: JSON.parse(row.copy) as HistoryCopy, cursor: JSON.parse(row.cursor) as CopyCursor }
  }

  take(copy: HistoryCopy, { body, next }: { readonly body: Uint8Array; readonly next: CopyCursor }): void {
    inTransaction(this.#db, () => {
      if (body.length > 0) writeRows(this.#db, body, copiedTables)
      this.#write(copy, next)
    })
  }

  #write(copy: HistoryCopy, cursor: CopyCursor): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO copy_progress (only_row, copy, cursor) VALUES (1, $copy, $cursor)')
      .run({ copy: JSON.stringify(copy), cursor: JSON.stringify(cursor) })
  }

  /**
   * All of it is here: the file becomes a history that follows from the copy's point.
   * @returns false where the log of the copy has a hole, so that the copy is worthless
   */
  finish(copy: HistoryCopy): boolean {
    const { count } = this.#db
      .prepare('SELECT count(*) AS count FROM log WHERE position > $sealed AND position <= $newest')
      .get({ sealed: copy.sealed, newest: copy.newest })!
    if (count !== copy.newest - copy.sealed) return false
    inTransaction(this.#db, () => {
      this.#db
        .prepare("INSERT OR REPLACE INTO mark (name, position) VALUES ('sealed', $sealed), ('released', 0)")
        .run({ sealed: copy.sealed })
      writeState(this.#db, historyLine, 'following', copy.point)
      this.#db.exec('DROP TABLE copy_progress')
    })
    return true
  }

  /** Leaves one file without a journal, which can take the place of another. */
  close(): void {
    this.#db.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE')
    this.#db.close()
  }
}
