/** What MongoDB answers, without its own types: moments are epoch milliseconds, other things of BSON's own their text. */
export type MongodbValue = string | number | boolean | null | readonly MongodbValue[] | MongodbDocument
export interface MongodbDocument {
  readonly [field: string]: MongodbValue
}

/** All that is ever asked. None of it changes anything; a client has no way to send another command. */
export const mongodbReadings = {
  /** Who the server is; answered without a sign-in. */
  hello: { hello: 1 },
  buildInfo: { buildInfo: 1 },
  serverStatus: { serverStatus: 1, repl: 0, locks: 0, tcmalloc: 0, sharding: 0, shardedIndexConsistency: 0 },
  replSetGetStatus: { replSetGetStatus: 1 },
  listDatabases: { listDatabases: 1 },
  /** Operations that have run for ten seconds and more. */
  slowOperations: { currentOp: 1, active: true, secs_running: { $gte: 10 } },
} as const
export type MongodbReading = keyof typeof mongodbReadings

export interface MongodbSession {
  /** Milliseconds until the session was ready. */
  readonly connect: number
  /**
   * Throws StatementRefused where the server says no to this (the session stays usable) with the server's name for it as code
   * (`Unauthorized`, `NoReplicationEnabled`, `CommandNotFound`), TargetError otherwise.
   */
  read(what: MongodbReading): Promise<MongodbDocument>
}

export interface MongodbClient {
  readonly target: string
  /**
   * Opens a session with this one server, whatever its role, hands it to `use`, and closes it whatever happens.
   * Throws TargetError: refused, unreachable, timed out, tls, credentials, configuration, protocol.
   */
  session<T>(signal: AbortSignal, use: (session: MongodbSession) => Promise<T>): Promise<T>
}
