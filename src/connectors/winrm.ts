import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  StatementRefused,
  TargetError,
  type OpenCredential,
  type WinrmClient,
  type WmiInstance,
} from '../sdk/index.ts'
import { outOfTime } from './network/failures.ts'
import { firstWords } from './network/first-words.ts'
import { openSocket } from './network/open-socket.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, tlsPortSetting, trustedSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { trustedProblems } from './network/trust.ts'
import { decrypt, encrypt, encryptedType } from './winrm/encrypted.ts'
import { SignedInLine, type LineAnswer } from './winrm/signed-in-line.ts'
import { enumerateMessage, pullMessage, readAnswer } from './winrm/messages.ts'
import {
  accountOf,
  authenticateMessage,
  negotiateMessage,
  readChallenge,
  Sealing,
  type NtlmAccount,
} from './winrm/ntlm.ts'

/** A Windows machine by WS-Management, asked by WQL. */
export default defineConnector({
  id: 'winrm',
  title: 'Windows Remote Management',
  summary:
    'A Windows machine by WS-Management over HTTP or HTTPS, signed in to by NTLM or Basic. Kerberos is not spoken.',
  settings: {
    host: { ...hostSetting, example: 'win1.example' },
    port: {
      kind: 'number',
      label: 'Port',
      help: 'Without it 5985, and 5986 with TLS.',
      min: 1,
      max: 65535,
      integer: true,
      optional: true,
    },
    tls: {
      ...tlsPortSetting,
      help: `${tlsPortSetting.help} Without TLS what is said is sealed by NTLM, as Windows wants it.`,
    },
    trustedCertificates: trustedSetting,
    authentication: {
      kind: 'choice',
      label: 'Authentication',
      help: 'ntlm: also for accounts of a domain (`DOMAIN\\user`). basic: for accounts of the machine, only with TLS, and only where it was switched on.',
      of: ['ntlm', 'basic'],
      default: 'ntlm',
    },
    namespace: {
      kind: 'text',
      label: 'Namespace',
      help: 'Where WMI looks for the classes.',
      default: 'root/cimv2',
      pattern: '[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*',
      maxLength: 200,
    },
  },
  credentials: ['basic'],
  credentialRequired: true,
  check({ trustedCertificates, authentication, tls }, path) {
    const problems = trustedProblems(trustedCertificates, `${path}.trustedCertificates`)
    return authentication === 'basic' && tls === 'off'
      ? [...problems, { path: `${path}.authentication`, message: 'basic shows the password to everybody without TLS' }]
      : problems
  },
  target: ({ host, port, tls }) => hostPort(host, port ?? usualPort(tls)),
  reach: ({ host, port, tls }, signal) => reachPort({ host, port: port ?? usualPort(tls) }, signal),
  discovery: {
    at: { tcp: [5985, 5986] },
    async identify(place, signal) {
      const tls = place.port === 5986
      const ask = `POST /wsman HTTP/1.1\r\nHost: ${hostPort(place.host, place.port)}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
      const until = (said: Buffer) => said.includes('\r\n\r\n')
      const said = (await firstWords(place, { send: ask, until, tls, maxBytes: 4_096 }, signal)).toString('latin1')
      if (
        !/^HTTP\/1\.1 (401|411|415|500)/.test(said) ||
        !/Microsoft-HTTPAPI|^www-authenticate: *(Negotiate|Kerberos)/im.test(said)
      )
        return []
      const { host, port } = place
      return [
        {
          name: tls ? 'winrm-tls' : 'winrm',
          title: `Windows Remote Management, port ${port}${tls ? ', with TLS' : ''}`,
          settings: {
            host,
            ...(port === usualPort(tls ? 'verify' : 'off') ? {} : { port }),
            ...(tls ? { tls: 'verify' } : {}),
          },
          seen: `port ${port} answered as Windows does for WS-Management`,
          certainty: 'identified',
          credential: 'basic',
        },
      ]
    },
  },
  open: ({ port, ...settings }, credential) =>
    new WindowsMachine({ ...settings, port: port ?? usualPort(settings.tls) }, credential),
})

function usualPort(tls: string): number {
  return tls === 'off' ? 5985 : 5986
}

interface Place {
  readonly host: string
  readonly port: number
  readonly tls: 'off' | 'verify' | 'require'
  readonly trustedCertificates: string | undefined
  readonly authentication: 'ntlm' | 'basic'
  readonly namespace: string
}

/** A connection that is signed in: NTLM signs in connections, not requests. */
interface Session {
  readonly line: SignedInLine
  /** Set where what is said is sealed. */
  readonly sealing?: { readonly out: Sealing; readonly in: Sealing }
  /** The header of each request, where it is that which signs in. */
  readonly authorization?: string
}

/** An answer has at most the 512,000 bytes that were allowed, and its envelope. */
const maxAnswer = 2 * 1024 * 1024

class WindowsMachine implements WinrmClient {
  readonly target: string
  readonly #place: Place
  readonly #account: NtlmAccount | undefined
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()
  readonly #url: string
  #session: Session | undefined
  /** One question after the other: sealed messages are numbered. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(place: Place, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
    this.#url = `${place.tls === 'off' ? 'http' : 'https'}://${this.target}/wsman`
    this.#account =
      credential?.type === 'basic' ? accountOf(credential.fields.username, credential.fields.secret) : undefined
  }

  query(wql: string, maxInstances: number, signal: AbortSignal): Promise<readonly WmiInstance[]> {
    const run = () => this.#query(wql, maxInstances, signal)
    const mine = this.#last.then(run, run)
    this.#last = mine
    return new Promise((resolve, reject) => {
      // Whoever waits for the questions of others gives up with its own signal.
      const stop = () => reject(outOfTime(this.target, 'sent no answer'))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      mine.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    })
  }

  close(): void {
    this.#session?.line.close()
    this.#session = undefined
  }

  async #query(wql: string, maxInstances: number, signal: AbortSignal): Promise<readonly WmiInstance[]> {
    const about = () => ({ url: this.#url, namespace: this.#place.namespace, id: randomUUID() })
    const instances: WmiInstance[] = []
    try {
      let answer = await this.#ask(enumerateMessage(about(), wql), signal)
      for (;;) {
        instances.push(...answer.instances)
        if (instances.length > maxInstances)
          throw new TargetError('too large', `${this.target} has more than ${maxInstances} instances to show`)
        if (answer.context === undefined) return instances
        answer = await this.#ask(pullMessage(about(), answer.context), signal)
      }
    } catch (thrown) {
      // After a fault the connection is as good as before; after anything else nobody knows what was sealed with what.
      if (!(thrown instanceof StatementRefused)) this.close()
      throw thrown
    }
  }

  async #ask(xml: string, signal: AbortSignal) {
    const isKept = this.#session !== undefined
    let answer = await this.#send(xml, signal).catch((thrown: unknown) => {
      // The machine closes connections that were idle for long.
      if (!isKept || signal.aborted || !(thrown instanceof TargetError) || thrown.reason !== 'protocol') throw thrown
      return undefined
    })
    if (answer === undefined || (isKept && answer.status === 401)) {
      this.close()
      answer = await this.#send(xml, signal)
    }
    const { status, body } = answer
    if (status === 401) throw this.#refused()
    if (status === 404) throw new TargetError('protocol', `${this.target} has no WS-Management at /wsman`)
    if (status !== 200 && status !== 500 && status !== 400)
      throw new TargetError(
        status === 503 ? 'refused' : 'protocol',
        `${this.target} answered with the HTTP status ${status}`,
      )
    return readAnswer(body, this.target)
  }

  async #send(xml: string, signal: AbortSignal): Promise<{ readonly status: number; readonly body: string }> {
    const session = (this.#session ??= await this.#signIn.try(() => this.#open(signal), signal))
    const { line, sealing, authorization } = session
    const answer = await line.post(
      sealing === undefined ? Buffer.from(xml, 'utf8') : encrypt(xml, sealing.out),
      {
        'content-type': sealing === undefined ? 'application/soap+xml;charset=UTF-8' : encryptedType,
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal,
    )
    if (sealing === undefined || !/^multipart\/encrypted/i.test(answer.headers['content-type'] ?? ''))
      return { status: answer.status, body: sealing === undefined ? answer.body.toString('utf8') : '' }
    const body = decrypt(answer.body, sealing.in)
    if (body === undefined) throw new TargetError('protocol', `${this.target} sealed its answer with another key`)
    return { status: answer.status, body }
  }

  /** Opens a connection and signs in on it. @throws TargetError */
  async #open(signal: AbortSignal): Promise<Session> {
    const account = this.#account
    if (account === undefined) throw new TargetError('configuration', `no credential to sign in to ${this.target} with`)
    if (signal.aborted) throw outOfTime(this.target, 'was not asked')
    const line = new SignedInLine(await openSocket(this.#place, signal), this.target, '/wsman', maxAnswer)
    try {
      const { authentication, tls } = this.#place
      if (authentication === 'basic') return await this.#openBasic(line, account, signal)
      const sessionKey = await this.#negotiate(line, account, signal)
      if (tls !== 'off') return { line }
      const sealing = {
        out: new Sealing(sessionKey, 'client-to-server'),
        in: new Sealing(sessionKey, 'server-to-client'),
      }
      return { line, sealing }
    } catch (thrown) {
      line.close()
      throw thrown
    }
  }

  async #openBasic(line: SignedInLine, account: NtlmAccount, signal: AbortSignal): Promise<Session> {
    const user = account.domain === '' ? account.username : `${account.domain}\\${account.username}`
    const authorization = `Basic ${Buffer.from(`${user}:${account.password}`, 'utf8').toString('base64')}`
    // Says who asks, and nothing else: what is wrong with that is known before anything is asked.
    const answer = await line.post(Buffer.alloc(0), { authorization }, signal)
    if (answer.status === 401) throw this.#refused(schemesOf(answer))
    return { line, authorization }
  }

  async #negotiate(line: SignedInLine, account: NtlmAccount, signal: AbortSignal): Promise<Buffer> {
    const negotiate = negotiateMessage()
    const say = (message: Buffer) =>
      line.post(Buffer.alloc(0), { authorization: `Negotiate ${message.toString('base64')}` }, signal)
    const first = await say(negotiate)
    const offered = schemesOf(first)
    const token = /(?:^|, ?)(?:Negotiate|NTLM) ([A-Za-z0-9+/=]+)/i.exec(first.headers['www-authenticate'] ?? '')?.[1]
    const message = Buffer.from(token ?? '', 'base64')
    const challenge = readChallenge(message)
    if (first.status !== 401 || challenge === undefined) {
      if (first.status === 404) throw new TargetError('protocol', `${this.target} has no WS-Management at /wsman`)
      throw new TargetError(
        first.status === 401 ? 'configuration' : 'protocol',
        first.status === 401
          ? `${this.target} does not offer NTLM${offered.length === 0 ? '' : ` but ${offered.join(', ')}`}`
          : `${this.target} does not answer as WS-Management does (HTTP status ${first.status})`,
      )
    }
    const chance = randomBytes(24)
    const said = { negotiate, challenge: message }
    const { message: answer, sessionKey } = authenticateMessage(account, challenge, said, chance, systemClock.now())
    const second = await say(answer)
    if (second.status === 401) throw this.#refused()
    return sessionKey
  }

  #refused(offered: readonly string[] = []): TargetError {
    const username = this.#credential?.type === 'basic' ? this.#credential.fields.username : ''
    if (this.#place.authentication === 'basic' && offered.length > 0 && !offered.some((one) => /^basic$/i.test(one)))
      return new TargetError('configuration', `${this.target} does not offer Basic but ${offered.join(', ')}`)
    return new TargetError('credentials', `${this.target} refused the sign-in of ${username}`)
  }
}

function schemesOf({ headers }: LineAnswer): string[] {
  return (headers['www-authenticate'] ?? '')
    .split(',')
    .map((one) => one.trim().split(' ')[0] ?? '')
    .filter((one) => /^[A-Za-z]+$/.test(one))
}
