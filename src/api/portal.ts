import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** In which a reverse proxy says below which path it serves this instance. */
const prefixHeader = 'x-forwarded-prefix'
/** What stands in the built page where the prefix belongs. */
const rootBase = '<base href="/" />'

/**
 * Serves the portal: its files, and for any other path outside of the API its one page, which finds everything by the base that is written
 * into it. The names of files below `/assets/` change with their content, so they may be kept for ever; the build has put them there
 * compressed, too.
 * @param directory of the built portal, or undefined where it was not built
 * @param refuse answers what is neither the portal's nor anything else's
 */
export async function addPortal(
  app: FastifyInstance,
  directory: string | undefined,
  refuse: (request: FastifyRequest, reply: FastifyReply) => FastifyReply,
): Promise<void> {
  const page = directory === undefined ? undefined : join(directory, 'index.html')
  if (directory !== undefined) {
    await app.register(fastifyStatic, {
      root: directory,
      wildcard: false,
      index: false,
      preCompressed: true,
      globIgnore: ['index.html', '**/*.br', '**/*.gz'],
      setHeaders: (response, file) => {
        response.header('cache-control', file.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
  }
  const html = page !== undefined && existsSync(page) ? readFileSync(page, 'utf8') : undefined
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead || html === undefined || path.startsWith('/api/') || path.startsWith('/assets/'))
      return refuse(request, reply)
    const shown = html.replace(rootBase, `<base href="${prefixOf(request)}/" />`)
    const etag = `"${createHash('sha256').update(shown).digest('base64url').slice(0, 22)}"`
    return reply
      .header('cache-control', 'no-cache')
      .header('vary', prefixHeader)
      .header('etag', etag)
      .type('text/html; charset=utf-8')
      .send(shown)
  })
}

/** The URL as it is known here, where a proxy names its prefix and passes it on as well. */
export function urlBelowPrefix(request: Pick<IncomingMessage, 'headers' | 'url'>): string {
  const url = request.url ?? '/'
  const prefix = prefixOf(request)
  if (prefix === '') return url
  if (url === prefix) return '/'
  return url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : url
}

/** As `/a/b`, or empty. What could not be a path is none: it is written into a page. */
function prefixOf({ headers }: { readonly headers: IncomingMessage['headers'] }): string {
  const said = headers[prefixHeader]
  if (typeof said !== 'string') return ''
  const prefix = said.replace(/\/+$/, '')
  return /^(\/[A-Za-z0-9._~-]+)+$/.test(prefix) && !/\/\.{1,2}(\/|$)/.test(prefix) ? prefix : ''
}
