import { createHash, createHmac } from 'node:crypto'
import { md4, Rc4 } from './old-ciphers.ts'

/**
 * NTLM in version 2 (MS-NLMP), the client's half, with signing and sealing of what is said afterwards. What is random and the time come from
 * outside.
 */

const signature = Buffer.from('NTLMSSP\0', 'latin1')

/** Unicode, target names, signed and sealed with keys of 128 bits that are exchanged, and what goes with those. */
const flags = 0xe2888235 | 0
const version = Buffer.from('0a00000000000f', 'hex')

export interface NtlmAccount {
  readonly domain: string
  readonly username: string
  readonly password: string
}

/** `DOMAIN\user`, `user@domain` or `user`; a dot for the domain means the machine itself. */
export function accountOf(written: string, password: string): NtlmAccount {
  const cut = written.indexOf('\\')
  const domain = cut < 0 ? '' : written.slice(0, cut)
  return { domain: domain === '.' ? '' : domain, username: cut < 0 ? written : written.slice(cut + 1), password }
}

/** The first message: what the client can do. */
export function negotiateMessage(): Buffer {
  const message = Buffer.alloc(40)
  signature.copy(message)
  message.writeUInt32LE(1, 8)
  message.writeInt32LE(flags, 12)
  version.copy(message, 32)
  message[39] = 15
  return message
}

export interface Challenge {
  readonly challenge: Buffer
  /** Pairs of an attribute and its value, as the server wrote them. */
  readonly targetInfo: Buffer
}

/** The server's message; undefined where it is none, or asks for less than version 2. */
export function readChallenge(message: Buffer): Challenge | undefined {
  if (message.length < 48 || !message.subarray(0, 8).equals(signature) || message.readUInt32LE(8) !== 2)
    return undefined
  const length = message.readUInt16LE(40)
  const at = message.readUInt32LE(44)
  if (length === 0 || at + length > message.length) return undefined
  return { challenge: message.subarray(24, 32), targetInfo: message.subarray(at, at + length) }
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le')
const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) => {
  const digest = createHmac('md5', key)
  for (const part of parts) digest.update(part)
  return digest.digest()
}

/** What the password makes of a challenge: the proof, and the key of the session that follows from it. */
export function proofOf(account: NtlmAccount, challenge: Uint8Array, blob: Uint8Array) {
  const key = hmac(md4(utf16(account.password)), utf16(account.username.toUpperCase() + account.domain))
  const proof = hmac(key, challenge, blob)
  return { key, proof, sessionKey: hmac(key, proof) }
}

const attribute = { end: 0, flags: 6, timestamp: 7 } as const

function pairsOf(targetInfo: Buffer): { readonly id: number; readonly value: Buffer }[] {
  const pairs: { id: number; value: Buffer }[] = []
  for (let at = 0; at + 4 <= targetInfo.length;) {
    const id = targetInfo.readUInt16LE(at)
    const length = targetInfo.readUInt16LE(at + 2)
    if (id === attribute.end || at + 4 + length > targetInfo.length) break
    pairs.push({ id, value: targetInfo.subarray(at + 4, at + 4 + length) })
    at += 4 + length
  }
  return pairs
}

function writePairs(pairs: readonly { readonly id: number; readonly value: Uint8Array }[]): Buffer {
  const written = pairs.map(({ id, value }) => {
    const head = Buffer.alloc(4)
    head.writeUInt16LE(id)
    head.writeUInt16LE(value.length, 2)
    return Buffer.concat([head, value])
  })
  return Buffer.concat([...written, Buffer.alloc(4)])
}

/** The part of an answer that the proof covers: when, a number of the client's own, and what the server said of itself. */
export function blobOf(timestamp: Uint8Array, clientChallenge: Uint8Array, targetInfo: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from('0101000000000000', 'hex'),
    timestamp,
    clientChallenge,
    Buffer.alloc(4),
    targetInfo,
    Buffer.alloc(4),
  ])
}

/**
 * The client's second message.
 * @param chance 24 bytes that nobody can guess
 * @param at epoch milliseconds, for servers that do not tell their own time
 */
export function authenticateMessage(
  account: NtlmAccount,
  { challenge, targetInfo }: Challenge,
  said: { readonly negotiate: Buffer; readonly challenge: Buffer },
  chance: Buffer,
  at: number,
): { readonly message: Buffer; readonly sessionKey: Buffer } {
  const pairs = pairsOf(targetInfo)
  const told = pairs.find(({ id }) => id === attribute.timestamp)?.value
  const timestamp = told?.length === 8 ? told : fileTime(at)
  // A server that tells its time wants all three messages covered by one digest, and to be told that they are.
  const covered = told !== undefined
  const info = covered
    ? writePairs([
        ...pairs.filter(({ id }) => id !== attribute.flags),
        { id: attribute.flags, value: Buffer.from([2, 0, 0, 0]) },
      ])
    : targetInfo
  const clientChallenge = chance.subarray(0, 8)
  const blob = blobOf(timestamp, clientChallenge, info)
  const { key, proof, sessionKey: exchangeKey } = proofOf(account, challenge, blob)
  const sessionKey = chance.subarray(8, 24)
  const fields = [
    covered ? Buffer.alloc(24) : Buffer.concat([hmac(key, challenge, clientChallenge), clientChallenge]),
    Buffer.concat([proof, blob]),
    utf16(account.domain),
    utf16(account.username),
    Buffer.alloc(0),
    new Rc4(exchangeKey).run(sessionKey),
  ]
  const head = Buffer.alloc(88)
  signature.copy(head)
  head.writeUInt32LE(3, 8)
  let place = head.length
  for (const [i, field] of fields.entries()) {
    head.writeUInt16LE(field.length, 12 + i * 8)
    head.writeUInt16LE(field.length, 14 + i * 8)
    head.writeUInt32LE(place, 16 + i * 8)
    place += field.length
  }
  head.writeInt32LE(flags, 60)
  version.copy(head, 64)
  head[71] = 15
  const message = Buffer.concat([head, ...fields])
  if (covered) hmac(sessionKey, said.negotiate, said.challenge, message).copy(message, 72)
  return { message, sessionKey }
}

/** Tenths of microseconds since 1601. */
function fileTime(at: number): Buffer {
  const time = Buffer.alloc(8)
  time.writeBigUInt64LE((BigInt(Math.max(0, Math.round(at))) + 11_644_473_600_000n) * 10_000n)
  return time
}

type Direction = 'client-to-server' | 'server-to-client'

/** One direction of a session: seals what is said, one message after the other. */
export class Sealing {
  readonly #signingKey: Buffer
  readonly #stream: Rc4
  #number = 0

  constructor(sessionKey: Uint8Array, direction: Direction) {
    const derived = (use: string) =>
      createHash('md5').update(sessionKey).update(`session key to ${direction} ${use} key magic constant\0`).digest()
    this.#signingKey = derived('signing')
    this.#stream = new Rc4(derived('sealing'))
  }

  /** @returns the signature of 16 bytes, then the sealed text */
  seal(text: Uint8Array): Buffer {
    const sealed = this.#stream.run(text)
    return Buffer.concat([this.#sign(text), sealed])
  }

  /** @returns undefined where the signature is not right; nothing of the session can be trusted then */
  open(message: Buffer): Buffer | undefined {
    const text = this.#stream.run(message.subarray(16))
    return this.#sign(text).equals(message.subarray(0, 16)) ? text : undefined
  }

  #sign(text: Uint8Array): Buffer {
    const number = Buffer.alloc(4)
    number.writeUInt32LE(this.#number++ >>> 0)
    const digest = this.#stream.run(hmac(this.#signingKey, number, text).subarray(0, 8))
    return Buffer.concat([Buffer.from([1, 0, 0, 0]), digest, number])
  }
}
