import fastifyCompress from '@fastify/compress'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { parseDocument } from 'yaml'
import type { Access } from '../access/index.ts'
import { FarwatchError, errorCatalogue, messageOf, type ErrorCode } from '../base/index.ts'
import { operations, type ErrorAnswer, type Operation } from '../contract/index.ts'
import type { Answering } from '../failover/index.ts'
import type { LinkServer } from '../link/index.ts'
import { breathing, inPieces, systemClock, type Log } from '../platform/index.ts'
import { NotActiveError, type PairNow } from './failover.ts'
import { addLinkRoute, linkUrl } from './link-route.ts'
import { addPairRoute, pairUrl } from './pair-route.ts'
import { addPortal, urlBelowPrefix } from './portal.ts'
import { openApiDocument } from './open-api.ts'
import { readingJson } from './read-json.ts'
import { readQueryString } from './read-request.ts'
import { addRoute, authenticate, type Call, type Handlers } from './route.ts'

const prefix = '/api/v1'
const bodyLimit = 1024 * 1024

/** What the HTTP side of an instance is made of. */
export interface ApiParts {
  readonly version: string
  readonly access: Access
  /** Looked up for each request, so that a change of role exchanges them. What has none is refused as not of this role. */
  readonly handlers: () => Partial<Handlers>
  readonly roles: () => { readonly server: boolean; readonly agent: boolean }
  readonly tls: { readonly key: string | Buffer; readonly cert: string | Buffer }
  /** Directory of the built portal, or undefined where it was not built. */
  readonly portal: string | undefined
  /** `undefined` while this instance can do its role, else why not. */
  readonly notReady: () => string | undefined
  /** OpenMetrics text about Farwatch itself. */
  readonly metrics: () => Promise<string>
  readonly metricsPublic: () => boolean
  /** Streams live events to one client until `signal`; the caller was authenticated. */
  readonly stream: (request: FastifyRequest, reply: FastifyReply, caller: ReturnType<typeof authenticate>) => void
  /** What answers agents in the present role; undefined where there is nothing that does. */
  readonly link?: () => LinkServer | undefined
  /** What answers the SECONDARY of a pair in the present role; undefined where there is nothing that does. */
  readonly pairMessages?: () => Pick<Answering, 'handle'> | undefined
  /** Waited for before a request of people is answered: what is shown is to be as new as it can be. */
  readonly fresh?: () => Promise<void>
  /** How this server stands in its pair; undefined where it is no server. */
  readonly pair?: () => PairNow | undefined
  readonly log: Log
}

/** Makes the HTTPS server with everything it serves; the caller listens and closes. */
export async function makeServer(parts: ApiParts): Promise<FastifyInstance> {
  const app = Fastify({
    https: { key: parts.tls.key, cert: parts.tls.cert, minVersion: 'TLSv1.2' },
    bodyLimit,
    // A client that trickles its request must not hold a connection for ever.
    requestTimeout: 60_000,
    connectionTimeout: 120_000,
    keepAliveTimeout: 65_000,
    // Ending must not wait for idle keep-alive connections, nor for the live streams.
    forceCloseConnections: true,
    routerOptions: { querystringParser: readQueryString, maxParamLength: 500, ignoreTrailingSlash: false },
    rewriteUrl: (request) => pairUrl(linkUrl(urlBelowPrefix(request))),
    frameworkErrors: (error, _request, reply) => void sendError(reply, error, parts),
    // Requests are checked by the contract (read-request.ts) and answers written by JSON.stringify. What Fastify would bring for both by itself
    // is a tenth of a start.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request: FastifyRequest, body: Buffer) =>
    readBody(body, (text) => inPieces(readingJson(text), breathing(systemClock))),
  )
  app.addContentTypeParser(
    ['application/yaml', 'application/x-yaml', 'text/yaml'],
    { parseAs: 'buffer' },
    (_request: FastifyRequest, body: Buffer) => readBody(body, parseYaml),
  )
  app.addHook('onRequest', async (request) => {
    if (request.url.startsWith(prefix) || request.url === '/metrics') await parts.fresh?.()
  })
  await addManners(app, parts)

  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const refuse = () => refuseWhereNotActive(operation, parts.pair?.())
    addRoute(app, prefix, operation, parts.access, refuse, () => {
      // Handlers has one function per operation of the same name, taking exactly that operation's call.
      const handle = parts.handlers()[name as keyof Handlers] as unknown as
        | ((call: Call<Operation>) => unknown)
        | undefined
      if (handle === undefined) throw notInThisRole(operation, parts.roles())
      return handle
    })
  }
  app.get(`${prefix}/events`, (request, reply) =>
    parts.stream(request, reply, authenticate(request, parts.access, 'viewer')),
  )
  await addLinkRoute(app, () => parts.link?.())
  await addPairRoute(app, () => parts.pairMessages?.())
  addHealth(app, parts)
  addDocumentation(app, parts)
  await addPortal(app, parts.portal, (request, reply) => {
    // Without a token nobody learns which paths exist.
    if (request.url.startsWith('/api/')) authenticate(request, parts.access, 'viewer')
    return sendError(reply, notThere(request, parts.portal === undefined ? unbuilt : undefined), parts)
  })
  return app
}

function noSchemas(): never {
  throw new Error('routes have no schemas of Fastify')
}

/** How requests are refused, and what every answer bears. */
async function addManners(app: FastifyInstance, parts: ApiParts): Promise<void> {
  app.setErrorHandler((error: FastifyError, _request, reply) => sendError(reply, error, parts))
  app.addHook('onSend', async (request, reply) => {
    void reply
      .header('x-content-type-options', 'nosniff')
      .header('x-frame-options', 'DENY')
      .header('referrer-policy', 'no-referrer')
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store')
    if (reply.getHeader('content-security-policy') === undefined)
      void reply.header('content-security-policy', contentSecurityPolicy)
  })
  await app.register(fastifyCompress, { threshold: 1_024, encodings: ['gzip', 'br'] })
}

/** @throws FarwatchError `not-active` */
function refuseWhereNotActive({ method, isLocal }: Operation, pair: PairNow | undefined): void {
  if (method === 'GET' || isLocal === true || pair?.notActive === undefined) return
  throw new NotActiveError(pair.notActive, pair.activeUrl)
}

function notInThisRole(
  { method, path }: Operation,
  { server, agent }: { readonly server: boolean; readonly agent: boolean },
): FarwatchError {
  const [is, lacks] = server && agent ? ['starting', 'both'] : server ? ['a server', 'agent'] : ['an agent', 'server']
  return lacks === 'both'
    ? new FarwatchError('not-in-this-role', `${method} ${path} is not served by this instance`)
    : new FarwatchError('not-in-this-role', `this instance is only ${is}; ${method} ${path} needs the role ${lacks}`, {
        hint: `Ask the instance that has the role ${lacks}, or give this one that role: PUT /instance.`,
      })
}

// Mantine sets style attributes on elements, which a policy can only allow as a whole; scripts are from here alone.
// The base element says under which path the portal lives.
const contentSecurityPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

function addHealth(app: FastifyInstance, parts: ApiParts): void {
  app.get('/healthz', () => ({ status: 'alive' }))
  app.get('/readyz', (_request, reply) => {
    const why = parts.notReady()
    if (why !== undefined) return reply.code(503).send({ status: 'not ready', reason: why })
    const pair = parts.pair?.()
    // Standing by is what it is there for; who sends requests to the active one alone looks at `acts`.
    return pair?.notActive === undefined
      ? { status: 'ready' }
      : { status: 'ready', acts: false, state: pair.state, reason: pair.notActive }
  })
  app.get('/metrics', async (request, reply) => {
    if (!parts.metricsPublic()) authenticate(request, parts.access, 'viewer')
    return reply
      .header('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
      .send(await parts.metrics())
  })
}

/** The OpenAPI document and its pages need a token like everything else; the pages' own files do not say anything about this instance. */
function addDocumentation(app: FastifyInstance, parts: ApiParts): void {
  let made: ReturnType<typeof openApiDocument> | undefined
  const document = () => (made ??= openApiDocument(parts.version, prefix))
  app.get('/api/openapi.json', (request) => {
    authenticate(request, parts.access, 'viewer')
    return document()
  })
  // A server of their own, which listens nowhere and is made for the first who looks: most starts are never asked for them.
  let pages: Promise<FastifyInstance> | undefined
  const show = async (request: FastifyRequest, reply: FastifyReply) => {
    const { routing } = await (pages ??= openPages(parts, document()))
    reply.hijack()
    routing(request.raw, reply.raw)
  }
  app.get(pagesPath, show)
  app.get(`${pagesPath}/*`, show)
  app.addHook('onClose', async () => {
    await (await pages)?.close()
  })
}

const pagesPath = '/api/docs'

async function openPages(parts: ApiParts, document: ReturnType<typeof openApiDocument>): Promise<FastifyInstance> {
  const [{ default: fastifySwagger }, { default: fastifySwaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const app: FastifyInstance = Fastify()
  await addManners(app, parts)
  app.setNotFoundHandler((request, reply) => sendError(reply, notThere(request), parts))
  // Its types want a document of theirs; ours is one.
  await app.register(fastifySwagger, { mode: 'static', specification: { document: document as never } })
  await app.register(fastifySwaggerUi, {
    routePrefix: pagesPath,
    theme: { title: 'Farwatch: the API' },
    staticCSP: true,
    // Its types know the browser's request by name only.
    uiConfig: { layout: 'BaseLayout', requestInterceptor: withPortalSession as never },
    uiHooks: {
      // The document within the pages would show the API to everyone.
      onRequest: async (request) => {
        if (/\/api\/docs\/(json|yaml)/.test(request.url)) authenticate(request, parts.access, 'viewer')
      },
    },
  })
  await app.ready()
  return app
}

/**
 * Runs in the browser, where the pages of the documentation send their requests as whoever is signed in at the portal. It travels there
 * as text, so it may use nothing from around it. The key is that of web/src/api/session.ts.
 */
const withPortalSession = (request: { headers: Record<string, string> }) => {
  const { localStorage } = globalThis as unknown as { localStorage: { getItem(key: string): string | null } }
  const session = JSON.parse(localStorage.getItem('farwatch.session') ?? '{}') as { token?: string }
  if (session.token !== undefined) request.headers['authorization'] = `Bearer ${session.token}`
  return request
}

// Who follows the link of the log to a portal that a clone has not built yet.
const unbuilt =
  'If this is to be a page of the portal: it was not built. `npm start` builds it, and so does `npm run build`. /api/docs describes every request.'

function notThere(request: FastifyRequest, hint = '/api/docs describes every request.'): FarwatchError {
  return new FarwatchError(
    'not-found',
    `there is nothing at ${request.method} ${request.url.split('?')[0]!.slice(0, 200)}`,
    { hint },
  )
}

/** @throws FarwatchError `bad-request` */
async function readBody(body: Buffer, parse: (text: string) => unknown): Promise<unknown> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new FarwatchError('bad-request', 'the body is not valid UTF-8')
  }
  try {
    return text.trim() === '' ? undefined : await parse(text)
  } catch (thrown) {
    if (thrown instanceof FarwatchError) throw thrown
    throw new FarwatchError('bad-request', `the body cannot be read: ${messageOf(thrown)}`)
  }
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { maxAliasCount: 100, uniqueKeys: true } as never)
  const problem = document.errors[0]
  if (problem !== undefined)
    throw new FarwatchError('bad-request', `the YAML cannot be read: ${problem.message.split('\n')[0]}`)
  return document.toJS({ maxAliasCount: 100 })
}

// What Fastify itself refuses, in our words and codes.
const fastifyCodes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'the body is larger than the limit'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'bad-request',
    'the body must be application/json (or application/yaml for a configuration document)',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad-request', 'the body does not have the announced length'],
  FST_ERR_BAD_URL: ['bad-request', 'the path is not valid percent-encoded UTF-8'],
  FST_ERR_MAX_PARAM_LENGTH: ['bad-request', 'a part of the path is too long'],
}

function sendError(reply: FastifyReply, thrown: unknown, parts: ApiParts): FastifyReply {
  const error = known(thrown)
  if (error.code === 'internal')
    parts.log.error('request failed', {
      method: reply.request.method,
      path: reply.request.url.split('?')[0],
      message: messageOf(thrown),
      stack: thrown instanceof Error ? thrown.stack : undefined,
    })
  if (error.retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1_000)))
  return reply
    .code(errorCatalogue[error.code].status)
    .type('application/json; charset=utf-8')
    .send({
      error: {
        code: error.code,
        message: error.message,
        hint: error.hint,
        ...detailsOf(error),
      },
    })
}

function detailsOf(error: FarwatchError): { details?: ErrorAnswer['error']['details'] } {
  if (error instanceof NotActiveError) return { details: { activeUrl: error.activeUrl ?? null } }
  return error.problems.length === 0 ? {} : { details: [...error.problems] }
}

function known(thrown: unknown): FarwatchError {
  if (thrown instanceof FarwatchError) return thrown
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : ''
  const ours = fastifyCodes[code]
  if (ours !== undefined) return new FarwatchError(ours[0], ours[1], { cause: thrown })
  return new FarwatchError('internal', 'Farwatch failed to answer; its log has the details', {
    hint: 'Please report it.',
    cause: thrown,
  })
}
