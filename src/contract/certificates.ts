import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Done, Timestamp, exact } from './schemas.ts'

export const CertificateSummary = exact({
  use: Type.Enum(['tls', 'trusted']),
  subject: Type.String(),
  issuer: Type.String(),
  names: Type.Array(Type.String()),
  validFrom: Timestamp,
  validTo: Timestamp,
  fingerprint: Type.String({ description: 'SHA-256' }),
})
export type CertificateSummary = Static<typeof CertificateSummary>

const tag = 'Instance'
const Pem = Type.String({ minLength: 1, maxLength: 200_000 })
const Password = Type.String({ maxLength: 1_000 })
const Fingerprint = Type.String({ minLength: 64, maxLength: 110, description: 'SHA-256, with colons or without' })

export const certificateOperations = {
  listCertificates: {
    method: 'GET',
    path: '/certificates',
    tag,
    summary: 'What the keystore holds',
    allowed: 'viewer',
    answer: Type.Array(CertificateSummary),
  },
  generateCertificate: {
    method: 'POST',
    path: '/certificates/generate',
    tag,
    summary: 'Replaces key and certificate by new ones that vouch for themselves; new connections get them at once',
    allowed: 'admin',
    isLocal: true,
    body: exact({
      names: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
          minItems: 1,
          maxItems: 100,
          description: 'Names and addresses it is valid for; default: those of this machine',
        }),
      ),
    }),
    answer: CertificateSummary,
  },
  importCertificate: {
    method: 'POST',
    path: '/certificates/import',
    tag,
    summary: 'Replaces key and certificate by given ones; new connections get them at once',
    allowed: 'admin',
    isLocal: true,
    body: Type.Union([
      exact({
        certificate: Pem,
        key: Pem,
        passphrase: Type.Optional(Password),
      }),
      exact({
        pkcs12: Type.String({ minLength: 1, maxLength: 700_000, description: 'The file in base64' }),
        password: Type.Optional(Password),
      }),
    ]),
    answer: CertificateSummary,
  },
  trustCertificate: {
    method: 'POST',
    path: '/certificates/trusted',
    tag,
    summary: 'Trusts a certificate: a given one, or the one a server shows where it has the given fingerprint',
    allowed: 'admin',
    isLocal: true,
    body: Type.Union([
      exact({ certificate: Pem }),
      exact({
        url: Type.String({ minLength: 1, maxLength: 2_000 }),
        fingerprint: Type.Optional(Fingerprint),
      }),
    ]),
    answer: exact({
      trusted: Type.Boolean({
        description: 'False where a URL came without a fingerprint: compare it and send it along',
      }),
      certificate: CertificateSummary,
    }),
  },
  distrustCertificate: {
    method: 'DELETE',
    path: '/certificates/trusted/{fingerprint}',
    tag,
    summary: 'Trusts a certificate no longer',
    allowed: 'admin',
    isLocal: true,
    params: exact({ fingerprint: Fingerprint }),
    answer: Done,
  },
} as const satisfies Record<string, Operation>
