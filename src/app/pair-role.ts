import { randomUUID } from 'node:crypto'
import { FarwatchError, messageOf, type Clock } from '../base/index.ts'
import {
  Answering,
  Pair,
  PairFile,
  Polling,
  spoken,
  type Acting,
  type Answered,
  type PairRefusal,
  type PairSettings,
  type SetUpWays,
  type Ways,
} from '../failover/index.ts'
import type { UploadAnswer, UploadBatch } from '../model/index.ts'
import { Connections } from '../platform/wire/index.ts'
import { sleptMs, systemDisk } from '../platform/index.ts'
import { ReplicationFollower, ReplicationSource, databaseSource, databaseTarget } from '../replication/index.ts'
import type { FleetPair } from './fleet.ts'
import { HistoryTarget, historySource } from './history-part.ts'
import type { History } from './history.ts'
import type { Machine } from './machine.ts'
import { OwnData } from './own-data.ts'
import { PairEvents } from './pair-events.ts'
import { PairExchange } from './pair-exchange.ts'
import type { PairHost } from './pair-host.ts'
import { writeMark } from './pair-store.ts'
import { OwnTail } from './own-tail.ts'
import { giveOwnWork, mergeWork } from './own-work.ts'
import { PairQuestions } from './pair-questions.ts'
import { PairRounds } from './pair-rounds.ts'
import { putAside } from './put-aside.ts'
import { tickEvery, type ServerEngines } from './server-engines.ts'
import { watchStandby, type StandbyNews } from './standby-watch.ts'
import { ToldAddress } from './told-address.ts'

const lookMs = 1_000
/** An exchange that brought nothing is followed by the next one after this time at most, however seldom the other is polled. */
const restMs = 500
const hurriedMs = 50
/** How often it is looked whether there is something of a split to be given to the other side. */
const giveMs = 2_000
const exchangeSilentMs = 60_000
const nothingSeen: StandbyNews = { seen: new Map(), problems: [], events: [] }
/** Of what is told to the other side of an address that was tried. */
const longestProblem = 1_000
const agentTables = /^(agent|enrolment_token|distribution)/

/** One half of a failover pair as part of a server: who acts, what goes between the two, and what agents are told of it. */
export class PairRole implements FleetPair {
  readonly #machine: Machine
  readonly #file: PairFile
  readonly #clock: Clock
  readonly #boot = randomUUID()
  readonly #connections: Connections
  readonly #abort = new AbortController()
  #joined: Joined | undefined
  #endTicks: () => Promise<void> = async () => undefined
  #rounds: PairRounds | undefined
  #endGiving: () => Promise<void> = async () => undefined
  #endWatching: () => Promise<void> = async () => undefined
  /** Where the other side is reached, as it said. */
  #peerUrl: string | undefined
  #peerUuid: string | undefined
  #peerWays: Ways | undefined
  /** The version of the messages that both speak; known on the SECONDARY, which begins every exchange. */
  #agreed: number = spoken.min
  /** What this side makes of the other's copy, while it acts. */
  #standby: StandbyNews = nothingSeen
  /** Why the last poll of the SECONDARY was refused, on the PRIMARY, where that is a matter of the two of them. */
  #refusedPoll: string | undefined
  #isQuiet = true

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
    const tail = new OwnTail({ machine, history, pair: () => this.#there.pair })
    const follower = new ReplicationFollower({
      parts,
      onApplied: (part, tables) => {
        tail.forget()
        if (part !== 'database') return
        host.stale(tables.length === 0 || tables.some((table) => agentTables.test(table)))
      },
      onReleased: (position) => history().release(position),
      onCopyNeeded: (part, why) => {
        log.warn('copied anew from the other server', { part, why })
        tail.copyNeeded()
      },
      onNewer: (part, why) => log.warn('cannot follow a newer version', { part, why }),
      versions: spoken,
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
    tail.note(own.feeds)
    const polling = new Polling({
      clock: this.#clock,
      signer: () => signerOf(machine),
      publicKey: () => machine.identity.publicKey,
      version,
      boot: this.#boot,
      url: () => host.ownUrl(),
      ways: () => this.#ways(),
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
        this.#agreed = answered.protocol
        return answered
      },
      acting: this.#acting(host, own, events, tail),
      tell: {
        raise: (problem) => events.raise(problem),
        clear: (key) => events.clear(key),
        audit: (entry) => void events.audit(entry),
      },
      changed: () => host.changed(),
    })
    const source = new ReplicationSource({
      parts: [
        historySource(history),
        databaseSource(
          { ...database.changes, copy: (to) => own.allow(() => database.changes.copy(to)) },
          directory.path,
        ),
      ],
      clock: machine.clock,
      released: () => host.engines()?.alarms.position() ?? 0,
      versions: spoken,
    })
    const exchange = new PairExchange({
      source,
      follower,
      versions: spoken,
      agreed: () => this.#agreed,
      vault,
      keys: () => keyring.present,
      direction: () => pair.direction(),
      carried: async () => {
        await pair.carried()
        await tail.kept()
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
      ways: () => this.#ways(),
      role: () => this.#file.kept.settings.role,
      peerUuid: () => this.#file.kept.settings.peerUuid,
      peerKey: pair.peerKey,
      refused: (reason, message) => this.#refused(reason, message),
      heard: async (report, { url, ways }) => {
        this.#refusedPoll = undefined
        this.#met({ uuid: this.#file.kept.settings.peerUuid, url, ways })
        return pair.heard(report)
      },
      exchange: (message) => exchange.answer(message),
    })
    const address = new ToldAddress({
      clock: this.#clock,
      polling,
      peerUrl: () => this.#file.kept.settings.peerUrl,
      told: () =>
        this.#peerUrl === undefined || this.#peerUuid === undefined
          ? undefined
          : { url: this.#peerUrl, uuid: this.#peerUuid },
      signal: this.#abort.signal,
    })
    const questions = await PairQuestions.open({
      machine,
      host,
      pair,
      exchange,
      events,
      engines: () => this.#engines(host),
      peer: () => ({
        fingerprint: this.#file.kept.peer?.fingerprint,
        url: this.servers()[1],
        ways: this.#setUpWays,
        refusedPoll: this.#refusedPoll,
        problems: this.#standby.problems,
      }),
      beginWriting: () => this.beginWriting(),
      signal: this.#abort.signal,
    })
    this.#joined = {
      host,
      pair,
      own,
      events,
      source,
      exchange,
      polling,
      address,
      answering,
      target,
      questions,
    }
  }

  start(): void {
    const { pair, own, events, exchange, polling, questions } = this.#there
    // Where the mechanism is off it acts from the start, and nobody tells it to.
    events.acts()
    pair.start()
    this.#endTicks = tickEvery(
      lookMs,
      () => own.look(),
      (thrown) => this.#machine.log.error('own data not looked at', { problem: messageOf(thrown) }),
    )
    const send = (message: Uint8Array) => polling.exchange(message, pair.term(), exchangeSilentMs, this.#abort.signal)
    this.#rounds = new PairRounds({
      clock: this.#machine.clock,
      log: this.#machine.log,
      round: async () => this.#polls && (await exchange.round(send, this.#clock.elapsed())),
      restMs: () => this.#restMs,
      signal: this.#abort.signal,
    })
    this.#endWatching = tickEvery(
      lookMs,
      () => this.#watch(),
      (thrown) => this.#machine.log.warn('the other server not looked at', { problem: messageOf(thrown) }),
    )
    questions.start()
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
    if (entries.length > 0) await this.questions.set(Object.fromEntries(entries), 'environment')
  }

  /** May be called twice. Says nothing to the other side: it is to take over when this one stays away. */
  async stop(): Promise<void> {
    const joined = this.#joined
    this.#abort.abort()
    this.#connections.close()
    joined?.exchange.dropUploads()
    await joined?.pair.stop()
    await joined?.questions.stop()
    await this.#rounds?.stop()
    await this.#endTicks()
    await this.#endWatching()
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

  #met({ uuid, url, ways }: Pick<Answered, 'uuid' | 'url' | 'ways'>): void {
    this.#peerUuid = uuid
    this.#peerWays = ways
    // One that is just being started does not know it yet.
    if (url !== '') this.#peerUrl = url
  }

  // --- What is looked at besides

  get #restMs(): number {
    const { pair } = this.#there
    const { peer, standing } = pair.state()
    const isHurried = standing.is === 'giving' || (peer !== undefined && peer.handOver !== 'none')
    return isHurried ? hurriedMs : Math.min(restMs, this.#file.kept.settings.pollMs)
  }

  /** How the other one's copy goes, while this side acts, and on the SECONDARY whether the PRIMARY is where agents are sent. */
  async #watch(): Promise<void> {
    const { pair, source, events, address } = this.#there
    const before = this.#standby
    const { role } = pair.settings()
    const other = role === 'PRIMARY' ? 'SECONDARY' : 'PRIMARY'
    const isWatched = role !== 'NONE' && pair.shown() === 'active'
    this.#standby = isWatched
      ? watchStandby(before.seen, await source.lag(), other, this.#clock.elapsed())
      : nothingSeen
    const { problems, events: happened } = this.#standby
    for (const { action, what } of happened) void events.record({ who: 'failover', action, what })
    for (const problem of problems)
      if (before.problems.find(({ key }) => key === problem.key)?.message !== problem.message) events.raise(problem)
    for (const { key } of before.problems) if (!problems.some((problem) => problem.key === key)) events.clear(key)
    if (this.#polls) await address.look()
  }

  /** What the other side is told of the ways to both. */
  #ways(): Ways {
    const { pair, address } = this.#there
    const agents = pair.calling()
    const { tried } = address
    if (tried === undefined) return { agents }
    const { url, problem } = tried
    return { agents, tried: problem === undefined ? { url } : { url, problem: problem.slice(0, longestProblem) } }
  }

  get #setUpWays(): SetUpWays {
    const { pair, own, address, host } = this.#there
    const { peer } = pair.state()
    const isActive = pair.notActive() === undefined
    const url = isActive ? this.#peerUrl : host.ownUrl()
    const agents = isActive ? own.facts().followers : (peer?.followers ?? 0)
    const calling = isActive ? this.#peerWays?.agents : pair.calling()
    const tried = this.#polls ? address.tried : this.#peerWays?.tried
    return {
      idle: url === undefined || calling === undefined ? undefined : { url, agents, calling },
      tried: tried === undefined ? undefined : { url: tried.url, problem: tried.problem },
    }
  }

  // --- What the server does because it acts, or does not

  #acting(host: PairHost, own: OwnData, events: PairEvents, tail: OwnTail): Acting {
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
        tail.note(own.feeds)
        this.#isQuiet = true
      },
      keepOwnWork: async ({ otherTerm, forMs }) => {
        log.warn('both servers acted', { otherTerm, forMs })
        await tail.keep(clock.now() - forMs)
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

  /** What people ask. */
  get questions(): PairQuestions {
    return this.#there.questions
  }

  // --- For agents

  term(): number {
    return this.#there.pair.term()
  }

  /** It is no half of a pair: it acts from the start, and nobody else writes what it has. */
  get isSingle(): boolean {
    return this.#file.kept.settings.role === 'NONE'
  }

  notActive(): string | undefined {
    return this.#there.pair.notActive()
  }

  agentSaid(agent: string, said: { readonly servedMsAgo: number | undefined; readonly term: number }): void {
    this.#there.pair.agentSaid(agent, said)
  }

  isAlone(): boolean {
    const { pair, own } = this.#there
    const { standing } = pair.state()
    return standing.is === 'active' && standing.because === 'peer silent' && own.facts().followers === 0
  }

  knowingHigher(): readonly string[] {
    return this.#there.pair.knowingHigher()
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
    return this.questions.now().activeUrl
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
  readonly source: ReplicationSource
  readonly exchange: PairExchange
  readonly polling: Polling
  readonly address: ToldAddress
  readonly answering: Answering
  readonly target: HistoryTarget
  readonly questions: PairQuestions
}

function signerOf({ identity }: Machine) {
  const { uuid, privateKey, fingerprint } = identity
  return { uuid, privateKey, fingerprint }
}
