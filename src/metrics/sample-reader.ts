import type { DatabaseSync } from 'node:sqlite'
import { StatementCache, type BundleTable } from '../platform/index.ts'
import type { Aggregation } from './aggregation.ts'
import { decodeChunk } from './chunk.ts'
import { concatenated, merge, noPoints, within, type Points } from './points.ts'
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
    for (const each of hours) points = merge(points, each)
    return within(merge(points, recent), from, to)
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
        const bucket = new Bucket()
        if (last !== undefined) bucket.follow(last.value, last.time)
        bucket.addRollup(day.rollup, i, day.sizeMs)
        if (start >= from && start < to) {
          const value = bucket.answer(agg)
          if (value !== undefined) {
            times.push(start)
            values.push(value)
          }
        }
        last = { time: start + day.sizeMs, value: day.rollup.lasts[i]! }
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
    const buckets: Bucket[] = []
    const starts: number[] = []
    let current = -1
    let bucket: Bucket | undefined
    let last: { time: number; value: number } | undefined
    const at = (time: number): Bucket | undefined => {
      if (time < from || time >= to) return undefined
      const index = Math.floor((time - from) / step)
      if (index !== current) {
        current = index
        bucket = new Bucket()
        if (last !== undefined) bucket.follow(last.value, last.time)
        buckets.push(bucket)
        starts.push(from + index * step)
      }
      return bucket
    }
    for (const day of this.#read(series, Math.max(0, from - lead), to, coarsest, recent)) {
      if (day.points !== undefined) {
        const { times, values } = day.points
        for (let i = 0; i < times.length; i++) {
          at(times[i]!)?.add(values[i]!, times[i]!)
          last = { time: times[i]!, value: values[i]! }
        }
      } else {
        for (let i = 0; i < day.rollup.starts.length; i++) {
          at(day.rollup.starts[i]!)?.addRollup(day.rollup, i, day.sizeMs)
          last = { time: day.rollup.starts[i]! + day.sizeMs, value: day.rollup.lasts[i]! }
        }
      }
    }
    const answers = buckets.map((each) => each.answer(agg))
    const kept = [...answers.keys()].filter((i) => answers[i] !== undefined)
    return {
      times: Float64Array.from(kept, (i) => starts[i]!),
      values: Float64Array.from(kept, (i) => answers[i]!),
      minima: Float64Array.from(kept, (i) => (agg === 'rate' ? buckets[i]!.slowest : buckets[i]!.min)),
      maxima: Float64Array.from(kept, (i) => (agg === 'rate' ? buckets[i]!.fastest : buckets[i]!.max)),
    }
  }

  /**
   * The days of a range, ascending, each in the cheapest form that will do. A day that has samples outside of its one chunk, in the
   * head or in chunks of an hour, has no roll-up that holds them, and is read in full.
   */
  #read(series: number, from: number, to: number, coarsestMs: number, recent: Points): readonly Day[] {
    const days = new Map<number, Day>()
    const begins = Math.floor(from / dayMs) * dayMs
    const loose = new Map<number, Points>()
    for (const { id, body } of this.#hours(series, begins, to))
      addLoose(loose, decodeChunk(chunkStart(id, hourMs), body))
    addLoose(loose, within(recent, begins, to))
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
    const old = this.#range(table, chunkId(series, from, dayMs), chunkId(series, to - 1, dayMs))
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
    for (const { id, body } of this.#range('rollup_1h', chunkId(series, from, dayMs), chunkId(series, to - 1, dayMs)))
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

function addLoose(loose: Map<number, Points>, points: Points): void {
  for (let i = 0; i < points.times.length;) {
    const start = Math.floor(points.times[i]! / dayMs) * dayMs
    const part = within(points, start, start + dayMs)
    loose.set(start, merge(loose.get(start) ?? noPoints, part))
    i += part.times.length
  }
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

class Bucket {
  count = 0
  min = Infinity
  max = -Infinity
  /** Of the rates from one sample to the next. */
  slowest = Infinity
  fastest = -Infinity
  #sum = 0
  #last = 0
  #lastAt: number | undefined
  #grown = 0
  #grownMs = 0

  /** What came just before this bucket, so that the growth into it counts in it. */
  follow(value: number, at: number): void {
    this.#last = value
    this.#lastAt = at
  }

  add(value: number, at: number): void {
    this.count++
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    this.#sum += value
    this.#grow(value, at)
  }

  addRollup(rollup: Rollup, i: number, sizeMs: number): void {
    this.count += rollup.counts[i]!
    this.min = Math.min(this.min, rollup.minima[i]!)
    this.max = Math.max(this.max, rollup.maxima[i]!)
    this.#sum += rollup.sums[i]!
    this.#grow(rollup.lasts[i]!, rollup.starts[i]! + sizeMs)
  }

  #grow(value: number, at: number): void {
    if (this.#lastAt !== undefined) {
      const grown = growth(this.#last, value)
      const ms = at - this.#lastAt
      this.#grown += grown
      this.#grownMs += ms
      const rate = grown / (ms / 1_000)
      if (rate < this.slowest) this.slowest = rate
      if (rate > this.fastest) this.fastest = rate
    }
    this.#last = value
    this.#lastAt = at
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
