import type { Socket } from 'node:net'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  StatementRefused,
  TargetError,
  type OpenCredential,
  type RedisClient,
  type RedisReply,
  type RedisSession,
} from '../sdk/index.ts'
import { outOfTime, targetFailure } from './network/failures.ts'
import { eitherWords } from './network/either-words.ts'
import { openSocket, type SocketPlace } from './network/open-socket.ts'
import { proposalOf } from './network/proposal.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting, tlsPortSetting, trustedSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { trustedProblems } from './network/trust.ts'
import { NotResp, readReply, RespError, writeCommand, type Resp } from './redis/resp.ts'

/** A Redis server, or one that speaks its protocol: Valkey, KeyDB, a Sentinel. */
export default defineConnector({
  id: 'redis',
  title: 'Redis',
  summary:
    'A server of Redis, Valkey or KeyDB, or a Sentinel. It leads to that one server: where Sentinels move the primary, each server has a connector of its own.',
  settings: {
    host: { ...hostSetting, example: 'cache1.example' },
    port: portSetting(6379),
    database: {
      kind: 'number',
      label: 'Database',
      help: 'Its number, for keys that a monitor asks about by name.',
      min: 0,
      max: 10_000,
      integer: true,
      default: 0,
    },
    tls: tlsPortSetting,
    trustedCertificates: trustedSetting,
  },
  credentials: ['basic', 'certificate'],
  check: ({ trustedCertificates }, path) => trustedProblems(trustedCertificates, `${path}.trustedCertificates`),
  target: ({ host, port }) => hostPort(host, port),
  reach: reachPort,
  discovery: {
    at: { tcp: [6379, 6380, 26_379] },
    async identify(place, signal) {
      const found = await eitherWords(place, { send: ping, isIt: isRedis }, signal)
      if (found === undefined) return []
      const { said, tls } = found
      const isOpen = said.toString('latin1').startsWith('+PONG')
      return [
        proposalOf(place, {
          id: 'redis',
          port: 6379,
          title: tls ? 'Redis with TLS' : 'Redis',
          seen: 'answered a PING in the words of Redis',
          ...(isOpen ? {} : { credential: 'basic' }),
          ...(tls ? { learned: { tls: 'verify' } } : {}),
        }),
      ]
    },
  },
  open: (settings, credential) => new Redis(settings, settings.database, credential),
})

const ping = writeCommand(['PING'])

function isRedis(said: Buffer): boolean {
  return /^(?:\+PONG|-NOAUTH|-DENIED|-ERR max number of clients|-ERR operation not permitted)/.test(
    said.toString('latin1'),
  )
}

/** INFO is some kilobytes; a list of masters is a little more. */
const mostBytes = 4 * 1024 * 1024

class Redis implements RedisClient {
  readonly target: string
  readonly #place: SocketPlace
  readonly #database: number
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: SocketPlace, database: number, credential: OpenCredential | undefined) {
    this.#place = place
    this.#database = database
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  async session<T>(signal: AbortSignal, use: (session: RedisSession) => Promise<T>): Promise<T> {
    const begun = systemClock.elapsed()
    const exchange = await this.#signIn.try(() => this.#open(signal), signal)
    try {
      return await use({
        connect: systemClock.elapsed() - begun,
        read: async (...command) => {
          const reply = await exchange.ask(command)
          if (reply instanceof RespError) throw refusal(reply.words)
          return readable(reply)
        },
      })
    } finally {
      exchange.end()
    }
  }

  async #open(signal: AbortSignal): Promise<Exchange> {
    const socket = await openSocket(this.#place, signal, this.#credential)
    const exchange = new Exchange(socket, this.target, signal)
    try {
      const basic = this.#credential?.type === 'basic' ? this.#credential.fields : undefined
      if (basic !== undefined) {
        // Servers before version 6 know no users, and every later one takes a lone password for that of `default`.
        const named = basic.username === '' || basic.username === 'default' ? [] : [basic.username]
        this.#expectGood(await exchange.ask(['AUTH', ...named, basic.secret]))
      }
      if (this.#database !== 0) this.#expectGood(await exchange.ask(['SELECT', String(this.#database)]))
      // The first thing a server says no to where it wants to know who asks.
      else this.#expectGood(await exchange.ask(['PING']), 'NOPERM')
      return exchange
    } catch (thrown) {
      exchange.end()
      throw thrown
    }
  }

  #expectGood(reply: Resp, forgiven?: string): void {
    if (!(reply instanceof RespError)) return
    const { words } = reply
    const kind = words.split(' ')[0]
    if (kind === forgiven) return
    const said = spoken(words)
    if (kind === 'NOAUTH') throw new TargetError('credentials', `${this.target} wants a sign-in: ${said}`)
    if (
      kind === 'WRONGPASS' ||
      kind === 'NOPERM' ||
      /invalid password|without any password|no password is set/.test(said)
    )
      throw new TargetError('credentials', `${this.target} refused the sign-in: ${said}`)
    if (kind === 'DENIED' || /max number of clients/.test(said))
      throw new TargetError('refused', `${this.target} takes no session: ${said}`)
    if (/DB index/i.test(said)) throw new TargetError('configuration', `${this.target}: ${said}`)
    throw new TargetError('protocol', `${this.target}: ${said}`)
  }
}

/** The server's words without control characters and in bounds. It repeats names that it was given, but never a password. */
function spoken(words: string): string {
  return words
    .replace(/^ERR /, '')
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, 300)
}

function refusal(words: string): StatementRefused {
  return new StatementRefused(words.split(' ')[0]?.slice(0, 40) ?? '', spoken(words))
}

/** A refusal within a list is as good as nothing there. */
function readable(reply: Resp): RedisReply {
  if (reply instanceof RespError) return null
  return typeof reply === 'object' && reply !== null ? reply.map(readable) : reply
}

/** One command and its reply at a time, over one connection. */
class Exchange {
  readonly #socket: Socket
  readonly #target: string
  readonly #signal: AbortSignal
  #received = Buffer.alloc(0)
  #failure: TargetError | undefined
  #settle: ((reply: Resp | TargetError) => void) | undefined

  constructor(socket: Socket, target: string, signal: AbortSignal) {
    this.#socket = socket
    this.#target = target
    this.#signal = signal
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(targetFailure(error, target)))
    socket.on('close', () => this.#fail(targetFailure({ code: 'ECONNRESET' }, target)))
    signal.addEventListener('abort', this.#stop, { once: true })
    if (signal.aborted) this.#stop()
  }

  ask(words: readonly string[]): Promise<Resp> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#settle = (reply) => {
        this.#settle = undefined
        if (reply instanceof TargetError) reject(reply)
        else resolve(reply)
      }
      this.#socket.write(writeCommand(words))
    })
  }

  end(): void {
    this.#signal.removeEventListener('abort', this.#stop)
    this.#socket.destroy()
  }

  readonly #stop = () => this.#fail(outOfTime(this.#target, 'did not answer'))

  #take(chunk: Buffer): void {
    if (this.#failure !== undefined) return
    this.#received = Buffer.concat([this.#received, chunk])
    try {
      const read = readReply(this.#received)
      if (read !== undefined) {
        this.#received = this.#received.subarray(read.next)
        this.#settle?.(read.reply)
      } else if (this.#received.length > mostBytes) {
        this.#fail(new TargetError('too large', `the answer of ${this.#target} is larger than ${mostBytes} bytes`))
      }
    } catch (thrown) {
      if (!(thrown instanceof NotResp)) throw thrown
      this.#fail(
        new TargetError('protocol', `${this.#target} does not speak Redis’ protocol: ${thrown.message}`, {
          cause: thrown,
        }),
      )
    }
  }

  #fail(failure: TargetError): void {
    this.#failure ??= failure
    this.#settle?.(this.#failure)
    this.#socket.destroy()
  }
}
