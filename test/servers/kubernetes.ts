import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certificateFor } from './certificate.ts'

export interface Kubernetes {
  readonly url: string
  /** PEM, to be trusted. */
  readonly certificate: string
  /** What was asked for, in order: `GET /api/v1/nodes?limit=250`. */
  readonly asked: string[]
  stop(): Promise<void>
}

const token = 'geheim-token'

/**
 * A server of the tests' own that answers as the documentation of Kubernetes' API says (v1.30): lists in pages of two objects, whatever is
 * asked for, a Status where something is refused. Only `token` may come in, and only lists that are given may be read.
 */
export async function startKubernetes(lists: Readonly<Record<string, readonly object[]>>): Promise<Kubernetes> {
  const { key, cert } = await certificateFor('localhost')
  const asked: string[] = []
  const status = (code: number, reason: string) => ({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: reason,
    reason,
    code,
  })
  const server = createServer({ key, cert }, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const url = new URL(request.url ?? '/', 'https://localhost')
    const answer = (code: number, body: object) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.headers.authorization !== `Bearer ${token}`) return answer(401, status(401, 'Unauthorized'))
    if (url.pathname === '/version') return answer(200, { major: '1', minor: '30', gitVersion: 'v1.30.2' })
    const items = lists[url.pathname]
    if (items === undefined)
      return url.pathname.startsWith('/apis/metrics')
        ? answer(404, status(404, 'NotFound'))
        : answer(403, status(403, 'Forbidden'))
    const from = Number(url.searchParams.get('continue') ?? 0)
    const more =
      from + 2 < items.length ? { continue: String(from + 2), remainingItemCount: items.length - from - 2 } : {}
    return answer(200, {
      kind: 'List',
      apiVersion: 'v1',
      metadata: { resourceVersion: '1', ...more },
      items: items.slice(from, from + 2),
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    certificate: cert,
    asked,
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
