import type { DatabaseSync } from 'node:sqlite'
import { FarwatchError, iso } from '../base/index.ts'
import {
  IngestReader,
  type Coverage,
  type PackedSum,
  type ResultRow,
  type Stretch,
  type TaskHead,
} from '../ingest/index.ts'
import type { Labels, Slot, Unit } from '../model/index.ts'
import {
  SampleReader,
  defaultAggregation,
  onGrid,
  type Aggregation,
  type Grid,
  type QueriedPoints,
  type SampleQuery,
  type Series,
} from '../metrics/index.ts'
import { Moved } from '../platform/index.ts'
import type { SeriesHead } from './history-store.ts'

/** A range, and the moment before which what was due and not heard of is lost. */
export interface Range {
  readonly from: number
  readonly to: number
  readonly heardBy: number
}

export interface Metric {
  readonly name: string
  readonly labels: Labels
  readonly value: number
  readonly unit: Unit
}

/** A row of results; runs with what they measured. */
export type ResultWithMetrics = ResultRow & { readonly metrics: readonly Metric[] }

/** What is asked of several series at once; without `agg` each is asked as fits its kind. */
export type SeriesQuery = Omit<SampleQuery, 'agg'> & { readonly agg?: Aggregation }

/** A series with what was asked of it. `json`: the list of its points as the API shows them, in UTF-8. */
export interface QueriedSeries {
  readonly series: Series
  readonly agg: Aggregation
  readonly json: Uint8Array<ArrayBuffer>
}

/**
 * A series on a grid, with the smallest and the largest of each step. `json`: the members `value`, `min` and `max`, one list of numbers and
 * nulls each, as the inside of an object in UTF-8.
 */
export interface ChartedSeries {
  readonly series: Series
  readonly agg: Aggregation
  readonly json: Uint8Array<ArrayBuffer>
}

/** Beyond so many points an answer helps nobody, and would take the memory of those who do need one. */
const mostPoints = 1_000_000

/** @throws FarwatchError `too-large` */
export function demandPoints(count: number): void {
  if (count <= mostPoints) return
  throw new FarwatchError('too-large', `the answer would have more than ${mostPoints} points`, {
    hint: 'Ask for a shorter time, fewer series, or a larger step.',
  })
}

/** Questions about what is in the file, answered by a thread that only reads, so that no question holds up an upload. */
export function readingMethods(db: DatabaseSync) {
  const ingest = new IngestReader(db)
  const samples = new SampleReader(db)
  return {
    results({
      head,
      series,
      range,
      limit,
    }: {
      head: TaskHead
      series: readonly SeriesHead[]
      range: Range
      limit: number
    }): {
      rows: readonly ResultWithMetrics[]
      next?: number
    } {
      const page = ingest.results(head, range.from, range.to, limit, range.heardBy)
      const metrics = new Map<number, Metric[]>()
      const slots = page.rows.flatMap((row) => (row.kind === 'run' ? [row.slot] : []))
      for (const slot of slots) metrics.set(slot, [])
      if (slots.length > 0) {
        for (const {
          series: { number, name, labels, unit },
          recent,
        } of series) {
          const { times, values } = samples.samples(number, slots[0]!, slots.at(-1)! + 1, recent)
          for (let i = 0; i < times.length; i++) metrics.get(times[i]!)?.push({ name, labels, value: values[i]!, unit })
        }
      }
      return {
        ...page,
        rows: page.rows.map((row) => ({ ...row, metrics: (row.kind === 'run' && metrics.get(row.slot)) || [] })),
      }
    },
    coverage: ({ heads, range }: { heads: readonly TaskHead[]; range: Range }): readonly Coverage[] =>
      heads.map((head) => ingest.coverage(head, range.from, range.to, range.heardBy)),
    outcomes: ({
      head,
      range,
    }: {
      head: TaskHead
      range: Range
    }): { readonly stretches: readonly Stretch[]; readonly late: readonly Slot[] } =>
      ingest.outcomes(head, range.from, range.to, range.heardBy),
    /** @param input.names under which the tasks are counted; undefined to count by agent */
    statistics: ({
      heads,
      names,
      range,
    }: {
      heads: readonly TaskHead[]
      names: readonly string[] | undefined
      range: Range
    }): readonly PackedSum[] => ingest.statistics(heads, names, range).pack(),
    /** Written out here: objects for 1,440 points of a day, and their JSON, were a third of what such an answer took of the main thread. */
    query({ series, query }: { series: readonly SeriesHead[]; query: SeriesQuery }): Moved<readonly QueriedSeries[]> {
      let count = 0
      return written(
        series.map(({ series: of, recent }): QueriedSeries => {
          const agg = query.agg ?? defaultAggregation(of)
          const points = samples.query(of.number, { ...query, agg }, recent)
          count += points.times.length
          demandPoints(count)
          return { series: of, agg, json: utf8.encode(jsonOf(points)) }
        }),
      )
    },
    /** Written out here: 150,000 numbers, of a year of 100 series, took 150 ms on a busy machine, and uploads would wait. */
    chart({
      series,
      query,
      grid,
    }: {
      series: readonly SeriesHead[]
      query: Omit<SeriesQuery, 'step'>
      grid: Grid
    }): Moved<readonly ChartedSeries[]> {
      return written(
        series.map(({ series: of, recent }): ChartedSeries => {
          const agg = query.agg ?? defaultAggregation(of)
          const points = samples.query(of.number, { ...query, step: grid.stepMs, agg }, recent)
          const column = (values = points.values) => JSON.stringify(onGrid(points.times, values, grid))
          const text = `"value":${column()},"min":${column(points.minima)},"max":${column(points.maxima)}`
          return { series: of, agg, json: utf8.encode(text) }
        }),
      )
    },
  }
}

const utf8 = new TextEncoder()

/** An answer whose texts move to who asked. */
function written<T extends { readonly json: Uint8Array<ArrayBuffer> }>(answer: readonly T[]): Moved<readonly T[]> {
  return new Moved(
    answer,
    answer.map(({ json }) => json.buffer),
  )
}

/** The points of an answer as a list of objects, with the smallest and the largest of each step where there are steps. */
function jsonOf({ times, values, minima, maxima }: QueriedPoints): string {
  let text = ''
  for (let i = 0; i < times.length; i++) {
    const range =
      minima === undefined || maxima === undefined ? '' : `,"min":${numeral(minima[i]!)},"max":${numeral(maxima[i]!)}`
    text += `${i === 0 ? '' : ','}{"at":"${iso(times[i]!)}","value":${numeral(values[i]!)}${range}}`
  }
  return `[${text}]`
}

/** As JSON has a number. */
function numeral(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null'
}
