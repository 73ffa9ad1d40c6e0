import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'

/**
 * Writes a file whole or not at all: a reader, or the machine after a power loss, sees the old content or the new.
 * The content reaches the disk before the name does, and the name before this resolves.
 * @param mode permission bits; default 0600, since most of what is written here is nobody else's business
 * @throws FarwatchError `storage-unwritable`
 */
export async function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (thrown) {
    await rm(temporary, { force: true })
    throw unwritable(path, thrown)
  }
}

/** Makes a directory, and its parents, that only this user may enter. One that exists is kept as it is, but for its mode. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  try {
    await chmod(path, 0o700)
  } catch (thrown) {
    // A volume of a container may belong to somebody else and be open to our group; files in it are still made private one by one.
    if (systemCodeOf(thrown) !== 'EPERM') throw thrown
  }
}

// A rename is durable only once its directory is on the disk. Windows has no such call and needs none.
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function unwritable(path: string, thrown: unknown): FarwatchError {
  const hints: Record<string, string> = {
    ENOSPC: 'Free space on the disk.',
    EDQUOT: 'The quota of the user Farwatch runs as is used up; raise it or free space.',
    EROFS: 'The file system is mounted read-only.',
    EACCES: 'Make it writable for the user Farwatch runs as.',
    EPERM: 'Make it writable for the user Farwatch runs as.',
  }
  return new FarwatchError('storage-unwritable', `${path} cannot be written: ${messageOf(thrown)}`, {
    hint: hints[systemCodeOf(thrown) ?? ''] ?? 'Check the disk of the data directory.',
    cause: thrown,
  })
}
