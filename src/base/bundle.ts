import { ByteReader, ByteWriter } from './bytes.ts'

/**
 * Several bodies in one: what a table would keep in a row for each is one long row, which leaves less of a page empty and needs one key.
 *
 *   version · count · for each: how far behind the one before (the first: its place) · bytes it begins with alike · bytes of the rest · the rest
 *
 * Bodies of one origin begin alike, and constants are alike to their end, so each is kept without what it shares with the one before.
 */
const version = 1

export interface Bundled {
  /** A whole number that is its own in the bundle. */
  readonly place: number
  readonly body: Uint8Array
}

/** @param entries by place, ascending */
export function encodeBundle(entries: readonly Bundled[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(16 + entries.reduce((sum, { body }) => sum + body.length + 8, 0))
  out.byte(version)
  out.varint(entries.length)
  let before: Uint8Array = nothing
  let next = 0
  for (const { place, body } of entries) {
    if (place < next) throw new RangeError('the places of a bundle do not ascend')
    writeBehind(out, before, place - next, body)
    next = place + 1
    before = body
  }
  return out.done()
}

/**
 * What lies in a bundle from one place to another, ascending; what is behind is not read.
 * @throws RangeError where the bytes are no bundle, or not all of one
 */
export function decodeBundle(bytes: Uint8Array, first = 0, last = Infinity): readonly Bundled[] {
  const entries: Bundled[] = []
  for (const { place, body } of bodiesOf(bytes)) {
    if (place > last) break
    if (place >= first) entries.push({ place, body: body.slice() })
  }
  return entries
}

/** The same bundle with one body more, which lies behind all others; undefined where it does not, or the bundle is full. */
export function appendToBundle(bytes: Uint8Array, { place, body }: Bundled): Uint8Array<ArrayBuffer> | undefined {
  let count = 0
  let next = 0
  let before: Uint8Array = nothing
  for (const each of bodiesOf(bytes)) {
    count++
    next = each.place + 1
    before = each.body
  }
  // The count stays one byte.
  if (place < next || count >= 127) return undefined
  const out = new ByteWriter(bytes.length + body.length + 16)
  out.byte(version)
  out.varint(count + 1)
  out.raw(bytes.subarray(2))
  writeBehind(out, before, place - next, body)
  return out.done()
}

function writeBehind(out: ByteWriter, before: Uint8Array, distance: number, body: Uint8Array): void {
  out.varint(distance)
  const shared = alike(before, body)
  out.varint(shared)
  out.varint(body.length - shared)
  out.raw(body.subarray(shared))
}

/** Each body stands in a buffer that the next one takes over. */
function* bodiesOf(bytes: Uint8Array): Iterable<Bundled> {
  const from = new ByteReader(bytes)
  const found = from.byte()
  if (found !== version) throw new RangeError(`a bundle of version ${found} cannot be read`)
  // No body is longer than all of it together with what it shares with the one before, which is in it as well.
  const buffer = new Uint8Array(bytes.length)
  let length = 0
  let next = 0
  for (let left = from.varint(); left > 0; left--) {
    const place = next + from.varint()
    const shared = from.varint()
    if (shared > length) throw new RangeError('a bundle refers to more than there is')
    const rest = from.raw(from.varint())
    buffer.set(rest, shared)
    length = shared + rest.length
    yield { place, body: buffer.subarray(0, length) }
    next = place + 1
  }
  if (from.left > 0) throw new RangeError('a bundle has bytes behind its end')
}

const nothing = new Uint8Array()

function alike(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a[length] === b[length]) length++
  return length
}
