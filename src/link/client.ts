import type { KeyObject } from 'node:crypto'
import {
  FarwatchError,
  errorCatalogue,
  messageOf,
  systemCodeOf,
  type Clock,
  type ErrorCode,
  type Random,
} from '../base/index.ts'
import type { AssignedConnector, Assignment, ServerLink, UploadAnswer, UploadBatch } from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import {
  Connections,
  type Encoding,
  encodings,
  type Got,
  pack,
  type RequestKey,
  signatureHeader,
  type Signer,
  signRequest,
  StaleConnection,
  type Trust,
  unpack,
} from '../platform/wire/index.ts'
import { signProof } from './new-key.ts'
import type { ExchangeTimes, ServerClock } from './clock-offset.ts'
import { withDifference } from './difference.ts'
import {
  answerLimit,
  linkPath,
  longestWaitMs,
  mayUseRequestKey,
  readCommand,
  readEnvelope,
  readHelloAnswer,
  readPollAnswer,
  readUploadAnswer,
  readWitnessAnswer,
  spoken,
  type Command,
  type Envelope,
  type Hello,
  type HelloAnswer,
  type MessageKind,
  type PollAnswer,
  type ProtocolRange,
  type Refusal,
  type ReportedStatus,
  type Reply,
  type WireAssignment,
  type Witness,
} from './protocol.ts'
import { KnownServers, bareUrl, type KnownServer } from './known-servers.ts'
import { idlePauseMs, reconnectPauseMs } from './reconnect.ts'
import { openCredential, openRequestKey } from './sealing.ts'
import { Witnessing } from './witnessing.ts'

/** An instance's keys, as its link needs them. */
export interface LinkKeys {
  readonly signer: Signer
  /** SPKI as PEM. */
  readonly publicKey: string
  readonly sealing: { readonly publicKey: string; readonly privateKey: KeyObject }
}

/** The highest term that this agent has seen: what bears a lower one is not believed. */
export interface TermMemory {
  read(): number
  /** Resolves when it is durable: only then is the answer that bore it used. */
  raise(term: number): Promise<void>
}

/** Where the servers are, as one of them said. */
export interface ToldServers {
  read(): readonly string[]
  /** Takes the place of what was noted before. */
  note(urls: readonly string[]): void
}

export interface LinkClientOptions {
  /** `https://name:port`, perhaps with the path under which a proxy has it. Tried in order until one is active. */
  readonly servers: () => readonly string[]
  /** What a server said of where it and its pair are: remembered over the agent's end, so that it finds the one when the other is gone. */
  readonly told: ToldServers
  /** URL of an HTTP(S) proxy; undefined or empty for none. */
  readonly proxy: () => string | undefined
  readonly trust: Trust
  readonly keys: LinkKeys
  readonly term: TermMemory
  /** What this link measures and the agent lives by. */
  readonly serverClock: ServerClock
  /** The machine's own, for pauses. */
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** A UUID made at this start. */
  readonly boot: string
  readonly describe: () => Pick<Hello, 'name' | 'version' | 'monitors' | 'machine'>
  readonly enrolmentToken?: string
  readonly status: () => Omit<ReportedStatus, 'clock'>
  /** Does what the server asks. What it returns is the result; what it throws is told to the server. */
  readonly command: (
    command: Command,
    sendText: (text: string) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<unknown>
  readonly onState?: (state: LinkState) => void
  readonly protocol?: ProtocolRange
}

/**
 * How it stands between this agent and its server, for the local page and the log.
 *
 *   connecting   no server has answered yet, or the last attempt failed: `message` says why
 *   pending      waits to be accepted; `rejected`, `revoked`: gets nothing until an administrator changes that
 *   connected    accepted
 */
export interface LinkState {
  readonly is: 'connecting' | 'pending' | 'rejected' | 'revoked' | 'connected'
  readonly server: string | undefined
  /** For people; with what to do. Empty while connected. */
  readonly message: string
  readonly fingerprint: string
  /** Server time of the last answer, or undefined. */
  readonly answeredAt: number | undefined
  readonly serverVersion: string | undefined
  readonly protocol: number | undefined
}

/** One of an agent's servers, for the local page. */
export interface ServerSeen {
  readonly url: string
  /** How long ago it last answered anything, in milliseconds; undefined: not since this start. */
  readonly answeredMsAgo: number | undefined
  /** Whether it said that it acts; undefined: it has said nothing. */
  readonly acts: boolean | undefined
  readonly term: number | undefined
  /** Whether it is the one that this agent works for now. */
  readonly serves: boolean
  /** Why it did not answer, or not as it should. For people; empty where nothing is wrong. */
  readonly message: string
}

/** What a server refused, and how a program goes on from there. */
class RefusedByServer extends FarwatchError {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    // Codes of a newer server that this one does not know.
    const code = (Object.hasOwn(errorCatalogue, refusal.code) ? refusal.code : 'internal') as ErrorCode
    const { message, hint, retryAfterMs } = refusal
    super(code, `the server refused: ${message}`, retryAfterMs > 0 ? { hint, retryAfterMs } : { hint })
    this.refusal = refusal
  }
}

/** Whom a message goes to, and how it is packed. */
interface Addressee {
  readonly server: string
  readonly protocol: number
  readonly encoding: Encoding
  /** Signs what goes there; absent: this instance's own key. */
  readonly requestKey?: RequestKey
}

interface Greeted extends Addressee {
  /** What the server made of the hello. */
  readonly standing: Pick<HelloAnswer, 'state' | 'message'>
}

const answerGraceMs = 15_000
const uploadSilentMs = 60_000
const mostSeenCommands = 1_000
const replyAttempts = 5
/** How often each server hears what this agent sees, before a lease says how often. */
const unleasedMs = 5_000
/** The same while no server serves it: whether another one may act hangs on it, and who does is found so. */
const unservedMs = 1_700
/** Nobody has to be told more often. */
const leastSayingMs = 1_000
/** A server that serves answers a poll within the time that the poll names, and what it takes on its way. */
const onTheWayMs = 1_000
const witnessSilentMs = 5_000
/** A server that stands by is updated without saying hello to anybody. */
const deafMs = 600_000

/**
 * An agent's way to its servers over HTTPS. It says hello when it has to, signs what it sends, measures the server's time with every exchange,
 * waits with growing, random pauses while no server answers, and goes on to the next URL.
 *
 * Of a pair one server acts. This goes from one that does not to the next at once; it tells each that does not serve it what it sees of the others
 * (`Witnessing`); and where one of them answers that it acts, with a term above all before, it leaves whatever it waits for and goes there.
 */
export class LinkClient implements ServerLink {
  readonly #options: LinkClientOptions
  readonly #connections: Connections
  /** Apart from what work takes, which may hang in all of them; an agent of one server never needs them. */
  #witnessConnections: Connections | undefined
  readonly #witnessing: Witnessing
  readonly #protocol: ProtocolRange
  readonly #startedAt: number
  readonly #abort = new AbortController()
  #keys: LinkKeys
  #greeted: Greeted | undefined
  #greeting: { readonly server: string; readonly done: Promise<Greeted> } | undefined
  readonly #servers = new KnownServers()
  /** URL of the one that is asked now. */
  #current: string | undefined
  /** The one that answered what it was asked last, until it fails. */
  #serving: KnownServer | undefined
  /** Aborted when this goes to another server: what is under way with the one before is given up. */
  #line = new AbortController()
  /** Where a server that does not act says that the one is that does. */
  #hinted: string | undefined
  readonly #pauses = new Set<() => void>()
  readonly #onReached = new Set<() => void>()
  /** The same for one kind of message, which a server was too busy for. */
  readonly #putOffUntil = new Map<MessageKind, number>()
  #held: Assignment | undefined
  #received: string[] = []
  readonly #seen = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  #state: LinkState

  constructor(options: LinkClientOptions) {
    this.#options = options
    this.#keys = options.keys
    this.#protocol = options.protocol ?? spoken
    const { clock, random, trust, proxy } = options
    this.#connections = new Connections({ clock, trust, proxy })
    this.#startedAt = clock.elapsed()
    this.#witnessing = new Witnessing({
      clock,
      random,
      targets: () => this.#witnessTargets(),
      paceMs: () => (this.#isUnserved() ? this.#unservedPaceMs() : (this.#sayingMs() ?? unleasedMs)),
      call: (url, signal) => this.#callWitness(url, signal),
    })
    this.#state = {
      is: 'connecting',
      server: undefined,
      message: '',
      fingerprint: options.keys.signer.fingerprint,
      answeredAt: undefined,
      serverVersion: undefined,
      protocol: undefined,
    }
  }

  state(): LinkState {
    return this.#state
  }

  /** Each server that this agent knows of, those of its settings first. */
  servers(): readonly ServerSeen[] {
    this.#followServers()
    const at = this.#options.clock.elapsed()
    return this.#servers.all.map((server) => ({
      url: server.url,
      answeredMsAgo: server.answeredAt === undefined ? undefined : at - server.answeredAt,
      acts: server.acts,
      term: server.term,
      serves: server === this.#serving,
      message: server.message,
    }))
  }

  /** Trust, proxy or server URLs are others now: connect anew, at once. */
  renew(): void {
    this.#connections.renew()
    this.#witnessConnections?.renew()
    this.#greeted = undefined
    this.#current = undefined
    this.#serving = undefined
    this.#hinted = undefined
    this.#servers.forgetFailures()
    this.#endPauses()
  }

  /** Ends what is under way. May be called again. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await Promise.all([...this.#running, this.#witnessing.stop()])
    this.#connections.close()
    this.#witnessConnections?.close()
  }

  // --- ServerLink

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    const held = this.#held
    const isHeld = held !== undefined && held.version === known
    const received = this.#received
    // A server holds a poll for a third of the lease at most; a line that was cut is found out by so much sooner.
    const waitMs = Math.min(longestWaitMs, this.#sayingMs() ?? longestWaitMs)
    const { result, server } = await this.#ask(
      'poll',
      () => ({
        // What is not held here, a difference could not be added to.
        ...(isHeld ? { known } : {}),
        waitMs,
        received,
        // Servers of before the first pair want to be told of draining, which an agent knows nothing of.
        status: { ...this.#options.status(), clock: this.#clockStatus(), draining: false },
      }),
      waitMs + answerGraceMs,
      signal,
    )
    const answer = readPollAnswer(result)
    this.#received = this.#received.filter((id) => !received.includes(id))
    if (answer.servers.length > 0) this.#options.told.note(answer.servers.map(bareUrl))
    if (answer.state !== 'ACCEPTED') return this.#notAccepted(answer, known)
    this.#served(server)
    this.#becomeAccepted()
    for (const command of answer.commands) this.#obey(command)
    if (answer.assignment === undefined) return undefined
    try {
      return (this.#held = await this.#opened(answer.assignment, held))
    } catch (thrown) {
      // Otherwise the server would go on sending differences to what we do not have.
      this.#held = undefined
      throw thrown
    }
  }

  async upload(batch: UploadBatch, signal: AbortSignal): Promise<UploadAnswer> {
    const { result, server } = await this.#ask('upload', () => batch, uploadSilentMs, signal)
    const { refused, ...answer } = readUploadAnswer(result)
    this.#served(server)
    if (refused !== undefined) this.#options.log.warn('results refused', { why: refused })
    return answer
  }

  onReached(listener: () => void): () => void {
    this.#onReached.add(listener)
    return () => this.#onReached.delete(listener)
  }

  /**
   * Signs with other keys from now on, which the server is told under the signature of the old ones. The new ones must be on the disk already:
   * where this rejects it is not known whether the server has them, and a hello with either tells.
   */
  async changeKeys(next: LinkKeys, signal: AbortSignal): Promise<void> {
    const from = this.#keys.signer.fingerprint
    const proof = await signProof(next.signer, from)
    const said = { publicKey: next.publicKey, sealingKey: next.sealing.publicKey, proof }
    await this.#ask('rekey', () => said, answerGraceMs, signal)
    this.useKeys(next)
    this.#options.log.info('agent key changed', { from, to: next.signer.fingerprint })
  }

  /** Signs with other keys from now on, of which the server knows already: an exchange was cut off after it had taken them. */
  useKeys(keys: LinkKeys): void {
    this.#keys = keys
    this.#greeted = undefined
    this.#held = undefined
    this.#setState({ fingerprint: keys.signer.fingerprint })
  }

  // --- One exchange

  /**
   * Sends one message, with the hello that must come first and what can be mended at once: a wrong clock, a server that forgot us, a
   * connection that was closed while it was idle. Each is mended once. Where a server is not there, or does not act, each other that may be
   * asked by now is asked before this rejects.
   */
  async #ask(
    kind: MessageKind,
    body: () => unknown,
    silentMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly result: unknown; readonly server: string }> {
    const { clock } = this.#options
    const either = AbortSignal.any([signal, this.#abort.signal])
    this.#witnessing.begin()
    await this.#pause((this.#putOffUntil.get(kind) ?? 0) - clock.elapsed(), either)
    const mended = new Set<string>()
    const asked = new Set<string>()
    for (;;) {
      const known = this.#server()
      const server = known.url
      await this.#pause(known.notBefore - clock.elapsed(), either)
      if (this.#server() !== known) continue
      const line = this.#line.signal
      const began = clock.elapsed()
      let greeted: Greeted | undefined
      try {
        greeted = await this.#greet(server, either)
        const { state, message } = greeted.standing
        if (state === 'REVOKED' || state === 'UNKNOWN') {
          // The server has no entry to answer anything else by, so every question begins with a hello.
          this.#greeted = undefined
          this.#succeeded(known)
          if (kind === 'poll')
            return { result: { state, message, commands: [], servers: [] } satisfies PollAnswer, server }
          throw new FarwatchError('forbidden', message)
        }
        const result = await this.#exchange(greeted, kind, body(), silentMs, AbortSignal.any([either, line]))
        this.#succeeded(known)
        return { result, server }
      } catch (thrown) {
        if (either.aborted) throw thrown
        // Another server acts meanwhile.
        if (line.aborted) continue
        const how = mendable(thrown) ?? (isForRequestKey(thrown, greeted) ? 'hello' : undefined)
        if (how !== undefined && !mended.has(`${how} ${server}`)) {
          mended.add(`${how} ${server}`)
          // Somebody else who asked may have said hello again already.
          if (how === 'hello' && this.#greeted === greeted) this.#greeted = undefined
          continue
        }
        asked.add(server)
        this.#failed(known, kind, thrown, began)
        const next = this.#server()
        if (asked.has(next.url) || next.notBefore > clock.elapsed()) throw thrown
      }
    }
  }

  #succeeded(server: KnownServer): void {
    server.failures = 0
    server.notBefore = 0
    server.message = ''
    if (this.#serving === server || this.#current !== server.url) return
    const isBack = this.#serving === undefined
    this.#serving = server
    if (isBack) this.#tellReached()
  }

  /** It dealt with this agent as the one that acts. */
  #served(url: string): void {
    const server = this.#servers.of(url)
    if (server !== undefined) server.servedAt = this.#options.clock.elapsed()
  }

  /** The pause that follows is for everybody who asks: one agent is one client. */
  #failed(server: KnownServer, kind: MessageKind, thrown: unknown, began: number): void {
    const { clock, random } = this.#options
    const refused = thrown instanceof RefusedByServer ? thrown.refusal.reason : 'unreachable'
    // One that says that it does not act has nothing for anybody, whatever it refuses this message for.
    const reason = refused !== 'unreachable' && server.acts === false ? 'fenced' : refused
    const message = fullMessage(thrown)
    if (this.#greeted?.server === server.url) {
      // What concerns one message only says nothing about the server; the others go on.
      if (reason === 'refused') return
      if (reason === 'later') return this.#putOff(kind, thrown)
    }
    // What was under way together fails together, and is one failure.
    const at = clock.elapsed()
    if (began < server.failedAt) return
    server.failedAt = at
    server.message = message
    server.failures++
    server.refuses = reason !== 'unreachable' && reason !== 'fenced'
    const namedMs = thrown instanceof FarwatchError ? (thrown.retryAfterMs ?? 0) : 0
    const isRefused = thrown instanceof FarwatchError && systemCodeOf(thrown.cause) === 'ECONNREFUSED'
    const pauseMs =
      reason === 'fenced' ? idlePauseMs(server.failures, random) : reconnectPauseMs(server.failures, random, isRefused)
    server.notBefore = at + Math.max(pauseMs, namedMs)
    if (this.#greeted?.server === server.url) this.#greeted = undefined
    if (this.#serving === server) this.#serving = undefined
    // It may have named one that is not known yet.
    this.#followServers()
    // One that stands by, or is not there, leaves the word to the next.
    if (this.#current === server.url && !server.refuses) this.#current = this.#servers.next(server.url, at)?.url
    this.#setState({ is: 'connecting', server: server.url, message })
    this.#witnessing.hurry()
  }

  /** A busy server names how long; one that only stops or fails is not asked at once by everybody either. */
  #putOff(kind: MessageKind, thrown: unknown): void {
    const { clock, random } = this.#options
    const namedMs = thrown instanceof FarwatchError ? (thrown.retryAfterMs ?? 0) : 0
    const pauseMs = namedMs > 0 ? namedMs * (1 + random()) : reconnectPauseMs(1, random)
    this.#putOffUntil.set(kind, clock.elapsed() + pauseMs)
  }

  #server(): KnownServer {
    this.#followServers()
    const present = this.#current === undefined ? undefined : this.#servers.of(this.#current)
    const server = present ?? this.#servers.next(undefined, this.#options.clock.elapsed())
    if (server === undefined)
      throw new FarwatchError('invalid-setting', 'this agent has no server to work for', {
        hint: 'Give it one with --server, FARWATCH_SERVER, or in its settings.',
      })
    this.#current = server.url
    return server
  }

  #followServers(): void {
    const { servers, told } = this.#options
    this.#servers.follow([...servers(), ...told.read(), ...(this.#hinted === undefined ? [] : [this.#hinted])])
  }

  /** One hello for everybody who waits for it. */
  #greet(server: string, signal: AbortSignal): Promise<Greeted> {
    if (this.#greeted?.server === server) return Promise.resolve(this.#greeted)
    if (this.#greeting?.server !== server) {
      // Not with the caller's signal: others wait for it as well. It is bounded by itself.
      const done = this.#sayHello(server).finally(() => {
        if (this.#greeting?.done === done) this.#greeting = undefined
      })
      this.#greeting = { server, done }
    }
    return untilAborted(this.#greeting.done, signal)
  }

  async #sayHello(server: string): Promise<Greeted> {
    const first: Greeted = {
      server,
      protocol: this.#protocol.max,
      encoding: 'gzip',
      standing: { state: 'UNKNOWN', message: '' },
    }
    const { enrolmentToken, boot } = this.#options
    const keys = this.#keys
    const hello: Hello = {
      ...this.#options.describe(),
      protocol: this.#protocol,
      uuid: keys.signer.uuid,
      publicKey: keys.publicKey,
      sealingKey: keys.sealing.publicKey,
      boot,
      ...(enrolmentToken === undefined || enrolmentToken === '' ? {} : { enrolmentToken }),
    }
    const signal = AbortSignal.any([this.#abort.signal, this.#line.signal])
    const send = () => this.#exchange(first, 'hello', hello, answerGraceMs, signal)
    let given: unknown
    try {
      given = await send()
    } catch (thrown) {
      const how = mendable(thrown)
      if (how === undefined || how === 'hello') throw thrown
      given = await send()
    }
    const answer = readHelloAnswer(given)
    if (answer.protocol > this.#protocol.max || answer.protocol < this.#protocol.min)
      throw new FarwatchError('not-supported', `the server chose version ${answer.protocol} of the protocol`, {
        hint: 'Update the older of the two.',
      })
    const encoding = encodings.find((each) => answer.encodings.includes(each)) ?? 'gzip'
    const { protocol } = answer
    const requestKey =
      answer.requestKey === undefined
        ? undefined
        : await openRequestKey(answer.requestKey, keys.signer.uuid, keys.sealing.privateKey)
    const greeted: Greeted = {
      server,
      protocol,
      encoding,
      standing: answer,
      ...(requestKey === undefined ? {} : { requestKey }),
    }
    const known = this.#servers.of(server)
    if (known !== undefined && known.version !== answer.server.version)
      Object.assign(known, { version: answer.server.version, deafUntil: 0 })
    // Another server acts, and this hello was overtaken.
    if (signal.aborted) return greeted
    this.#greeted = greeted
    this.#setState({ server, serverVersion: answer.server.version, protocol })
    this.#showStanding(answer)
    return greeted
  }

  async #exchange(
    { server, protocol, encoding, requestKey }: Addressee,
    kind: MessageKind,
    said: unknown,
    silentMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { serverClock, term, boot } = this.#options
    const packed = await pack(said, encoding)
    const path = linkPath + kind
    const url = new URL(server + path)
    const claims = {
      boot,
      path,
      at: serverClock.now() + Math.round(this.#servers.of(server)?.clockOffsetMs ?? 0),
      protocol,
      term: term.read(),
      body: packed.bytes,
    }
    const signature = await signRequest(this.#keys.signer, claims, mayUseRequestKey(kind) ? requestKey : undefined)
    const headers = {
      'content-type': 'application/json',
      'accept-encoding': encodings.join(', '),
      [signatureHeader]: signature,
      ...(packed.encoding === 'identity' ? {} : { 'content-encoding': packed.encoding }),
    }
    const sentAt = serverClock.elapsed()
    const got = await this.#connectionsFor(kind).send(
      { url, headers, body: packed.bytes, silentMs, maxAnswerBytes: answerLimit.packed },
      signal,
    )
    const gotAt = serverClock.elapsed()
    const envelope = await readAnswer(got, url)
    const { receivedAt, answeredAt } = envelope
    await this.#believe(server, kind, envelope, { sentAt, receivedAt, answeredAt, gotAt })
    if (kind !== 'witness') this.#setState({ answeredAt })
    if (envelope.refused !== undefined) throw new RefusedByServer(envelope.refused)
    return envelope.result
  }

  #connectionsFor(kind: MessageKind): Connections {
    if (kind !== 'witness') return this.#connections
    const { clock, trust, proxy } = this.#options
    return (this.#witnessConnections ??= new Connections({ clock, trust, proxy }))
  }

  /** @throws FarwatchError `conflict` for the answer of a server whose time has passed */
  async #believe(url: string, kind: MessageKind, envelope: Envelope, times: ExchangeTimes): Promise<void> {
    const { term: memory, serverClock } = this.#options
    const { term, refused } = envelope
    const server = this.#servers.of(url)
    if (server !== undefined) {
      server.answeredAt = times.gotAt
      server.term = term
      server.id = envelope.server ?? url
      server.acts = envelope.acts ?? (refused === undefined ? true : refused.reason === 'fenced' ? false : server.acts)
      if (envelope.active !== undefined) this.#hinted = bareUrl(envelope.active)
    }
    const highest = memory.read()
    if (term < highest)
      throw new FarwatchError('conflict', `the server has the term ${term}, and another one had ${highest} already`, {
        hint: 'It was replaced by its pair and does not know it yet; it steps down by itself when the two meet.',
      })
    if (term > highest) await memory.raise(term)
    // An agent lives by the time of the server that acts. By the other's it only signs what that one hears.
    const isTheirs = kind === 'witness' || server?.acts === false
    if (refused?.reason === 'clock' && isTheirs) {
      if (server !== undefined) server.clockOffsetMs = times.answeredAt - serverClock.now()
    } else if (refused?.reason === 'clock') serverClock.correct(times)
    else if (!isTheirs) serverClock.observe(times)
    if (!isTheirs && server !== undefined) server.clockOffsetMs = 0
  }

  // --- The other servers

  /** How often the lease, or a server that asks for more, wants to hear of this agent; undefined where none says so. */
  #sayingMs(): number | undefined {
    const leaseMs = this.#held?.settings.leaseMs ?? null
    // A server holds a poll for a third of the lease at most; a line that was cut is found out by so much sooner.
    const wanted = leaseMs === null ? [] : [Math.ceil(leaseMs / 3)]
    for (const { withinMs } of this.#servers.all)
      if (withinMs !== undefined) wanted.push(Math.max(leastSayingMs, Math.ceil(withinMs)))
    return wanted.length === 0 ? undefined : Math.min(...wanted)
  }

  /** No server serves this agent, or the one that did leaves a poll for longer than it should. */
  #isUnserved(): boolean {
    const serving = this.#serving
    if (serving === undefined) return true
    const longestMs = (this.#sayingMs() ?? longestWaitMs) + onTheWayMs
    return serving.servedAt !== undefined && this.#options.clock.elapsed() - serving.servedAt > longestMs
  }

  /** After minutes nobody waits for this agent to take over any more, and it must not take up what is left of a network. */
  #unservedPaceMs(): number {
    const moments = this.#servers.all.map(({ servedAt }) => servedAt ?? this.#startedAt)
    const unservedForMs = this.#options.clock.elapsed() - Math.max(this.#startedAt, ...moments)
    return Math.min(unleasedMs, Math.max(unservedMs, unservedForMs / 60))
  }

  /** All but the one that serves, and that one too where it is not heard; a server alone is a witness's business only while it does not act. */
  #witnessTargets(): readonly string[] {
    this.#followServers()
    const at = this.#options.clock.elapsed()
    const serving = this.#isUnserved() ? undefined : this.#serving
    const { all } = this.#servers
    return all
      .filter(({ id, acts, deafUntil }) => id !== serving?.id && deafUntil <= at && (all.length > 1 || acts === false))
      .map(({ url }) => url)
  }

  /** Never rejects. */
  async #callWitness(url: string, signal: AbortSignal): Promise<void> {
    const { clock, term, log } = this.#options
    const server = this.#servers.of(url)
    if (server === undefined) return
    const to: Addressee = { server: url, protocol: this.#protocol.max, encoding: 'gzip' }
    const enough = new AbortController()
    const cancel = clock.after(witnessSilentMs, () => enough.abort())
    const either = AbortSignal.any([signal, enough.signal])
    const say = () => {
      const servedMsAgo = this.#servers.servedByAnotherMsAgo(server, clock.elapsed())
      const said: Witness = { ...(servedMsAgo === undefined ? {} : { servedMsAgo }), term: term.read() }
      return this.#exchange(to, 'witness', said, witnessSilentMs, either)
    }
    try {
      const answer = readWitnessAnswer(
        await say().catch((thrown: unknown) => {
          const how = mendable(thrown)
          if (how === undefined || how === 'hello') throw thrown
          return say()
        }),
      )
      server.withinMs = answer.withinMs
      if (server.failures === 0) server.message = ''
    } catch (thrown) {
      if (signal.aborted) return
      const isDeaf = thrown instanceof RefusedByServer && thrown.refusal.code === 'not-found'
      if (isDeaf) server.deafUntil = clock.elapsed() + deafMs
      else {
        const message = fullMessage(thrown)
        if (server.message !== message)
          log.warn('server not told what is seen of the other', { server: url, problem: message })
        server.message = message
      }
    } finally {
      cancel()
    }
    this.#follow(server)
  }

  /** Goes to a server that acts where nobody serves, or where it came after the one that does. */
  #follow(server: KnownServer): void {
    const { term, log, clock } = this.#options
    const serving = this.#serving
    if (server.acts !== true || server.term === undefined || server.term < term.read()) return
    if (serving?.id === server.id) return
    // One that stopped acting may know the other's term already.
    if (serving !== undefined && serving.acts !== false && server.term <= (serving.term ?? 0)) return
    if (this.#current === server.url) {
      // What this waited for has come, unless the server acts and will not deal with this agent before its time.
      if (server.refuses || server.notBefore <= clock.elapsed()) return
      server.notBefore = 0
      this.#endPauses()
    } else {
      log.info('server followed', { server: server.url, term: server.term })
      server.notBefore = 0
      this.#current = server.url
      this.#greeted = undefined
      this.#greeting = undefined
      this.#serving = undefined
      this.#putOffUntil.clear()
      this.#line.abort()
      this.#line = new AbortController()
      this.#endPauses()
    }
    this.#tellReached()
  }

  #tellReached(): void {
    for (const listener of this.#onReached) listener()
  }

  #clockStatus(): ReportedStatus['clock'] {
    const status = this.#options.serverClock.status()
    return { offsetMs: status?.wallOffsetMs ?? 0, rttMs: status?.rttMs ?? 0 }
  }

  /** For so long, or until a server is found that acts. */
  #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        this.#pauses.delete(end)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#options.clock.after(ms, end)
      this.#pauses.add(end)
      signal.addEventListener('abort', end, { once: true })
    })
  }

  #endPauses(): void {
    for (const end of this.#pauses) end()
  }

  // --- What the server said

  #setState(change: Partial<LinkState>): void {
    const before = this.#state
    this.#state = { ...before, ...change }
    if (before.is === this.#state.is && before.message === this.#state.message && before.server === this.#state.server)
      return
    this.#options.onState?.(this.#state)
  }

  #showStanding({ state, message }: Pick<HelloAnswer, 'state' | 'message'>): void {
    switch (state) {
      case 'ACCEPTED':
        return this.#becomeAccepted()
      case 'PENDING':
        return this.#setState({ is: 'pending', message })
      case 'REJECTED':
        return this.#setState({ is: 'rejected', message })
      case 'REVOKED':
        return this.#setState({ is: 'revoked', message })
      case 'UNKNOWN':
        return this.#setState({ is: 'connecting', message })
    }
  }

  #becomeAccepted(): void {
    this.#setState({ is: 'connected', message: '' })
  }

  /**
   * Who was accepted once and is not any more has to end its work and forget its credentials, also those that it kept over a restart: it is
   * given an empty assignment, once. A server that does not know it (any more) says nothing of its work, and renews no lease.
   */
  #notAccepted({ state, message: polled }: PollAnswer, known: string | undefined): Assignment | undefined {
    // What was wrong with an enrolment token is known to the answer to the hello alone, and is news for as long as the agent waits.
    const hello = this.#greeted?.standing
    const message = state === 'PENDING' && hello?.state === 'PENDING' ? hello.message : polled
    this.#showStanding({ state, message })
    // It was forgotten while it waited.
    if (state === 'UNKNOWN') this.#greeted = undefined
    if (state === 'UNKNOWN' || state === 'PENDING') {
      if (known === undefined) return undefined
      throw new FarwatchError('forbidden', message)
    }
    const version = `none: ${state}`
    if (known !== version) {
      const settings = this.#held?.settings ?? leastSettings
      return (this.#held = { version, connectors: [], tasks: [], settings })
    }
    throw new FarwatchError('forbidden', message)
  }

  /** Puts an assignment together from what came and what is held, with the credentials opened in memory. */
  async #opened(wire: WireAssignment, held: Assignment | undefined): Promise<Assignment> {
    const opening = new Map<string, Promise<NonNullable<AssignedConnector['credential']>>>()
    const connectors = await Promise.all(
      wire.connectors.map(async ({ credential: name, ...connector }): Promise<AssignedConnector> => {
        if (name === undefined) return connector
        const key = `${connector.group}\n${name}`
        const sealed = Object.hasOwn(wire.credentials, name) ? wire.credentials[name] : undefined
        const { sealing, signer } = this.#keys
        let credential = opening.get(key)
        if (credential === undefined) {
          credential = openCredential(sealed ?? '', { agent: signer.uuid, group: connector.group }, sealing.privateKey)
          opening.set(key, credential)
        }
        return { ...connector, credential: await credential }
      }),
    )
    const { version, settings, base } = wire
    if (base === undefined) return { version, settings, connectors, tasks: wire.tasks }
    if (held?.version !== base)
      throw new FarwatchError('conflict', 'the server sent a difference to an assignment that is not held here')
    return {
      version,
      settings,
      connectors: withDifference(held.connectors, connectors, wire.droppedConnectors),
      tasks: withDifference(held.tasks, wire.tasks, wire.droppedTasks),
    }
  }

  // --- Commands

  #obey(given: PollAnswer['commands'][number]): void {
    this.#received.push(given.id)
    if (this.#seen.has(given.id)) return
    this.#seen.add(given.id)
    for (const oldest of this.#seen) {
      if (this.#seen.size <= mostSeenCommands) break
      this.#seen.delete(oldest)
    }
    const done = this.#carryOut(given)
    this.#running.add(done)
    // Awaited by `stop`.
    void done.finally(() => this.#running.delete(done))
  }

  /** Never rejects. */
  async #carryOut(given: PollAnswer['commands'][number]): Promise<void> {
    const { log } = this.#options
    const { signal } = this.#abort
    let part = 0
    const send = (rest: Pick<Reply, 'last' | 'text' | 'result' | 'problem'>) =>
      this.#reply({ command: given.id, part: part++, ...rest }, signal)
    try {
      const command = readCommand(given)
      if (command === undefined) {
        const message = `this agent does not know the command ${given.is.slice(0, 100)}; update it`
        await send({ last: true, problem: { code: 'not-supported', message } })
        return
      }
      let result: unknown
      try {
        result = await this.#options.command(command, (text) => send({ last: false, text }), signal)
      } catch (thrown) {
        const code = thrown instanceof FarwatchError ? thrown.code : 'internal'
        await send({ last: true, problem: { code, message: messageOf(thrown).slice(0, 2_000) } })
        return
      }
      await send({ last: true, ...(result === undefined ? {} : { result }) })
    } catch (thrown) {
      if (!signal.aborted) log.warn('answer of a command not sent', { is: given.is, problem: messageOf(thrown) })
    }
  }

  async #reply(reply: Reply, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#ask('reply', () => reply, answerGraceMs, signal)
        return
      } catch (thrown) {
        const isFinal = thrown instanceof RefusedByServer && thrown.refusal.reason === 'refused'
        if (isFinal || attempt >= replyAttempts || signal.aborted) throw thrown
      }
    }
  }
}

const leastSettings = {
  parallelTasks: 1,
  parallelPerTarget: 1,
  processTimeoutMs: 1_000,
  logLevel: 'info',
  logDurationMs: 0,
  leaseMs: 0,
} as const

/** What can be mended by asking once more, and how. */
function mendable(thrown: unknown): 'clock' | 'hello' | 'connection' | undefined {
  if (thrown instanceof StaleConnection) return 'connection'
  const reason = thrown instanceof RefusedByServer ? thrown.refusal.reason : undefined
  return reason === 'clock' || reason === 'hello' ? reason : undefined
}

/** Whether it may be for its request key that a message was refused: who takes the place of a server, behind the same name, may be older than such keys. */
function isForRequestKey(thrown: unknown, to: Addressee | undefined): boolean {
  return to?.requestKey !== undefined && thrown instanceof RefusedByServer && thrown.refusal.code === 'unauthenticated'
}

function fullMessage(thrown: unknown): string {
  const hint = thrown instanceof FarwatchError ? thrown.hint : ''
  return `${messageOf(thrown)}${hint === '' ? '' : `. ${hint}`}`
}

async function readAnswer({ status, headers, body }: Got, url: URL): Promise<Envelope> {
  try {
    return readEnvelope(await unpack(body, headers['content-encoding'], answerLimit.plain))
  } catch (thrown) {
    if (status === 200) throw thrown
    const words = wordsIn(body)
    if (words !== undefined) throw new FarwatchError('unreachable', `${url.origin} refused (HTTP ${status}): ${words}`)
    throw new FarwatchError('unreachable', `${url.origin} answered HTTP ${status}, and not as a Farwatch server does`, {
      hint: 'Check the URL, and the proxy or load balancer in front of the server.',
      cause: thrown,
    })
  }
}

/** What an instance that is no server, or a part of a server that is not the link, says in the words of its API. */
function wordsIn(body: Uint8Array): string | undefined {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as { error?: { message?: unknown } }
    return typeof error?.message === 'string' ? error.message.slice(0, 500) : undefined
  } catch {
    return undefined
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new FarwatchError('shutting-down', 'nobody waits for the server any more'))
    // First of all: nobody else may wait for this work, and its failure would then be nobody's, which ends the program.
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
  })
}
