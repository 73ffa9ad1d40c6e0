import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { FarwatchError } from '../base/index.ts'
import type { AssignedConnector, Secret } from '../model/index.ts'
import type { RequestKey } from '../platform/wire/index.ts'
import { requestKeyBytes } from './request-keys.ts'

const credentialType = 'farwatch-credential'
const requestKeyType = 'farwatch-request-key'
const text = new TextEncoder()
const words = new TextDecoder()

/**
 * What only the agent may read: a JWE (ECDH-ES with X25519, A256GCM) that only the agent's sealing key opens. So whoever ends TLS between the
 * two reads none, nor does what they log or keep.
 */
function sealed(type: string, said: object, sealingKey: KeyObject): Promise<string> {
  return new CompactEncrypt(text.encode(JSON.stringify(said)))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: type })
    .encrypt(sealingKey)
}

/**
 * Undefined where it does not open, or is of another type: what the library says may quote what it could not read. Anybody can seal to an agent, so
 * that everything in it is looked at before it is used.
 */
async function opened(type: string, given: string, privateKey: KeyObject): Promise<unknown> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(given, privateKey, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    return protectedHeader.typ === type ? JSON.parse(words.decode(plaintext)) : undefined
  } catch {
    return undefined
  }
}

/** Bound to its agent and group: put on a connector of another group, or sent to another agent, a credential does not open. */
type Credential = NonNullable<AssignedConnector['credential']>

export interface SealedTo {
  readonly agent: string
  readonly group: string
}

export function sealCredential(credential: Credential, to: SealedTo, sealingKey: KeyObject): Promise<string> {
  const said = { agent: to.agent, group: to.group, type: credential.type, fields: credential.fields }
  return sealed(credentialType, said, sealingKey)
}

/** @throws FarwatchError `forbidden` where it was sealed to another key, for another agent or group, or was changed */
export async function openCredential(given: string, to: SealedTo, privateKey: KeyObject): Promise<Credential> {
  const said = (await opened(credentialType, given, privateKey)) as Partial<SealedTo & Credential> | null | undefined
  if (said?.agent === to.agent && said.group === to.group && typeof said.type === 'string' && isSecret(said.fields))
    return { type: said.type, fields: said.fields }
  throw new FarwatchError('forbidden', `a credential of the group ${JSON.stringify(to.group)} cannot be opened here`, {
    hint: 'It was sealed for another agent, group or key. The server seals it anew when this agent says hello.',
  })
}

interface SaidKey {
  readonly agent: string
  readonly id: string
  readonly secret: string
}

export function sealRequestKey({ id, secret }: RequestKey, agent: string, sealingKey: KeyObject): Promise<string> {
  const said: SaidKey = { agent, id, secret: secret.export().toString('base64url') }
  return sealed(requestKeyType, said, sealingKey)
}

/** Undefined where it was sealed to another key or for another agent, or was changed: the agent then goes on with its own key. */
export async function openRequestKey(
  given: string,
  agent: string,
  privateKey: KeyObject,
): Promise<RequestKey | undefined> {
  const said = (await opened(requestKeyType, given, privateKey)) as Partial<SaidKey> | null | undefined
  if (said?.agent !== agent || typeof said.id !== 'string' || typeof said.secret !== 'string') return undefined
  const secret = Buffer.from(said.secret, 'base64url')
  return secret.length === requestKeyBytes ? { id: said.id, secret: createSecretKey(secret) } : undefined
}

function isSecret(fields: unknown): fields is Secret {
  return (
    typeof fields === 'object' && fields !== null && Object.values(fields).every((value) => typeof value === 'string')
  )
}

const keptSeals = 20_000

/**
 * Seals each credential once for each key that may open it: sealing costs half a millisecond, and many connectors share one.
 * A credential is known by a keyed digest, so that its name on the wire helps nobody to guess it, and ends with this process.
 */
export class Sealer {
  readonly #key = randomBytes(32)
  readonly #sealed = new Map<string, Promise<string>>()

  /** What a credential is called on the wire: the same as long as neither it nor who may open it changes. */
  nameOf(credential: Credential, to: SealedTo, keyFingerprint: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([to.agent, to.group, keyFingerprint, credential.type, credential.fields]))
      .digest('base64url')
  }

  seal(name: string, credential: Credential, to: SealedTo, sealingKey: KeyObject): Promise<string> {
    let sealed = this.#sealed.get(name)
    if (sealed === undefined) {
      sealed = sealCredential(credential, to, sealingKey)
      // Sealed again when it is asked for again: it was forgotten only because there are very many.
      if (this.#sealed.size >= keptSeals) this.#sealed.clear()
      this.#sealed.set(name, sealed)
    }
    return sealed
  }
}
