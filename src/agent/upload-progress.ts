import { firstMissing, rangesBelow, withRange, type Ranges, type UploadAnswer } from '../model/index.ts'

/**
 * The two ways of results to the server. `live` sends the newest, `backlog` what an outage left behind, from the bottom up. Where less waits
 * than one live batch takes there is no backlog: live goes on where it was. After an outage live jumps to the end of the spool, and the
 * hole it leaves is the backlog's; when that is closed, there is one way again.
 */
export type Lane = 'live' | 'backlog'
export const lanes: readonly Lane[] = ['live', 'backlog']

/** Positions that a lane has in hand. */
interface Sending {
  readonly from: number
  readonly to: number
  /** The first position of the batch's spool that was not stored when it was sent. A server that answers less has forgotten something. */
  readonly expected: number
  /** Where the batch's spool ended when it was sent. */
  readonly end: number
}

export interface UploadProgress {
  /** Positions that nobody needs to send: stored as far as is known, or gone from the spool. */
  readonly done: Ranges
  readonly sending: { readonly [lane in Lane]?: Sending }
  /** Everything below this position is safe, or gone. */
  readonly safe: number
  /**
   * What the server answered when it was last sent things again for it. A server that goes on answering the same has a hole there that
   * cannot be filled from here, such as damage, and is not sent everything above it for ever.
   */
  readonly rewoundTo: number | undefined
}

/** How many entries a batch of each lane may have. */
export type BatchSizes = { readonly [lane in Lane]: number }

/** What a lane does next: read from `from` on and send at most `limit` entries of what lies below `until`. */
export interface Order {
  readonly from: number
  readonly until: number
  readonly limit: number
}

/** What the spool holds under one name: from its first position that is there to behind its last. */
export interface Extent {
  readonly first: number
  readonly end: number
}

export const firstSizes: BatchSizes = { live: 2_000, backlog: 500 }
const smallestSize = 200
const largestSize = 2_000
/** Live stops jumping where it left so many holes: the line is too slow for what happens here, and the server keeps each of them. */
const mostRanges = 32
const slowMs = 1_000
const quickMs = 300

/** @param acknowledged what the spool remembers to be with the server; the first answer shows whether it still is */
export function progressFrom(acknowledged: number, safe: number): UploadProgress {
  return { done: withRange([], 0, acknowledged), sending: {}, safe, rewoundTo: undefined }
}

/** Everything below this position is stored or gone. */
export function settledBelow({ done }: UploadProgress): number {
  return firstMissing(done, 0)
}

/** How many positions below `end` are still to be stored. */
export function behind({ done }: UploadProgress, end: number): number {
  return rangesBelow(done, end).reduce((rest, [from, to]) => rest - (to - from), end)
}

/** What a lane that has nothing in hand does next. @param end position behind the last entry of the spool */
export function nextOrder(progress: UploadProgress, lane: Lane, sizes: BatchSizes, end: number): Order | undefined {
  const { done, sending } = progress
  const busy = lanes.reduce((all, one) => withRange(all, sending[one]?.from ?? 0, sending[one]?.to ?? 0), done)
  if (lane === 'live') {
    const top = busy.at(-1)?.[1] ?? 0
    if (top >= end) return undefined
    const jumps = end - top > sizes.live && busy.length < mostRanges
    return { from: jumps ? end - sizes.live : top, until: end, limit: sizes.live }
  }
  const from = firstMissing(busy, 0)
  const until = busy.find((range) => range[0] > from)?.[0]
  // What lies above everything is for the live lane.
  return until === undefined ? undefined : { from, until, limit: sizes.backlog }
}

/** Where everything is stored and not all of it safe: what is sent once more only to hear how far the standby is. */
export function confirmation(progress: UploadProgress): Order | undefined {
  const until = settledBelow(progress)
  return progress.safe < until ? { from: progress.safe, until, limit: 1 } : undefined
}

/** A lane sets about an order: the other one leaves it alone. */
export function taken(progress: UploadProgress, lane: Lane, { from, until, limit }: Order): UploadProgress {
  return withSending(progress, lane, { from, to: Math.min(until, from + limit), expected: 0, end: 0 })
}

/** What was found for an order is sent. @param extent of the spool it is of */
export function sent(
  progress: UploadProgress,
  lane: Lane,
  { from, to }: { readonly from: number; readonly to: number },
  { first, end }: Extent,
): UploadProgress {
  const expected = Math.min(firstMissing(progress.done, first), end)
  return withSending(progress, lane, { from, to, expected, end })
}

function withSending(progress: UploadProgress, lane: Lane, sending: Sending): UploadProgress {
  return { ...progress, sending: { ...progress.sending, [lane]: sending } }
}

/** A lane has nothing in hand any more. Whether the server stored what it had nobody knows; it is sent again. */
export function dropped(progress: UploadProgress, lane: Lane): UploadProgress {
  const { [lane]: _, ...sending } = progress.sending
  return { ...progress, sending }
}

/** These are not in the spool any more: it overflowed, or was damaged. Gap records among its entries tell of them. */
export function gone(progress: UploadProgress, from: number, to: number): UploadProgress {
  const { done, safe } = progress
  return { ...progress, done: withRange(done, from, to), safe: from <= safe ? Math.max(safe, to) : safe }
}

/**
 * How far things are after an answer. It means that its batch is stored, and what it counts on from there. Where it also says that less is stored than was before the batch was
 * sent, the server was set back to an older copy of its data: it gets again what is still held from there on.
 */
export function answered(
  progress: UploadProgress,
  lane: Lane,
  { acknowledged, safe }: Pick<UploadAnswer, 'acknowledged' | 'safe'>,
): UploadProgress {
  const sending = progress.sending[lane]
  if (sending === undefined) return progress
  const rest = dropped(progress, lane)
  const { from, expected } = sending
  // A server that took over may have from the one before what that one's answer was lost for. What this spool has not, none has of it.
  const to = Math.max(sending.to, Math.min(acknowledged, sending.end))
  if (acknowledged < expected && acknowledged !== progress.rewoundTo) {
    const done = withRange(rangesBelow(progress.done, acknowledged), from, to)
    return { ...expectingLess(rest, acknowledged), done, rewoundTo: acknowledged }
  }
  const done = withRange(progress.done, from, to)
  const isStuck = acknowledged < expected
  // A server that cannot count past a hole says nothing of what lies above it; where it has no pair, what is stored is safe.
  const safeBelow = isStuck && safe >= acknowledged ? expected : safe
  return {
    ...rest,
    done,
    safe: Math.max(progress.safe, Math.min(safeBelow, firstMissing(done, 0))),
    rewoundTo: isStuck ? progress.rewoundTo : undefined,
  }
}

/** The answer to what the other lane has in hand tells of the same loss, which was heard already. */
function expectingLess(progress: UploadProgress, acknowledged: number): UploadProgress {
  return lanes.reduce((all, lane) => {
    const sending = all.sending[lane]
    if (sending === undefined) return all
    return withSending(all, lane, { ...sending, expected: Math.min(sending.expected, acknowledged) })
  }, progress)
}

/**
 * Batches are as large as the line takes within about a second, so that the one in hand does not hold up what comes after it.
 * @param overMs how much longer a batch took than the quickest of late: a long way costs every batch the same, whatever its size
 */
export function nextSize(now: number, overMs: number, entries: number): number {
  if (overMs > slowMs) return Math.max(smallestSize, Math.floor(now / 2))
  return overMs < quickMs && entries >= now ? Math.min(largestSize, now * 2) : now
}

/** The quickest of late: a way that became longer for good is taken for what it is after a few dozen batches. */
export function quickestAfter(quickestMs: number, tookMs: number): number {
  return Math.min(tookMs, quickestMs * 1.05 + 1)
}
