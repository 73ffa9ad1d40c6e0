// What is used of the library, which brings no types of its own.
declare module 'oracledb' {
  export interface Connection {
    /** `19.3.0.0.0` */
    readonly oracleServerVersionString: string
    /** Milliseconds that one exchange with the server may take; 0 is for ever. */
    callTimeout: number
    module: string
    execute(
      sql: string,
      binds: readonly [],
      options: { readonly maxRows: number; readonly outFormat: number; readonly fetchArraySize: number },
    ): Promise<{ readonly rows?: readonly Readonly<Record<string, unknown>>[] }>
    rollback(): Promise<void>
    /** With `drop` the connection is closed whatever state it is in. */
    close(options?: { readonly drop: boolean }): Promise<void>
  }
  interface Library {
    readonly OUT_FORMAT_OBJECT: number
    getConnection(attributes: {
      readonly user: string
      readonly password: string
      readonly connectString: string
      readonly walletContent?: string
      readonly walletPassword?: string
    }): Promise<Connection>
  }
  const library: Library
  export default library
}
