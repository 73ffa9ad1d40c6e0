import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  grpcStates,
  TargetError,
  type GrpcClient,
  type GrpcHealth,
  type GrpcState,
  type OpenCredential,
} from '../sdk/index.ts'
import {
  beginConnection,
  guardConnection,
  hostService,
  trustSettings,
  type Place,
  type Trust,
} from './network/connection.ts'
import { credentialHeaders } from './network/credential-headers.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'

const maxBytes = 1024 * 1024
/** An answer of the health protocol has two bytes; servers add fields rarely and little. */
const maxMessage = 64 * 1024

/** A gRPC server. One question of two bytes needs no library: HTTP/2 is Node's own, and the message is written below. */
export default defineConnector({
  id: 'grpc',
  title: 'gRPC',
  summary: 'A server that speaks gRPC, with or without TLS.',
  settings: {
    host: hostSetting,
    port: portSetting(443),
    tls: { kind: 'flag', label: 'TLS', help: 'Off: HTTP/2 in the clear, as inside of clusters.', default: true },
    ...trustSettings,
    authority: {
      kind: 'text',
      label: 'Authority',
      help: 'The name that the server is asked under (`:authority`), where a proxy in front of it wants another than the host’s.',
      maxLength: 253,
      pattern: '[A-Za-z0-9_.\\-:[\\]]+',
      optional: true,
    },
  },
  credentials: ['token', 'header', 'basic', 'certificate'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [50051] },
    async identify(place, signal) {
      const { host, port } = place
      const server = new Server(
        { host, port, tls: false, verifyCertificate: true, trustedCertificates: undefined, authority: undefined },
        undefined,
      )
      const seen = await server.health([''], signal).then(
        () => 'answered a question for its health by gRPC',
        (thrown: unknown) => {
          // A server that says no in the words of gRPC is one.
          if (thrown instanceof TargetError && thrown.reason === 'configuration') return 'answered by gRPC'
          if (thrown instanceof TargetError && thrown.reason === 'credentials') return 'answered by gRPC'
          return undefined
        },
      )
      if (seen === undefined) return []
      return [
        {
          name: 'grpc',
          title: `gRPC server, port ${port}`,
          settings: { host, port, tls: false },
          seen: `port ${port} ${seen}`,
          certainty: 'identified',
        },
      ]
    },
  },
  open: (settings, credential) => new Server(settings, credential),
})

interface ServerPlace extends Place, Trust {
  readonly tls: boolean
  readonly authority: string | undefined
}

class Server implements GrpcClient {
  readonly target: string
  readonly #place: ServerPlace
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: ServerPlace, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  health(services: readonly string[], signal: AbortSignal): Promise<GrpcHealth> {
    return this.#signIn.try(() => this.#health(services, signal), signal)
  }

  async #health(services: readonly string[], signal: AbortSignal): Promise<GrpcHealth> {
    const { tls, authority } = this.#place
    const begun = await beginConnection(this.#place, tls, this.#place, signal, {
      own: this.#credential,
      protocols: ['h2'],
    })
    const { socket } = begun
    const guard = guardConnection(socket, maxBytes, signal)
    const session = connectHttp2(`${tls ? 'https' : 'http'}://${authority ?? this.target}`, {
      createConnection: () => socket,
      maxSessionMemory: 1,
    })
    const failed = failureOf(session)
    try {
      const seen: { service: string; state: GrpcState; duration: number }[] = []
      for (const service of services) {
        const asked = systemClock.elapsed()
        const state = await Promise.race([failed, this.#ask(session, service)])
        seen.push({ service, state, duration: systemClock.elapsed() - asked })
      }
      return {
        connect: begun.connect,
        ...(begun.tls === undefined ? {} : { tls: begun.tls }),
        ...(begun.certificate === undefined ? {} : { certificate: begun.certificate }),
        services: seen,
      }
    } catch (thrown) {
      if (signal.aborted) throw outOfTime(this.target, 'did not answer')
      if (guard.tooMuch()) throw new TargetError('too large', `${this.target} sent more than ${maxBytes / 1024} KiB`)
      if (thrown instanceof TargetError) throw thrown
      const failure = targetFailure(thrown, this.target)
      throw failure.reason === 'protocol'
        ? new TargetError('protocol', `${this.target} does not speak gRPC as it should`, { cause: thrown })
        : failure
    } finally {
      guard.release()
      session.destroy()
      socket.destroy()
    }
  }

  #ask(session: ClientHttp2Session, service: string): Promise<GrpcState> {
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': 'Farwatch',
        ...credentialHeaders(this.#credential),
      })
      let status = 0
      let code: string | undefined
      let message = Buffer.alloc(0)
      stream.on('response', (headers) => {
        status = Number(headers[':status'])
        // A server that has nothing to say but no says it in the head.
        code = headerText(headers['grpc-status'])
      })
      stream.on('trailers', (trailers) => (code = headerText(trailers['grpc-status']) ?? code))
      stream.on('data', (chunk: Buffer) => {
        message = Buffer.concat([message, chunk])
        if (message.length > maxMessage) stream.close()
      })
      stream.once('error', reject)
      stream.once('close', () => {
        try {
          resolve(this.#meaning(status, code, message))
        } catch (thrown) {
          // It is an Error: `#meaning` throws nothing else.
          reject(thrown as Error)
        }
      })
      stream.end(framed(healthQuestion(service)))
    })
  }

  #meaning(status: number, code: string | undefined, message: Buffer): GrpcState {
    if (code === undefined) {
      if (status === 401 || status === 403)
        throw new TargetError('credentials', `${this.target} refused the sign-in (HTTP ${status})`)
      throw new TargetError('protocol', `${this.target} does not speak gRPC as it should (HTTP ${status})`)
    }
    switch (code) {
      case '0':
        return stateIn(message, this.target)
      case '5':
        return 'SERVICE_UNKNOWN'
      case '7':
      case '16':
        throw new TargetError('credentials', `${this.target} refused the sign-in (gRPC status ${code})`)
      case '12':
        throw new TargetError('configuration', `${this.target} does not offer the health checking protocol`)
      default:
        throw new TargetError('protocol', `${this.target} answers with gRPC status ${code.slice(0, 10)}`)
    }
  }
}

function headerText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

/** Never resolves; rejects with what ends a session. It is raced against whatever is waited for, and may reject unheard. */
function failureOf(session: ClientHttp2Session): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    session.on('error', reject)
    session.once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })))
  })
  failed.catch(() => undefined)
  return failed
}

/** `HealthCheckRequest { string service = 1 }` in the encoding of Protocol Buffers. */
function healthQuestion(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  const length: number[] = []
  for (let left = name.length; ; left >>>= 7) {
    if (left < 0x80) {
      length.push(left)
      break
    }
    length.push((left & 0x7f) | 0x80)
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name])
}

/** One message of gRPC: not packed, its length, itself. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** `HealthCheckResponse { ServingStatus status = 1 }`; fields of other numbers are passed over. No field means UNKNOWN. */
function stateIn(framedMessage: Buffer, target: string): GrpcState {
  const nonsense = new TargetError('protocol', `${target} answers with something that is no state of health`)
  if (framedMessage.length < 5 || framedMessage[0] !== 0) throw nonsense
  const message = framedMessage.subarray(5, 5 + framedMessage.readUInt32BE(1))
  let at = 0
  const number = (): number => {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) throw nonsense
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw nonsense
  }
  let state: GrpcState = 'UNKNOWN'
  while (at < message.length) {
    const key = number()
    switch (key & 7) {
      case 0: {
        const value = number()
        if (key >> 3 === 1) state = grpcStates[value] ?? 'UNKNOWN'
        break
      }
      case 1:
        at += 8
        break
      case 2: {
        // Read first: the length moves the place itself.
        const length = number()
        at += length
        break
      }
      case 5:
        at += 4
        break
      default:
        throw nonsense
    }
  }
  return state
}
