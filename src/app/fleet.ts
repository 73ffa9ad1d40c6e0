import { randomUUID } from 'node:crypto'
import type { AgentStatus, CheckOrder } from '../agent/index.ts'
import { shortestSilenceMs, type Alarms } from '../alarms/index.ts'
import { FarwatchError, messageOf, type CancelTimer } from '../base/index.ts'
import {
  defaultLeaseSettings,
  defaultPlacementSettings,
  openDistribution,
  openGrants,
  runs,
  type AgentFacts,
  type Distribution,
  type Grants,
  type Place,
  type RegisteredAgent,
  type Work,
  type WorkConnector,
} from '../distribution/index.ts'
import { localAgent } from '../inventory/index.ts'
import {
  makeLinkServer,
  openRegistry,
  sealCredential,
  type CommandOrder,
  type ConnectedAgent,
  type LinkServer,
  type PollSaid,
  type Registry,
  type ReportedStatus,
} from '../link/index.ts'
import type {
  AssignedConnector,
  Assignment,
  Discovered,
  RunResult,
  ServerLink,
  TravellingSettings,
  UploadAnswer,
  UploadBatch,
} from '../model/index.ts'
import type { FleetQuestions, RunningPlace, SeenAgent } from '../api/index.ts'
import {
  breathingLast,
  hashToken,
  inOnePiece,
  inPieces,
  newToken,
  type Database,
  type Pieces,
} from '../platform/index.ts'
import { Deliveries } from './deliveries.ts'
import { FleetAlarms } from './fleet-alarms.ts'
import type { History } from './history.ts'
import { library, monitorDigests } from './library.ts'
import { Lifecycle } from './lifecycle.ts'
import { LocalLink } from './local-link.ts'
import type { Machine } from './machine.ts'
import type { UncoveredTask } from './uncovered-slots.ts'
import { confirmedScope, scopedVersion, withoutMissing } from './scoped-assignment.ts'
import { uploadPaceMs } from './upload-pace.ts'

/** The agent in the server's own process, as far as the server asks it anything. */
export interface OwnAgent {
  status(): AgentStatus
  /** As one elsewhere says it with every call. */
  report(): Omit<ReportedStatus, 'clock'>
  runNow(task: string): Promise<RunResult>
  check(order: CheckOrder): Promise<RunResult>
  /** Whether targets answer to a cheap connect. */
  reach(connectors: readonly AssignedConnector[]): Promise<readonly Reached[]>
  /** What is at a host. */
  discover(host: string): Promise<Discovered>
}

export interface Reached {
  readonly connector: string
  readonly reached: boolean
  readonly message: string
}

/** How this server stands with the other one of its pair, as far as agents go. */
export interface FleetPair {
  /** What every answer to an agent bears. */
  term(): number
  /** Why this server does not act now, or undefined. */
  notActive(): string | undefined
  /** What an agent says of the other server, and of terms. */
  agentSaid(agent: string, said: { readonly servedMsAgo: number | undefined; readonly term: number }): void
  /** It acts since the other server was silent and nobody was there to ask, and no agent elsewhere has called since. */
  isAlone(): boolean
  /** Ids of the agents that name a higher term than this server's: they work with another one. */
  knowingHigher(): readonly string[]
  /** How long agents may take at most to say that again. */
  witnessMs(): number
  /** Where the server is that acts, as far as it is known. */
  activeServer(): string | undefined
  /** Where agents reach the servers of the pair; empty for a server alone. */
  servers(): readonly string[]
  /** The instance that is the other server, whose own agent is called `local` as well; undefined where there is none. */
  peerUuid(): string | undefined
}

export interface FleetOptions {
  readonly machine: Machine
  /** The machine's, or one that only reads. */
  readonly database: Database
  readonly pair: FleetPair
  /** False where what is known of agents is only shown: it is the other server that has them. */
  readonly acts: boolean
  readonly alarms: Alarms
  readonly history: Pick<History, 'onStored'>
  readonly upload: (batch: UploadBatch, leftOut?: ReadonlySet<string>) => Promise<UploadAnswer>
  /** The settings that travel, but for the lease. */
  readonly travelling: () => Omit<TravellingSettings, 'leaseMs'>
}

/** What a fleet knows from its tables. */
export interface FleetStores {
  readonly registry: Registry
  readonly distribution: Distribution
  readonly grants: Grants
}

/** Nothing is done with it yet; where no fleet comes of it, `endFleetStores` ends it. */
export async function readFleet({
  machine: { clock, log, inventory, settings },
  database,
  pair,
}: Pick<FleetOptions, 'machine' | 'database' | 'pair'>): Promise<FleetStores> {
  const registry = await openRegistry({
    database,
    clock,
    secrets: { newToken, hashToken },
    audit: (change) => [inventory.auditStatement(change)],
    log,
    reservedNames: [localAgent],
  })
  const grants = await openGrants({ database, clock, log })
  const distribution = await openDistribution({
    database,
    clock,
    log,
    settings: () => ({
      lease: { ...defaultLeaseSettings, offlineTimeoutMs: settings.values.offlineTimeoutMs },
      placement: defaultPlacementSettings,
    }),
    elsewhere: () => pair.knowingHigher(),
  })
  return { registry, distribution, grants }
}

export async function endFleetStores({ distribution, grants }: FleetStores): Promise<void> {
  await distribution.stop()
  await grants.stop()
}

const sweepMs = 60_000
const settleMs = 10_000
const quietGatherMs = 5_000
const logsTimeoutMs = 120_000
const runGraceMs = 30_000
const reachTimeoutMs = 25_000
const discoverTimeoutMs = 90_000
const rekeyTimeoutMs = 30_000
/** How long a run by hand waits for work that is on its way to an agent. */
const settlingMs = 6_000
const settlingLookMs = 100
/** No monitor says yet which programs it needs. One list for all, so that connectors are alike to placement. */
const noPrograms: readonly string[] = []
/** So many connectors are told to placement between two pauses. */
const connectorsAPiece = 500
/** What one `reach` command asks at most. */
const mostProbes = 500

/**
 * The agents of a central server: who is registered, what each is given to run, what it says of itself, and what it is asked. Here the link,
 * which knows agents by their keys, distribution, which places connectors on them, and the inventory, which knows what there is to run, meet.
 */
export class Fleet implements FleetQuestions {
  readonly registry: Registry
  readonly distribution: Distribution
  readonly link: LinkServer
  readonly #options: FleetOptions
  readonly #boot = randomUUID().slice(0, 8)
  readonly #alarms: FleetAlarms
  readonly #grants: Grants
  readonly #lifecycle = new Lifecycle()
  readonly #reported = new Map<string, ReportedStatus>()
  /** Facts of agents that said hello to this start of the server. */
  readonly #met = new Map<string, ConnectedAgent>()
  readonly #deliveries: Deliveries
  readonly #probing = new Set<string>()
  /** When the agent that was asked for proofs last had its turn. */
  #asking: Promise<void> = Promise.resolve()
  readonly #listeners = new Set<() => void>()
  #isStarted = false
  /** It was worked out since then who runs what: before that nobody is told what it is to run. */
  #isPlaced = false
  /** Some connector may only be run by an agent that is named. */
  #hasPins = false
  #own: { readonly agent: OwnAgent; readonly link: LocalLink } | undefined

  private constructor(options: FleetOptions, registry: Registry, distribution: Distribution, grants: Grants) {
    const { machine, alarms, history, pair } = options
    const { clock, log, inventory } = machine
    this.#options = options
    this.registry = registry
    this.distribution = distribution
    this.#grants = grants
    this.#deliveries = new Deliveries(
      () => clock.elapsed(),
      () => this.#lookAtQuietSoon(),
    )
    this.#lifecycle.onStop('look at agents that deliver nothing', () => this.#quietLook?.())
    this.#alarms = new FleetAlarms({
      alarms,
      clock,
      log,
      isAlone: () => pair.isAlone() && registry.agents().some(({ registration }) => registration === 'ACCEPTED'),
    })
    this.link = makeLinkServer({
      registry,
      clock,
      log,
      version: machine.version,
      term: () => pair.term(),
      notActive: () => pair.notActive(),
      higherTerm: (agent, term) => pair.agentSaid(agent, { servedMsAgo: undefined, term }),
      witness: (agent, said) => pair.agentSaid(agent, said),
      witnessMs: () => pair.witnessMs(),
      uuid: machine.identity.uuid,
      activeServer: () => pair.activeServer(),
      servers: () => pair.servers(),
      // Polls are the sign of life, and three of them fit into the timeout.
      holdMs: () => Math.floor(machine.settings.values.offlineTimeoutMs / 3),
      assignmentFor: (agent) => this.#assignmentOf(agent),
      ownedTask: (agent, task) => grants.owned(agent, task),
      // Otherwise an agent that comes back would be told to drop all it has, and a second later to take it up again.
      isSettling: (agent) => !this.#isPlaced || distribution.isSettling(agent),
      upload: (_, batch, leftOut) => this.#upload(batch, leftOut),
      polled: (agent, said) => this.#polled(agent, said),
      saidHello: (agent) => this.#saidHello(agent),
      foundDouble: (agent) => this.#alarms.double(agent),
    })
    this.#lifecycle.onStop('grants', () => grants.stop())
    this.#lifecycle.onStop('distribution', () => distribution.stop())
    this.#lifecycle.onStop('alarms about agents', () => this.#alarms.stop())
    this.#lifecycle.onStop('link', () => this.link.stop())

    const ends = [
      registry.onChange((id) => {
        if (registry.agent(id) === undefined) this.#forget(id)
        this.#applyRegistry()
        // Pins name agents. Without any the work is what it was, and walking through all of it for each agent that says hello would hold
        // up the thousand that do so after a restart.
        if (this.#hasPins) void this.#renewWork()
        this.#tell()
      }),
      inventory.onChange(() => {
        void this.#renewWork()
        this.#assignmentsChanged()
      }),
      distribution.onChange((change) => {
        for (const agent of change.agents) this.#assignmentChanged(agent)
        for (const agent of change.probes) this.#probe(agent)
        this.#alarms.follow(change)
        this.#tell()
      }),
      history.onStored(({ entries }) => distribution.counted(entries)),
    ]
    this.#lifecycle.onStop('following of changes', () => {
      for (const end of ends) end()
    })
    this.#lifecycle.onStop('work for placement', async () => {
      this.#isStopped = true
      await Promise.all([this.#renewing, this.#beginning])
    })
    if (options.acts) this.#sweepLater(settleMs)
    else {
      this.#applyRegistry()
      this.#setWork()
    }
  }

  /** @param stores what was read already, by `readFleet` of the same database; it is the fleet's to end from now on */
  static async open(options: FleetOptions, stores?: FleetStores): Promise<Fleet> {
    const { registry, distribution, grants } = stores ?? (await readFleet(options))
    return new Fleet(options, registry, distribution, grants)
  }

  /**
   * Work is handed out and agents are missed from now on. Called when the server's own agent has joined, or will not: who is not named when
   * agents are looked through first is forgotten, with what it had. May be called again.
   */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#applyRegistry()
    this.#meetOwn()
    // In slices: with a hundred thousand tasks it took the thread for two and a half seconds before anybody was served.
    this.#beginning = this.#renewWork().then(() => {
      if (!this.#isStopped) this.distribution.start(() => this.#placed())
    })
  }
  /** Awaited by `stop`. */
  #beginning: Promise<void> | undefined

  #placed(): void {
    this.#isPlaced = true
    this.#assignmentsChanged()
  }

  /** Called when agents or places are others than before. @returns ends it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Settings that travel, or leases, are others now. */
  settingsChanged(): void {
    this.distribution.settingsChanged()
    this.#assignmentsChanged()
  }

  async stop(): Promise<void> {
    await this.#lifecycle.stop()
  }

  // --- The server's own agent

  /** Undefined on a server that runs nothing itself. */
  get localId(): string | undefined {
    return this.#own === undefined ? undefined : this.#options.machine.identity.uuid
  }

  /** What is shown by a server that does not act is how it is with the one that does, whose own agent, if it has one, is the local one. */
  get #local(): string | undefined {
    const { acts, pair } = this.#options
    if (acts) return this.localId
    const peer = pair.peerUuid()
    return this.distribution.agents().some(({ id, local }) => local && id === peer) ? peer : undefined
  }

  /** The way of the server's own agent to it. It is one of the agents from `join` on. */
  localLink(): ServerLink {
    const { uuid } = this.#options.machine.identity
    const link: LocalLink = new LocalLink({
      assignment: () => this.#localAssignment(),
      version: () => this.#localVersion(),
      upload: (batch) => this.#options.upload(batch),
      // Handed out before anything is placed, an empty assignment would begin the agent's life with slots that are nobody's.
      isReady: () => this.#isPlaced,
      heard: (known) => {
        const own = this.#own
        if (own?.link !== link) return
        const status = own.agent.status()
        this.#heard(uuid, { known, left: leftOf(status), foreignCores: undefined })
      },
    })
    this.#newest = link
    return link
  }
  #newest: LocalLink | undefined

  /** The server's own agent works from now on. @returns takes it out again: what it ran is run by others, or by nobody */
  join(agent: OwnAgent): () => void {
    const link = this.#newest
    if (link === undefined) throw new Error('the way of the own agent was not made')
    this.#own = { agent, link }
    if (this.#isStarted) {
      this.#applyRegistry()
      this.#meetOwn()
      this.#setWork()
    }
    return () => {
      this.#own = undefined
      this.#applyRegistry()
      this.#setWork()
    }
  }

  #meetOwn(): void {
    const { identity, facts } = this.#options.machine
    if (this.#own === undefined) return
    const { parallelTasks } = this.#options.travelling()
    this.distribution.heard(identity.uuid, {
      facts: factsOf([...library.monitors.keys()], facts.processors, parallelTasks),
    })
  }

  #localAssignment(): Assignment {
    const { machine, travelling } = this.#options
    const scope = this.distribution.assignmentScope(machine.identity.uuid)
    const assignment = machine.inventory.assignmentFor(localAgent, { ...travelling(), leaseMs: null }, (connector) =>
      scope.connectors.has(connector),
    )
    return { ...assignment, version: scopedVersion(this.#boot, scope.version, assignment.version) }
  }

  #localVersion(): string {
    const { machine, travelling } = this.#options
    const scope = this.distribution.assignmentScope(machine.identity.uuid)
    const version = machine.inventory.assignmentVersionFor(localAgent, { ...travelling(), leaseMs: null })
    return scopedVersion(this.#boot, scope.version, version)
  }

  // --- Agents elsewhere

  async #assignmentOf(agent: ConnectedAgent): Promise<Assignment> {
    const { log } = this.#options.machine
    const { whole, version } = await this.#madeInTurn(agent)
    const assignment = withoutMissing(whole, (monitor) => Object.hasOwn(agent.monitors, monitor))
    const tasks = assignment.tasks.map(({ id }) => id)
    await this.#grants.remember(agent.id, tasks).catch((thrown: unknown) => {
      // It is remembered in memory; a full disk is no reason to leave systems unwatched.
      log.warn('who runs what could not be stored', { agent: agent.id, problem: messageOf(thrown) })
    })
    return { ...assignment, version: scopedVersion(this.#boot, version, assignment.version) }
  }

  /** One after the other: each pauses now and then, and all of them at once would take their turns of the event loop together. */
  #madeInTurn(agent: ConnectedAgent): Promise<{ readonly whole: Assignment; readonly version: number }> {
    const made = this.#making.then(async () => {
      const { machine, travelling } = this.#options
      const { version, connectors } = this.distribution.assignmentScope(agent.id)
      // As they are in this version, whatever becomes of them in a pause.
      const own = new Set(connectors)
      const settings = { ...travelling(), leaseMs: machine.settings.values.offlineTimeoutMs }
      return { whole: await machine.inventory.assignmentInPieces(agent.name, settings, (id) => own.has(id)), version }
    })
    this.#making = made.catch(() => undefined)
    return made
  }
  #making: Promise<unknown> = Promise.resolve()

  async #upload(batch: UploadBatch, leftOut: ReadonlySet<string>): Promise<UploadAnswer> {
    const { clock } = this.#options.machine
    const since = clock.elapsed()
    const answer = await this.#options.upload(batch, leftOut)
    this.#deliveries.delivered(batch.agent)
    const paceMs = uploadPaceMs(this.#met.size, batch.entries.length, clock.elapsed() - since)
    return { ...answer, pauseMs: Math.max(answer.pauseMs, paceMs) }
  }

  #saidHello(agent: ConnectedAgent): void {
    const { id, monitors, machine } = agent
    this.#met.set(id, agent)
    this.#places = undefined
    this.#deliveries.met(id)
    this.#hear(id, () =>
      this.distribution.heard(id, {
        facts: factsOf(Object.keys(monitors), Math.max(1, machine.cores), this.#options.travelling().parallelTasks),
      }),
    )
    this.#tell()
  }

  #polled(agent: ConnectedAgent, { status, known }: PollSaid): void {
    const { id } = agent
    this.#reported.set(id, status)
    this.#heard(id, {
      known,
      left: leftOf({ ...status, unsafe: status.unsafe ?? status.spool.entries }),
      foreignCores: status.foreignCores,
    })
    const groups = status.isolated ? this.distribution.groupsOf(id) : []
    this.#alarms.isolated(agent, status.isolated, groups)
  }

  #heard(id: string, said: { known: string | undefined; left: number; foreignCores: number | undefined }): void {
    const confirms = confirmedScope(this.#boot, said.known)
    this.#hear(id, () =>
      this.distribution.heard(id, {
        left: said.left,
        ...(confirms === undefined ? {} : { confirms }),
        ...(said.foreignCores === undefined ? {} : { foreignCores: said.foreignCores }),
      }),
    )
  }

  /** An agent may be removed while its call is being answered. */
  #hear(id: string, act: () => void): void {
    const isKnown = id === this.localId || this.registry.agent(id)?.registration === 'ACCEPTED'
    if (isKnown) act()
  }

  #forget(id: string): void {
    this.#met.delete(id)
    this.#places = undefined
    this.#reported.delete(id)
    this.#deliveries.forget(id)
    this.#alarms.removed(id)
    this.#grants.forget(id).catch(this.#options.machine.notApplied('removal of an agent'))
  }

  #applyRegistry(): void {
    const { uuid } = this.#options.machine.identity
    const local = this.#local
    const own: RegisteredAgent[] =
      local === undefined ? [] : [{ id: local, name: localAgent, local: true, registration: 'ACCEPTED', admin: 'ON' }]
    const others = this.registry
      .agents()
      // An instance that once worked for others and now is asked by itself is the local one.
      .filter(({ id }) => id !== uuid && id !== local)
      .map(({ id, name, registration, isOn }): RegisteredAgent => ({
        id,
        name,
        local: false,
        registration,
        admin: isOn ? 'ON' : 'OFF',
      }))
    this.distribution.setAgents([...own, ...others])
  }

  /** Distribution is told at once what there is to run. */
  #setWork(): void {
    this.distribution.setWork(inOnePiece(this.#work()))
    // What is on its way was made before.
    this.#isWorkNew = true
  }

  /** Distribution is told soon what there is to run, with pauses: once for all that changes until then. Resolves when it was. */
  #renewWork(): Promise<void> {
    this.#isWorkNew = true
    this.#renewing ??= this.#tellWork()
      .catch(this.#options.machine.notApplied('configuration of placement'))
      .finally(() => (this.#renewing = undefined))
    return this.#renewing
  }
  #renewing: Promise<void> | undefined
  #isWorkNew = false
  #isStopped = false

  async #tellWork(): Promise<void> {
    const breathe = breathingLast(this.#options.machine.clock)
    while (this.#isWorkNew && !this.#isStopped) {
      this.#isWorkNew = false
      const work = await inPieces(this.#work(), breathe)
      await inPieces(this.distribution.takingWork(work), breathe)
    }
  }

  *#work(): Pieces<Work> {
    const { inventory } = this.#options.machine
    const hasLocal = this.#local !== undefined
    // A server that runs nothing itself has no agent of its own that a group could fall to.
    const groups = new Map(
      [...inventory.runners()].map(([name, { agents, exclusive }]) => [
        name,
        { agents: hasLocal ? agents : agents.filter((agent) => agent !== localAgent), exclusive },
      ]),
    )
    const connectors: WorkConnector[] = []
    let hasPins = false
    for (const { group, connectors: own } of inventory.systems()) {
      for (const { id, tasks, pin } of own) {
        if (tasks.length === 0) continue
        hasPins ||= pin !== undefined
        connectors.push({
          id,
          group,
          programs: noPrograms,
          ...(pin === undefined ? {} : { pin: this.#idOf(pin) }),
          tasks,
        })
        if (connectors.length % connectorsAPiece === 0) yield
      }
    }
    this.#hasPins = hasPins
    return { connectors, groups }
  }

  /** One that is not known yet is nobody: configuration may come before its agents. */
  #idOf(name: string): string {
    if (name === localAgent) return this.#local ?? localAgent
    const accepted = this.registry.agents().find((agent) => agent.name === name && agent.registration === 'ACCEPTED')
    return accepted?.id ?? name
  }

  #assignmentsChanged(): void {
    this.link.changed()
    this.#own?.link.changed()
  }

  #assignmentChanged(agent: string): void {
    if (agent === this.localId) this.#own?.link.changed()
    else this.link.changed(agent)
  }

  // --- Asking agents

  /** Each agent is asked for what it has to prove, one command at a time; what it does not answer is asked again by distribution's next look. */
  #probe(agent: string): void {
    if (this.#probing.has(agent)) return
    this.#probing.add(agent)
    // One agent after the other, with a breath between: after a change of the configuration all have something to prove.
    const turn = this.#asking.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
    this.#asking = turn
    let wanted: ReadonlySet<string> = new Set()
    turn
      .then(() => {
        wanted = new Set(this.distribution.probesOf(agent).slice(0, mostProbes))
        return wanted.size === 0 ? [] : this.#reachedBy(agent, this.#connectorsOf(agent, wanted))
      })
      .then((answers) => {
        for (const { connector, reached, message } of answers) {
          if (!wanted.has(connector) || this.#isUnknown(agent)) continue
          this.distribution.proved(agent, connector, reached ? { ok: true } : { ok: false, reason: message })
        }
      })
      .catch((thrown: unknown) => {
        this.#options.machine.log.debug('agent proved nothing', { agent, problem: messageOf(thrown) })
      })
      .finally(() => this.#probing.delete(agent))
  }

  #isUnknown(agent: string): boolean {
    return agent !== this.localId && this.registry.agent(agent) === undefined
  }

  #connectorsOf(agent: string, wanted: ReadonlySet<string>): readonly AssignedConnector[] {
    const { machine, travelling } = this.#options
    const name = agent === this.localId ? localAgent : (this.registry.agent(agent)?.name ?? '')
    return machine.inventory.assignmentFor(name, { ...travelling(), leaseMs: null }, (connector) =>
      wanted.has(connector),
    ).connectors
  }

  async #reachedBy(agent: string, connectors: readonly AssignedConnector[]): Promise<readonly Reached[]> {
    if (agent === this.localId) return this.#own?.agent.reach(connectors) ?? []
    // Without credentials: a connect needs none.
    const wire = connectors.map(({ credential: _, ...connector }) => ({
      ...connector,
      settings: { ...connector.settings },
    }))
    const order: CommandOrder = { is: 'reach', connectors: wire }
    // Checked by the link against what it declares of this command.
    return (await this.link.command(agent, order, { timeoutMs: reachTimeoutMs })) as readonly Reached[]
  }

  /**
   * Runs a task beside its schedule, where it is run now.
   * @throws FarwatchError `not-found`, `unreachable`, `overloaded`, `conflict` where nobody runs it
   */
  async runNow(task: string): Promise<{ readonly agent: string; readonly result: RunResult }> {
    const entry = this.#options.machine.inventory.task(task)
    if (entry === undefined) throw new FarwatchError('not-found', `there is no task ${JSON.stringify(task)}`)
    const agent = await this.#settledRunner(entry.connectorId)
    if (agent === undefined) {
      const place = this.placeOf(entry)
      const why = place.state === 'UNCOVERED' ? `: ${place.reason}` : ''
      throw new FarwatchError('conflict', `nobody runs this task${why}`, {
        hint: 'Associate its group with an agent that is there.',
      })
    }
    if (agent === this.localId && this.#own !== undefined) return { agent, result: await this.#own.agent.runNow(task) }
    const timeoutMs = entry.timeoutMs + runGraceMs
    // Checked by the link against what it declares of this command.
    const result = (await this.link.command(agent, { is: 'run-now', task }, { timeoutMs })) as RunResult
    if (result.task !== task) throw new FarwatchError('conflict', 'the agent answered with the run of another task')
    return { agent, result }
  }

  /**
   * Runs a monitor once, of which nothing is kept, from an agent that may run the group: one that is named, else the server's own, else the
   * first that is there. @throws FarwatchError `not-found`, `conflict` where there is none, `unreachable`, `overloaded`
   */
  async check(
    group: string,
    order: CheckOrder,
    wanted: string | undefined,
  ): Promise<{ readonly agent: string; readonly result: RunResult }> {
    const agent = this.#checker(group, wanted)
    if (agent === this.localId && this.#own !== undefined) return { agent, result: await this.#own.agent.check(order) }
    const entry = this.registry.agent(agent)
    if (entry === undefined) throw new FarwatchError('not-found', 'the agent was removed meanwhile')
    const { credential, type, settings, ownCommands } = order.connector
    const sealed =
      credential === undefined ? undefined : await sealCredential(credential, { agent, group }, entry.sealTo)
    const command: CommandOrder = {
      is: 'check',
      monitor: order.monitor,
      settings: { ...order.settings },
      connector: { type, group, settings: { ...settings }, ...(ownCommands === undefined ? {} : { ownCommands }) },
      ...(sealed === undefined ? {} : { sealed }),
      timeoutMs: order.timeoutMs,
      ...(order.wants === undefined ? {} : { wants: order.wants }),
    }
    // Checked by the link against what it declares of this command.
    const result = (await this.link.command(agent, command, { timeoutMs: order.timeoutMs + runGraceMs })) as RunResult
    return { agent, result }
  }

  /** What is at a host, as an agent sees it that may run the group; chosen as for `check`. @throws as `check` */
  async discover(
    group: string,
    host: string,
    wanted: string | undefined,
  ): Promise<{ readonly agent: string; readonly discovered: Discovered }> {
    const agent = this.#checker(group, wanted)
    if (agent === this.localId && this.#own !== undefined)
      return { agent, discovered: await this.#own.agent.discover(host) }
    const order: CommandOrder = { is: 'discover', host }
    // Checked by the link against what it declares of this command.
    const discovered = (await this.link.command(agent, order, { timeoutMs: discoverTimeoutMs })) as Discovered
    return { agent, discovered }
  }

  #checker(group: string, wanted: string | undefined): string {
    const able = this.distribution.agents().filter(({ groups }) => groups.includes(group))
    const there = able.filter(({ id, runtime }) => id === this.localId || runtime === 'ONLINE')
    const found =
      wanted === undefined
        ? (there.find(({ id }) => id === this.localId) ?? there[0])
        : there.find(({ name }) => name === wanted)
    if (found !== undefined) return found.id
    if (wanted === undefined)
      throw new FarwatchError('conflict', `no agent that may run the group ${JSON.stringify(group)} is there`, {
        hint: 'Associate the group with an agent that is there.',
      })
    const names = able.map(({ name }) => name)
    throw new FarwatchError(
      names.includes(wanted) ? 'conflict' : 'not-found',
      names.includes(wanted)
        ? `the agent ${wanted} is not there`
        : `the group ${JSON.stringify(group)} is not run by an agent ${JSON.stringify(wanted)}`,
      { hint: names.length === 0 ? '' : `It is run by: ${names.join(', ')}.` },
    )
  }

  /** Who runs a connector, once that agent has it: what was just configured takes a moment to get there. */
  async #settledRunner(connector: string): Promise<string | undefined> {
    const { clock } = this.#options.machine
    const until = clock.elapsed() + settlingMs
    for (;;) {
      const at = this.distribution.placement().places.get(connector)
      const agent = at === undefined ? undefined : runner(at)
      const isOnItsWay = at === undefined || (agent !== undefined && !this.distribution.hasConfirmed(agent))
      if (!isOnItsWay || clock.elapsed() >= until) return agent
      await new Promise<void>((resolve) => clock.after(settlingLookMs, resolve))
    }
  }

  /** The newest lines of an agent's log, in parts, through its own connection. @throws FarwatchError `unreachable`, `conflict` */
  async logs(id: string, maxBytes: number, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    if (id === this.localId) {
      await this.#options.machine.logs.newest(maxBytes, onText)
      return
    }
    const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    const sent = this.link.command(id, { is: 'send-logs', maxBytes }, { timeoutMs: logsTimeoutMs, onText })
    await Promise.race([sent, gone])
  }

  /** An agent makes itself a new key. @throws FarwatchError `unreachable`, `conflict` */
  async rekey(id: string): Promise<void> {
    await this.link.command(id, { is: 're-key' }, { timeoutMs: rekeyTimeoutMs })
  }

  // --- What is known

  /** What an agent said of itself since this server was started; undefined where it said nothing. */
  seen(id: string): SeenAgent | undefined {
    const own = this.#own
    if (own !== undefined && id === this.localId) return this.#seenHere(own.agent)
    const met = this.#met.get(id)
    if (met === undefined) return undefined
    const { monitors, machine, protocol } = met
    const lacks = [...library.monitors.keys()].filter((monitor) => !Object.hasOwn(monitors, monitor))
    return { status: this.#reported.get(id), monitors, machine, protocol, lacks }
  }

  #seenHere(agent: OwnAgent): SeenAgent {
    const { facts } = this.#options.machine
    return {
      status: { ...agent.report(), clock: { offsetMs: 0, rttMs: 0 } },
      monitors: monitorDigests(),
      machine: {
        hostname: facts.hostname,
        platform: facts.system,
        cores: facts.processors,
        memoryBytes: facts.memoryBytes,
      },
      protocol: undefined,
      lacks: [],
    }
  }

  /** The same thing as long as `placeOf` answers the same, but for names: what was made of its answers holds until this is another. */
  placesNow(): object {
    const of = this.distribution.placement()
    if (this.#places?.of !== of) this.#places = { of }
    return this.#places
  }
  #places: { readonly of: object } | undefined

  /** Where a connector is run, and by whom; of one of its tasks, whether the agent has its monitor. */
  placeOf({ connectorId, monitor }: { readonly connectorId: string; readonly monitor?: string }): RunningPlace {
    const place = this.distribution.placement().places.get(connectorId)
    if (place === undefined) return { state: 'UNCOVERED', reason: 'it is about to be given to an agent' }
    if (place.is === 'uncovered') return { state: 'UNCOVERED', reason: place.reason }
    const met = this.#met.get(place.agent)
    if (monitor !== undefined && met !== undefined && !Object.hasOwn(met.monitors, monitor))
      return {
        state: 'UNCOVERED',
        reason: `the agent ${met.name} (version ${met.version}) lacks the monitor ${monitor}; update it`,
      }
    return { state: 'covered', agent: this.nameOf(place.agent) }
  }

  /** The tasks that nobody may run now, with since when. Looks at every place, and at tasks only where something is amiss. */
  uncovered(): readonly UncoveredTask[] {
    const { inventory } = this.#options.machine
    const used = this.#usedMonitors()
    const lacking = new Set(
      [...this.#met.values()].flatMap(({ id, monitors }) =>
        used.every((monitor) => Object.hasOwn(monitors, monitor)) ? [] : id,
      ),
    )
    const idle = this.distribution.idle()
    const since = new Map([...idle].map(([connector, one]) => [connector, one.since]))
    for (const [connector, place] of this.distribution.placement().places)
      if (place.is === 'uncovered' || lacking.has(place.agent)) since.set(connector, place.since)
    if (since.size === 0) return []
    return inventory.tasks().flatMap((task): UncoveredTask[] => {
      const { id, periodMs, connectorId } = task
      const from = since.get(connectorId)
      if (from === undefined) return []
      const running = this.placeOf(task)
      const reason = running.state === 'UNCOVERED' ? running.reason : idle.get(connectorId)?.reason
      return reason === undefined ? [] : [{ id, periodMs, reason, since: from }]
    })
  }

  /** The monitors that the configuration of now has. */
  #usedMonitors(): readonly string[] {
    const { inventory } = this.#options.machine
    const revision = inventory.revision()
    if (this.#used?.of !== revision)
      this.#used = { of: revision, monitors: [...new Set(inventory.tasks().map(({ monitor }) => monitor))] }
    return this.#used.monitors
  }
  #used: { readonly of: number; readonly monitors: readonly string[] } | undefined

  /** Whether an alarm says already why nothing is heard of a task. */
  isSilenceExplained(task: string): boolean {
    const entry = this.#options.machine.inventory.task(task)
    if (entry === undefined) return false
    const place = this.distribution.placement().places.get(entry.connectorId)
    if (place === undefined || place.is === 'uncovered' || place.is === 'held') return true
    const { agent } = place
    if (!this.distribution.isThere(agent) || this.placeOf(entry).state === 'UNCOVERED') return true
    return this.#deliveries.explains(agent, this.distribution.connectorsOf(agent), shortestSilenceMs(entry.periodMs))
  }

  /** Agents that fall quiet together are told together. */
  #lookAtQuietSoon(): void {
    const { distribution } = this
    this.#quietLook ??= this.#options.machine.clock.after(quietGatherMs, () => {
      this.#quietLook = undefined
      this.#alarms.quiet(
        this.#deliveries.quiet((agent) => distribution.isThere(agent), this.#met.size),
        (agent) => this.nameOf(agent),
        (agent) => distribution.groupsOf(agent),
      )
    })
  }
  #quietLook: CancelTimer | undefined

  /** The name that associations have for an agent; its id where it is not known any more. */
  nameOf(id: string): string {
    const { machine, pair } = this.#options
    if (id === machine.identity.uuid || id === pair.peerUuid()) return localAgent
    return this.registry.agent(id)?.name ?? id
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #sweepLater(ms: number): void {
    const { clock, log } = this.#options.machine
    const cancel = clock.after(ms, () => {
      this.link.sweep()
      // One that was quiet may be lost by now.
      this.#lookAtQuietSoon()
      if (this.#isPlaced) this.#alarms.settle(this.distribution.problems())
      this.registry
        .expire()
        .catch((thrown: unknown) => log.warn('pending agents not expired', { problem: messageOf(thrown) }))
      this.#sweepLater(sweepMs)
    })
    this.#cancelSweep = cancel
    if (ms === settleMs) this.#lifecycle.onStop('sweeping', () => this.#cancelSweep())
  }
  #cancelSweep: () => void = () => undefined
}

/** Runs, and results that are not safe here: what an agent has left to do of the time before. */
function leftOf(of: { readonly running: number; readonly waiting: number; readonly unsafe: number }): number {
  return of.running + of.waiting + of.unsafe
}

function factsOf(monitors: readonly string[], cores: number, parallelTasks: number): AgentFacts {
  return { monitors: [...monitors].sort(), machine: { cores, parallelTasks }, provesReach: true }
}

/** Who runs what lies there; where two do for a moment, the one that has had it. */
function runner(place: Place): string | undefined {
  if (place.is === 'uncovered') return undefined
  if (runs(place.agent, place)) return place.agent
  return place.is === 'handing' && runs(place.to, place) ? place.to : undefined
}
