/** What one core holds: a search by what it has left, then by halves. */
import type { Watched, Window } from './watch-load.ts'

const heldLatenessMs = 1_000
const windowMs = 6_000
const firstRate = 500

export interface Held {
  /** Checks a second. */
  readonly rate: number
  /** As it was seen at that rate; undefined where not even the first was held. */
  readonly window: Window | undefined
  /** The lowest rate that was not held; Infinity where none was met with. */
  readonly refused: number
}

function holds({ coverage, latenessP95Ms, outcomes }: Window): boolean {
  return coverage === 1 && (outcomes['late'] ?? 0) === 0 && latenessP95Ms <= heldLatenessMs
}

/** @param watched pinned to one core @param carry applies a load of so many checks a second and waits until it is under way */
export async function heldBy(watched: Watched, steps: number, carry: (rate: number) => Promise<void>): Promise<Held> {
  let window: Window | undefined
  let held = 0
  let refused = Infinity
  let rate = firstRate
  for (let step = 0; step < steps; step++) {
    await carry(rate)
    const seen = await watched.measure(windowMs)
    if (holds(seen)) [window, held] = [seen, rate]
    else refused = rate
    // Up by what the core has left; after the first refusal, halfway between what it holds and what it does not.
    const next = refused === Infinity ? rate * Math.min(3, Math.max(1.1, 0.97 / seen.cores)) : (held + refused) / 2
    rate = Math.round(next)
  }
  return { rate: held, window, refused }
}
