export interface PingRequest {
  readonly count: number
  /** Milliseconds between two packets. At least 200 where the system's ping is used without privileges; right to 10 with sockets of our own. */
  readonly intervalMs: number
  /** How long one answer may take. */
  readonly timeoutMs: number
  /** Bytes of payload. */
  readonly size: number
}

/** Who sent the packets: the agent itself, or a program of its machine. */
export type PingWay = 'ICMP sockets' | 'fping' | 'ping'

export interface PingSeen {
  readonly address: string
  readonly way: PingWay
  readonly sent: number
  /** Round trips of the answers in the order of sending, in milliseconds; shorter than `sent` where some were lost. */
  readonly roundTrips: readonly number[]
}

export interface IcmpClient {
  readonly host: string
  /** No answer at all is a result. Throws TargetError: unreachable (no such name), configuration (no way to ask, no privilege). */
  ping(request: PingRequest, signal: AbortSignal): Promise<PingSeen>
}
