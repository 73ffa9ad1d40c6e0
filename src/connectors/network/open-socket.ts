import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls'
import type { OpenCredential } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { lookup } from './names.ts'
import { hostPort } from './target.ts'
import { secureContext } from './trust.ts'

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
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(outOfTime(target, 'was not asked'))
    let connected = false
    const socket =
      tls === 'off'
        ? connectTcp({ host, port, lookup })
        : connectTls({ host, port, lookup, ...tlsOptions(place, credential) })
    const settle = (failure: Error | undefined) => {
      signal.removeEventListener('abort', stop)
      socket.removeListener('error', settle)
      socket.removeListener('close', closed)
      if (failure === undefined) return resolve(socket)
      socket.on('error', () => undefined)
      socket.destroy()
      reject(targetFailure(failure, target))
    }
    const stop = () =>
      settle(outOfTime(target, connected ? 'did not finish the TLS handshake' : 'did not accept the connection'))
    const closed = () => settle(targetFailure({ code: 'ECONNRESET' }, target))
    signal.addEventListener('abort', stop, { once: true })
    socket.once('error', settle)
    socket.once('close', closed)
    socket.once('connect', () => (connected = true))
    socket.once(tls === 'off' ? 'connect' : 'secureConnect', () => settle(undefined))
  })
}
