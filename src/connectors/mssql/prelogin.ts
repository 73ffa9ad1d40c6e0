/**
 * The first packet of TDS, with which a client asks what the server is and whether it encrypts. It holds a version and no name; the server
 * answers it before anybody signs in.
 */

const version = 0
const encryption = 1
const end = 0xff

/** Ten bytes of where things are, an end, six bytes of a version, one of "no encryption is wished for". */
export const prelogin = Buffer.from([
  ...[0x12, 0x01, 0x00, 26, 0, 0, 0, 0],
  ...[version, 0, 11, 0, 6],
  ...[encryption, 0, 17, 0, 1],
  end,
  ...[0, 0, 0, 0, 0, 0],
  0,
])

/** `16.0.1000` from a server's answer; undefined where this is none, or not all there yet. */
export function versionIn(said: Buffer): string | undefined {
  if (said.length < 8 || said[0] !== 0x04 || said[1] !== 0x01) return undefined
  const length = said.readUInt16BE(2)
  if (length < 15 || length > 4_096 || said.length < length) return undefined
  const body = said.subarray(8, length)
  for (let at = 0; at + 5 <= body.length && body[at] !== end; at += 5) {
    if (body[at] !== version) continue
    const from = body.readUInt16BE(at + 1)
    if (body.readUInt16BE(at + 3) < 6 || from + 6 > body.length) return undefined
    return `${body[from]}.${body[from + 1]}.${body.readUInt16BE(from + 2)}`
  }
  return undefined
}
