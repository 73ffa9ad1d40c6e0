import { randomUUID } from 'node:crypto'
import type { AgentStatus, CheckOrder } from '../agent/index.ts'
import { FarwatchError, messageOf } from '../base/index.ts'
import {
  LinkClient,
  ServerClock,
  openCredential,
  type Command,
  type LinkKeys,
  type LinkState,
  type ReportedStatus,
  type ServerSeen,
} from '../link/index.ts'
import type {
  AssignedConnector,
  Assignment,
  Discovered,
  RunResult,
  ServerLink,
  UploadAnswer,
  UploadBatch,
} from '../model/index.ts'
import type { InstanceKeys } from '../platform/index.ts'
import { AgentMemory } from './agent-memory.ts'
import type { Reached } from './fleet.ts'
import { monitorDigests } from './library.ts'
import type { Machine } from './machine.ts'
import type { SelfReport } from './self-report.ts'

/** What a server may ask of the agent here. */
export interface AskedAgent {
  status(): AgentStatus
  runNow(task: string): Promise<RunResult>
  check(order: CheckOrder): Promise<RunResult>
  reach(connectors: readonly AssignedConnector[], signal: AbortSignal): Promise<readonly Reached[]>
  discover(host: string): Promise<Discovered>
}

/** The way of an agent to servers elsewhere, with what belongs to it: keys and their exchange, server time, the highest term, commands. */
export class RemoteLink implements ServerLink {
  readonly #client: LinkClient
  /** Server time, as the agent lives by it. */
  readonly clock: ServerClock
  readonly #machine: Machine
  readonly #memory: AgentMemory
  readonly #report: SelfReport
  readonly #ends: (() => void)[] = []
  #asked: AskedAgent | undefined
  /** How long the last upload took. */
  #sendMs: number | undefined
  #exchanging: Promise<void> = Promise.resolve()
  /** Why each server was not reached, as it was logged. */
  readonly #logged = new Map<string, string>()

  private constructor(machine: Machine, report: SelfReport, memory: AgentMemory) {
    const { clock, log, settings, keystore, keyring, version, facts, enrolmentToken } = machine
    this.#machine = machine
    this.#memory = memory
    this.#report = report
    this.clock = new ServerClock(clock, memory.wallOffsetMs)
    this.#client = new LinkClient({
      servers: () => settings.values.servers,
      proxy: () => settings.values.proxy,
      trust: keystore,
      keys: linkKeys(keyring.present),
      told: memory.told,
      term: memory,
      serverClock: this.clock,
      clock,
      random: Math.random,
      log,
      boot: randomUUID(),
      describe: () => ({
        name: settings.values.name || facts.hostname,
        version,
        monitors: monitorDigests(),
        machine: {
          hostname: facts.hostname,
          platform: facts.system,
          cores: facts.processors,
          memoryBytes: facts.memoryBytes,
        },
      }),
      ...(enrolmentToken === '' ? {} : { enrolmentToken }),
      status: () => this.#status(),
      command: (command, sendText, signal) => this.#obey(command, sendText, signal),
      onState: (state) => this.#followState(state),
    })
    this.#ends.push(
      keystore.onChange(() => this.#client.renew()),
      settings.onChange((changed) => {
        if (changed.includes('servers')) memory.follow(settings.values.servers)
        if (changed.some((name) => name === 'servers' || name === 'proxy' || name === 'name')) this.#client.renew()
      }),
    )
  }

  static async open(machine: Machine, report: SelfReport): Promise<RemoteLink> {
    const { directory, log, settings } = machine
    return new RemoteLink(machine, report, await AgentMemory.open(directory, log, settings.values.servers))
  }

  /** Who does what the server asks. Before this is said, commands are answered with words. */
  serve(asked: AskedAgent): void {
    this.#asked = asked
  }

  state(): LinkState {
    return this.#client.state()
  }

  /** Each server that this agent knows of, and when it last answered what. */
  servers(): readonly ServerSeen[] {
    return this.#client.servers()
  }

  /** All URLs of its server or pair. */
  get urls(): readonly string[] {
    return this.#memory.urls
  }

  onReached(listener: () => void): () => void {
    return this.#client.onReached(listener)
  }

  assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    return this.#client.assignment(known, signal)
  }

  async upload(batch: UploadBatch, signal: AbortSignal): Promise<UploadAnswer> {
    const begun = this.#machine.clock.elapsed()
    const answer = await this.#client.upload(batch, signal)
    this.#sendMs = this.#machine.clock.elapsed() - begun
    return answer
  }

  /** How long the last upload took, in milliseconds; undefined before the first. */
  get sendMs(): number | undefined {
    return this.#sendMs
  }

  /** The highest term that was seen. */
  get term(): number {
    return this.#memory.read()
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
    await this.#client.stop()
    await this.#exchanging
    await this.#memory.stop()
  }

  // --- What it says of itself

  #status(): Omit<ReportedStatus, 'clock'> {
    const offset = this.clock.status()?.wallOffsetMs
    if (offset !== undefined) this.#memory.noteOffset(offset)
    return this.#report.of(this.#asked?.status(), this.#sendMs)
  }

  // --- What it is asked

  async #obey(command: Command, sendText: (text: string) => Promise<void>, signal: AbortSignal): Promise<unknown> {
    const asked = this.#asked
    if (asked === undefined) throw new FarwatchError('overloaded', 'the agent is being started')
    switch (command.is) {
      case 'run-now':
        return asked.runNow(command.task)
      case 'reach':
        // Without credentials, of which a connect needs none.
        return asked.reach(
          command.connectors.map(({ credential: _, ...connector }) => connector),
          signal,
        )
      case 'discover':
        return asked.discover(command.host)
      case 'check':
        return asked.check(await this.#opened(command))
      case 'send-logs':
        await this.#machine.logs.newest(command.maxBytes, sendText)
        return undefined
      case 're-key':
        await this.#exchangeKeys(signal)
        return undefined
    }
  }

  async #opened({ connector, sealed, ...order }: Extract<Command, { is: 'check' }>): Promise<CheckOrder> {
    const { type, group, settings, ownCommands } = connector
    const { identity, sealing } = this.#machine.keyring.present
    const credential =
      sealed === undefined
        ? undefined
        : await openCredential(sealed, { agent: identity.uuid, group }, sealing.privateKey)
    return {
      monitor: order.monitor,
      settings: order.settings,
      connector: {
        type,
        settings,
        ...(credential === undefined ? {} : { credential }),
        ...(ownCommands === undefined ? {} : { ownCommands }),
      },
      timeoutMs: order.timeoutMs,
      ...(order.wants === undefined ? {} : { wants: order.wants }),
    }
  }

  // --- Keys

  async #exchangeKeys(signal: AbortSignal): Promise<void> {
    const { keyring, log } = this.#machine
    const next = keyring.next ?? (await keyring.makeNext())
    await this.#client.changeKeys(linkKeys(next), signal)
    await keyring.promoteNext()
    log.info('agent keys exchanged', { fingerprint: next.identity.fingerprint })
  }

  /** Tells whether an exchange of keys that was cut off had reached the server, by what it makes of the present ones. */
  #followState({ is, server, message }: LinkState): void {
    const { keyring, log } = this.#machine
    // Before anything went wrong there is nothing to say.
    if (is === 'connecting') {
      // Two servers that do not act are asked by turns, for as long as it takes.
      const isNews = message !== '' && this.#logged.get(server ?? '') !== message
      this.#logged.set(server ?? '', message)
      if (isNews) log.warn('server not reached', { server: server ?? '', problem: message })
    } else {
      this.#logged.clear()
      log.info('standing with the server', { server: server ?? '', state: is, ...(message === '' ? {} : { message }) })
    }
    const { next, present } = keyring
    if (next === undefined) return
    const signsWithNext = this.#client.state().fingerprint === next.identity.fingerprint
    if (is === 'revoked' && !signsWithNext) this.#client.useKeys(linkKeys(next))
    else if (is === 'revoked') this.#client.useKeys(linkKeys(present))
    if (is !== 'connected') return
    // `stop` awaits it.
    this.#exchanging = (signsWithNext ? keyring.promoteNext() : keyring.dropNext()).catch((thrown: unknown) => {
      log.warn('keys not put in order', { problem: messageOf(thrown) })
    })
  }
}

function linkKeys({ identity, sealing }: InstanceKeys): LinkKeys {
  const { uuid, privateKey, fingerprint, publicKey } = identity
  return { signer: { uuid, privateKey, fingerprint }, publicKey, sealing }
}
