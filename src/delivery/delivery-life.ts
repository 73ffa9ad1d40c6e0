import type { Random } from '../base/index.ts'
import type { DeliveryOutcome } from '../sdk/index.ts'

/**
 * The life of one delivery: one step of one alarm's life on its way to one plugin.
 *
 *   queued ──taken by the receiver──▶ delivered
 *    │  ▲ └──somebody gives it up──▶ discarded ◀──┐
 *    │  └────somebody says "retry"─────────┐      │
 *    └──refused, or too old after a failure──▶ dead
 */
export type DeliveryState = 'queued' | 'delivered' | 'dead' | 'discarded'

/** Waits between attempts double from here … */
export const firstWaitMs = 1_000
/** … to here. */
export const longestWaitMs = 300_000
/** A receiver may ask for a longer wait than ours, up to this. */
export const longestAskedWaitMs = 3_600_000
/** After so long without success a delivery is dead: whoever gets it then would take an old alarm for a new one. */
export const giveUpAfterMs = 86_400_000
/**
 * While a plugin's last attempt failed, one delivery at most is tried per such a wait, growing as above up to this: a receiver
 * that is down is not beaten with a queue, and one that is back is noticed within this time.
 */
export const longestPauseMs = 30_000

/** The wait after the n-th failure in a row (n ≥ 1): doubling, with up to a half of it taken off so that queues do not march in step. */
export function waitAfter(failures: number, random: Random, longest = longestWaitMs): number {
  const full = Math.min(longest, firstWaitMs * 2 ** Math.min(failures - 1, 30))
  return Math.round(full * (1 - random() / 2))
}

export type Verdict =
  | { readonly state: 'delivered'; readonly message: string }
  | { readonly state: 'queued'; readonly notBefore: number; readonly message: string }
  | { readonly state: 'dead'; readonly message: string }

/** What becomes of a delivery after an attempt. `since`: when it was queued, or told to retry; `failures`: attempts before this one. */
export function afterAttempt(
  delivery: { readonly since: number; readonly failures: number },
  outcome: DeliveryOutcome,
  at: number,
  random: Random,
): Verdict {
  if (outcome.delivered) return { state: 'delivered', message: outcome.detail ?? '' }
  if (!outcome.retry) return { state: 'dead', message: outcome.message }
  if (at - delivery.since >= giveUpAfterMs)
    return { state: 'dead', message: `gave up after 24 hours; the last attempt: ${outcome.message}` }
  const asked = Math.min(outcome.afterMs ?? 0, longestAskedWaitMs)
  return {
    state: 'queued',
    notBefore: at + Math.max(asked, waitAfter(delivery.failures + 1, random)),
    message: outcome.message,
  }
}
