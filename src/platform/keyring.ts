import { createPrivateKey } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import type { DataDirectory } from './data-directory.ts'
import { writeFileAtomically } from './files.ts'
import {
  identityOf,
  makeKey,
  openIdentity,
  openSealingKey,
  sealingKeyOf,
  storeIdentity,
  storeSealingKey,
  type Identity,
  type SealingKey,
} from './identity.ts'

export interface InstanceKeys {
  readonly identity: Identity
  readonly sealing: SealingKey
}

/**
 * The keys of an instance and, while they are being exchanged, the next ones.
 *
 *   makeNext ──▶ both on the disk ──the server has taken the next ones──▶ promoteNext
 *                      │
 *                      └──the server still has the present ones──▶ dropNext
 *
 * The next ones are written before a server is told of them. After an end between the two nobody knows what the server has: both are there
 * then, and its answer to either tells. They are one file, so that they come and go together.
 */
export interface Keyring {
  /** Those in use; read it each time. */
  readonly present: InstanceKeys
  readonly next: InstanceKeys | undefined
  /** @throws FarwatchError `storage-unwritable` */
  makeNext(): Promise<InstanceKeys>
  /** The next keys are the present ones from now on. */
  promoteNext(): Promise<void>
  dropNext(): Promise<void>
}

/** @throws FarwatchError `storage-corrupt`, `storage-unwritable` */
export async function openKeyring(directory: DataDirectory): Promise<Keyring> {
  const file = directory.file('keys', 'next.pem')
  const { uuid } = directory
  let present: InstanceKeys = {
    identity: await openIdentity(directory),
    sealing: await openSealingKey(directory),
  }
  let next = await readNext(file, uuid)
  return {
    get present() {
      return present
    },
    get next() {
      return next
    },
    async makeNext() {
      const made = { identity: identityOf(uuid, makeKey('ed25519')), sealing: sealingKeyOf(makeKey('x25519')) }
      const text = [made.identity, made.sealing].map(({ privateKey }) =>
        privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      )
      await writeFileAtomically(file, text.join(''))
      next = made
      return made
    },
    async promoteNext() {
      if (next === undefined) return
      // The identity goes last: as long as it is the former one, the next start finds out by it that the server has the new ones.
      await storeSealingKey(directory, next.sealing)
      await storeIdentity(directory, next.identity)
      present = next
      next = undefined
      await rm(file, { force: true })
    },
    async dropNext() {
      next = undefined
      await rm(file, { force: true })
    },
  }
}

async function readNext(file: string, uuid: string): Promise<InstanceKeys | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw unreadable(file, messageOf(thrown))
  }
  const [identity, sealing] = text.split(/(?<=-----END PRIVATE KEY-----\n)/)
  try {
    if (identity !== undefined && sealing !== undefined)
      return {
        identity: identityOf(uuid, createPrivateKey(identity)),
        sealing: sealingKeyOf(createPrivateKey(sealing)),
      }
  } catch {
    // Said below in words that do not repeat what the file holds.
  }
  throw unreadable(file, 'it does not hold two keys')
}

function unreadable(file: string, why: string): FarwatchError {
  return new FarwatchError('storage-corrupt', `the instance's next keys ${file} cannot be used: ${why}`, {
    hint: 'Remove the file: the instance goes on with the keys it has.',
  })
}
