import type { Outcome } from '../../../src/model/index.ts'

/** Slots that ended alike, one after another: `from`, `from + everyMs`, … `to`. Of a slot that stands alone `everyMs` is 0. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly everyMs: number
  readonly outcome: Outcome
  readonly reason: string | null
  readonly agent: string | null
}

export interface SlotSeen {
  readonly at: number
  readonly stretch: Stretch
}

/** What is drawn where several slots share a place: what went wrong must not hide behind what went well. */
const urgency: Record<Outcome, number> = {
  ran: 0,
  maintenance: 1,
  late: 2,
  skipped: 3,
  uncovered: 4,
  lost: 5,
  failed: 6,
}

/** A part of a strip, as shares of its width, that is drawn in one colour. */
export interface StripPart {
  readonly begin: number
  readonly end: number
  readonly outcome: Outcome
}

/**
 * A strip of so many places from `from` to `to`: each slot takes the time until the next one, and each place shows the most urgent
 * of the slots in it. Places of one outcome side by side are one part; where nothing was due there is none.
 */
export function stripParts(stretches: readonly Stretch[], from: number, to: number, places: number): StripPart[] {
  const worst: (Outcome | undefined)[] = Array.from({ length: places })
  const perPlace = (to - from) / places
  for (const { from: begin, to: end, everyMs, outcome } of stretches) {
    // A slot that stands alone is seen all the same.
    const until = end + Math.max(everyMs, perPlace)
    const first = Math.max(0, Math.floor((begin - from) / perPlace))
    const last = Math.min(places - 1, Math.ceil((until - from) / perPlace) - 1)
    for (let place = first; place <= last; place++) {
      const there = worst[place]
      if (there === undefined || urgency[outcome] > urgency[there]) worst[place] = outcome
    }
  }
  const parts: StripPart[] = []
  for (let place = 0; place < places; place++) {
    const outcome = worst[place]
    if (outcome === undefined) continue
    const before = parts.at(-1)
    const begin = place / places
    const end = (place + 1) / places
    if (before !== undefined && before.outcome === outcome && before.end === begin)
      parts[parts.length - 1] = { ...before, end }
    else parts.push({ begin, end, outcome })
  }
  return parts
}

/** The slot that a moment belongs to: the most urgent one within `reach` of it, or else the last one due before it. */
export function slotAt(stretches: readonly Stretch[], moment: number, reach: number): SlotSeen | undefined {
  let found: SlotSeen | undefined
  const better = (seen: SlotSeen): boolean => {
    if (found === undefined) return true
    const isNear = Math.abs(seen.at - moment) <= reach
    const wasNear = Math.abs(found.at - moment) <= reach
    if (isNear !== wasNear) return isNear
    if (isNear && urgency[seen.stretch.outcome] !== urgency[found.stretch.outcome])
      return urgency[seen.stretch.outcome] > urgency[found.stretch.outcome]
    return Math.abs(seen.at - moment) < Math.abs(found.at - moment)
  }
  for (const stretch of stretches) {
    const { from, to, everyMs } = stretch
    if (moment < from - reach) continue
    const at = everyMs === 0 ? from : Math.min(to, from + Math.max(0, Math.floor((moment - from) / everyMs)) * everyMs)
    if (moment - at >= Math.max(everyMs, reach) + reach) continue
    const seen = { at, stretch }
    if (better(seen)) found = seen
  }
  return found
}

/** The slot before or after one; undefined at the ends. */
export function slotBeside(
  stretches: readonly Stretch[],
  { at, stretch }: SlotSeen,
  side: 'before' | 'after',
): SlotSeen | undefined {
  const { from, to, everyMs } = stretch
  const step = side === 'before' ? -everyMs : everyMs
  if (step !== 0 && at + step >= from && at + step <= to) return { at: at + step, stretch }
  const place = stretches.indexOf(stretch)
  const next = stretches[side === 'before' ? place - 1 : place + 1]
  return next === undefined ? undefined : { at: side === 'before' ? next.to : next.from, stretch: next }
}

/** How many slots ended how, of those that stand in a range. */
export function countSlots(stretches: readonly Stretch[]): ReadonlyMap<Outcome, number> {
  const counts = new Map<Outcome, number>()
  for (const { from, to, everyMs, outcome } of stretches) {
    const slots = everyMs === 0 ? 1 : Math.round((to - from) / everyMs) + 1
    counts.set(outcome, (counts.get(outcome) ?? 0) + slots)
  }
  return counts
}

/** Times in which slots were not run, or not judged, on purpose. */
export function maintenanceIn(stretches: readonly Stretch[]): { readonly from: number; readonly to: number }[] {
  return stretches.flatMap(({ from, to, everyMs, outcome }) =>
    outcome === 'maintenance' ? [{ from, to: to + everyMs }] : [],
  )
}
