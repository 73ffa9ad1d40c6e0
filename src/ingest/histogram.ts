import { ByteReader, ByteWriter } from '../base/index.ts'

// Eight buckets for each doubling: a percentile is off by 4.5 % at most.
const perDoubling = 8
// 2^-10 ms, about a microsecond, and all below.
const lowest = -10 * perDoubling
/** Of the largest number there is. */
const last = 1_024 * perDoubling - lowest

/** How long things took, in few bytes: percentiles within 4.5 %, count, mean and maximum exact. Milliseconds. */
export class Histogram {
  /** How many took no time, or next to none: the first bucket, which lies far below all others. */
  #instant = 0
  /** How many are in the other buckets, from `#first` on. There are two histograms for each task and day, of which a map took 0.4 to 0.9 KB. */
  #counts: number[] = []
  #first = 0
  #sum = 0
  max = 0
  count = 0

  add(ms: number): void {
    const bucket = ms <= 2 ** -10 ? 0 : Math.floor(Math.log2(ms) * perDoubling) - lowest
    this.#increase(bucket, 1)
    this.count++
    this.#sum += ms
    if (ms > this.max) this.max = ms
  }

  include(other: Histogram): void {
    for (const [bucket, count] of other.#buckets()) this.#increase(bucket, count)
    this.count += other.count
    this.#sum += other.#sum
    this.max = Math.max(this.max, other.max)
  }

  #increase(bucket: number, by: number): void {
    if (bucket <= 0) {
      this.#instant += by
      return
    }
    if (this.#counts.length === 0) this.#first = bucket
    if (bucket < this.#first) {
      this.#counts = [...Array.from({ length: this.#first - bucket }, () => 0), ...this.#counts]
      this.#first = bucket
    }
    const place = bucket - this.#first
    while (place >= this.#counts.length) this.#counts.push(0)
    this.#counts[place]! += by
  }

  /** Those that are not empty, ascending. */
  *#buckets(): Iterable<readonly [bucket: number, count: number]> {
    if (this.#instant > 0) yield [0, this.#instant]
    for (let i = 0; i < this.#counts.length; i++) if (this.#counts[i]! > 0) yield [this.#first + i, this.#counts[i]!]
  }

  /** @param share 0.95 for p95 @returns undefined where nothing was added */
  percentile(share: number): number | undefined {
    if (this.count === 0) return undefined
    let left = Math.ceil(share * this.count)
    for (const [bucket, count] of this.#buckets()) {
      left -= count
      if (left <= 0) return bucket === 0 ? 0 : Math.min(this.max, 2 ** ((bucket + lowest + 0.5) / perDoubling))
    }
    return this.max
  }

  get sum(): number {
    return this.#sum
  }

  mean(): number | undefined {
    return this.count === 0 ? undefined : this.#sum / this.count
  }

  encode(out: ByteWriter): void {
    const buckets = [...this.#buckets()]
    out.varint(buckets.length)
    if (buckets.length === 0) return
    let before = 0
    for (const [bucket, count] of buckets) {
      out.varint(bucket - before)
      out.varint(count)
      before = bucket
    }
    out.double(this.#sum)
    out.double(this.max)
  }

  /** @throws RangeError where the bytes are damaged */
  static decode(from: ByteReader): Histogram {
    const histogram = new Histogram()
    const size = from.varint()
    if (size === 0) return histogram
    let bucket = 0
    for (let i = 0; i < size; i++) {
      bucket += from.varint()
      // Room is made for all buckets up to it.
      if (bucket > last) throw new RangeError(`a histogram has no bucket ${bucket}`)
      const count = from.varint()
      histogram.#increase(bucket, count)
      histogram.count += count
    }
    histogram.#sum = from.double()
    histogram.max = from.double()
    return histogram
  }
}
