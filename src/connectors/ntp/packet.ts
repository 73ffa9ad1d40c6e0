import { TargetError, type NtpSeen } from '../../sdk/index.ts'

/** Seconds from the beginning of NTP's time, 1900, to that of Unix. */
const from1900 = 2_208_988_800
/** The number of seconds begins anew in 2036 and every 136 years; a time of the first era that lies before 1968 is one of the second. */
const era = 2 ** 32

/** A question of a client in version 4. `nonce` of eight bytes comes back in the answer. */
export function question(nonce: Uint8Array): Buffer {
  const packet = Buffer.alloc(48)
  packet[0] = (4 << 3) | 3
  packet.set(nonce, 40)
  return packet
}

const leaps = ['none', 'insert', 'delete', 'unsynchronised'] as const

/**
 * Reads the answer to a question. The times of this machine's clock are epoch milliseconds with fractions.
 * @returns undefined where it is the answer to another question
 * @throws TargetError where it is none, or the server asks to be left alone
 */
export function readAnswer(
  packet: Buffer,
  nonce: Uint8Array,
  { sentAt, receivedAt }: { readonly sentAt: number; readonly receivedAt: number },
  target: string,
): NtpSeen | undefined {
  if (packet.length < 48 || (packet[0]! & 7) !== 4)
    throw new TargetError('protocol', `${target} answers with what is not NTP`)
  if (!packet.subarray(24, 32).equals(nonce)) return undefined
  const stratum = packet[1]!
  const code = packet.subarray(12, 16)
  const word = letters(code)
  if (stratum === 0 && word === 'RATE') throw new TargetError('refused', `${target} asks to be asked less often`)
  if (stratum === 0 && (word === 'DENY' || word === 'RSTR'))
    throw new TargetError('protocol', `${target} refuses to tell the time (${word})`)
  const serverReceived = timestamp(packet, 32)
  const serverSent = timestamp(packet, 40)
  if (serverReceived === undefined || serverSent === undefined)
    throw new TargetError('protocol', `${target} answers without a time`)
  return {
    offset: (serverReceived - sentAt + (serverSent - receivedAt)) / 2 / 1_000,
    roundTrip: Math.max(0, receivedAt - sentAt - (serverSent - serverReceived)),
    // None is how a server says that it has not been set yet; 16 is the number for that.
    stratum: stratum === 0 ? 16 : stratum,
    leap: leaps[packet[0]! >> 6]!,
    rootDelay: packet.readUInt32BE(4) / 65_536,
    rootDispersion: packet.readUInt32BE(8) / 65_536,
    reference: stratum <= 1 ? word : [...code].join('.'),
  }
}

/** Epoch milliseconds with fractions; undefined for zero, which says that it is not known. */
function timestamp(packet: Buffer, at: number): number | undefined {
  const seconds = packet.readUInt32BE(at)
  const fraction = packet.readUInt32BE(at + 4)
  if (seconds === 0 && fraction === 0) return undefined
  const since1900 = seconds < era / 2 ? seconds + era : seconds
  return (since1900 - from1900) * 1_000 + (fraction / era) * 1_000
}

function letters(code: Uint8Array): string {
  return /^[A-Za-z0-9]{1,4}/.exec(Buffer.from(code).toString('latin1'))?.[0] ?? ''
}
