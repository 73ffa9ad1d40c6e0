import { seededRandom, type Random } from '../base/index.ts'
import {
  begin,
  durableOf,
  neverPaired,
  step,
  type DurablePair,
  type PairEffect,
  type PairEvent,
  type PairStep,
} from './decide.ts'
import type { Position } from './position.ts'
import {
  actsIn,
  reportOf,
  type OwnFacts,
  type PairState,
  type Report,
  type Rules,
  type Unsound,
  type World,
} from './state.ts'
import type { Side } from './terms.ts'

/** `P` and `S` are the servers, small letters the agents. */
type ServerName = 'P' | 'S'
const sides: Readonly<Record<ServerName, Side>> = { P: 'PRIMARY', S: 'SECONDARY' }

const stepMs = 500
const pollMs = 2_000
const agentMs = 1_500

/** One server of the simulation: what is on its disk survives a kill, what is in its memory does not. */
class SimulatedServer {
  readonly name: ServerName
  isAlive = true
  isPaused = false
  isOn = true
  role: 'NONE' | Side
  disk: DurablePair
  position: Position
  isWhole: boolean
  /** Of a follower: it gets nothing new. */
  isCopyStuck = false
  unsound: Unsound | undefined
  state: PairState
  readonly servedAt = new Map<string, number>()
  readonly log: PairEffect[] = []

  constructor(name: ServerName) {
    this.name = name
    this.role = sides[name]
    const isPrimary = name === 'P'
    this.disk = isPrimary ? neverPaired : { term: 1, ownTerm: 0, acts: false, joins: false }
    this.position = isPrimary ? { term: 1, count: 10 } : { term: 0, count: 0 }
    this.isWhole = isPrimary
    this.state = begin(this.disk, this.rules, 0)
  }

  get rules(): Rules {
    return { role: this.role, isOn: this.isOn, timeoutMs: 15_000 }
  }

  get acts(): boolean {
    return this.isAlive && actsIn(this.state)
  }

  world(at: number): World {
    const own: OwnFacts = {
      position: this.position,
      isWhole: this.isWhole,
      isQuiet: true,
      unsound: this.unsound,
      followers: [...this.servedAt.values()].filter((servedAt) => at - servedAt <= 60_000).length,
      configuration: 'c1',
    }
    return { rules: this.rules, own }
  }

  take(event: PairEvent, at: number): PairStep {
    const taken = step(this.state, event, this.world(at), at)
    this.state = taken.state
    this.disk = durableOf(taken.state)
    this.log.push(...taken.effects)
    for (const effect of taken.effects)
      if (effect.do === 'act') this.position = { term: effect.term, count: this.position.count + 1 }
    return taken
  }

  report(at: number): Report {
    return reportOf(this.state, this.world(at))
  }
}

interface SimulatedAgent {
  readonly name: string
  term: number
  readonly servedAt: Map<ServerName, number>
}

/** Commands are words: `kill P`, `start P`, `pause P`, `resume P`, `cut P-S`, `join P-a`, … (see `tell`). */
export class SimulatedPair {
  now = 0
  readonly servers = { P: new SimulatedServer('P'), S: new SimulatedServer('S') }
  readonly agents: readonly SimulatedAgent[]
  /** Which server became active in which term, as it happened: `12:S2`; `!` where it stopped acting. */
  readonly told: string[] = []
  readonly actedIn = new Map<number, Set<ServerName>>()
  /** Planned hand-overs in which the new active lacked something. */
  readonly lossyHandOvers: string[] = []
  lossShare = 0
  readonly #random: Random
  readonly #cuts = new Set<string>()
  readonly #backups = new Map<ServerName, { readonly disk: DurablePair; readonly position: Position }>()

  constructor(options: { readonly agents: string; readonly seed?: number }) {
    this.agents = [...options.agents].map((name) => ({ name, term: 0, servedAt: new Map() }))
    this.#random = seededRandom(options.seed ?? 1)
  }

  /** Runs until a second. */
  runUntil(second: number): void {
    while (this.now < second * 1_000) this.#step()
  }

  /** Carries out a command. @returns why it was refused, if it was */
  tell(command: string): string | undefined {
    const [verb, object = ''] = command.split(' ')
    const server = object === 'P' || object === 'S' ? this.servers[object] : undefined
    switch (verb) {
      case 'cut':
        this.#cuts.add(object)
        return undefined
      case 'join':
        this.#cuts.delete(object)
        return undefined
    }
    if (server === undefined) throw new Error(`nothing to do: ${command}`)
    switch (verb) {
      case 'kill':
        if (server.acts) this.#tellEnd(server)
        server.isAlive = false
        return undefined
      case 'start':
        return this.#start(server)
      case 'pause':
        server.isPaused = true
        return undefined
      case 'resume':
        server.isPaused = false
        return undefined
      case 'break':
        server.unsound = { why: 'disk full', message: 'no space is left' }
        return undefined
      case 'mend':
        server.unsound = undefined
        return undefined
      case 'stick':
        server.isCopyStuck = true
        return undefined
      case 'free':
        server.isCopyStuck = false
        return undefined
      case 'save':
        this.#backups.set(server.name, { disk: server.disk, position: server.position })
        return undefined
      case 'restore':
        Object.assign(server, this.#backups.get(server.name))
        return undefined
      case 'off':
      case 'on': {
        const before = server.rules
        server.isOn = verb === 'on'
        return this.#take(server, { is: 'settings', before })
      }
      case 'alone': {
        const before = server.rules
        server.role = 'NONE'
        return this.#take(server, { is: 'settings', before })
      }
      case 'hand-over':
        return this.#take(server, { is: 'hand over' })
      case 'force':
        return this.#take(server, { is: 'force' })
      case 'lie':
        return this.#take(server, { is: 'agent', agent: 'liar', servedMsAgo: undefined, term: 900 })
      default:
        throw new Error(`no such command: ${command}`)
    }
  }

  acting(): readonly ServerName[] {
    return (['P', 'S'] as const).filter((name) => this.servers[name].acts)
  }

  #start(server: SimulatedServer): undefined {
    server.isAlive = true
    server.isPaused = false
    server.servedAt.clear()
    server.state = begin(server.disk, server.rules, this.now)
    if (server.acts) this.told.push(`${this.now / 1_000}:${server.name}${server.state.ownTerm}`)
    return undefined
  }

  #take(server: SimulatedServer, event: PairEvent): string | undefined {
    const acted = server.acts
    const { effects, refused } = server.take(event, this.now)
    for (const effect of effects) {
      if (effect.do !== 'act') continue
      const { term } = effect
      const other = this.servers[server.name === 'P' ? 'S' : 'P']
      const isPlanned = effects.some((each) => each.do === 'audit' && each.why === 'handed over')
      if (isPlanned && server.position.count <= other.position.count)
        this.lossyHandOvers.push(`${this.now / 1_000}:${server.name}${term}`)
      this.actedIn.set(term, (this.actedIn.get(term) ?? new Set()).add(server.name))
      this.told.push(`${this.now / 1_000}:${server.name}${term}`)
    }
    if (acted && !server.acts) this.#tellEnd(server)
    return refused?.message
  }

  #tellEnd({ name }: SimulatedServer): void {
    this.told.push(`${this.now / 1_000}:${name}!`)
  }

  #step(): void {
    this.now += stepMs
    for (const server of [this.servers.P, this.servers.S]) {
      if (!server.isAlive || server.isPaused) continue
      if (server.acts && server.unsound === undefined && this.now % 1_000 === 0)
        server.position = { ...server.position, count: server.position.count + 1 }
      this.#take(server, { is: 'tick' })
    }
    if (this.now % pollMs === 0 || this.#isHandingOver()) this.#poll()
    for (const [index, agent] of this.agents.entries())
      if ((this.now + index * stepMs) % agentMs === 0) this.#call(agent)
  }

  #isHandingOver(): boolean {
    const { P, S } = this.servers
    return P.report(this.now).handOver !== 'none' || S.report(this.now).handOver !== 'none'
  }

  #reach(a: string, b: string): boolean {
    return !this.#cuts.has(`${a}-${b}`) && this.#random() >= this.lossShare
  }

  /** One after another: an answer that comes after the next poll was sent is not taken any more. */
  #poll(): void {
    const { P, S } = this.servers
    if (!S.isAlive || S.isPaused || !S.isOn || S.role !== 'SECONDARY') return
    if (!P.isAlive || P.isPaused || P.role !== 'PRIMARY' || !this.#reach('P', 'S')) return
    this.#take(P, { is: 'heard', report: S.report(this.now) })
    this.#copy(P, S)
    const report = P.report(this.now)
    // The answer is lost by itself: then only the PRIMARY has heard.
    if (!this.#reach('P', 'S')) return
    this.#take(S, { is: 'heard', report })
    this.#copy(S, P)
  }

  /** What the replication does beside it. */
  #copy(follower: SimulatedServer, leader: SimulatedServer): void {
    const isLeading = leader.acts || leader.state.standing.is === 'giving'
    if (!isLeading || follower.acts || follower.isCopyStuck || follower.state.term !== leader.state.ownTerm) return
    follower.position = leader.position
    follower.isWhole = true
  }

  #call(agent: SimulatedAgent): void {
    for (const name of ['P', 'S'] as const) {
      const server = this.servers[name]
      if (!server.isAlive || server.isPaused || !this.#reach(name, agent.name)) continue
      const servedAt = agent.servedAt.get(name === 'P' ? 'S' : 'P')
      const servedMsAgo = servedAt === undefined ? undefined : this.now - servedAt
      this.#take(server, { is: 'agent', agent: agent.name, servedMsAgo, term: agent.term })
      const { ownTerm } = server.state
      if (!server.acts || agent.term > ownTerm) continue
      agent.term = ownTerm
      agent.servedAt.set(name, this.now)
      server.servedAt.set(agent.name, this.now)
    }
  }
}
