import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What the files below a directory take on the disk, in bytes. */
export async function directoryBytes(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).blocks * 512),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
