import { request as startRequest, type IncomingMessage } from 'node:http'
import { Agent, request as startTlsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  connect as connectTls,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { FarwatchError, messageOf, systemCodeOf, type Clock } from '../../base/index.ts'
import { certificateInfo } from '../keystore/certificate.ts'

/** Whom an agent trusts, beside the system's authorities: its keystore. */
export interface Trust {
  /** PEM. */
  authorities(): readonly string[]
  /** Whether exactly this certificate is trusted, whatever names it bears. */
  trusts(fingerprint: string): boolean
}

export interface ConnectionOptions {
  readonly clock: Clock
  readonly trust: Trust
  /** URL of an HTTP(S) proxy, or undefined. User and password may stand in it. */
  readonly proxy: () => string | undefined
}

export interface Sent {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly maxAnswerBytes: number
  /** How long nothing may come. */
  readonly silentMs: number
}

export interface Got {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** The server had closed a kept connection while it was idle: the request can be made again at once. */
export class StaleConnection extends FarwatchError {}

/** A cut that comes later than this after the request is no sign of that: the server went away amid a poll. */
const staleMs = 1_000

const connectMs = 15_000

/**
 * HTTPS to a server, on connections that are kept. Nothing is sent on one before the server's certificate was judged: by the authorities,
 * the name that was wanted, and the keystore's fingerprints.
 */
export class Connections {
  readonly #options: ConnectionOptions
  /** Made with the first connection: all authorities of the system are read for it. */
  #agent: ServerAgent | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Whom is trusted, or the proxy, is another now: kept connections end, those in use after their answer. */
  renew(): void {
    this.#agent?.retire()
    this.#agent = undefined
  }

  close(): void {
    this.#agent?.destroy()
  }

  /** @throws FarwatchError `unreachable`, `untrusted-certificate`, `too-large` */
  send(sent: Sent, signal: AbortSignal): Promise<Got> {
    const { url, headers, body, silentMs, maxAnswerBytes } = sent
    const { clock } = this.#options
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(unreachable(url, 'it was not asked any more'))
      const request = startTlsRequest({
        agent: (this.#agent ??= new ServerAgent(this.#options)),
        host: bareHost(url),
        port: portOf(url),
        path: url.pathname,
        method: 'POST',
        headers: { ...headers, host: url.host, 'content-length': String(body.length) },
        timeout: silentMs,
        signal,
      })
      const sentAt = clock.elapsed()
      const fail = (thrown: unknown) => {
        request.destroy()
        const isCut = ['ECONNRESET', 'EPIPE'].includes(systemCodeOf(thrown) ?? '')
        if (isCut && request.reusedSocket && clock.elapsed() - sentAt < staleMs)
          reject(new StaleConnection('unreachable', `${url.host} closed a kept connection`))
        else reject(thrown instanceof FarwatchError ? thrown : unreachable(url, wordsOf(thrown), thrown))
      }
      request.on('timeout', () => fail(unreachable(url, `nothing came within ${Math.round(silentMs / 1_000)} s`)))
      request.on('error', fail)
      request.on('response', (answer) => {
        const chunks: Buffer[] = []
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          chunks.push(chunk)
          if (bytes > maxAnswerBytes)
            fail(new FarwatchError('too-large', `the answer of ${url.host} is larger than ${maxAnswerBytes} bytes`))
        })
        answer.on('error', fail)
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        )
      })
      request.end(body)
    })
  }
}

interface Wanted {
  readonly host?: string | null
  readonly port?: number | string | null
}

class ServerAgent extends Agent {
  readonly #options: ConnectionOptions
  readonly #context: SecureContext
  #isRetired = false

  constructor(options: ConnectionOptions) {
    // One for the long poll, one for uploads, one for what commands give.
    super({ keepAlive: true, maxSockets: 4, maxFreeSockets: 4 })
    this.#options = options
    const own = options.trust.authorities()
    this.#context = createSecureContext({
      ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own])],
      // One may trust a server's certificate without its issuer.
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
    })
  }

  retire(): void {
    this.#isRetired = true
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }

  override keepSocketAlive(socket: Duplex): boolean {
    // What is to be kept is decided by Node; a retired one keeps nothing.
    return !this.#isRetired && (super.keepSocketAlive(socket) as unknown) !== false
  }

  override createConnection(
    wanted: Wanted,
    done?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const give = done as unknown as (error: unknown, socket?: Duplex) => void
    this.#connect(String(wanted.host), Number(wanted.port)).then(
      (socket) => give(null, socket),
      (thrown: unknown) => give(thrown),
    )
    return undefined
  }

  async #connect(host: string, port: number): Promise<Duplex> {
    const proxy = this.#options.proxy()
    const tunnel = proxy === undefined || proxy === '' ? undefined : await openTunnel(readProxy(proxy), host, port)
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        ...(tunnel === undefined ? { host, port } : { socket: tunnel }),
        ...(isIP(host) === 0 ? { servername: host } : {}),
        secureContext: this.#context,
        ALPNProtocols: ['http/1.1'],
        // Judged below, with all that is known then, and before a byte is sent.
        rejectUnauthorized: false,
      })
      const refuse = (thrown: unknown) => {
        socket.destroy()
        reject(thrown instanceof Error ? thrown : new Error(messageOf(thrown)))
      }
      socket.setTimeout(connectMs, () => refuse(new Error('the connection was not made in time')))
      socket.once('error', refuse)
      socket.once('secureConnect', () => {
        socket.setTimeout(0)
        const distrust = judge(socket, host, port, this.#options.trust)
        if (distrust !== undefined) return refuse(distrust)
        socket.off('error', refuse)
        resolve(socket)
      })
    })
  }
}

/** Why the certificate that a server showed is not believed, in full, or undefined. */
function judge(socket: TLSSocket, host: string, port: number, trust: Trust): FarwatchError | undefined {
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) return new FarwatchError('unreachable', `${host}:${port} shows no certificate`)
  if (trust.trusts(shown.fingerprint256)) return undefined
  // By the names that the certificate lists, never by its subject, as every browser does.
  const isNamed =
    isIP(host) === 0
      ? shown.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined
      : shown.checkIP(host) !== undefined
  if (socket.authorized && isNamed) return undefined
  const { names, fingerprint, subject } = certificateInfo(shown)
  const why = socket.authorized
    ? 'it is for other names'
    : `${(wordsOfDistrust[String(socket.authorizationError)] ?? String(socket.authorizationError)) || 'its issuer is not trusted here'}${isNamed ? '' : ', and it is for other names'}`
  const place = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  return new FarwatchError(
    'untrusted-certificate',
    `the certificate of ${place} is not trusted: ${why}. Wanted: ${host}. It bears: ${names.join(', ') || subject || 'no name'}. Its fingerprint (SHA-256): ${fingerprint}`,
    {
      hint: `Either, on the server, run \`farwatch certificate generate\` for the names and addresses that agents use. Or, where this fingerprint is the one that the server's own page shows, run \`farwatch trust ${place} --fingerprint ${fingerprint}\` here. A self-signed certificate needs the second in any case.`,
    },
  )
}

const wordsOfDistrust: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its chain ends at a certificate that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not known here',
  CERT_HAS_EXPIRED: 'it has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'it is not valid yet, or the clock of this machine is wrong',
}

function readProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new FarwatchError('invalid-setting', 'the proxy is not an http:// or https:// URL')
  return url
}

/** A connection to `host:port` through a proxy. What goes through it is TLS, which the proxy cannot read. */
function openTunnel(proxy: URL, host: string, port: number): Promise<Socket> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const user = decodeURIComponent(proxy.username)
  const credentials = Buffer.from(`${user}:${decodeURIComponent(proxy.password)}`).toString('base64')
  const options = {
    host: bareHost(proxy),
    port: portOf(proxy),
    method: 'CONNECT',
    path: target,
    agent: false,
    timeout: connectMs,
    headers: { host: target, ...(user === '' ? {} : { 'proxy-authorization': `Basic ${credentials}` }) },
  } as const
  return new Promise((resolve, reject) => {
    const request = proxy.protocol === 'https:' ? startTlsRequest(options) : startRequest(options)
    const refuse = (why: string, cause?: unknown) => {
      request.destroy()
      reject(
        new FarwatchError('unreachable', `the proxy ${proxy.host} does not lead to ${target}: ${why}`, {
          hint: 'Check the proxy setting of this instance, and whether the proxy allows this target.',
          cause,
        }),
      )
    }
    request.once('timeout', () => refuse('it did not answer in time'))
    request.once('error', (thrown) => refuse(messageOf(thrown), thrown))
    request.once('response', ({ statusCode }) => refuse(`it answered ${statusCode}`))
    request.once('connect', ({ statusCode }, socket: Socket, head: Buffer) => {
      if (statusCode !== 200) {
        socket.destroy()
        return refuse(statusCode === 407 ? 'it wants a user and a password' : `it answered ${statusCode}`)
      }
      if (head.length > 0) socket.unshift(head)
      socket.setTimeout(0)
      resolve(socket)
    })
    request.end()
  })
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

function unreachable(url: URL, why: string, cause?: unknown): FarwatchError {
  return new FarwatchError('unreachable', `the server ${url.origin} cannot be reached: ${why}`, {
    hint: 'Check its URL, that it runs, and that this machine may connect to it.',
    ...(cause === undefined ? {} : { cause }),
  })
}

const systemWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'names cannot be looked up at the moment',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it did not answer in time',
}

function wordsOf(thrown: unknown): string {
  return systemWords[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown)
}
