import { ByteReader, ByteWriter } from '../base/index.ts'

// Eight buckets for each doubling: a percentile is off by 4.5 % at most.
const perDoubling = 8
// 2^-10 ms, about a microsecond, and all below.
const lowest = -10 * perDoubling

/** How long things took, in few bytes: percentiles within 4.5 %, count, mean and maximum exact. Milliseconds. */
export class Histogram {
  readonly #buckets = new Map<number, number>()
  #sum = 0
  max = 0
  count = 0

  add(ms: number): void {
    const bucket = ms <= 2 ** -10 ? 0 : Math.floor(Math.log2(ms) * perDoubling) - lowest
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1)
    this.count++
    this.#sum += ms
    if (ms > this.max) this.max = ms
  }

  include(other: Histogram): void {
    for (const [bucket, count] of other.#buckets) this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count)
    this.count += other.count
    this.#sum += other.#sum
    this.max = Math.max(this.max, other.max)
  }

  /** @param share 0.95 for p95 @returns undefined where nothing was added */
  percentile(share: number): number | undefined {
    if (this.count === 0) return undefined
    let left = Math.ceil(share * this.count)
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      left -= this.#buckets.get(bucket)!
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
    out.varint(this.#buckets.size)
    if (this.#buckets.size === 0) return
    let last = 0
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      out.varint(bucket - last)
      out.varint(this.#buckets.get(bucket)!)
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
      histogram.#buckets.set(bucket, count)
      histogram.count += count
    }
    histogram.#sum = from.double()
    histogram.max = from.double()
    return histogram
  }
}
