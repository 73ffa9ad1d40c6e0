import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { holdPort } from './held-port.ts'

/**
 * A web server whose `/counter?task=X` counts up by one per request and path: `{"hits": n}`. What was stored, held against what was
 * served, shows every result that was lost or counted twice.
 */
export class CountingTarget {
  readonly served = new Map<string, number>()
  /** Every request in order, with the moment by this machine's clock. */
  readonly requests: { readonly path: string; readonly at: number }[] = []
  /** The `authorization` of every request that had one, in order. */
  readonly authorizations: string[] = []
  /** What it answers with; 500 and above for a target in trouble. */
  status = 200
  /** Paths that are answered with 500. */
  readonly failing = new Set<string>()
  #server: Server
  #port = 0
  #releasePort: () => void = () => undefined

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
      this.requests.push({ path, at: Date.now() })
      if (request.headers.authorization !== undefined) this.authorizations.push(request.headers.authorization)
      response
        .writeHead(this.failing.has(path) ? 500 : this.status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ hits }))
    })
  }

  /** Listens, on the port of the last time where there was one. */
  async listen(): Promise<void> {
    this.#server = this.#make()
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#releasePort()
    this.#port = (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Refuses connections from now on. */
  async stop(): Promise<void> {
    await this.#end()
    this.#releasePort = await holdPort('127.0.0.1', this.#port)
  }

  async #end(): Promise<void> {
    this.#releasePort()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
  }
}

export interface CountingGroup {
  readonly name: string
  readonly whenCutOff?: 'available' | 'exclusive'
  readonly systems: readonly {
    readonly name: string
    readonly connectors: readonly {
      readonly name: string
      readonly type: string
      readonly settings: { readonly url: string }
      readonly profiles: readonly string[]
    }[]
  }[]
}

/**
 * A document that has so many tasks ask a counting target once a second each, and take the counter as the metric `hits`. Connector `front-3`
 * asks for `/counter?task=3`, or `/counter?task=<group>-3` in another group than acme.
 */
export function countingDocument(
  url: string,
  tasks: number,
  options: { group?: string; whenCutOff?: 'available' | 'exclusive'; period?: string } = {},
): { readonly profiles: readonly unknown[]; readonly groups: readonly CountingGroup[] } {
  const { group = 'acme', whenCutOff, period = '1s' } = options
  const profile = `count-${period}`
  return {
    profiles: [
      {
        name: profile,
        connector: 'http',
        monitors: [{ monitor: 'http.response', period, settings: { extract: { hits: '$.hits' } } }],
      },
    ],
    groups: [
      {
        name: group,
        ...(whenCutOff === undefined ? {} : { whenCutOff }),
        systems: [
          {
            name: 'shop',
            connectors: Array.from({ length: tasks }, (_, i) => ({
              name: `front-${i}`,
              type: 'http',
              settings: { url: `${url}${counterPath(group, `front-${i}`)}` },
              profiles: [profile],
            })),
          },
        ],
      },
    ],
  }
}

/** What the connector of a counting document asks for. */
export function counterPath(group: string, connector: string): string {
  const number = connector.slice('front-'.length)
  return `/counter?task=${group === 'acme' ? number : `${group}-${number}`}`
}
