/** Half-open ranges of positions in an agent's spool, ascending, apart from each other. */
export type Ranges = readonly (readonly [from: number, to: number])[]

/** Whether a position is in them. */
export function hasPosition(ranges: Ranges, position: number): boolean {
  for (let i = ranges.length - 1; i >= 0; i--) {
    const [from, to] = ranges[i]!
    if (position >= to) return false
    if (position >= from) return true
  }
  return false
}

/** Whether all positions `from` ≤ position < `to` are in them. */
export function hasRange(ranges: Ranges, from: number, to: number): boolean {
  return from >= to || ranges.some((range) => range[0] <= from && range[1] >= to)
}

/** The ranges with one more. */
export function withRange(ranges: Ranges, from: number, to: number): Ranges {
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

/** What of the ranges lies below a position. */
export function rangesBelow(ranges: Ranges, position: number): Ranges {
  return ranges.flatMap(([from, to]) => (from < position ? [[from, Math.min(to, position)] as const] : []))
}

/** The first position that is not in them, from one position on. */
export function firstMissing(ranges: Ranges, from: number): number {
  return ranges.find((range) => range[0] <= from && from < range[1])?.[1] ?? from
}
