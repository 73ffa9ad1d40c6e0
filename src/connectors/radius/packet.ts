import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** RADIUS packets (RFC 2865, RFC 5997), as much of them as a client needs that signs a user in or asks for the server's state. */

export const codes = { request: 1, accept: 2, reject: 3, challenge: 11, state: 12 } as const

const headerLength = 20
const maxLength = 4_096
const messageAuthenticator = 80

export interface Question {
  readonly code: typeof codes.request | typeof codes.state
  readonly id: number
  /** Sixteen bytes that nobody can foresee. */
  readonly authenticator: Buffer
  readonly secret: string
  readonly user?: { readonly name: string; readonly password: string }
  /** What the client calls itself. */
  readonly nas: string
}

export function writeQuestion({ code, id, authenticator, secret, user, nas }: Question): Buffer {
  const attributes = [
    // First, so that nothing can be slipped in before it (CVE-2024-3596). Zeros stand for it while it is computed.
    attribute(messageAuthenticator, Buffer.alloc(16)),
    ...(user === undefined
      ? []
      : [attribute(1, Buffer.from(user.name)), attribute(2, hidden(user.password, secret, authenticator))]),
    attribute(32, Buffer.from(nas)),
  ]
  const body = Buffer.concat(attributes)
  const header = Buffer.alloc(4)
  header.writeUInt8(code, 0)
  header.writeUInt8(id, 1)
  header.writeUInt16BE(headerLength + body.length, 2)
  const packet = Buffer.concat([header, authenticator, body])
  createHmac('md5', secret)
    .update(packet)
    .digest()
    .copy(packet, headerLength + 2)
  return packet
}

function attribute(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length + 2]), value])
}

/** RFC 2865, 5.2: the password against a stream that only the secret makes. */
function hidden(password: string, secret: string, authenticator: Buffer): Buffer {
  const bytes = Buffer.from(password).subarray(0, 128)
  const padded = Buffer.alloc(Math.max(16, Math.ceil(bytes.length / 16) * 16))
  bytes.copy(padded)
  let before = authenticator
  for (let at = 0; at < padded.length; at += 16) {
    const stream = createHash('md5').update(secret).update(before).digest()
    const block = padded.subarray(at, at + 16)
    for (const [i, byte] of stream.entries()) block[i]! ^= byte
    before = block
  }
  return padded
}

export type Answer =
  /** Not an answer to this question, whoever sent it. */
  | { readonly is: 'noise' }
  /** An answer by somebody who does not know the secret. */
  | { readonly is: 'forged' }
  | { readonly is: 'answer'; readonly code: number; readonly signed: boolean }

export function readAnswer(packet: Buffer, { id, authenticator, secret }: Question): Answer {
  if (packet.length < headerLength || packet.readUInt8(1) !== id) return { is: 'noise' }
  const length = packet.readUInt16BE(2)
  if (length < headerLength || length > packet.length || length > maxLength) return { is: 'noise' }
  const whole = packet.subarray(0, length)
  const signature = findSignature(whole)
  if (signature === 'nonsense') return { is: 'noise' }
  const asked = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4), authenticator, bytes.subarray(headerLength)])
  const expected = createHash('md5').update(asked(whole)).update(secret).digest()
  if (!timingSafeEqual(expected, whole.subarray(4, headerLength))) return { is: 'forged' }
  if (signature !== undefined) {
    const unsigned = Buffer.from(asked(whole))
    unsigned.fill(0, signature, signature + 16)
    const hmac = createHmac('md5', secret).update(unsigned).digest()
    if (!timingSafeEqual(hmac, whole.subarray(signature, signature + 16))) return { is: 'forged' }
  }
  return { is: 'answer', code: whole.readUInt8(0), signed: signature !== undefined }
}

/** Where the value of the Message-Authenticator stands; undefined where there is none. */
function findSignature(packet: Buffer): number | undefined | 'nonsense' {
  let found: number | undefined
  for (let at = headerLength; at < packet.length;) {
    const length = packet[at + 1] ?? 0
    if (length < 2 || at + length > packet.length) return 'nonsense'
    if (packet[at] === messageAuthenticator) {
      if (length !== 18 || found !== undefined) return 'nonsense'
      found = at + 2
    }
    at += length
  }
  return found
}
