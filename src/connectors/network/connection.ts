import { connect, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import { systemClock, lookup } from '../../platform/index.ts'
import { TargetError, type CertificateFacts, type OpenCredential, type Param, type Problem } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { trustedSetting } from './settings.ts'
import { hostPort } from './target.ts'
import { usable } from './usable.ts'
import { certificateFacts, secureContext, trustedProblems } from './trust.ts'

/** The settings of trust for a service that may speak TLS. */
export const trustSettings = {
  verifyCertificate: {
    kind: 'flag',
    label: 'Verify the certificate',
    help: 'Off: any certificate will do. Somebody in between can then read the credentials.',
    default: true,
  },
  trustedCertificates: {
    ...trustedSetting,
    help: 'Trusted for this connector besides those of the agent’s machine: the company’s own authority, or a self-signed certificate.',
  },
} as const satisfies Record<string, Param>

/** How TLS is begun: from the first byte, after a plain greeting, or never. */
export const securitySetting = {
  kind: 'choice',
  label: 'TLS',
  help: 'starttls: asked for before anything else is said. tls: from the first byte. off: never; passwords then cross the network as they are.',
  of: ['starttls', 'tls', 'off'],
  default: 'starttls',
} as const satisfies Param

export interface Place {
  readonly host: string
  readonly port: number
}

export interface Trust {
  readonly verifyCertificate: boolean
  readonly trustedCertificates: string | undefined
}

/** The parts of a connector that every service at a host and port has in common. */
export const hostService = {
  check: ({ trustedCertificates }: Trust, path: string): readonly Problem[] =>
    trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: ({ host, port }: Place): string => hostPort(host, port),
}

/** What `tls.connect` is told so that a certificate is verified as everywhere here. */
export function trustOptions(host: string, { verifyCertificate, trustedCertificates }: Trust, own?: OpenCredential) {
  return {
    secureContext: secureContext(trustedCertificates, own),
    rejectUnauthorized: verifyCertificate,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  }
}

/** Opens a connection. Whoever gets it ends it. @throws TargetError where it cannot be opened before the signal aborts */
export function openConnection({ host, port }: Place, signal: AbortSignal): Promise<Socket> {
  const target = hostPort(host, port)
  if (signal.aborted) return Promise.reject(outOfTime(target, 'was not asked'))
  return usable(connect({ host, port, lookup, noDelay: true }), 'connect', signal, {
    late: () => outOfTime(target, 'did not accept the connection'),
    closed: () => new TargetError('protocol', `${target} closed the connection`),
    of: (error) => targetFailure(error, target),
  })
}

export interface TlsWishes {
  /** A client certificate to be shown. */
  readonly own?: OpenCredential | undefined
  /** What is to be spoken over it, as TLS names it (ALPN). */
  readonly protocols?: readonly string[]
}

/** Shakes hands by TLS over an open connection, which ends where that fails. @throws TargetError */
export function secureConnection(
  socket: Socket,
  { host, port }: Place,
  trust: Trust,
  signal: AbortSignal,
  { own, protocols }: TlsWishes = {},
): Promise<TLSSocket> {
  const target = hostPort(host, port)
  if (signal.aborted) return Promise.reject(outOfTime(target, 'was not asked'))
  return usable(
    connectTls({
      socket,
      ...trustOptions(host, trust, own),
      ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    }),
    'secureConnect',
    signal,
    {
      late: () => outOfTime(target, 'did not finish the TLS handshake'),
      closed: () => new TargetError('tls', `${target} broke off the TLS handshake`),
      of: (error) => {
        const failure = targetFailure(error, target)
        return failure.reason === 'protocol'
          ? new TargetError('tls', `${target} broke off the TLS handshake`, { cause: error })
          : failure
      },
    },
  )
}

/** A connection as a service of either kind wants it at its beginning, and how long that took in milliseconds. */
export interface Begun {
  readonly socket: Socket
  readonly connect: number
  readonly tls?: number
  readonly certificate?: CertificateFacts
}

export async function beginConnection(
  place: Place,
  tlsFromTheStart: boolean,
  trust: Trust,
  signal: AbortSignal,
  wishes: TlsWishes = {},
): Promise<Begun> {
  const begun = systemClock.elapsed()
  const socket = await openConnection(place, signal)
  const connected = systemClock.elapsed()
  if (!tlsFromTheStart) return { socket, connect: connected - begun }
  const secured = await secureConnection(socket, place, trust, signal, wishes)
  const certificate = certificateFacts(secured, place.host)
  return {
    socket: secured,
    connect: connected - begun,
    tls: systemClock.elapsed() - connected,
    ...(certificate === undefined ? {} : { certificate }),
  }
}

/** Ends a connection when the signal aborts or more came than is allowed. @returns how to stop watching, and what was decided */
export function guardConnection(
  socket: Socket,
  maxBytes: number,
  signal: AbortSignal,
): { readonly tooMuch: () => boolean; release(): void } {
  let tooMuch = false
  const stop = () => socket.destroy()
  const count = () => {
    if (socket.bytesRead <= maxBytes) return
    tooMuch = true
    socket.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  socket.on('data', count)
  return {
    tooMuch: () => tooMuch,
    release() {
      signal.removeEventListener('abort', stop)
      socket.removeListener('data', count)
    },
  }
}
