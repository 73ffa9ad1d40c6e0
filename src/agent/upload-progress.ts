import type { UploadAnswer } from '../model/index.ts'

/** Positions of one spool that were stored one after another since the uploader began, `from` ≤ position < `to`. */
export interface Stored {
  readonly spool: string
  readonly from: number
  readonly to: number
}

export interface Progress {
  /** What is sent next. */
  readonly next: number
  /** What the spool may be told, holes it has itself left out. */
  readonly acknowledged: number
  readonly safe: number
}

/**
 * How far things are after an answer. An answer means that the batch is stored; `acknowledged` counts from the first position the
 * server ever saw without a hole. Holes of our own (dropped on overflow, damaged) are no reason to send anything again, while a
 * server that was set back to an older copy of its data needs what it has forgotten.
 *
 * @param stored what was stored until now, this batch included
 * @param oldestHeld the first position that the spool still holds at or after what the server acknowledged
 */
export function progressAfter(answer: UploadAnswer, stored: Stored, oldestHeld: number): Progress {
  const safeToo = answer.safe >= answer.acknowledged
  if (answer.acknowledged >= stored.to) {
    // More than was ever sent cannot be acknowledged.
    return { next: stored.to, acknowledged: stored.to, safe: safeToo ? stored.to : Math.min(answer.safe, stored.to) }
  }
  if (answer.acknowledged < stored.from && oldestHeld >= stored.from) {
    return { next: stored.to, acknowledged: stored.to, safe: safeToo ? stored.to : answer.safe }
  }
  return { next: Math.max(answer.acknowledged, 0), acknowledged: answer.acknowledged, safe: answer.safe }
}
