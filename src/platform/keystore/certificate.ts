import { X509Certificate } from 'node:crypto'
import { FarwatchError } from '../../base/index.ts'

/** A certificate as it is listed and shown. */
export interface CertificateInfo {
  readonly subject: string
  readonly issuer: string
  /** DNS names and addresses it is valid for. */
  readonly names: readonly string[]
  /** Epoch milliseconds. */
  readonly validFrom: number
  /** Epoch milliseconds. */
  readonly validTo: number
  /** SHA-256, upper-case hexadecimal pairs joined by colons. */
  readonly fingerprint: string
  readonly selfSigned: boolean
  readonly pem: string
}

export function certificateInfo(certificate: X509Certificate): CertificateInfo {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .flatMap((entry) => /^(?:DNS|IP Address):"?([^"]*)"?$/.exec(entry)?.[1] ?? []),
    validFrom: certificate.validFromDate.getTime(),
    validTo: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256,
    selfSigned: certificate.checkIssued(certificate),
    pem: certificate.toString(),
  }
}

/** Reads one or more certificates. @throws FarwatchError `invalid-value` */
export function certificatesFromPem(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0 || blocks.length > 20) {
    throw new FarwatchError('invalid-value', `the text holds ${blocks.length} certificates; 1 to 20 are allowed`, {
      hint: 'Give PEM: -----BEGIN CERTIFICATE----- … -----END CERTIFICATE-----, its own first, its issuers after it.',
    })
  }
  return blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw new FarwatchError(
        'invalid-value',
        'a block between BEGIN CERTIFICATE and END CERTIFICATE is not a certificate',
      )
    }
  })
}

/** Whether two SHA-256 fingerprints are one, however they are written. */
export function sameFingerprint(a: string, b: string): boolean {
  return bare(a) === bare(b)
}

function bare(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toUpperCase()
}

function oneLine(name: string): string {
  return name.split('\n').join(', ')
}
