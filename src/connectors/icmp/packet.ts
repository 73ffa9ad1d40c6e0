/** Echo packets of ICMP (RFC 792) and ICMPv6 (RFC 4443) as they are on the wire behind the IP header. */

export type Family = 4 | 6

/** Type, code, checksum, identifier, sequence. */
export const headerBytes = 8
/** What of the payload is ours: a token of 8 bytes that nobody guesses, and the number of the packet. The rest is filler. */
export const markBytes = 12

const echoRequest = { 4: 8, 6: 128 } as const
export const echoReply = { 4: 0, 6: 129 } as const

/** What names one packet; a host that is asked sends all of it back. */
export interface Mark {
  /** A datagram socket of the kernel puts its own in place of it. */
  readonly identifier: number
  readonly sequence: number
  /** Two halves of 32 bits. */
  readonly token: readonly [number, number]
  /** Of 32 bits. */
  readonly number: number
}

/** Writes a whole echo request over `into`; the filler behind the mark stays as it is. The kernel computes the checksum of ICMPv6. */
export function writeEcho(into: Uint8Array, family: Family, { identifier, sequence, token, number }: Mark): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  view.setUint8(0, echoRequest[family])
  view.setUint8(1, 0)
  view.setUint16(2, 0)
  view.setUint16(4, identifier)
  view.setUint16(6, sequence)
  view.setUint32(8, token[0])
  view.setUint32(12, token[1])
  view.setUint32(16, number)
  if (family === 4) view.setUint16(2, checksum(into))
}

/**
 * What a received packet answers; undefined where it is no echo reply or too short to be one of ours. Behind byte 20 nothing is looked at: some
 * hosts send less of a long packet back, and it was answered all the same.
 *
 * @param within whether the packet begins with an IPv4 header, as those of raw sockets do
 */
export function readAnswer(bytes: Uint8Array, family: Family, within: boolean): Mark | undefined {
  const start = within ? ((bytes[0] ?? 0) & 0x0f) * 4 : 0
  if (within && (start < 20 || bytes[0]! >> 4 !== 4 || bytes[9] !== icmpProtocol)) return undefined
  if (bytes.length < start + headerBytes + markBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + start)
  if (view.getUint8(0) !== echoReply[family] || view.getUint8(1) !== 0) return undefined
  return {
    identifier: view.getUint16(4),
    sequence: view.getUint16(6),
    token: [view.getUint32(8), view.getUint32(12)],
    number: view.getUint32(16),
  }
}

const icmpProtocol = 1

/** The checksum of the internet (RFC 1071): the complement of the sum of all words of 16 bits, carries added back in. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  if (bytes.length % 2 === 1) sum += bytes[bytes.length - 1]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
