import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { holdPort } from '../support/held-port.ts'

/** One direction of a line, as seen from who connects. */
export type Direction = 'there' | 'back'

/**
 * A line that can be cut: passes bytes on to one address and knows nothing of what they mean, so TLS goes through it untouched.
 *
 * Cut in one or both directions it behaves as a firewall that drops: connections stay up and are made, and what is said is swallowed. What was
 * cut is closed once it is mended, since bytes are missing in it.
 */
export class CuttingProxy implements AsyncDisposable {
  readonly #to: { readonly host: string; readonly port: number }
  readonly #lines = new Set<Line>()
  readonly #cut = new Set<Direction>()
  #server: Server
  #port = 0
  #releasePort: () => void = () => undefined
  /** How long each piece of data is held, in either direction. */
  delayMs = 0
  /** Bytes that were swallowed since the last cut, by direction. */
  readonly swallowed: Record<Direction, number> = { there: 0, back: 0 }
  /** Bytes that came, in both directions. */
  bytes = 0

  private constructor(to: { host: string; port: number }) {
    this.#to = to
    this.#server = this.#make()
  }

  static async start(to: { host: string; port: number }): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(to)
    await proxy.listen()
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#lines.size
  }

  /** From now on nothing that goes these ways arrives. */
  cut(...directions: readonly Direction[]): void {
    for (const direction of directions) {
      this.swallowed[direction] = 0
      this.#cut.add(direction)
    }
  }

  /** Everything arrives again, on new connections where something was lost. */
  mend(): void {
    this.#cut.clear()
    for (const line of this.#lines) if (line.lost) line.end()
  }

  /** Ends every connection; new ones are made. */
  close(): void {
    for (const line of this.#lines) line.end()
  }

  /** Ends every connection and refuses new ones. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return
    await this.#end()
    this.#releasePort = await holdPort('127.0.0.1', this.#port)
  }

  async #end(): Promise<void> {
    this.#releasePort()
    if (!this.#server.listening) return
    this.#server.close()
    this.close()
    await once(this.#server, 'close')
  }

  /** Listens, on the port of the last time where there was one. */
  async listen(): Promise<void> {
    this.#server = this.#make()
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#releasePort()
    this.#port = (this.#server.address() as AddressInfo).port
  }

  #make(): Server {
    return createServer((near) => {
      const far = connect(this.#to)
      const line: Line = {
        lost: false,
        end: () => {
          this.#lines.delete(line)
          near.destroy()
          far.destroy()
        },
      }
      this.#lines.add(line)
      this.#pass('there', near, far, line)
      this.#pass('back', far, near, line)
    })
  }

  #pass(direction: Direction, from: Socket, to: Socket, line: Line): void {
    const act = (happen: () => void) => {
      if (this.#cut.has(direction)) line.lost = true
      else if (this.delayMs > 0) setTimeout(happen, this.delayMs)
      else happen()
    }
    from.on('data', (bytes: Buffer) => {
      this.bytes += bytes.length
      if (this.#cut.has(direction)) this.swallowed[direction] += bytes.length
      act(() => void to.write(bytes))
    })
    // The end of a connection is news as well, and is lost with the rest.
    from.on('close', () => act(() => line.end()))
    from.on('error', () => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
  }
}

interface Line {
  /** Whether something that went through it never arrived. */
  lost: boolean
  end(): void
}
