import { createHmac } from 'node:crypto'
import { request as startRequest, type IncomingMessage } from 'node:http'
import { request as startTlsRequest } from 'node:https'
import { connect, isIP, type LookupFunction } from 'node:net'
import { compress } from 'snappyjs'
import { formatDuration, messageOf, systemCodeOf, type Clock } from '../base/index.ts'
import type { HttpAnswer, PluginContext } from '../sdk/index.ts'
import { trusting } from './trust.ts'

/** How plugins reach the network. */
export interface PluginNetwork {
  /**
   * Finds addresses of names. Default: the system's, which asks at most two names at a time, so that dead names make healthy ones
   * wait; hand in one that does not.
   */
  readonly lookup?: LookupFunction
  /** PEM certificates that are trusted besides the authorities of Node and the machine. Asked for each connection. */
  readonly trusted?: () => readonly string[]
}

export interface PluginContextOptions {
  readonly idempotencyKey: string
  readonly signal: AbortSignal
  readonly portalUrl: string
  readonly test: boolean
  readonly clock: Clock
  readonly network: PluginNetwork
}

const maxAnswerBytes = 64 * 1024
const maxRetryAfterMs = 86_400_000

/** The world as a plugin may touch it, for one attempt. Everything it starts ends when the attempt's signal is aborted. */
export function makePluginContext(options: PluginContextOptions): PluginContext {
  return {
    idempotencyKey: options.idempotencyKey,
    signal: options.signal,
    portalUrl: options.portalUrl,
    test: options.test,
    http: (request) => sendHttp(options, request),
    mail: (server, message, bounds) => sendMail(options, server, message, bounds?.timeoutMs),
    hmacSha256: (key, text) => createHmac('sha256', key).update(text, 'utf8').digest('hex'),
    // The copy makes a plain Uint8Array of a Buffer: snappyjs answers in the kind it was given.
    snappy: (bytes) => compress(new Uint8Array(bytes)),
  }
}

/** Calls `end` when the attempt is aborted or `timeoutMs` have passed; the returned function forgets both. */
function whenOver(
  { signal, clock }: PluginContextOptions,
  timeoutMs: number | undefined,
  end: (why: string) => void,
): () => void {
  const aborted = () => end('the attempt was ended')
  const cancel =
    timeoutMs === undefined
      ? () => {}
      : clock.after(timeoutMs, () => end(`no answer within ${formatDuration(timeoutMs)}`))
  signal.addEventListener('abort', aborted, { once: true })
  return () => {
    cancel()
    signal.removeEventListener('abort', aborted)
  }
}

function sendHttp(options: PluginContextOptions, given: Parameters<PluginContext['http']>[0]): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    options.signal.throwIfAborted()
    const url = new URL(given.url)
    const secure = url.protocol === 'https:'
    const body = typeof given.body === 'string' ? Buffer.from(given.body) : given.body
    const request = (secure ? startTlsRequest : startRequest)(url, {
      method: given.method,
      // Deliveries are seldom; a connection kept for the next one would mostly be found dead.
      agent: false,
      headers: {
        ...given.headers,
        ...authorizationHeader(given.authorization),
        'content-length': String(body?.byteLength ?? 0),
      },
      ...(options.network.lookup === undefined ? {} : { lookup: options.network.lookup }),
      ...(secure
        ? {
            rejectUnauthorized: given.verifyCertificate !== false,
            secureContext: trusting(options.network.trusted?.() ?? []),
          }
        : {}),
    })
    let answer: IncomingMessage | undefined
    const chunks: Buffer[] = []
    let length = 0
    const done = (act: () => void) => {
      forget()
      act()
      request.destroy()
    }
    const answered = () => {
      const head = answer!
      done(() => resolve(answerOf(head, Buffer.concat(chunks).subarray(0, maxAnswerBytes), options.clock)))
    }
    const failed = (why: string) => done(() => reject(new Error(`${url.host}: ${why}`)))
    // Once the status has come it is the receiver's word, whatever becomes of the rest: to repeat what was taken because the
    // answer's text never ended would be worse than to miss that text.
    const forget = whenOver(options, given.timeoutMs, (why) => (answer === undefined ? failed(why) : answered()))
    request.on('error', (thrown) => (answer === undefined ? failed(networkWords(thrown)) : answered()))
    request.on('response', (head) => {
      answer = head
      head.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length >= maxAnswerBytes) answered()
      })
      head.on('end', answered)
      head.on('error', answered)
    })
    request.end(body)
  })
}

function authorizationHeader(authorization: Parameters<PluginContext['http']>[0]['authorization']) {
  if (authorization === undefined) return {}
  const value =
    'bearer' in authorization
      ? `Bearer ${authorization.bearer}`
      : `Basic ${Buffer.from(`${authorization.username}:${authorization.password}`).toString('base64')}`
  return { authorization: value }
}

function answerOf(head: IncomingMessage, body: Buffer, clock: Clock): HttpAnswer {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(head.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const afterMs = retryAfterMs(headers['retry-after'], clock.now())
  return {
    status: head.statusCode ?? 0,
    headers,
    body: body.toString('utf8'),
    ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }),
  }
}

/** `Retry-After` as milliseconds from now: seconds (`120`) or a date (RFC 9110 §10.2.3); at most a day. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const wait = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), maxRetryAfterMs)
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed before the answer came',
  EPIPE: 'the connection was closed before the answer came',
  ENOTFOUND: 'the name was not found',
  EAI_AGAIN: 'the name servers gave no answer',
  ETIMEDOUT: 'the connection was not accepted in time',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's authority is not trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate's issuer is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate's issuer is not known here",
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** What went wrong on the network, for the one who configured the address. The system's own code stays findable. */
function networkWords(thrown: unknown): string {
  const code = systemCodeOf(thrown)
  const known = code === undefined ? undefined : words[code]
  return known === undefined ? messageOf(thrown) : `${known} (${code})`
}

async function sendMail(
  options: PluginContextOptions,
  server: Parameters<PluginContext['mail']>[0],
  message: Parameters<PluginContext['mail']>[1],
  timeoutMs: number | undefined,
): Promise<{ detail: string }> {
  options.signal.throwIfAborted()
  // With the first message: most instances never send one.
  const { createTransport } = await import('nodemailer')
  const target = `${server.host}:${server.port}`
  // The socket is ours, so that the end of the attempt ends it: nodemailer knows timeouts of its own, but no signal.
  const socket = connect({
    host: server.host,
    port: server.port,
    ...(options.network.lookup === undefined ? {} : { lookup: options.network.lookup }),
  })
  // It may fail before nodemailer asks for it, which then finds `errored`; an error nobody listens to would end the process.
  socket.on('error', () => {})
  let ended: string | undefined
  const forget = whenOver(options, timeoutMs, (why) => {
    ended = why
    socket.destroy(new Error(why))
  })
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.security === 'tls',
    requireTLS: server.security === 'starttls',
    ignoreTLS: server.security === 'none',
    tls: {
      rejectUnauthorized: server.verifyCertificate,
      ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
      secureContext: trusting(options.network.trusted?.() ?? []),
    },
    ...(server.username === undefined ? {} : { auth: { user: server.username, pass: server.password ?? '' } }),
    // A message is text that came from a target; it may not name files or URLs to attach.
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_, callback) => {
      if (socket.errored !== null) return callback(socket.errored)
      if (!socket.connecting) return callback(null, { connection: socket })
      const failed = (thrown: Error) => callback(thrown)
      socket.once('error', failed)
      socket.once('connect', () => {
        socket.off('error', failed)
        callback(null, { connection: socket })
      })
    },
  })
  try {
    const sent = await transport.sendMail({
      from: message.from,
      to: [...message.to],
      subject: message.subject,
      text: message.text,
      ...(message.html === undefined ? {} : { html: message.html }),
      ...(message.messageId === undefined ? {} : { messageId: message.messageId }),
      ...(message.references === undefined
        ? {}
        : { references: [...message.references], inReplyTo: message.references.at(-1)! }),
      ...(message.headers === undefined ? {} : { headers: { ...message.headers } }),
    })
    const refused = sent.rejected.length === 0 ? '' : `; refused for ${sent.rejected.join(', ')}`
    return { detail: `${sent.response}${refused}` }
  } catch (thrown) {
    const failure = new Error(`${target}: ${ended ?? networkWords(thrown)}`, { cause: thrown })
    if (typeof thrown === 'object' && thrown !== null && 'responseCode' in thrown)
      Object.assign(failure, { responseCode: thrown.responseCode })
    throw failure
  } finally {
    forget()
    transport.close()
    socket.destroy()
  }
}
