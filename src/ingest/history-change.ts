import type { Span } from './coverage.ts'
import type { SeriesChanges } from './sample-sink.ts'

/**
 * What one transaction of the history changed, as it is sent to a follower: rows of the log as they are stored, and what it changed of the books
 * that these refer to by number (tasks, series). Everything else follows from the log.
 *
 *   version (1 byte) · length of the head (4 bytes) · head as JSON · rows of the log
 *
 * The active server keeps only what stands before the rows; they are in its log.
 */
const version = 1

export interface BookChanges extends SeriesChanges {
  readonly tasks: readonly StagedTask[]
  readonly spans: readonly { readonly task: number; readonly connector: string; readonly spans: readonly Span[] }[]
  readonly goneTasks: readonly number[]
  readonly goneSeries: readonly number[]
}

/** A task of which something is known for the first time. */
export interface StagedTask {
  readonly number: number
  readonly id: string
  readonly connector: string
  readonly seenAt: number
}

export const noBookChanges: BookChanges = {
  tasks: [],
  spans: [],
  series: [],
  kinds: [],
  goneTasks: [],
  goneSeries: [],
}

interface Head {
  readonly books: Partial<BookChanges>
  /** The position of the first row in the log; absent without rows. */
  readonly first?: number
  readonly sizes: readonly number[]
}

export function encodeHistoryHead(books: BookChanges, first: number, rows: readonly Uint8Array[]): Uint8Array {
  const some = Object.entries(books).filter(([, list]) => list.length > 0)
  const head: Head = {
    books: Object.fromEntries(some),
    ...(rows.length === 0 ? {} : { first }),
    sizes: rows.map((row) => row.length),
  }
  const json = Buffer.from(JSON.stringify(head))
  const bytes = new Uint8Array(5 + json.length)
  bytes[0] = version
  new DataView(bytes.buffer).setUint32(1, json.length)
  bytes.set(json, 5)
  return bytes
}

/** @throws RangeError where it is no change of this version, SyntaxError where it is damaged */
export function decodeHistoryChange(body: Uint8Array): {
  readonly books: BookChanges
  readonly first: number | undefined
  /** How long each of the rows is; they follow the head. */
  readonly sizes: readonly number[]
  readonly rows: readonly Uint8Array[]
} {
  if (body[0] !== version) throw new RangeError(`a change of the history has version ${body[0]}, which cannot be read`)
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1)
  // Written by `encodeHistoryHead`; its checksum says so.
  const head = JSON.parse(Buffer.from(body.buffer, body.byteOffset + 5, length).toString()) as Head
  let at = 5 + length
  const rows = head.sizes.map((size) => {
    // Where the head stands alone there are none, and an offset beyond the end would be refused.
    const from = Math.min(at, body.length)
    at += size
    // Not `subarray`: of a Buffer it is one again, whose `slice` does not copy.
    return new Uint8Array(body.buffer, body.byteOffset + from, Math.min(size, body.length - from))
  })
  return { books: { ...noBookChanges, ...head.books }, first: head.first, sizes: head.sizes, rows }
}
