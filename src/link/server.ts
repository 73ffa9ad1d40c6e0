import {
  FarwatchError,
  errorCatalogue,
  messageOf,
  type CancelTimer,
  type Clock,
  type ErrorCode,
} from '../base/index.ts'
import type { AssignedConnector, Assignment, UploadAnswer, UploadBatch } from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import {
  acceptedEncoding,
  bodyHash,
  claimedRequest,
  type ClaimedRequest,
  encodings,
  pack,
  readPublicKey,
  ReplayGuard,
  signatureHeader,
  unpack,
  verified,
  verifiedByRequestKey,
  windowMs,
} from '../platform/wire/index.ts'
import { verifiedProof } from './new-key.ts'
import { Commands } from './commands.ts'
import { differenceOf } from './difference.ts'
import { aloneAfterMs, hear, overtakenMs, type Presence } from './presence.ts'
import {
  agreed,
  mayUseRequestKey,
  messageOfPath,
  readHello,
  readPoll,
  readRekey,
  readReply,
  readUpload,
  readWitness,
  sizeLimits,
  spoken,
  type CommandOrder,
  type Envelope,
  type Hello,
  type HelloAnswer,
  type MessageKind,
  type PollAnswer,
  type ProtocolRange,
  type Refusal,
  type ReportedStatus,
  type UploadAnswered,
  type WireAssignment,
  type WireConnector,
  type WitnessAnswer,
} from './protocol.ts'
import { Refusals } from './refusals.ts'
import type { Registry, RegisteredAgent, Standing } from './registry.ts'
import { RequestKeys } from './request-keys.ts'
import { Sealer, sealRequestKey } from './sealing.ts'
import { TokenBuckets } from './token-bucket.ts'
import { Turns } from './turns.ts'

/** An accepted agent that has said hello to this server since both were started. */
export interface ConnectedAgent {
  readonly id: string
  /** What associations call it. */
  readonly name: string
  readonly isOn: boolean
  readonly version: string
  /** Of the messages, as agreed. */
  readonly protocol: number
  readonly boot: string
  /** Digest of the declaration of each monitor that it has. */
  readonly monitors: Hello['monitors']
  readonly machine: Hello['machine']
}

export interface LinkServerOptions {
  readonly registry: Registry
  /** This server's own: what it says is server time. */
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  readonly term: () => number
  /** Why this server does not act now (it stands by, it is held), or undefined: then it gives out and takes nothing. */
  readonly notActive: () => string | undefined
  /** An accepted agent has seen a higher term than this server's. What follows from that is the failover's to decide. */
  readonly higherTerm: (agent: string, term: number) => void
  /**
   * An accepted agent that this server does not serve says, several times within the offline timeout, what it sees of the other: how long ago
   * that one last served it (undefined: never), and the highest term it has seen. Whether or not this server acts. Absent: nobody asks.
   */
  readonly witness?: (agent: string, said: WitnessSaid) => void
  /** How long agents may take at most to say that again, where it is needed more often than the offline timeout wants it. */
  readonly witnessMs?: () => number
  /** The UUID of this server, by which agents know it under whatever URL. */
  readonly uuid?: string
  /** Where the server is that acts, while this one does not, as far as it is known. */
  readonly activeServer?: () => string | undefined
  /** Where agents may reach this server and its pair, where it is one of a pair; none: agents go on with what they know. */
  readonly servers: () => readonly string[]
  /** How long a poll without news is held at most: well below the offline timeout, since polling is the sign of life. */
  readonly holdMs: () => number
  /** Asked once after each `changed` of the agent. With credentials in the clear; they leave this process sealed only. */
  readonly assignmentFor: (agent: ConnectedAgent) => Assignment | Promise<Assignment>
  /** Whether what an agent is to run is just being worked out: until `changed`, or its next poll, it is told of no other assignment. */
  readonly isSettling?: (agent: string) => boolean
  /** Whether an agent runs a task or once ran it. What it says of any other is left out, logged, and told in the answer. */
  readonly ownedTask: (agent: string, task: string) => boolean
  /** @param leftOut tasks of the batch that are not this agent's: nothing of them is to be stored */
  readonly upload: (agent: ConnectedAgent, batch: UploadBatch, leftOut: ReadonlySet<string>) => Promise<UploadAnswer>
  /** With every poll: the sign of life. `known`: the version of the assignment that it carries out. `at`: server time. */
  readonly polled: (agent: ConnectedAgent, said: PollSaid, at: number) => void
  readonly saidHello?: (agent: ConnectedAgent) => void
  /** Two machines use the same identity; for an alarm. */
  readonly foundDouble?: (agent: ConnectedAgent) => void
  readonly protocol?: ProtocolRange
}

/** What an agent saw of the other server. */
export interface WitnessSaid {
  readonly servedMsAgo: number | undefined
  readonly term: number
}

/** What an agent says of itself with a poll. */
export interface PollSaid {
  readonly status: ReportedStatus
  readonly known: string | undefined
}

/** One request as the HTTPS server received it, whole. */
export interface LinkRequest {
  readonly method: string
  /** As it came in, with or without what a proxy put before `/link/v1/`. No query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Packed, as sent. Whoever reads it from the socket stops at `packedLimit(path)`. */
  readonly body: Uint8Array
  /** Where it came from, as far as is known. */
  readonly address: string
  /** Aborted when the connection ends: a poll that nobody waits for is let go. */
  readonly signal: AbortSignal
}

export interface LinkResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface LinkServer {
  /** Never rejects. */
  handle(request: LinkRequest): Promise<LinkResponse>
  /** The assignments may be others now; of one agent, or of all. Wakes whoever waits for one. */
  changed(agent?: string): void
  /** Asks an agent for something. @throws FarwatchError `unreachable`, `overloaded`, `conflict` with what the agent said */
  command(
    agent: string,
    order: CommandOrder,
    options: { readonly timeoutMs: number; readonly onText?: (text: string) => void },
  ): Promise<unknown>
  connected(): readonly ConnectedAgent[]
  /**
   * What `notActive` says is another now. A server that acts no longer lets every poll go with that word, ends commands, and knows no
   * agent any more; whoever comes back to it says hello.
   */
  activityChanged(): void
  /** To be called every minute or so. */
  sweep(): void
  /** Lets every poll go and ends every command; what comes afterwards is refused. */
  stop(): void
}

/** How many bytes of a body may be read for a path at most; 0 for a path that is none of the link's. */
export function packedLimit(path: string): number {
  const message = messageOfPath(path)
  return message === undefined ? 0 : sizeLimits[message.kind].packed
}

/** What the agent's program acts upon, beside the words for people. */
class Refused extends FarwatchError {
  readonly reason: Refusal['reason']

  constructor(
    reason: Refusal['reason'],
    code: ErrorCode,
    message: string,
    about: { readonly hint?: string; readonly retryAfterMs?: number } = {},
  ) {
    super(code, message, about)
    this.reason = reason
  }
}

interface Session {
  agent: ConnectedAgent
  readonly commands: Commands
  /** What it would be given now. */
  assignment: Promise<Assignment> | undefined
  /** What it was given last, and may only have to be told the difference to. */
  sent: Assignment | undefined
  uploads: number
  /** How many polls it has begun: only the newest is held. */
  polls: number
}

// A quick agent sends a batch or two a second, a poll every few and a reply now and then; twice as many nonces fit as it may send.
const rate = { burst: 60, perSecond: 20, limit: 20_000 } as const
const mostNonces = 2 * (rate.burst + (rate.perSecond * 2 * windowMs) / 1_000)
const mostUploads = 2
/** A poll waits for its assignment to be made for at least so long, also past its hold: otherwise it would have to come again for it. */
const leastMakingMs = 2_000
const strangers = 'strangers'

export function makeLinkServer(options: LinkServerOptions): LinkServer {
  return new RunningLinkServer(options)
}

/**
 * What an exchange costs on the server, without HTTP and TLS (2 cores, loaded, CPU time on all threads): a poll without news 157 us with the
 * agent's own key, of which 134 go into the signature (on a quiet machine 75 to 97, and 5 to 9 with a request key); a whole assignment of 100
 * tasks on 100 connectors with credentials 2.2 ms; an upload of 10 results of 5 samples 305 us, of 500 of them 2.4 to 3.6 ms (16 kB as sent).
 */
class RunningLinkServer implements LinkServer {
  readonly #options: LinkServerOptions
  readonly #clock: Clock
  readonly #protocol: ProtocolRange
  readonly #sessions = new Map<string, Session>()
  readonly #presences = new Map<string, Presence>()
  /** Who waits in a poll, by agent: one that is not accepted yet has no session. */
  readonly #waiting = new Map<string, () => void>()
  readonly #replays = new ReplayGuard(mostNonces)
  readonly #rates = new TokenBuckets(rate)
  readonly #sealer = new Sealer()
  readonly #requestKeys = new RequestKeys()
  readonly #refusals: Refusals
  readonly #startedAt: number
  readonly #unlisten: () => void
  /** Assignments are made one by one, with a breath between: a change of the configuration wakes every agent at once. */
  readonly #making = new Turns()
  readonly #giving = new Turns()
  #stopped = false

  constructor(options: LinkServerOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#protocol = options.protocol ?? spoken
    this.#refusals = new Refusals(options.log, options.clock)
    this.#startedAt = options.clock.elapsed()
    this.#unlisten = options.registry.onChange((id) => this.#registrationChanged(id))
  }

  // --- From the rest of the program

  changed(agent?: string): void {
    for (const id of agent === undefined ? [...this.#sessions.keys()] : [agent]) {
      const session = this.#sessions.get(id)
      if (session === undefined) continue
      session.assignment = undefined
      this.#wake(id)
    }
  }

  command(
    agent: string,
    order: CommandOrder,
    { timeoutMs, onText = () => undefined }: { readonly timeoutMs: number; readonly onText?: (text: string) => void },
  ): Promise<unknown> {
    const session = this.#sessions.get(agent)
    if (session === undefined)
      return Promise.reject(new FarwatchError('unreachable', 'the agent has not spoken to this server yet'))
    const answer = session.commands.order(order, timeoutMs, onText)
    this.#wake(agent)
    return answer
  }

  connected(): readonly ConnectedAgent[] {
    return [...this.#sessions.values()].map(({ agent }) => agent)
  }

  activityChanged(): void {
    if (this.#options.notActive() === undefined) return
    for (const { commands } of this.#sessions.values())
      commands.end(new FarwatchError('unreachable', 'this server does not act any more'))
    this.#sessions.clear()
    this.#presences.clear()
    for (const wake of this.#waiting.values()) wake()
  }

  sweep(): void {
    this.#replays.sweep(this.#clock.elapsed())
    this.#refusals.sweep()
    this.#requestKeys.sweep((agent) => this.#options.registry.agent(agent) !== undefined)
  }

  stop(): void {
    this.#stopped = true
    this.#unlisten()
    for (const { commands } of this.#sessions.values())
      commands.end(new FarwatchError('shutting-down', 'the server is stopping'))
    for (const wake of this.#waiting.values()) wake()
  }

  #wake(id: string): void {
    this.#waiting.get(id)?.()
  }

  #registrationChanged(id: string): void {
    const entry = this.#options.registry.agent(id)
    const session = this.#sessions.get(id)
    if (session !== undefined) {
      if (entry?.registration === 'ACCEPTED') {
        session.agent = { ...session.agent, name: entry.name, isOn: entry.isOn }
        session.assignment = undefined
      } else {
        session.commands.end(new FarwatchError('unreachable', 'the agent is not accepted any more'))
        this.#sessions.delete(id)
      }
    }
    this.#wake(id)
  }

  // --- From agents

  async handle(request: LinkRequest): Promise<LinkResponse> {
    const receivedAt = this.#clock.now()
    const from = { who: request.address }
    try {
      const result = await this.#answer(request, receivedAt, from)
      return await this.#respond(request, 200, { receivedAt, result })
    } catch (thrown) {
      const known = thrown instanceof FarwatchError
      if (known) {
        if (!isEveryday(thrown)) this.#refusals.add(from.who, thrown.code, thrown.message)
      } else this.#options.log.error('agent request failed', { who: from.who, problem: messageOf(thrown) })
      const error = known ? thrown : new FarwatchError('internal', 'a defect on the server; its log has the details')
      const { status } = errorCatalogue[error.code]
      return this.#respond(request, status, { receivedAt, refused: refusalOf(error) })
    }
  }

  async #respond(
    request: LinkRequest,
    status: number,
    said: { readonly receivedAt: number; readonly result?: unknown; readonly refused?: Refusal },
  ): Promise<LinkResponse> {
    const { term, notActive, uuid, activeServer } = this.#options
    const acts = notActive() === undefined
    const active = acts ? undefined : activeServer?.()
    const envelope: Envelope = {
      term: term(),
      acts,
      ...(uuid === undefined ? {} : { server: uuid }),
      ...(active === undefined ? {} : { active }),
      answeredAt: this.#clock.now(),
      ...said,
    }
    const { bytes, encoding } = await pack(envelope, acceptedEncoding(request.headers['accept-encoding']))
    return {
      status,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
      },
      body: bytes,
    }
  }

  /** Cheap checks first: what an unknown sender can make us do is little until its signature is verified. */
  async #answer(request: LinkRequest, now: number, from: { who: string }): Promise<unknown> {
    const message = messageOfPath(request.path)
    if (message === undefined || request.method !== 'POST')
      throw new FarwatchError('not-found', 'agents and servers have no such message')
    if (this.#stopped) {
      // Where another one acts its agents are not to wait for what comes after this.
      this.#refuseInactive()
      throw new FarwatchError('shutting-down', 'the server is stopping')
    }
    if (request.body.length > sizeLimits[message.kind].packed)
      throw new FarwatchError('too-large', `the body is larger than ${sizeLimits[message.kind].packed} bytes`)
    const claimed = claimedRequest(request.headers[signatureHeader])
    const { claims } = claimed
    if (claims.path !== message.path)
      throw new FarwatchError('unauthenticated', 'the request is signed for another message')
    this.#refuseWrongTime(claims.at, now)
    const entry = this.#options.registry.agent(claims.agent)
    if (message.kind === 'hello' && entry?.fingerprint !== claimed.key) return this.#firstHello(request, claimed)
    if (entry === undefined || !this.#isProved(claimed, entry, message.kind))
      throw new Refused('hello', 'unauthenticated', 'this server does not know this agent with this key')
    from.who = entry.id
    this.#refuseFlood(entry.id)
    this.#refuseReplay(entry.id, claimed, request.body)
    if (message.kind === 'witness') return this.#witness(entry, request)
    if (entry.registration === 'ACCEPTED') this.#refuseOutdated(entry.id, claims.term)
    this.#refuseInactive()
    if (message.kind === 'hello') return this.#hello(request, claimed, entry)
    if (entry.registration !== 'ACCEPTED') return this.#stranger(message.kind, entry, request)
    const session = this.#listen(entry, claimed)
    switch (message.kind) {
      case 'poll':
        return this.#poll(session, request)
      case 'upload':
        return this.#upload(session, request)
      case 'reply':
        session.commands.reply(readReply(await bodyOf(request, 'reply')))
        return {}
      case 'rekey':
        return this.#rekey(entry, request)
    }
  }

  /**
   * @returns whether the agent's own key, or one that it agreed upon with this server, signed the request; false where it names one that this server does not know
   * @throws FarwatchError `unauthenticated` where it was not the key that it names
   */
  #isProved(claimed: ClaimedRequest, { id, fingerprint, key }: RegisteredAgent, kind: MessageKind): boolean {
    let isTheirs: boolean
    if (claimed.by === 'own') {
      if (claimed.key !== fingerprint) return false
      isTheirs = verified(claimed, key)
    } else {
      const boot = claimed.claims.boot
      const agreedOn = mayUseRequestKey(kind)
        ? this.#requestKeys.find(id, claimed.key, { boot, fingerprint })
        : undefined
      if (agreedOn === undefined) return false
      isTheirs = verifiedByRequestKey(claimed, agreedOn)
    }
    if (isTheirs) return true
    throw new FarwatchError('unauthenticated', 'the signature is not that of the key that was accepted', {
      hint: 'Somebody uses the UUID of this agent, or a proxy changes what it passes on.',
    })
  }

  /**
   * Also what was signed before this server started is refused: nonces of that time are forgotten. Ages, not moments, are compared, so that
   * a wall clock which was set back locks nobody out.
   */
  #refuseWrongTime(at: number, now: number): void {
    const age = now - at
    if (age <= Math.min(windowMs, this.#clock.elapsed() - this.#startedAt) && age >= -windowMs) return
    throw new Refused('clock', 'unauthenticated', `the request is signed for another time, ${Math.round(age)} ms ago`, {
      hint: 'The agent corrects its clock by this answer and tries again.',
    })
  }

  /** What an agent has seen of a newer server is reason enough not to deal with it; what else follows is not decided here. */
  #refuseOutdated(agent: string, term: number): void {
    if (term <= this.#options.term()) return
    this.#options.higherTerm(agent, term)
    throw new Refused('fenced', 'not-in-this-role', `another server has the term ${term}`)
  }

  #refuseInactive(): void {
    const why = this.#options.notActive()
    if (why !== undefined) throw new Refused('fenced', 'not-in-this-role', why)
  }

  #refuseFlood(agent: string): void {
    const retryAfterMs = this.#rates.take(agent, this.#clock.elapsed())
    if (retryAfterMs > 0)
      throw new Refused('later', 'too-many-requests', 'the agent sends too many requests', { retryAfterMs })
  }

  #refuseReplay(who: string, { claims }: ClaimedRequest, sent: Uint8Array): void {
    if (bodyHash(sent) !== claims.sha256)
      throw new FarwatchError('unauthenticated', 'the body is not the one that was signed', {
        hint: 'It was cut off, or a proxy changes what it passes on.',
      })
    const seen = this.#replays.take(who, claims.nonce, this.#clock.elapsed())
    if (seen === 'replayed') throw new FarwatchError('unauthenticated', 'the request was sent a second time')
    if (seen === 'full')
      throw new Refused('later', 'too-many-requests', 'too many requests within two minutes', { retryAfterMs: 10_000 })
  }

  // --- hello

  /** Of an agent that is not known with this key: it is verified with the key that it brings. */
  async #firstHello(request: LinkRequest, claimed: ClaimedRequest): Promise<HelloAnswer> {
    const retryAfterMs = this.#rates.take(`${strangers} ${request.address}`, this.#clock.elapsed())
    if (retryAfterMs > 0)
      throw new Refused('later', 'too-many-requests', 'too many unknown agents say hello', { retryAfterMs })
    this.#refuseInactive()
    const hello = readHello(await bodyOf(request, 'hello'))
    const { key, fingerprint } = readPublicKey(hello.publicKey, 'ed25519')
    if (fingerprint !== claimed.key || hello.uuid !== claimed.claims.agent || !verified(claimed, key))
      throw new FarwatchError('unauthenticated', 'the hello is not signed with the key that it brings')
    this.#refuseReplay(strangers, claimed, request.body)
    return this.#greet(hello, claimed, request.address)
  }

  async #hello(request: LinkRequest, claimed: ClaimedRequest, entry: RegisteredAgent): Promise<HelloAnswer> {
    const hello = readHello(await bodyOf(request, 'hello'))
    const { fingerprint } = readPublicKey(hello.publicKey, 'ed25519')
    if (hello.uuid !== entry.id || fingerprint !== entry.fingerprint || hello.boot !== claimed.claims.boot)
      throw new FarwatchError('bad-request', 'the hello names another agent, key or start than it is signed for')
    // Before anything it says is taken: what a copy says of itself must not replace what the one that was there first said.
    this.#hear(entry, claimed, true)
    return this.#greet(hello, claimed, request.address)
  }

  async #greet(hello: Hello, claimed: ClaimedRequest, address: string): Promise<HelloAnswer> {
    const { registry, version: serverVersion } = this.#options
    const protocol = agreed(this.#protocol, hello.protocol)
    if (protocol === undefined) throw tooFarApart(this.#protocol, hello, serverVersion)
    const { uuid, name, publicKey, sealingKey, version, enrolmentToken, boot, monitors, machine } = hello
    const standing = await registry.announce({
      uuid,
      name,
      publicKey,
      fingerprint: claimed.key,
      sealingKey,
      version,
      enrolmentToken,
      address,
    })
    const entry = registry.agent(uuid)
    const isAccepted = standing.state === 'ACCEPTED' && entry?.fingerprint === claimed.key
    if (isAccepted) {
      this.#hear(entry, claimed, true)
      this.#begin({ id: uuid, name: entry.name, isOn: entry.isOn, version, protocol, boot, monitors, machine })
    }
    return {
      ...standing,
      fingerprint: claimed.key,
      protocol,
      server: { version: serverVersion },
      encodings: [...encodings],
      ...(isAccepted ? { requestKey: await this.#agreeUpon(entry, boot) } : {}),
    }
  }

  #agreeUpon({ id, fingerprint, sealTo }: RegisteredAgent, boot: string): Promise<string> {
    return sealRequestKey(this.#requestKeys.of(id, { boot, fingerprint }), id, sealTo)
  }

  #begin(agent: ConnectedAgent): void {
    const before = this.#sessions.get(agent.id)
    const isSameStart = before?.agent.boot === agent.boot
    if (!isSameStart) before?.commands.end(new FarwatchError('unreachable', 'the agent was started anew'))
    this.#sessions.set(agent.id, {
      agent,
      commands: isSameStart && before !== undefined ? before.commands : new Commands(this.#clock),
      assignment: undefined,
      sent: undefined,
      uploads: 0,
      polls: 0,
    })
    // Where the start before this one still lives, it is to speak at once, so that two machines are found out soon.
    this.#wake(agent.id)
    this.#options.saidHello?.(agent)
  }

  // --- Which machine it is

  /** @throws Refused where another start of the same agent has the word */
  #hear({ id, name }: RegisteredAgent, { claims }: ClaimedRequest, isHello: boolean): void {
    const { presence, verdict } = hear(this.#presences.get(id), {
      boot: claims.boot,
      isHello,
      issuedAt: claims.at,
      at: this.#clock.elapsed(),
      now: this.#clock.now(),
    })
    if (presence !== undefined) this.#presences.set(id, presence)
    switch (verdict) {
      case 'go on':
      case 'new start':
        return
      case 'wait':
        throw new Refused('later', 'conflict', 'a newer start of this agent has spoken', {
          retryAfterMs: overtakenMs,
        })
      case 'is a double':
        throw new Refused('twice', 'conflict', `another machine speaks with the identity ${id} of this agent`, {
          hint: 'Its data directory was copied. Stop one of the two, or start this one with a data directory of its own: it is then an agent of its own.',
        })
      case 'found a double': {
        const session = this.#sessions.get(id)
        this.#sessions.delete(id)
        this.#options.log.error('agent identity used by two machines', { agent: id, name })
        if (session !== undefined) this.#options.foundDouble?.(session.agent)
        this.#wake(id)
        throw sayHello()
      }
      case 'say hello':
        throw sayHello()
    }
  }

  #listen(entry: RegisteredAgent, claimed: ClaimedRequest): Session {
    this.#hear(entry, claimed, false)
    const session = this.#sessions.get(entry.id)
    if (session === undefined || session.agent.boot !== claimed.claims.boot) throw sayHello()
    if (claimed.claims.protocol !== session.agent.protocol) throw sayHello()
    return session
  }

  // --- poll

  async #poll(session: Session, request: LinkRequest): Promise<PollAnswer> {
    const poll = readPoll(await bodyOf(request, 'poll'))
    const { id } = session.agent
    session.commands.received(poll.received)
    this.#options.polled(session.agent, { status: poll.status, known: poll.known }, this.#clock.now())
    const until = this.#clock.elapsed() + Math.min(poll.waitMs, this.#options.holdMs())
    const turn = ++session.polls
    this.#wake(id)
    const isCurrent = () => this.#sessions.get(id) === session && session.polls === turn && !this.#stopped
    for (;;) {
      // It may have stopped acting while this waited.
      this.#refuseInactive()
      if (!isCurrent()) return this.#nothing({ state: 'ACCEPTED', message: '' })
      const wasSettling = this.#options.isSettling?.(id) === true
      const making = this.#assignmentOf(session)
      const assignment = await this.#within(making, Math.max(leastMakingMs, until - this.#clock.elapsed()))
      if (!isCurrent()) continue
      // Those of a thousand agents may take a while to be made; one that is not let go in time would be missed for it.
      if (assignment === undefined)
        return { ...this.#nothing({ state: 'ACCEPTED', message: '' }), commands: [...session.commands.pending()] }
      const leftMs = until - this.#clock.elapsed()
      // One that changed again while it was made is given out as well, and the next poll gets what came of it: where assignments of many
      // agents change all the time, whoever waited for a final one would be told nothing, and never get its commands.
      // But what was begun while it settled is of before: given out, it would have the agent drop all it has for the moment until the next poll.
      const isOfBefore = wasSettling && session.assignment !== making
      if (assignment.version !== poll.known && !isOfBefore && this.#options.isSettling?.(id) !== true) {
        // Those of all agents are ready at the same moment, when what is kept of them is on the disk: telling them apart and writing them out
        // took the thread for half a second with twenty of 5,000 tasks.
        await this.#giving.take()
        this.#refuseInactive()
        if (!isCurrent()) continue
        const wire = await this.#wire(session, assignment, poll.known)
        return {
          ...this.#nothing({ state: 'ACCEPTED', message: '' }),
          assignment: wire,
          commands: [...session.commands.pending()],
        }
      }
      // Nobody has woken this poll for the change, since it did not wait.
      if (session.assignment !== making && leftMs > 0 && !session.commands.hasNew) continue
      if (session.commands.hasNew || leftMs <= 0 || request.signal.aborted)
        return { ...this.#nothing({ state: 'ACCEPTED', message: '' }), commands: [...session.commands.pending()] }
      await this.#wait(id, leftMs, request.signal)
    }
  }

  #nothing({ state, message }: Standing): PollAnswer {
    return { state, message, commands: [], servers: [...this.#options.servers()] }
  }

  /** What a promise gives, or undefined where that takes longer. */
  async #within<T>(promised: Promise<T>, ms: number): Promise<T | undefined> {
    let cancel: CancelTimer = () => undefined
    const late = new Promise<undefined>((resolve) => (cancel = this.#clock.after(ms, () => resolve(undefined))))
    try {
      return await Promise.race([promised, late])
    } finally {
      cancel()
    }
  }

  /** Until `wake`, or a newer poll of the same agent: an agent holds one. */
  #wait(id: string, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake(id)
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        if (this.#waiting.get(id) === end) this.#waiting.delete(id)
        resolve()
      }
      const cancel = this.#clock.after(ms, end)
      signal.addEventListener('abort', end, { once: true })
      this.#waiting.set(id, end)
    })
  }

  #assignmentOf(session: Session): Promise<Assignment> {
    if (session.assignment !== undefined) return session.assignment
    // What is kept of it before it may be given out is waited for outside of the turn: it goes to the disk together with that of others.
    const making = this.#making.take().then(() => this.#options.assignmentFor(session.agent))
    making.catch(() => {
      if (session.assignment === making) session.assignment = undefined
    })
    session.assignment = making
    return making
  }

  async #wire(session: Session, assignment: Assignment, known: string | undefined): Promise<WireAssignment> {
    const { id } = session.agent
    const base = session.sent?.version === known ? session.sent : undefined
    const difference = base === undefined ? undefined : differenceOf(base, assignment)
    session.sent = assignment
    const credentials: Record<string, string> = {}
    const entry = this.#options.registry.agent(id)
    if (entry === undefined) throw sayHello()
    const seal = async ({ credential, ...connector }: AssignedConnector): Promise<WireConnector> => {
      if (credential === undefined) return connector
      const to = { agent: id, group: connector.group }
      const name = this.#sealer.nameOf(credential, to, entry.sealingKey)
      credentials[name] = await this.#sealer.seal(name, credential, to, entry.sealTo)
      return { ...connector, credential: name }
    }
    return {
      ...(difference === undefined || base === undefined ? {} : { base: base.version }),
      version: assignment.version,
      settings: assignment.settings,
      connectors: await Promise.all((difference ?? assignment).connectors.map(seal)),
      tasks: [...(difference ?? assignment).tasks],
      credentials,
      droppedConnectors: [...(difference?.droppedConnectors ?? [])],
      droppedTasks: [...(difference?.droppedTasks ?? [])],
    }
  }

  /** Who is not accepted gets nothing but its own state, as soon as that is another. */
  async #stranger(kind: MessageKind, entry: RegisteredAgent, request: LinkRequest): Promise<PollAnswer> {
    const { registry, holdMs } = this.#options
    const standing = registry.standing(entry.id, entry.fingerprint)
    if (kind !== 'poll') throw new FarwatchError('forbidden', standing.message)
    const poll = readPoll(await bodyOf(request, 'poll'))
    if (standing.state !== 'PENDING') return this.#nothing(standing)
    await this.#wait(entry.id, Math.min(poll.waitMs, holdMs()), request.signal)
    this.#refuseInactive()
    return this.#nothing(registry.standing(entry.id, entry.fingerprint))
  }

  // --- witness

  /** Asks for no hello, so that a server that just begins to stand by, or has just lost its peer, hears of it at once. */
  async #witness({ id, registration }: RegisteredAgent, request: LinkRequest): Promise<WitnessAnswer> {
    if (registration !== 'ACCEPTED') throw new FarwatchError('forbidden', 'the agent is not accepted')
    const { servedMsAgo, term } = readWitness(await bodyOf(request, 'witness'))
    const { witness, witnessMs } = this.#options
    witness?.(id, { servedMsAgo, term })
    return witnessMs === undefined ? {} : { withinMs: witnessMs() }
  }

  // --- upload and rekey

  async #upload(session: Session, request: LinkRequest): Promise<UploadAnswered> {
    const { agent } = session
    if (session.uploads >= mostUploads)
      throw new Refused('later', 'overloaded', `${mostUploads} uploads of this agent are under way already`, {
        retryAfterMs: 1_000,
      })
    this.#refuseUntilAlone(agent.id)
    session.uploads++
    try {
      const batch = readUpload(await bodyOf(request, 'upload'))
      if (batch.agent !== agent.id) throw new FarwatchError('forbidden', 'an agent may only upload results of its own')
      const tasks = new Set(batch.entries.map(({ task }) => task))
      const foreign = new Set([...tasks].filter((task) => !this.#options.ownedTask(agent.id, task)))
      const answer = await this.#options.upload(agent, batch, foreign)
      // What it stored is then not for it to acknowledge: the agent sends it to the one that acts, where it counts once.
      this.#refuseInactive()
      if (foreign.size === 0) return answer
      // An honest agent that worked for another server before has such results as well, and is not to be stuck with them.
      const [first = ''] = foreign
      const refused = `results of ${foreign.size} tasks that were never given to this agent, such as ${first.slice(0, 100)}, were not stored`
      this.#refusals.add(agent.id, 'forbidden', refused)
      return { ...answer, refused }
    } finally {
      session.uploads--
    }
  }

  #refuseUntilAlone(id: string): void {
    const presence = this.#presences.get(id)
    if (presence?.former === undefined) return
    const leftMs = presence.since + aloneAfterMs - this.#clock.now()
    // A clock that was set back is no reason to wait for longer.
    if (leftMs <= 0 || leftMs > aloneAfterMs) return
    throw new Refused('later', 'conflict', 'the start of this agent before this one may still speak', {
      retryAfterMs: leftMs,
    })
  }

  async #rekey(entry: RegisteredAgent, request: LinkRequest): Promise<{ readonly fingerprint: string }> {
    const { publicKey, sealingKey, proof } = readRekey(await bodyOf(request, 'rekey'))
    const next = readPublicKey(publicKey, 'ed25519')
    readPublicKey(sealingKey, 'x25519')
    if (!(await verifiedProof(proof, next.key, { agent: entry.id, from: entry.fingerprint, to: next.fingerprint })))
      throw new FarwatchError('unauthenticated', 'the new key does not prove that the agent has it')
    await this.#options.registry.changeKey(entry.id, entry.fingerprint, { publicKey, sealingKey })
    return { fingerprint: next.fingerprint }
  }
}

function bodyOf(request: LinkRequest, kind: MessageKind): Promise<unknown> {
  const encoding = request.headers['content-encoding']
  return unpack(request.body, encoding === undefined ? undefined : String(encoding), sizeLimits[kind].plain)
}

function sayHello(): Refused {
  return new Refused('hello', 'conflict', 'this server does not know this start of the agent yet')
}

function tooFarApart(own: ProtocolRange, { protocol, version }: Hello, ownVersion: string): FarwatchError {
  const isOld = protocol.max < own.min
  return new FarwatchError(
    'not-supported',
    `the agent (${version.slice(0, 40)}) speaks the protocol ${protocol.min} to ${protocol.max}, the server (${ownVersion}) ${own.min} to ${own.max}`,
    { hint: isOld ? 'Update the agent.' : 'Update the server first, then its agents.' },
  )
}

/** What mends itself, and happens to every agent when a server is started or taken over from. */
function isEveryday(error: FarwatchError): boolean {
  return error instanceof Refused && ['clock', 'hello', 'fenced'].includes(error.reason)
}

const retryable: readonly ErrorCode[] = [
  'internal',
  'overloaded',
  'shutting-down',
  'storage-unwritable',
  'too-many-requests',
]

function refusalOf(error: FarwatchError): Refusal {
  const { code, message, hint, retryAfterMs = 0 } = error
  const reason = error instanceof Refused ? error.reason : retryable.includes(code) ? 'later' : 'refused'
  return { reason, code, message: message.slice(0, 4_000), hint: hint.slice(0, 4_000), retryAfterMs }
}
