import { isIP, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type SecureContext } from 'node:tls'
import type { lookup } from '../../platform/index.ts'

/**
 * Every connection reads into the same memory, since what came is dealt with before the next read: the stream of Node would take 64 KiB anew
 * for each, and collecting those is a third of what a check costs.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)
const mostKept = 4

export interface HttpLineOptions {
  readonly host: string
  readonly port: number
  readonly lookup: typeof lookup
  /** How TLS is spoken; undefined: it is not. */
  readonly secure:
    | {
        readonly context: SecureContext
        readonly verify: boolean
        /** Who the other side is to be. */
        readonly name: string
        /** A connection that is open already, through a proxy. */
        readonly through: Duplex | undefined
      }
    | undefined
}

/** Who hears what comes over a line. The piece is to be read at once: its memory is used again. */
export interface HttpListener {
  received(piece: Buffer): void
  failed(error: Error): void
  /** Nothing comes any more. */
  ended(): void
}

/** One connection, which carries one question and its answer at a time. */
export class HttpLine {
  readonly socket: Socket
  #listener: HttpListener | undefined

  /** Begins to connect. */
  constructor({ host, port, lookup: find, secure }: HttpLineOptions) {
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number, buffer: Uint8Array) => {
        this.#listener?.received(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
        return true
      },
    }
    const connecting = { host, port, lookup: find }
    if (secure === undefined) this.socket = new Socket({ onread }).connect(connecting)
    else {
      const { context, verify, name, through } = secure
      const about = {
        secureContext: context,
        rejectUnauthorized: verify,
        ...(isIP(name) === 0 ? { servername: name } : {}),
        checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
      }
      // Node's declarations leave `onread` out for TLS; its documentation does not.
      const anew = { ...about, ...connecting, onread }
      this.socket =
        through === undefined
          ? connectTls(anew)
          : connectTls({ ...about, socket: through }).on('data', (piece: Buffer) => this.#listener?.received(piece))
    }
    this.socket.on('error', (error) => this.#listener?.failed(error))
    this.socket.on('end', () => this.#listener?.ended())
    this.socket.on('close', () => this.#listener?.ended())
  }

  /** Whose it is from now on. */
  used(by: HttpListener): void {
    this.#listener = by
  }

  send(head: string, body: string | undefined): void {
    if (body === undefined) this.socket.write(head, 'latin1')
    else {
      this.socket.cork()
      this.socket.write(head, 'latin1')
      this.socket.write(body)
      this.socket.uncork()
    }
  }

  close(): void {
    this.#listener = undefined
    this.socket.destroy()
  }
}

/** Connections that are kept open for the next question, by where they lead. */
export class KeptLines {
  readonly #lines = new Map<string, HttpLine[]>()

  take(key: string): HttpLine | undefined {
    return this.#lines.get(key)?.pop()
  }

  keep(key: string, line: HttpLine): void {
    const lines = this.#lines.get(key) ?? []
    if (lines.length >= mostKept || line.socket.destroyed) return line.close()
    lines.push(line)
    this.#lines.set(key, lines)
    // Whatever happens to one that nobody uses ends it.
    const drop = () => {
      const at = lines.indexOf(line)
      if (at !== -1) lines.splice(at, 1)
      line.close()
    }
    line.used({ received: drop, failed: drop, ended: drop })
  }

  close(): void {
    for (const lines of this.#lines.values()) for (const line of lines) line.close()
    this.#lines.clear()
  }
}
