import type { Item } from '../../sdk/index.ts'

/** Small things that monitors make of what they read. */

type Measured<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Metrics without those that could not be measured: what is left out is not 0. */
export function measured<T extends Readonly<Record<string, number | readonly Item[] | undefined>>>(
  metrics: T,
): Measured<T> {
  const known = Object.entries(metrics).filter(
    ([, value]) => value !== undefined && (typeof value !== 'number' || Number.isFinite(value)),
  )
  // Nothing but the unknown ones is taken away.
  return Object.fromEntries(known) as Measured<T>
}

/** A metric of several items; those without a value are left out. */
export function itemsOf<T>(
  all: readonly T[],
  labels: (one: T) => Readonly<Record<string, string>>,
  value: (one: T) => number | undefined,
): Item[] {
  return all.flatMap((one) => {
    const found = value(one)
    return found === undefined ? [] : [{ labels: labels(one), value: found }]
  })
}

/** A part as percent of a whole; undefined where either is unknown, and where the whole is nothing, as where there is no limit. */
export function shareOf(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole < 1e-9 ? undefined : (100 * part) / whole
}

/** The numbers that a former run handed over, perhaps one of another version. */
export function numbersBefore(previous: unknown): Readonly<Record<string, number>> {
  if (typeof previous !== 'object' || previous === null) return {}
  const known: [string, number][] = []
  for (const [name, value] of Object.entries(previous)) {
    if (typeof value === 'number' && Number.isFinite(value)) known.push([name, value])
  }
  return Object.fromEntries(known)
}

/**
 * The share of `hits` in `hits` and `misses` since the run before, in percent. Undefined on the first run, after a restart of what counts,
 * and where fewer than `least` happened: too few to speak of.
 */
export function shareSince(
  before: Readonly<Record<string, number>>,
  now: { readonly hits: number | undefined; readonly misses: number | undefined },
  least: number,
): number | undefined {
  if (now.hits === undefined || now.misses === undefined) return undefined
  const hits = now.hits - (before['hits'] ?? Number.NaN)
  const misses = now.misses - (before['misses'] ?? Number.NaN)
  return hits >= 0 && misses >= 0 && hits + misses >= least ? (100 * hits) / (hits + misses) : undefined
}
