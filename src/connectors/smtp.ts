import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type MailSessionSeen,
  type OpenCredential,
  type SmtpClient,
} from '../sdk/index.ts'
import {
  beginConnection,
  hostService,
  securitySetting,
  trustSettings,
  type Place,
  type Trust,
} from './network/connection.ts'
import { firstWords } from './network/first-words.ts'
import { LineTalk, shownWords } from './network/line-talk.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { certificateFacts } from './network/trust.ts'

const maxReplyLines = 100

/** A mail server, as those meet it who send. */
export default defineConnector({
  id: 'smtp',
  title: 'SMTP',
  summary: 'A server that takes mail.',
  settings: {
    host: hostSetting,
    port: {
      ...portSetting(587),
      help: '587 for those who send, 465 with TLS from the first byte, 25 between servers.',
    },
    tls: securitySetting,
    ...trustSettings,
  },
  credentials: ['basic'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [25, 465, 587] },
    async identify(place, signal) {
      const { host, port } = place
      const tls = port === 465
      const said = await firstWords(place, { until: (received) => received.includes(10), tls }, signal)
      const banner = said.toString('latin1')
      if (!/^220[ -].*\bE?SMTP\b/i.test(banner)) return []
      return [
        {
          name: port === 25 ? 'smtp' : `smtp-${port}`,
          title: `Mail server (SMTP), port ${port}: ${shownWords(banner.split('\n')[0]!.slice(4)).slice(0, 60)}`,
          settings: { host, port, ...(tls ? { tls: 'tls' } : {}) },
          seen: `port ${port} greeted in the words of SMTP`,
          certainty: 'identified',
        },
      ]
    },
  },
  open: (settings, credential) => new MailServer(settings, credential),
})

interface Reply {
  readonly code: number
  /** Without the code. */
  readonly lines: readonly string[]
}

class MailServer implements SmtpClient {
  readonly target: string
  readonly #place: Place & Trust & { readonly tls: string }
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()

  constructor(place: Place & Trust & { readonly tls: string }, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  session(signal: AbortSignal): Promise<MailSessionSeen> {
    return this.#signIn.try(() => this.#session(signal), signal)
  }

  async #session(signal: AbortSignal): Promise<MailSessionSeen> {
    const began = systemClock.elapsed()
    const begun = await beginConnection(this.#place, this.#place.tls === 'tls', this.#place, signal)
    const talk = new LineTalk(begun.socket, this.#place, signal)
    try {
      const connected = systemClock.elapsed()
      const greeting = await this.#reply(talk)
      if (greeting.code !== 220) throw new TargetError('refused', `${this.target} takes no session (${greeting.code})`)
      const greeted = systemClock.elapsed()
      let abilities = await this.#hello(talk)
      let { tls, certificate } = begun
      if (this.#place.tls === 'starttls') {
        if (!abilities.some((one) => /^STARTTLS$/i.test(one)))
          throw new TargetError('tls', `${this.target} offers no STARTTLS`)
        talk.write('STARTTLS')
        const ready = await this.#reply(talk)
        if (ready.code !== 220) throw new TargetError('tls', `${this.target} refuses STARTTLS (${ready.code})`)
        const handshake = systemClock.elapsed()
        certificate = certificateFacts(await talk.secure(this.#place), this.#place.host)
        tls = systemClock.elapsed() - handshake
        abilities = await this.#hello(talk)
      }
      const before = systemClock.elapsed()
      const signedIn = await this.#authenticate(talk, abilities)
      const duration = systemClock.elapsed() - began
      talk.write('QUIT')
      return {
        connect: begun.connect,
        greeting: greeted - connected,
        ...(tls === undefined ? {} : { tls }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(signedIn ? { signIn: systemClock.elapsed() - before } : {}),
        banner: shownWords(greeting.lines[0] ?? ''),
        abilities,
        duration,
      }
    } finally {
      talk.close()
    }
  }

  async #hello(talk: LineTalk): Promise<string[]> {
    const own = talk.socket.localAddress ?? '127.0.0.1'
    const name = own.includes(':') ? `[IPv6:${own}]` : `[${own}]`
    talk.write(`EHLO ${name}`)
    const reply = await this.#reply(talk)
    if (reply.code === 250) return reply.lines.slice(1).map(shownWords)
    talk.write(`HELO ${name}`)
    const old = await this.#reply(talk)
    if (old.code !== 250) throw new TargetError('refused', `${this.target} takes no greeting (${old.code})`)
    return []
  }

  async #authenticate(talk: LineTalk, abilities: readonly string[]): Promise<boolean> {
    if (this.#credential?.type !== 'basic') return false
    const { username, secret } = this.#credential.fields
    const ways = abilities.flatMap((one) => /^AUTH[ =](.*)$/i.exec(one)?.[1]?.toUpperCase().split(' ') ?? [])
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    let reply: Reply
    if (ways.includes('PLAIN')) {
      talk.write(`AUTH PLAIN ${base64(`\0${username}\0${secret}`)}`)
      reply = await this.#reply(talk)
    } else if (ways.includes('LOGIN')) {
      talk.write('AUTH LOGIN')
      reply = await this.#reply(talk)
      for (const answer of [username, secret]) {
        if (reply.code !== 334) break
        talk.write(base64(answer))
        reply = await this.#reply(talk)
      }
    } else {
      throw new TargetError(
        'configuration',
        `${this.target} offers no sign-in by user name and password (PLAIN or LOGIN) here`,
      )
    }
    if (reply.code === 235) return true
    // 4xx: not now; and 530, 538: not without TLS.
    if (reply.code < 500) throw new TargetError('refused', `${this.target} cannot sign anybody in (${reply.code})`)
    throw reply.code === 530 || reply.code === 538
      ? new TargetError('configuration', `${this.target} demands TLS for a sign-in (${reply.code})`)
      : new TargetError('credentials', `${this.target} refused the sign-in (${reply.code})`)
  }

  async #reply(talk: LineTalk): Promise<Reply> {
    const lines: string[] = []
    for (;;) {
      const found = /^(\d{3})(?:([ -])(.*))?$/.exec(await talk.readLine())
      if (found === null || lines.length >= maxReplyLines)
        throw new TargetError('protocol', `${this.target} does not speak SMTP as it should`)
      lines.push(found[3] ?? '')
      if (found[2] !== '-') return { code: Number(found[1]), lines }
    }
  }
}
