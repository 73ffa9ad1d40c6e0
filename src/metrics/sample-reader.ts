import type { DatabaseSync } from 'node:sqlite'
import { StatementCache, type BundleTable } from '../platform/index.ts'
import type { Aggregation } from './aggregation.ts'
import { decodeChunk } from './chunk.ts'
import { concatenated, merge, merged, noPoints, within, type Points } from './points.ts'
import { decodeRollup, rollupWithin, type Rollup } from './rollup.ts'
import { chunkId, chunkStart, dayMs, fiveMinuteDays, fiveMinutesMs, hourMs, hoursRowMs, sampleDays } from './schema.ts'

export interface SampleQuery {
  /** Epoch milliseconds, `from` ≤ time < `to`. With a `step` both are widened to whole steps. */
  readonly from: number
  readonly to: number
  /**
   * Size of a bucket in milliseconds. Buckets lie at multiples of it since 1970; those longer than a day begin with the day of `from`.
   * Absent: every sample, as far back as samples are kept, and beyond that the finest roll-up.
   */
  readonly step?: number
  readonly agg: Aggregation
}

/**
 * An answer in columns. A bucket without a sample is not there: a gap stays a gap.
 * `minima` and `maxima` are the band of the samples in each bucket, for `rate` that of the rates from one sample to the next; they are
 * there exactly with `step`.
 */
export interface QueriedPoints extends Points {
  readonly minima?: Float64Array<ArrayBuffer>
  readonly maxima?: Float64Array<ArrayBuffer>
}

/**
 * The reading half of the metrics, over any connection to the file. What the head holds is handed in as `recent`, taken from the
 * writing half *before* the question is asked here: a sample that is sealed in between is then seen twice, which does no harm, and
 * never missed.
 */
export class SampleReader {
  readonly #statements: StatementCache
  readonly #sampleDays: BundleTable
  readonly #fiveMinuteDays: BundleTable
  readonly #emptied = new Set<string>()

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
    this.#sampleDays = sampleDays(this.#statements)
    this.#fiveMinuteDays = fiveMinuteDays(this.#statements)
  }

  query(series: number, query: SampleQuery, recent: Points): QueriedPoints {
    return query.step === undefined
      ? this.#every(series, query, recent)
      : this.#buckets(series, query.from, query.to, query.step, query.agg, recent)
  }

  /** Every sample there is. */
  samples(series: number, from: number, to: number, recent: Points): Points {
    let points = noPoints
    // In the order in which samples move, so that none is missed that is moved meanwhile.
    const hours = this.#hours(series, from, to).map(({ id, body }) => decodeChunk(chunkStart(id, hourMs), body))
    for (const { start, body } of this.#days('sample_day', series, from, to))
      points = merge(points, decodeChunk(start, body))
    return within(merged([points, ...hours, recent]), from, to)
  }

  #every(series: number, { from, to, agg }: SampleQuery, recent: Points): QueriedPoints {
    const days = this.#read(series, from, to, 0, recent)
    const parts: Points[] = []
    let last: { time: number; value: number } | undefined
    for (const day of days) {
      if (day.points !== undefined) {
        const { times, values } = day.points
        parts.push(agg === 'rate' ? ratesOf(day.points, from, to, last) : counted(agg, within(day.points, from, to)))
        if (times.length > 0) last = { time: times.at(-1)!, value: values.at(-1)! }
        continue
      }
      const times: number[] = []
      const values: number[] = []
      for (let i = 0; i < day.rollup.starts.length; i++) {
        const start = day.rollup.starts[i]!
        const end = start + day.sizeMs
        const value = day.rollup.lasts[i]!
        const bucket = new Bucket()
        bucket.addRollup(day.rollup, i)
        if (last !== undefined) bucket.grow(growth(last.value, value), end - last.time)
        if (start >= from && start < to) {
          const answer = bucket.answer(agg)
          if (answer !== undefined) {
            times.push(start)
            values.push(answer)
          }
        }
        last = { time: end, value }
      }
      parts.push({ times: Float64Array.from(times), values: Float64Array.from(values) })
    }
    return concatenated(parts)
  }

  #buckets(
    series: number,
    askedFrom: number,
    askedTo: number,
    step: number,
    agg: Aggregation,
    recent: Points,
  ): QueriedPoints {
    const base = Math.min(step, dayMs)
    const from = Math.floor(askedFrom / base) * base
    const to = from + Math.ceil((askedTo - from) / step) * step
    // Growth is exact from samples only: between the ends of two hours a counter may have begun anew.
    const coarsest = agg === 'rate' ? 0 : step % hourMs === 0 && from % hourMs === 0 ? hourMs : 0
    const lead = agg === 'rate' ? Math.min(step, dayMs) : 0
    const filling = new Buckets(from, to, step, agg)
    for (const day of this.#read(series, Math.max(0, from - lead), to, coarsest, recent)) {
      if (day.points !== undefined) filling.addPoints(day.points)
      else filling.addRollup(day.rollup, day.sizeMs)
    }
    return filling.answer()
  }

  /**
   * The days of a range, ascending, each in the cheapest form that will do. A day that has samples outside of its one chunk, in the
   * head or in chunks of an hour, has no roll-up that holds them, and is read in full.
   */
  #read(series: number, from: number, to: number, coarsestMs: number, recent: Points): readonly Day[] {
    const days = new Map<number, Day>()
    const begins = Math.floor(from / dayMs) * dayMs
    const loose = byDay([
      ...this.#hours(series, begins, to).map(({ id, body }) => decodeChunk(chunkStart(id, hourMs), body)),
      within(recent, begins, to),
    ])
    if (coarsestMs >= hourMs) {
      for (const { start, rollup } of this.#hoursByDay(series, from, to))
        if (!loose.has(start)) days.set(start, { start, rollup, sizeMs: hourMs })
    }
    const isKnown = (start: number) => days.get(start)?.rollup !== undefined
    for (const { start, body } of this.#daysUnless(isKnown, 'sample_day', series, from, to)) {
      const before = days.get(start)?.points ?? loose.get(start) ?? noPoints
      days.set(start, { start, points: merge(decodeChunk(start, body), before) })
    }
    for (const [start, points] of loose) if (!days.has(start)) days.set(start, { start, points })
    for (const { start, body } of this.#daysUnless((each) => days.has(each), 'rollup_5m', series, from, to))
      days.set(start, { start, rollup: decodeRollup(start, fiveMinutesMs, body), sizeMs: fiveMinutesMs })
    if (coarsestMs < hourMs && !isEveryDayIn(days, from, to)) {
      for (const { start, rollup } of this.#hoursByDay(series, from, to))
        if (!days.has(start)) days.set(start, { start, rollup, sizeMs: hourMs })
    }
    return [...days.values()].sort((a, b) => a.start - b.start)
  }

  #hours(series: number, from: number, to: number): readonly Chunk[] {
    return this.#range('sample_hour', chunkId(series, from, hourMs), chunkId(series, to - 1, hourMs))
  }

  /**
   * Days of a range with their bodies; each at most twice, first from where versions before kept it. The hours of a day are asked for before, since what is
   * moved meanwhile moves from there to here, and from the old table to the new.
   */
  #days(table: DayTable, series: number, from: number, to: number): readonly DayOf[] {
    const days = table === 'sample_day' ? this.#sampleDays : this.#fiveMinuteDays
    const old = this.#oldRange(table, chunkId(series, from, dayMs), chunkId(series, to - 1, dayMs))
    return [
      ...old.map(({ id, body }) => ({ start: chunkStart(id, dayMs), body })),
      ...days
        .read(series, Math.floor(from / dayMs), Math.floor((to - 1) / dayMs))
        .map(({ day, body }) => ({ start: day * dayMs, body })),
    ]
  }

  /** The same without reading where every day of the range is known. */
  #daysUnless(
    isKnown: (start: number) => boolean,
    table: DayTable,
    series: number,
    from: number,
    to: number,
  ): readonly DayOf[] {
    let first: number | undefined
    let last = 0
    for (let start = Math.floor(from / dayMs) * dayMs; start < to; start += dayMs) {
      if (isKnown(start)) continue
      first ??= start
      last = start
    }
    if (first === undefined) return []
    return this.#days(table, series, first, last + dayMs).filter(({ start }) => !isKnown(start))
  }

  /** Roll-ups by the hour, of each day that has one. */
  #hoursByDay(series: number, from: number, to: number): readonly { start: number; rollup: Rollup }[] {
    const found = new Map<number, Rollup>()
    for (const { id, body } of this.#oldRange(
      'rollup_1h',
      chunkId(series, from, dayMs),
      chunkId(series, to - 1, dayMs),
    ))
      found.set(chunkStart(id, dayMs), decodeRollup(chunkStart(id, dayMs), hourMs, body))
    const [low, high] = [chunkId(series, from, hoursRowMs), chunkId(series, to - 1, hoursRowMs)]
    for (const { id, body } of this.#range('rollup_1h_days', low, high)) {
      const begin = chunkStart(id, hoursRowMs)
      const row = decodeRollup(begin, hourMs, body)
      const end = Math.min(to, begin + hoursRowMs)
      for (let start = Math.max(begin, Math.floor(from / dayMs) * dayMs); start < end; start += dayMs) {
        const rollup = rollupWithin(row, start, start + dayMs)
        if (rollup.starts.length > 0) found.set(start, rollup)
      }
    }
    return Array.from(found, ([start, rollup]) => ({ start, rollup }))
  }

  /** The same of what an earlier version stored. Nothing is ever added to it: a table that is empty once is not asked again, which is a statement less of three. */
  #oldRange(table: DayTable | 'rollup_1h', low: number, high: number): readonly Chunk[] {
    if (this.#emptied.has(table)) return []
    const rows = this.#range(table, low, high)
    if (rows.length === 0 && this.#statements.get(`SELECT 1 FROM ${table} LIMIT 1`).get() === undefined)
      this.#emptied.add(table)
    return rows
  }

  #range(
    table: DayTable | 'sample_hour' | 'rollup_1h' | 'rollup_1h_days',
    low: number,
    high: number,
  ): readonly Chunk[] {
    const rows = this.#statements.get(`SELECT id, body FROM ${table} WHERE id >= $low AND id <= $high ORDER BY id`)
    return rows.all({ low, high }) as unknown as readonly Chunk[]
  }
}

type DayTable = 'sample_day' | 'rollup_5m'

interface DayOf {
  readonly start: number
  readonly body: Uint8Array
}

interface Chunk {
  readonly id: number
  readonly body: Uint8Array
}

type Day =
  | { readonly start: number; readonly points: Points; readonly rollup?: undefined }
  | { readonly start: number; readonly points?: undefined; readonly rollup: Rollup; readonly sizeMs: number }

function isEveryDayIn(days: ReadonlyMap<number, Day>, from: number, to: number): boolean {
  for (let start = Math.floor(from / dayMs) * dayMs; start < to; start += dayMs) if (!days.has(start)) return false
  return true
}

/** By the day's beginning. */
function byDay(parts: readonly Points[]): Map<number, Points> {
  const days = new Map<number, Points[]>()
  for (const points of parts) {
    for (let i = 0; i < points.times.length;) {
      const start = Math.floor(points.times[i]! / dayMs) * dayMs
      const part = within(points, start, start + dayMs)
      const day = days.get(start)
      if (day === undefined) days.set(start, [part])
      else day.push(part)
      i += part.times.length
    }
  }
  return new Map(Array.from(days, ([start, all]) => [start, merged(all)]))
}

/** How many samples each is, where that is asked for. */
function counted(agg: Aggregation, points: Points): Points {
  return agg === 'count' ? { times: points.times, values: new Float64Array(points.times.length).fill(1) } : points
}

/** Growth for each second from one sample to the next, at the later one. @param last what came before the first */
function ratesOf(
  { times, values }: Points,
  from: number,
  to: number,
  last: { readonly time: number; readonly value: number } | undefined,
): Points {
  const at: number[] = []
  const rates: number[] = []
  let before = last
  for (let i = 0; i < times.length; i++) {
    const time = times[i]!
    const value = values[i]!
    if (time >= from && time < to && before !== undefined) {
      at.push(time)
      rates.push(growth(before.value, value) / ((time - before.time) / 1_000))
    }
    before = { time, value }
  }
  return { times: Float64Array.from(at), values: Float64Array.from(rates) }
}

/** How much a counter grew between two readings; a smaller one means that it began anew at zero. */
function growth(before: number, after: number): number {
  return after >= before ? after - before : after
}

type Column = Float64Array<ArrayBuffer>

/** Puts what comes in the order of time into buckets of one size. */
class Buckets {
  readonly #buckets: Bucket[] = []
  /** When each begins. */
  readonly #starts: number[] = []
  readonly #agg: Aggregation
  readonly #from: number
  readonly #to: number
  readonly #step: number
  readonly #isRate: boolean
  // Where the bucket that is being filled ends: a division for each of a month of samples was a fifth of the work.
  #end = -Infinity
  /** For rates: what came last, and when; NaN before anything did. */
  #lastValue = NaN
  #lastAt = NaN

  constructor(from: number, to: number, step: number, agg: Aggregation) {
    this.#from = from
    this.#to = to
    this.#step = step
    this.#agg = agg
    this.#isRate = agg === 'rate'
  }

  /** Of the buckets that something was put into. */
  answer(): QueriedPoints {
    const most = this.#buckets.length
    const columns = Array.from({ length: 4 }, () => new Float64Array(most))
    const [times, values, minima, maxima] = columns as [Column, Column, Column, Column]
    let count = 0
    this.#buckets.forEach((bucket, i) => {
      const value = bucket.answer(this.#agg)
      if (value === undefined) return
      times[count] = this.#starts[i]!
      values[count] = value
      minima[count] = this.#isRate ? bucket.slowest : bucket.min
      maxima[count] = this.#isRate ? bucket.fastest : bucket.max
      count++
    })
    if (count === most) return { times, values, minima, maxima }
    const [at, value, min, max] = columns.map((column) => column.slice(0, count)) as [Column, Column, Column, Column]
    return { times: at, values: value, minima: min, maxima: max }
  }

  addPoints({ times, values }: Points): void {
    for (let i = 0; i < times.length; i++) {
      const at = times[i]!
      const value = values[i]!
      const bucket = this.#at(at)
      bucket?.add(value)
      if (this.#isRate) this.#grow(bucket, value, at)
    }
  }

  addRollup(rollup: Rollup, sizeMs: number): void {
    const { starts, lasts } = rollup
    for (let i = 0; i < starts.length; i++) {
      const bucket = this.#at(starts[i]!)
      bucket?.addRollup(rollup, i)
      if (this.#isRate) this.#grow(bucket, lasts[i]!, starts[i]! + sizeMs)
    }
  }

  #at(time: number): Bucket | undefined {
    if (time < this.#end) return this.#buckets.at(-1)
    if (time < this.#from || time >= this.#to) return undefined
    const start = this.#from + Math.floor((time - this.#from) / this.#step) * this.#step
    const bucket = new Bucket()
    this.#buckets.push(bucket)
    this.#starts.push(start)
    this.#end = start + this.#step
    return bucket
  }

  #grow(bucket: Bucket | undefined, value: number, at: number): void {
    if (bucket !== undefined && !Number.isNaN(this.#lastAt))
      bucket.grow(growth(this.#lastValue, value), at - this.#lastAt)
    this.#lastAt = at
    this.#lastValue = value
  }
}

class Bucket {
  count = 0
  min = Infinity
  max = -Infinity
  /** Of the rates from one sample to the next. */
  slowest = Infinity
  fastest = -Infinity
  #sum = 0
  #last = 0
  #grown = 0
  #grownMs = 0

  add(value: number): void {
    this.count++
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    this.#sum += value
    this.#last = value
  }

  addRollup({ counts, minima, maxima, sums, lasts }: Rollup, i: number): void {
    this.count += counts[i]!
    this.min = Math.min(this.min, minima[i]!)
    this.max = Math.max(this.max, maxima[i]!)
    this.#sum += sums[i]!
    this.#last = lasts[i]!
  }

  /** @param grown since what came before, which may lie in the bucket before */
  grow(grown: number, ms: number): void {
    this.#grown += grown
    this.#grownMs += ms
    const rate = grown / (ms / 1_000)
    if (rate < this.slowest) this.slowest = rate
    if (rate > this.fastest) this.fastest = rate
  }

  /** Undefined where one reading alone says nothing about a rate. */
  answer(agg: Aggregation): number | undefined {
    switch (agg) {
      case 'avg':
        return this.#sum / this.count
      case 'min':
        return this.min
      case 'max':
        return this.max
      case 'sum':
        return this.#sum
      case 'count':
        return this.count
      case 'last':
        return this.#last
      case 'rate':
        return this.#grownMs > 0 ? this.#grown / (this.#grownMs / 1_000) : undefined
    }
  }
}
