import { noPoints, type Points } from './points.ts'

const perBlock = 8
const blocksPerSegment = 8_192
const none = -1
/** In the place of a count: times of this series are at no equal distances. */
const uneven = -1

/**
 * Room for values, in blocks of a few, which are handed out, chained and given back. Typed arrays, so that the collector has nothing to walk or
 * to move in a head of a million samples.
 */
export class ValueBlocks {
  readonly #values: Float64Array<ArrayBuffer>[] = []
  readonly #next: Int32Array<ArrayBuffer>[] = []
  #made = 0
  /** The first of those that were given back. */
  #free = none

  /** How many there are, in use or not: what is given back is handed out again before there are more. */
  get made(): number {
    return this.#made
  }

  take(): number {
    const free = this.#free
    if (free !== none) {
      this.#free = this.next(free)
      this.link(free, none)
      return free
    }
    if (this.#made === this.#values.length * blocksPerSegment) {
      this.#values.push(new Float64Array(blocksPerSegment * perBlock))
      this.#next.push(new Int32Array(blocksPerSegment).fill(none))
    }
    return this.#made++
  }

  /** Gives back a chain. */
  give(first: number, last: number): void {
    this.link(last, this.#free)
    this.#free = first
  }

  next(block: number): number {
    return this.#next[Math.floor(block / blocksPerSegment)]![block % blocksPerSegment]!
  }

  link(block: number, next: number): void {
    this.#next[Math.floor(block / blocksPerSegment)]![block % blocksPerSegment] = next
  }

  set(block: number, place: number, value: number): void {
    this.#values[Math.floor(block / blocksPerSegment)]![(block % blocksPerSegment) * perBlock + place] = value
  }

  /** Copies out the values of a chain, as many as there is room for. */
  read(first: number, into: Float64Array): void {
    for (let block = first, filled = 0; filled < into.length; block = this.next(block)) {
      const values = this.#values[Math.floor(block / blocksPerSegment)]!
      const begin = (block % blocksPerSegment) * perBlock
      const end = begin + Math.min(perBlock, into.length - filled)
      for (let i = begin; i < end; i++) into[filled++] = values[i]!
    }
  }
}

/** What does not lie at equal distances: gaps, a changed period, what came late or twice. */
interface UnevenSamples {
  readonly times: number[]
  readonly values: number[]
  ascending: boolean
}

/**
 * Samples that no chunk has yet, by series, as they came. Slots of a task are at equal distances, so of nearly every series the newest time, the
 * distance and the count say all times. A sample takes 9 bytes so with 33 of each series, and a series 36; in two arrays of numbers for each series they were 25.
 */
export class SampleHead {
  readonly #blocks: ValueBlocks
  readonly #uneven = new Map<number, UnevenSamples>()
  /** By the number of a series: its row in the columns below, plus one; 0 where it has none. */
  #rows = new Int32Array(1_024)
  #numbers = new Int32Array(256)
  #counts = new Int32Array(256)
  #newest = new Float64Array(256)
  /** From one sample to the next; 0 where there is one only. */
  #steps = new Float64Array(256)
  #first = new Int32Array(256)
  #last = new Int32Array(256)
  #used = 0
  #size = 0

  constructor(blocks: ValueBlocks) {
    this.#blocks = blocks
  }

  /** Samples. */
  get size(): number {
    return this.#size
  }

  /** How many series have, or had before they were dropped, a sample: each has a place in the order of their first ones. */
  get places(): number {
    return this.#used
  }

  numberAt(place: number): number {
    return this.#numbers[place]!
  }

  has(number: number): boolean {
    return number < this.#rows.length && this.#rows[number]! > 0
  }

  /** Adds one sample to each of several series; those below 0 are passed over. */
  append(at: number, series: Int32Array, values: Float64Array): void {
    for (let i = 0; i < series.length; i++) {
      const number = series[i]!
      if (number >= 0) this.#add(this.#rowOf(number), at, values[i]!)
    }
  }

  #add(row: number, at: number, value: number): void {
    const count = this.#counts[row]!
    const newest = this.#newest[row]!
    const isEven = count > 1 ? at === newest + this.#steps[row]! : count === 0 || (count === 1 && at > newest)
    this.#size++
    if (!isEven) {
      this.#addUneven(row, at, value)
      return
    }
    if (count === 1) this.#steps[row] = at - newest
    const place = count % perBlock
    if (place === 0) this.#lengthen(row)
    this.#blocks.set(this.#last[row]!, place, value)
    this.#newest[row] = at
    this.#counts[row] = count + 1
  }

  #lengthen(row: number): void {
    const block = this.#blocks.take()
    if (this.#counts[row] === 0) this.#first[row] = block
    else this.#blocks.link(this.#last[row]!, block)
    this.#last[row] = block
  }

  #addUneven(row: number, at: number, value: number): void {
    let samples = this.#uneven.get(row)
    if (samples === undefined) {
      const { times, values } = this.#evenPoints(row)
      this.#giveBlocks(row)
      this.#counts[row] = uneven
      this.#uneven.set(row, (samples = { times: [...times], values: [...values], ascending: true }))
    }
    if (samples.times.at(-1)! >= at) samples.ascending = false
    samples.times.push(at)
    samples.values.push(value)
  }

  /** In the order of time; of those with one time the one that came last. */
  points(number: number): Points {
    if (!this.has(number)) return noPoints
    const row = this.#rows[number]! - 1
    const samples = this.#uneven.get(row)
    return samples === undefined ? this.#evenPoints(row) : pointsOf(samples)
  }

  #evenPoints(row: number): Points {
    const times = new Float64Array(this.#counts[row]!)
    const values = new Float64Array(times.length)
    const step = this.#steps[row]!
    const first = this.#newest[row]! - step * (times.length - 1)
    for (let i = 0; i < times.length; i++) times[i] = first + step * i
    this.#blocks.read(this.#first[row]!, values)
    return { times, values }
  }

  /** Forgets the samples of a series; its place stays until all are forgotten. */
  drop(number: number): void {
    if (!this.has(number)) return
    const row = this.#rows[number]! - 1
    const samples = this.#uneven.get(row)
    this.#size -= samples === undefined ? this.#counts[row]! : samples.times.length
    if (samples === undefined) this.#giveBlocks(row)
    else this.#uneven.delete(row)
    this.#rows[number] = 0
    if (this.#size === 0) this.#used = 0
  }

  #giveBlocks(row: number): void {
    this.#blocks.give(this.#first[row]!, this.#last[row]!)
  }

  #rowOf(number: number): number {
    if (number >= this.#rows.length) this.#rows = grown(this.#rows, number + 1)
    const known = this.#rows[number]!
    if (known > 0) return known - 1
    const row = this.#used++
    if (row === this.#numbers.length) this.#grow(row + 1)
    this.#numbers[row] = number
    this.#counts[row] = 0
    this.#steps[row] = 0
    this.#rows[number] = row + 1
    return row
  }

  #grow(least: number): void {
    this.#numbers = grown(this.#numbers, least)
    this.#counts = grown(this.#counts, least)
    this.#newest = grown(this.#newest, least)
    this.#steps = grown(this.#steps, least)
    this.#first = grown(this.#first, least)
    this.#last = grown(this.#last, least)
  }
}

function grown<T extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(column: T, least: number): T {
  const length = Math.max(least, 2 * column.length)
  // Of the kind that came in.
  const longer = (column instanceof Int32Array ? new Int32Array(length) : new Float64Array(length)) as T
  longer.set(column)
  return longer
}

function pointsOf({ times, values, ascending }: UnevenSamples): Points {
  if (ascending) return { times: new Float64Array(times), values: new Float64Array(values) }
  const latest = new Map<number, number>()
  times.forEach((time, i) => latest.set(time, values[i]!))
  const sorted = Float64Array.from(latest.keys()).sort()
  return { times: sorted, values: sorted.map((time) => latest.get(time)!) }
}
