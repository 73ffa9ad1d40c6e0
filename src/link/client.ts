import type { KeyObject } from 'node:crypto'
import { FarwatchError, errorCatalogue, messageOf, type Clock, type ErrorCode, type Random } from '../base/index.ts'
import type { AssignedConnector, Assignment, ServerLink, UploadAnswer, UploadBatch } from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import type { ExchangeTimes, ServerClock } from './clock-offset.ts'
import { Connections, StaleConnection, type Got, type Trust } from './connection.ts'
import { withDifference } from './difference.ts'
import { encodings, pack, unpack, type Encoding } from './packing.ts'
import {
  answerLimit,
  linkPath,
  longestWaitMs,
  readCommand,
  readEnvelope,
  readHelloAnswer,
  readPollAnswer,
  readUploadAnswer,
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
} from './protocol.ts'
import { reconnectPauseMs } from './reconnect.ts'
import { openCredential } from './sealing.ts'
import { signProof, signRequest, signatureHeader, type Signer } from './signing.ts'

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

export interface LinkClientOptions {
  /** `https://name:port`, perhaps with the path under which a proxy has it. Tried in order until one is active. */
  readonly servers: () => readonly string[]
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

interface Greeted {
  readonly server: string
  readonly protocol: number
  readonly encoding: Encoding
  /** What the server made of the hello. */
  readonly standing: Pick<HelloAnswer, 'state' | 'message'>
}

const answerGraceMs = 15_000
const uploadSilentMs = 60_000
const mostSeenCommands = 1_000
const replyAttempts = 5

/**
 * An agent's way to its servers over HTTPS. It says hello when it has to, signs what it sends, measures the server's time with every exchange,
 * waits with growing, random pauses while no server answers, and goes on to the next URL.
 */
export class LinkClient implements ServerLink {
  readonly #options: LinkClientOptions
  readonly #connections: Connections
  readonly #protocol: ProtocolRange
  readonly #abort = new AbortController()
  #keys: LinkKeys
  #greeted: Greeted | undefined
  #greeting: Promise<Greeted> | undefined
  /** Which of the URLs; grows with every one that did not answer. */
  #turn = 0
  #failures = 0
  /** Our `elapsed` before which no server is asked again. */
  #notBefore = 0
  /** The same for one kind of message, which a server was too busy for. */
  readonly #putOffUntil = new Map<MessageKind, number>()
  #told: readonly string[] = []
  #held: Assignment | undefined
  #received: string[] = []
  readonly #seen = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  #state: LinkState

  constructor(options: LinkClientOptions) {
    this.#options = options
    this.#keys = options.keys
    this.#protocol = options.protocol ?? spoken
    this.#connections = new Connections({ clock: options.clock, trust: options.trust, proxy: options.proxy })
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

  /** Trust, proxy or server URLs are others now: connect anew, at once. */
  renew(): void {
    this.#connections.renew()
    this.#greeted = undefined
    this.#turn = 0
    this.#failures = 0
    this.#notBefore = 0
  }

  /** Ends what is under way. May be called again. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#running)
    this.#connections.close()
  }

  // --- ServerLink

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    const held = this.#held
    const isHeld = held !== undefined && held.version === known
    const received = this.#received
    // A server holds a poll for a third of the lease at most; a line that was cut is found out by so much sooner.
    const leaseMs = held?.settings.leaseMs ?? null
    const waitMs = leaseMs === null ? longestWaitMs : Math.min(longestWaitMs, Math.ceil(leaseMs / 3))
    const answer = readPollAnswer(
      await this.#ask(
        'poll',
        () => ({
          // What is not held here, a difference could not be added to.
          ...(isHeld ? { known } : {}),
          waitMs,
          received,
          status: { ...this.#options.status(), clock: this.#clockStatus() },
        }),
        waitMs + answerGraceMs,
        signal,
      ),
    )
    this.#received = this.#received.filter((id) => !received.includes(id))
    if (answer.servers.length > 0) this.#told = answer.servers
    if (answer.state !== 'ACCEPTED') return this.#notAccepted(answer, known)
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
    const { refused, ...answer } = readUploadAnswer(await this.#ask('upload', () => batch, uploadSilentMs, signal))
    if (refused !== undefined) this.#options.log.warn('results refused', { why: refused })
    return answer
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
   * connection that was closed while it was idle. Each is mended once.
   */
  async #ask(kind: MessageKind, body: () => unknown, silentMs: number, signal: AbortSignal): Promise<unknown> {
    const either = AbortSignal.any([signal, this.#abort.signal])
    const notBefore = Math.max(this.#notBefore, this.#putOffUntil.get(kind) ?? 0)
    await this.#pause(notBefore - this.#options.clock.elapsed(), either)
    const mended = new Set<string>()
    for (;;) {
      const server = this.#server()
      try {
        const greeted = await this.#greet(server, either)
        const { state, message } = greeted.standing
        if (state === 'REVOKED' || state === 'UNKNOWN') {
          // The server has no entry to answer anything else by, so every question begins with a hello.
          this.#greeted = undefined
          if (kind === 'poll') return { state, message, commands: [], servers: [] } satisfies PollAnswer
          throw new FarwatchError('forbidden', message)
        }
        const result = await this.#exchange(greeted, kind, body(), silentMs, either)
        this.#failures = 0
        return result
      } catch (thrown) {
        if (either.aborted) throw thrown
        const how = mendable(thrown)
        if (how !== undefined && !mended.has(how)) {
          mended.add(how)
          if (how === 'hello') this.#greeted = undefined
          continue
        }
        this.#failed(server, kind, thrown)
        throw thrown
      }
    }
  }

  /** The pause that follows is for everybody who asks: one agent is one client. */
  #failed(server: string, kind: MessageKind, thrown: unknown): void {
    const reason = thrown instanceof RefusedByServer ? thrown.refusal.reason : 'unreachable'
    const hint = thrown instanceof FarwatchError ? thrown.hint : ''
    const message = `${messageOf(thrown)}${hint === '' ? '' : `. ${hint}`}`
    if (this.#greeted !== undefined) {
      // What concerns one message only says nothing about the server; the others go on.
      if (reason === 'refused') return
      if (reason === 'later') return this.#putOff(kind, thrown)
    }
    this.#failures++
    const pauseMs = reconnectPauseMs(this.#failures, this.#options.random)
    const namedMs = thrown instanceof FarwatchError ? (thrown.retryAfterMs ?? 0) : 0
    this.#notBefore = this.#options.clock.elapsed() + Math.max(pauseMs, namedMs)
    this.#greeted = undefined
    // One that stands by, or is not there, leaves the word to the next.
    if (reason === 'unreachable' || reason === 'fenced') this.#turn++
    this.#setState({ is: 'connecting', server, message })
  }

  /** A busy server names how long; one that only stops or fails is not asked at once by everybody either. */
  #putOff(kind: MessageKind, thrown: unknown): void {
    const { clock, random } = this.#options
    const namedMs = thrown instanceof FarwatchError ? (thrown.retryAfterMs ?? 0) : 0
    const pauseMs = namedMs > 0 ? namedMs * (1 + random()) : reconnectPauseMs(1, random)
    this.#putOffUntil.set(kind, clock.elapsed() + pauseMs)
  }

  #server(): string {
    const servers = [...new Set([...this.#options.servers(), ...this.#told].map((url) => url.replace(/\/+$/, '')))]
    const server = servers[this.#turn % Math.max(1, servers.length)]
    if (server === undefined)
      throw new FarwatchError('invalid-setting', 'this agent has no server to work for', {
        hint: 'Give it one with --server, FARWATCH_SERVER, or in its settings.',
      })
    return server
  }

  /** One hello for everybody who waits for it. */
  #greet(server: string, signal: AbortSignal): Promise<Greeted> {
    if (this.#greeted?.server === server) return Promise.resolve(this.#greeted)
    // Not with the caller's signal: others wait for it as well. It is bounded by itself.
    this.#greeting ??= this.#sayHello(server).finally(() => (this.#greeting = undefined))
    return untilAborted(this.#greeting, signal)
  }

  async #sayHello(server: string): Promise<Greeted> {
    const first: Greeted = {
      server,
      protocol: this.#protocol.max,
      encoding: 'gzip',
      standing: { state: 'UNKNOWN', message: '' },
    }
    const { enrolmentToken, boot } = this.#options
    const hello: Hello = {
      ...this.#options.describe(),
      protocol: this.#protocol,
      uuid: this.#keys.signer.uuid,
      publicKey: this.#keys.publicKey,
      sealingKey: this.#keys.sealing.publicKey,
      boot,
      ...(enrolmentToken === undefined || enrolmentToken === '' ? {} : { enrolmentToken }),
    }
    const send = () => this.#exchange(first, 'hello', hello, answerGraceMs, this.#abort.signal)
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
    const greeted: Greeted = { server, protocol, encoding, standing: answer }
    this.#greeted = greeted
    this.#setState({ server, serverVersion: answer.server.version, protocol })
    this.#showStanding(answer)
    return greeted
  }

  async #exchange(
    { server, protocol, encoding }: Greeted,
    kind: MessageKind,
    said: unknown,
    silentMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { serverClock, term, boot } = this.#options
    const packed = await pack(said, encoding)
    const path = linkPath + kind
    const url = new URL(server + path)
    const signature = await signRequest(this.#keys.signer, {
      boot,
      path,
      at: serverClock.now(),
      protocol,
      term: term.read(),
      body: packed.bytes,
    })
    const headers = {
      'content-type': 'application/json',
      'accept-encoding': encodings.join(', '),
      [signatureHeader]: signature,
      ...(packed.encoding === 'identity' ? {} : { 'content-encoding': packed.encoding }),
    }
    const sentAt = serverClock.elapsed()
    const got = await this.#connections.send(
      { url, headers, body: packed.bytes, silentMs, maxAnswerBytes: answerLimit.packed },
      signal,
    )
    const gotAt = serverClock.elapsed()
    const envelope = await readAnswer(got, url)
    const { receivedAt, answeredAt } = envelope
    await this.#believe(envelope, { sentAt, receivedAt, answeredAt, gotAt })
    this.#setState({ answeredAt })
    if (envelope.refused !== undefined) throw new RefusedByServer(envelope.refused)
    return envelope.result
  }

  /** @throws FarwatchError `conflict` for the answer of a server whose time has passed */
  async #believe({ term, refused }: Envelope, times: ExchangeTimes): Promise<void> {
    const highest = this.#options.term.read()
    if (term < highest)
      throw new FarwatchError('conflict', `the server has the term ${term}, and another one had ${highest} already`, {
        hint: 'It was replaced by its pair and does not know it yet; it steps down by itself when the two meet.',
      })
    if (term > highest) await this.#options.term.raise(term)
    if (refused?.reason === 'clock') this.#options.serverClock.correct(times)
    else this.#options.serverClock.observe(times)
  }

  #clockStatus(): ReportedStatus['clock'] {
    const status = this.#options.serverClock.status()
    return { offsetMs: status?.wallOffsetMs ?? 0, rttMs: status?.rttMs ?? 0 }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#options.clock.after(ms, end)
      signal.addEventListener('abort', end, { once: true })
    })
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
  #notAccepted({ state, message }: PollAnswer, known: string | undefined): Assignment | undefined {
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
