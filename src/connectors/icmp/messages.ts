import type { Family } from './packet.ts'
import type { PingEnd, PingPlan } from './schedule.ts'
import type { SocketKind } from './system.ts'

/** What the thread that asks is started with. */
export interface ThreadStart {
  /** Kinds of sockets in the order in which they are tried. */
  readonly kinds: readonly SocketKind[]
  /** One integer: not 0 when the thread is to end. */
  readonly stop: Int32Array
}

export interface Ask extends PingPlan {
  readonly address: string
  readonly family: Family
  /** Bytes of payload. */
  readonly size: number
}

/** From the process to its thread. After each the bell is rung. */
export interface ToThread {
  readonly asks: readonly Ask[]
  /** Pings that nobody waits for any more. */
  readonly drops: readonly number[]
}

/** From the thread to its process. The descriptors are the process's to close once the thread has ended, for it rings one of them. */
export type FromThread =
  | {
      readonly kind: 'ready'
      readonly bell: number
      readonly descriptors: readonly number[]
      readonly families: readonly Family[]
    }
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'ended'; readonly pings: readonly PingEnd[] }
