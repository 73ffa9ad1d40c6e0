import { FarwatchError, messageOf, type CancelTimer, type Checked, type Clock } from '../base/index.ts'
import type { Log } from '../platform/index.ts'
import { begin, durableOf, isJoining, step, type PairEffect, type PairEvent, type PairStep } from './decide.ts'
import type { KeptPair, KeptPeer, PairFile } from './pair-file.ts'
import { RefusedByPeer } from './polling.ts'
import { comparePosition } from './position.ts'
import {
  changeSettings,
  rulesOf,
  shownMode,
  type PairMode,
  type PairRole,
  type PairSettings,
  type SettingFacts,
} from './setting.ts'
import {
  actsIn,
  reportOf,
  shownState,
  type OwnFacts,
  type PairProblem,
  type PairState,
  type Report,
  type Seen,
  type ShownState,
  type World,
} from './state.ts'
import { ask, heardWithin, knowingHigher, type Statement, type Voice } from './witnesses.ts'

export interface PairOptions {
  /** `elapsed` is what the pair goes by; the wall clock plays no part. */
  readonly clock: Clock
  readonly log: Log
  readonly file: PairFile
  /** Asked with every step: cheap, and as of now. */
  readonly own: () => OwnFacts
  /** One poll of the PRIMARY (`Polling.poll`). Called on a SECONDARY that is switched on, one at a time. */
  readonly poll: (report: Report, silentMs: number, signal: AbortSignal) => Promise<{ readonly report: Report }>
  readonly acting: Acting
  readonly tell: Telling
  /** What `status` answers may be another now. */
  readonly changed?: () => void
}

/**
 * What an instance does because it acts, or does not. Calls come one after another, each when the one before has ended; what they throw is
 * logged, and the next is made all the same. `Pair.notActive` says at once, before any of them, that nothing may be taken or given out any more.
 */
export interface Acting {
  /** The first thing that is written belongs to this term (position.ts). */
  act(term: number): Promise<void>
  /** What was begun is ended; then `OwnFacts.isQuiet` is true. */
  stop(): Promise<void>
  /** Both sides acted: what this one did is kept for merging, and its configuration as a snapshot. Comes after `stop`. */
  keepOwnWork(about: { readonly otherTerm: number; readonly forMs: number }): Promise<void>
  /**
   * What is here is not the other's, or not any more: it is put away (the configuration as a snapshot), `OwnFacts.isWhole` is false from then
   * on, and everything is copied anew. May be called again before the copy is complete.
   */
  copyAnew(): Promise<void>
}

/**
 * Where people hear of it. On a side that does not act, alarms cannot be raised in the shared list, which is the other's: they are for its log and
 * status then, and are raised once it acts.
 */
export interface Telling {
  raise(problem: PairProblem): void
  clear(key: string): void
  audit(entry: PairAudit): void
}

export interface PairAudit {
  readonly action: string
  readonly term: number
  readonly why: string
  readonly seen: Seen
}

export interface PairStatus {
  readonly settings: PairSettings
  readonly mode: PairMode
  readonly state: ShownState
  /** Of this side where it acts, else the highest that is known. */
  readonly term: number
  /** In changes; undefined where it is not known, or the two went apart. */
  readonly lag: number | undefined
  readonly peer: (Report & { readonly heardMsAgo: number }) | undefined
  readonly witnesses: readonly { readonly agent: string; readonly says: Voice }[]
  readonly handsOver: boolean
  readonly problems: readonly PairProblem[]
  /** Why the last poll failed; undefined where it did not. */
  readonly pollProblem: string | undefined
}

/** Which way what changed goes: from this side to the other, from the other to here, or not at all now. */
export type Direction = 'gives' | 'takes' | 'none'

/** What a forced take-over costs, to be shown before it is done. */
export interface ForcePrice {
  /** Changes that are known to be missing here; undefined: nobody knows. */
  readonly missingChanges: number | undefined
  readonly lastContactMsAgo: number | undefined
  /** Hashes of what is configured here, and of what the other had when it was last heard. */
  readonly configuration: { readonly here: string; readonly there: string | undefined }
}

const tickMs = 500
const hurriedPollMs = 100
/** Within so long after a standstill all is read that had come meanwhile. */
const deafMs = 500
/** How often what the other holds is written down at most: it is for finding old data, where minutes are enough. */
const noteMs = 60_000

/**
 * One half of a failover pair, running: hands what happens to the decider, keeps what must be kept before it is announced, and has the rest of
 * the instance do what follows. Nothing here decides who acts.
 */
export class Pair {
  readonly #options: PairOptions
  readonly #clock: Clock
  readonly #abort = new AbortController()
  #state: PairState
  /** It becomes active as soon as this is on the disk; what happens meanwhile waits. */
  #becoming: Promise<void> | undefined
  /** What the rest of the instance is doing on our behalf, in order. */
  #carrying: Promise<void> = Promise.resolve()
  #polling: Promise<void> | undefined
  #pollAgain = false
  #pollProblem: string | undefined
  #cancelTick: CancelTimer = () => undefined
  #cancelPoll: CancelTimer = () => undefined
  #notedAt = -Infinity
  #deafUntil = -Infinity
  #isStopped = false

  constructor(options: PairOptions) {
    this.#options = options
    this.#clock = options.clock
    const { durable, settings } = options.file.kept
    this.#state = begin(durable, rulesOf(settings), options.clock.elapsed())
  }

  /** Begins to listen. An instance that acts from the start (the mechanism is off) is told so by `notActive`, and by no call of `act`. */
  start(): void {
    // It ended before it could, or while it did.
    if (isJoining(this.#state)) this.#carryOut({ do: 'copy anew' })
    this.#tick()
    this.#poll()
  }

  /** May be called twice. Says nothing to the other side: it is to take over when this one stays away. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#abort.abort()
    this.#cancelTick()
    this.#cancelPoll()
    await this.#becoming
    await this.#polling
    await this.#carrying
  }

  // --- Asked by the rest of the instance

  /** Why this server does not act now, in words for those who ask it for something; undefined where it does. */
  notActive(): string | undefined {
    this.#lookRound()
    if (actsIn(this.#state)) return undefined
    const { peer } = this.#state
    const state = shownState(this.#state, this.#rules)
    return peer?.acts === true
      ? `this server is ${words[state]}: the ${this.#other} is active, with term ${peer.term}`
      : `this server is ${words[state]}`
  }

  /** What every answer to an agent bears. */
  term(): number {
    this.#lookRound()
    return actsIn(this.#state) ? this.#state.ownTerm : this.#state.term
  }

  settings(): PairSettings {
    return this.#options.file.kept.settings
  }

  status(): PairStatus {
    const { file } = this.#options
    const state = this.#state
    const { settings } = file.kept
    const now = this.#clock.elapsed()
    const { peer, standing } = state
    const own = this.#options.own()
    return {
      settings,
      mode: shownMode(settings, state),
      state: shownState(state, this.#rules),
      term: this.term(),
      lag: lagOf(own, peer),
      peer: peer === undefined ? undefined : { ...withoutAt(peer), heardMsAgo: now - peer.at },
      witnesses: ask(state.statements, state.term, settings.timeoutMs, now).voices,
      handsOver: standing.is === 'giving' || (standing.is === 'active' && standing.handOver !== undefined),
      problems: state.problems,
      pollProblem: this.#pollProblem,
    }
  }

  /** What an administrator should see before `force`. */
  forcePrice(): ForcePrice {
    const { peer } = this.#state
    const own = this.#options.own()
    return {
      missingChanges: lagOf(own, peer),
      lastContactMsAgo: peer === undefined ? undefined : this.#clock.elapsed() - peer.at,
      configuration: { here: own.configuration, there: peer?.configuration },
    }
  }

  /** Asked before each exchange. A side that gives goes on with it when it has stopped acting, so that the other gets the rest. */
  direction(): Direction {
    const { standing, peer } = this.#state
    switch (standing.is) {
      case 'active':
      case 'giving':
        return 'gives'
      case 'held':
      case 'standby':
        return standing.why !== 'joins' && (peer?.acts === true || peer?.handOver === 'yours') ? 'takes' : 'none'
      case 'off':
        return 'none'
    }
  }

  /** Resolves when what was begun on our behalf is done: until then this side is not yet what it says. */
  carried(): Promise<void> {
    return this.#carrying
  }

  shown(): ShownState {
    return shownState(this.#state, this.#rules)
  }

  /** Agents elsewhere that called this server within the last minute, whomever they work with. */
  calling(): number {
    return heardWithin(this.#state.statements, this.#clock.elapsed())
  }

  /** Agents that name a higher term than this server's: they work with another one, whatever the other side says. */
  knowingHigher(): readonly string[] {
    return knowingHigher(this.#state.statements, this.#state.term, this.#clock.elapsed())
  }

  /** For the set-up check, and for what validates settings. */
  state(): PairState {
    return this.#state
  }

  /** After a pause of the process requests may be looked at before timers are: none of them may be answered by one who was replaced. */
  #lookRound(): void {
    this.#noteStandstill()
    const stoodStillMs = this.#clock.elapsed() - this.#state.tickedAt
    if (stoodStillMs > this.settings().timeoutMs && !this.#isStopped) this.#background(this.#take({ is: 'tick' }))
  }

  // --- What happens

  /**
   * The SECONDARY polled. @returns what this side is now
   * @throws FarwatchError `storage-unwritable` where it was to become active, and could not write that down; `overloaded` just after it
   * stood still
   */
  async heard(report: Report): Promise<Report> {
    this.#lookRound()
    if (this.#clock.elapsed() < this.#deafUntil)
      throw new FarwatchError('overloaded', 'this server stood still, and the poll may have waited here meanwhile', {
        hint: 'The next poll is believed again.',
      })
    await this.#take({ is: 'heard', report })
    this.#note(report)
    return reportOf(this.#state, this.#world)
  }

  /** An agent called, or answered what it was asked: when the other server last served it, and the highest term it has seen. */
  agentSaid(agent: string, said: Omit<Statement, 'at'>): void {
    this.#background(this.#take({ is: 'agent', agent, ...said }))
  }

  /** @throws FarwatchError `conflict` with the right way */
  async handOver(): Promise<void> {
    granted(await this.#take({ is: 'hand over' }))
  }

  /** @throws FarwatchError `conflict`, `storage-unwritable` */
  async force(): Promise<void> {
    granted(await this.#take({ is: 'force' }))
  }

  /**
   * Changes the settings, in every state. Durable when it resolves.
   * @returns the settings, or every problem with them; nothing was changed then
   * @throws FarwatchError `conflict` where it means a hand-over that is not possible now, `storage-unwritable`
   */
  async set(
    given: Partial<PairSettings>,
    facts: Omit<SettingFacts, 'state' | 'peerRole'>,
  ): Promise<Checked<PairSettings>> {
    const { file } = this.#options
    const before = file.kept.settings
    const peerRole = await this.#peerRole(before, given)
    const checked = changeSettings(before, given, { ...facts, state: this.#state, peerRole })
    if (!checked.ok) return checked
    const { settings, handsOver } = checked.value
    // Another one has another key. Who names the same one again, along with other settings, has not looked at its key.
    const isSame = settings.peerUuid === before.peerUuid
    // A pair that is dissolved leaves nothing by which data of a later one could pass for old.
    const change: Partial<KeptPair> = isSame && settings.role !== 'NONE' ? { settings } : { settings, peer: undefined }
    await file.write(change)
    await this.#take({ is: 'settings', before: rulesOf(before) })
    this.#cancelPoll()
    // Once more, so that the PRIMARY knows that it was switched off and not lost.
    const wasPolling = before.role === 'SECONDARY' && before.mode !== 'OFF'
    if (wasPolling || this.#isPolling) this.#poll(true)
    if (handsOver) await this.handOver()
    return { ok: true, value: settings }
  }

  /**
   * What the other side is for sure where a side that is switched off is to have another role (one that is on cannot have). Such a SECONDARY does
   * not poll, and does so once.
   */
  async #peerRole(before: PairSettings, { role }: Partial<PairSettings>): Promise<PairRole | undefined> {
    if (role === undefined || role === before.role || before.role === 'NONE' || before.mode !== 'OFF') return undefined
    this.#poll(true)
    await this.#polling
    const { peer } = this.#state
    const isThere = peer !== undefined && peer.isOn && this.#clock.elapsed() - peer.at <= before.timeoutMs
    if (!isThere) return undefined
    return before.role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
  }

  // --- The key of the SECONDARY, for `Answering`

  readonly peerKey = {
    read: (): string | undefined => this.#options.file.kept.peer?.fingerprint,
    pin: (fingerprint: string): Promise<void> => {
      const { file } = this.#options
      const peer: KeptPeer = {
        uuid: file.kept.settings.peerUuid,
        fingerprint,
        term: 0,
        position: { term: 0, count: 0 },
      }
      this.#options.log.info('secondary first seen', { uuid: peer.uuid, fingerprint })
      return file.write({ peer })
    },
  }

  // --- Steps

  async #take(event: PairEvent): Promise<PairStep> {
    // One becoming ends before the next thing is looked at; there may be another one then.
    while (this.#becoming !== undefined) await this.#becoming
    const before = this.#state
    const taken = step(before, event, this.#world, this.#clock.elapsed())
    if (taken.refused !== undefined || taken.state === before) return taken
    if (!taken.effects.some((effect) => effect.do === 'act')) {
      this.#adopt(taken)
      this.#keepInBackground()
      return taken
    }
    const becoming = this.#become(taken, before)
    this.#becoming = becoming.catch(() => undefined).finally(() => (this.#becoming = undefined))
    await becoming
    return taken
  }

  /** Durable before anybody can hear of it: after a crash nobody must find a term taken twice. */
  async #become(taken: PairStep, before: PairState): Promise<void> {
    const { file, log } = this.#options
    try {
      await file.write({ durable: durableOf(taken.state) })
    } catch (thrown) {
      log.error('cannot become active: the term cannot be written down', { problem: messageOf(thrown) })
      // It did not stand still meanwhile, and what was asked to be kept did not come to be.
      this.#state = { ...before, tickedAt: taken.state.tickedAt }
      this.#keepInBackground()
      throw thrown
    }
    this.#adopt(taken)
  }

  #adopt({ state, effects }: PairStep): void {
    this.#state = state
    for (const effect of effects) this.#carryOut(effect)
    if (effects.length > 0) this.#options.changed?.()
  }

  #keepInBackground(): void {
    const { file, log } = this.#options
    const durable = durableOf(this.#state)
    const kept = file.kept.durable
    const isKept = (['term', 'ownTerm', 'acts', 'joins'] as const).every((each) => kept[each] === durable[each])
    if (isKept) return
    this.#background(
      file.write({ durable }).catch((thrown: unknown) => {
        log.error('state of the pair not written', { problem: messageOf(thrown) })
      }),
    )
  }

  #carryOut(effect: PairEffect): void {
    const { acting, tell, log } = this.#options
    switch (effect.do) {
      case 'act':
        log.info('becomes active', { term: effect.term })
        return this.#then('act', () => acting.act(effect.term))
      case 'stop acting':
        log.info('stops acting', { term: this.#state.term })
        return this.#then('stop acting', () => acting.stop())
      case 'keep own work': {
        const { otherTerm, since } = effect
        const forMs = this.#clock.elapsed() - since
        return this.#then('keep own work', () => acting.keepOwnWork({ otherTerm, forMs }))
      }
      case 'copy anew':
        return this.#then('copy anew', () => acting.copyAnew())
      case 'poll':
        return this.#poll(true)
      case 'audit': {
        const { action, term, why, seen } = effect
        log.info('failover', { action, term, why, seen })
        return this.#then('audit', async () => tell.audit({ action, term, why, seen }))
      }
      case 'raise': {
        const { key, severity, message } = effect
        log.warn('failover problem', { about: key, severity, message })
        return this.#then('raise', async () => tell.raise({ key, severity, message }))
      }
      case 'clear': {
        const { key } = effect
        return this.#then('clear', async () => tell.clear(key))
      }
    }
  }

  #then(what: string, act: () => Promise<void>): void {
    // `stop` awaits it.
    this.#carrying = this.#carrying.then(act).catch((thrown: unknown) => {
      this.#options.log.error('failover step failed', { what, problem: messageOf(thrown) })
    })
  }

  /** What the other sent while this side stood still waited at its door: it says how things were, and nothing of who took over since. */
  #noteStandstill(): void {
    const now = this.#clock.elapsed()
    if (now - this.#state.tickedAt > this.settings().timeoutMs / 3) this.#deafUntil = now + deafMs
  }

  #tick(): void {
    if (this.#isStopped) return
    this.#noteStandstill()
    this.#background(this.#take({ is: 'tick' }))
    this.#cancelTick = this.#clock.after(tickMs, () => this.#tick())
  }

  /** What cannot be done is logged where it fails; the next tick tries again. */
  #background(work: Promise<unknown>): void {
    void work.catch(() => undefined)
  }

  // --- Polls

  get #isPolling(): boolean {
    const { role, mode } = this.settings()
    return role === 'SECONDARY' && mode !== 'OFF'
  }

  /** @param isAsked by something that the other is to hear of; else it is the regular one */
  #poll(isAsked = false): void {
    if (this.#isStopped || (!this.#isPolling && !isAsked) || this.settings().role !== 'SECONDARY') return
    this.#cancelPoll()
    if (this.#polling !== undefined) {
      this.#pollAgain ||= isAsked
      return
    }
    this.#pollAgain = false
    this.#polling = this.#pollOnce().finally(() => {
      this.#polling = undefined
      if (this.#pollAgain) this.#poll(true)
      else if (!this.#isStopped) this.#cancelPoll = this.#clock.after(this.#pauseMs, () => this.#poll())
    })
  }

  get #pauseMs(): number {
    const isHurried =
      reportOf(this.#state, this.#world).handOver !== 'none' ||
      (this.#state.peer !== undefined && this.#state.peer.handOver !== 'none')
    return isHurried ? hurriedPollMs : this.settings().pollMs
  }

  /** Never rejects. */
  async #pollOnce(): Promise<void> {
    const { poll, log } = this.#options
    const { timeoutMs } = this.settings()
    try {
      const askedAt = this.#clock.elapsed()
      const { report } = await poll(reportOf(this.#state, this.#world), timeoutMs / 3, this.#abort.signal)
      // One that waited here while this server stood still says how things were, and nothing of who took over since.
      if (this.#clock.elapsed() - askedAt > timeoutMs / 2)
        throw new FarwatchError('unreachable', 'the answer of the PRIMARY was old when it was read', {
          hint: 'This server stood still. The next poll is made at once.',
        })
      this.#pollProblem = undefined
      await this.#take({ is: 'heard', report })
    } catch (thrown) {
      if (this.#isStopped) return
      const problem = messageOf(thrown)
      if (this.#pollProblem !== problem) log.warn('poll of the primary failed', { problem })
      this.#pollProblem = problem
      if (thrown instanceof RefusedByPeer && thrown.reason !== 'refused')
        this.#background(this.#take({ is: 'turned away', why: thrown.message }))
    }
  }

  /** What the other holds of this side's data, so that data which is older than that is found out even where the other is not there. */
  #note({ acts, isWhole, term, position }: Report): void {
    const { file } = this.#options
    const { peer } = file.kept
    const now = this.#clock.elapsed()
    if (peer === undefined || acts || !isWhole || now - this.#notedAt < noteMs) return
    if (comparePosition(position, peer.position) <= 0 || comparePosition(position, this.#options.own().position) > 0)
      return
    this.#notedAt = now
    this.#background(file.write({ peer: { ...peer, term, position } }))
  }

  get #rules(): World['rules'] {
    return rulesOf(this.settings())
  }

  get #world(): World {
    return { rules: this.#rules, own: this.#options.own() }
  }

  get #other(): string {
    return this.settings().role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
  }
}

const words: Readonly<Record<ShownState, string>> = {
  active: 'active',
  held: 'held',
  standby: 'standing by',
  off: 'not acting, and the failover mechanism is off',
}

function granted({ refused }: PairStep): void {
  if (refused !== undefined) throw new FarwatchError('conflict', refused.message, { hint: refused.hint })
}

function lagOf(own: OwnFacts, peer: Report | undefined): number | undefined {
  return peer?.position.term === own.position.term ? Math.abs(peer.position.count - own.position.count) : undefined
}

function withoutAt({ at: _, ...report }: Report & { readonly at: number }): Report {
  return report
}
