import { ByteReader, ByteWriter } from '../base/index.ts'

// Eight buckets for each doubling: a percentile is off by 4.5 % at most.
const perDoubling = 8
// 2^-10 ms, about a microsecond, and all below.
const lowest = -10 * perDoubling

/** How long things took, in few bytes: percentiles within 4.5 %, count, mean and maximum exact. Milliseconds. */
export class Histogram {
  /** Counts from the first bucket that has any to the last: what takes a similar time lies close together. */
  #counts: number[] = []
  #first = 0
  #sum = 0
  max = 0
  count = 0

  add(ms: number): void {
    const bucket = ms <= 2 ** -10 ? 0 : Math.floor(Math.log2(ms) * perDoubling) - lowest
    this.#into(bucket, 1)
    this.count++
    this.#sum += ms
    if (ms > this.max) this.max = ms
  }

  include(other: Histogram): void {
    for (const [bucket, count] of other.#buckets()) this.#into(bucket, count)
    this.count += other.count
    this.#sum += other.#sum
    this.max = Math.max(this.max, other.max)
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
    const buckets = this.#buckets()
    out.varint(buckets.length)
    if (buckets.length === 0) return
    let last = 0
    for (const [bucket, count] of buckets) {
      out.varint(bucket - last)
      out.varint(count)
      last = bucket
    }
    out.double(this.#sum)
    out.double(this.max)
  }

  static decode(from: ByteReader): Histogram {
    const histogram = new Histogram()
    const size = from.varint()
    if (size === 0) return histogram
    let bucket = 0
    for (let i = 0; i < size; i++) {
      bucket += from.varint()
      const count = from.varint()
      histogram.#into(bucket, count)
      histogram.count += count
    }
    histogram.#sum = from.double()
    histogram.max = from.double()
    return histogram
  }

  #into(bucket: number, count: number): void {
    const counts = this.#counts
    if (counts.length === 0) this.#first = bucket
    while (bucket < this.#first) {
      counts.unshift(0)
      this.#first--
    }
    const index = bucket - this.#first
    while (counts.length <= index) counts.push(0)
    counts[index]! += count
  }

  /** Those that count anything, the shortest times first. */
  #buckets(): readonly (readonly [bucket: number, count: number])[] {
    return this.#counts.flatMap((count, i) => (count === 0 ? [] : [[this.#first + i, count] as const]))
  }
}
