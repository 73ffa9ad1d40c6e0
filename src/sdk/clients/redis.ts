export type RedisReply = string | number | null | readonly RedisReply[]

/** All that is ever sent after the sign-in. None of it changes anything; a client has no way to send another command. */
export type RedisReading =
  | readonly ['INFO']
  | readonly ['CLUSTER', 'INFO']
  | readonly ['SLOWLOG', 'LEN']
  | readonly ['TYPE' | 'LLEN' | 'XLEN' | 'SCARD' | 'ZCARD' | 'HLEN', key: string]

export interface RedisSession {
  /** Milliseconds until the session was ready. */
  readonly connect: number
  /** Throws StatementRefused where the server says no to this command (the session stays usable), TargetError otherwise. */
  read(...command: RedisReading): Promise<RedisReply>
}

export interface RedisClient {
  readonly target: string
  /**
   * Opens a session in the connector's database, hands it to `use`, and closes it whatever happens.
   * Throws TargetError: refused, unreachable, timed out, tls, credentials, configuration, too large, protocol.
   */
  session<T>(signal: AbortSignal, use: (session: RedisSession) => Promise<T>): Promise<T>
}
