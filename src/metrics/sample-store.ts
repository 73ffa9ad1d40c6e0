import type { DatabaseSync } from 'node:sqlite'
import type { Labels, Unit } from '../model/index.ts'
import { StatementCache, type BundleTable } from '../platform/index.ts'
import { decodeChunk, encodeChunk, encodeLastingChunk } from './chunk.ts'
import { merge, noPoints, within, type Points } from './points.ts'
import { decodeRollup, encodeRollup, mergeRollups, noHours, rollUp, rollupWithin, type Rollup } from './rollup.ts'
import {
  chunkId,
  chunkStart,
  dayMs,
  daysPerBundle,
  fiveMinuteDays,
  fiveMinutesMs,
  hourMs,
  hoursRowMs,
  sampleDays,
} from './schema.ts'
import {
  SeriesIndex,
  seriesOf,
  type KeptSeries,
  type Series,
  type SeriesFilter,
  type SeriesPage,
} from './series-index.ts'
import { SampleHead, ValueBlocks } from './sample-head.ts'
import type { MetricSettings } from './settings.ts'

/** What tells one series of a task from another, and what its values are. */
export type SeriesDefinition = Omit<Series, 'number' | 'task'>

/** Samples that were not stored because a connector has too many series. */
export interface RefusedSeries {
  readonly connector: string
  readonly samples: number
  readonly reason: string
}

/** A day is made one chunk when it has been over for so long: until then its late samples are likely. */
const settleMs = 2 * hourMs
/** A series that had no sample for so long does not count against the bound of its connector. */
const activeMs = 2 * dayMs

/**
 * The writing half of the metrics, for the one thread that writes the file.
 *
 * Life of a sample: it comes durable in somebody else's log, and is appended to the *head* in memory. From time to time the head is
 * *sealed*: written, series by series, into chunks of an hour, after which the log may forget it. A day that is over becomes
 * one chunk in a row of many days, with its roll-up by hours; when samples reach the end of their time the day leaves a roll-up by 5 minutes.
 * (The finer roll-up is not kept beside the samples it would be made from: decoding a month of one series takes a few milliseconds,
 * keeping both would double what noise takes.)
 *
 * Sealing what was sealed already changes nothing, so a crash in its middle only means that it is done again.
 * All methods that write are called inside of the caller's transaction; what they change in memory takes effect when the caller
 * says that it was committed.
 */
export class SampleStore {
  readonly #statements: StatementCache
  readonly #days: BundleTable
  readonly #fiveMinutes: BundleTable
  readonly #index = new SeriesIndex()
  #settings: MetricSettings
  readonly #blocks = new ValueBlocks()
  #head = new SampleHead(this.#blocks)
  /** What is being sealed, and how far that is. */
  #sealing = new SampleHead(this.#blocks)
  #sealed = 0
  #appended = 0
  #nextNumber = 1
  #staged: KeptSeries[] = []
  /** Series whose kind changed, in the order of the changes. */
  #changed: { readonly before: KeptSeries; readonly after: KeptSeries }[] = []
  #touched = new Set<number>()
  readonly #refused = new Map<string, { samples: number; reason: string }>()
  readonly #full = new Map<string, number>()
  #tending: IterableIterator<number> | undefined
  /** When the round began. Looking in each series for what is not there took a third of a round that finds nothing to do. */
  #tendsOldRows = false

  constructor(db: DatabaseSync, settings: MetricSettings) {
    this.#statements = new StatementCache(db)
    this.#days = sampleDays(this.#statements)
    this.#fiveMinutes = fiveMinuteDays(this.#statements)
    this.#settings = settings
    for (const row of this.#statements.get('SELECT * FROM metric_series ORDER BY number').all()) {
      // Written by #insert below, and nowhere else.
      const { number, task, connector, name, labels, unit, kind, last_at } = row as unknown as StoredSeries
      this.#index.add({
        number,
        task,
        connector,
        name,
        labels: JSON.parse(labels) as Labels,
        unit,
        ...(kind === 'counter' ? { kind } : {}),
        lastAt: last_at,
      })
      this.#nextNumber = number + 1
    }
  }

  applySettings(settings: MetricSettings): void {
    this.#settings = settings
    this.#full.clear()
  }

  /**
   * The numbers of series, made where they do not exist yet; -1 where the connector has too many, and for a repeated definition.
   * New ones, and kinds that changed, are stored by `storeStaged` in the same transaction as the samples, and forgotten again by `dropStaged`.
   */
  resolve(
    task: string,
    connector: string,
    definitions: readonly SeriesDefinition[],
    at: number,
  ): Int32Array<ArrayBuffer> {
    const numbers = new Int32Array(definitions.length)
    const seen = new Set<number>()
    definitions.forEach((definition, i) => {
      let series = this.#index.find(task, definition.name, definition.labels)
      if (series === undefined && this.#hasRoom(connector, at)) {
        series = { ...definition, number: this.#nextNumber++, task, connector, lastAt: at }
        this.#index.add(series)
        this.#staged.push(series)
      }
      // What was taken for a gauge may be declared a counter by a later version of its monitor. Its values are what they were.
      if (series !== undefined && series.kind !== definition.kind && !seen.has(series.number))
        series = this.#change(series, definition)
      numbers[i] = series === undefined || seen.has(series.number) ? -1 : series.number
      if (series !== undefined) seen.add(series.number)
    })
    return numbers
  }

  #change(before: KeptSeries, { kind }: SeriesDefinition): KeptSeries {
    const { kind: _, ...rest } = before
    const after = kind === undefined ? rest : { ...rest, kind }
    this.#index.remove(before)
    this.#index.add(after)
    this.#changed.push({ before, after })
    return after
  }

  #hasRoom(connector: string, at: number): boolean {
    const bound = this.#settings.seriesPerConnector
    const all = this.#index.ofConnector(connector)
    if (all.size < bound) return true
    // Counting the active ones is work for each series, so a connector that is full stays full for a minute.
    if (at - (this.#full.get(connector) ?? -Infinity) < 60_000) return false
    let active = 0
    for (const series of all) if (series.lastAt > at - activeMs) active++
    if (active < bound) return true
    this.#full.set(connector, at)
    return false
  }

  /** Counts samples that `resolve` gave no series for. */
  refuse(connector: string, samples: number): void {
    const known = this.#refused.get(connector)
    this.#refused.set(connector, {
      samples: (known?.samples ?? 0) + samples,
      reason: `connector ${connector} has reached the bound of ${this.#settings.seriesPerConnector} series: samples of new series are not stored. Drop labels whose values never repeat, or raise the bound.`,
    })
  }

  storeStaged(): void {
    for (const series of this.#staged) this.#insert(series)
    for (const { after } of this.#changed)
      this.#statements
        .get('UPDATE metric_series SET kind = $kind WHERE number = $number')
        .run({ kind: after.kind ?? 'gauge', number: after.number })
  }

  staged() {
    return {
      series: this.#staged.map(({ ...series }) => series),
      kinds: this.#changed.map(({ after }) => ({ number: after.number, kind: after.kind ?? ('gauge' as const) })),
    }
  }

  /**
   * Writes series as another server has them, under its numbers; called in a transaction. What is there already, as after a copy that was
   * taken later, is written again. @returns what is to be called after its commit
   */
  adopt(
    {
      series,
      kinds,
    }: { series: readonly KeptSeries[]; kinds: readonly { number: number; kind: 'gauge' | 'counter' }[] },
    gone: readonly number[],
  ): () => void {
    const remove = (number: number) =>
      this.#statements.get('DELETE FROM metric_series WHERE number = $number').run({ number })
    for (const number of gone) remove(number)
    for (const added of series) {
      remove(added.number)
      this.#insert({ ...added, lastAt: Math.max(added.lastAt, this.#index.get(added.number)?.lastAt ?? 0) })
    }
    for (const { number, kind } of kinds)
      this.#statements.get('UPDATE metric_series SET kind = $kind WHERE number = $number').run({ kind, number })
    return () => {
      const forget = (number: number) => {
        const known = this.#index.get(number)
        if (known !== undefined) this.#index.remove(known)
        return known
      }
      for (const number of gone) forget(number)
      for (const added of series) {
        const known = forget(added.number)
        this.#index.add({ ...added, lastAt: Math.max(added.lastAt, known?.lastAt ?? 0) })
        this.#nextNumber = Math.max(this.#nextNumber, added.number + 1)
      }
      for (const { number, kind } of kinds) {
        const known = forget(number)
        if (known === undefined) continue
        const { kind: _, ...rest } = known
        this.#index.add(kind === 'counter' ? { ...rest, kind } : rest)
      }
    }
  }

  keepStaged(): void {
    this.#staged = []
    this.#changed = []
  }

  dropStaged(): void {
    for (const { before, after } of this.#changed.reverse()) {
      this.#index.remove(after)
      this.#index.add(before)
    }
    this.#changed = []
    for (const series of this.#staged.reverse()) this.#index.remove(series)
    this.#nextNumber = this.#staged.at(-1)?.number ?? this.#nextNumber
    this.#staged = []
  }

  /** Adds samples to the head: the numbers of their series (-1 is passed over), and their values, at one time. */
  append(at: number, series: Int32Array, values: Float64Array): void {
    const before = this.#head.size
    this.#head.append(at, series, values)
    this.#appended += this.#head.size - before
  }

  // Questions, answered from memory.

  series(filter: SeriesFilter, limit: number, after?: number): SeriesPage {
    return this.#index.page(filter, limit, after)
  }

  definition(number: number): SeriesDefinition | undefined {
    return this.#index.get(number)
  }

  find(number: number): Series | undefined {
    const found = this.#index.get(number)
    return found === undefined ? undefined : seriesOf(found)
  }

  ofTask(task: string): readonly Series[] {
    return [...this.#index.ofTask(task)].map(seriesOf)
  }

  /** What the head has of a series, and chunks may not have yet. */
  recent(series: number, from: number, to: number): Points {
    const points = merge(this.#sealing.points(series), this.#head.points(series))
    const { times, values } = within(points, from, to)
    return { times: times.slice(), values: values.slice() }
  }

  facts() {
    return {
      series: this.#index.size,
      headSamples: this.#head.size,
      appended: this.#appended,
      refused: [...this.#refused].map(([connector, { samples, reason }]): RefusedSeries => ({
        connector,
        samples,
        reason,
      })),
    }
  }

  // Sealing.

  /** Sets aside all that the head holds, to be sealed by `sealSome`. Called only when the sealing before has ended. */
  beginSeal(): void {
    if (this.#sealing.size > 0) throw new Error('the sealing before has not ended')
    const empty = this.#sealing
    this.#sealing = this.#head
    this.#head = empty
    this.#sealed = 0
  }

  /**
   * Writes chunks of up to `limit` series that were set aside.
   * @returns to be called after the commit; it says whether all is done
   */
  sealSome(limit: number, at: number): () => boolean {
    const sealing = this.#sealing
    const end = Math.min(this.#sealed + limit, sealing.places)
    for (let place = this.#sealed; place < end; place++) {
      const number = sealing.numberAt(place)
      const series = this.#index.get(number)
      if (series === undefined) continue
      const points = sealing.points(number)
      this.#seal(number, points, at)
      const last = points.times.at(-1)!
      if (last > series.lastAt) {
        series.lastAt = last
        this.#touched.add(number)
      }
    }
    return () => {
      for (; this.#sealed < end; this.#sealed++) sealing.drop(sealing.numberAt(this.#sealed))
      return sealing.size === 0
    }
  }

  #seal(series: number, points: Points, at: number): void {
    for (const [start, ofDay] of split(points, dayMs)) {
      const day = start + dayMs + settleMs <= at ? this.#day(series, start) : noPoints
      if (day.times.length > 0) {
        this.#writeDays(series, new Map([[start, merge(day, ofDay)]]))
        continue
      }
      for (const [hour, ofHour] of split(ofDay, hourMs)) {
        const id = chunkId(series, hour, hourMs)
        const stored = this.#read('sample_hour', id)
        this.#write(
          'sample_hour',
          id,
          encodeChunk(hour, stored === undefined ? ofHour : merge(decodeChunk(hour, stored), ofHour)),
        )
      }
    }
  }

  /** What there is of a day that became one chunk. */
  #day(series: number, start: number): Points {
    const day = start / dayMs
    const old = this.#read('sample_day', chunkId(series, start, dayMs))
    const points = old === undefined ? noPoints : decodeChunk(start, old)
    const [stored] = this.#days.read(series, day, day)
    return stored === undefined ? points : merge(points, decodeChunk(start, stored.body))
  }

  #writeDays(series: number, days: ReadonlyMap<number, Points>): void {
    this.#days.write(
      series,
      Array.from(days, ([start, points]) => ({ day: start / dayMs, body: encodeLastingChunk(start, points) })),
    )
    for (const start of days.keys()) this.#delete('sample_day', ...idsOfDay(series, start))
    this.#writeHours(
      series,
      Array.from(days, ([start, points]) => ({ start, rollup: rollUp(points, hourMs) })),
    )
  }

  #writeHours(
    series: number,
    days: readonly { readonly start: number; readonly rollup: Rollup }[],
    where: 'what is stored stays' | 'what is given wins' = 'what is given wins',
  ): void {
    const rows = new Map<number, Rollup>()
    for (const { start, rollup } of days) {
      const id = chunkId(series, start, hoursRowMs)
      const begin = chunkStart(id, hoursRowMs)
      const stored = rows.has(id) ? undefined : this.#read('rollup_1h_days', id)
      const before = rows.get(id) ?? (stored === undefined ? noHours : decodeRollup(begin, hourMs, stored))
      const merged = where === 'what is given wins' ? mergeRollups(before, rollup) : mergeRollups(rollup, before)
      rows.set(id, merged)
      this.#delete('rollup_1h', ...idsOfDay(series, start))
    }
    for (const [id, rollup] of rows)
      this.#write('rollup_1h_days', id, encodeRollup(chunkStart(id, hoursRowMs), hourMs, rollup))
  }

  // Once a day for every series.

  /**
   * Looks after up to `limit` series: days that are over become one chunk, what is past its time goes. Starts over after the last series.
   * @param forgetting told of series that go, in the transaction; undefined where none goes, as another server says which do
   * @returns to be called after the commit; it says whether the round is done
   */
  tendSome(
    limit: number,
    at: number,
    forgetting: ((numbers: readonly number[]) => () => void) | undefined,
  ): () => { done: boolean; removed: number } {
    if (this.#tending === undefined) this.#tendsOldRows = this.#hasOldRows()
    const round = (this.#tending ??= this.#index.numbers())
    const gone: KeptSeries[] = []
    const stored: number[] = []
    let done = false
    for (let i = 0; i < limit; i++) {
      const next = round.next()
      if (next.done === true) {
        done = true
        break
      }
      const series = this.#index.get(next.value)!
      if (this.#touched.has(series.number)) {
        this.#statements
          .get('UPDATE metric_series SET last_at = $at WHERE number = $number')
          .run({ at: series.lastAt, number: series.number })
        stored.push(series.number)
      }
      if (this.#tendsOldRows) this.#takeOver(series.number)
      this.#compact(series.number, at)
      this.#expire(series.number, at)
      if (forgetting !== undefined && this.#isGone(series, at)) gone.push(series)
    }
    const told = gone.length === 0 ? undefined : forgetting?.(gone.map(({ number }) => number))
    return () => {
      told?.()
      for (const series of gone) this.#index.remove(series)
      for (const number of stored) this.#touched.delete(number)
      if (done) this.#tending = undefined
      return { done, removed: gone.length }
    }
  }

  #compact(series: number, at: number): void {
    const settled = Math.floor((at - settleMs) / dayMs) * dayMs
    const low = chunkId(series, 0, hourMs)
    const high = chunkId(series, settled, hourMs)
    const rows = this.#rows('sample_hour', low, high)
    if (rows.length === 0) return
    const days = new Map<number, Points>()
    for (const { id, body } of rows) {
      const hour = chunkStart(id, hourMs)
      const day = Math.floor(hour / dayMs) * dayMs
      days.set(day, merge(days.get(day) ?? noPoints, decodeChunk(hour, body)))
    }
    for (const [start, points] of days) days.set(start, merge(this.#day(series, start), points))
    this.#writeDays(series, days)
    this.#delete('sample_hour', low, high)
  }

  /**
   * Takes some of what an earlier version stored, in a row for each day, into the rows of many days: of each table the days of one such
   * row, so that a step of upkeep stays short after an upgrade.
   */
  #takeOver(series: number): void {
    const first = chunkId(series, 0, dayMs)
    const end = chunkId(series + 1, 0, dayMs)
    for (const [table, days] of [
      ['sample_day', this.#days],
      ['rollup_5m', this.#fiveMinutes],
    ] as const) {
      const rows = this.#rows(table, first, end, daysPerBundle)
      if (rows.length === 0) continue
      const old = rows.map(({ id, body }) => ({ day: id - first, body }))
      // A copy may bring a day from both; where it stands already nothing is missing in it.
      const taken = new Set(days.read(series, old[0]!.day, old.at(-1)!.day).map(({ day }) => day))
      days.write(
        series,
        old.filter(({ day }) => !taken.has(day)),
      )
      this.#delete(table, first, rows.at(-1)!.id + 1)
    }
    const hours = this.#rows('rollup_1h', first, end, daysPerBundle).map(({ id, body }) => {
      const start = chunkStart(id, dayMs)
      return { start, rollup: decodeRollup(start, hourMs, body) }
    })
    if (hours.length > 0) this.#writeHours(series, hours, 'what is stored stays')
  }

  /** Whether anything is left of what an earlier version stored. */
  #hasOldRows(): boolean {
    return (['sample_day', 'rollup_5m', 'rollup_1h'] as const).some(
      (table) => this.#rows(table, 0, Number.MAX_SAFE_INTEGER, 1).length > 0,
    )
  }

  #expire(series: number, at: number): void {
    const { rawMs, fiveMinutesMs: rolledMs, hoursMs } = this.#settings
    const firstDay = (keptMs: number) => Math.floor(Math.max(0, at - keptMs) / dayMs)
    const raw = firstDay(rawMs)
    const ending = this.#days.read(series, 0, raw - 1)
    if (ending.length > 0) {
      this.#fiveMinutes.write(
        series,
        ending.map(({ day, body }) => {
          const start = day * dayMs
          return { day, body: encodeRollup(start, fiveMinutesMs, rollUp(decodeChunk(start, body), fiveMinutesMs)) }
        }),
      )
      this.#days.deleteBefore(series, raw)
    }
    this.#fiveMinutes.deleteBefore(series, firstDay(rolledMs))
    this.#expireHours(series, firstDay(hoursMs) * dayMs)
    if (!this.#tendsOldRows) return
    // Rows of an earlier version that are past their time before they were taken over; those of samples leave a roll-up, and wait for it.
    this.#delete('rollup_5m', chunkId(series, 0, dayMs), chunkId(series, firstDay(rolledMs) * dayMs, dayMs))
    this.#delete('rollup_1h', chunkId(series, 0, dayMs), chunkId(series, firstDay(hoursMs) * dayMs, dayMs))
  }

  #expireHours(series: number, before: number): void {
    const id = chunkId(series, before, hoursRowMs)
    this.#delete('rollup_1h_days', chunkId(series, 0, hoursRowMs), id)
    const begin = chunkStart(id, hoursRowMs)
    const stored = begin === before ? undefined : this.#read('rollup_1h_days', id)
    if (stored === undefined) return
    const rollup = decodeRollup(begin, hourMs, stored)
    const kept = rollupWithin(rollup, before, begin + hoursRowMs)
    if (kept.starts.length === 0) this.#delete('rollup_1h_days', id, id + 1)
    else if (kept.starts.length < rollup.starts.length)
      this.#write('rollup_1h_days', id, encodeRollup(begin, hourMs, kept))
  }

  /** Forgets a series of which nothing is left; `lastAt` may be stored two days late. Its number is used again only if it was the highest, and then nothing refers to it. */
  #isGone(series: KeptSeries, at: number): boolean {
    const kept = Math.max(this.#settings.rawMs, this.#settings.fiveMinutesMs, this.#settings.hoursMs) + 3 * dayMs
    if (series.lastAt > at - kept || this.#head.has(series.number)) return false
    this.#statements.get('DELETE FROM metric_series WHERE number = $number').run({ number: series.number })
    return true
  }

  #insert({ number, task, connector, name, labels, unit, kind, lastAt }: KeptSeries): void {
    this.#statements
      .get('INSERT INTO metric_series VALUES ($number, $task, $connector, $name, $labels, $unit, $kind, $lastAt)')
      .run({ number, task, connector, name, labels: JSON.stringify(labels), unit, kind: kind ?? 'gauge', lastAt })
  }

  #read(table: ChunkTable, id: number): Uint8Array | undefined {
    // The table's only other column is a BLOB that is never null.
    return this.#statements.get(`SELECT body FROM ${table} WHERE id = $id`).get({ id })?.['body'] as
      | Uint8Array
      | undefined
  }

  /** @param limit the first so many */
  #rows(table: ChunkTable, low: number, high: number, limit = -1): readonly { id: number; body: Uint8Array }[] {
    const rows = this.#statements.get(
      `SELECT id, body FROM ${table} WHERE id >= $low AND id < $high ORDER BY id LIMIT $limit`,
    )
    return rows.all({ low, high, limit }) as unknown as readonly { id: number; body: Uint8Array }[]
  }

  #write(table: ChunkTable, id: number, body: Uint8Array): void {
    this.#statements
      .get(`INSERT INTO ${table} VALUES ($id, $body) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
      .run({ id, body })
  }

  #delete(table: ChunkTable, low: number, high: number): void {
    this.#statements.get(`DELETE FROM ${table} WHERE id >= $low AND id < $high`).run({ low, high })
  }
}

type ChunkTable = 'sample_hour' | 'sample_day' | 'rollup_5m' | 'rollup_1h' | 'rollup_1h_days'

interface StoredSeries {
  readonly number: number
  readonly task: string
  readonly connector: string
  readonly name: string
  readonly labels: string
  readonly unit: Unit
  readonly kind: 'gauge' | 'counter'
  readonly last_at: number
}

function idsOfDay(series: number, start: number): [low: number, high: number] {
  const id = chunkId(series, start, dayMs)
  return [id, id + 1]
}

/** Points by the hour or day they lie in. */
function* split(points: Points, sizeMs: number): Iterable<readonly [start: number, points: Points]> {
  for (let i = 0; i < points.times.length;) {
    const start = Math.floor(points.times[i]! / sizeMs) * sizeMs
    const part = within(points, start, start + sizeMs)
    yield [start, part]
    i += part.times.length
  }
}
