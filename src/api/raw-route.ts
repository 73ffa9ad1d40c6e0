import type { FastifyInstance } from 'fastify'
import { abortWhereCutOff } from './route.ts'

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Uint8Array
  readonly address: string
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal
}

export interface RawResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * Hands messages of other instances on, raw: they are packed and signed as they are sent, so that nothing on the way may unpack, read or pack
 * them. No token is needed; whoever takes them knows their senders by signatures.
 */
export async function addRawRoutes(
  app: FastifyInstance,
  routes: readonly { readonly path: string; readonly limit: number }[],
  take: (request: RawRequest) => Promise<RawResponse>,
): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => done(null, body))
    for (const { path, limit } of routes)
      scope.post<{ Body: Buffer | undefined }>(
        path,
        { bodyLimit: limit, compress: false, decompress: false },
        async (request, reply) => {
          const gone = new AbortController()
          abortWhereCutOff(reply, gone)
          const { status, headers, body } = await take({
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
  })
}
