import { rmSync } from 'node:fs'
import { writeFileAtomically, type DataDirectory } from '../platform/index.ts'

/** How the command line of this machine reaches the instance that runs on a data directory. */
export interface LocalAccess {
  readonly url: string
  readonly token: string
  /** SHA-256 of the certificate the instance showed when it started. */
  readonly fingerprint: string
}

const name = 'local-access.json'

/** Leaves it in the data directory, readable by its owner only. A token is good until the instance ends, and the next start makes another. */
export async function leaveLocalAccess(directory: DataDirectory, access: LocalAccess): Promise<void> {
  await writeFileAtomically(directory.file(name), `${JSON.stringify({ version: 1, ...access })}\n`)
}

/** Takes it away when the instance ends in order, so that commands say at once that nothing runs. */
export function removeLocalAccess(directory: DataDirectory): void {
  rmSync(directory.file(name), { force: true })
}
