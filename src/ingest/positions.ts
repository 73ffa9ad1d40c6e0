/** Half-open ranges of positions, ascending, apart from each other. */
export type Ranges = readonly (readonly [from: number, to: number])[]

/** Whether a position is in them. */
export function includes(ranges: Ranges, position: number): boolean {
  for (let i = ranges.length - 1; i >= 0; i--) {
    const [from, to] = ranges[i]!
    if (position >= to) return false
    if (position >= from) return true
  }
  return false
}

/** Whether all positions `from` ≤ position < `to` are in them. */
export function covers(ranges: Ranges, from: number, to: number): boolean {
  return from >= to || ranges.some((range) => range[0] <= from && range[1] >= to)
}

/** The ranges with one more. */
export function include(ranges: Ranges, from: number, to: number): Ranges {
  if (from >= to) return ranges
  const before = ranges.filter((range) => range[1] < from)
  const after = ranges.filter((range) => range[0] > to)
  const touching = ranges.slice(before.length, ranges.length - after.length)
  return [
    ...before,
    [Math.min(from, touching[0]?.[0] ?? from), Math.max(to, touching.at(-1)?.[1] ?? to)] as const,
    ...after,
  ]
}
