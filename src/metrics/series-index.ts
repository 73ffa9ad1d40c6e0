import type { Labels, Unit } from '../model/index.ts'

/** One series: the values of one metric of one task with one set of labels. Its number stands for it in everything stored. */
export interface Series {
  readonly number: number
  readonly task: string
  readonly name: string
  readonly labels: Labels
  readonly unit: Unit
  /** Absent: a gauge. */
  readonly kind?: 'counter'
}

/** What is asked for; what is not named is not asked. Labels must all be there with these values. */
export interface SeriesFilter {
  readonly tasks?: readonly string[]
  readonly name?: string
  readonly labels?: Labels
}

export interface SeriesPage {
  readonly series: readonly Series[]
  /** Give it to get the next page; absent on the last. */
  readonly next?: number
}

export interface KeptSeries extends Series {
  readonly connector: string
  /** When it came into being, or the newest sealed sample's time. */
  lastAt: number
}

/** What of a series is everybody's business. */
export function seriesOf({ connector: _, lastAt: __, ...series }: KeptSeries): Series {
  return series
}

/** All series in memory, found by number, by task and by name without looking at the others. */
export class SeriesIndex {
  readonly #byNumber = new Map<number, KeptSeries>()
  readonly #byTask = new Map<string, Map<string, KeptSeries>>()
  readonly #byName = new Map<string, Set<KeptSeries>>()
  readonly #byConnector = new Map<string, Set<KeptSeries>>()

  get size(): number {
    return this.#byNumber.size
  }

  get(number: number): KeptSeries | undefined {
    return this.#byNumber.get(number)
  }

  find(task: string, name: string, labels: Labels): KeptSeries | undefined {
    return this.#byTask.get(task)?.get(keyOf(name, labels))
  }

  ofTask(task: string): Iterable<KeptSeries> {
    return this.#byTask.get(task)?.values() ?? []
  }

  ofConnector(connector: string): ReadonlySet<KeptSeries> {
    return this.#byConnector.get(connector) ?? new Set()
  }

  numbers(): IterableIterator<number> {
    return this.#byNumber.keys()
  }

  add(series: KeptSeries): void {
    this.#byNumber.set(series.number, series)
    let ofTask = this.#byTask.get(series.task)
    if (ofTask === undefined) this.#byTask.set(series.task, (ofTask = new Map()))
    ofTask.set(keyOf(series.name, series.labels), series)
    addTo(this.#byName, series.name, series)
    addTo(this.#byConnector, series.connector, series)
  }

  remove(series: KeptSeries): void {
    this.#byNumber.delete(series.number)
    const ofTask = this.#byTask.get(series.task)
    ofTask?.delete(keyOf(series.name, series.labels))
    if (ofTask?.size === 0) this.#byTask.delete(series.task)
    removeFrom(this.#byName, series.name, series)
    removeFrom(this.#byConnector, series.connector, series)
  }

  /** In the order of numbers, those above `after`. */
  page(filter: SeriesFilter, limit: number, after = 0): SeriesPage {
    const wanted = Object.entries(filter.labels ?? {})
    const found: KeptSeries[] = []
    for (const series of this.#candidates(filter)) {
      if (series.number <= after) continue
      if (filter.name !== undefined && series.name !== filter.name) continue
      if (!wanted.every(([key, value]) => Object.hasOwn(series.labels, key) && series.labels[key] === value)) continue
      found.push(series)
    }
    found.sort((a, b) => a.number - b.number)
    const series = found.slice(0, limit).map(seriesOf)
    return found.length > limit ? { series, next: series.at(-1)!.number } : { series }
  }

  *#candidates(filter: SeriesFilter): Iterable<KeptSeries> {
    if (filter.tasks !== undefined) for (const task of new Set(filter.tasks)) yield* this.ofTask(task)
    else if (filter.name !== undefined) yield* this.#byName.get(filter.name) ?? []
    else yield* this.#byNumber.values()
  }
}

/** The same text for the same name and labels, in whatever order the labels were given. */
function keyOf(name: string, labels: Labels): string {
  const keys = Object.keys(labels)
  if (keys.length === 0) return name
  if (keys.length > 1) keys.sort()
  let key = name
  for (const label of keys) key += `\0${label}\0${labels[label]!}`
  return key
}

function addTo<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

function removeFrom<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key)
  set?.delete(value)
  if (set?.size === 0) sets.delete(key)
}
