import type { Ask } from './messages.ts'
import type { Mark } from './packet.ts'
import type { Packet } from './schedule.ts'

/** A ping with what makes its packets and knows their answers. */
export interface Target extends Ask {
  /** The address in bytes, as answers bear it. */
  readonly from: Uint8Array
  /** By chance: whoever has not seen the packet cannot answer it in another's name. */
  readonly token: readonly [number, number]
}

/** Numbers run through all pings of the thread, and so do sequences. */
export function sequenceOf({ number }: Packet): number {
  return number & 0xffff
}

/** Whether an answer is to this packet, and comes from the very address that was asked. Its number has been found to be the packet's. */
export function isAnswer(mark: Mark, from: Uint8Array, packet: Packet<Target>): boolean {
  const { plan } = packet
  return (
    mark.number === packet.number &&
    mark.sequence === sequenceOf(packet) &&
    mark.token[0] === plan.token[0] &&
    mark.token[1] === plan.token[1] &&
    from.length === plan.from.length &&
    plan.from.every((byte, i) => byte === from[i])
  )
}

/**
 * From just before the packet was handed to the kernel until the kernel had the answer, however late its reader came. Where the wall clock was set
 * meanwhile, or the kernel does not say, it is until the answer was read.
 *
 * @param arrivedAtWall by the wall clock @param readAt by the clock of `sentAt`
 */
export function roundTripMs({ sentAt, sentAtWall }: Packet, arrivedAtWall: number | undefined, readAt: number): number {
  const longest = readAt - sentAt
  const told = (arrivedAtWall ?? NaN) - sentAtWall
  // To the microsecond: the rest is noise, and travels and is stored as well.
  return Math.round((told >= 0 && told <= longest ? told : longest) * 1_000) / 1_000
}
