import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { FarwatchError, messageOf } from '../base/index.ts'

/**
 * A lock that ends with the process that holds it, however that process ends.
 *
 * It is an exclusive SQLite transaction that is never committed. SQLite takes the operating system's own record locks for it
 * (fcntl, LockFileEx), so the kernel gives it back after a `kill -9` and there is no stale lock to judge: a file with a process id
 * can be fooled by a reused id, in a container above all, where Farwatch is number 1 at every start. A child process does not
 * inherit it, unlike `flock`, so a monitoring process that outlives a killed parent holds nothing.
 *
 * The file must not be opened by other means in the process that holds it: POSIX drops a process's record locks when it closes
 * any descriptor of the file.
 */
export interface HeldLock {
  /** Gives it back. May be called twice. */
  release(): void
}

// SQLite's primary result code for "somebody else holds it" (sqlite.org/rescode.html).
const sqliteBusy = 5

/**
 * Takes a lock if nobody holds it.
 * @returns undefined where somebody else does, be it this process
 * @throws FarwatchError `data-directory-unusable` where the file cannot be opened
 */
export function tryLock(file: string): HeldLock | undefined {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { timeout: 0 })
    db.exec('BEGIN EXCLUSIVE')
  } catch (thrown) {
    db?.close()
    if (typeof thrown === 'object' && thrown !== null && 'errcode' in thrown) {
      if ((Number(thrown.errcode) & 0xff) === sqliteBusy) return undefined
    }
    throw new FarwatchError('data-directory-unusable', `${file} cannot be locked: ${messageOf(thrown)}`, {
      hint: 'Check that it is on a local file system and belongs to the user Farwatch runs as.',
      cause: thrown,
    })
  }
  let open: DatabaseSync | undefined = db
  return {
    release() {
      open?.close()
      open = undefined
    },
  }
}

/** As `tryLock`, and waits for another holder to finish. SQLite's own waiting would stop the event loop, and with it a holder in this process. */
export async function waitForLock(file: string, waitMs: number): Promise<HeldLock | undefined> {
  const until = performance.now() + waitMs
  for (;;) {
    const lock = tryLock(file)
    if (lock !== undefined || performance.now() >= until) return lock
    await delay(10)
  }
}
