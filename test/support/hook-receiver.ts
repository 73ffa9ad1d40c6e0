import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request of the plugin `webhook`, as it came. */
export interface Notice {
  readonly key: string
  /** The alarm and the step of its life, as `h2x… raised 2026-…`. */
  readonly about: string
  readonly event: string
  readonly alarm: { readonly id: string; readonly group: string; readonly connector: string; readonly message: string }
}

/** A receiver of notifications that takes all and keeps all, repeats as well. */
export class HookReceiver implements AsyncDisposable {
  readonly notices: Notice[] = []
  /** What it answers with; 400 for one that will never take what it was sent. */
  status = 200
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.once('end', () => {
        // What the plugin documents; nobody else knows this port.
        const said = JSON.parse(Buffer.concat(parts).toString('utf8')) as {
          readonly event: string
          readonly at: string
          readonly alarm: Notice['alarm']
        }
        const { event, alarm, at } = said
        this.notices.push({
          key: String(request.headers['idempotency-key']),
          about: `${alarm.id} ${event} ${at}`,
          event,
          alarm,
        })
        response.writeHead(this.status).end()
      })
    })
  }

  static async start(): Promise<HookReceiver> {
    const receiver = new HookReceiver()
    await new Promise<void>((resolve) => void receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  /** The keys under which a step of an alarm of a group was told, each once, by `front-0 raised`. */
  told(group: string): ReadonlyMap<string, ReadonlySet<string>> {
    const found = new Map<string, Set<string>>()
    for (const { key, event, alarm } of this.notices) {
      if (alarm.group !== group) continue
      const what = `${alarm.connector} ${event}`
      found.set(what, (found.get(what) ?? new Set()).add(key))
    }
    return found
  }

  /** Steps of alarms that were told under more than one key: no receiver can know that they are the same. */
  get underTwoKeys(): readonly string[] {
    const keys = new Map<string, Set<string>>()
    for (const { key, about } of this.notices) keys.set(about, (keys.get(about) ?? new Set()).add(key))
    return [...keys].filter(([, each]) => each.size > 1).map(([about]) => about)
  }

  /** How many came again under the key that they had. */
  get repeats(): number {
    return this.notices.length - new Set(this.notices.map(({ key }) => key)).size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
