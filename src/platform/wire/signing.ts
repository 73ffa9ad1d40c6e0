import {
  createHash,
  createHmac,
  createPublicKey,
  randomUUID,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto'
import { CompactSign } from 'jose'
import { Type, type Static } from 'typebox'
import { FarwatchError } from '../../base/index.ts'
import { fingerprintOf } from '../identity.ts'
import { reader } from './reader.ts'

/**
 * How an instance proves with each request that it is the one whose key was accepted: a compact JWS in a header. Agents do it with every message to a
 * server, and the SECONDARY of a failover pair with every one to the PRIMARY. It is signed by the instance's own key (EdDSA over Ed25519), or, where the
 * two agreed on one with such a message, by a request key that only they have (HMAC with SHA-256): to the server it proves the same, for a tenth of
 * the processor's time.
 *
 * It covers the method, the path from `/link/v1/` or the like on, the SHA-256 of the body as it is sent, the moment in server time and a nonce. It does
 * not cover the host or what stands before that path: a reverse proxy or load balancer that ends TLS changes both, and nothing
 * is won by them, since the same server answers either way. The connection itself proves nothing about who asks for the same reason.
 *
 * Answers bear no signature. TLS proves the server, by the authorities and certificates that the asking side's administrator trusts; whoever ends
 * TLS in front of a server acts for it, and must be able to put another server behind the same name (a pair, a restored copy) without
 * every agent being told of a new key. What must not be read on that way either, credentials, is sealed to the agent (link/sealing.ts).
 */
export const signatureHeader = 'farwatch-request'

/** A request is good for so long before and after the moment it names. */
export const windowMs = 60_000

const longestHeader = 4_000

const claimsSchema = Type.Object({
  agent: Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }),
  /** One for each start of the program: two that speak by turns are two machines. */
  boot: Type.String({ minLength: 1, maxLength: 100 }),
  method: Type.Literal('POST'),
  path: Type.String({ maxLength: 100 }),
  /** Of the body as it is sent, packed: base64url. */
  sha256: Type.String({ minLength: 43, maxLength: 43 }),
  at: Type.Number({ minimum: 0, maximum: 2 ** 43 }),
  nonce: Type.String({ minLength: 8, maxLength: 64 }),
  /** Of the messages; before a hello has settled it, the newest that the agent speaks. */
  protocol: Type.Integer({ minimum: 1, maximum: 10_000 }),
  /** The highest term that the agent has seen. */
  term: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
})
export type Claims = Static<typeof claimsSchema>
const readClaims = reader(claimsSchema, 'the signature of the request')

/** What signs: an instance's identity, as far as it goes here. */
export interface Signer {
  readonly uuid: string
  readonly privateKey: KeyObject
  /** Of its public half; names the key to the server. */
  readonly fingerprint: string
}

/** What an instance and its server agreed on: who asks with it has said hello with the instance's own key. */
export interface RequestKey {
  /** What it is called in a request. */
  readonly id: string
  readonly secret: KeyObject
}

/** JWS algorithms, RFC 7518 and 8037, by whose key signs. */
const algorithms = { EdDSA: 'own', HS256: 'request' } as const

const text = new TextEncoder()

export function bodyHash(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url')
}

/** @param key signs instead of the signer's own, where it is given */
export async function signRequest(
  signer: Signer,
  about: Omit<Claims, 'agent' | 'method' | 'sha256' | 'nonce'> & { readonly body: Uint8Array },
  key?: RequestKey,
): Promise<string> {
  const { body, ...rest } = about
  const claims: Claims = { ...rest, agent: signer.uuid, method: 'POST', sha256: bodyHash(body), nonce: randomUUID() }
  const payload = JSON.stringify(claims)
  if (key !== undefined) {
    const head = JSON.stringify({ alg: 'HS256', typ: 'farwatch-request', kid: key.id })
    const signed = `${Buffer.from(head).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
    return `${signed}.${macOf(signed, key).toString('base64url')}`
  }
  return new CompactSign(text.encode(payload))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'farwatch-request', kid: signer.fingerprint })
    .sign(signer.privateKey)
}

/** What a signature claims. Nothing of it is true before `verified`. */
export interface ClaimedRequest {
  readonly jws: string
  /** Whether it says that the instance's own key signed it, or one that was agreed upon. */
  readonly by: (typeof algorithms)[keyof typeof algorithms]
  /** Fingerprint of the own key, or id of the request key, that it says it is signed with. */
  readonly key: string
  readonly claims: Claims
}

/** @throws FarwatchError `unauthenticated` where there is none, or none that could be read */
export function claimedRequest(header: string | readonly string[] | undefined): ClaimedRequest {
  if (typeof header !== 'string' || header.length === 0 || header.length > longestHeader)
    throw unsigned('it bears no signature')
  const [head, payload, signature, ...more] = header.split('.')
  if (head === undefined || payload === undefined || signature === undefined || more.length > 0)
    throw unsigned('its signature cannot be read')
  const read = parsed(head)
  if (!isRecord(read) || !isOurs(read)) throw unsigned('its signature cannot be read')
  return { jws: header, by: algorithms[read.alg], key: read.kid, claims: readClaims(parsed(payload)) }
}

/** RFC 7515: what is critical and not understood is refused; nothing is, here. */
function isOurs(
  head: Record<string, unknown>,
): head is Record<string, unknown> & { readonly alg: keyof typeof algorithms; readonly kid: string } {
  const { typ, alg, kid } = head
  const isKnown = typ === 'farwatch-request' && typeof alg === 'string' && Object.hasOwn(algorithms, alg)
  return isKnown && typeof kid === 'string' && !('crit' in head) && !('b64' in head)
}

/**
 * Whether the claims were signed by the owner of a key. At once, not by a thread of Node's pool: that takes 0.2 ms on either, and the way there and
 * back another 0.1 ms of CPU, half of it on the thread that asks. A server of 100 agents and 500 results a second took 247 ms of CPU a second
 * instead of 268, its main thread 170 instead of 155 (docs/performance.md). WebCrypto, which jose uses, is three times as dear as that.
 */
export function verified({ jws, by }: ClaimedRequest, publicKey: KeyObject): boolean {
  // Ed25519 is the algorithm of the key; no other is accepted from an agent.
  if (by !== 'own' || publicKey.asymmetricKeyType !== 'ed25519') return false
  const { signed, signature } = partsOf(jws)
  try {
    return verify(null, Buffer.from(signed), publicKey, signature)
  } catch {
    return false
  }
}

/** Whether the claims were signed with a request key. Never one that anybody else could know, as a public key: `secret` is made for this alone. */
export function verifiedByRequestKey({ jws, by, key: id }: ClaimedRequest, key: RequestKey): boolean {
  if (by !== 'request' || id !== key.id) return false
  const { signed, signature } = partsOf(jws)
  const expected = macOf(signed, key)
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}

function macOf(signed: string, { secret }: RequestKey): Buffer {
  return createHmac('sha256', secret).update(signed).digest()
}

function partsOf(jws: string): { readonly signed: string; readonly signature: Buffer } {
  const end = jws.lastIndexOf('.')
  return { signed: jws.slice(0, end), signature: Buffer.from(jws.slice(end + 1), 'base64url') }
}

/** A public key that was sent. @throws FarwatchError `bad-request` */
export function readPublicKey(
  pem: string,
  type: 'ed25519' | 'x25519',
): { readonly key: KeyObject; readonly fingerprint: string } {
  let key: KeyObject | undefined
  try {
    key = createPublicKey(pem)
  } catch {
    // Said below.
  }
  if (key?.asymmetricKeyType !== type || pem.includes('PRIVATE'))
    throw new FarwatchError('bad-request', `the public key that was sent is not an ${type} key as PEM`)
  return { key, fingerprint: fingerprintOf(key.export({ type: 'spki', format: 'der' })) }
}

/**
 * Remembers the nonces of the requests that were taken, for as long as such a request could be taken again. Bounded for each agent by
 * refusing more, not by forgetting: what is forgotten could be replayed.
 */
export class ReplayGuard {
  readonly #limit: number
  /** By agent: nonce, and our `elapsed` when it may be forgotten; the oldest first. */
  readonly #seen = new Map<string, Map<string, number>>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param at our `elapsed` */
  take(agent: string, nonce: string, at: number): 'fresh' | 'replayed' | 'full' {
    let seen = this.#seen.get(agent)
    if (seen === undefined) this.#seen.set(agent, (seen = new Map()))
    for (const [old, until] of seen) {
      if (until > at) break
      seen.delete(old)
    }
    if (seen.has(nonce)) return 'replayed'
    if (seen.size >= this.#limit) return 'full'
    // A request from the far end of the window could come again until the near end has passed it.
    seen.set(nonce, at + 2 * windowMs)
    return 'fresh'
  }

  /** Agents whose nonces have all run out. To be called now and then. */
  sweep(at: number): void {
    for (const [agent, seen] of this.#seen)
      if (![...seen.values()].some((until) => until > at)) this.#seen.delete(agent)
  }
}

function parsed(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function unsigned(why: string): FarwatchError {
  return new FarwatchError('unauthenticated', `the request does not prove who sent it: ${why}`)
}
