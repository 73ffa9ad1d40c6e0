import type { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from './statement.ts'

/**
 * Rows of one table on their way to another server.
 *
 *   version (1 byte) · length of the head (4 bytes) · head as JSON · BLOBs, one after the other
 *
 * In the head a BLOB stands as its length.
 */
const version = 1

interface Head {
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null | { readonly blob: number })[])[]
}

/**
 * Reads rows behind a rowid, in its order: at most as many as fit in `bytes`, one at least; undefined where there is none.
 * The tables must have rowids that never change, as those with an INTEGER PRIMARY KEY.
 */
export function readRows(
  db: DatabaseSync,
  table: string,
  after: number,
  upTo: number,
  bytes: number,
): { readonly body: Uint8Array; readonly last: number } | undefined {
  const columns = db
    .prepare('SELECT name FROM pragma_table_info($table)')
    .all({ table })
    .map((row) => String(row['name']))
  const rows: Head['rows'][number][] = []
  const blobs: Uint8Array[] = []
  let size = 0
  let last = after
  const found = db.prepare(
    `SELECT rowid AS "rowid of the row", ${columns.join(', ')} FROM ${table} WHERE rowid > $after AND rowid <= $upTo ORDER BY rowid`,
  )
  for (const row of found.iterate({ after, upTo })) {
    const values = columns.map((name) => {
      const value = row[name]!
      if (value instanceof Uint8Array) {
        blobs.push(value)
        size += value.length
        return { blob: value.length }
      }
      size += typeof value === 'string' ? value.length : 8
      // Integers of the history are below 2^53, or reading them as numbers would have thrown.
      return value as string | number | null
    })
    rows.push(values)
    last = Number(row['rowid of the row'])
    if (size >= bytes) break
  }
  if (rows.length === 0) return undefined
  const json = Buffer.from(JSON.stringify({ table, columns, rows } satisfies Head))
  const lead = Buffer.alloc(5)
  lead[0] = version
  lead.writeUInt32BE(json.length, 1)
  return { body: Buffer.concat([lead, json, ...blobs]), last }
}

/**
 * Writes rows in place of those with the same key; called in a transaction.
 * @param tables those that may be written @throws RangeError where it is no such chunk
 */
export function writeRows(db: DatabaseSync, body: Uint8Array, tables: readonly string[]): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  if (bytes[0] !== version) throw new RangeError(`a chunk of rows has version ${bytes[0]}, which cannot be read`)
  const length = bytes.readUInt32BE(1)
  // Written by `readRows`.
  const { table, columns, rows } = JSON.parse(bytes.toString('utf8', 5, 5 + length)) as Head
  if (!tables.includes(table)) throw new RangeError(`a chunk has rows of ${table}, which is not copied`)
  const known = db
    .prepare('SELECT name FROM pragma_table_info($table)')
    .all({ table })
    .map((row) => String(row['name']))
  const wrong = columns.find((name) => !known.includes(name))
  if (wrong !== undefined) throw new RangeError(`${table} has no column ${wrong} here`)
  const insert = db.prepare(
    `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((name) => `$${name}`).join(', ')})`,
  )
  let at = 5 + length
  for (const row of rows) {
    const params: Record<string, SqlValue> = {}
    row.forEach((value, i) => {
      params[columns[i]!] = typeof value === 'object' && value !== null ? bytes.subarray(at, (at += value.blob)) : value
    })
    insert.run(params)
  }
}
