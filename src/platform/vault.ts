import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import type { DataDirectory } from './data-directory.ts'
import { writeFileAtomically } from './files.ts'

/**
 * Encrypts what must not be read from a stolen database or backup: credentials and the secret settings of plugins.
 * The key is a file of its own, `keys/secret.key`, so that a copy of the database alone is worth nothing.
 */
export interface Vault {
  /**
   * @param context what the secret belongs to (`credential:<id>`); it opens under the same words only, so that one who can write
   *   the database cannot move a secret to where they may use it
   * @returns text: `v1.<nonce>.<ciphertext and tag>`, base64url
   */
  seal(plain: Readonly<Record<string, string>>, context: string): string
  /** @throws FarwatchError `storage-corrupt` where the key or the context is another, or the text was changed */
  open(sealed: string, context: string): Readonly<Record<string, string>>
}

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/** The vault of an instance. The servers of a pair have one key, or neither could open what the other sealed. */
export interface InstanceVault extends Vault {
  /** Names the key without telling anything of it. */
  readonly keyFingerprint: string
  /** 32 bytes, for the other server of the pair alone. */
  key(): Uint8Array
  /**
   * Has another key from now on; the former stays beside it, in `keys/secret.<fingerprint>.key`, for what was sealed with it.
   * @throws FarwatchError `bad-request`, `storage-unwritable`
   */
  adopt(key: Uint8Array): Promise<void>
}

/**
 * Reads the key, or makes it where there is none.
 * @param options.expectKey whether sealed secrets already exist: then a missing key is an error rather than made anew
 * @throws FarwatchError `storage-corrupt`, `storage-unwritable`
 */
export async function openVault(directory: DataDirectory, options: { expectKey: boolean }): Promise<InstanceVault> {
  const file = directory.file('keys', 'secret.key')
  let key: Buffer
  try {
    key = await readFile(file)
  } catch (thrown) {
    const missing = systemCodeOf(thrown) === 'ENOENT'
    if (!missing || options.expectKey) {
      throw new FarwatchError(
        'storage-corrupt',
        missing
          ? `the key of the stored credentials, ${file}, is missing`
          : `the key of the stored credentials, ${file}, cannot be read: ${messageOf(thrown)}`,
        { hint: 'Restore it from a copy of the data directory; without it every credential must be entered again.' },
      )
    }
    key = randomBytes(keyBytes)
    await writeFileAtomically(file, key)
  }
  if (key.length !== keyBytes) {
    throw new FarwatchError(
      'storage-corrupt',
      `the key of the stored credentials, ${file}, has ${key.length} bytes instead of ${keyBytes}`,
      { hint: 'Restore it from a copy of the data directory; without it every credential must be entered again.' },
    )
  }
  let present = key
  let vault = vaultWith(present)
  return {
    seal: (plain, context) => vault.seal(plain, context),
    open: (sealed, context) => vault.open(sealed, context),
    get keyFingerprint() {
      return fingerprintOfKey(present)
    },
    key: () => Uint8Array.from(present),
    async adopt(next) {
      if (next.length !== keyBytes)
        throw new FarwatchError('bad-request', `a key of secrets has ${keyBytes} bytes, and not ${next.length}`)
      if (fingerprintOfKey(next) === fingerprintOfKey(present)) return
      await writeFileAtomically(directory.file('keys', `secret.${fingerprintOfKey(present)}.key`), present)
      await writeFileAtomically(file, next)
      present = Buffer.from(next)
      vault = vaultWith(present)
    },
  }
}

function fingerprintOfKey(key: Uint8Array): string {
  return createHmac('sha256', key).update('farwatch key of secrets').digest('hex').slice(0, 32)
}

/** A vault around a key of 32 bytes. */
export function vaultWith(key: Uint8Array): Vault {
  return {
    seal(plain, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(aad(context))
      const body = Buffer.concat([cipher.update(JSON.stringify(plain), 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `v1.${nonce.toString('base64url')}.${body.toString('base64url')}`
    },
    open(sealed, context) {
      const [version, nonceText, bodyText, ...rest] = sealed.split('.')
      const nonce = Buffer.from(nonceText ?? '', 'base64url')
      const body = Buffer.from(bodyText ?? '', 'base64url')
      if (version !== 'v1' || rest.length > 0 || nonce.length !== nonceBytes || body.length < tagBytes) {
        throw unreadable(context, 'it is not of a form this program knows')
      }
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
        .setAAD(aad(context))
        .setAuthTag(body.subarray(-tagBytes))
      try {
        const plain = Buffer.concat([decipher.update(body.subarray(0, -tagBytes)), decipher.final()])
        // Authenticated above, so it is what `seal` wrote.
        return JSON.parse(plain.toString('utf8')) as Record<string, string>
      } catch {
        // The cause would only say "unable to authenticate data"; that is in the message, in better words.
        throw unreadable(context, 'it was sealed with another key, for another place, or was changed')
      }
    },
  }
}

function aad(context: string): Buffer {
  return Buffer.from(`farwatch v1 ${context}`, 'utf8')
}

function unreadable(context: string, why: string): FarwatchError {
  return new FarwatchError('storage-corrupt', `the stored secret of ${context} cannot be opened: ${why}`, {
    hint: 'Restore keys/secret.key from a copy of the same data directory, or enter the secret again.',
  })
}
