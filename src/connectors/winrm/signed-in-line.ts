import { Agent, request, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TargetError } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from '../network/failures.ts'

export interface LineAnswer {
  readonly status: number
  /** By lower-case name; several of one name are joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Requests one after the other over one connection, for that is what is signed in. Once it has failed it stays failed. */
export class SignedInLine {
  readonly #socket: Socket
  readonly #target: string
  readonly #path: string
  readonly #maxBytes: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  #used = false

  constructor(socket: Socket, target: string, path: string, maxBytes: number) {
    this.#socket = socket
    this.#target = target
    this.#path = path
    this.#maxBytes = maxBytes
    // The errors that count are those of requests; between two of them nobody listens.
    socket.on('error', () => undefined)
    this.#agent.createConnection = () => {
      if (this.#used) throw new TargetError('protocol', `${target} closed the connection`)
      this.#used = true
      return socket
    }
  }

  /** @throws TargetError */
  post(body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LineAnswer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(outOfTime(this.#target, 'was not asked'))
      if (this.#socket.destroyed) return reject(new TargetError('protocol', `${this.#target} closed the connection`))
      const asking = request({
        method: 'POST',
        agent: this.#agent,
        path: this.#path,
        headers: { host: this.#target, 'user-agent': 'Farwatch', 'content-length': body.length, ...headers },
      })
      const settle = (act: () => void) => {
        signal.removeEventListener('abort', stop)
        act()
      }
      const fail = (thrown: unknown) =>
        settle(() => {
          this.#socket.destroy()
          reject(targetFailure(thrown, this.#target))
        })
      const stop = () => fail(outOfTime(this.#target, 'sent no answer'))
      signal.addEventListener('abort', stop, { once: true })
      asking.once('error', fail)
      asking.once('response', (response) => {
        response.once('error', fail)
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > this.#maxBytes)
            return fail(new TargetError('too large', `${this.#target} sends more than ${this.#maxBytes} bytes`))
          chunks.push(chunk)
        })
        response.once('end', () =>
          settle(() =>
            resolve({ status: response.statusCode ?? 0, headers: headersOf(response), body: Buffer.concat(chunks) }),
          ),
        )
        response.once('close', () => {
          if (!response.complete) fail({ code: 'ECONNRESET' })
        })
      })
      asking.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
    this.#socket.destroy()
  }
}

function headersOf(response: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(response.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]),
  )
}
