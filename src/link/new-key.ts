import type { KeyObject } from 'node:crypto'
import { CompactSign, compactVerify } from 'jose'
import type { Signer } from '../platform/wire/index.ts'

const text = new TextEncoder()
const words = new TextDecoder()

/** That the owner of a new key is the one who announces it: signed with the new key, over both. */
export function signProof(next: Signer, oldFingerprint: string): Promise<string> {
  const said = { agent: next.uuid, from: oldFingerprint, to: next.fingerprint }
  return new CompactSign(text.encode(JSON.stringify(said)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'farwatch-new-key' })
    .sign(next.privateKey)
}

export async function verifiedProof(
  proof: string,
  nextKey: KeyObject,
  said: { readonly agent: string; readonly from: string; readonly to: string },
): Promise<boolean> {
  try {
    const { payload, protectedHeader } = await compactVerify(proof, nextKey, { algorithms: ['EdDSA'] })
    const { agent, from, to } = said
    return protectedHeader.typ === 'farwatch-new-key' && words.decode(payload) === JSON.stringify({ agent, from, to })
  } catch {
    return false
  }
}
