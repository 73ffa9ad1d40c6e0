/**
 * Samples of one series: two columns of one length, times ascending, no time twice. The time of a sample is its slot's, in epoch
 * milliseconds; when the run really began is kept with its result.
 */
export interface Points {
  readonly times: Float64Array<ArrayBuffer>
  readonly values: Float64Array<ArrayBuffer>
}

export const noPoints: Points = { times: new Float64Array(0), values: new Float64Array(0) }

/** Both together. Where both have a time the later given wins; it is the same value but after a crash amid sealing. */
export function merge(earlier: Points, later: Points): Points {
  if (earlier.times.length === 0) return later
  if (later.times.length === 0) return earlier
  const a = earlier.times
  const b = later.times
  // One behind the other is how they come nearly always, and a day is put together of 24.
  if (a.at(-1)! < b[0]!) return concatenated([earlier, later])
  const times = new Float64Array(a.length + b.length)
  const values = new Float64Array(a.length + b.length)
  let count = 0
  for (let i = 0, j = 0; i < a.length || j < b.length; count++) {
    const left = a[i] ?? Infinity
    const right = b[j] ?? Infinity
    times[count] = Math.min(left, right)
    values[count] = right <= left ? later.values[j]! : earlier.values[i]!
    if (left <= right) i++
    if (right <= left) j++
  }
  return { times: times.slice(0, count), values: values.slice(0, count) }
}

/** All of them together. Where several have a time the later given wins, as in `merge`. */
export function merged(parts: readonly Points[]): Points {
  const filled = parts.filter(({ times }) => times.length > 0)
  // One behind the other is how they come nearly always, and putting 24 hours together one by one copies each twelve times.
  if (filled.every(({ times }, i) => i === 0 || filled[i - 1]!.times.at(-1)! < times[0]!))
    return filled.length === 1 ? filled[0]! : concatenated(filled)
  return filled.reduce(merge, noPoints)
}

/** All of them in columns of their own, where each lies behind the one before. */
export function concatenated(parts: readonly Points[]): Points {
  const length = parts.reduce((sum, { times }) => sum + times.length, 0)
  const times = new Float64Array(length)
  const values = new Float64Array(length)
  let at = 0
  for (const part of parts) {
    times.set(part.times, at)
    values.set(part.values, at)
    at += part.times.length
  }
  return { times, values }
}

/** Those with `from` ≤ time < `to`. */
export function within(points: Points, from: number, to: number): Points {
  const start = firstAtOrAfter(points.times, from)
  const end = firstAtOrAfter(points.times, to)
  if (start === 0 && end === points.times.length) return points
  return { times: points.times.subarray(start, end), values: points.values.subarray(start, end) }
}

export function firstAtOrAfter(times: Float64Array, at: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < at) low = middle + 1
    else high = middle
  }
  return low
}
