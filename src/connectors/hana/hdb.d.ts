/** As much of hdb as is used here; it brings no types of its own. */
declare module 'hdb' {
  import type { Socket } from 'node:net'
  import type { Readable } from 'node:stream'

  export interface Column {
    readonly dataType: number
    readonly columnDisplayName: string
  }

  export interface ResultSet {
    readonly metadata: readonly Column[]
    readonly closed: boolean
    setFetchSize(rows: number): this
    /** Gives lists of rows, each a list of its values where `rowsAsArray` was asked for. */
    createArrayStream(rows: number): Readable
    close(done: (error?: Error) => void): void
  }

  export interface ConnectOptions {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly databaseName?: string
    /** Milliseconds. */
    readonly initializationTimeout: number
    readonly disableCloudRedirect: boolean
    readonly [sessionVariable: `SESSIONVARIABLE:${string}`]: string
  }

  export class Client {
    constructor(options: ConnectOptions)
    connect(done: (error?: Error | null) => void): void
    execute(
      sql: string,
      options: { readonly rowsAsArray: true },
      done: (error: Error | null | undefined, answer?: ResultSet | number) => void,
    ): void
    disconnect(done: (error?: Error | null) => void): void
    on(event: 'error', listener: (error: Error) => void): this
    readonly _connection: {
      _cleanup: () => void
      _clearQueue(error: Error): void
      _connectFn: (
        options: { readonly host: string; readonly port: number },
        done: (error: Error | null, socket?: Socket) => void,
      ) => void
    }
  }
}
