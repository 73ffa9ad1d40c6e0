import { ByteReader, ByteWriter, packIntegers, packNumbers, unpackIntegers, unpackNumbers } from '../base/index.ts'
import type { Points } from './points.ts'

/**
 * The samples of one series in one hour or one day, as stored. Times are kept relative to the chunk's beginning. On the grid of
 * slots they are one run (first, step, count) whatever their number; a gap begins another run; times off any grid are packed as a column.
 */
const format = 1
const timesAsRuns = 0
const timesAsColumn = 1

export function encodeChunk(start: number, points: Points): Uint8Array {
  const out = new ByteWriter(32 + points.times.length)
  out.byte(format)
  out.varint(points.times.length)
  encodeTimes(out, start, points.times)
  packNumbers(out, points.values)
  return out.done()
}

/** @throws RangeError where the bytes are not such a chunk */
export function decodeChunk(start: number, bytes: Uint8Array): Points {
  const from = new ByteReader(bytes)
  const found = from.byte()
  if (found !== format) throw new RangeError(`a chunk of format ${found} cannot be read`)
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
