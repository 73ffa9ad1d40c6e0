import { FarwatchError, formatDuration, type Clock } from '../base/index.ts'
import type { Pair, PairStatus } from './pair.ts'
import type { Side } from './terms.ts'

/** How often it is looked whether the other acts. Both sides poll every 100 ms meanwhile. */
const lookMs = 20

export interface SwitchParts {
  readonly clock: Clock
  readonly pair: Pick<Pair, 'status' | 'handOver'>
  readonly signal: AbortSignal
}

export interface Switched {
  /** Who acts now. */
  readonly active: Side
  readonly term: number
  /** From when it was asked for until the other acted, in milliseconds, as this side saw it. */
  readonly ms: number
  /** Of these, how long neither acted at most: from when the one was last known to act. */
  readonly idleMs: number
}

/**
 * Has the one of the two that acts hand over, whichever this side is, and resolves when the other acts.
 * @param boundMs a hand-over that waits for longer stands, but is not waited for
 * @throws FarwatchError `conflict` with the right way, `shutting-down`
 */
export async function switchOver({ clock, pair, signal }: SwitchParts, boundMs: number): Promise<Switched> {
  const beganAt = clock.elapsed()
  const before = pair.status()
  const gives = before.state === 'active'
  await pair.handOver()
  let actedAt = beganAt
  for (;;) {
    const now = pair.status()
    const at = clock.elapsed()
    const taker = takerOf(now, gives, before.term)
    if (taker !== undefined) {
      return { active: taker, term: now.term, ms: at - beganAt, idleMs: at - actedAt }
    }
    if (gives && now.state === 'active') actedAt = at
    if (!gives && now.peer?.acts === true) actedAt = Math.max(actedAt, at - now.peer.heardMsAgo)
    if (!gives && now.state === 'active')
      throw new FarwatchError('conflict', 'the other server fell silent, and this one took over without a hand-over', {
        hint: 'It follows as soon as it is in contact again; `farwatch failover status` says how it is.',
      })
    const notTaken = now.problems.find(({ key }) => key === 'failover: hand-over not taken')
    if (gives && now.state === 'active' && !now.handsOver)
      throw new FarwatchError('conflict', notTaken?.message ?? 'the hand-over was not taken, and this server went on', {
        hint: 'Ask for it again when the other server is well; `farwatch failover status` says how it is.',
      })
    if (at - beganAt > boundMs)
      throw new FarwatchError('conflict', `the hand-over still waits after ${formatDuration(boundMs)}`, {
        hint: 'The active server goes on until the other has everything, and hands over by itself then; `farwatch failover status` shows the lag.',
      })
    await pass(clock, lookMs, signal)
  }
}

/** @throws FarwatchError `shutting-down` as soon as the signal is aborted */
export async function pass(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, () => {
        signal.removeEventListener('abort', end)
        resolve()
      })
      const end = () => {
        cancel()
        resolve()
      }
      signal.addEventListener('abort', end, { once: true })
    })
  if (signal.aborted) throw new FarwatchError('shutting-down', 'this instance is stopping')
}

function takerOf({ state, peer, settings: { role } }: PairStatus, gives: boolean, before: number): Side | undefined {
  const self: Side = role === 'PRIMARY' ? 'PRIMARY' : 'SECONDARY'
  const other: Side = role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
  // Whoever takes what is handed over has heard that the other stopped.
  if (!gives) return state === 'active' && peer?.acts === false ? self : undefined
  // Its last word from before does not count.
  return state !== 'active' && peer?.acts === true && peer.term > before ? other : undefined
}
