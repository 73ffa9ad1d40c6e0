import type { Pieces } from '../platform/index.ts'

/** After so many small things a pause is offered: well below a millisecond of work. */
export const perStep = 500

/** What `toSorted` gives, with pauses: parts are sorted by themselves, then put together two by two. */
export function* sorting<T>(list: readonly T[], compare: (a: T, b: T) => number): Pieces<readonly T[]> {
  let parts: T[][] = []
  for (let from = 0; from < list.length; from += perStep) {
    parts.push(list.slice(from, from + perStep).sort(compare))
    yield
  }
  while (parts.length > 1) {
    const joined: T[][] = []
    for (let i = 0; i < parts.length; i += 2) joined.push(yield* joining(parts[i]!, parts[i + 1] ?? [], compare))
    parts = joined
  }
  return parts[0] ?? []
}

function* joining<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Pieces<T[]> {
  const joined: T[] = []
  let [l, r] = [0, 0]
  while (l < left.length || r < right.length) {
    // Of equal ones the left one comes first, as it did.
    const isLeft = r >= right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0)
    joined.push(isLeft ? left[l++]! : right[r++]!)
    if (joined.length % perStep === 0) yield
  }
  return joined
}
