import type { DatabaseSync } from 'node:sqlite'
import { chain } from './change-format.ts'
import { StatementCache, inTransaction } from './sqlite.ts'

/** A place in a line of changes. Two stores that are at the same point have the same content. */
export interface ChangePoint {
  /** Which line: a new one begins whenever changes may have been made that were not logged. */
  readonly line: string
  /** How many changes were made since the line began. */
  readonly position: number
  /** Of all changes up to here, in their order. */
  readonly checksum: string
}

/** What one transaction changed, as it is sent. */
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

/**
 * Where a follower is now, and which tables it changed. `not understood`: what comes next was made by a newer version of the program; it goes on
 * from here once this one is as new. `copy needed`: it cannot go on but by a new copy.
 */
export type ChangesApplied =
  | { readonly is: 'applied'; readonly point: ChangePoint; readonly tables: readonly string[] }
  | {
      readonly is: 'not understood'
      readonly why: string
      readonly point: ChangePoint
      readonly tables: readonly string[]
    }
  | ChangesEnded<'copy needed'>

/** Why changes were not carried out to their end. */
export interface ChangesEnded<Is extends string> {
  readonly is: Is
  readonly why: string
}

/**
 *   off ──a pair is configured, active──▶ logging ◀──takes over / steps down──▶ following
 *    ▲                                       │                                      │
 *    └───────────────────────the pair is dissolved──────────────────────────────────┘
 */
export type ChangeMode = 'off' | 'logging' | 'following'

export interface ChangeFacts {
  readonly mode: ChangeMode
  readonly point: ChangePoint
  /** What is kept for a follower. */
  readonly changes: number
  readonly bytes: number
  /** When the oldest of it was made. */
  readonly since: number | undefined
}

/**
 * What a store does for a pair of servers: the active one logs what each transaction changes, the other carries out the same. Whether it
 * logs or follows is kept in the store, so that nothing is written unlogged after a start. Calls are answered in order.
 */
export interface ChangeFeed {
  facts(): Promise<ChangeFacts>
  /** From now on changes are logged. The line that is followed goes on; where there is none, one of this name begins. */
  startLogging(line: string): Promise<ChangePoint>
  /** From now on only `apply` writes; all else is refused with `not-in-this-role`. */
  startFollowing(): Promise<void>
  /** There is no pair: nothing is logged, and nothing costs. The next line is another. */
  stop(): Promise<void>
  /** What comes after a follower's point: as many as fit in `bytes`, one at least; none where it is up to date. */
  read(after: ChangePoint, bytes: number): Promise<ChangesRead>
  /** The follower has everything up to a point: the log forgets it. */
  confirm(upTo: ChangePoint): Promise<void>
  /** Carries out changes in order, each in a transaction with its position. Those that were applied before change nothing. */
  apply(changes: readonly Change[]): Promise<ChangesApplied>
}

const nowhere: ChangePoint = { line: '', position: 0, checksum: '' }

/**
 * The tables of a line: a log of what a follower may not have yet, and what is true before the first of it. Without a pair both are empty.
 * @param name begins the names of both
 */
export function changeTables(name: string): string {
  return `CREATE TABLE ${name}_log (
       position INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL, size INTEGER NOT NULL, checksum TEXT NOT NULL
     ) STRICT;
     CREATE TABLE ${name}_state (
       only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
       mode TEXT NOT NULL,
       line TEXT NOT NULL,
       position INTEGER NOT NULL,
       checksum TEXT NOT NULL
     ) STRICT;`
}

/** A row of the log, before it is made a change. */
export type LoggedChange = Change & { readonly size: number }

/** The line of changes of one store, over its one writing connection. What it keeps in memory follows only what was committed. */
export class ChangeLine {
  readonly #db: DatabaseSync
  readonly #statements: StatementCache
  readonly #name: string
  readonly #mostBytes: number
  #mode: ChangeMode
  #base: ChangePoint
  #point: ChangePoint
  #bytes: number

  /** @param options.mostBytes beyond which the log is cut: a follower that was away for longer is better served with a copy */
  constructor(db: DatabaseSync, options: { readonly name: string; readonly mostBytes: number }) {
    this.#db = db
    this.#statements = new StatementCache(db)
    this.#name = options.name
    this.#mostBytes = options.mostBytes
    const { mode, base } = storedState(db, this.#name)
    this.#mode = mode
    this.#base = base
    const newest = this.#get(`SELECT position, checksum FROM ${this.#name}_log ORDER BY position DESC LIMIT 1`)
    this.#point =
      newest === undefined
        ? base
        : { line: base.line, position: Number(newest['position']), checksum: String(newest['checksum']) }
    this.#bytes = this.#keptBytes()
  }

  get mode(): ChangeMode {
    return this.#mode
  }

  get point(): ChangePoint {
    return this.#point
  }

  /** Where the log begins: what came before is not kept. */
  get base(): ChangePoint {
    return this.#base
  }

  facts(): ChangeFacts {
    const oldest = this.#get(`SELECT at FROM ${this.#name}_log ORDER BY position LIMIT 1`)
    return {
      mode: this.#mode,
      point: this.#point,
      changes: this.#point.position - this.#base.position,
      bytes: this.#bytes,
      since: oldest === undefined ? undefined : Number(oldest['at']),
    }
  }

  #get(sql: string, params = {}) {
    return this.#statements.get(sql).get(params)
  }

  #keptBytes(): number {
    return Number(this.#get(`SELECT sum(size) AS bytes FROM ${this.#name}_log`)?.['bytes'] ?? 0)
  }

  /**
   * Appends a change; called in the transaction that makes it, and while `logging` only.
   * @param body what is kept of it here @param rest what else belongs to it when it is sent, and is kept elsewhere
   * @returns `committed` is to be called after the commit. `isCut`: the log became too large, and nobody can go on from what came before
   */
  append(
    body: Uint8Array,
    at: number,
    rest: readonly Uint8Array[] = [],
  ): { readonly isCut: boolean; readonly committed: () => void } {
    const position = this.#point.position + 1
    const checksum = chain(this.#point.checksum, position, body, ...rest)
    const size = rest.reduce((sum, piece) => sum + piece.length, body.length)
    const point = { line: this.#point.line, position, checksum }
    const isCut = this.#bytes + size > this.#mostBytes
    if (isCut) this.#rebase(point)
    else
      this.#statements
        .get(
          `INSERT INTO ${this.#name}_log (position, at, body, size, checksum) VALUES ($position, $at, $body, $size, $checksum)`,
        )
        .run({ position, at, body, size, checksum })
    const committed = () => {
      this.#point = point
      this.#bytes = isCut ? 0 : this.#bytes + size
      if (isCut) this.#base = point
    }
    return { isCut, committed }
  }

  startLogging(line: string): ChangePoint {
    if (this.#mode !== 'logging') this.#become('logging', this.#mode === 'off' ? { ...nowhere, line } : this.#point)
    return this.#point
  }

  startFollowing(): void {
    if (this.#mode !== 'following') this.#become('following', this.#point)
  }

  stop(): void {
    if (this.#mode !== 'off') this.#become('off', nowhere)
  }

  #become(mode: ChangeMode, base: ChangePoint): void {
    inTransaction(this.#db, () => writeState(this.#db, this.#name, mode, base))
    this.became(mode, base)
  }

  /** What `writeState` wrote was committed. */
  became(mode: ChangeMode, base: ChangePoint): void {
    this.#mode = mode
    this.#base = base
    this.#point = base
    this.#bytes = 0
  }

  #rebase({ position, checksum }: ChangePoint): void {
    this.#statements.get(`DELETE FROM ${this.#name}_log WHERE position <= $position`).run({ position })
    this.#statements
      .get(`UPDATE ${this.#name}_state SET position = $position, checksum = $checksum`)
      .run({ position, checksum })
  }

  // For those who follow.

  /** @param expand makes of what is kept what is sent; undefined where what it needs is gone */
  read(after: ChangePoint, bytes: number, expand: (row: LoggedChange) => Uint8Array | undefined): ChangesRead {
    const why = this.#whyNot(after)
    if (why !== undefined) return { is: 'copy needed', why }
    const changes: Change[] = []
    let size = 0
    const rows = this.#statements.get(
      `SELECT position, at, body, size, checksum FROM ${this.#name}_log WHERE position > $after ORDER BY position`,
    )
    for (const stored of rows.iterate({ after: after.position })) {
      // Written by `append`, and nowhere else.
      const row = stored as unknown as LoggedChange
      size += row.size
      if (size > bytes && changes.length > 0) break
      const body = expand(row)
      if (body === undefined) return { is: 'copy needed', why: `what change ${row.position} refers to is not kept` }
      changes.push({ position: row.position, at: row.at, body, checksum: row.checksum })
    }
    return { is: 'changes', changes }
  }

  /** Why nobody can go on from a point; undefined where it is in the line. */
  #whyNot({ line, position, checksum }: ChangePoint): string | undefined {
    if (this.#mode !== 'logging') return 'nothing is logged here'
    if (line !== this.#point.line) return 'it follows another line of changes'
    if (position > this.#point.position)
      return `it is ahead: at ${position}, and here ${this.#point.position} is the newest`
    if (position < this.#base.position)
      return `it is at ${position}, and what came before ${this.#base.position} is not kept`
    const here =
      position === this.#base.position
        ? this.#base.checksum
        : this.#get(`SELECT checksum FROM ${this.#name}_log WHERE position = $position`, { position })?.['checksum']
    return here === checksum ? undefined : `its content differs, as its checksum at ${position} says`
  }

  /** @returns whether it is a point of the line */
  confirm(upTo: ChangePoint): boolean {
    if (this.#whyNot(upTo) !== undefined) return false
    if (upTo.position === this.#base.position) return true
    inTransaction(this.#db, () => this.#rebase(upTo))
    this.#base = upTo
    this.#bytes = this.#keptBytes()
    return true
  }

  /**
   * Carries out changes in order. What was applied before is passed over; a gap or a difference ends it.
   * @param carryOut called in a transaction with the new position. Returns what is to be called after the commit, or throws `Differs`
   * or `NotUnderstood`
   * @param tables that were changed by what was carried out
   */
  apply(
    changes: readonly Change[],
    carryOut: (change: Change) => () => void,
    tables: () => readonly string[],
  ): ChangesApplied {
    const ended = this.#apply(changes, carryOut)
    if (ended?.is === 'copy needed') return { is: 'copy needed', why: ended.why }
    const where = { point: this.#point, tables: tables() }
    return ended === undefined ? { is: 'applied', ...where } : { is: 'not understood', why: ended.why, ...where }
  }

  #apply(
    changes: readonly Change[],
    carryOut: (change: Change) => () => void,
  ): ChangesEnded<'copy needed' | 'not understood'> | undefined {
    const copyNeeded = (why: string) => ({ is: 'copy needed', why }) as const
    if (this.#mode !== 'following') return copyNeeded('it does not follow')
    for (const change of changes) {
      const { position, body, checksum } = change
      const next = this.#point.position + 1
      if (position < next) continue
      if (position > next) return copyNeeded(`changes ${next} to ${position - 1} are missing`)
      if (chain(this.#point.checksum, position, body) !== checksum)
        return copyNeeded(`the checksum of change ${position} differs`)
      const point = { line: this.#point.line, position, checksum }
      try {
        inTransaction(this.#db, () => {
          const committed = carryOut(change)
          this.#rebase(point)
          return committed
        })()
      } catch (thrown) {
        if (thrown instanceof Differs) return copyNeeded(thrown.message)
        if (thrown instanceof NotUnderstood) return { is: 'not understood', why: thrown.message }
        throw thrown
      }
      this.#base = point
      this.#point = point
    }
    return undefined
  }
}

/** What is stored is not what a change was made for. */
export class Differs extends Error {}

/** A change is of a form that this version of the program does not know, and a newer one does. */
export class NotUnderstood extends Error {}

export function storedState(db: DatabaseSync, name: string): { mode: ChangeMode; base: ChangePoint } {
  // Written by `writeState` and by ChangeLine, and nowhere else.
  const row = db.prepare(`SELECT mode, line, position, checksum FROM ${name}_state`).get() as
    | (ChangePoint & { mode: ChangeMode })
    | undefined
  if (row === undefined) return { mode: 'off', base: nowhere }
  const { mode, line, position, checksum } = row
  return { mode, base: { line, position, checksum } }
}

/** Begins the log anew from a point; called in a transaction. */
export function writeState(db: DatabaseSync, name: string, mode: ChangeMode, base: ChangePoint): void {
  db.exec(`DELETE FROM ${name}_log`)
  db.prepare(
    `INSERT INTO ${name}_state (only_row, mode, line, position, checksum) VALUES (1, $mode, $line, $position, $checksum)
     ON CONFLICT (only_row) DO UPDATE SET mode = excluded.mode, line = excluded.line, position = excluded.position, checksum = excluded.checksum`,
  ).run({ mode, line: base.line, position: base.position, checksum: base.checksum })
}
