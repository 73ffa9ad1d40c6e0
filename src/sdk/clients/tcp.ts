import type { CertificateFacts } from './http.ts'

export interface TcpConnected {
  /** The address that answered. */
  readonly address: string
  /** Milliseconds of finding the address; absent where the host is one already. */
  readonly dns?: number
  /** Milliseconds of the handshake alone. */
  readonly connect: number
}

export interface TcpTalk extends TcpConnected {
  /** What came, at most `maxBytes` of it, read as UTF-8. */
  readonly received: string
  /** Milliseconds from the connection to the first byte; absent where nothing came. */
  readonly firstByte?: number
}

export interface TlsSeen extends TcpConnected {
  readonly tls: number
  /** `TLSv1.3` */
  readonly protocol: string
  readonly cipher: string
  readonly certificate: CertificateFacts
  /** Why the system's authorities do not vouch for the chain, leaving names and dates aside; undefined where they do. */
  readonly chainProblem?: string
  /** Why the certificate is not one for the name asked for; undefined where it is. */
  readonly nameProblem?: string
  /** The certificates that came, leaf first: their subjects and when each ends (epoch milliseconds). */
  readonly chain: readonly { readonly subject: string; readonly validTo: number }[]
}

export interface TcpClient {
  /** `host:port`, for messages. */
  readonly target: string
  /** Opens and closes a connection. Throws TargetError: refused, unreachable, timed out. */
  connect(signal: AbortSignal): Promise<TcpConnected>
  /**
   * Opens a connection, sends `send`, and reads until `until` says that it is enough, the other side ends or `maxBytes` came.
   * Throws TargetError as `connect` does; `timed out` where the other side falls silent first.
   */
  talk(
    exchange: { readonly send?: string; readonly maxBytes: number; readonly until: (received: string) => boolean },
    signal: AbortSignal,
  ): Promise<TcpTalk>
  /** Shakes hands by TLS with whatever certificate there is and reports it. Throws TargetError where no handshake succeeds. */
  tls(options: { readonly serverName?: string }, signal: AbortSignal): Promise<TlsSeen>
}
