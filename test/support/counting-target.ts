import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A web server whose `/counter?task=X` counts up by one per request and path: `{"hits": n}`. What was stored, held against what was
 * served, shows every result that was lost or counted twice.
 */
export class CountingTarget {
  readonly served = new Map<string, number>()
  /** The `authorization` of every request that had one, in order. */
  readonly authorizations: string[] = []
  /** What it answers with; 500 and above for a target in trouble. */
  status = 200
  #server: Server
  #port = 0

  private constructor() {
    this.#server = this.#make()
  }

  static async start(): Promise<CountingTarget> {
    const target = new CountingTarget()
    await target.listen()
    return target
  }

  #make(): Server {
    return createServer((request, response) => {
      const path = request.url ?? '/'
      const hits = (this.served.get(path) ?? 0) + 1
      this.served.set(path, hits)
      if (request.headers.authorization !== undefined) this.authorizations.push(request.headers.authorization)
      response.writeHead(this.status, { 'content-type': 'application/json' }).end(JSON.stringify({ hits }))
    })
  }

  /** Listens, on the port of the last time where there was one. */
  async listen(): Promise<void> {
    this.#server = this.#make()
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Refuses connections from now on. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** A document that has so many tasks ask a counting target once a second each, and take the counter as the metric `hits`. */
export function countingDocument(
  url: string,
  tasks: number,
): { readonly profiles: unknown[]; readonly groups: unknown[] } {
  return {
    profiles: [
      {
        name: 'count',
        connector: 'http',
        monitors: [{ monitor: 'http.response', period: '1s', settings: { extract: { hits: '$.hits' } } }],
      },
    ],
    groups: [
      {
        name: 'acme',
        systems: [
          {
            name: 'shop',
            connectors: Array.from({ length: tasks }, (_, i) => ({
              name: `front-${i}`,
              type: 'http',
              settings: { url: `${url}/counter?task=${i}` },
              profiles: ['count'],
            })),
          },
        ],
      },
    ],
  }
}
