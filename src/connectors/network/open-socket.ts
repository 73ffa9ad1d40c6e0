import type { Socket } from 'node:net'
import type { OpenCredential } from '../../sdk/index.ts'
import { openConnection, secureConnection, trustOptions } from './connection.ts'

/** A server whose connector has one setting for TLS, as databases do. */
export interface SocketPlace {
  readonly host: string
  readonly port: number
  /** off: never. require: whatever the certificate. verify: with a trusted certificate for this name. */
  readonly tls: 'off' | 'require' | 'verify'
  readonly trustedCertificates: string | undefined
}

/** What TLS is told for such a server. */
export function tlsOptions(place: SocketPlace, credential?: OpenCredential) {
  return trustOptions(place.host, trustIn(place), credential)
}

/**
 * A connection, with TLS where that is wanted. It belongs to the caller, who destroys it.
 * @throws TargetError as `openConnection` and `secureConnection` do
 */
export async function openSocket(
  place: SocketPlace,
  signal: AbortSignal,
  credential?: OpenCredential,
): Promise<Socket> {
  const socket = await openConnection(place, signal)
  return place.tls === 'off' ? socket : secureConnection(socket, place, trustIn(place), signal, { own: credential })
}

function trustIn({ tls, trustedCertificates }: SocketPlace) {
  return { verifyCertificate: tls !== 'require', trustedCertificates }
}
