import { FarwatchError, formatDuration, type CancelTimer, type Clock } from '../base/index.ts'
import type { SpoolEntry } from '../model/index.ts'
import { type Database, inOnePiece, type Log, type Pieces, type Statement } from '../platform/index.ts'
import { CostBook, capacityOf, costStep, follow, type CostTask } from './cost.ts'
import {
  lookingForUncovered,
  lookingForWeak,
  previewAssociations,
  uncoveredGroups,
  weakGroups,
  type AssociationPreview,
  type CoverageFacts,
  type UncoveredGroup,
  type WeakGroup,
} from './coverage-preview.ts'
import {
  type AdminState,
  type PlacementAgent,
  type PlacementConnector,
  type PlacementGroup,
  type Reach,
  type Registration,
  type RuntimeState,
} from './eligibility.ts'
import { explainer, loadsOf, stuck, type Explanation } from './explain.ts'
import {
  isOverdue,
  listen,
  newLife,
  runtimeOf,
  startListening,
  steadyFrom,
  step,
  type AgentLife,
  type Drain,
  type LeaseSettings,
  type LifeEvent,
  type Listening,
} from './leases.ts'
import { nowhere, placing, runs, type Place, type Placement, type PlacementSettings } from './placement.ts'
import { problemsOf, type DistributionProblem, type ProblemFacts } from './problems.ts'
import {
  forgetAgent,
  forgetPlace,
  loadDistribution,
  saveAgent,
  saveMassLoss,
  savePlace,
  type AgentFacts,
  type StoredAgent,
} from './schema.ts'
import { perStep } from './sorting.ts'
import { Walk } from './walk.ts'

export interface DistributionOptions {
  /** Opened with `distributionSchema`. */
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Asked each time, so that a change is in force at once. */
  readonly settings: () => { readonly lease: LeaseSettings; readonly placement: PlacementSettings }
  /** Ids of the agents that say that they work with another server, of a higher term. Asked with each look; none where it is left out. */
  readonly elsewhere?: () => readonly string[]
}

/** What there is to run, as the configuration says. */
export interface Work {
  readonly connectors: readonly WorkConnector[]
  /** By name: the agents that are to run the group, by the rule of associations. Groups without systems, too. */
  readonly groups: ReadonlyMap<string, PlacementGroup>
}

export interface WorkConnector {
  readonly id: string
  readonly group: string
  /** Programs that its monitors need on the agent's machine. */
  readonly programs: readonly string[]
  /** Id of the only agent that may run it. */
  readonly pin?: string
  readonly tasks: readonly (Omit<CostTask, 'connector'> & { readonly monitor: string })[]
}

/** What a call of an agent says. */
export interface AgentCall {
  readonly facts?: AgentFacts
  /** It does what the scope of this version says (`assignmentScope`). */
  readonly confirms?: number
  /** What is left to do of the time before: runs under way, and results that the server does not have. */
  readonly left?: number
  /** Processor time that other programs on its machine use, in cores, averaged over a minute or so. */
  readonly foreignCores?: number
}

/** An agent as the registry has it. */
export interface RegisteredAgent {
  readonly id: string
  /** What associations call it; the server's own is associated as `local`. */
  readonly name: string
  readonly local: boolean
  readonly registration: Registration
  readonly admin: AdminState
}

/** What an agent is to run. `version` grows with every change. The set is live. */
export interface AssignmentScope {
  readonly version: number
  readonly connectors: ReadonlySet<string>
}

export interface AgentState {
  readonly id: string
  readonly name: string
  readonly local: boolean
  readonly registration: Registration
  readonly admin: AdminState
  readonly runtime: RuntimeState
  readonly drain: Drain
  /** Since when it is ONLINE, or OFFLINE. */
  readonly since: number
  readonly lastSeenAt: number | undefined
  /** The groups that it is to run. */
  readonly groups: readonly string[]
  readonly connectors: number
  /** What it has to do, by what it can: 1 is all. */
  readonly load: number
  /** Milliseconds of runs in one second. */
  readonly capacity: number
}

/** How a drain ended. `stuck`: everything that could move has moved. `ended`: it was called off, or the agent is silent or removed. */
export type DrainEnd =
  | { readonly is: 'drained' }
  | { readonly is: 'stuck'; readonly connectors: readonly { readonly connector: string; readonly reason: string }[] }
  | { readonly is: 'ended' }

export interface DistributionChange {
  /** Ids of agents whose scope is another now. */
  readonly agents: ReadonlySet<string>
  /** Ids of connectors whose place is another now. */
  readonly connectors: readonly string[]
  /** Ids of agents that have something to prove (`probesOf`). */
  readonly probes: ReadonlySet<string>
  readonly raised: readonly DistributionProblem[]
  /** Keys. */
  readonly cleared: readonly string[]
}

const tickMs = 1_000
/** For so long what was worked out to explain one connector serves for others. */
const explainedForMs = 1_000
/** Changes that come together are answered together; and never more often than once a second. */
const gatherMs = 50
const placesPerWrite = 2_000
/** For so long it takes the thread in one go. */
const longestSliceMs = 8
const leastBetweenMs = 1_000
/**
 * Placing takes the thread: a quarter of a second and more with some ten thousand connectors, again and again while all of them are proved.
 * It is to take no more than this share of the time, unless that put off what follows from a loss or from an administrator's word for longer
 * than `lookWhileMovingMs`, and all else for longer than `longestRestMs`.
 */
const placingShare = 0.2
const longestRestMs = 15_000
/** Without a change it is still looked whether costs made somebody too full, and while moves are under way whether they take too long. */
const lookEveryMs = 30_000
/** Where nothing is new, placement is asked all the same after this time: it puts some moves off. */
const decideEveryMs = 300_000
const lookWhileMovingMs = 5_000
/** How long an agent has to say whether it reaches a target: a call, a connect with its timeout, and the answer. */
const proofMs = 30_000
/**
 * Where it runs the connector already, nobody waits for the proof, and silence says more about a server with a thousand agents to ask than about
 * the target: taken for a miss too soon it would send everything from agent to agent, and each of them would be asked as well.
 */
const proofOnTrustMs = 120_000
const believeReachedMs = 60_000
/** A target that was out of reach is tried again after this time. */
const believeMissedMs = 600_000

interface Agent {
  readonly id: string
  name: string
  local: boolean
  life: AgentLife
  facts: AgentFacts
  foreignCores: number
  capacity: number | undefined
  confirmed: number
  left: number | undefined
}

/** A look under way. */
interface Look {
  /** Something came meanwhile that wants another one. */
  isWanted: boolean
  /** How long it has taken the thread. */
  tookMs: number
}

type Facts = CoverageFacts & { readonly at: number; readonly agents: readonly PlacementAgent[] }

interface Scope {
  version: number
  readonly connectors: Set<string>
}

/** The monitors that some agent of a group has. */
interface AvailableMonitors {
  readonly key: string
  readonly monitors: ReadonlySet<string>
}

/** What is known of an agent that has not said anything yet. */
const noAgent = {
  facts: { monitors: [], machine: { cores: 1, parallelTasks: 64 }, provesReach: false },
  foreignCores: 0,
  capacity: undefined,
  confirmed: 0,
  left: undefined,
} satisfies Partial<Agent>

/** Opens with what was stored: until something changes, everybody goes on with what they had. Call `setWork`, then `start`. */
export async function openDistribution(options: DistributionOptions): Promise<Distribution> {
  return new Distribution(options, await loadDistribution(options.database))
}

/**
 * Knows the agents, and who runs what.
 *
 * It is told of calls, results, proofs and of the configuration, and works out a new placement when something changed: soon after, and at
 * most once a second. Memory is the truth. What changed is told at once and stored right after, so that a full disk cannot keep the work of
 * a lost agent from moving; what could not be stored is part of the next attempt. A restart goes on from what was stored.
 */
export class Distribution {
  readonly #options: DistributionOptions
  readonly #agents = new Map<string, Agent>()
  readonly #scopes = new Map<string, Scope>()
  /** By connector, by agent. */
  readonly #reach = new Map<string, Map<string, Reach>>()
  /** Connectors on their way: which agent has to confirm which version of its scope. */
  readonly #confirmations = new Map<string, { readonly agent: string; readonly version: number }>()
  /** Agents that have to confirm something, or had to at the last look. */
  #awaited = new Set<string>()
  /** See `idle`. `agent` undefined: nobody is to begin yet. */
  readonly #idle = new Map<
    string,
    { readonly agent: string | undefined; readonly version: number; readonly since: number; readonly reason: string }
  >()
  /** Agents that came since placement was asked last. */
  readonly #arrived = new Set<string>()
  /** By agent: the connectors whose targets it is to try, with since when it is asked. */
  #probes = new Map<string, Map<string, number>>()
  readonly #costs = new Map<string, number>()
  /** Of each connector of `#work`, see `monitorsOf`. */
  #monitors: readonly (readonly string[])[] = []
  /** By the key of available monitors, by such a list: what of it is possible. */
  readonly #possible = new Map<string, Map<readonly string[], readonly string[]>>()
  readonly #book: CostBook
  readonly #listeners = new Set<(change: DistributionChange) => void>()
  readonly #drains = new Set<{ readonly agent: string; readonly end: (how: DrainEnd) => void }>()
  readonly #unsavedAgents = new Set<string>()
  readonly #unsavedPlaces = new Set<string>()
  #isMassLossUnsaved = false
  #work: Work = { connectors: [], groups: new Map() }
  #placement: Placement
  #connectors: readonly PlacementConnector[] = []
  #problems: readonly DistributionProblem[] = []
  #listening: Listening
  #placedAt = -Infinity
  /** How long that took. */
  #placedForMs = 0
  /** Since then somebody was lost, or somebody's word has to come true. */
  #isPressing = false
  #problemsAt = -Infinity
  /** When placement was asked last, and how its agents were then. */
  #decidedAt = -Infinity
  #agentsKey = ''
  /** Somebody proved something, or what was proved is too old to be believed. */
  #isReachNew = false
  /** Placement answered something else than before when it was asked last. */
  #isUnsettled = true
  /** Agents, work or settings are not what they were when `#problems` were looked for. */
  #hasNews = true
  #placing: CancelTimer | undefined
  /** Some scopes are those of the new placement already, by their version of before: nobody can have confirmed them. */
  #isHalfTrue = false
  /** The look that is under way; in its pauses others have the thread. */
  #look: Look | undefined
  #ticking: CancelTimer | undefined
  #writing: Promise<void> = Promise.resolve()
  #isWriteWaiting = false
  /** Told once that agents may be told of their scopes. */
  #begun: (() => void) | undefined
  #isStopped = false
  #explaining:
    | {
        readonly of: Placement
        readonly at: number
        readonly explain: (connector: string) => Explanation | undefined
      }
    | undefined

  constructor(options: DistributionOptions, stored: Awaited<ReturnType<typeof loadDistribution>>) {
    this.#options = options
    const { clock } = options
    this.#listening = startListening(clock.now(), clock.elapsed(), options.settings().lease)
    for (const agent of stored.agents) this.#agents.set(agent.id, { ...noAgent, ...agent })
    for (const { connector, cost } of stored.places) this.#costs.set(connector, cost)
    this.#book = new CostBook(this.#costs)
    this.#placement = {
      ...nowhere,
      places: new Map(stored.places.map(({ connector, place: at }) => [connector, at])),
      massLoss: stored.massLoss,
    }
    for (const [connector, at] of this.#placement.places) {
      for (const agent of this.#agents.keys()) if (runs(agent, at)) this.#scope(agent).connectors.add(connector)
      if (at.is === 'handing') this.#await(connector, at.overlap ? at.to : at.agent)
    }
  }

  /**
   * Begins to miss agents and to move work. Called once, when the configuration was set.
   * @param begun called once, when it was worked out who runs what: at once where that is little. Until then what agents are to run is what was
   * stored, or nothing, and nobody is to be told of it
   */
  start(begun: () => void = () => undefined): void {
    const { clock, settings } = this.#options
    this.#listening = startListening(clock.now(), clock.elapsed(), settings().lease)
    const tick = () => {
      this.#tick()
      this.#ticking = clock.after(tickMs, tick)
    }
    tick()
    this.#begun = begun
    this.#place()
  }

  /** Stores what is not stored yet. @throws FarwatchError `storage-unwritable`: a restart goes on from an older placement */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#ticking?.()
    this.#placing?.()
    for (const drain of this.#drains) drain.end({ is: 'ended' })
    await this.#writing
    for (const id of this.#agents.keys()) this.#unsavedAgents.add(id)
    await this.#write()
  }

  /** The configuration is another. */
  setWork(given: Work): void {
    inOnePiece(this.takingWork(given))
  }

  /** The same with pauses, from whose end on it holds. One at a time. */
  *takingWork(given: Work): Pieces<void> {
    // Placement wants them in order, again and again.
    const connectors = yield* inOrder(given.connectors)
    const monitors = yield* monitorsOf(connectors)
    const known = new Set(connectors.map(({ id }) => id))
    yield
    yield* this.#book.settingTasks(tasksOf(connectors))
    this.#work = { ...given, connectors }
    this.#monitors = monitors
    this.#possible.clear()
    for (const id of this.#reach.keys()) if (!known.has(id)) this.#reach.delete(id)
    for (const id of this.#costs.keys()) if (!known.has(id)) this.#costs.delete(id)
    this.#news()
  }

  /** Settings were changed. */
  settingsChanged(): void {
    this.#news()
  }

  /** Everybody who is registered, the server's own agent among them. Who is not named is unknown from now on; what it had moves at once. */
  setAgents(agents: readonly RegisteredAgent[]): void {
    const { clock, log } = this.#options
    const named = new Set(agents.map(({ id }) => id))
    for (const id of this.#agents.keys()) if (!named.has(id)) this.#forget(id)
    for (const { id, name, local, registration, admin } of agents) {
      let agent = this.#agents.get(id)
      if (agent === undefined) {
        agent = { ...noAgent, id, name, local, life: newLife(clock.now()) }
        this.#agents.set(id, agent)
        this.#takeUp(id)
        this.#unsavedAgents.add(id)
        log.info('agent became known', { agent: id, name, local })
      } else if (agent.name !== name || agent.local !== local) {
        agent.name = name
        agent.local = local
        this.#unsavedAgents.add(id)
        this.#news()
      }
      this.#step(agent, { is: 'standing', registration, admin })
    }
  }

  /** One that was forgotten and is back before anything was placed anew still has its places. */
  #takeUp(id: string): void {
    const scope = this.#scope(id)
    for (const [connector, at] of this.#placement.places) if (runs(id, at)) scope.connectors.add(connector)
  }

  #forget(id: string): void {
    this.#agents.delete(id)
    this.#scopes.delete(id)
    for (const reach of this.#reach.values()) reach.delete(id)
    this.#endDrain(id)
    this.#unsavedAgents.add(id)
    this.#options.log.info('agent became unknown', { agent: id })
    this.#news()
  }

  /** An agent called, which renews its lease. Calls of agents that are not known are not for here. @throws FarwatchError `not-found` */
  heard(id: string, call: AgentCall = {}): void {
    const agent = this.#known(id)
    if (call.facts !== undefined && !isSame(call.facts, agent.facts)) {
      agent.facts = call.facts
      this.#unsavedAgents.add(id)
      this.#news()
    }
    if (call.left !== undefined) agent.left = call.left
    if (call.foreignCores !== undefined) agent.foreignCores = call.foreignCores
    if (call.confirms !== undefined && call.confirms > agent.confirmed) {
      agent.confirmed = call.confirms
      if (this.#awaited.has(id)) this.#soon()
    }
    this.#step(agent, { is: 'heard' })
    this.#checkDrain(agent)
  }

  /** Results that counted: what connectors cost is learned from them. */
  counted(entries: Iterable<SpoolEntry>): void {
    for (const entry of entries) if (entry.kind === 'run') this.#book.ran(entry.task, entry.durationMs)
  }

  /** The connectors whose targets an agent is to connect to, cheaply, and to tell the outcome by `proved`. */
  probesOf(id: string): readonly string[] {
    return [...(this.#probes.get(id)?.keys() ?? [])]
  }

  /** An agent tried to reach a target. `reason` is for people. */
  proved(id: string, connector: string, outcome: { readonly ok: boolean; readonly reason?: string }): void {
    this.#known(id)
    if (this.#placement.places.has(connector)) this.#noteReach(connector, id, outcome.ok, outcome.reason ?? '')
  }

  /** What an agent is to run now; nothing for one that is not known. */
  assignmentScope(id: string): AssignmentScope {
    return this.#agents.has(id) ? this.#scope(id) : { version: 0, connectors: new Set() }
  }

  /** Why a connector is where it is, and on no other agent; undefined where it is not known. */
  why(connector: string): Explanation | undefined {
    const now = this.#options.clock.elapsed()
    const known = this.#explaining
    // A list asks for one after the other.
    if (known?.of === this.#placement && now - known.at < explainedForMs) return known.explain(connector)
    const explain = explainer(this.#facts(), this.#placement)
    this.#explaining = { of: this.#placement, at: now, explain }
    return explain(connector)
  }

  /**
   * Connectors that nobody runs for a moment although somebody is to: the agent that had it is silent, or has stopped, and the next one has not
   * confirmed yet that it runs it. Slots of that time are nobody's.
   */
  idle(): ReadonlyMap<string, { readonly since: number; readonly reason: string }> {
    for (const [connector, { agent, version }] of this.#idle)
      if (agent !== undefined && (this.#agents.get(agent)?.confirmed ?? 0) >= version) this.#idle.delete(connector)
    return this.#idle
  }

  #noteIdle(connector: string, before: Place | undefined, now: Place | undefined): void {
    const nameOf = (id: string) => this.#agents.get(id)?.name ?? 'an agent that was removed'
    if (now?.is === 'handing' && !now.overlap) {
      const reason = `it was handed from ${nameOf(now.agent)} to ${nameOf(now.to)}, and its group is exclusive`
      this.#idle.set(connector, { agent: undefined, version: 0, since: now.startedAt, reason })
      return
    }
    const wasElsewhere =
      before !== undefined && before.is !== 'uncovered' && (before.is !== 'handing' || !before.overlap)
    if (now?.is !== 'settled' || !wasElsewhere || (before.is !== 'handing' && before.agent === now.agent)) {
      this.#idle.delete(connector)
      return
    }
    const { life } = this.#agents.get(before.agent) ?? {}
    const since = life?.isOnline === false ? (life.heardAt ?? life.since) : now.since
    const known = this.#idle.get(connector)
    this.#idle.set(connector, {
      agent: now.agent,
      version: this.#scope(now.agent).version,
      since: known?.since ?? since,
      reason: known?.reason ?? `${nameOf(before.agent)} had it, and ${nameOf(now.agent)} took it over`,
    })
  }

  /** Whether an agent has just come, and what it is to run is about to be worked out: what it would be told now is of before. */
  isSettling(id: string): boolean {
    return this.#arrived.has(id)
  }

  /** Whether an agent has said that it does what it is to do now. */
  hasConfirmed(id: string): boolean {
    return (this.#agents.get(id)?.confirmed ?? 0) >= this.#scope(id).version
  }

  /** Whether an agent is there: ONLINE or DRAINING. */
  isThere(id: string): boolean {
    return this.#agents.get(id)?.life.isOnline === true
  }

  /** How many agents elsewhere were heard since a moment. Cheap, unlike `agents`, which adds up what everybody runs. */
  remoteHeardSince(at: number): number {
    let count = 0
    for (const { local, life } of this.#agents.values())
      if (!local && life.heardAt !== undefined && life.heardAt > at) count++
    return count
  }

  /** How many connectors an agent is to run now. */
  connectorsOf(id: string): number {
    return this.#scopes.get(id)?.connectors.size ?? 0
  }

  /** The groups whose work an agent may run, in order. */
  groupsOf(id: string): readonly string[] {
    const agent = this.#agents.get(id)
    return agent === undefined ? [] : this.#groupsOf(agent)
  }

  /** How all agents stand, in no order. Cheap, unlike `agents`. */
  standings(): readonly Pick<AgentState, 'registration' | 'admin' | 'runtime'>[] {
    return [...this.#agents.values()].map(({ life }) => ({
      registration: life.registration,
      admin: life.admin,
      runtime: runtimeOf(life),
    }))
  }

  /** All agents, in the order of their names, with what they have to do: adding that up takes as long as there are connectors. */
  agents(): readonly AgentState[] {
    const loads = loadsOf(this.#facts(), this.#placement)
    return [...this.#agents.values()]
      .map((agent) => ({
        id: agent.id,
        name: agent.name,
        local: agent.local,
        registration: agent.life.registration,
        admin: agent.life.admin,
        runtime: runtimeOf(agent.life),
        drain: agent.life.drain,
        since: agent.life.since,
        lastSeenAt: agent.life.heardAt,
        groups: this.#groupsOf(agent),
        connectors: this.#scope(agent.id).connectors.size,
        load: loads.get(agent.id) ?? 0,
        capacity: agent.capacity ?? capacityOf(agent.facts.machine),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
  }

  placement(): Placement {
    return this.#placement
  }

  /** Groups that nobody can run, wholly or in part. */
  uncovered(): readonly UncoveredGroup[] {
    return uncoveredGroups(this.#facts())
  }

  /** Groups that the loss of any one agent would leave uncovered or overloaded. */
  nMinusOne(): readonly WeakGroup[] {
    return weakGroups(this.#facts(), this.#placement)
  }

  /** What other associations would do. `groups` as in `Work`. */
  preview(groups: ReadonlyMap<string, PlacementGroup>): AssociationPreview {
    const now = this.#facts()
    return previewAssociations(now, { ...now, groups }, this.#placement)
  }

  /** The problems that stand. Their changes come by `onChange`. */
  problems(): readonly DistributionProblem[] {
    return this.#problems
  }

  /** Called after each change, one listener after the other; it must not throw. @returns a function that ends it */
  onChange(listener: (change: DistributionChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Takes everything away from an agent, and resolves when nothing of it is left: others run what it had, it has stopped, and its results
   * are here. An abort ends the waiting and not the drain; `endDrain` does.
   * @throws FarwatchError `not-found`
   */
  drain(id: string, signal?: AbortSignal): Promise<DrainEnd> {
    const agent = this.#known(id)
    this.#step(agent, { is: 'drain asked' })
    if (agent.life.drain === 'done') return Promise.resolve({ is: 'drained' })
    return new Promise<DrainEnd>((resolve) => {
      const waiting = {
        agent: id,
        end: (how: DrainEnd) => {
          this.#drains.delete(waiting)
          signal?.removeEventListener('abort', abort)
          resolve(how)
        },
      }
      const abort = () => waiting.end({ is: 'ended' })
      this.#drains.add(waiting)
      if (this.#isStopped || signal?.aborted === true) return abort()
      signal?.addEventListener('abort', abort, { once: true })
      this.#soon()
    })
  }

  /** Gives an agent work again. @throws FarwatchError `not-found` */
  endDrain(id: string): void {
    this.#step(this.#known(id), { is: 'drain ended' })
    this.#endDrain(id)
  }

  #known(id: string): Agent {
    const agent = this.#agents.get(id)
    if (agent === undefined)
      throw new FarwatchError('not-found', `There is no agent ${JSON.stringify(id)}.`, {
        hint: '`farwatch agents list` names them.',
      })
    return agent
  }

  #scope(id: string): Scope {
    let scope = this.#scopes.get(id)
    if (scope === undefined) this.#scopes.set(id, (scope = { version: 1, connectors: new Set() }))
    return scope
  }

  #groupsOf(agent: Agent): readonly string[] {
    const name = agent.local ? 'local' : agent.name
    return [...this.#work.groups]
      .filter(([, { agents }]) => agents.includes(name))
      .map(([group]) => group)
      .sort()
  }

  #step(agent: Agent, event: LifeEvent): void {
    const { clock, log, settings } = this.#options
    const before = agent.life
    const { life, effects } = step(before, event, clock.now(), settings().lease)
    agent.life = life
    for (const effect of effects) {
      this.#unsavedAgents.add(agent.id)
      switch (effect) {
        case 'place':
          // Whoever comes back has its work still: a thousand that do after a restart are looked at a few times, not each.
          this.#news(event.is !== 'heard')
          break
        case 'lost':
          log.warn('agent lost', { agent: agent.id, name: agent.name, silentSince: life.heardAt })
          break
        case 'found':
          log.info('agent found', { agent: agent.id, name: agent.name })
          break
        case 'drained':
          log.info('agent drained', { agent: agent.id, name: agent.name })
          break
      }
    }
    if (
      runtimeOf(before) !== runtimeOf(life) ||
      before.registration !== life.registration ||
      before.admin !== life.admin
    )
      log.info('agent state changed', {
        agent: agent.id,
        registration: life.registration,
        admin: life.admin,
        runtime: runtimeOf(life),
      })
    if (!before.isOnline && life.isOnline) this.#arrived.add(agent.id)
    // A drain that began before a loss has nothing to wait for while the agent is away.
    if (before.isOnline && !life.isOnline) this.#endDrain(agent.id)
  }

  #tick(): void {
    const { clock, log, settings } = this.#options
    const at = clock.now()
    const before = this.#listening
    this.#listening = listen(before, at, clock.elapsed(), settings().lease)
    if (this.#listening.since !== before.since)
      log.warn('server had stood still', { forMs: Math.max(at - before.tickedAt, clock.elapsed() - before.elapsed) })
    const isClockSet = this.#listening.since !== before.since
    for (const agent of this.#agents.values()) {
      if (isClockSet) this.#step(agent, { is: 'clock set' })
      // It lives in this very process.
      if (agent.local) this.#step(agent, { is: 'heard' })
      else this.#step(agent, { is: 'tick', ...this.#listening })
    }
    const isMoving = this.#confirmations.size > 0 || this.#placement.massLoss !== undefined || this.#probes.size > 0
    if (clock.elapsed() - this.#placedAt >= (isMoving ? lookWhileMovingMs : lookEveryMs)) this.#soon()
    if (this.#hasUnsaved()) this.#save()
  }

  #news(isPressing = true): void {
    this.#hasNews = true
    this.#soon(isPressing)
  }

  /** A new placement is wanted. */
  #soon(isPressing = this.#isPressing): void {
    const isSooner = isPressing && !this.#isPressing
    this.#isPressing = isPressing || this.#isPressing
    if (this.#look !== undefined) this.#look.isWanted = true
    // Before `start` nothing is missed and nothing moved.
    if (this.#look !== undefined || this.#isStopped || this.#ticking === undefined) return
    if (this.#placing !== undefined) {
      if (!isSooner) return
      this.#placing()
    }
    const { clock } = this.#options
    const longestMs = this.#isPressing ? lookWhileMovingMs : longestRestMs
    const apartMs = Math.max(leastBetweenMs, Math.min(longestMs, this.#placedForMs / placingShare))
    const waitMs = Math.max(gatherMs, this.#placedAt + apartMs - clock.elapsed())
    this.#placing = clock.after(waitMs, () => {
      this.#placing = undefined
      this.#place()
    })
  }

  #tellBegun(): void {
    this.#begun?.()
    this.#begun = undefined
  }

  /** Works out a new placement and makes it true, with pauses before it does. */
  #place(): void {
    const look = { isWanted: false, tookMs: 0 }
    this.#look = look
    this.#isPressing = false
    this.#placedAt = this.#options.clock.elapsed()
    this.#goOn(this.#working(), look)
  }

  #goOn(work: Pieces<void>, look: Look): void {
    const { clock } = this.#options
    const since = clock.elapsed()
    let isDone = false
    while (!isDone && clock.elapsed() - since < longestSliceMs) isDone = work.next().done === true
    look.tookMs += clock.elapsed() - since
    if (!isDone) {
      setImmediate(() => {
        if (!this.#isStopped) this.#goOn(work, look)
      })
      return
    }
    this.#placedForMs = look.tookMs
    this.#look = undefined
    if (look.isWanted) this.#soon()
  }

  *#working(): Pieces<void> {
    const { clock, settings } = this.#options
    const work = this.#work
    yield* this.#settleReach(clock.now())
    const isCostNew = yield* this.#takeCosts(work)
    const before = this.#placement
    const facts = this.#facts()
    // What comes from here on is for the next look.
    const isNews = this.#hasNews
    const arrived = [...this.#arrived]
    this.#hasNews = false
    if (!this.#wouldChange(facts, isCostNew || isNews)) {
      for (const agent of this.#agents.values()) this.#checkDrain(agent)
      this.#tellBegun()
      this.#save()
      return
    }
    const placement = yield* placing({ ...facts, previous: before, settings: settings().placement })
    // Single moves hardly change what is missing or spare; what does is looked at without delay.
    const isLossNew = before.massLoss !== placement.massLoss
    const areProblemsDue = isNews || isLossNew || this.#placedAt - this.#problemsAt >= lookEveryMs
    const uncovered = areProblemsDue ? yield* lookingForUncovered(facts) : undefined
    const weak = areProblemsDue ? yield* lookingForWeak(facts, placement) : undefined
    const connectors = yield* changedPlaces(before, placement)
    const probes = yield* this.#wantedProofs(placement, clock.now())
    if (this.#work !== work) {
      // Another configuration came meanwhile; nothing was changed yet.
      this.#hasNews = true
      this.#soon()
      return
    }
    this.#placement = placement
    this.#probes = probes
    this.#decidedAt = this.#placedAt
    // It moves a few at a time: after some there may be others.
    this.#isUnsettled = connectors.length > 0
    const agents = yield* this.#makeTrue(connectors, before)
    this.#tellBegun()
    for (const id of arrived) this.#arrived.delete(id)
    if (isLossNew) {
      if ((before.massLoss === undefined) !== (placement.massLoss === undefined)) this.#logMassLoss()
      this.#isMassLossUnsaved = true
    }
    this.#believeThoseWhoCannotProve()
    for (const agent of this.#agents.values()) this.#checkDrain(agent)
    this.#tell(connectors, agents, uncovered === undefined || weak === undefined ? undefined : { uncovered, weak })
    if (connectors.length > 0) this.#soon()
    this.#save()
  }

  /**
   * Each agent is to run what the placement says. In pauses an agent may be given some of that already, by the version of its scope before; it
   * gets the whole by the next one, which only then is there to be confirmed.
   * @returns the agents whose scope is another now
   */
  *#makeTrue(connectors: readonly string[], before: Placement): Pieces<ReadonlySet<string>> {
    const agents = new Set<string>()
    this.#isHalfTrue = true
    for (const [i, id] of connectors.entries()) {
      this.#rescope(id, before.places.get(id), agents)
      if (i % perStep === 0) yield
    }
    for (const id of agents) if (this.#agents.has(id)) this.#scope(id).version++
    this.#isHalfTrue = false
    for (const [i, id] of connectors.entries()) {
      const now = this.#placement.places.get(id)
      this.#confirmations.delete(id)
      if (now?.is === 'handing') this.#await(id, now.overlap ? now.to : now.agent)
      this.#noteIdle(id, before.places.get(id), now)
      this.#unsavedPlaces.add(id)
      if (i % perStep === 0) yield
    }
    this.#awaited = new Set([...this.#confirmations.values()].map(({ agent }) => agent))
    return agents
  }

  /**
   * Whether a look can find anything else than the one before: with a hundred thousand connectors it takes half a second. Asked again with
   * nothing new placement answers the same, but for what it puts off for a time.
   */
  #wouldChange({ agents, at }: Facts, isNew: boolean): boolean {
    const key = agents
      .map(({ id, runtime, capacity, isOverdue, isElsewhere, steadyFrom: steady }) => [
        id,
        runtime,
        capacity,
        isOverdue,
        isElsewhere,
        steady > at,
      ])
      .join()
    const isSame = key === this.#agentsKey
    this.#agentsKey = key
    const isMoving = this.#confirmations.size > 0 || this.#probes.size > 0 || this.#placement.massLoss !== undefined
    const isDue = this.#placedAt - this.#decidedAt >= decideEveryMs
    const isReachNew = this.#isReachNew
    this.#isReachNew = false
    return !isSame || isNew || isReachNew || isMoving || isDue || this.#isUnsettled
  }

  #logMassLoss(): void {
    const { log } = this.#options
    const { massLoss } = this.#placement
    if (massLoss === undefined) log.info('mass loss of agents ended')
    else
      log.error('most agents lost together', {
        silent: massLoss.agents.length,
        of: massLoss.of,
        agents: massLoss.agents,
      })
  }

  /** A connector has another place: who has it to run, and who not any more. */
  #rescope(connector: string, before: Place | undefined, changed: Set<string>): void {
    const now = this.#placement.places.get(connector)
    for (const id of [...concerned(before), ...concerned(now)]) {
      if (!this.#agents.has(id)) continue
      const { connectors } = this.#scope(id)
      const isToRun = now !== undefined && runs(id, now)
      if (connectors.has(connector) === isToRun) continue
      changed.add(id)
      if (isToRun) connectors.add(connector)
      else connectors.delete(connector)
    }
  }

  #await(connector: string, agent: string): void {
    this.#confirmations.set(connector, { agent, version: this.#scope(agent).version })
    this.#awaited.add(agent)
  }

  #isConfirmed(connector: string): boolean {
    const awaited = this.#confirmations.get(connector)
    return awaited !== undefined && (this.#agents.get(awaited.agent)?.confirmed ?? 0) >= awaited.version
  }

  /** What agents are to be asked. */
  *#wantedProofs({ places }: Placement, at: number): Pieces<Map<string, Map<string, number>>> {
    const before = this.#probes
    const probes = new Map<string, Map<string, number>>()
    let looked = 0
    for (const [connector, now] of places) {
      if (looked++ % perStep === 0) yield
      const by = now.is === 'proving' ? now.to : now.is === 'settled' && now.onTrust ? now.agent : undefined
      if (by === undefined || this.#reach.get(connector)?.has(by) === true) continue
      const askedAt = before.get(by)?.get(connector) ?? at
      const asked = probes.get(by)
      if (asked === undefined) probes.set(by, new Map([[connector, askedAt]]))
      else asked.set(connector, askedAt)
    }
    return probes
  }

  #noteReach(connector: string, agent: string, ok: boolean, reason: string): void {
    let known = this.#reach.get(connector)
    if (known === undefined) this.#reach.set(connector, (known = new Map()))
    known.set(agent, { ok, at: this.#options.clock.now(), reason: reason.slice(0, 300) })
    this.#isReachNew = true
    const asked = this.#probes.get(agent)
    asked?.delete(connector)
    if (asked?.size === 0) this.#probes.delete(agent)
    this.#soon()
  }

  /** Forgets what is too old to be believed, and takes silence for an answer. */
  *#settleReach(at: number): Pieces<void> {
    let looked = 0
    for (const [connector, reach] of this.#reach) {
      if (looked++ % perStep === 0) yield
      for (const [agent, { ok, at: seenAt }] of reach)
        if (at - seenAt > (ok ? believeReachedMs : believeMissedMs)) {
          reach.delete(agent)
          // What was reached told nothing more; what was missed may be tried again.
          this.#isReachNew ||= !ok
        }
      if (reach.size === 0) this.#reach.delete(connector)
    }
    for (const [agent, connectors] of this.#probes) {
      for (const [connector, askedAt] of connectors) {
        if (looked++ % perStep === 0) yield
        if (at - askedAt < proofMs) continue
        const waitMs = this.#placement.places.get(connector)?.is === 'proving' ? proofMs : proofOnTrustMs
        if (at - askedAt < waitMs) continue
        this.#noteReach(connector, agent, false, `it did not say within ${formatDuration(waitMs)}`)
      }
    }
  }

  #believeThoseWhoCannotProve(): void {
    for (const [agent, connectors] of this.#probes) {
      if (this.#agents.get(agent)?.facts.provesReach === true) continue
      for (const connector of connectors.keys()) this.#noteReach(connector, agent, true, '')
    }
  }

  /** @returns whether a connector or a capacity is another than at the look before */
  *#takeCosts(work: Work): Pieces<boolean> {
    let isNew = this.#connectors.length !== work.connectors.length
    const available = this.#monitorsByGroup()
    const known = this.#connectors
    const connectors: PlacementConnector[] = []
    for (const [i, { id, group, programs, pin }] of work.connectors.entries()) {
      if (i % perStep === 0) yield
      const before = this.#costs.get(id)
      const cost = follow(before, this.#book.costOf(id), costStep)
      if (cost !== before) {
        this.#costs.set(id, cost)
        if (before !== undefined) this.#unsavedPlaces.add(id)
      }
      const reach = this.#reach.get(id)
      const monitors = this.#wantedMonitors(this.#monitors[i] ?? [], available.get(group))
      const isConfirmed = this.#isConfirmed(id)
      // Hardly any of a hundred thousand is another than at the look before; the same object is neither made nor looked at anew.
      const old = known[i]
      if (
        old?.id === id &&
        old.cost === cost &&
        old.reach === reach &&
        old.monitors === monitors &&
        old.group === group &&
        old.programs === programs &&
        old.pin === pin &&
        (old.isConfirmed === true) === isConfirmed
      ) {
        connectors.push(old)
        continue
      }
      isNew = true
      connectors.push({
        id,
        group,
        programs,
        monitors,
        cost,
        ...(pin === undefined ? {} : { pin }),
        ...(reach === undefined ? {} : { reach }),
        ...(isConfirmed ? { isConfirmed: true } : {}),
      })
    }
    this.#connectors = connectors
    for (const agent of this.#agents.values())
      agent.capacity = follow(agent.capacity, capacityOf(agent.facts.machine, agent.foreignCores), costStep)
    return isNew
  }

  /** The same list for the same monitors, as long as the agents of a group have the same ones. */
  #wantedMonitors(wanted: readonly string[], available: AvailableMonitors | undefined): readonly string[] {
    if (available === undefined) return wanted
    let known = this.#possible.get(available.key)
    if (known === undefined) this.#possible.set(available.key, (known = new Map()))
    let possible = known.get(wanted)
    if (possible === undefined) known.set(wanted, (possible = possibleMonitors(wanted, available.monitors)))
    return possible
  }

  /** By group: the monitors that agents which are there for it have; a group without any such agent is left out. */
  #monitorsByGroup(): ReadonlyMap<string, AvailableMonitors> {
    const there = new Map<string, Agent>()
    for (const agent of this.#agents.values())
      if (agent.life.isOnline && agent.life.registration === 'ACCEPTED' && agent.life.admin === 'ON')
        there.set(agent.local ? 'local' : agent.name, agent)
    const byGroup = new Map<string, AvailableMonitors>()
    // Most groups share their agents with others.
    const byAgents = new Map<string, AvailableMonitors>()
    for (const [group, { agents }] of this.#work.groups) {
      const own = agents.flatMap((name) => there.get(name) ?? [])
      if (own.length === 0) continue
      const key = own.map(({ id }) => id).join()
      let available = byAgents.get(key)
      if (available === undefined) {
        const monitors = new Set(own.flatMap(({ facts }) => facts.monitors))
        byAgents.set(key, (available = { key: [...monitors].sort().join(), monitors }))
      }
      byGroup.set(group, available)
    }
    return byGroup
  }

  #facts(): Facts {
    const { clock, settings, elsewhere } = this.#options
    const at = clock.now()
    const { lease } = settings()
    const away = new Set(elsewhere?.())
    const agents = [...this.#agents.values()].map(({ id, name, local, life, facts, capacity }): PlacementAgent => ({
      id,
      name,
      local,
      registration: life.registration,
      admin: life.admin,
      runtime: runtimeOf(life),
      capacity: capacity ?? capacityOf(facts.machine),
      monitors: setOf(facts.monitors),
      programs: facts.programs === undefined ? undefined : setOf(facts.programs),
      steadyFrom: steadyFrom(life, lease),
      lostAt: life.isLost ? life.since : undefined,
      isOverdue: !local && isOverdue(life, this.#listening, at, lease),
      isElsewhere: away.has(id),
    }))
    return { agents, connectors: this.#connectors, groups: this.#work.groups, at }
  }

  /** @param coverage undefined where problems are not looked for now */
  #tell(
    connectors: readonly string[],
    agents: ReadonlySet<string>,
    coverage: Pick<ProblemFacts, 'uncovered' | 'weak'> | undefined,
  ): void {
    const before = new Map(this.#problems.map((problem) => [problem.key, problem]))
    if (coverage !== undefined) {
      this.#problems = this.#problemsWith(coverage)
      this.#problemsAt = this.#placedAt
    }
    const raised = this.#problems.filter(({ key, message }) => before.get(key)?.message !== message)
    const standing = new Set(this.#problems.map(({ key }) => key))
    const cleared = [...before.keys()].filter((key) => !standing.has(key))
    const probes = new Set(this.#probes.keys())
    if (connectors.length + agents.size + raised.length + cleared.length + probes.size === 0) return
    for (const listener of this.#listeners) listener({ agents, connectors, probes, raised, cleared })
  }

  #problemsWith(coverage: Pick<ProblemFacts, 'uncovered' | 'weak'>): readonly DistributionProblem[] {
    return problemsOf({
      ...coverage,
      agents: [...this.#agents.values()].map((agent) => ({
        id: agent.id,
        name: agent.name,
        life: agent.life,
        groups: this.#groupsOf(agent),
      })),
      massLoss: this.#placement.massLoss,
      offlineTimeoutMs: this.#options.settings().lease.offlineTimeoutMs,
    })
  }

  #endDrain(id: string): void {
    for (const waiting of this.#drains) if (waiting.agent === id) waiting.end({ is: 'ended' })
  }

  /** Whether a drain is at its end: nothing to run, and known to it; nothing running, and nothing that is not here. Or nothing more can move. */
  #checkDrain(agent: Agent): void {
    if (agent.life.drain !== 'under way' || !agent.life.isOnline || this.#isHalfTrue) return
    const scope = this.#scope(agent.id)
    if (scope.connectors.size === 0) {
      if (agent.confirmed < scope.version || agent.left !== 0 || this.#awaits(agent.id)) return
      this.#step(agent, { is: 'drained' })
      for (const waiting of this.#drains) if (waiting.agent === agent.id) waiting.end({ is: 'drained' })
      return
    }
    if (![...this.#drains].some((waiting) => waiting.agent === agent.id)) return
    const facts = this.#facts()
    const owner = facts.agents.find(({ id }) => id === agent.id)!
    const left: { connector: string; reason: string }[] = []
    for (const connector of facts.connectors) {
      if (!scope.connectors.has(connector.id)) continue
      const at = this.#placement.places.get(connector.id)
      if (at?.is !== 'settled') return
      // What waits for its turn will move.
      const reason = stuck(facts, connector, owner)
      if (reason.isWaiting) return
      left.push({ connector: connector.id, reason: reason.words })
    }
    for (const waiting of this.#drains) if (waiting.agent === agent.id) waiting.end({ is: 'stuck', connectors: left })
  }

  /** Whether something of an agent is in neither's hands. */
  #awaits(agent: string): boolean {
    for (const at of this.#placement.places.values()) if (at.is === 'handing' && at.agent === agent) return true
    return false
  }

  #hasUnsaved(): boolean {
    return this.#unsavedAgents.size + this.#unsavedPlaces.size > 0 || this.#isMassLossUnsaved
  }

  /** Stores what changed, after what is being stored. One attempt waits at most; it takes everything there is by then. */
  #save(): void {
    if (this.#isWriteWaiting || this.#isStopped) return
    this.#isWriteWaiting = true
    // `stop` awaits it.
    this.#writing = this.#writing.then(async () => {
      this.#isWriteWaiting = false
      try {
        await this.#write()
      } catch (thrown) {
        this.#options.log.error('placement could not be stored', { error: thrown })
      }
    })
  }

  async #write(): Promise<void> {
    while (this.#hasUnsaved()) await this.#writeSome()
  }

  /** Handing a batch to the database's thread takes this one two microseconds a statement and more, and others wait for it over there. */
  async #writeSome(): Promise<void> {
    const agents = [...this.#unsavedAgents]
    const places = [...this.#unsavedPlaces.values().take(placesPerWrite)]
    const massLoss = this.#isMassLossUnsaved
    this.#unsavedAgents.clear()
    for (const id of places) this.#unsavedPlaces.delete(id)
    this.#isMassLossUnsaved = false
    const batch: Statement[] = agents.map((id) => {
      const agent = this.#agents.get(id)
      return agent === undefined ? forgetAgent(id) : saveAgent(storedOf(agent))
    })
    for (const connector of places) {
      const at = this.#placement.places.get(connector)
      const cost = this.#costs.get(connector) ?? 0
      batch.push(at === undefined ? forgetPlace(connector) : savePlace({ connector, place: at, cost }))
    }
    if (massLoss) batch.push(saveMassLoss(this.#placement.massLoss))
    try {
      await this.#options.database.write(batch)
    } catch (thrown) {
      for (const id of agents) this.#unsavedAgents.add(id)
      for (const id of places) this.#unsavedPlaces.add(id)
      this.#isMassLossUnsaved ||= massLoss
      throw thrown
    }
  }
}

/** For each connector the monitors of its tasks, in order. Connectors with the same ones, which most are, share a list. */
function* monitorsOf(connectors: readonly WorkConnector[]): Pieces<readonly (readonly string[])[]> {
  const lists = new Map<string, readonly string[]>()
  const all: (readonly string[])[] = []
  for (const { tasks } of connectors) {
    // Most have one task: a set and an order for each of a hundred thousand took 0.6 s (profile of a busy machine).
    const monitors = tasks.length === 1 ? [tasks[0]!.monitor] : [...new Set(tasks.map(({ monitor }) => monitor))].sort()
    const key = monitors.join()
    const known = lists.get(key)
    if (known === undefined) lists.set(key, monitors)
    all.push(known ?? monitors)
    if (all.length % perStep === 0) yield
  }
  return all
}

/** By their ids, with pauses: those that begin alike are sorted together. Ids are digests, so that about as many begin with one thing as with another. */
function* inOrder(connectors: readonly WorkConnector[]): Pieces<readonly WorkConnector[]> {
  const heaps = new Map<string, WorkConnector[]>()
  for (const [i, connector] of connectors.entries()) {
    const beginning = connector.id.slice(0, 2)
    const heap = heaps.get(beginning)
    if (heap === undefined) heaps.set(beginning, [connector])
    else heap.push(connector)
    if (i % perStep === 0) yield
  }
  const sorted: WorkConnector[] = []
  for (const beginning of [...heaps.keys()].sort()) {
    const heap = heaps.get(beginning)!
    for (const connector of heap.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))) sorted.push(connector)
    yield
  }
  return sorted
}

function* tasksOf(connectors: readonly WorkConnector[]): Iterable<CostTask> {
  for (const { id: connector, tasks } of connectors)
    for (const { id, periodMs, timeoutMs } of tasks) yield { id, connector, periodMs, timeoutMs }
}

/**
 * What an agent must have to be given a connector. A monitor that none of the group's agents has keeps nobody from running the others:
 * its tasks alone are left out. Where none of them is wanted otherwise, all are, so that the reason is said.
 */
function possibleMonitors(wanted: readonly string[], available: ReadonlySet<string>): readonly string[] {
  const possible = wanted.filter((monitor) => available.has(monitor))
  return possible.length > 0 ? possible : wanted
}

/** Connectors whose place is another, gone ones included. */
function* changedPlaces(before: Placement, after: Placement): Pieces<readonly string[]> {
  const changed: string[] = []
  let looked = 0
  const former = new Walk(before.places)
  for (const [id, now] of after.places) {
    if (looked++ % perStep === 0) yield
    if (former.get(id) !== now) changed.push(id)
  }
  const present = new Walk(after.places)
  for (const id of before.places.keys()) {
    if (looked++ % perStep === 0) yield
    if (present.get(id) === undefined) changed.push(id)
  }
  return changed
}

// Lists of agents live as long as the agents say nothing else.
const sets = new WeakMap<readonly string[], ReadonlySet<string>>()

function setOf(list: readonly string[]): ReadonlySet<string> {
  let set = sets.get(list)
  if (set === undefined) sets.set(list, (set = new Set(list)))
  return set
}

/** The agents that a place names. */
function concerned(at: Place | undefined): readonly string[] {
  if (at === undefined || at.is === 'uncovered') return []
  return at.is === 'handing' ? [at.agent, at.to] : [at.agent]
}

function storedOf({ id, name, local, life, facts }: Agent): StoredAgent {
  return { id, name, local, life, facts }
}

function isSame(a: AgentFacts, b: AgentFacts): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
