import type { Result } from '../../src/contract/index.ts'

/**
 * How many slots between the first and the last row of each task have no row, and how many have two. Every slot must end as exactly one.
 * @param results in the order of slots, by task @param periodMs of all of them
 */
export function silence(
  results: ReadonlyMap<string, readonly Result[]>,
  periodMs: number,
): { missing: number; twice: number } {
  const seen = { missing: 0, twice: 0 }
  for (const rows of results.values()) {
    let next: number | undefined
    for (const { slot, slots = 1 } of rows) {
      if (next !== undefined && slot > next) seen.missing += (slot - next) / periodMs
      if (next !== undefined && slot < next) seen.twice++
      next = slot + slots * periodMs
    }
  }
  return seen
}
