import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import type { DataDirectory } from './data-directory.ts'
import { writeFileAtomically } from './files.ts'

/**
 * Who an instance is: its UUID and its Ed25519 key. The public half is what an administrator accepts, comparing the fingerprint
 * that both sides show; the private half stays in `keys/identity.key` (PKCS#8, mode 0600). It is apart from the TLS key so that
 * certificates may be exchanged, and connections ended by a proxy, without the instance becoming somebody else.
 */
export interface Identity {
  readonly uuid: string
  /** SPKI as PEM. */
  readonly publicKey: string
  /** SHA-256 of the SPKI, upper-case hexadecimal pairs joined by colons. */
  readonly fingerprint: string
  /** Ed25519 signature of the bytes. */
  sign(bytes: Uint8Array): Uint8Array
  /** For libraries that sign by themselves (JWT). Never leaves the process. */
  readonly privateKey: KeyObject
}

/** Reads the instance's key, or makes it at the first start. @throws FarwatchError `storage-corrupt`, `storage-unwritable` */
export async function openIdentity(directory: DataDirectory): Promise<Identity> {
  const present = await readKey(identityFile(directory), 'ed25519')
  if (present !== undefined) return identityOf(directory.uuid, present)
  const made = identityOf(directory.uuid, makeKey('ed25519'))
  await storeIdentity(directory, made)
  return made
}

export function identityOf(uuid: string, privateKey: KeyObject): Identity {
  const publicKey = createPublicKey(privateKey)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return {
    uuid,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: fingerprintOf(spki),
    sign: (bytes) => sign(null, bytes, privateKey),
    privateKey,
  }
}

/** What credentials are sealed to on their way to this instance: X25519, in `keys/sealing.key` (PKCS#8, mode 0600). */
export interface SealingKey {
  /** SPKI as PEM. */
  readonly publicKey: string
  /** Never leaves the process. */
  readonly privateKey: KeyObject
}

/** Reads the key, or makes it where there is none. @throws FarwatchError `storage-corrupt`, `storage-unwritable` */
export async function openSealingKey(directory: DataDirectory): Promise<SealingKey> {
  const present = await readKey(sealingFile(directory), 'x25519')
  if (present !== undefined) return sealingKeyOf(present)
  const made = sealingKeyOf(makeKey('x25519'))
  await storeSealingKey(directory, made)
  return made
}

export function sealingKeyOf(privateKey: KeyObject): SealingKey {
  return { publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(), privateKey }
}

/** Whether a signature was made by the owner of a public key. */
export function verifySignature(publicKeyPem: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, bytes, createPublicKey(publicKeyPem), signature)
}

/** SHA-256 as people compare it: upper-case hexadecimal pairs joined by colons. */
export function fingerprintOf(der: Uint8Array): string {
  return createHash('sha256')
    .update(der)
    .digest('hex')
    .toUpperCase()
    .replace(/(..)(?!$)/g, '$1:')
}

async function readKey(file: string, type: 'ed25519' | 'x25519'): Promise<KeyObject | undefined> {
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw corrupt(file, messageOf(thrown))
  }
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === type) return key
  } catch {
    // Said below in words that do not repeat what the file holds.
  }
  throw corrupt(file, `it does not hold an ${type === 'ed25519' ? 'Ed25519' : 'X25519'} key`)
}

export function makeKey(type: 'ed25519' | 'x25519'): KeyObject {
  return type === 'ed25519' ? generateKeyPairSync('ed25519').privateKey : generateKeyPairSync('x25519').privateKey
}

/** @throws FarwatchError `storage-unwritable` */
export async function storeIdentity(directory: DataDirectory, { privateKey }: Identity): Promise<void> {
  await writeFileAtomically(identityFile(directory), privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

/** @throws FarwatchError `storage-unwritable` */
export async function storeSealingKey(directory: DataDirectory, { privateKey }: SealingKey): Promise<void> {
  await writeFileAtomically(sealingFile(directory), privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

function identityFile(directory: DataDirectory): string {
  return directory.file('keys', 'identity.key')
}

function sealingFile(directory: DataDirectory): string {
  return directory.file('keys', 'sealing.key')
}

function corrupt(file: string, why: string): FarwatchError {
  return new FarwatchError('storage-corrupt', `the instance's key ${file} cannot be used: ${why}`, {
    hint: 'Restore it from a copy of the data directory. Removing it makes a new key, which servers must accept again.',
  })
}
