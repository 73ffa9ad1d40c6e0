import { siblingModule } from '../sibling-module.ts'
import { WorkerClient } from '../worker.ts'
import type { ChangeFeed, ChangePoint } from './change-line.ts'
import { makeMethods, type DatabaseMethods, type DatabaseOptions } from './database-methods.ts'
import { schemaVersion, type SqlValue, type Statement } from './statement.ts'

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

/** The feed of a database: batches of statements. `write` goes on for local tables while it follows. */
export interface ReplicatedChanges extends ChangeFeed {
  /** `schemaVersion` of its tables, as this program knows them. */
  readonly version: number
  /** Writes a copy without what is local to a new file. @returns the point at which it is */
  copy(file: string): Promise<ChangePoint>
  /** Takes a copy over, and follows from there. The file is brought to this version in place. @throws `data-directory-newer` */
  install(file: string): Promise<ChangePoint>
}

export interface ReplicatedDatabase extends Database {
  /**
   * Reads the whole file as it is on the disk, whatever of it is in memory. @returns what is wrong with it, in SQLite's words; undefined where it is
   * whole @throws FarwatchError `storage-corrupt` where it cannot be read at all
   */
  check(): Promise<string | undefined>
  readonly changes: ReplicatedChanges
}

/** Opens, creates or migrates a database file; resolves when it is usable. */
export async function openDatabase(options: DatabaseOptions): Promise<ReplicatedDatabase> {
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
    check: () => worker.call('check', undefined),
    changes: {
      version: schemaVersion(options.schema),
      facts: () => worker.call('logFacts', undefined),
      startLogging: (line) => worker.call('startLogging', line),
      startFollowing: async () => void (await worker.call('startFollowing', undefined)),
      stop: async () => void (await worker.call('stopLogging', undefined)),
      read: (after, bytes) => worker.call('readChanges', { after, bytes }),
      confirm: async (upTo) => void (await worker.call('confirmChanges', upTo)),
      apply: (changes) => worker.call('applyChanges', changes),
      copy: (to) => worker.call('copy', { to }),
      install: (from) => worker.call('install', { from }),
    },
    close: () =>
      (closed ??= worker
        .call('close', undefined)
        .then(() => undefined)
        .finally(() => worker.end())),
  }
}

/** A database in this thread, for tests and simulations: each call is done before it returns its promise. In memory, unless a file is named. */
export function openMemoryDatabase(
  options: Omit<DatabaseOptions, 'file'> & { readonly file?: string },
): ReplicatedDatabase {
  const methods = makeMethods({ file: ':memory:', ...options })
  const answer = <T>(act: () => T): Promise<T> => new Promise((resolve) => resolve(act()))
  let isClosed = false
  return {
    // See above.
    read: <R>(sql: string, params = {}) => answer(() => methods.read({ sql, params }) as R[]),
    write: (batch) => answer(() => methods.write(batch)),
    backup: (to) => answer(() => void methods.backup({ to })),
    check: () => answer(() => methods.check(undefined)),
    changes: {
      version: schemaVersion(options.schema),
      facts: () => answer(() => methods.logFacts(undefined)),
      startLogging: (line) => answer(() => methods.startLogging(line)),
      startFollowing: () => answer(() => void methods.startFollowing(undefined)),
      stop: () => answer(() => void methods.stopLogging(undefined)),
      read: (after, bytes) => answer(() => methods.readChanges({ after, bytes })),
      confirm: (upTo) => answer(() => void methods.confirmChanges(upTo)),
      apply: (changes) => answer(() => methods.applyChanges(changes)),
      copy: (to) => answer(() => methods.copy({ to })),
      install: (from) => answer(() => methods.install({ from })),
    },
    close: () =>
      answer(() => {
        if (!isClosed) methods.close(undefined)
        isClosed = true
      }),
  }
}
