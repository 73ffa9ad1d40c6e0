import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { TargetError } from '../../sdk/index.ts'
import { guardConnection, secureConnection, type Place, type Trust } from './connection.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { hostPort } from './target.ts'

const maxLine = 16 * 1024
const defaultMaxBytes = 1024 * 1024

/** A conversation line by line as SMTP and IMAP are, or by lengths as that of Kafka. Ends with the signal. */
export class LineTalk {
  readonly #place: Place
  readonly #target: string
  readonly #signal: AbortSignal
  readonly #maxBytes: number
  #socket: Socket
  #release: () => void
  #received = ''
  #ended: TargetError | undefined
  #wake: (() => void) | undefined

  /** The socket is this conversation's own from now on. */
  constructor(socket: Socket, place: Place, signal: AbortSignal, maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
    this.#place = place
    this.#target = hostPort(place.host, place.port)
    this.#signal = signal
    this.#socket = socket
    this.#release = this.#listen(socket)
  }

  get socket(): Socket {
    return this.#socket
  }

  /** A line without its end. @throws TargetError where none comes */
  async readLine(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf('\n')
      if (end >= 0) {
        const line = this.#received.slice(0, end).replace(/\r$/, '')
        this.#received = this.#received.slice(end + 1)
        return line
      }
      if (this.#received.length > maxLine)
        throw new TargetError('protocol', `${this.#target} sends a line longer than ${maxLine / 1024} KiB`)
      await this.#more()
    }
  }

  /** So many bytes, as they are. @throws TargetError where fewer come */
  async readBytes(count: number): Promise<string> {
    if (count > this.#maxBytes) throw new TargetError('too large', `${this.#target} announces ${count} bytes`)
    while (this.#received.length < count) await this.#more()
    const bytes = this.#received.slice(0, count)
    this.#received = this.#received.slice(count)
    return bytes
  }

  write(line: string): void {
    this.#socket.write(`${line}\r\n`)
  }

  /** Shakes hands by TLS in the middle of the conversation. What came before in the clear is forgotten (RFC 3207, 6). */
  async secure(trust: Trust): Promise<TLSSocket> {
    this.#release()
    this.#received = ''
    const secured = await secureConnection(this.#socket, this.#place, trust, this.#signal)
    this.#socket = secured
    this.#release = this.#listen(secured)
    return secured
  }

  close(): void {
    this.#release()
    this.#socket.on('error', () => undefined)
    this.#socket.destroy()
  }

  async #more(): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended
    await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  #listen(socket: Socket): () => void {
    const guard = guardConnection(socket, this.#maxBytes, this.#signal)
    const wake = () => {
      this.#wake?.()
      this.#wake = undefined
    }
    const end = (failure: TargetError) => {
      this.#ended ??= this.#signal.aborted
        ? outOfTime(this.#target, 'did not go on with the conversation')
        : guard.tooMuch()
          ? new TargetError('too large', `${this.#target} sent more than ${this.#maxBytes / 1024 / 1024} MiB`)
          : failure
      wake()
    }
    const data = (chunk: Buffer) => {
      // Byte by byte: lengths that the other side announces are bytes.
      this.#received += chunk.toString('latin1')
      wake()
    }
    const error = (thrown: Error) => end(targetFailure(thrown, this.#target))
    const close = () => end(new TargetError('protocol', `${this.#target} closed the connection`))
    socket.on('data', data)
    socket.on('error', error)
    socket.once('end', close)
    socket.once('close', close)
    return () => {
      guard.release()
      socket.removeListener('data', data)
      socket.removeListener('error', error)
      socket.removeListener('end', close)
      socket.removeListener('close', close)
    }
  }
}

/** What a server said, as a text that may be shown: one line, no control characters. */
export function shownWords(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200)
}
