import type { FastifyInstance } from 'fastify'
import { FarwatchError } from '../base/index.ts'
import { linkPath, messageKinds, packedLimit, type LinkServer } from '../link/index.ts'

const unknownLimit = 65_536

/** The path of a message of an agent, whatever a proxy put before it; other paths as they are. */
export function linkUrl(url: string): string {
  return packedLimit(url) > 0 ? url.slice(url.lastIndexOf(linkPath)) : url
}

/**
 * Hands the messages of agents to the link, raw: they are packed and signed as they are sent, so that nothing on the way may unpack, read
 * or pack them. No token is needed; the link knows agents by their signatures. Register it with `linkUrl` as what rewrites URLs.
 * @param link what answers in the present role; undefined where this instance has no agents
 */
export async function addLinkRoute(app: FastifyInstance, link: () => LinkServer | undefined): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => done(null, body))
    const serve = (path: string, limit: number) =>
      scope.post<{ Body: Buffer | undefined }>(
        path,
        { bodyLimit: limit, compress: false, decompress: false },
        async (request, reply) => {
          const present = link()
          if (present === undefined)
            throw new FarwatchError('not-in-this-role', 'this instance is only an agent: it takes no other agents', {
              hint: 'Give the agent the URL of a server, or give this instance that role: PUT /instance.',
            })
          const gone = new AbortController()
          reply.raw.once('close', () => {
            // An abort makes an error with a stack: too dear for each of some hundred answers a second that got through.
            if (!reply.raw.writableFinished) gone.abort()
          })
          const { status, headers, body } = await present.handle({
            method: request.method,
            path: request.url,
            headers: request.headers,
            body: request.body ?? new Uint8Array(),
            address: request.ip,
            signal: gone.signal,
          })
          return reply
            .code(status)
            .headers(headers)
            .send(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
        },
      )
    for (const kind of messageKinds) serve(linkPath + kind, packedLimit(linkPath + kind))
    // Messages of newer agents: the link says that it does not know them.
    serve(`${linkPath}*`, unknownLimit)
  })
}
