/** What one answer of a time server says. */
export interface NtpSeen {
  /** Seconds by which the server's clock is ahead of this machine's. */
  readonly offset: number
  /** Milliseconds there and back, without the time the server took. */
  readonly roundTrip: number
  /** 1 for a server with a clock of its own, 16 for one that is not synchronised. */
  readonly stratum: number
  /** `none`, `insert` or `delete` a second at the end of the day, or `unsynchronised`. */
  readonly leap: 'none' | 'insert' | 'delete' | 'unsynchronised'
  /** Seconds to the reference clock and back, as the server says. */
  readonly rootDelay: number
  /** Seconds by which the server may be wrong, as it says itself. */
  readonly rootDispersion: number
  /** What the server is set by: the name of its clock (`GPS`) at stratum 1, else the address of its own server. */
  readonly reference: string
}

export interface NtpClient {
  readonly target: string
  /** Asks once. Throws TargetError: refused, unreachable, timed out, protocol (nonsense, or the server asks to be left alone). */
  ask(signal: AbortSignal): Promise<NtpSeen>
}
