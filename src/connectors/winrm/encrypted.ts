import type { Sealing } from './ntlm.ts'

/** How sealed messages travel over HTTP without TLS (MS-WSMV 2.2.9.1): a part that says what is in it, and a part that holds it. */
export const encryptedType =
  'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'

const boundary = '--Encrypted Boundary'
const octets = 'Content-Type: application/octet-stream\r\n'

export function encrypt(xml: string, sealing: Sealing): Buffer {
  const text = Buffer.from(xml, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(16)
  const head = [
    `${boundary}\r\n`,
    '\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n',
    `\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=${text.length}\r\n`,
    `${boundary}\r\n\t${octets}`,
  ].join('')
  return Buffer.concat([
    Buffer.from(head, 'latin1'),
    length,
    sealing.seal(text),
    Buffer.from(`${boundary}--\r\n`, 'latin1'),
  ])
}

/**
 * What was sealed, of one part or several.
 * @returns undefined where that is not what came, or a signature is wrong
 */
export function decrypt(body: Buffer, sealing: Sealing): string | undefined {
  const texts: Buffer[] = []
  let at = 0
  for (;;) {
    const head = body.indexOf(octets, at, 'latin1')
    if (head < 0) break
    // How long the text was is said before it: the sealed bytes may hold anything, a boundary as well.
    const said = /Length=(\d{1,9})\s*$/m.exec(body.subarray(at, head).toString('latin1').split(boundary).at(-2) ?? '')
    const begin = head + octets.length
    const text = said === null || begin + 4 > body.length ? undefined : Number(said[1])
    if (text === undefined || body.readUInt32LE(begin) !== 16) return undefined
    const end = begin + 4 + 16 + text
    if (end > body.length) return undefined
    const opened = sealing.open(body.subarray(begin + 4, end))
    if (opened === undefined) return undefined
    texts.push(opened)
    at = end
  }
  return texts.length === 0 ? undefined : Buffer.concat(texts).toString('utf8')
}
