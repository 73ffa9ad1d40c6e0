import { deflateRawSync, inflateRawSync } from 'node:zlib'
import {
  ByteReader,
  ByteWriter,
  packIntegers,
  packNumbers,
  unpackIntegers,
  unpackNumbers,
  type Packing,
} from '../base/index.ts'
import type { Points } from './points.ts'

/**
 * The samples of one series in one hour or one day, as stored. Times are kept relative to the chunk's beginning. On the grid of
 * slots they are one run (first, step, count) whatever their number; a gap begins another run; times off any grid are packed as a column.
 */
const packed = 1
const deflated = 2
const timesAsRuns = 0
const timesAsColumn = 1

export function encodeChunk(start: number, points: Points): Uint8Array {
  return encode(start, points, 'usual')
}

function encode(start: number, points: Points, packing: Packing): Uint8Array {
  const out = new ByteWriter(32 + points.times.length)
  out.byte(packed)
  out.varint(points.times.length)
  encodeTimes(out, start, points.times)
  packNumbers(out, points.values, packing)
  return out.done()
}

/** Below this there is nothing to gain: a constant is a dozen bytes. */
const worthDeflating = 64

/**
 * The same for a chunk that is seldom written and kept for long: deflated where that makes it smaller. Packed bits are as small as the
 * range of a block allows; deflate finds what they cannot say, that values repeat or lie on a coarse grid. Bytes a sample of a day of
 * minutes, before → after, and what deflating costs for each (measured; level 6 saves at most another 4 % of the size before and takes up
 * to nine times as long):
 *
 *   constants, counters, three-decimal noise      0.01, 1.26, 2.14 → the same    0.01 to 0.09 us
 *   a level that walks by tenths                  0.51 → 0.48                    0.02 us
 *   bytes in pages of 4 KiB                       2.27 → 1.26                    0.04 us
 *   0 or 1, rarely 0                              0.13 → 0.06                    0.01 us
 *   three values                                  0.76 → 0.32                    0.03 us
 *   thirds, which are no short decimals           6.10 → 2.15                    0.06 us
 *
 * Inflating takes 0.002 to 0.02 us a sample. Three-decimal noise takes 2.09 where its values are digits of their range: that is the second
 * thing tried, and the smaller one is kept. Deflating that as well would gain nothing, since groups of digits hide what repeats.
 */
export function encodeLastingChunk(start: number, points: Points): Uint8Array {
  const plain = encodeChunk(start, points)
  if (plain.length < worthDeflating) return plain
  const dense = encode(start, points, 'dense')
  const smaller = dense.length < plain.length ? dense : plain
  const body = deflateRawSync(plain.subarray(1), { level: 1 })
  if (body.length + 1 >= smaller.length) return smaller
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = deflated
  bytes.set(body, 1)
  return bytes
}

/** Reads a chunk of either kind. @throws Error where the bytes are not such a chunk */
export function decodeChunk(start: number, bytes: Uint8Array): Points {
  const found = bytes[0]
  if (found !== packed && found !== deflated) throw new RangeError(`a chunk of format ${found} cannot be read`)
  const from = new ByteReader(found === deflated ? inflateRawSync(bytes.subarray(1)) : bytes.subarray(1))
  const count = from.varint()
  return { times: decodeTimes(from, start, count), values: unpackNumbers(from, count) }
}

function encodeTimes(out: ByteWriter, start: number, times: Float64Array): void {
  const runs: { first: number; step: number; count: number }[] = []
  for (let i = 0; i < times.length;) {
    const first = times[i]!
    const step = i + 1 < times.length ? times[i + 1]! - first : 0
    let count = 1
    while (i + count < times.length && times[i + count]! - times[i + count - 1]! === step) count++
    runs.push({ first, step, count })
    i += count
  }
  if (runs.length > 4 && runs.length * 6 > times.length) {
    out.byte(timesAsColumn)
    packIntegers(
      out,
      times.map((time) => time - start),
    )
    return
  }
  out.byte(timesAsRuns)
  out.varint(runs.length)
  let last = start
  for (const { first, step, count } of runs) {
    out.signed(first - last)
    out.varint(count)
    if (count > 1) out.varint(step)
    last = first + step * (count - 1)
  }
}

function decodeTimes(from: ByteReader, start: number, count: number): Float64Array<ArrayBuffer> {
  const layout = from.byte()
  if (layout === timesAsColumn) {
    const times = unpackIntegers(from, count)
    for (let i = 0; i < count; i++) times[i] = times[i]! + start
    return times
  }
  if (layout !== timesAsRuns) throw new RangeError(`${layout} is no layout of times`)
  const times = new Float64Array(count)
  let filled = 0
  let last = start
  for (let runs = from.varint(); runs > 0; runs--) {
    const first = last + from.signed()
    const length = from.varint()
    const step = length > 1 ? from.varint() : 0
    for (let i = 0; i < length; i++) times[filled++] = first + step * i
    last = first + step * (length - 1)
  }
  return times
}
