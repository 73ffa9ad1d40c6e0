/**
 * The first packets of Oracle's network protocol: a client asks a listener for its version, and the listener answers or says no; both name what
 * it is. Nobody signs in.
 */

const connect = 1
const accept = 2
const refuse = 4
const redirect = 5
const resend = 11

const command = '(CONNECT_DATA=(COMMAND=version))'
const dataAt = 58

/** Version 310, compatible with 300, 2 KiB at a time; where the command is, and nothing else. */
export const versionQuestion = makeQuestion()

function makeQuestion(): Buffer {
  const packet = Buffer.alloc(dataAt + command.length)
  packet.writeUInt16BE(packet.length, 0)
  packet[4] = connect
  packet.writeUInt16BE(310, 8)
  packet.writeUInt16BE(300, 10)
  packet.writeUInt16BE(2_048, 14)
  packet.writeUInt16BE(32_767, 16)
  packet.writeUInt16BE(0x7f08, 18)
  packet.writeUInt16BE(1, 22)
  packet.writeUInt16BE(command.length, 24)
  packet.writeUInt16BE(dataAt, 26)
  packet.write(command, dataAt, 'latin1')
  return packet
}

/**
 * What a listener says of itself: its version, or an empty text where it keeps that to itself. Undefined where this is no listener, or not all
 * there yet.
 */
export function listenerIn(said: Buffer): string | undefined {
  if (said.length < 8) return undefined
  const length = said.readUInt16BE(0)
  const kind = said[4]
  if (length < 8 || length > 8_192 || said.length < length) return undefined
  if (said.readUInt16BE(2) !== 0 || said.readUInt16BE(6) !== 0) return undefined
  if (kind === resend) return ''
  if (kind !== accept && kind !== refuse && kind !== redirect) return undefined
  const text = said.toString('latin1', 8)
  const number = /\(VSNNUM=(\d{5,10})\)/.exec(text)?.[1]
  if (number === undefined) return /\(DESCRIPTION|\(ERR=|\(TMP=/i.test(text) || kind === accept ? '' : undefined
  return versionOf(Number(number))
}

/** Five parts in four bytes; from version 18 on they are cut in another way. */
function versionOf(number: number): string {
  const major = Math.floor(number / 2 ** 24) & 0xff
  const parts =
    major >= 18 ? [(number >> 16) & 0xff, (number >> 12) & 0xf] : [(number >> 20) & 0xf, (number >> 12) & 0xff]
  return [major, ...parts].join('.')
}
