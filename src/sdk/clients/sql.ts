export const sqlDialects = ['hana', 'mssql', 'mysql', 'oracle', 'postgresql'] as const
export type SqlDialect = (typeof sqlDialects)[number]

/** Numbers of all kinds are numbers, moments and everything else their text. */
export type SqlValue = string | number | boolean | null

/**
 * Columns by name, as the statement names them. A database that writes every unquoted name in capitals (HANA, Oracle) gives them in lower
 * case, so that `SELECT count(*) AS orders` gives `orders` everywhere.
 */
export type SqlRow = Readonly<Record<string, SqlValue>>

export interface SqlSession {
  /** The server's version, dotted numbers first: `15.18`, `10.11.6-MariaDB`, `2.00.059.00.1636`. For `isVersionAtLeast`. */
  readonly version: string
  /** Milliseconds until the session was ready; next to nothing where an open one was at hand. */
  readonly connect: number
  /**
   * Runs one statement that only reads: the client sees to it by the session's own means, and that it ends within the connector's statement
   * timeout. At most `maxRows` rows come; the rest stays with the server or is thrown away unseen. One statement at a time.
   * Throws StatementRefused where the server says no to this statement (the session stays usable), TargetError otherwise.
   */
  query(sql: string, maxRows: number): Promise<readonly SqlRow[]>
}

/** A database that is asked by SQL. Every connector type that leads to one hands out this, so that a monitor may serve several types. */
export interface SqlClient {
  /** `host:port`, for messages. */
  readonly target: string
  /** The name of the database, tenant or service within the server; for facts. */
  readonly database: string
  readonly dialect: SqlDialect
  /**
   * Opens a session or takes one that is kept, hands it to `use`, and gives it back or closes it whatever happens.
   * Throws TargetError: refused, unreachable, timed out, tls, credentials, configuration, protocol.
   */
  session<T>(signal: AbortSignal, use: (session: SqlSession) => Promise<T>): Promise<T>
}
