/** Small things that monitors of databases make of what they read. */

/** Without what could not be measured. */
export function present<K extends string>(metrics: Readonly<Record<K, number | undefined>>): { [N in K]?: number } {
  const known: { [N in K]?: number } = {}
  for (const name in metrics) {
    const value = metrics[name]
    if (value !== undefined && Number.isFinite(value)) known[name] = value
  }
  return known
}

/** A part of a whole in percent; undefined where either is unknown or the whole is nothing. */
export function share(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole <= 0 ? undefined : (100 * part) / whole
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
