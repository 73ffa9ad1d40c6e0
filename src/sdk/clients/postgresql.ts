export type PostgresqlValue = string | number | boolean | null
export type PostgresqlRow = Readonly<Record<string, PostgresqlValue>>

export interface PostgresqlSession {
  /** The server's version as a number: 150018 is 15.18. */
  readonly version: number
  /** Milliseconds until the session was ready. */
  readonly connect: number
  /**
   * Runs one statement, read-only and bounded in time. Numbers of all kinds come as numbers.
   * Throws StatementRefused where the server says no to this statement (the session stays usable), TargetError otherwise.
   */
  query(sql: string, maxRows: number): Promise<readonly PostgresqlRow[]>
}

export interface PostgresqlClient {
  readonly target: string
  readonly database: string
  /**
   * Opens a session, hands it to `use`, and closes it whatever happens.
   * Throws TargetError: refused, unreachable, timed out, tls, credentials, protocol.
   */
  session<T>(signal: AbortSignal, use: (session: PostgresqlSession) => Promise<T>): Promise<T>
}
