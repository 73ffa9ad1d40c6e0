import { randomUUID } from 'node:crypto'
import { FarwatchError, messageOf, type Clock } from '../base/index.ts'
import {
  Answering,
  Pair,
  PairFile,
  Polling,
  DrillSchedule,
  Drills,
  checkSetUp,
  switchOver,
  type Acting,
  type DrillReport,
  type ForcePrice,
  type PairRefusal,
  type PairSettings,
  type SetUpStep,
} from '../failover/index.ts'
import type { FailoverFacts, FailoverQuestions, HandOverReport, PairNow } from '../api/index.ts'
import type { UploadAnswer, UploadBatch } from '../model/index.ts'
import { Connections } from '../platform/wire/index.ts'
import { sleptMs, systemDisk } from '../platform/index.ts'
import { ReplicationFollower, ReplicationSource, databaseSource, databaseTarget } from '../replication/index.ts'
import { beforeDrill, drillCounts, type BeforeDrill, type CountedServer } from './drill-counts.ts'
import type { FleetPair } from './fleet.ts'
import { HistoryTarget, historySource } from './history-part.ts'
import type { History } from './history.ts'
import type { Machine } from './machine.ts'
import { OwnData } from './own-data.ts'
import { PairEvents } from './pair-events.ts'
import { PairExchange } from './pair-exchange.ts'
import { writeMark } from './pair-store.ts'
import { giveOwnWork, keepOwnWork, mergeWork } from './own-work.ts'
import { putAside } from './put-aside.ts'
import { tickEvery, type ServerEngines } from './server-engines.ts'

/** What a pair needs of the server that is half of it. */
export interface PairHost {
  history(): History
  engines(): ServerEngines | undefined
  inTurn<T>(act: () => Promise<T>): Promise<T>
  /** Resolves when this server acts. Its first step is `PairRole.beginWriting`. */
  act(): Promise<void>
  /** Resolves when nothing is written here any more. */
  stop(): Promise<void>
  /** Called in turn. */
  exchangeHistory(replace: () => void): Promise<void>
  /** What is stored is newer than what is shown. @param isUrgent it concerns agents */
  stale(isUrgent: boolean): void
  /** Who acts, or how the two stand, may be another now. */
  changed(): void
  /** Where agents and people reach this server. */
  ownUrl(): string
}

const lookMs = 1_000
/** An exchange that brought nothing is followed by the next one after this time at most, however seldom the other is polled. */
const restMs = 500
const hurriedMs = 50
/** How often it is looked whether there is something of a split to be given to the other side. */
const giveMs = 2_000
const exchangeSilentMs = 60_000
/** What a hand-over may take until whoever asked for it is told that it was not taken. */
const handOverMs = 60_000
const agentTables = /^(agent|enrolment_token|distribution)/

/** One half of a failover pair as part of a server: who acts, what goes between the two, and what people and agents are told of it. */
export class PairRole implements FleetPair, FailoverQuestions {
  readonly #machine: Machine
  readonly #file: PairFile
  readonly #clock: Clock
  readonly #boot = randomUUID()
  readonly #connections: Connections
  readonly #abort = new AbortController()
  #joined: Joined | undefined
  #endTicks: () => Promise<void> = async () => undefined
  #endRounds: () => Promise<void> = async () => undefined
  #endGiving: () => Promise<void> = async () => undefined
  #exchangeProblem: string | undefined
  /** Where the other side is reached, as it said. */
  #peerUrl: string | undefined
  #peerUuid: string | undefined
  /** Why the last poll of the SECONDARY was refused, on the PRIMARY, where that is a matter of the two of them. */
  #refusedPoll: string | undefined
  #isQuiet = true
  /** Since when there are changes here that the other server does not have, of when this one last acted. */
  #tailSince: number | undefined
  #keeping: Promise<void> = Promise.resolve()
  #beforeDrill: BeforeDrill = { at: 0, runs: 0 }

  private constructor(machine: Machine, file: PairFile) {
    this.#machine = machine
    this.#file = file
    const { clock, keystore } = machine
    // A machine that slept was not there, whatever its clocks say.
    this.#clock = {
      now: () => clock.now(),
      elapsed: () => clock.elapsed() + sleptMs(),
      after: (ms, act) => clock.after(ms, act),
    }
    this.#connections = new Connections({ clock, trust: keystore, proxy: () => machine.settings.values.proxy })
  }

  /** @throws FarwatchError `storage-corrupt`, `data-directory-newer` */
  static async open(machine: Machine): Promise<PairRole> {
    const { directory } = machine
    return new PairRole(
      machine,
      await PairFile.open({ disk: systemDisk, path: directory.file('failover.json'), instance: directory.uuid }),
    )
  }

  /** Meets the server that it is half of. Nobody acts and nothing is sent before `start`. */
  async attach(host: PairHost): Promise<void> {
    const machine = this.#machine
    const { directory, log, vault, keyring, version, database } = machine
    const history = () => host.history()
    const events = await PairEvents.open(machine, () => host.engines())
    const target = new HistoryTarget({
      directory: directory.path,
      history,
      exchange: (replace) => host.exchangeHistory(replace),
    })
    const parts = [target, databaseTarget(database.changes, directory.path)]
    const follower = new ReplicationFollower({
      parts,
      onApplied: (part, tables) => {
        // It goes on from where this side was: nothing is here that is not there.
        this.#tailSince = undefined
        if (part !== 'database') return
        host.stale(tables.length === 0 || tables.some((table) => agentTables.test(table)))
      },
      onReleased: (position) => history().release(position),
      onCopyNeeded: (part, why) => this.#copyNeeded(part, why),
      onNewer: (part, why) => log.warn('cannot follow a newer version', { part, why }),
    })
    const own = new OwnData({
      machine,
      file: this.#file,
      history,
      engines: () => host.engines(),
      isFollowing: () => {
        const states = Object.values(follower.states())
        return states.length === parts.length && states.every(({ is }) => is === 'following')
      },
      isQuiet: () => this.#isQuiet && host.engines()?.acts !== true,
    })
    await own.refresh()
    this.#noteTail(own)
    const polling = new Polling({
      clock: this.#clock,
      signer: () => signerOf(machine),
      publicKey: () => machine.identity.publicKey,
      version,
      boot: this.#boot,
      url: () => host.ownUrl(),
      peerUrl: () => this.#file.kept.settings.peerUrl,
      peerUuid: () => this.#file.kept.settings.peerUuid,
      send: (sent, signal) => this.#connections.send(sent, signal),
    })
    const pair: Pair = new Pair({
      clock: this.#clock,
      log,
      file: this.#file,
      own: () => own.facts(),
      poll: async (report, silentMs, signal) => {
        const answered = await polling.poll(report, silentMs, signal)
        this.#met(answered)
        return answered
      },
      acting: this.#acting(host, own, events),
      tell: {
        raise: (problem) => events.raise(problem),
        clear: (key) => events.clear(key),
        audit: (entry) => void events.audit(entry),
      },
      changed: () => host.changed(),
    })
    const exchange = new PairExchange({
      source: new ReplicationSource({
        parts: [historySource(history), databaseSource(database.changes, directory.path)],
        clock: machine.clock,
        released: () => host.engines()?.alarms.position() ?? 0,
      }),
      follower,
      vault,
      keys: () => keyring.present,
      direction: () => pair.direction(),
      carried: async () => {
        await pair.carried()
        await this.#keeping
      },
      inTurn: (act) => host.inTurn(act),
      follow: () => this.#follow(history()),
      moved: () => own.refresh(),
      upload: (batch) => this.#engines(host).upload(batch),
      keepWork: async (work) => {
        const is = await mergeWork(machine, this.#engines(host), work)
        if (is !== 'results') log.info('what the other server did while both acted is merged', { is })
      },
    })
    const answering = new Answering({
      clock: this.#clock,
      uuid: directory.uuid,
      version,
      url: () => host.ownUrl(),
      role: () => this.#file.kept.settings.role,
      peerUuid: () => this.#file.kept.settings.peerUuid,
      peerKey: pair.peerKey,
      refused: (reason, message) => this.#refused(reason, message),
      heard: async (report, { url }) => {
        this.#refusedPoll = undefined
        this.#met({ uuid: this.#file.kept.settings.peerUuid, url })
        return pair.heard(report)
      },
      exchange: (message) => exchange.answer(message),
    })
    const drills = await Drills.open({
      clock: machine.clock,
      pair,
      signal: this.#abort.signal,
      setUp: () => this.#setUp(),
      count: async (from, to) => {
        await pair.carried()
        return drillCounts(this.#counted(host), this.#beforeDrill, from, to)
      },
      disk: systemDisk,
      path: directory.file('drills.json'),
      log,
    })
    const schedule = new DrillSchedule({
      clock: machine.clock,
      log,
      pair,
      settings: () => {
        const { failoverDrillDays, failoverDrillHour } = machine.settings.values
        return { everyDays: failoverDrillDays, hour: failoverDrillHour }
      },
      lastAt: async () => drills.list()[0]?.startedAt,
      run: () => this.drill('schedule'),
    })
    this.#joined = { host, pair, own, events, exchange, polling, answering, target, drills, schedule }
  }

  start(): void {
    const { pair, own, events, exchange, polling, schedule } = this.#there
    // Where the mechanism is off it acts from the start, and nobody tells it to.
    events.acts()
    pair.start()
    this.#endTicks = tickEvery(
      lookMs,
      () => own.look(),
      (thrown) => this.#machine.log.error('own data not looked at', { problem: messageOf(thrown) }),
    )
    const send = (message: Uint8Array) => polling.exchange(message, pair.term(), exchangeSilentMs, this.#abort.signal)
    const round = async () => {
      if (!this.#polls) return false
      const more = await exchange.round(send, this.#clock.elapsed())
      this.#exchangeProblem = undefined
      return more
    }
    this.#endRounds = this.#roundsEvery(round)
    schedule.start()
    this.#endGiving = tickEvery(
      giveMs,
      async () => {
        if (pair.direction() === 'takes') await giveOwnWork(this.#machine, (work) => exchange.giveWork(work))
      },
      (thrown) => this.#machine.log.warn('own work not given yet', { problem: messageOf(thrown) }),
    )
  }

  /** What was given at the start, as far as it is not so already. @throws FarwatchError as `set` */
  async given(given: Partial<PairSettings>): Promise<void> {
    const { settings } = this.#file.kept
    const entries = Object.entries(given).filter(([name, value]) => settings[name as keyof PairSettings] !== value)
    if (entries.length > 0) await this.set(Object.fromEntries(entries), 'environment')
  }

  /** May be called twice. Says nothing to the other side: it is to take over when this one stays away. */
  async stop(): Promise<void> {
    const joined = this.#joined
    this.#abort.abort()
    this.#connections.close()
    joined?.exchange.dropUploads()
    await joined?.pair.stop()
    await joined?.schedule.stop()
    await this.#endRounds()
    await this.#endTicks()
    // No piece is begun any more, and nobody takes the one that waits.
    const givingEnds = this.#endGiving()
    joined?.exchange.dropUploads()
    await givingEnds
    await joined?.events.flush()
    await joined?.target.close()
  }

  get #there(): Joined {
    if (this.#joined === undefined) throw new Error('the pair has not met its server')
    return this.#joined
  }

  get #polls(): boolean {
    const { role, mode } = this.#file.kept.settings
    return role === 'SECONDARY' && mode !== 'OFF'
  }

  #engines(host: PairHost): ServerEngines {
    const engines = host.engines()
    if (engines?.acts !== true)
      throw new FarwatchError('not-in-this-role', 'this server does not act: it takes no results')
    return engines
  }

  /** Of what only the SECONDARY itself can cause: anybody may send what is refused for other reasons. */
  #refused(reason: PairRefusal, message: string): void {
    if (reason !== 'versions') return
    if (message !== this.#refusedPoll) this.#machine.log.warn('poll of the SECONDARY refused', { problem: message })
    this.#refusedPoll = message
  }

  #met({ uuid, url }: { readonly uuid: string; readonly url: string | undefined }): void {
    this.#peerUuid = uuid
    // One that is just being started does not know it yet.
    if (url !== '') this.#peerUrl = url
  }

  /** Changes that the other server never had are among what is exchanged for a copy: they are kept, to be merged there. */
  #copyNeeded(part: string, why: string): void {
    this.#machine.log.warn('copied anew from the other server', { part, why })
    const since = this.#tailSince
    if (since === undefined) return
    this.#tailSince = undefined
    this.#keeping = this.#keepOwnWork(since).catch(this.#machine.notApplied('keeping of own work'))
  }

  async #keepOwnWork(since: number): Promise<void> {
    const { log, directory, database, clock } = this.#machine
    const { pair, host } = this.#there
    this.#tailSince = undefined
    const copy = await putAside(directory, database, clock.now())
    const { role } = pair.settings()
    const about = { otherTerm: pair.state().term, since, who: `The ${role}` }
    const work = await keepOwnWork(this.#machine, host.history(), about)
    log.warn('what this server had and the other had not is put aside', { copy, work })
  }

  /** To be called while changes are still logged: from when on the other server does not have what was changed here. */
  #noteTail(own: OwnData): void {
    const { database, history } = own.feeds ?? {}
    const moments = [database, history].flatMap((feed) =>
      feed?.mode === 'logging' && feed.since !== undefined ? [feed.since] : [],
    )
    this.#tailSince = moments.length === 0 ? undefined : Math.min(...moments)
  }

  // --- Rounds of the exchange, on the SECONDARY

  #roundsEvery(round: () => Promise<boolean>): () => Promise<void> {
    let isEnding = false
    let wake = () => undefined as void
    const rest = (ms: number) =>
      new Promise<void>((resolve) => {
        const cancel = this.#machine.clock.after(ms, resolve)
        wake = () => {
          cancel()
          resolve()
        }
      })
    const run = async () => {
      while (!isEnding) {
        let hasMore = false
        try {
          hasMore = await round()
        } catch (thrown) {
          this.#exchangeFailed(thrown)
        }
        if (!hasMore && !isEnding) await rest(this.#restMs)
      }
    }
    const running = run()
    return async () => {
      isEnding = true
      wake()
      await running
    }
  }

  get #restMs(): number {
    const { pair } = this.#there
    const { peer, standing } = pair.state()
    const isHurried = standing.is === 'giving' || (peer !== undefined && peer.handOver !== 'none')
    return isHurried ? hurriedMs : Math.min(restMs, this.#file.kept.settings.pollMs)
  }

  #exchangeFailed(thrown: unknown): void {
    if (this.#abort.signal.aborted) return
    const problem = messageOf(thrown)
    if (problem !== this.#exchangeProblem) this.#machine.log.warn('exchange with the other server failed', { problem })
    this.#exchangeProblem = problem
  }

  // --- What the server does because it acts, or does not

  #acting(host: PairHost, own: OwnData, events: PairEvents): Acting {
    const { log, database, directory, clock } = this.#machine
    return {
      act: async () => {
        this.#isQuiet = false
        this.#there.exchange.dropUploads()
        await host.act()
        await own.refresh()
        events.acts()
      },
      stop: async () => {
        await host.stop()
        await own.refresh()
        this.#noteTail(own)
        this.#isQuiet = true
      },
      keepOwnWork: async ({ otherTerm, forMs }) => {
        log.warn('both servers acted', { otherTerm, forMs })
        await this.#keepOwnWork(clock.now() - forMs)
      },
      copyAnew: () =>
        host.inTurn(async () => {
          const { feeds } = own
          // Called again before the copy is complete, there is nothing of its own left.
          if (feeds?.database.mode !== 'following' || feeds.database.point.line !== '') {
            const where = await putAside(directory, database, clock.now())
            log.info('what this server had is put aside', { where })
          }
          for (const changes of [host.history().changes, database.changes]) {
            await changes.stop()
            await changes.startFollowing()
          }
          await own.refresh()
        }),
    }
  }

  /** Called in turn, before the first write of a server that acts, and again where its settings are others. @throws FarwatchError `storage-unwritable` */
  async beginWriting(): Promise<void> {
    const { host, own, pair } = this.#there
    const { database } = this.#machine
    const stores = [host.history().changes, database.changes]
    if (this.#file.kept.settings.role === 'NONE') {
      for (const changes of stores) await changes.stop()
      return
    }
    const line = randomUUID()
    for (const changes of stores) {
      // Forced to act before its copy began, it must not pass for one with the same changes as another that never had any.
      if ((await changes.facts()).point.line === '') await changes.stop()
      await changes.startLogging(line)
    }
    await own.refresh()
    const term = pair.term()
    if (own.facts().position.term === term) return
    // The first change of a term, by which the two servers' changes are told apart.
    await writeMark(database, term)
    await own.refresh()
  }

  /** From now on only what the other server sends is written here. */
  async #follow(history: History): Promise<void> {
    await Promise.all([history.changes.startFollowing(), this.#machine.database.changes.startFollowing()])
  }

  // --- For agents

  term(): number {
    return this.#there.pair.term()
  }

  notActive(): string | undefined {
    return this.#there.pair.notActive()
  }

  agentSaid(agent: string, said: { readonly servedMsAgo: number | undefined; readonly term: number }): void {
    this.#there.pair.agentSaid(agent, said)
  }

  servers(): readonly string[] {
    // One that was in a pair once leads agents back to itself alone.
    if (this.#file.kept.settings.role === 'NONE')
      return this.#file.kept.durable.term > 1 ? [this.#there.host.ownUrl()] : []
    const { peerUrl } = this.#file.kept.settings
    const other = this.#peerUrl ?? (peerUrl === '' ? undefined : peerUrl)
    return [this.#there.host.ownUrl(), other ?? ''].filter((url) => url !== '')
  }

  peerUuid(): string | undefined {
    const { peerUuid } = this.#file.kept.settings
    return this.#peerUuid ?? (peerUuid === '' ? undefined : peerUuid)
  }

  activeServer(): string | undefined {
    return this.now().activeUrl
  }

  /** Agents say what they see of the other server a few times within the timeout. */
  witnessMs(): number {
    return this.#file.kept.settings.timeoutMs / 3
  }

  /** Takes the messages of the SECONDARY. */
  get answering(): Pick<Answering, 'handle'> {
    return this.#there.answering
  }

  /** Results of the agent in this process, of a time when this server acted. @throws FarwatchError as `History.upload` */
  uploadToActive(batch: UploadBatch): Promise<UploadAnswer> {
    return this.#there.exchange.uploadToActive(batch)
  }

  // --- For people

  now(): PairNow {
    const { pair, host } = this.#there
    const { role } = pair.settings()
    const state = pair.state()
    const notActive = pair.notActive()
    return {
      role,
      state: pair.shown(),
      term: pair.term(),
      notActive,
      activeUrl: notActive === undefined ? host.ownUrl() : state.peer?.acts === true ? this.servers()[1] : undefined,
    }
  }

  async status(): Promise<FailoverFacts> {
    const { pair, exchange } = this.#there
    const { directory, log } = this.#machine
    const parts = await exchange.parts().catch((thrown: unknown) => {
      log.warn('replication not looked at', { problem: messageOf(thrown) })
      return {}
    })
    const peerFingerprint = this.#file.kept.peer?.fingerprint
    const status = pair.status()
    const shown = { ...status, pollProblem: status.pollProblem ?? this.#refusedPoll }
    return { pair: shown, parts, setUp: this.#setUp(), ownUuid: directory.uuid, peerFingerprint }
  }

  #setUp(): readonly SetUpStep[] {
    const { pair, host } = this.#there
    const { settings, pollProblem } = pair.status()
    const { registry } = host.engines()?.fleet ?? {}
    return checkSetUp(settings, pair.state(), {
      ownUuid: this.#machine.directory.uuid,
      peerFingerprint: this.#file.kept.peer?.fingerprint,
      pollProblem,
      remoteAgents: registry?.agents().filter(({ registration }) => registration === 'ACCEPTED').length ?? 0,
    })
  }

  async set(given: Partial<PairSettings>, by: string): Promise<void> {
    const { pair, host, events } = this.#there
    const { directory } = this.#machine
    const before = pair.settings()
    const checked = await pair.set(given, {
      ownUuid: directory.uuid,
      ownUrls: [host.ownUrl()],
      isServer: true,
    })
    if (!checked.ok)
      throw new FarwatchError('invalid-value', 'these settings of the pair do not go together; nothing was changed', {
        problems: checked.problems,
        hint: checked.problems[0]?.hint ?? '',
      })
    await pair.carried()
    if (before.role !== 'NONE' && checked.value.role === 'NONE' && pair.notActive() === undefined)
      await host.inTurn(() => this.beginWriting())
    await events.record({ who: by, action: 'failover set', what: 'failover', before, after: checked.value })
    host.changed()
  }

  async handOver(by: string): Promise<HandOverReport> {
    const { pair } = this.#there
    this.#machine.log.info('hand-over asked for', { by })
    const { active, term, ms } = await switchOver(
      { clock: this.#machine.clock, pair, signal: this.#abort.signal },
      handOverMs,
    )
    await pair.carried()
    return { active, term, ms }
  }

  forcePrice(): ForcePrice {
    return this.#there.pair.forcePrice()
  }

  async force(by: string): Promise<void> {
    const { pair } = this.#there
    const { events } = this.#there
    await pair.force()
    await events.record({ who: by, action: 'failover forced', what: 'failover', after: { term: pair.term() } })
    await pair.carried()
  }

  async drill(by: string): Promise<DrillReport> {
    const { drills, host } = this.#there
    this.#beforeDrill = await beforeDrill(this.#counted(host))
    return drills.run(by)
  }

  async drills(): Promise<readonly DrillReport[]> {
    return this.#there.drills.list()
  }

  #counted(host: PairHost): CountedServer {
    return { machine: this.#machine, clock: this.#machine.clock, history: host.history(), engines: this.#engines(host) }
  }

  /** Takes an entry of the audit log, which is the other server's while this one does not act. @returns when it is written, or kept */
  record(entry: Parameters<PairEvents['record']>[0]): Promise<void> {
    return this.#there.events.record(entry)
  }
}

interface Joined {
  readonly host: PairHost
  readonly pair: Pair
  readonly own: OwnData
  readonly events: PairEvents
  readonly exchange: PairExchange
  readonly polling: Polling
  readonly answering: Answering
  readonly target: HistoryTarget
  readonly drills: Drills
  readonly schedule: DrillSchedule
}

function signerOf({ identity }: Machine) {
  const { uuid, privateKey, fingerprint } = identity
  return { uuid, privateKey, fingerprint }
}
