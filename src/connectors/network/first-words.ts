import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { systemClock, lookup } from '../../platform/index.ts'
import type { DiscoveryPlace } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { hostPort } from './target.ts'
import { secureContext } from './trust.ts'

/** What is said to a port to find out who listens there. */
export interface FirstWords {
  /** Sent once the connection stands; absent where the other side speaks first. */
  readonly send?: string | Uint8Array
  /** Reading ends as soon as this says that it knows enough. */
  readonly until: (received: Buffer) => boolean
  /** At most so many bytes are kept. Default 16 KiB. */
  readonly maxBytes?: number
  /** Shakes hands by TLS first, with whatever certificate there is: nothing secret is sent. */
  readonly tls?: boolean
  /** Silence for so long ends the reading with what came until then. Default 1500 ms. */
  readonly quietMs?: number
}

/**
 * Connects to a port, says the first words of a protocol and gives what came back; empty where the other side said nothing. For
 * discovery: no credential, no library, one connection.
 * @throws TargetError where the port refuses the connection or the handshake, or the signal aborts
 */
export function firstWords(place: DiscoveryPlace, words: FirstWords, signal: AbortSignal): Promise<Buffer> {
  const { host, port } = place
  const target = hostPort(host, port)
  const maxBytes = words.maxBytes ?? 16 * 1024
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(outOfTime(target, 'was not asked'))
    const socket: Socket =
      words.tls === true
        ? connectTls({
            host,
            port,
            lookup,
            rejectUnauthorized: false,
            secureContext: secureContext(undefined, undefined, 'whatever is spoken'),
          })
        : connectTcp({ host, port, lookup })
    let received = Buffer.alloc(0)
    let cancelQuiet = () => undefined as void
    const settle = (act: () => void) => {
      cancelQuiet()
      signal.removeEventListener('abort', stop)
      socket.destroy()
      act()
    }
    const finish = () => settle(() => resolve(received))
    const listen = () => {
      cancelQuiet()
      cancelQuiet = systemClock.after(words.quietMs ?? 1_500, finish)
    }
    const stop = () => settle(() => reject(outOfTime(target, 'did not say what it is')))
    signal.addEventListener('abort', stop, { once: true })
    socket.once(words.tls === true ? 'secureConnect' : 'connect', () => {
      listen()
      if (words.send !== undefined) socket.write(words.send)
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk.subarray(0, maxBytes - received.length)])
      if (received.length >= maxBytes || words.until(received)) finish()
      else listen()
    })
    socket.once('end', finish)
    // A server that breaks off after it has spoken has said enough.
    socket.once('error', (error) =>
      received.length > 0 ? finish() : settle(() => reject(targetFailure(error, target))),
    )
    socket.once('close', finish)
  })
}

/** The beginning of an answer over HTTP. */
export interface HttpBeginning {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The first kilobytes of the body as they came, perhaps in chunks. */
  readonly body: string
}

/**
 * Asks a port for a path over HTTP and reads the first kilobytes of the answer; undefined where what came is not HTTP.
 * @throws TargetError as `firstWords` does
 */
export async function httpBeginning(
  place: DiscoveryPlace,
  { path, tls }: { readonly path: string; readonly tls: boolean },
  signal: AbortSignal,
): Promise<HttpBeginning | undefined> {
  const said = await firstWords(
    place,
    {
      tls,
      send: `GET ${path} HTTP/1.1\r\nHost: ${hostPort(place.host, place.port)}\r\nUser-Agent: Farwatch\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
      maxBytes: 64 * 1024,
      until: () => false,
    },
    signal,
  )
  const text = said.toString('latin1')
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
  if (status === undefined) return undefined
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const headers: Record<string, string> = {}
  for (const line of head.split('\r\n').slice(1)) {
    const cut = line.indexOf(':')
    if (cut > 0) headers[line.slice(0, cut).trim().toLowerCase()] = line.slice(cut + 1).trim()
  }
  return { status: Number(status), headers, body: rest.join('\r\n\r\n') }
}
