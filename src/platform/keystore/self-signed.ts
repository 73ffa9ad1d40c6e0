// The library below needs it loaded first.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import { FarwatchError } from '../../base/index.ts'

/** A key and a certificate that vouches for itself, as DER. */
export interface SelfSigned {
  readonly key: Uint8Array
  readonly certificate: Uint8Array
}

// The longest a browser accepts from anybody.
const validDays = 825

/**
 * Makes an ECDSA P-256 key and a certificate for the given names and addresses.
 * @param now epoch milliseconds; it is valid from a day before, for the sake of clocks that are behind
 * @throws FarwatchError `invalid-value` naming the name that is none
 */
export async function makeSelfSigned(hosts: readonly string[], now: number): Promise<SelfSigned> {
  if (hosts.length === 0 || hosts.length > 100)
    throw new FarwatchError('invalid-value', `a certificate bears 1 to 100 names and addresses, not ${hosts.length}`)
  const names = hosts.map((host) => {
    if (isIP(host) !== 0) return { type: 'ip' as const, value: host }
    const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
    if (host.length <= 253 && new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`, 'i').test(host))
      return { type: 'dns' as const, value: host.toLowerCase() }
    throw new FarwatchError(
      'invalid-value',
      `${JSON.stringify(host.slice(0, 80))} is neither a DNS name nor an address`,
    )
  })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  // Positive and without leading zeros, as X.690 wants an integer.
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x3f) | 0x40
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial.toString('hex'),
      name: [{ CN: [names[0]!.value.slice(0, 64)] }, { O: ['Farwatch'] }],
      notBefore: new Date(now - 86_400_000),
      notAfter: new Date(now + (validDays - 1) * 86_400_000),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension(names),
      ],
    },
    webcrypto,
  )
  return {
    key: new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
    certificate: new Uint8Array(certificate.rawData),
  }
}
