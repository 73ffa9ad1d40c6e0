import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls'
import { lookup } from '../../platform/index.ts'
import type { OpenCredential } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { hostPort } from './target.ts'
import { secureContext } from './trust.ts'
import { usable } from './usable.ts'

export interface SocketPlace {
  readonly host: string
  readonly port: number
  /** off: never. require: whatever the certificate. verify: with a trusted certificate for this name. */
  readonly tls: 'off' | 'require' | 'verify'
  readonly trustedCertificates: string | undefined
}

/** What TLS is told for a host: whom to trust, which name to ask for, and to compare names even where it is an address. */
export function tlsOptions(place: SocketPlace, credential?: OpenCredential) {
  const { host, tls, trustedCertificates } = place
  return {
    secureContext: secureContext(trustedCertificates, credential),
    rejectUnauthorized: tls !== 'require',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  }
}

/**
 * A connection, with TLS where that is wanted. It belongs to the caller, who destroys it.
 * @throws TargetError as `targetFailure` says; `timed out` when the signal aborts first
 */
export function openSocket(place: SocketPlace, signal: AbortSignal, credential?: OpenCredential): Promise<Socket> {
  const { host, port, tls } = place
  const target = hostPort(host, port)
  if (signal.aborted) return Promise.reject(outOfTime(target, 'was not asked'))
  let connected = false
  const socket =
    tls === 'off'
      ? connectTcp({ host, port, lookup })
      : connectTls({ host, port, lookup, ...tlsOptions(place, credential) })
  socket.once('connect', () => (connected = true))
  return usable(socket, tls === 'off' ? 'connect' : 'secureConnect', signal, {
    late: () => outOfTime(target, connected ? 'did not finish the TLS handshake' : 'did not accept the connection'),
    closed: () => targetFailure({ code: 'ECONNRESET' }, target),
    of: (error) => targetFailure(error, target),
  })
}
