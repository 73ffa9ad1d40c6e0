import { request as startRequest, validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http'
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket, type SecureContext } from 'node:tls'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import { systemCodeOf } from '../../base/index.ts'
import { systemClock, lookup } from '../../platform/index.ts'
import { TargetError, type CertificateFacts, type HttpPhases } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { BodyTooLarge, HttpAnswer } from './http-answer.ts'
import { HttpLine, type KeptLines } from './http-line.ts'
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
  readonly keep?: KeptLines
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
  const { answer, phases, certificate } = await new Promise<Unpacked>((resolve, reject) => {
    new Exchange(place, way, sending, signal, tunnel, resolve, reject).begin()
  })
  const { status, headers } = answer
  const packed = answer.body()
  const encoding = headers['content-encoding']?.trim().toLowerCase()
  const target = hostPort(place.host, place.port)
  const body =
    packed.length === 0 || encoding === undefined
      ? packed
      : await unpack(packed, encoding, sending.maxBodyBytes, target)
  return { status, headers, body, phases, certificate }
}

interface Unpacked {
  readonly answer: HttpAnswer
  readonly phases: HttpPhases
  readonly certificate: CertificateFacts | undefined
}

const methodPattern = /^[A-Z]+$/
/** Methods whose request has a body, be it an empty one. */
const bodied: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** What is sent before the body. @throws Error with Node's code for what HTTP does not know */
function requestHead(
  place: HttpPlace,
  proxied: boolean,
  keep: boolean,
  { method, headers, body }: HttpSending,
): string {
  if (!methodPattern.test(method)) throw Object.assign(new Error('method'), { code: 'ERR_INVALID_HTTP_TOKEN' })
  const { host = place.hostHeader, ...others } = headers
  validateHeaderValue('host', host)
  let head = `${method} ${proxied ? place.href : place.path} HTTP/1.1\r\nhost: ${host}\r\n`
  for (const name in others) {
    const value = others[name]!
    validateHeaderName(name)
    validateHeaderValue(name, value)
    head += `${name}: ${value}\r\n`
  }
  if (body === undefined && bodied.has(method)) head += 'content-length: 0\r\n'
  return `${head}connection: ${keep ? 'keep-alive' : 'close'}\r\n\r\n`
}

/**
 * One exchange on its way. Settles exactly once: with the answer, with a failure of the target, or when the signal aborts; every
 * listener ends with it.
 *
 * On a bare socket: a check over a new connection costs 0.11 ms of CPU so, 0.23 with the client of `node:http` (docs/performance.md).
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
  readonly #answer: HttpAnswer
  #line: HttpLine | undefined
  #isReused = false
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
    this.#answer = new HttpAnswer(sending.method, sending.maxBodyBytes)
  }

  begin(): void {
    if (this.#signal.aborted) {
      this.#tunnel?.destroy()
      return this.#reject(outOfTime(this.#target, 'was not asked'))
    }
    const { secure } = this.#place
    const keep = this.#tunnel === undefined ? this.#way.keep : undefined
    let head: string
    try {
      head = requestHead(this.#place, !secure && this.#way.proxy !== undefined, keep !== undefined, this.#sending)
    } catch (thrown) {
      // Header names, header values and methods that HTTP does not know are refused before anything is sent.
      this.#tunnel?.destroy()
      const what = systemCodeOf(thrown) ?? 'unknown'
      return this.#reject(
        new TargetError('configuration', `the request cannot be sent as configured (${what})`, { cause: thrown }),
      )
    }
    this.#signal.addEventListener('abort', this.#stop, { once: true })
    const kept = keep?.take(this.#key)
    this.#isReused = kept !== undefined
    const line = kept ?? this.#open()
    this.#line = line
    line.used({
      received: (piece) => this.#receive(piece),
      failed: (error) => this.#fail(this.#failureOf(error)),
      ended: () => this.#end(),
    })
    const send = () => line.send(head, this.#sending.body)
    if (kept !== undefined) return send()
    const { socket } = line
    // Of what is open already, a tunnel through a proxy, the connection takes no time.
    if (this.#tunnel === undefined) socket.once('connect', () => (this.#connected = systemClock.elapsed()))
    if (!secure) return send()
    // Not before it is known who hears it.
    socket.once('secureConnect', () => {
      this.#secured = systemClock.elapsed()
      send()
    })
  }

  /** What a kept connection is good for. */
  get #key(): string {
    return `${this.#place.secure ? this.#place.host : ''} ${this.#target}`
  }

  #open(): HttpLine {
    const { secure, host } = this.#place
    const find: typeof lookup = (name, options, done) =>
      lookup(name, options, (error, address, family) => {
        this.#named = systemClock.elapsed()
        done(error, address, family)
      })
    return new HttpLine({
      ...this.#met,
      lookup: find,
      secure: secure
        ? { context: this.#way.context(), verify: this.#way.verify, name: host, through: this.#tunnel }
        : undefined,
    })
  }

  #receive(piece: Buffer): void {
    const answer = this.#answer
    try {
      answer.push(piece)
    } catch (thrown) {
      return this.#fail(
        thrown instanceof BodyTooLarge
          ? tooLarge(this.#target, this.#sending.maxBodyBytes)
          : targetFailure(thrown, this.#target),
      )
    }
    if (answer.isHeadRead) this.#answered ??= systemClock.elapsed()
    if (answer.isComplete) this.#done()
  }

  #end(): void {
    if (this.#answer.end()) return this.#done()
    this.#fail(
      this.#failureOf(
        new TargetError('protocol', `${this.#target} closed the connection before the answer was complete`),
      ),
    )
  }

  #done(): void {
    const line = this.#line!
    if (this.#settled) return
    this.#settle()
    const { socket } = line
    const certificate = socket instanceof TLSSocket ? certificateFacts(socket, this.#place.host) : undefined
    if (this.#way.keep !== undefined && this.#tunnel === undefined && this.#answer.keepsConnection)
      this.#way.keep.keep(this.#key, line)
    else line.close()
    this.#resolve({ answer: this.#answer, phases: this.#phases(this.#answered!), certificate })
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
    const stale = this.#isReused && !this.#answer.isHeadRead && failure.reason === 'protocol'
    return stale ? new StaleConnection(failure) : failure
  }

  #stop = (): void => {
    const ready = (this.#place.secure ? this.#secured : this.#connected) !== undefined
    const what =
      this.#answered !== undefined
        ? 'did not end its answer'
        : ready || this.#isReused
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
    this.#line?.close()
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
