import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type ImapClient,
  type ImapSeen,
  type MailboxSeen,
  type MailSessionSeen,
  type MailTrip,
  type MailTripSeen,
  type OpenCredential,
} from '../sdk/index.ts'
import {
  beginConnection,
  hostService,
  trustSettings,
  securitySetting,
  type Place,
  type Trust,
} from './network/connection.ts'
import { outOfTime } from './network/failures.ts'
import { firstWords } from './network/first-words.ts'
import { LineTalk, shownWords } from './network/line-talk.ts'
import { reachPort } from './network/reach.ts'
import { hostSetting, portSetting } from './network/settings.ts'
import { SignIn } from './network/sign-in.ts'
import { hostPort } from './network/target.ts'
import { certificateFacts } from './network/trust.ts'
import { Submission, type Mail } from './smtp/submission.ts'

const maxLines = 10_000
/** Marks the mails of round trips, with the token of each. */
const tripHeader = 'X-Farwatch-Round-Trip'

/** A mail server, as those meet it who read. */
export default defineConnector({
  id: 'imap',
  title: 'IMAP',
  summary: 'A server that keeps mailboxes.',
  settings: {
    host: hostSetting,
    port: { ...portSetting(993), help: '993 with TLS from the first byte, or 143.' },
    tls: { ...securitySetting, default: 'tls' },
    ...trustSettings,
  },
  credentials: ['basic'],
  ...hostService,
  reach: reachPort,
  discovery: {
    at: { tcp: [143, 993] },
    async identify(place, signal) {
      const { host, port } = place
      const tls = port === 993
      const said = await firstWords(place, { until: (received) => received.includes(10), tls }, signal)
      if (!/^\* (OK|PREAUTH) /i.test(said.toString('latin1'))) return []
      return [
        {
          name: tls ? 'imaps' : 'imap',
          title: `Mailboxes (IMAP), port ${port}${tls ? ', with TLS' : ''}`,
          settings: tls ? { host } : { host, port, tls: 'starttls' },
          seen: `port ${port} greeted in the words of IMAP`,
          certainty: 'identified',
          credential: 'basic',
        },
      ]
    },
  },
  open: (settings, credential) => new Mailboxes(settings, credential),
})

interface Answer {
  readonly status: string
  readonly words: string
  readonly untagged: readonly string[]
}

class Mailboxes implements ImapClient {
  readonly target: string
  readonly #place: Place & Trust & { readonly tls: string }
  readonly #credential: OpenCredential | undefined
  readonly #signIn = new SignIn()
  /** Another server, perhaps with other words for the same password. */
  readonly #submissionSignIn = new SignIn()

  constructor(place: Place & Trust & { readonly tls: string }, credential: OpenCredential | undefined) {
    this.#place = place
    this.#credential = credential
    this.target = hostPort(place.host, place.port)
  }

  async session(wanted: readonly string[], signal: AbortSignal): Promise<ImapSeen> {
    const began = systemClock.elapsed()
    const { talk, seen } = await this.#begin(signal)
    try {
      const mailboxes: MailboxSeen[] = []
      const refused: { mailbox: string; message: string }[] = []
      for (const mailbox of seen.signIn === undefined ? [] : wanted) {
        const opened = await talk.count(mailbox)
        if ('message' in opened) refused.push(opened)
        else mailboxes.push(opened)
      }
      talk.farewell()
      return { ...seen, duration: systemClock.elapsed() - began, mailboxes, refused }
    } finally {
      talk.lines.close()
    }
  }

  async mailTrip({ from, to, mailbox, submission: place }: MailTrip, signal: AbortSignal): Promise<MailTripSeen> {
    const { talk, seen } = await this.#begin(signal)
    try {
      // Before anything is sent: a mailbox that cannot be opened would keep the mail for ever.
      await talk.open(mailbox)
      await talk.takeOut(`HEADER ${tripHeader} "" BEFORE ${imapDate(systemClock.now() - dayMs)}`)
      const token = randomUUID()
      const handedIn = await this.#handIn(place, { from, to, lines: tripLines(from, to, token) }, signal)
      const began = systemClock.elapsed()
      const late = () =>
        outOfTime(this.target, `did not get the mail that ${hostPort(handedIn.host, place.port)} took into ${mailbox}`)
      try {
        while ((await talk.takeOut(`HEADER ${tripHeader} ${quoted(token)}`)) === 0)
          await delay(lookAgainMs, undefined, { signal })
      } catch (thrown) {
        throw signal.aborted ? late() : thrown
      }
      const delivery = systemClock.elapsed() - began
      talk.farewell()
      return {
        signIn: seen.duration,
        submission: handedIn.duration,
        delivery,
        ...(talk.isLeft ? { left: true } : {}),
      }
    } finally {
      talk.lines.close()
    }
  }

  async #handIn(
    { host = this.#place.host, port, tls }: MailTrip['submission'],
    mail: Mail,
    signal: AbortSignal,
  ): Promise<{ readonly host: string; readonly duration: number }> {
    const began = systemClock.elapsed()
    const place = { ...this.#place, host, port, tls }
    const submission = await this.#submissionSignIn.try(() => Submission.begin(place, this.#credential, signal), signal)
    try {
      await submission.send(mail)
    } finally {
      submission.quit()
    }
    return { host, duration: systemClock.elapsed() - began }
  }

  #begin(signal: AbortSignal): Promise<{ readonly talk: Talk; readonly seen: MailSessionSeen }> {
    return this.#signIn.try(() => this.#beginOnce(signal), signal)
  }

  /** Greets, secures, and signs in where there is a credential. */
  async #beginOnce(signal: AbortSignal): Promise<{ readonly talk: Talk; readonly seen: MailSessionSeen }> {
    const began = systemClock.elapsed()
    const begun = await beginConnection(this.#place, this.#place.tls === 'tls', this.#place, signal)
    const talk = new Talk(new LineTalk(begun.socket, this.#place, signal), this.target)
    try {
      const connected = systemClock.elapsed()
      const banner = await talk.greeting()
      const greeted = systemClock.elapsed()
      let abilities = await talk.abilities()
      let { tls, certificate } = begun
      if (this.#place.tls === 'starttls') {
        if (!abilities.includes('STARTTLS')) throw new TargetError('tls', `${this.target} offers no STARTTLS`)
        const ready = await talk.say('STARTTLS')
        if (ready.status !== 'OK') throw new TargetError('tls', `${this.target} refuses STARTTLS`)
        const handshake = systemClock.elapsed()
        certificate = certificateFacts(await talk.lines.secure(this.#place), this.#place.host)
        tls = systemClock.elapsed() - handshake
        abilities = await talk.abilities()
      }
      const before = systemClock.elapsed()
      const signsIn = this.#credential?.type === 'basic'
      if (this.#credential?.type === 'basic') await talk.signIn(this.#credential.fields, abilities)
      const after = systemClock.elapsed()
      const seen = {
        connect: begun.connect,
        greeting: greeted - connected,
        ...(tls === undefined ? {} : { tls }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(signsIn ? { signIn: after - before } : {}),
        banner,
        abilities,
        duration: after - began,
      }
      return { talk, seen }
    } catch (thrown) {
      talk.lines.close()
      throw thrown
    }
  }
}

/** How long it waits before it looks into the mailbox again. */
const lookAgainMs = 500
const dayMs = 86_400_000

function tripLines(from: string, to: string, token: string): readonly string[] {
  return [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: Farwatch round trip ${token}`,
    `Date: ${new Date(systemClock.now()).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${token}@farwatch.invalid>`,
    // So that nobody's machine answers it (RFC 3834).
    'Auto-Submitted: auto-generated',
    `${tripHeader}: ${token}`,
    '',
    'Sent by a monitor, which looks for it and takes it out again.',
  ]
}

/** A day as IMAP writes it: `26-Nov-2026`. */
function imapDate(at: number): string {
  const [, day, month, year] = new Date(at).toUTCString().split(/[ ,]+/)
  return `${day}-${month}-${year}`
}

/** The conversation: commands under numbers, and the answers to them (RFC 3501). */
class Talk {
  readonly lines: LineTalk
  readonly #target: string
  #number = 0
  /** What was to be taken out is still there. */
  isLeft = false

  constructor(lines: LineTalk, target: string) {
    this.lines = lines
    this.#target = target
  }

  async greeting(): Promise<string> {
    const line = await this.lines.readLine()
    const found = /^\* (OK|PREAUTH|BYE)\b(.*)$/i.exec(line)
    if (found === null) throw new TargetError('protocol', `${this.#target} does not speak IMAP as it should`)
    if (found[1]!.toUpperCase() === 'BYE') throw new TargetError('refused', `${this.#target} takes no session`)
    return shownWords(found[2]!.replace(/\[[^\]]*\]/, ''))
  }

  async abilities(): Promise<string[]> {
    const { untagged } = await this.say('CAPABILITY')
    return untagged.flatMap((line) => {
      const found = /^CAPABILITY (.*)$/i.exec(line)
      return found === null ? [] : shownWords(found[1]!.slice(0, 4_000)).toUpperCase().split(' ')
    })
  }

  async signIn(
    { username, secret }: { readonly username: string; readonly secret: string },
    abilities: readonly string[],
  ) {
    let answer: Answer
    if (abilities.includes('AUTH=PLAIN')) {
      const words = Buffer.from(`\0${username}\0${secret}`).toString('base64')
      answer = await this.say('AUTHENTICATE PLAIN', words)
    } else if (abilities.includes('LOGINDISABLED')) {
      throw new TargetError('configuration', `${this.#target} demands TLS for a sign-in`)
    } else {
      answer = await this.say(`LOGIN ${quoted(username)} ${quoted(secret)}`)
    }
    if (answer.status === 'OK') return
    // RFC 5530: the service behind it is away, or the user may not come in now; neither is a matter of the password.
    if (/\[(UNAVAILABLE|INUSE|LIMIT)\]/i.test(answer.words))
      throw new TargetError('refused', `${this.#target} cannot sign anybody in now`)
    if (/\[PRIVACYREQUIRED\]/i.test(answer.words))
      throw new TargetError('configuration', `${this.#target} demands TLS for a sign-in`)
    throw new TargetError('credentials', `${this.#target} refused the sign-in`)
  }

  async count(mailbox: string): Promise<MailboxSeen | { mailbox: string; message: string }> {
    const before = systemClock.elapsed()
    // EXAMINE opens without changing anything: what is new stays new.
    const opened = await this.say(`EXAMINE ${quoted(mailbox)}`)
    const select = systemClock.elapsed() - before
    if (opened.status !== 'OK') return { mailbox, message: shownWords(opened.words) }
    const messages = opened.untagged.flatMap((line) => /^(\d{1,15}) EXISTS$/i.exec(line)?.[1] ?? [])[0]
    const searched = await this.say('SEARCH UNSEEN')
    const unseen = searched.untagged.flatMap((line) => (/^SEARCH\b/i.test(line) ? (line.match(/ \d+/g) ?? []) : []))
    if (messages === undefined || searched.status !== 'OK')
      return { mailbox, message: 'the server does not count its messages' }
    return { mailbox, messages: Number(messages), unseen: unseen.length, select }
  }

  /** Opens it so that messages can be taken out. */
  async open(mailbox: string): Promise<void> {
    const opened = await this.say(`SELECT ${quoted(mailbox)}`)
    if (opened.status !== 'OK' || /\[READ-ONLY\]/i.test(opened.words))
      throw new TargetError('configuration', `${this.#target} does not open ${mailbox} for writing`)
  }

  /** Takes out what is found so, as far as it is a mail of a round trip. @returns how many; of other messages nothing is touched */
  async takeOut(criteria: string): Promise<number> {
    // Some servers tell of what is new only when there is nothing else to do.
    await this.say('NOOP')
    const found = await this.say(`UID SEARCH ${criteria}`)
    const uids = found.untagged.flatMap((line) => (/^SEARCH\b/i.test(line) ? (line.match(/ \d{1,10}\b/g) ?? []) : []))
    for (const uid of uids.slice(0, 100)) {
      await this.say(`UID STORE${uid} +FLAGS.SILENT (\\Deleted)`)
      // That one message and no other that somebody marked (RFC 4315). Where the server cannot do that it stays, marked.
      if ((await this.say(`UID EXPUNGE${uid}`)).status !== 'OK') this.isLeft = true
    }
    return uids.length
  }

  farewell(): void {
    this.lines.write(`a${++this.#number} LOGOUT`)
  }

  /** `more` is sent when the server asks to go on. */
  async say(command: string, more?: string): Promise<Answer> {
    const tag = `a${++this.#number}`
    this.lines.write(`${tag} ${command}`)
    const untagged: string[] = []
    for (let read = 0; read < maxLines; read++) {
      const line = await this.#line()
      if (line.startsWith('* BYE') && command !== 'LOGOUT')
        throw new TargetError('refused', `${this.#target} ended the session`)
      if (line.startsWith('* ')) untagged.push(line.slice(2))
      else if (line.startsWith('+')) this.lines.write(more ?? '*')
      else {
        const found = /^(\S+) (OK|NO|BAD)\b ?(.*)$/i.exec(line)
        if (found === null || found[1] !== tag) break
        return { status: found[2]!.toUpperCase(), words: found[3]!, untagged }
      }
    }
    throw new TargetError('protocol', `${this.#target} does not speak IMAP as it should`)
  }

  /** A line; what it announces as so many bytes (`{12}`) stands in it. */
  async #line(): Promise<string> {
    let line = await this.lines.readLine()
    for (let literals = 0; literals < 100; literals++) {
      const announced = /\{(\d{1,9})\+?\}$/.exec(line)?.[1]
      if (announced === undefined) return line
      line += await this.lines.readBytes(Number(announced))
      line += await this.lines.readLine()
    }
    throw new TargetError('protocol', `${this.#target} does not speak IMAP as it should`)
  }
}

function quoted(text: string): string {
  return `"${text.replaceAll(/[\r\n]/g, '').replaceAll(/["\\]/g, '\\$&')}"`
}
