/** The time ranges one can choose, by the name in the address. */
export const ranges = {
  '1h': 3_600_000,
  '6h': 6 * 3_600_000,
  '24h': 86_400_000,
  '7d': 7 * 86_400_000,
  '30d': 30 * 86_400_000,
} as const
export type RangeName = keyof typeof ranges
export const rangeNames = Object.keys(ranges) as readonly RangeName[]

/** What the charts show: the last so long, moving with time, or a fixed part that was zoomed into. */
export type Range =
  | { readonly is: 'last'; readonly name: RangeName }
  | { readonly is: 'fixed'; readonly from: number; readonly to: number }

/** The shortest part worth zooming into. */
export const shortestMs = 10_000

/** Reads a range from the address, where anyone may have written anything. */
export function readRange(search: { range?: string; from?: string; to?: string }): Range {
  const from = Number(search.from)
  const to = Number(search.to)
  if (
    search.from !== undefined &&
    search.to !== undefined &&
    Number.isSafeInteger(from) &&
    Number.isSafeInteger(to) &&
    from >= 0
  ) {
    if (to - from >= shortestMs) return { is: 'fixed', from, to }
  }
  return { is: 'last', name: rangeNames.find((name) => name === search.range) ?? '6h' }
}

/** A zoom as it is written into the address: no narrower than what can be drawn, around the same middle. */
export function zoomed(from: number, to: number): { from: string; to: string } {
  const missing = Math.max(0, shortestMs - (to - from))
  return { from: String(Math.floor(from - missing / 2)), to: String(Math.ceil(to + missing / 2)) }
}
