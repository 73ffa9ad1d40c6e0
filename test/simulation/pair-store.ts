import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { ArrivingCopy, type CopyCursor, type HistoryCopy } from '../../src/app/history-copy.ts'
import { historySchema } from '../../src/app/history-store.ts'
import { deliverySchema } from '../../src/delivery/index.ts'
import { distributionSchema } from '../../src/distribution/index.ts'
import { historyLine } from '../../src/ingest/index.ts'
import {
  openMemoryDatabase,
  openSqlite,
  writeState,
  type ReplicatedDatabase,
  type SchemaPart,
} from '../../src/platform/index.ts'

/** What the simulation's own join keeps: in which term the last change was made, and up to where the results are judged. */
const joinSchema: SchemaPart = {
  name: 'simulation',
  steps: [
    `CREATE TABLE data_term (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), term INTEGER NOT NULL) STRICT;
     CREATE TABLE judged (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), position INTEGER NOT NULL) STRICT;
     INSERT INTO data_term VALUES (1, 0);
     INSERT INTO judged VALUES (1, 0);`,
  ],
}

const schema = [distributionSchema, deliverySchema, joinSchema]

/** What of the data of one server of a pair is on its disk, but for the file of the pair itself. Commits outlive a crash. */
export class PairStore {
  database: ReplicatedDatabase = openMemoryDatabase({ schema })
  history: DatabaseSync = openSqlite(':memory:', { schema: historySchema })
  #directory: string | undefined
  #files = 0
  /** Of the database: as it is sent, and as it arrives. */
  #outgoing: { readonly copy: string; readonly bytes: Uint8Array } | undefined
  #incoming: { readonly copy: string; bytes: Uint8Array } | undefined
  /** Of the history. */
  #arriving: { readonly file: string; readonly copy: ArrivingCopy } | undefined

  /** Both stores of a pair at its beginning: the follower holds what the other has, which is nothing. */
  async begin(as: 'logging' | 'following'): Promise<void> {
    writeState(this.history, historyLine, as, { line: 'history-1', position: 0, checksum: '' })
    await this.database.changes.startLogging('database-1')
    if (as === 'following') await this.database.changes.startFollowing()
  }

  // --- Copies of the database, as `replication/database-part.ts` makes them of files

  async makeCopy(copyTo: (file: string) => Promise<unknown>): Promise<string> {
    const file = this.#newFile()
    await copyTo(file)
    const bytes = readFileSync(file)
    rmSync(file)
    const copy = nameOf(bytes)
    this.#outgoing = { copy, bytes }
    return copy
  }

  readCopy(copy: string, at: number, size: number): Uint8Array | 'gone' {
    if (this.#outgoing?.copy !== copy) return 'gone'
    return this.#outgoing.bytes.subarray(at, at + size)
  }

  forgetCopy(): void {
    this.#outgoing = undefined
  }

  get copying(): { readonly copy: string; readonly size: number } | undefined {
    return this.#incoming && { copy: this.#incoming.copy, size: this.#incoming.bytes.length }
  }

  keepChunk(copy: string, body: Uint8Array, end: number): void {
    if (this.#incoming?.copy !== copy) this.#incoming = { copy, bytes: new Uint8Array() }
    const { bytes } = this.#incoming
    const from = end - body.length
    if (from > bytes.length) return
    this.#incoming.bytes = Buffer.concat([bytes.subarray(0, from), body])
  }

  async installCopy(copy: string, install: (file: string) => Promise<unknown>): Promise<boolean> {
    const incoming = this.#incoming
    this.#incoming = undefined
    if (incoming === undefined || nameOf(incoming.bytes) !== copy) return false
    const file = this.#newFile()
    writeFileSync(file, incoming.bytes)
    await install(file)
    rmSync(file)
    return true
  }

  // --- Copies of the history, as `app/history-part.ts` takes them

  get historyCopying(): { readonly copy: HistoryCopy; readonly cursor: CopyCursor } | undefined {
    return this.#arriving?.copy.progress()
  }

  takeHistory(copy: HistoryCopy, chunk: { readonly body: Uint8Array; readonly next: CopyCursor }): void {
    if (JSON.stringify(this.historyCopying?.copy) !== JSON.stringify(copy)) {
      this.#arriving?.copy.close()
      const file = this.#newFile()
      this.#arriving = { file, copy: new ArrivingCopy(file) }
    }
    this.#arriving!.copy.take(copy, chunk)
  }

  /** @returns the history that takes the place of the one before */
  finishHistory(copy: HistoryCopy): DatabaseSync | undefined {
    const arriving = this.#arriving
    if (arriving === undefined || !arriving.copy.finish(copy)) return undefined
    this.#arriving = undefined
    arriving.copy.close()
    return openSqlite(arriving.file, { schema: historySchema })
  }

  replaceHistory(by: DatabaseSync): void {
    this.history.close()
    this.history = by
    by.exec('PRAGMA synchronous = OFF')
  }

  // --- Backups of the whole directory

  async backUp(): Promise<PairBackup> {
    const database = this.#newFile()
    await this.database.backup(database)
    const history = this.#newFile()
    this.history.prepare('VACUUM INTO $file').run({ file: history })
    return { database, history }
  }

  async restore(backup: PairBackup): Promise<void> {
    const [database, history] = [this.#newFile(), this.#newFile()]
    copyFileSync(backup.database, database)
    copyFileSync(backup.history, history)
    await this.database.close()
    this.database = openMemoryDatabase({ schema, file: database })
    this.replaceHistory(openSqlite(history, { schema: historySchema }))
    this.#arriving?.copy.close()
    this.#arriving = undefined
    this.#incoming = undefined
    this.#outgoing = undefined
  }

  async close(): Promise<void> {
    this.#arriving?.copy.close()
    await this.database.close()
    this.history.close()
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true })
  }

  #newFile(): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'farwatch-simulation-'))
    return join(this.#directory, `${++this.#files}.db`)
  }
}

export interface PairBackup {
  readonly database: string
  readonly history: string
}

function nameOf(bytes: Uint8Array): string {
  return `${bytes.length}-${createHash('sha256').update(bytes).digest('hex')}`
}
