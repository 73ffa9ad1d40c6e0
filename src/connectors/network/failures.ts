import { messageOf, systemCodeOf } from '../../base/index.ts'
import { TargetError, type FailureReason } from '../../sdk/index.ts'

/** Certificate problems in words; the codes are OpenSSL's as Node passes them on. */
const certificateProblems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  CERT_UNTRUSTED: 'its authority is not trusted for this',
  CERT_REJECTED: 'its authority rejects it for this',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  CERT_CHAIN_TOO_LONG: 'its chain is too long',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its chain ends in an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not known; the server may not send its chain',
  INVALID_CA: 'an authority in its chain may not issue certificates',
  INVALID_PURPOSE: 'it is not made for servers',
  PATH_LENGTH_EXCEEDED: 'its chain is too long',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is not for this name',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'its names cannot be read',
}

/** Why a certificate is not trusted, in words that follow "the certificate is not trusted: ". */
export function certificateProblem(code: string): string {
  return certificateProblems[code] ?? code
}

/** What a system's error means for the one who asked, and the words after "host:port". */
function meaningOf(code: string | undefined, thrown: unknown): [FailureReason, (target: string) => string] {
  switch (code) {
    case 'ECONNREFUSED':
      return ['refused', (target) => `connection refused by ${target}`]
    case 'ENOTFOUND':
    case 'ENODATA':
      return ['unreachable', (target) => `the name of ${target} was not found`]
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return ['unreachable', (target) => `no route to ${target}`]
    case 'ETIMEDOUT':
      return ['timed out', (target) => `${target} did not accept the connection in time`]
    case 'ETIMEOUT':
    case 'ESERVFAIL':
    case 'EREFUSED':
      return ['unreachable', (target) => `the name servers gave no answer for the name of ${target}`]
    case 'EBADRESP':
    case 'EFORMERR':
    case 'EBADNAME':
      return ['unreachable', (target) => `the name of ${target} cannot be looked up`]
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ERR_STREAM_PREMATURE_CLOSE':
    case 'ERR_SOCKET_CLOSED':
      return ['protocol', (target) => `${target} closed the connection before the answer was complete`]
    case 'EACCES':
    case 'EPERM':
      return ['unreachable', (target) => `this machine does not allow connections to ${target}`]
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
      return ['configuration', (target) => `this machine has no more sockets to reach ${target} with (${code})`]
    case 'HPE_HEADER_OVERFLOW':
      return ['too large', (target) => `the headers of ${target} are larger than the limit`]
    default:
  }
  if (code !== undefined && code in certificateProblems) {
    return ['tls', (target) => `the certificate of ${target} is not trusted: ${certificateProblem(code)}`]
  }
  if (code?.startsWith('HPE_') === true)
    return ['protocol', (target) => `${target} does not speak HTTP as it should (${code.slice(4)})`]
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_') === true || code?.startsWith('ERR_TLS_') === true) {
    const why = code === 'EPROTO' ? openSslWords(messageOf(thrown)) : wordsOfCode(code)
    return ['tls', (target) => `the TLS handshake with ${target} failed: ${why}`]
  }
  return ['protocol', (target) => `the exchange with ${target} failed${code === undefined ? '' : ` (${code})`}`]
}

/** `…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…` says only its reason. */
function openSslWords(message: string): string {
  return /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1] ?? 'protocol error'
}

function wordsOfCode(code: string): string {
  return code
    .replace(/^ERR_(SSL|TLS)_/, '')
    .toLowerCase()
    .replaceAll('_', ' ')
}

/**
 * What was thrown while dealing with `target` (`host:port`), as the failure of that target. System messages are not repeated: they may
 * quote what was sent.
 */
export function targetFailure(thrown: unknown, target: string): TargetError {
  if (thrown instanceof TargetError) return thrown
  const [reason, words] = meaningOf(systemCodeOf(thrown), thrown)
  return new TargetError(reason, words(target), { cause: thrown })
}

/** The time is up, or the agent stops. `while` says what was not done: `did not accept the connection`. */
export function outOfTime(target: string, what: string): TargetError {
  return new TargetError('timed out', `${target} ${what} in time`)
}
