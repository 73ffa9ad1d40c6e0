import {
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { X509Certificate } from 'node:crypto'
import type { CertificateFacts, OpenCredential, Problem } from '../../sdk/index.ts'
import { certificateProblem } from './failures.ts'

/** Node's own authorities and those of the machine, where companies put theirs. */
export function authorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
}

const contexts = new Map<string, SecureContext>()

/**
 * A context that trusts the system's authorities and `trusted` (PEM), and shows the credential's certificate where it is one. Reading
 * some 150 authorities takes milliseconds, so that one context serves every client that asks for the same.
 */
export function secureContext(
  trusted: string | undefined,
  credential?: OpenCredential,
  strength: 'usual' | 'whatever is spoken' = 'usual',
): SecureContext {
  const own = credential?.type === 'certificate' ? credential.fields : undefined
  const make = () =>
    createSecureContext({
      ca: trusted === undefined || trusted === '' ? authorities() : [...authorities(), trusted],
      ...(own === undefined ? {} : { cert: own.certificate, key: own.secret }),
      // For looking at a server, not for talking to it: protocols and ciphers that nobody should use any more.
      ...(strength === 'usual' ? {} : { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
    })
  // A context with somebody's key in it lives and dies with its client.
  if (own !== undefined) return make()
  const key = `${strength} ${trusted ?? ''}`
  let context = contexts.get(key)
  if (context === undefined) {
    if (contexts.size >= 100) contexts.clear()
    context = make()
    contexts.set(key, context)
  }
  return context
}

/** What is wrong with certificates that a user gives to be trusted. */
export function trustedProblems(pem: string | undefined, path: string): readonly Problem[] {
  if (pem === undefined || pem === '') return []
  const hint = 'Paste the certificates as PEM: from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.'
  const parts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (parts === null) return [{ path, message: 'holds no certificate', hint }]
  try {
    for (const part of parts) new X509Certificate(part)
    return []
  } catch {
    return [{ path, message: 'holds a certificate that cannot be read', hint }]
  }
}

function nameOf(part: PeerCertificate['subject'] | undefined): string {
  if (part === undefined) return ''
  return Object.entries(part)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? value.join('+') : value}`)
    .join(', ')
}

/** The names of a certificate: `DNS:a.example, IP Address:10.0.0.1` is `['a.example', '10.0.0.1']`. */
function namesOf(certificate: PeerCertificate): string[] {
  return (certificate.subjectaltname ?? '')
    .split(', ')
    .map((name) => name.replace(/^[^:]*:/, ''))
    .filter((name) => name !== '')
    .slice(0, 100)
}

/**
 * Why a peer is not who was asked for. Where verification is switched off Node does not compare names at all, so this does.
 * @returns words that follow "not trusted: ", or undefined
 */
export function chainProblem(socket: TLSSocket): string | undefined {
  // Declared as an Error, given as the code's text by Node of all versions.
  const problem: unknown = socket.authorizationError
  if (socket.authorized || problem === undefined || problem === null) return undefined
  const code = problem instanceof Error && 'code' in problem ? String(problem.code) : String(problem)
  return code.startsWith('ERR_TLS_CERT_ALTNAME') ? undefined : certificateProblem(code)
}

export function nameProblem(host: string, certificate: PeerCertificate): string | undefined {
  return checkServerIdentity(host, certificate) === undefined
    ? undefined
    : `it is not for ${host} but for ${namesOf(certificate).slice(0, 5).join(', ') || nameOf(certificate.subject) || 'no name'}`
}

/** Undefined where the peer showed none, as a resumed or anonymous session. */
export function certificateFacts(socket: TLSSocket, host: string): CertificateFacts | undefined {
  const certificate = socket.getPeerCertificate()
  if (certificate.valid_to === undefined) return undefined
  const untrusted = chainProblem(socket) ?? nameProblem(host, certificate)
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    names: namesOf(certificate),
    fingerprint: certificate.fingerprint256,
    ...(untrusted === undefined ? {} : { untrusted }),
  }
}

/** The certificates that a peer sent, leaf first; ends at a certificate that issued itself and at ten. */
export function chainOf(leaf: DetailedPeerCertificate): { subject: string; validTo: number }[] {
  const chain: { subject: string; validTo: number }[] = []
  const seen = new Set<string>()
  for (let one: DetailedPeerCertificate | undefined = leaf; one?.valid_to !== undefined && chain.length < 10;) {
    if (seen.has(one.fingerprint256)) break
    seen.add(one.fingerprint256)
    chain.push({ subject: nameOf(one.subject), validTo: Date.parse(one.valid_to) })
    one = one.issuerCertificate
  }
  return chain
}
