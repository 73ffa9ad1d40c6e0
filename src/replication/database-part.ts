import { createHash } from 'node:crypto'
import { open, readFile, rename, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically, type ReplicatedChanges } from '../platform/index.ts'
import type { CopyChunk, CopyProgress, PartSource, PartTarget } from './part.ts'

const name = 'database'

/**
 * The database as it is sent: a copy of the file, which is small. The file of a copy stays until another begins or the standby follows,
 * so that both sides may restart while it is under way. A copy is named by its size and its checksum.
 * @param directory that only this program reads: what is in a copy is as precious as the database
 */
export function databaseSource(changes: ReplicatedChanges, directory: string): PartSource {
  const file = join(directory, 'copy-out.db')
  // One may have been left by the process before.
  let isThere = true
  return {
    name,
    version: changes.version,
    feed: {
      facts: () => changes.facts(),
      read: (after, bytes) => changes.read(after, bytes),
      confirm: async (upTo) => {
        await changes.confirm(upTo)
        if (isThere) await rm(file, { force: true })
        isThere = false
      },
    },
    beginCopy: async () => {
      isThere = true
      const fresh = `${file}.new`
      await rm(fresh, { force: true })
      await changes.copy(fresh)
      await rename(fresh, file)
      return nameOf(file)
    },
    readCopy: async (copy, cursor, bytes) => {
      const size = await sizeOf(file)
      if (sizeIn(copy) !== size) return 'gone'
      const at = cursor === '' ? 0 : Number(cursor)
      if (!Number.isSafeInteger(at) || at > size) return 'gone'
      if (at === size) return 'end'
      const handle = await open(file)
      try {
        const body = new Uint8Array(Math.min(bytes, size - at))
        const { bytesRead } = await handle.read(body, 0, body.length, at)
        return { body: body.subarray(0, bytesRead), next: `${at + bytesRead}` }
      } finally {
        await handle.close()
      }
    },
  }
}

/** The database as it arrives. What is under way is kept beside it, with a note of which copy it is. */
export function databaseTarget(changes: ReplicatedChanges, directory: string): PartTarget {
  const file = join(directory, 'copy-in.db')
  const note = join(directory, 'copy-in.txt')
  const copying = async (): Promise<CopyProgress | undefined> => {
    const copy = await readFile(note, 'utf8').catch(() => undefined)
    return copy === undefined ? undefined : { copy, cursor: `${(await sizeOf(file)) ?? 0}` }
  }
  const forget = async () => {
    await rm(note, { force: true })
    for (const end of ['', '-wal', '-shm', '-journal']) await rm(`${file}${end}`, { force: true })
  }
  return {
    name,
    version: changes.version,
    feed: changes,
    copying,
    takeCopy: async (copy: string, { body, next }: CopyChunk) => {
      if ((await copying())?.copy !== copy) {
        await forget()
        await writeFileAtomically(note, copy)
      }
      const from = Number(next) - body.length
      const size = (await sizeOf(file)) ?? 0
      // An older answer than what is here.
      if (from > size) return
      if (from < size) await truncate(file, from)
      const handle = await open(file, 'a', 0o600)
      try {
        await handle.write(body)
      } finally {
        await handle.close()
      }
    },
    finishCopy: async (copy) => {
      const isWhole = (await nameOf(file)) === copy
      if (isWhole) await changes.install(file)
      await forget()
      return isWhole
    },
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.size
}

async function nameOf(file: string): Promise<string> {
  const content = await readFile(file)
  return `${content.length}-${createHash('sha256').update(content).digest('hex')}`
}

function sizeIn(copy: string): number {
  return Number.parseInt(copy, 10)
}
