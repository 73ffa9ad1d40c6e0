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
  let before = nothing
  let next = 0
  for (const { place, body } of entries) {
    if (place < next) throw new RangeError('the places of a bundle do not ascend')
    out.varint(place - next)
    next = place + 1
    const shared = alike(before, body)
    out.varint(shared)
    out.varint(body.length - shared)
    out.raw(body.subarray(shared))
    before = body
  }
  return out.done()
}

/**
 * What lies in a bundle, ascending, up to a place and no further, so that what is behind need not be read.
 * @throws RangeError where the bytes are no bundle, or not all of one
 */
export function decodeBundle(bytes: Uint8Array, upTo = Infinity): readonly Bundled[] {
  const from = new ByteReader(bytes)
  const found = from.byte()
  if (found !== version) throw new RangeError(`a bundle of version ${found} cannot be read`)
  const entries: Bundled[] = []
  let before = nothing
  let next = 0
  for (let left = from.varint(); left > 0; left--) {
    const place = next + from.varint()
    if (place > upTo) return entries
    const shared = from.varint()
    if (shared > before.length) throw new RangeError('a bundle refers to more than there is')
    const rest = from.raw(from.varint())
    const body = new Uint8Array(shared + rest.length)
    body.set(before.subarray(0, shared))
    body.set(rest, shared)
    entries.push({ place, body })
    before = body
    next = place + 1
  }
  if (from.left > 0) throw new RangeError('a bundle has bytes behind its end')
  return entries
}

const nothing = new Uint8Array()

function alike(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a[length] === b[length]) length++
  return length
}
