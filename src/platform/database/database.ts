import { inPieces, breathing, type Pieces } from '../pace.ts'
import { siblingModule } from '../sibling-module.ts'
import { systemClock } from '../system-clock.ts'
import { WorkerClient } from '../worker.ts'
import type { ChangeFeed, ChangePoint } from './change-line.ts'
import { makeMethods, type DatabaseMethods, type DatabaseOptions, type StatementPiece } from './database-methods.ts'
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

/**
 * Longer batches go to the thread in pieces of so many statements: to copy the three hundred thousand of a large configuration takes a second, in
 * which the event loop would stand still.
 */
const longestPiece = 500

function* piecesOf(batch: readonly Statement[], send: (piece: StatementPiece) => void): Pieces<void> {
  for (let from = 0; from < batch.length; from += longestPiece) {
    const texts = new Map<string, number>()
    const statements = batch.slice(from, from + longestPiece).map(({ sql, params, expect }) => {
      const text = texts.get(sql) ?? texts.size
      texts.set(sql, text)
      return { text, params, expect }
    })
    send({ isFirst: from === 0, texts: [...texts.keys()], statements })
    yield
  }
}

/** Writes in the order of the calls, however long a batch is on its way. */
class Writes {
  readonly #worker: WorkerClient<DatabaseMethods>
  /** Settles when the last of those is written that wait for each other; undefined where none does. Never rejects. */
  #last: Promise<unknown> | undefined

  constructor(worker: WorkerClient<DatabaseMethods>) {
    this.#worker = worker
  }

  write(batch: readonly Statement[]): Promise<readonly number[]> {
    const isLong = batch.length > longestPiece
    // The thread keeps the order of what it is sent at once.
    if (!isLong && this.#last === undefined) return this.#worker.call('write', batch)
    const act = () => (isLong ? this.#writeLong(batch) : this.#worker.call('write', batch))
    const mine = this.#last === undefined ? act() : this.#last.then(act)
    const last = mine
      .catch(() => undefined)
      .then(() => {
        if (this.#last === last) this.#last = undefined
      })
    this.#last = last
    return mine
  }

  /** Resolves when all that was asked for is written, or was refused. */
  async settle(): Promise<void> {
    while (this.#last !== undefined) await this.#last
  }

  async #writeLong(batch: readonly Statement[]): Promise<readonly number[]> {
    const sent: Promise<unknown>[] = []
    await inPieces(
      piecesOf(batch, (piece) => sent.push(this.#worker.call('gather', piece))),
      breathing(systemClock),
    )
    const [written] = await Promise.all([this.#worker.call('writeGathered', undefined), ...sent])
    return written
  }
}

/** Opens, creates or migrates a database file; resolves when it is usable. */
export async function openDatabase(options: DatabaseOptions): Promise<ReplicatedDatabase> {
  const worker = new WorkerClient<DatabaseMethods>(
    siblingModule(import.meta.url, 'database-worker'),
    options,
    'database',
  )
  const writes = new Writes(worker)
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
    write: (batch) => writes.write(batch),
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
      (closed ??= writes
        .settle()
        .then(() => worker.call('close', undefined))
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
