import { dirname, join } from 'node:path'
import { FarwatchError, messageOf, type Random } from '../base/index.ts'
import type { Disk, DiskFile } from './disk.ts'

export interface MemoryDiskOptions {
  /** Wall clock, for `modifiedAt`. */
  readonly now: () => number
  /** Decides what of the unsynced writes a loss of power leaves. */
  readonly random: Random
}

/**
 * Carries out one call: `act` does what it does at once, and the call ends when the promise does. Where it never resolves, the call
 * hangs, as for a program that was ended meanwhile; a delay before and after `act` is a slow disk.
 */
export type Around = <T>(act: () => T) => Promise<T>

interface Content {
  now: Buffer
  /** What a loss of power leaves for certain. */
  durable: Buffer
  modifiedAt: number
}

/**
 * A disk in memory that keeps only what was promised: a loss of power takes names and bytes that were not synced, or leaves some of them,
 * in the middle of a write too. It can be full. Several programs may hold it one after another, each by an `open` of its own.
 */
export class MemoryDisk {
  readonly #options: MemoryDiskOptions
  #names = new Map<string, Content>()
  #durableNames = new Map<string, Content>()
  /** All files together may grow up to here; overwriting is possible on a full disk, too. */
  capacityBytes = Infinity

  constructor(options: MemoryDiskOptions) {
    this.#options = options
  }

  /** The disk as one program sees it. */
  open(around: Around = (act) => new Promise((resolve) => resolve(act()))): Disk {
    return {
      makeDirectory: () => around(() => undefined),
      list: (directory) => around(() => this.#list(directory)),
      read: (path) => around(() => Buffer.from(this.#find(path).now)),
      write: (path, content) => around(() => this.#resize(this.#make(path), content)),
      writeAtomically: (path, content) =>
        around(() => {
          const file = this.#content()
          try {
            this.#resize(file, Buffer.from(content))
          } catch (thrown) {
            throw new FarwatchError('storage-unwritable', `${path} cannot be written: ${messageOf(thrown)}`, {
              hint: 'Free space on the disk.',
              cause: thrown,
            })
          }
          file.durable = file.now
          this.#names.set(path, file)
          this.#durableNames.set(path, file)
        }),
      create: (path) => around(() => this.#file(this.#make(path), around)),
      openRecords: (path) => {
        const file = this.#names.get(path) ?? this.#make(path)
        return { write: (record, position) => void this.#write(file, record, position), close: () => undefined }
      },
      rename: (from, to) =>
        around(() => {
          const file = this.#find(from)
          this.#names.delete(from)
          this.#names.set(to, file)
        }),
      remove: (path) => around(() => void this.#names.delete(path)),
      truncate: (path, length) =>
        around(() => {
          const file = this.#find(path)
          this.#resize(file, file.now.subarray(0, length))
        }),
      modifiedAt: (path) => around(() => this.#find(path).modifiedAt),
      syncDirectory: (path) => around(() => this.#syncNames(path)),
    }
  }

  /** What a system does every half a minute or so: everything is durable now. */
  writeBack(): void {
    this.#durableNames = new Map(this.#names)
    for (const file of this.#names.values()) file.durable = file.now
  }

  /** Whoever holds the disk has to be gone. */
  losePower(): void {
    const { random } = this.#options
    // A name that was not synced may have reached the disk all the same, and one that was removed may still be there.
    const names = new Map(this.#durableNames)
    for (const [path, file] of this.#names) if (random() < 0.5) names.set(path, file)
    for (const path of this.#durableNames.keys()) if (!this.#names.has(path) && random() < 0.5) names.delete(path)
    for (const file of new Set(names.values())) {
      const kept = random() < 0.5 ? 0 : Math.floor(random() * (file.now.length + 1))
      if (file.now !== file.durable) file.now = Buffer.concat([file.now.subarray(0, kept), file.durable.subarray(kept)])
      file.durable = file.now
    }
    this.#names = names
    this.#durableNames = new Map(names)
  }

  /** What a file has in it now, for onlookers. */
  peek(path: string): Buffer | undefined {
    return this.#names.get(path)?.now
  }

  /** Of all files together. */
  get bytes(): number {
    let sum = 0
    for (const { now } of this.#names.values()) sum += now.length
    return sum
  }

  #list(directory: string): readonly string[] {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(join(directory, '/').length))
      .sort()
  }

  #find(path: string): Content {
    const file = this.#names.get(path)
    if (file === undefined) throw systemError('ENOENT', `no such file or directory, open '${path}'`)
    return file
  }

  #content(): Content {
    return { now: Buffer.alloc(0), durable: Buffer.alloc(0), modifiedAt: this.#options.now() }
  }

  /** A file of that name, empty. */
  #make(path: string): Content {
    const known = this.#names.get(path)
    if (known !== undefined) {
      this.#resize(known, Buffer.alloc(0))
      return known
    }
    if (this.bytes >= this.capacityBytes) throw noSpace()
    const file = this.#content()
    this.#names.set(path, file)
    return file
  }

  #file(file: Content, around: Around): DiskFile {
    return {
      write: (bytes, offset, position) => around(() => this.#write(file, bytes.subarray(offset), position)),
      sync: () => around(() => void (file.durable = file.now)),
      truncate: (length) => around(() => this.#resize(file, file.now.subarray(0, length))),
      close: () => around(() => undefined),
    }
  }

  /** On a disk that gets full in the middle, what fits is written. */
  #write(file: Content, bytes: Uint8Array, position: number): number {
    const room = Math.max(file.now.length, file.now.length + this.capacityBytes - this.bytes) - position
    const length = Math.min(bytes.length, room)
    if (length <= 0) throw noSpace()
    const now = Buffer.alloc(Math.max(file.now.length, position + length))
    now.set(file.now)
    now.set(bytes.subarray(0, length), position)
    file.now = now
    file.modifiedAt = this.#options.now()
    return length
  }

  #resize(file: Content, content: Uint8Array): void {
    if (content.length > file.now.length && this.bytes + content.length - file.now.length > this.capacityBytes)
      throw noSpace()
    file.now = Buffer.from(content)
    file.modifiedAt = this.#options.now()
  }

  #syncNames(directory: string): void {
    for (const path of this.#durableNames.keys())
      if (dirname(path) === directory && !this.#names.has(path)) this.#durableNames.delete(path)
    for (const [path, file] of this.#names) if (dirname(path) === directory) this.#durableNames.set(path, file)
  }
}

function noSpace(): Error {
  return systemError('ENOSPC', 'no space left on device, write')
}

function systemError(code: string, words: string): Error {
  return Object.assign(new Error(`${code}: ${words}`), { code })
}
