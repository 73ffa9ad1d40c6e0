import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { writeFileAtomically } from './files.ts'

/**
 * What a part that must survive a crash asks of a disk. Paths are absolute. Every call rejects with what the system says (`code` is ENOENT,
 * ENOSPC, …). What was written is there for readers at once, and after a loss of power only once it was synced: the content of a file by
 * its `sync`, its name by `syncDirectory`. `MemoryDisk` is the second one, which loses exactly what is not promised here.
 */
export interface Disk {
  /** With its parents; one that is there is left as it is. Only this user may enter. */
  makeDirectory(path: string): Promise<void>
  /** The names of the files in a directory, in no order. */
  list(directory: string): Promise<readonly string[]>
  read(path: string): Promise<Buffer>
  /** Replaces or makes a file; nothing is synced. */
  write(path: string, content: Uint8Array): Promise<void>
  /** Old content or new, whatever happens; durable when it resolves. @throws FarwatchError `storage-unwritable` */
  writeAtomically(path: string, content: string | Uint8Array): Promise<void>
  /** Begins a file that is written piece by piece; one of this name is emptied. */
  create(path: string): Promise<DiskFile>
  /** Opens a file for records that are overwritten in place; made where it is missing. @throws what the system says, like its writes */
  openRecords(path: string): RecordFile
  rename(from: string, to: string): Promise<void>
  /** One that is missing is fine. */
  remove(path: string): Promise<void>
  truncate(path: string, length: number): Promise<void>
  /** Epoch milliseconds by the machine's wall clock. */
  modifiedAt(path: string): Promise<number>
  /** The names in a directory are durable when it resolves, on systems that have such a call. */
  syncDirectory(path: string): Promise<void>
}

export interface DiskFile {
  /** Writes bytes from `offset` on to `position` in the file. @returns how many, which may be fewer than are there */
  write(bytes: Uint8Array, offset: number, position: number): Promise<number>
  /** The content is durable when it resolves; after a failure nobody knows what is. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/** At once and unsynced: for what is written every second, and useful though the newest of it may be lost. */
export interface RecordFile {
  write(record: Uint8Array, position: number): void
  close(): void
}

/** The disk of this machine. */
export const systemDisk: Disk = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  write: (path, content) => writeFile(path, content, { mode: 0o600 }),
  writeAtomically: (path, content) => writeFileAtomically(path, content),
  async create(path) {
    const handle = await open(path, 'w', 0o600)
    return {
      write: async (bytes, offset, position) =>
        (await handle.write(bytes, offset, bytes.length - offset, position)).bytesWritten,
      sync: () => handle.datasync(),
      truncate: (length) => handle.truncate(length),
      close: () => handle.close(),
    }
  },
  openRecords(path) {
    const fd = openForRecords(path)
    return {
      write: (record, position) => void writeSync(fd, record, 0, record.length, position),
      close: () => closeSync(fd),
    }
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  truncate: (path, length) => truncate(path, length),
  modifiedAt: async (path) => (await stat(path)).mtimeMs,
  async syncDirectory(path) {
    // Windows has no such call and needs none.
    const handle = await open(path, 'r').catch(() => undefined)
    if (handle === undefined) return
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

function openForRecords(path: string): number {
  try {
    return openSync(path, 'r+')
  } catch {
    return openSync(path, 'w+', 0o600)
  }
}
