import { randomUUID } from 'node:crypto'
import { access, chmod, constants, readFile, statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import { makePrivateDirectory, writeFileAtomically } from './files.ts'
import { tryLock, waitForLock } from './lock.ts'

/** The layout this program writes. It grows by one when an older program could no longer make sense of the directory. */
const format = 1

/**
 * Everything an instance owns, in one directory:
 *
 *   farwatch.json             what this directory is: its format and the instance's UUID
 *   settings.yaml             settings written by people; read, never written
 *   settings.stored.json      settings changed in the portal or by API
 *   farwatch.db, history.db   configuration, alarms, outbox · results and metrics
 *   failover.json             how this server stands in its pair, and the term it has reached
 *   failover-events.json      what is to stand in the audit log once this server acts · drills.json: drills that were run
 *   put-aside/                what this server had before it was exchanged for what the other server of its pair has
 *   certificates/.keystore    TLS key and certificate, and what is trusted (PKCS#12)
 *   keys/                     the instance's own key, the key of the secrets, the keystore's password
 *   spool/, logs/             results on their way to the server · rotated log files
 *   lock.db, lock.json        held while it runs · by whom
 */
export interface DataDirectory {
  /** Absolute. */
  readonly path: string
  readonly uuid: string
  /** When the instance was made, epoch milliseconds. */
  readonly createdAt: number
  /** Whether this very start made it. */
  readonly isNew: boolean
  file(...parts: readonly string[]): string
}

export interface LockedDataDirectory extends DataDirectory {
  /** Gives the lock back. May be called twice. */
  close(): void
}

interface Holder {
  readonly pid: number
  readonly host: string
  /** ISO 8601. */
  readonly since: string
}

/**
 * Makes or reads a data directory without taking it: for commands that work beside a running instance, such as `farwatch trust`.
 * @throws FarwatchError `data-directory-newer` (nothing was touched), `data-directory-unusable`, `storage-corrupt`
 */
export async function prepareDataDirectory(path: string, now: number): Promise<DataDirectory> {
  const directory = resolve(path)
  // Before anything is written: what a newer Farwatch left must stay exactly as it is.
  const found = await readMark(directory)
  try {
    await makePrivateDirectory(directory)
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    for (const part of ['keys', 'certificates']) await makePrivateDirectory(join(directory, part))
  } catch (thrown) {
    throw unusable(directory, thrown)
  }
  if (found !== undefined) return asDirectory(directory, found, false)
  // Two first starts at the same moment must agree on one UUID.
  const making = await waitForLock(join(directory, '.making.db'), 5_000)
  try {
    const meanwhile = await readMark(directory)
    if (meanwhile !== undefined) return asDirectory(directory, meanwhile, false)
    const made: Mark = { format, uuid: randomUUID(), createdAt: new Date(now).toISOString() }
    await writeFileAtomically(join(directory, 'farwatch.json'), `${JSON.stringify(made, null, 2)}\n`)
    return asDirectory(directory, made, true)
  } finally {
    making?.release()
  }
}

/**
 * Makes or reads a data directory and takes it for this process. A second one is refused and told who has it.
 * @param now epoch milliseconds, for the files that say when
 * @throws FarwatchError `data-directory-in-use`, `data-directory-newer`, `data-directory-unusable`, `storage-corrupt`
 */
export async function openDataDirectory(path: string, now: number): Promise<LockedDataDirectory> {
  const directory = await prepareDataDirectory(path, now)
  const lock = tryLock(directory.file('lock.db'))
  if (lock === undefined) throw inUse(directory.path, await readHolder(directory.file('lock.json')))
  try {
    await chmod(directory.file('lock.db'), 0o600)
    const holder: Holder = { pid: process.pid, host: hostname(), since: new Date(now).toISOString() }
    // Also the proof that the directory can be written, before anything else is started.
    await writeFileAtomically(directory.file('lock.json'), `${JSON.stringify(holder)}\n`)
  } catch (thrown) {
    lock.release()
    throw unusable(directory.path, thrown)
  }
  return { ...directory, close: () => lock.release() }
}

/** Who runs on a data directory, or undefined where nobody does. Takes nothing and changes nothing. */
export async function holderOf(path: string): Promise<Holder | undefined> {
  const file = join(resolve(path), 'lock.db')
  try {
    await access(file)
  } catch {
    return undefined
  }
  const lock = tryLock(file)
  if (lock === undefined) return readHolder(join(resolve(path), 'lock.json'))
  lock.release()
  return undefined
}

/** Bytes free for this user on the disk of a directory, and its size. */
export async function diskSpace(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

interface Mark {
  readonly format: number
  readonly uuid: string
  /** ISO 8601. */
  readonly createdAt: string
}

async function readMark(directory: string): Promise<Mark | undefined> {
  const file = join(directory, 'farwatch.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw unusable(directory, thrown)
  }
  const mark = parsed(text)
  if (mark !== undefined && mark.format > format) {
    throw new FarwatchError(
      'data-directory-newer',
      `${directory} was written by a newer Farwatch (format ${mark.format}, this program knows ${format}); it was not touched`,
      { hint: 'Start the newer Farwatch again, or restore a copy of the data directory from before the upgrade.' },
    )
  }
  if (mark === undefined) {
    throw new FarwatchError('storage-corrupt', `${file} does not say what this directory is`, {
      hint: 'Restore it from a copy of the data directory; without it the instance does not know who it is.',
    })
  }
  return mark
}

function parsed(text: string): Mark | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('format' in value) || typeof value.format !== 'number')
    return undefined
  // A newer format may name things otherwise; its number alone is enough to refuse it.
  const uuid = 'uuid' in value && typeof value.uuid === 'string' ? value.uuid : ''
  const createdAt = 'createdAt' in value && typeof value.createdAt === 'string' ? value.createdAt : ''
  if (value.format <= format && (!/^[0-9a-f-]{36}$/.test(uuid) || Number.isNaN(Date.parse(createdAt)))) return undefined
  return { format: value.format, uuid, createdAt }
}

function asDirectory(path: string, mark: Mark, isNew: boolean): DataDirectory {
  return {
    path,
    uuid: mark.uuid,
    createdAt: Date.parse(mark.createdAt),
    isNew,
    file: (...parts) => join(path, ...parts),
  }
}

async function readHolder(file: string): Promise<Holder> {
  try {
    const { pid, host, since } = JSON.parse(await readFile(file, 'utf8')) as Holder
    return { pid: Number(pid), host: String(host), since: String(since) }
  } catch {
    // Between taking the lock and saying so there is a moment; the refusal stands without the name.
    return { pid: 0, host: '', since: '' }
  }
}

function inUse(path: string, holder: Holder): FarwatchError {
  const who =
    holder.pid === 0 ? 'another process' : `process ${holder.pid} on ${holder.host}, running since ${holder.since}`
  return new FarwatchError('data-directory-in-use', `the data directory ${path} is in use by ${who}`, {
    hint: 'Stop that instance first, or give this one a data directory of its own with --data.',
  })
}

function unusable(path: string, thrown: unknown): FarwatchError {
  const why = thrown instanceof FarwatchError ? thrown.message : messageOf(thrown)
  return new FarwatchError('data-directory-unusable', `the data directory ${path} cannot be used: ${why}`, {
    hint: 'It must be a directory on a local disk that the user Farwatch runs as owns and may write.',
    cause: thrown,
  })
}
