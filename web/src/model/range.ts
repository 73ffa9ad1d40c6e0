/** The time ranges one can choose, by the name in the address. */
export const ranges = {
  '15m': 900_000,
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
  /** `chosen`: somebody asked for it, and gets it whole; otherwise it may begin where the values do. */
  | { readonly is: 'last'; readonly name: RangeName; readonly chosen: boolean }
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
  const chosen = rangeNames.find((name) => name === search.range)
  return { is: 'last', name: chosen ?? '1h', chosen: chosen !== undefined }
}

/** Less than this is too little to make out anything. */
const shortestFitMs = 120_000

/**
 * Where the axis begins. On a system that is watched since three minutes, an hour nobody asked for would be an empty chart with a
 * line at its edge.
 * @param first the moment of the first value there is, if any
 */
export function fittedFrom(range: Range, from: number, to: number, first: number | undefined): number {
  if (range.is === 'fixed' || range.chosen || first === undefined) return from
  return Math.max(from, Math.min(first, to - shortestFitMs))
}

/** About how many results one page of a list holds. */
const resultsPerPage = 300

const periodUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** How far back to ask for one page of a task's results: no more than fit, no more than a day. `period` as in `1m30s`. */
export function resultsSpanMs(period: string): number {
  let periodMs = 0
  for (const [, amount, unit] of period.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g))
    periodMs += Number(amount) * periodUnits[unit!]!
  return periodMs === 0 ? ranges['24h'] : Math.min(ranges['24h'], periodMs * resultsPerPage)
}

/** What a range shows at this moment. */
export function spanOf(range: Range, now: number): { readonly from: number; readonly to: number } {
  return range.is === 'fixed' ? { from: range.from, to: range.to } : { from: now - ranges[range.name], to: now }
}

export type Move = 'earlier' | 'later' | 'wider'

/** A range moved by half of itself, or twice as wide around its middle; never beyond the present. */
export function moved(from: number, to: number, move: Move, now: number): { from: number; to: number } {
  const width = to - from
  switch (move) {
    case 'earlier':
      return { from: Math.max(0, from - width / 2), to: to - width / 2 }
    case 'later': {
      const end = Math.min(now, to + width / 2)
      return { from: end - width, to: end }
    }
    case 'wider': {
      const end = Math.min(now, to + width / 2)
      return { from: Math.max(0, end - width * 2), to: end }
    }
  }
}

/** A zoom as it is written into the address: no narrower than what can be drawn, around the same middle. */
export function zoomed(from: number, to: number): { from: string; to: string } {
  const missing = Math.max(0, shortestMs - (to - from))
  return { from: String(Math.floor(from - missing / 2)), to: String(Math.ceil(to + missing / 2)) }
}
