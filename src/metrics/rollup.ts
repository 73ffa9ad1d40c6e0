import {
  ByteReader,
  ByteWriter,
  decimalScale,
  packIntegers,
  packNumbers,
  unpackIntegers,
  unpackNumbers,
} from '../base/index.ts'
import { firstAtOrAfter, noPoints, type Points } from './points.ts'

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

export const noHours: Rollup = rollUp(noPoints, 1)

const columns = ['starts', 'counts', 'minima', 'maxima', 'sums', 'lasts'] as const

/** Both together. A bucket that both have is the later given one's. */
export function mergeRollups(earlier: Rollup, later: Rollup): Rollup {
  if (earlier.starts.length === 0) return later
  if (later.starts.length === 0) return earlier
  if (earlier.starts.at(-1)! < later.starts[0]!)
    return byColumn((name) => {
      const column = new Float64Array(earlier.starts.length + later.starts.length)
      column.set(earlier[name])
      column.set(later[name], earlier.starts.length)
      return column
    })
  const rows = new Map<number, readonly [from: Rollup, index: number]>()
  for (const from of [earlier, later]) from.starts.forEach((start, i) => rows.set(start, [from, i]))
  const order = [...rows.keys()].sort((a, b) => a - b).map((start) => rows.get(start)!)
  return byColumn((name) => Float64Array.from(order, ([from, i]) => from[name][i]!))
}

/** The buckets that begin with `from` ≤ start < `to`. */
export function rollupWithin(rollup: Rollup, from: number, to: number): Rollup {
  const first = firstAtOrAfter(rollup.starts, from)
  const end = firstAtOrAfter(rollup.starts, to)
  return first === 0 && end === rollup.starts.length ? rollup : byColumn((name) => rollup[name].subarray(first, end))
}

function byColumn(of: (name: (typeof columns)[number]) => Float64Array<ArrayBuffer>): Rollup {
  const [starts, counts, minima, maxima, sums, lasts] = columns.map(of)
  return { starts: starts!, counts: counts!, minima: minima!, maxima: maxima!, sums: sums!, lasts: lasts! }
}

/**
 * The first byte of a stored roll-up.
 *
 * 1: minima, maxima, sums and lasts as columns of numbers.
 * 2: where all of them are short decimals: as whole numbers times one power of ten, each as it is or told by others, whichever is smaller.
 *    Of a counter the maximum of an hour is its last value, the minimum is a step above the last of the hour before, and the sum lies near
 *    the middle between both times their count.
 */
const asNumbers = 1
const asWholes = 2

// What is computed with whole numbers up to here is exact: sums of a few of them stay below 2^53.
const largestWhole = 2 ** 50

export function encodeRollup(start: number, sizeMs: number, rollup: Rollup): Uint8Array {
  const wholes = wholesOf(rollup)
  const out = new ByteWriter(64)
  out.byte(wholes === undefined ? asNumbers : asWholes)
  out.varint(rollup.starts.length)
  packIntegers(
    out,
    rollup.starts.map((at) => (at - start) / sizeMs),
  )
  packIntegers(out, rollup.counts)
  if (wholes === undefined) {
    packNumbers(out, rollup.minima)
    packNumbers(out, rollup.maxima)
    packNumbers(out, rollup.sums)
    packNumbers(out, rollup.lasts)
    return out.done()
  }
  out.byte(wholes.scale)
  packIntegers(out, wholes.lasts, 'dense')
  packSmaller(out, wholes.maxima, wholes.lasts)
  packSmaller(out, wholes.minima, shifted(wholes.lasts))
  packSmaller(out, wholes.sums, expectedSums(rollup.counts, wholes.minima, wholes.maxima))
  return out.done()
}

/** @throws RangeError where the bytes are no roll-up, or not all of one */
export function decodeRollup(start: number, sizeMs: number, bytes: Uint8Array): Rollup {
  const from = new ByteReader(bytes)
  const found = from.byte()
  if (found !== asNumbers && found !== asWholes) throw new RangeError(`a roll-up of format ${found} cannot be read`)
  const count = from.varint()
  const starts = unpackIntegers(from, count)
  for (let i = 0; i < count; i++) starts[i] = starts[i]! * sizeMs + start
  const counts = unpackIntegers(from, count)
  if (found === asNumbers) {
    return {
      starts,
      counts,
      minima: unpackNumbers(from, count),
      maxima: unpackNumbers(from, count),
      sums: unpackNumbers(from, count),
      lasts: unpackNumbers(from, count),
    }
  }
  const scale = from.byte()
  const power = 10 ** scale
  const lasts = unpackIntegers(from, count)
  const maxima = unpackEither(from, count, () => lasts)
  const minima = unpackEither(from, count, () => shifted(lasts))
  const sums = unpackEither(from, count, () => expectedSums(counts, minima, maxima))
  if (scale > 0)
    for (const column of [lasts, maxima, minima, sums]) for (let i = 0; i < count; i++) column[i] = column[i]! / power
  return { starts, counts, minima, maxima, sums, lasts }
}

type Wholes = Record<'minima' | 'maxima' | 'sums' | 'lasts', Float64Array<ArrayBuffer>> & { readonly scale: number }

/** Undefined where one is no decimal that is short enough. */
function wholesOf({ counts, minima, maxima, sums, lasts }: Rollup): Wholes | undefined {
  const scales = [minima, maxima, sums, lasts].map(decimalScale)
  if (scales.includes(undefined)) return undefined
  const scale = Math.max(...(scales as number[]))
  const power = 10 ** scale
  const fits = (values: Float64Array, factor: (i: number) => number) =>
    values.every((value, i) => Math.abs(value) * power * factor(i) <= largestWhole)
  const once = () => 1
  // Twice a minimum or a maximum for each sample is what the expected sum is made of.
  const asOften = (i: number) => 2 * counts[i]!
  if (!fits(sums, once) || !fits(lasts, once) || !fits(minima, asOften) || !fits(maxima, asOften)) return undefined
  const wholes = (values: Float64Array<ArrayBuffer>) => values.map((value) => Math.round(value * power) + 0)
  return { scale, minima: wholes(minima), maxima: wholes(maxima), sums: wholes(sums), lasts: wholes(lasts) }
}

/** Each one's neighbour before; the first has itself. */
function shifted(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  return values.map((value, i) => (i === 0 ? value : values[i - 1]!))
}

function expectedSums(counts: Float64Array, minima: Float64Array, maxima: Float64Array): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(counts.length)
  for (let i = 0; i < sums.length; i++) sums[i] = Math.floor((counts[i]! * (minima[i]! + maxima[i]!)) / 2)
  return sums
}

/** A column as it is (0), or what it differs from others by (1). */
function packSmaller(out: ByteWriter, values: Float64Array, others: Float64Array): void {
  const [plain, told] = [values, values.map((value, i) => value - others[i]!)].map((column) => {
    const packed = new ByteWriter(64)
    packIntegers(packed, column, 'dense')
    return packed.done()
  })
  const isTold = told!.length < plain!.length
  out.byte(isTold ? 1 : 0)
  out.raw(isTold ? told! : plain!)
}

function unpackEither(from: ByteReader, count: number, others: () => Float64Array): Float64Array<ArrayBuffer> {
  const kind = from.byte()
  if (kind > 1) throw new RangeError(`${kind} is no kind of a column of a roll-up`)
  const values = unpackIntegers(from, count)
  if (kind === 0) return values
  const by = others()
  for (let i = 0; i < count; i++) values[i] = values[i]! + by[i]!
  return values
}
