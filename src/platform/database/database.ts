import { WorkerClient, siblingModule } from '../worker.ts'
import { makeMethods, type DatabaseMethods } from './database-methods.ts'
import type { SchemaPart, SqlValue, Statement } from './statement.ts'

/** A row as SQLite gives it. The question's file says what is in it. */
export type Row = Readonly<Record<string, SqlValue>>

/**
 * The relational side of an instance: configuration, users, audit, alarms, outbox.
 *
 * There are no interactive transactions: what must hold together is written as one batch, which is stored whole or not at all, in
 * the order of the calls. One process writes a data directory, so a decision read from memory before the batch is still true
 * when it is written; where it might not be, a statement says what it `expect`s.
 */
export interface Database {
  read<R = Row>(sql: string, params?: Readonly<Record<string, SqlValue>>): Promise<R[]>
  /** @returns the number of rows each statement changed. @throws FarwatchError `storage-unwritable`, `conflict` */
  write(batch: readonly Statement[]): Promise<readonly number[]>
  /** Writes a consistent copy of the whole database to a new file. */
  backup(file: string): Promise<void>
  close(): Promise<void>
}

/** Opens, creates or migrates a database file; resolves when it is usable. */
export async function openDatabase(options: { file: string; schema: readonly SchemaPart[] }): Promise<Database> {
  const worker = new WorkerClient<DatabaseMethods>(
    siblingModule(import.meta.url, 'database-worker'),
    options,
    'database',
  )
  let closed: Promise<void> | undefined
  try {
    await worker.call('ready', undefined)
  } catch (thrown) {
    await worker.end()
    throw thrown
  }
  return {
    // The caller names the row's shape beside its SQL; nothing else knows it.
    read: async <R>(sql: string, params = {}) => (await worker.call('read', { sql, params })) as R[],
    write: (batch) => worker.call('write', batch),
    backup: async (to) => void (await worker.call('backup', { to })),
    close: () => (closed ??= worker.call('close', undefined).then(() => worker.end())),
  }
}

/** A database in memory and in this thread, for tests and simulations: each call is done before it returns its promise. */
export function openMemoryDatabase(options: { schema: readonly SchemaPart[] }): Database {
  const methods = makeMethods({ file: ':memory:', schema: options.schema })
  const answer = <T>(act: () => T): Promise<T> => new Promise((resolve) => resolve(act()))
  let isClosed = false
  return {
    // See above.
    read: <R>(sql: string, params = {}) => answer(() => methods.read({ sql, params }) as R[]),
    write: (batch) => answer(() => methods.write(batch)),
    backup: (to) => answer(() => void methods.backup({ to })),
    close: () =>
      answer(() => {
        if (!isClosed) methods.close(undefined)
        isClosed = true
      }),
  }
}
