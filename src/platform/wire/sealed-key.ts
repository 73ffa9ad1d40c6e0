import type { KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { FarwatchError } from '../../base/index.ts'
import { readPublicKey } from './signing.ts'

const type = 'farwatch-key'

/**
 * A key on its way to another instance: a JWE (ECDH-ES with X25519, A256GCM) that only that instance's sealing key opens, so that whoever ends
 * TLS between the two does not get it.
 * @param sealingKey of the other, X25519, SPKI as PEM @throws FarwatchError `bad-request` where it is none
 */
export async function sealKey(key: Uint8Array, sealingKey: string): Promise<string> {
  return new CompactEncrypt(key)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: type })
    .encrypt(readPublicKey(sealingKey, 'x25519').key)
}

/** @throws FarwatchError `forbidden` where it was sealed to another, or is no key */
export async function openKey(sealed: string, privateKey: KeyObject): Promise<Uint8Array> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, privateKey, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    if (protectedHeader.typ === type) return plaintext
  } catch {
    // What the library says may quote what it could not read.
  }
  throw new FarwatchError('forbidden', 'a key that the other server sent cannot be opened here', {
    hint: 'It was sealed for another instance. It is sent again with the next exchange.',
  })
}
