import type { DatabaseSync } from 'node:sqlite'
import { StatementCache } from '../platform/index.ts'
import { decodeLogRow, encodeLogRow, type LogRow } from './log-format.ts'

const bytesPerRead = 4_000_000

/**
 * The rows of the log, and up to where they are needed: what is *sealed* a start needs no more, what is *released* no consumer does, what is
 * *held* a follower may; what nobody needs is trimmed.
 */
export class LogTable {
  readonly #statements: StatementCache
  #position: number
  #sealed: number
  #released: number
  #trimmed: number
  /** What a follower may still need lies behind it; undefined where nobody follows. */
  #held: number | undefined
  #bytes: number
  #unsealedBytes = 0

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
    const marks = new Map(
      this.#statements
        .get('SELECT name, position FROM mark')
        .all()
        .map((row) => [row['name'], Number(row['position'])]),
    )
    this.#sealed = marks.get('sealed') ?? 0
    this.#released = marks.get('released') ?? 0
    this.#held = marks.get('held')
    this.#trimmed =
      Number(this.#statements.get('SELECT min(position) AS first FROM log').get()?.['first'] ?? this.#sealed + 1) - 1
    this.#position = this.#sealed
    const kept = this.#statements.get('SELECT sum(length(body)) AS bytes FROM log WHERE position <= $sealed')
    this.#bytes = Number(kept.get({ sealed: this.#sealed })?.['bytes'] ?? 0)
  }

  /** Hands over what is not sealed, in order, and ends at the newest row. Called once. */
  replay(apply: (row: LogRow) => void): void {
    const rows = this.#statements.get('SELECT position, body FROM log WHERE position > $sealed ORDER BY position')
    for (const row of rows.iterate({ sealed: this.#sealed })) {
      const body = row['body'] as Uint8Array
      apply(decodeLogRow(body))
      this.appended(Number(row['position']), body.length)
    }
  }

  /** The position of the newest row. */
  get position(): number {
    return this.#position
  }

  /** How much would be replayed after a crash. */
  get unsealedBytes(): number {
    return this.#unsealedBytes
  }

  facts() {
    return {
      position: this.#position,
      sealed: this.#sealed,
      released: this.#released,
      logBytes: this.#bytes,
    }
  }

  /** Writes a row behind the newest one; called in a transaction, after whose commit `appended` is called. @returns it as it is stored */
  append(position: number, row: LogRow): Uint8Array {
    const body = encodeLogRow(row)
    this.appendStored(position, body)
    return body
  }

  appendStored(position: number, body: Uint8Array): void {
    this.#statements.get('INSERT INTO log (position, body) VALUES ($position, $body)').run({ position, body })
  }

  /** A row as it is stored; undefined where it is not kept. */
  stored(position: number): Uint8Array | undefined {
    // The column is a BLOB that is never null.
    return this.#statements.get('SELECT body FROM log WHERE position = $position').get({ position })?.['body'] as
      | Uint8Array
      | undefined
  }

  /** Keeps what lies behind a position for a follower, or with undefined for none; called in a transaction. @returns what is to be called after its commit */
  hold(behind: number | undefined): () => void {
    if (behind === undefined) this.#statements.get("DELETE FROM mark WHERE name = 'held'").run()
    else this.#mark('held', behind)
    return () => void (this.#held = behind)
  }

  /** @param newest position @param bytes of all that were appended */
  appended(newest: number, bytes: number): void {
    this.#position = newest
    this.#bytes += bytes
    this.#unsealedBytes += bytes
  }

  /** Rows after a position; at most as many as fit in a few megabytes, but one at least. */
  *read(after: number, limit: number): Iterable<{ readonly position: number; readonly row: LogRow }> {
    let bytes = 0
    const rows = this.#statements.get(
      'SELECT position, body FROM log WHERE position > $after ORDER BY position LIMIT $limit',
    )
    for (const row of rows.iterate({ after, limit })) {
      const body = row['body'] as Uint8Array
      const isFirst = bytes === 0
      bytes += body.length
      if (bytes > bytesPerRead && !isFirst) return
      yield { position: Number(row['position']), row: decodeLogRow(body) }
    }
  }

  release(upTo: number): void {
    this.#released = Math.max(this.#released, Math.min(upTo, this.#position))
  }

  /** From now on a start begins here; called in a transaction. @param bytes of what is sealed by it @returns what is to be called after its commit */
  seal(upTo: number, bytes: number): () => void {
    this.#mark('sealed', upTo)
    return () => {
      this.#sealed = upTo
      this.#unsealedBytes -= bytes
    }
  }

  /** Deletes some rows that nobody needs. @returns after the commit: whether there are more */
  trimSome(limit: number): () => boolean {
    const needless = Math.min(this.#sealed, this.#released, this.#held ?? Infinity)
    const upTo = Math.min(needless, this.#trimmed + limit)
    if (upTo <= this.#trimmed) return () => false
    const { bytes } = this.#statements
      .get('SELECT sum(length(body)) AS bytes FROM log WHERE position <= $upTo')
      .get({ upTo })! as { bytes: number | null }
    this.#statements.get('DELETE FROM log WHERE position <= $upTo').run({ upTo })
    this.#mark('released', this.#released)
    return () => {
      this.#trimmed = upTo
      this.#bytes = Math.max(0, this.#bytes - (bytes ?? 0))
      return upTo < needless
    }
  }

  #mark(name: string, position: number): void {
    this.#statements
      .get('INSERT INTO mark VALUES ($name, $position) ON CONFLICT (name) DO UPDATE SET position = excluded.position')
      .run({ name, position })
  }
}
