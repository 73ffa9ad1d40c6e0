import { request as startRequest, type Agent as HttpAgent, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as startTlsRequest, type Agent as HttpsAgent } from 'node:https'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  checkServerIdentity,
  connect as connectTls,
  TLSSocket,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import { systemCodeOf } from '../../base/index.ts'
import { systemClock } from '../../platform/index.ts'
import { TargetError, type CertificateFacts, type HttpPhases } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { lookup } from './names.ts'
import { hostPort } from './target.ts'
import { certificateFacts } from './trust.ts'

/** Where one exchange goes: read once from a URL, so that a run of every few seconds does not read it again. */
export interface HttpPlace {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** Path and query, as sent. */
  readonly path: string
  /** The URL's host as the `Host` header bears it. */
  readonly hostHeader: string
  /** Scheme, host, port and path: what may be shown. Queries hold tokens often enough. */
  readonly shown: string
  readonly href: string
}

export function readPlace(url: URL): HttpPlace {
  const secure = url.protocol === 'https:'
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    hostHeader: url.host,
    shown: `${url.protocol}//${url.host}${url.pathname}`,
    href: url.href,
  }
}

/** How to get to a place. */
export interface HttpWay {
  readonly verify: boolean
  readonly context: () => SecureContext
  /** Connect here whatever the URL says. */
  readonly connectTo: { readonly host: string; readonly port: number } | undefined
  readonly proxy: HttpPlace | undefined
  /** Present where the connection is to be kept; absent for a new one that ends with the exchange. */
  readonly keep?: { readonly http: HttpAgent; readonly https: HttpsAgent }
}

export interface HttpSending {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly maxBodyBytes: number
}

export interface HttpExchanged {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly phases: HttpPhases
  readonly certificate: CertificateFacts | undefined
}

const unpackers: Readonly<Record<string, (packed: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip),
  'x-gzip': promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip),
  br: promisify<Buffer, { maxOutputLength: number }, Buffer>(brotliDecompress),
  zstd: promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress),
  // Half of the world sends zlib's format under this name, as the standard says; the other half sends it without its header.
  deflate: (packed, options) =>
    (packed[0] !== undefined && (packed[0] & 0x0f) === 8
      ? promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate)
      : promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw))(packed, options),
}

function tooLarge(target: string, limit: number): TargetError {
  return new TargetError('too large', `the answer of ${target} is larger than the limit of ${limit} bytes`)
}

/** Undoes `Content-Encoding`, counting what comes out: a few kilobytes can unpack to gigabytes. */
async function unpack(packed: Buffer, encoding: string | undefined, limit: number, target: string): Promise<Buffer> {
  if (packed.length === 0 || encoding === undefined || encoding === '' || encoding === 'identity') return packed
  const unpacker = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined
  if (unpacker === undefined)
    throw new TargetError('protocol', `${target} packed its answer in a way that was not asked for`)
  try {
    return await unpacker(packed, { maxOutputLength: limit })
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(target, limit)
    throw new TargetError('protocol', `the packed answer of ${target} cannot be unpacked`, { cause: thrown })
  }
}

/** A kept connection ended before anything of the answer came: the server closed it while it was idle. */
export class StaleConnection extends TargetError {
  constructor(failure: TargetError) {
    super(failure.reason, failure.message, { cause: failure })
  }
}

/** One request and its answer, followed nowhere. */
export async function exchange(
  place: HttpPlace,
  way: HttpWay,
  sending: HttpSending,
  signal: AbortSignal,
): Promise<HttpExchanged> {
  const tunnel = place.secure && way.proxy !== undefined ? await openTunnel(place, way.proxy, signal) : undefined
  const raw = await new Promise<Unpacked>((resolve, reject) => {
    new Exchange(place, way, sending, signal, tunnel, resolve, reject).begin()
  })
  const body = await unpack(
    raw.packed,
    raw.answer.headers['content-encoding']?.trim().toLowerCase(),
    sending.maxBodyBytes,
    hostPort(place.host, place.port),
  )
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw.answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { status: raw.answer.statusCode ?? 0, headers, body, phases: raw.phases, certificate: raw.certificate }
}

interface Unpacked {
  readonly answer: IncomingMessage
  readonly packed: Buffer
  readonly phases: HttpPhases
  readonly certificate: CertificateFacts | undefined
}

/**
 * One exchange on its way. Settles exactly once: with the answer, with a failure of the target, or when the signal aborts; every
 * listener ends with it.
 */
class Exchange {
  readonly #place: HttpPlace
  readonly #way: HttpWay
  readonly #sending: HttpSending
  readonly #signal: AbortSignal
  readonly #tunnel: Duplex | undefined
  readonly #resolve: (seen: Unpacked) => void
  readonly #reject: (failure: TargetError) => void
  /** Who is connected to: the place itself, a proxy, or what the connector names instead. */
  readonly #met: { readonly host: string; readonly port: number }
  readonly #target: string
  #request: ClientRequest | undefined
  #settled = false
  #begun = systemClock.elapsed()
  #named: number | undefined
  #connected: number | undefined
  #secured: number | undefined
  #answered: number | undefined

  constructor(
    place: HttpPlace,
    way: HttpWay,
    sending: HttpSending,
    signal: AbortSignal,
    tunnel: Duplex | undefined,
    resolve: (seen: Unpacked) => void,
    reject: (failure: TargetError) => void,
  ) {
    this.#place = place
    this.#way = way
    this.#sending = sending
    this.#signal = signal
    this.#tunnel = tunnel
    this.#resolve = resolve
    this.#reject = reject
    this.#met = place.secure ? (way.connectTo ?? place) : (way.proxy ?? way.connectTo ?? place)
    this.#target = hostPort(this.#met.host, this.#met.port)
  }

  begin(): void {
    if (this.#signal.aborted) return this.#reject(outOfTime(this.#target, 'was not asked'))
    const { secure, path, href, hostHeader, host } = this.#place
    const proxied = !secure && this.#way.proxy !== undefined
    const keep = this.#tunnel === undefined ? this.#way.keep : undefined
    const find: typeof lookup = (name, options, done) =>
      lookup(name, options, (error, address, family) => {
        this.#named = systemClock.elapsed()
        done(error, address, family)
      })
    // `path` means a Unix socket to a socket and a page to a request, so the two are kept apart.
    const connecting = {
      host: this.#met.host,
      port: this.#met.port,
      lookup: find,
      ...(secure
        ? {
            secureContext: this.#way.context(),
            rejectUnauthorized: this.#way.verify,
            ...(isIP(host) === 0 ? { servername: host } : {}),
            checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
          }
        : {}),
    }
    const options = {
      ...connecting,
      method: this.#sending.method,
      path: proxied ? href : path,
      headers: { host: hostHeader, ...this.#sending.headers },
    }
    try {
      this.#request =
        keep !== undefined
          ? secure
            ? startTlsRequest({ ...options, agent: keep.https })
            : startRequest({ ...options, agent: keep.http })
          : // Without an agent the connection is ours alone, and costs no bookkeeping.
            startRequest({
              ...options,
              createConnection: () =>
                secure
                  ? connectTls(this.#tunnel === undefined ? connecting : { ...connecting, socket: this.#tunnel })
                  : connectTcp(connecting),
            })
    } catch (thrown) {
      // Node refuses header names, header values and methods that HTTP does not know, before anything is sent.
      this.#tunnel?.destroy()
      const what = systemCodeOf(thrown) ?? 'unknown'
      return this.#reject(
        new TargetError('configuration', `the request cannot be sent as configured (${what})`, { cause: thrown }),
      )
    }
    const request = this.#request
    this.#signal.addEventListener('abort', this.#stop, { once: true })
    request.on('socket', (socket: Socket) => this.#watch(socket))
    request.on('response', (answer) => this.#read(answer))
    request.on('error', (error) => this.#fail(this.#failureOf(error)))
    // An upgrade nobody asked for closes the connection without an error.
    request.on('close', () => {
      // Every request closes; making an error for each costs a twentieth of the whole check.
      if (!this.#settled)
        this.#fail(new TargetError('protocol', `${this.#target} closed the connection before the answer was complete`))
    })
    request.end(this.#sending.body)
  }

  #watch(socket: Socket): void {
    if (!socket.connecting && this.#tunnel === undefined) return
    socket.once('connect', () => (this.#connected = systemClock.elapsed()))
    if (this.#place.secure) socket.once('secureConnect', () => (this.#secured = systemClock.elapsed()))
  }

  #read(answer: IncomingMessage): void {
    this.#answered = systemClock.elapsed()
    const certificate =
      answer.socket instanceof TLSSocket ? certificateFacts(answer.socket, this.#place.host) : undefined
    const limit = this.#sending.maxBodyBytes
    const chunks: Buffer[] = []
    let bytes = 0
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > limit) this.#fail(tooLarge(this.#target, limit))
      else chunks.push(chunk)
    })
    answer.on('error', (error) => this.#fail(this.#failureOf(error)))
    answer.on('end', () => {
      if (this.#settled) return
      this.#settle()
      this.#tunnel?.destroy()
      this.#resolve({
        answer,
        packed: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
        phases: this.#phases(this.#answered!),
        certificate,
      })
    })
  }

  #phases(answered: number): HttpPhases {
    const fromName = this.#named ?? this.#begun
    const fromConnection = this.#connected ?? fromName
    return {
      ...(this.#named === undefined ? {} : { dns: this.#named - this.#begun }),
      ...(this.#connected === undefined ? {} : { connect: this.#connected - fromName }),
      ...(this.#secured === undefined ? {} : { tls: this.#secured - fromConnection }),
      firstByte: answered - (this.#secured ?? fromConnection),
      total: systemClock.elapsed() - this.#begun,
    }
  }

  #failureOf(error: Error): TargetError {
    const failure = targetFailure(error, this.#target)
    const stale = this.#request?.reusedSocket === true && this.#answered === undefined && failure.reason === 'protocol'
    return stale ? new StaleConnection(failure) : failure
  }

  #stop = (): void => {
    const ready = (this.#place.secure ? this.#secured : this.#connected) !== undefined
    const what =
      this.#answered !== undefined
        ? 'did not end its answer'
        : ready || this.#request?.reusedSocket === true
          ? 'sent no answer'
          : this.#connected !== undefined || this.#tunnel !== undefined
            ? 'did not finish the TLS handshake'
            : this.#named === undefined && isIP(this.#met.host) === 0
              ? 'could not be looked up'
              : 'did not accept the connection'
    this.#fail(outOfTime(this.#target, what))
  }

  #fail(failure: TargetError): void {
    if (this.#settled) return
    this.#settle()
    this.#request?.destroy()
    this.#tunnel?.destroy()
    this.#reject(failure)
  }

  #settle(): void {
    this.#settled = true
    this.#signal.removeEventListener('abort', this.#stop)
  }
}

/** A way through an HTTP proxy to a TLS server. */
function openTunnel(place: HttpPlace, proxy: HttpPlace, signal: AbortSignal): Promise<Duplex> {
  const through = hostPort(proxy.host, proxy.port)
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(outOfTime(through, 'was not asked'))
    const target = hostPort(place.host, place.port)
    const request = startRequest({
      createConnection: () => connectTcp({ host: proxy.host, port: proxy.port, lookup }),
      method: 'CONNECT',
      path: target,
      headers: { host: target },
    })
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', stop)
      act()
    }
    const stop = () => {
      request.destroy()
      settle(() => reject(outOfTime(`the proxy ${through}`, 'did not answer')))
    }
    signal.addEventListener('abort', stop, { once: true })
    request.on('connect', (answer: IncomingMessage, socket: Duplex) => {
      if (answer.statusCode === 200) return settle(() => resolve(socket))
      socket.destroy()
      const reason = answer.statusCode === 407 ? 'credentials' : 'unreachable'
      settle(() =>
        reject(new TargetError(reason, `the proxy ${through} refused the way to ${target}: ${answer.statusCode}`)),
      )
    })
    request.on('response', (answer) => {
      answer.destroy()
      settle(() => reject(new TargetError('protocol', `${through} is not a proxy: it answered ${answer.statusCode}`)))
    })
    request.on('error', (error) => settle(() => reject(targetFailure(error, `the proxy ${through}`))))
    request.on('close', () =>
      settle(() => reject(new TargetError('protocol', `the proxy ${through} closed the connection`))),
    )
    request.end()
  })
}
