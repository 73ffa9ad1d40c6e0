import { systemClock } from '../../platform/index.ts'
import { TargetError, type MailSessionSeen, type OpenCredential } from '../../sdk/index.ts'
import { beginConnection, type Place, type Trust } from '../network/connection.ts'
import { LineTalk, shownWords } from '../network/line-talk.ts'
import { hostPort } from '../network/target.ts'
import { certificateFacts } from '../network/trust.ts'

const maxReplyLines = 100

/** Where mail is handed in, and how its line is secured. */
export type SmtpPlace = Place & Trust & { readonly tls: string }

interface Reply {
  readonly code: number
  /** Without the code. */
  readonly lines: readonly string[]
}

export interface Mail {
  readonly from: string
  readonly to: string
  /** Headers, an empty line, text; in ASCII. */
  readonly lines: readonly string[]
}

/** A session with a server that takes mail (RFC 5321), from the greeting to the end. */
export class Submission {
  readonly #target: string
  readonly #talk: LineTalk
  readonly seen: MailSessionSeen

  private constructor(target: string, talk: LineTalk, seen: MailSessionSeen) {
    this.#target = target
    this.#talk = talk
    this.seen = seen
  }

  /** Greets, secures, and signs in where there is a credential. End it with `quit`. @throws TargetError */
  static async begin(
    place: SmtpPlace,
    credential: OpenCredential | undefined,
    signal: AbortSignal,
  ): Promise<Submission> {
    const target = hostPort(place.host, place.port)
    const began = systemClock.elapsed()
    const begun = await beginConnection(place, place.tls === 'tls', place, signal)
    const talk = new LineTalk(begun.socket, place, signal)
    try {
      const connected = systemClock.elapsed()
      const greeting = await readReply(talk, target)
      if (greeting.code !== 220) throw new TargetError('refused', `${target} takes no session (${greeting.code})`)
      const greeted = systemClock.elapsed()
      let abilities = await hello(talk, target)
      let { tls, certificate } = begun
      if (place.tls === 'starttls') {
        if (!abilities.some((one) => /^STARTTLS$/i.test(one)))
          throw new TargetError('tls', `${target} offers no STARTTLS`)
        talk.write('STARTTLS')
        const ready = await readReply(talk, target)
        if (ready.code !== 220) throw new TargetError('tls', `${target} refuses STARTTLS (${ready.code})`)
        const handshake = systemClock.elapsed()
        certificate = certificateFacts(await talk.secure(place), place.host)
        tls = systemClock.elapsed() - handshake
        abilities = await hello(talk, target)
      }
      const before = systemClock.elapsed()
      const signedIn = await authenticate(talk, target, credential, abilities)
      const after = systemClock.elapsed()
      return new Submission(target, talk, {
        connect: begun.connect,
        greeting: greeted - connected,
        ...(tls === undefined ? {} : { tls }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(signedIn ? { signIn: after - before } : {}),
        banner: shownWords(greeting.lines[0] ?? ''),
        abilities,
        duration: after - began,
      })
    } catch (thrown) {
      talk.close()
      throw thrown
    }
  }

  /** Hands in one mail. @throws TargetError where the server does not take it */
  async send({ from, to, lines }: Mail): Promise<void> {
    await this.#expect(`MAIL FROM:<${from}>`, 250, `takes no mail from ${from}`)
    await this.#expect(`RCPT TO:<${to}>`, 250, `takes no mail for ${to}`)
    await this.#expect('DATA', 354, 'takes no mail')
    // A lone point would end it (RFC 5321, 4.5.2).
    for (const line of lines) this.#talk.write(line.startsWith('.') ? `.${line}` : line)
    await this.#expect('.', 250, 'did not keep the mail')
  }

  quit(): void {
    this.#talk.write('QUIT')
    this.#talk.close()
  }

  async #expect(command: string, code: number, otherwise: string): Promise<void> {
    this.#talk.write(command)
    const reply = await readReply(this.#talk, this.#target)
    // 251: it will pass it on.
    if (reply.code === code || (code === 250 && reply.code === 251)) return
    // 4xx: not now. 5xx: never, as it was asked.
    const reason = reply.code < 500 ? 'refused' : 'configuration'
    throw new TargetError(reason, `${this.#target} ${otherwise} (${reply.code})`)
  }
}

async function hello(talk: LineTalk, target: string): Promise<string[]> {
  const own = talk.socket.localAddress ?? '127.0.0.1'
  const name = own.includes(':') ? `[IPv6:${own}]` : `[${own}]`
  talk.write(`EHLO ${name}`)
  const reply = await readReply(talk, target)
  if (reply.code === 250) return reply.lines.slice(1).map(shownWords)
  talk.write(`HELO ${name}`)
  const old = await readReply(talk, target)
  if (old.code !== 250) throw new TargetError('refused', `${target} takes no greeting (${old.code})`)
  return []
}

async function authenticate(
  talk: LineTalk,
  target: string,
  credential: OpenCredential | undefined,
  abilities: readonly string[],
): Promise<boolean> {
  if (credential?.type !== 'basic') return false
  const { username, secret } = credential.fields
  const ways = abilities.flatMap((one) => /^AUTH[ =](.*)$/i.exec(one)?.[1]?.toUpperCase().split(' ') ?? [])
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  let reply: Reply
  if (ways.includes('PLAIN')) {
    talk.write(`AUTH PLAIN ${base64(`\0${username}\0${secret}`)}`)
    reply = await readReply(talk, target)
  } else if (ways.includes('LOGIN')) {
    talk.write('AUTH LOGIN')
    reply = await readReply(talk, target)
    for (const answer of [username, secret]) {
      if (reply.code !== 334) break
      talk.write(base64(answer))
      reply = await readReply(talk, target)
    }
  } else {
    throw new TargetError(
      'configuration',
      `${target} offers no sign-in by user name and password (PLAIN or LOGIN) here`,
    )
  }
  if (reply.code === 235) return true
  // 4xx: not now; and 530, 538: not without TLS.
  if (reply.code < 500) throw new TargetError('refused', `${target} cannot sign anybody in (${reply.code})`)
  throw reply.code === 530 || reply.code === 538
    ? new TargetError('configuration', `${target} demands TLS for a sign-in (${reply.code})`)
    : new TargetError('credentials', `${target} refused the sign-in (${reply.code})`)
}

async function readReply(talk: LineTalk, target: string): Promise<Reply> {
  const lines: string[] = []
  for (;;) {
    const found = /^(\d{3})(?:([ -])(.*))?$/.exec(await talk.readLine())
    if (found === null || lines.length >= maxReplyLines)
      throw new TargetError('protocol', `${target} does not speak SMTP as it should`)
    lines.push(found[3] ?? '')
    if (found[2] !== '-') return { code: Number(found[1]), lines }
  }
}
