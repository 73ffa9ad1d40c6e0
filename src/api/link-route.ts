import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FarwatchError } from '../base/index.ts'
import { linkPath, packedLimit, type LinkServer } from '../link/index.ts'

/**
 * Hands the messages of agents to the server's half of the link, as they came: packed, signed, and with whatever a proxy put before
 * `/link/v1/`. No token is asked for; a signature proves who sends.
 */
export function addLinkRoute(app: FastifyInstance, link: () => LinkServer | undefined): void {
  // A scope of its own: bodies are bytes here, whatever they say they are.
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, parsed) => {
      parsed(null, payload)
    })
    scope.post('/*', { compress: false, constraints: {} }, async (request, reply) => {
      const path = request.url.split('?')[0]!
      const server = link()
      if (!path.includes(linkPath) || server === undefined) throw nobodyThere(path, server !== undefined)
      return hand(server, path, request, reply)
    })
    done()
  })
}

async function hand(
  link: LinkServer,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  // A poll is held for longer than a request may be silent otherwise; the link bounds it.
  request.raw.setTimeout(0)
  const { status, headers, body } = await link.handle({
    method: request.method,
    path,
    headers: request.headers,
    body: await bodyOf(request, packedLimit(path)),
    address: request.ip,
    signal: gone.signal,
  })
  // Past the hooks of the API: nothing of it is to be packed again or read as a page.
  reply.hijack()
  reply.raw.writeHead(status, { ...headers, 'content-length': body.length })
  reply.raw.end(body)
  return reply
}

/** At most one byte more than may be, by which the link sees that it is too much; the rest is not read. */
async function bodyOf(request: FastifyRequest, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.raw as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes > limit) break
  }
  return Buffer.concat(chunks)
}

function nobodyThere(path: string, isServer: boolean): FarwatchError {
  if (path.includes(linkPath) && !isServer)
    return new FarwatchError(
      'not-in-this-role',
      'this instance is no central server, so that no agent can work for it',
      {
        hint: 'Check the server URL of the agent, or give this instance the role of a server.',
      },
    )
  return new FarwatchError('not-found', `there is nothing at POST ${path.slice(0, 200)}`, {
    hint: 'The paths of the API begin with /api/v1.',
  })
}
