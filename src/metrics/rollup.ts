import { ByteReader, ByteWriter, packIntegers, packNumbers, unpackIntegers, unpackNumbers } from '../base/index.ts'
import type { Points } from './points.ts'

/** What many samples were, in columns with one row for each bucket of time that had any. Buckets ascend. */
export interface Rollup {
  /** When each bucket begins. */
  readonly starts: Float64Array<ArrayBuffer>
  readonly counts: Float64Array<ArrayBuffer>
  readonly minima: Float64Array<ArrayBuffer>
  readonly maxima: Float64Array<ArrayBuffer>
  readonly sums: Float64Array<ArrayBuffer>
  readonly lasts: Float64Array<ArrayBuffer>
}

/** Rolls samples up into buckets of one size. */
export function rollUp(points: Points, sizeMs: number): Rollup {
  const { times, values } = points
  const rows: number[][] = []
  let row: number[] | undefined
  for (let i = 0; i < times.length; i++) {
    const start = Math.floor(times[i]! / sizeMs) * sizeMs
    const value = values[i]!
    if (row === undefined || row[0] !== start) {
      row = [start, 1, value, value, value, value]
      rows.push(row)
      continue
    }
    row[1]!++
    if (value < row[2]!) row[2] = value
    if (value > row[3]!) row[3] = value
    row[4]! += value
    row[5] = value
  }
  const column = (index: number) => Float64Array.from(rows, (each) => each[index]!)
  return {
    starts: column(0),
    counts: column(1),
    minima: column(2),
    maxima: column(3),
    // A sum of decimals ends in noise of the last bit, which would take eight bytes to keep. Twelve digits are more than it is worth.
    sums: Float64Array.from(rows, (each) => rounded(each[4]!)),
    lasts: column(5),
  }
}

function rounded(sum: number): number {
  const near = Number(sum.toPrecision(12))
  return Number.isFinite(near) ? near : Math.sign(sum) * Number.MAX_VALUE
}

const format = 1

export function encodeRollup(start: number, sizeMs: number, rollup: Rollup): Uint8Array {
  const out = new ByteWriter(64)
  out.byte(format)
  out.varint(rollup.starts.length)
  packIntegers(
    out,
    rollup.starts.map((at) => (at - start) / sizeMs),
  )
  packIntegers(out, rollup.counts)
  packNumbers(out, rollup.minima)
  packNumbers(out, rollup.maxima)
  packNumbers(out, rollup.sums)
  packNumbers(out, rollup.lasts)
  return out.done()
}

export function decodeRollup(start: number, sizeMs: number, bytes: Uint8Array): Rollup {
  const from = new ByteReader(bytes)
  const found = from.byte()
  if (found !== format) throw new RangeError(`a roll-up of format ${found} cannot be read`)
  const count = from.varint()
  const starts = unpackIntegers(from, count)
  for (let i = 0; i < count; i++) starts[i] = starts[i]! * sizeMs + start
  return {
    starts,
    counts: unpackIntegers(from, count),
    minima: unpackNumbers(from, count),
    maxima: unpackNumbers(from, count),
    sums: unpackNumbers(from, count),
    lasts: unpackNumbers(from, count),
  }
}
