import { appendToBundle, decodeBundle, encodeBundle, type Bundled } from '../../base/index.ts'
import type { StatementCache } from './sqlite.ts'

/** How many places an owner has in all: the number of an owner times this is below 2^53 for any number of 32 bits. */
const placesPerOwner = 2 ** 20

/** The body of a day, which is counted since 1970. */
export interface DayBody {
  readonly day: number
  readonly body: Uint8Array
}

/**
 * Bodies by owner and day, many days to a row: a page of 4 KiB that holds one row of 3 KiB is a quarter empty, while a row of many pages fills all of them but
 * its last. Adding a day writes the row of its days again.
 *
 * The table is `(id INTEGER PRIMARY KEY, body BLOB NOT NULL)`; its id is owner · 2^20 + day / days of a row.
 */
export class BundleTable {
  readonly #statements: StatementCache
  readonly #table: string
  readonly #days: number

  /** @param daysPerRow part of the format of the table: it can never be changed */
  constructor(statements: StatementCache, table: string, daysPerRow: number) {
    this.#statements = statements
    this.#table = table
    this.#days = daysPerRow
  }

  /** Bodies of an owner with `from` ≤ day ≤ `to`, ascending. */
  read(owner: number, from: number, to: number): readonly DayBody[] {
    const rows = this.#statements.get(
      `SELECT id, body FROM ${this.#table} WHERE id >= $low AND id <= $high ORDER BY id`,
    )
    const found: DayBody[] = []
    for (const row of rows.all({ low: this.#id(owner, from), high: this.#id(owner, to) })) {
      const first = (Number(row['id']) % placesPerOwner) * this.#days
      // The table's only other column is a BLOB that is never null.
      for (const { place, body } of decodeBundle(row['body'] as Uint8Array, Math.max(0, from - first), to - first))
        found.push({ day: first + place, body })
    }
    return found
  }

  /** Adds bodies, each in the place of one of the same day. */
  write(owner: number, bodies: readonly DayBody[]): void {
    const byRow = new Map<number, DayBody[]>()
    for (const each of bodies) {
      const id = this.#id(owner, each.day)
      const list = byRow.get(id)
      if (list === undefined) byRow.set(id, [each])
      else list.push(each)
    }
    for (const [id, added] of byRow) {
      const first = (id % placesPerOwner) * this.#days
      const stored = this.#read(id)
      // One day more is what is written nearly always: nothing else is taken apart for it.
      const longer =
        stored === undefined || added.length > 1
          ? undefined
          : appendToBundle(stored, { place: added[0]!.day - first, body: added[0]!.body })
      if (longer !== undefined) {
        this.#write(id, longer)
        continue
      }
      const all = new Map(stored === undefined ? [] : decodeBundle(stored).map(({ place, body }) => [place, body]))
      for (const { day, body } of added) all.set(day - first, body)
      const entries = Array.from(all, ([place, body]) => ({ place, body }))
      this.#write(id, encodeBundle(entries.sort((a, b) => a.place - b.place)))
    }
  }

  /** Deletes what an owner has of the days before one. */
  deleteBefore(owner: number, day: number): void {
    const id = this.#id(owner, day)
    this.#statements
      .get(`DELETE FROM ${this.#table} WHERE id >= $low AND id < $high`)
      .run({ low: this.#id(owner, 0), high: id })
    const first = (id % placesPerOwner) * this.#days
    if (first === day) return
    const stored = this.#read(id)
    if (stored === undefined) return
    const all: readonly Bundled[] = decodeBundle(stored)
    const kept = all.filter(({ place }) => first + place >= day)
    if (kept.length === all.length) return
    if (kept.length > 0) this.#write(id, encodeBundle(kept))
    else this.#statements.get(`DELETE FROM ${this.#table} WHERE id = $id`).run({ id })
  }

  #id(owner: number, day: number): number {
    return owner * placesPerOwner + Math.floor(day / this.#days)
  }

  #read(id: number): Uint8Array | undefined {
    // The table's only other column is a BLOB that is never null.
    return this.#statements.get(`SELECT body FROM ${this.#table} WHERE id = $id`).get({ id })?.['body'] as
      | Uint8Array
      | undefined
  }

  #write(id: number, body: Uint8Array): void {
    this.#statements
      .get(`INSERT INTO ${this.#table} VALUES ($id, $body) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
      .run({ id, body })
  }
}
