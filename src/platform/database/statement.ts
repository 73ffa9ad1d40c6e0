export type SqlValue = string | number | bigint | null | Uint8Array

/** One SQL statement with named parameters (`$name`), as SQLite and PostgreSQL both understand it. */
export interface Statement {
  readonly sql: string
  readonly params?: Readonly<Record<string, SqlValue>>
  /** How many rows it must change. Another number undoes the whole batch with the error `conflict`. */
  readonly expect?: number
}

/** The tables of one engine: numbered steps that are only ever added to. Step n takes version n to n + 1. */
export interface SchemaPart {
  readonly name: string
  readonly steps: readonly string[]
}

/** Grows with every step of any part: of two programs the newer one has the higher. */
export function schemaVersion(schema: readonly SchemaPart[]): number {
  return schema.reduce((sum, { steps }) => sum + steps.length, 0)
}
