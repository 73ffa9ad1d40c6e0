import type { Item } from '../../sdk/index.ts'

type Measured<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** Metrics without those that could not be measured: what is left out is not 0. */
export function measured<T extends Readonly<Record<string, number | readonly Item[] | undefined>>>(
  metrics: T,
): Measured<T> {
  // Nothing but the undefined ones is taken away.
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => value !== undefined)) as Measured<T>
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

/** A part as percent of a whole; a whole of nothing, as where there is no limit, has no shares. */
export function shareOf(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole < 1e-9 ? undefined : (100 * part) / whole
}
