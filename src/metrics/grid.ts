/** Moments at equal distances: `count` of them, `stepMs` apart from `first` on, in epoch milliseconds. */
export interface Grid {
  readonly first: number
  readonly stepMs: number
  readonly count: number
}

/** One value, or null where there is none, for each moment of a grid; those that lie beside it are left out. */
export function onGrid(times: Float64Array, values: Float64Array, { first, stepMs, count }: Grid): (number | null)[] {
  const column = Array.from<number | null>({ length: count }).fill(null)
  for (let i = 0; i < times.length; i++) {
    const place = Math.round((times[i]! - first) / stepMs)
    if (place >= 0 && place < count) column[place] = values[i]!
  }
  return column
}
