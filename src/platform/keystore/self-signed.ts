import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { FarwatchError } from '../../base/index.ts'

/** A key and a certificate that vouches for itself, as DER. */
export interface SelfSigned {
  readonly key: Uint8Array
  readonly certificate: Uint8Array
}

// The longest a browser accepts from anybody.
const validDays = 825

// RFC 5280, 4.1 and 4.2.
const commonName = '2.5.4.3'
const organization = '2.5.4.10'
const keyUsage = '2.5.29.15'
const subjectAlternativeName = '2.5.29.17'
const basicConstraints = '2.5.29.19'
const extendedKeyUsage = '2.5.29.37'
const serverAuth = '1.3.6.1.5.5.7.3.1'
const clientAuth = '1.3.6.1.5.5.7.3.2'
const generalName = { dns: 2, address: 7 } as const
const digitalSignature = 0x80
const unusedBits = 7

/**
 * Makes an ECDSA P-256 key and a certificate for the given names and addresses.
 * @param now epoch milliseconds; it is valid from a day before, for the sake of clocks that are behind
 * @throws FarwatchError `invalid-value` naming the name that is none
 */
export async function makeSelfSigned(hosts: readonly string[], now: number): Promise<SelfSigned> {
  if (hosts.length === 0 || hosts.length > 100)
    throw new FarwatchError('invalid-value', `a certificate bears 1 to 100 names and addresses, not ${hosts.length}`)
  const names = hosts.map((host) => {
    if (isIP(host) !== 0) return { type: generalName.address, value: host }
    const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
    if (host.length <= 253 && new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`, 'i').test(host))
      return { type: generalName.dns, value: host.toLowerCase() }
    throw new FarwatchError(
      'invalid-value',
      `${JSON.stringify(host.slice(0, 80))} is neither a DNS name nor an address`,
    )
  })
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  // Positive and without leading zeros, as X.690 wants an integer.
  const serial = new Uint8Array(randomBytes(16))
  serial[0] = (serial[0]! & 0x3f) | 0x40
  const certificate = new pkijs.Certificate()
  certificate.version = 2
  certificate.serialNumber = new asn1js.Integer({ valueHex: serial.buffer })
  const name = nameOf([commonName, names[0]!.value.slice(0, 64)], [organization, 'Farwatch'])
  certificate.issuer = name
  certificate.subject = name
  certificate.notBefore = new pkijs.Time({ value: new Date(now - 86_400_000) })
  certificate.notAfter = new pkijs.Time({ value: new Date(now + (validDays - 1) * 86_400_000) })
  certificate.extensions = [
    extension(basicConstraints, true, new pkijs.BasicConstraints({ cA: false }).toSchema()),
    extension(keyUsage, true, new asn1js.BitString({ valueHex: Uint8Array.of(digitalSignature).buffer, unusedBits })),
    extension(extendedKeyUsage, false, new pkijs.ExtKeyUsage({ keyPurposes: [serverAuth, clientAuth] }).toSchema()),
    extension(
      subjectAlternativeName,
      false,
      new pkijs.GeneralNames({
        names: names.map(({ type, value }) =>
          type === generalName.dns
            ? new pkijs.GeneralName({ type, value })
            : new pkijs.GeneralName({ type, value: new asn1js.OctetString({ valueHex: addressBytes(value) }) }),
        ),
      }).toSchema(),
    ),
  ]
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey, engine)
  await certificate.sign(keys.privateKey, 'SHA-256', engine)
  return {
    key: new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
    certificate: new Uint8Array(certificate.toSchema(true).toBER(false)),
  }
}

const engine = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto })

/** Given as bytes: of several parts the library would make a single one with several values. */
function nameOf(...parts: readonly (readonly [type: string, text: string])[]): pkijs.RelativeDistinguishedNames {
  const value = parts.map(
    ([type, text]) =>
      new asn1js.Set({
        value: [new pkijs.AttributeTypeAndValue({ type, value: new asn1js.Utf8String({ value: text }) }).toSchema()],
      }),
  )
  return pkijs.RelativeDistinguishedNames.fromBER(new asn1js.Sequence({ value }).toBER(false))
}

function extension(extnID: string, critical: boolean, value: asn1js.BaseBlock): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue: value.toBER(false) })
}

/** An address as a certificate bears it: 4 or 16 bytes. */
function addressBytes(address: string): ArrayBuffer {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.').map(Number)).buffer
  // The one text that every IPv6 address has besides its own, which may end like an IPv4 one: eight groups.
  const [head = '', tail] = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part ? part.split(':') : [])
  const [before, after] = [groups(head), groups(tail)]
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  return Uint8Array.from(all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff])).buffer
}
