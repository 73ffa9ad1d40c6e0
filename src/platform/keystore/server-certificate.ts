import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { FarwatchError, messageOf } from '../../base/index.ts'
import { certificateInfo, type CertificateInfo } from './certificate.ts'

/** Where a server is that was named by its URL. @throws FarwatchError `invalid-value` */
export function serverAddress(url: string): { readonly host: string; readonly port: number } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'https:')
    throw new FarwatchError('invalid-value', `${JSON.stringify(url.slice(0, 200))} is not the URL of a server`, {
      hint: 'For example: https://farwatch.example:8443',
    })
  return { host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), port: parsed.port === '' ? 443 : Number(parsed.port) }
}

/**
 * Asks a server for the certificate it shows, whatever it is worth, so that a person can compare its fingerprint.
 * Nothing is sent but the handshake.
 * @throws FarwatchError `unreachable`
 */
export function fetchServerCertificate(host: string, port: number, signal: AbortSignal): Promise<CertificateInfo> {
  return new Promise((done, failed) => {
    const socket = connect({
      host,
      port,
      // Names only: an address as server name is against the protocol, and some servers hang up on it.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // Not trusted yet, which is the very question.
      rejectUnauthorized: false,
    })
    const end = (): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
    }
    const refuse = (why: string, cause?: unknown): void => {
      end()
      failed(
        new FarwatchError('unreachable', `${host}:${port} showed no certificate: ${why}`, {
          hint: 'Check the name, the port, and that nothing between ends the connection.',
          cause,
        }),
      )
    }
    const onAbort = (): void => refuse('it took too long')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    socket.once('error', (thrown) => refuse(messageOf(thrown), thrown))
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate()
      if (certificate === undefined) return refuse('the server has none')
      end()
      done(certificateInfo(certificate))
    })
  })
}
