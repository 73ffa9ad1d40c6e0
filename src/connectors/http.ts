import type { SecureContext } from 'node:tls'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type Closable,
  type HttpAnswerSeen,
  type HttpClient,
  type HttpRequest,
  type OpenCredential,
  type Params,
  type Problem,
} from '../sdk/index.ts'
import { credentialHeaders } from './network/credential-headers.ts'
import { exchange, readPlace, StaleConnection, type HttpPlace, type HttpWay } from './network/http-exchange.ts'
import { KeptLines } from './network/http-line.ts'
import { httpDiscovery } from './network/find-http.ts'
import { reachPort } from './network/reach.ts'
import { trustedSetting } from './network/settings.ts'
import { hostPort, hostPortProblems, readHostPort } from './network/target.ts'
import { secureContext, trustedProblems } from './network/trust.ts'

const defaultMaxBody = 1024 * 1024
/** Sent unless the monitor says otherwise. Some servers answer 403 to requests that name no program. */
const defaultHeaders = { 'user-agent': 'Farwatch', accept: '*/*' }

/** What says how an HTTP service is reached; connectors that speak to one over JSON take the same. */
export const httpSettings = {
  url: { kind: 'url', label: 'URL', protocols: ['http', 'https'], example: 'https://shop.example/health' },
  verifyCertificate: {
    kind: 'flag',
    label: 'Verify the certificate',
    help: 'Off: any certificate will do, and monitors report why it is not trusted. Somebody in between can then read the credentials.',
    default: true,
  },
  trustedCertificates: {
    ...trustedSetting,
    help: 'Trusted for this connector besides those of the agent’s machine: the company’s own authority, or a self-signed certificate.',
  },
  proxy: {
    kind: 'url',
    label: 'HTTP proxy',
    help: 'HTTPS goes through it as a tunnel (CONNECT), HTTP is handed to it. Names are then looked up by the proxy.',
    protocols: ['http'],
    optional: true,
    example: 'http://proxy.example:3128',
  },
  connectTo: {
    kind: 'text',
    label: 'Connect to',
    help: 'A host and port to connect to instead of the URL’s: one node behind a load balancer. The name asked for stays the URL’s.',
    optional: true,
    example: '10.0.0.5:8443',
  },
} as const satisfies Params

export interface HttpSettings {
  readonly url: string
  readonly verifyCertificate: boolean
  readonly trustedCertificates: string | undefined
  readonly proxy: string | undefined
  readonly connectTo: string | undefined
}

/** The parts of a connector that every service over HTTP has in common. */
export const httpService = {
  check({ trustedCertificates, connectTo }: HttpSettings, path: string): readonly Problem[] {
    return [
      ...trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
      ...hostPortProblems(connectTo, `${path}.connectTo`),
    ]
  },
  target({ url, connectTo }: HttpSettings): string {
    const place = readPlace(new URL(url))
    const met = connectTo === undefined ? place : (readHostPort(connectTo, place.port) ?? place)
    return hostPort(met.host, met.port)
  },
  reach({ url, connectTo, proxy }: HttpSettings, signal: AbortSignal): Promise<void> {
    const place = readPlace(new URL(url))
    // What lies behind a proxy only a request would show.
    if (proxy !== undefined) return reachPort(readPlace(new URL(proxy)), signal)
    return reachPort(connectTo === undefined ? place : (readHostPort(connectTo, place.port) ?? place), signal)
  },
  open(
    { url, verifyCertificate, trustedCertificates, proxy, connectTo }: HttpSettings,
    credential: OpenCredential | undefined,
  ): HttpClient & Closable {
    const base = new URL(url)
    return new HttpConnection(
      base,
      {
        verify: verifyCertificate,
        connectTo: connectTo === undefined ? undefined : readHostPort(connectTo, readPlace(base).port),
        proxy: proxy === undefined ? undefined : readPlace(new URL(proxy)),
      },
      trustedCertificates,
      credential,
    )
  },
} as const

/** An HTTP or HTTPS service. */
export default defineConnector({
  id: 'http',
  title: 'HTTP',
  summary: 'A service that speaks HTTP or HTTPS.',
  settings: httpSettings,
  credentials: ['basic', 'token', 'header', 'certificate'],
  ...httpService,
  discovery: httpDiscovery,
})

/**
 * A monitoring process holds one for each of its tens of thousands of connectors, so that what not every one needs is made when it is asked for.
 * A read URL of its own, the maps and the headers that most have none of were 0.8 of the 2.0 kB that a task took there.
 */
class HttpConnection implements HttpClient, Closable {
  readonly #home: HttpPlace
  readonly #way: Omit<HttpWay, 'context' | 'keep'>
  readonly #trusted: string | undefined
  readonly #credential: OpenCredential | undefined
  readonly #secretHeaders: Readonly<Record<string, string>>
  #places: Map<string, HttpPlace> | undefined
  #context: SecureContext | undefined
  #kept: KeptLines | undefined

  constructor(
    base: URL,
    way: Omit<HttpWay, 'context' | 'keep'>,
    trusted: string | undefined,
    credential: OpenCredential | undefined,
  ) {
    this.#home = readPlace(base)
    this.#way = way
    this.#trusted = trusted
    this.#credential = credential
    this.#secretHeaders = credentialHeaders(credential)
  }

  get url(): string {
    return this.#home.shown
  }

  async request(asked: HttpRequest, signal: AbortSignal): Promise<HttpAnswerSeen> {
    const began = systemClock.elapsed()
    const maxRedirects = asked.maxRedirects ?? 0
    const visited = new Set<string>()
    const headers = lowerCased(asked.headers)
    let place = this.#placeOf(asked.path ?? '')
    const home = place
    let method = asked.method ?? 'GET'
    let body = asked.body
    for (let redirects = 0; ; redirects++) {
      const own = sameOrigin(place, home)
      const sent: Record<string, string> = { ...defaultHeaders, ...headers, ...(own ? this.#secretHeaders : {}) }
      // What opens a door at home is nobody else's business.
      if (!own) for (const name of ['authorization', 'cookie', 'proxy-authorization', 'host']) delete sent[name]
      if (body !== undefined) sent['content-length'] = String(Buffer.byteLength(body))
      const seen = await this.#exchange(place, own, asked.reuseConnection === true, signal, {
        method,
        headers: sent,
        body,
        maxBodyBytes: asked.maxBodyBytes ?? defaultMaxBody,
      })
      const to = seen.headers['location']
      if (maxRedirects === 0 || to === undefined || ![301, 302, 303, 307, 308].includes(seen.status)) {
        return {
          status: seen.status,
          headers: seen.headers,
          body: seen.body,
          text: () => seen.body.toString('utf8'),
          phases: { ...seen.phases, total: systemClock.elapsed() - began },
          redirects,
          finalUrl: place.shown,
          ...(seen.certificate === undefined ? {} : { certificate: seen.certificate }),
        }
      }
      if (redirects >= maxRedirects)
        throw new TargetError('protocol', `${this.url} led through more than ${maxRedirects} redirects`)
      visited.add(`${method} ${place.href}`)
      if (seen.status === 303 || ((seen.status === 301 || seen.status === 302) && method === 'POST')) {
        if (method !== 'HEAD') method = 'GET'
        body = undefined
        delete headers['content-type']
      }
      place = redirected(place, to)
      if (visited.has(`${method} ${place.href}`))
        throw new TargetError('protocol', `${this.url} leads into a redirect loop at ${place.shown}`)
    }
  }

  async #exchange(
    place: HttpPlace,
    own: boolean,
    keep: boolean,
    signal: AbortSignal,
    sending: Parameters<typeof exchange>[2],
  ): ReturnType<typeof exchange> {
    const way: HttpWay = {
      ...this.#way,
      connectTo: own ? this.#way.connectTo : undefined,
      context: () =>
        own || this.#credential?.type !== 'certificate'
          ? (this.#context ??= secureContext(this.#trusted, this.#credential))
          : secureContext(this.#trusted),
    }
    if (!keep) return exchange(place, way, sending, signal)
    try {
      return await exchange(place, { ...way, keep: (this.#kept ??= new KeptLines()) }, sending, signal)
    } catch (thrown) {
      // A server may end an idle connection in the moment it is used again; that says nothing about how it answers.
      const harmless = sending.body === undefined && ['GET', 'HEAD', 'OPTIONS'].includes(sending.method)
      if (!(thrown instanceof StaleConnection) || !harmless || signal.aborted) throw thrown
      return exchange(place, way, sending, signal)
    }
  }

  #placeOf(path: string): HttpPlace {
    if (path === '') return this.#home
    const places = (this.#places ??= new Map())
    let place = places.get(path)
    if (place === undefined) {
      // Paths come from settings, so they are few; a monitor that makes them up must not fill the memory.
      if (places.size >= 1_000) places.clear()
      place = readPlace(joined(new URL(this.#home.href), path))
      places.set(path, place)
    }
    return place
  }

  close(): void {
    this.#kept?.close()
  }
}

function lowerCased(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const lower: Record<string, string> = {}
  if (headers !== undefined) for (const [name, value] of Object.entries(headers)) lower[name.toLowerCase()] = value
  return lower
}

/** `http://h/app` and `/x` is `http://h/app/x`; a `?…` is added to the URL's own query. */
function joined(url: URL, path: string): URL {
  const [pathPart = '', ...query] = path.split('?')
  if (pathPart !== '') url.pathname = `${url.pathname.replace(/\/$/, '')}/${pathPart.replace(/^\//, '')}`
  const added = query.join('?')
  if (added !== '') url.search = url.search === '' ? added : `${url.search}&${added}`
  return url
}

function sameOrigin(a: HttpPlace, b: HttpPlace): boolean {
  return a === b || (a.secure === b.secure && a.host === b.host && a.port === b.port)
}

function redirected(from: HttpPlace, location: string): HttpPlace {
  const to = URL.parse(location, from.href)
  if (to === null) throw new TargetError('protocol', `${from.shown} redirects to something that is not a URL`)
  if (to.protocol !== 'http:' && to.protocol !== 'https:')
    throw new TargetError('protocol', `${from.shown} redirects away from HTTP, to ${to.protocol}`)
  to.username = ''
  to.password = ''
  to.hash = ''
  return readPlace(to)
}
