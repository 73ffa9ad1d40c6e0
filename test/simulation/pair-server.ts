import { openHistory, type History } from '../../src/app/history.ts'
import { ownPosition } from '../../src/app/own-position.ts'
import { Delivery } from '../../src/delivery/index.ts'
import type { Work } from '../../src/distribution/index.ts'
import { Pair, PairFile, judgeData, type OwnFacts, type Position, type Report } from '../../src/failover/index.ts'
import type { ChangeFacts, ChangePoint, Log, ReplicatedDatabase } from '../../src/platform/index.ts'
import { ReplicationFollower, ReplicationSource, type Taken } from '../../src/replication/index.ts'
import type { Evidence } from './evidence.ts'
import { OpenCalls, exchange, type Answerer, type Door } from './exchange.ts'
import { quickDisk, type Program } from './machine.ts'
import type { Network } from './network.ts'
import { Judge, type CountingReceiver } from './notifications.ts'
import type { PairEvidence } from './pair-evidence.ts'
import { partSources, partTargets } from './pair-parts.ts'
import type { PairStore } from './pair-store.ts'
import type { Scenario } from './scenario.ts'
import { Server, onThread, writerOn } from './server.ts'

/** `P` is the PRIMARY, `S` the SECONDARY, which polls. */
export type ServerName = 'P' | 'S'

export const pairFile = '/failover.json'
export const uuids: Readonly<Record<ServerName, string>> = {
  P: '11111111-1111-4111-8111-111111111111',
  S: '22222222-2222-4222-8222-222222222222',
}
export const timeoutMs = 5_000
export const pollMs = 1_000
/** Every so long the standby asks for changes, and while a hand-over is under way. */
const followEveryMs = 1_500
const hurriedMs = 100
const patienceMs = 5_000
const actAgainMs = 1_000
const servedWithinMs = 60_000

/** Small, so that messages are packed in this thread: what takes another would not be decided by the seed. */
const sourceSettings = { answerBytes: 12_000, chunkBytes: 12_000, copyBytesPerSecond: 4 * 2 ** 20 }

export interface PairServerOptions {
  readonly name: ServerName
  readonly program: Program
  readonly store: PairStore
  readonly network: Network
  /** Of the pair's line. Used by the SECONDARY alone. */
  readonly peer: Door<PairServer>
  readonly receiver: CountingReceiver
  readonly scenario: Scenario
  readonly work: Work
  readonly evidence: Evidence
  readonly pairEvidence: PairEvidence
  readonly log: Log
  /** Grows with each start of either server. */
  readonly life: number
  /** Of each time in which one of the two acts. */
  readonly nextActing: () => number
}

/** What an agent says with each call. */
export interface Said {
  readonly servedMsAgo: number | undefined
  readonly term: number
}

/** What an agent is answered. `idle`: this server does not act, or knows that it should not. */
export type Envelope<T> =
  | { readonly is: 'served'; readonly term: number; readonly value: T }
  | { readonly is: 'idle'; readonly term: number }

/** Where the data of a server is, as of its last write. */
interface Points {
  history: ChangePoint
  database: ChangePoint
  /** In which its last change was made. */
  term: number
  /** Of both stores: they begin to log, or to follow, together. */
  mode: ChangeFacts['mode']
}

interface Engines {
  readonly server: Server
  readonly delivery: Delivery
  readonly judge: Judge
}

/**
 * One life of a server of a pair, as the program joins its parts: the pair decides, the stores follow or log, and what acts (distribution,
 * judging, delivery) is there only while this side does.
 */
export class PairServer implements Answerer {
  /** Where a test builds in a mistake: what one half makes of what it hears of the other. */
  static hears = (report: Report, _here: { readonly ownTerm: number; readonly position: Position }): Report => report
  readonly program: Program
  readonly pair: Pair
  readonly #options: PairServerOptions
  readonly #file: PairFile
  readonly #database: ReplicatedDatabase
  /** Of the history that is open. */
  #source: ReplicationSource
  readonly #points: Points
  #history: History
  #follower: ReplicationFollower | undefined
  /** The answer that is being taken. */
  #taking: Promise<unknown> = Promise.resolve()
  #wanted: number | undefined
  #engines: Engines | undefined
  #isQuiet = true
  readonly #servedAt = new Map<string, number>()
  #heardLast = { life: 0, sequence: 0 }
  #sequence = 0
  readonly #calls = new OpenCalls()

  static async start(options: PairServerOptions): Promise<PairServer> {
    const { program, store, name } = options
    const file = await PairFile.open({ disk: program.disk, path: pairFile, instance: uuids[name] })
    const none = { line: '', position: 0, checksum: '' }
    const points: Points = { history: none, database: none, term: 0, mode: 'off' }
    const look = async () => {
      const { point, mode } = await store.database.changes.facts()
      Object.assign(points, { database: point, mode })
      const [row] = await store.database.read<{ term: number }>('SELECT term FROM data_term')
      points.term = row!.term
    }
    await look()
    const database = onThread(program, store.database, { wrote: look })
    const history = await openHistoryOf(options, points)
    points.history = (await history.changes.facts()).point
    return new PairServer(options, file, database, history, points)
  }

  private constructor(
    options: PairServerOptions,
    file: PairFile,
    database: ReplicatedDatabase,
    history: History,
    points: Points,
  ) {
    const { program, log, pairEvidence, name, network, peer, life } = options
    this.#options = options
    this.#file = file
    this.program = program
    this.#database = database
    this.#history = history
    this.#points = points
    this.#source = this.#makeSource()
    this.pair = new Pair({
      clock: program,
      log,
      file,
      own: () => this.#own(),
      poll: async (report, silentMs, signal) => {
        const sequence = ++this.#sequence
        const call = { patienceMs: silentMs, signal, what: 'poll of the pair' }
        const { value } = await exchange(program, network, peer, call, (other) => other.heard(life, sequence, report))
        return { report: this.#hears(value) }
      },
      acting: {
        act: (term) => this.#act(term),
        stop: () => this.#stop(),
        keepOwnWork: async ({ otherTerm }) => pairEvidence.tell(name, `keeps its own work beside term ${otherTerm}`),
        copyAnew: () => this.#copyAnew(),
      },
      tell: {
        raise: ({ key, severity }) => pairEvidence.tell(name, `raised ${severity} ${key}`),
        clear: (key) => pairEvidence.tell(name, `cleared ${key}`),
        audit: ({ action, term, why }) => pairEvidence.tell(name, `${action}, term ${term}: ${why}`),
      },
    })
    this.pair.start()
    // Whoever acts from its start is told so by nothing else.
    if (this.pair.notActive() === undefined) void this.#act(this.pair.term())
    if (name === 'S') this.#replicate()
  }

  get #parts() {
    return {
      store: this.#options.store,
      history: () => this.#history,
      database: this.#database,
      exchangeHistory: async (copy: Parameters<PairStore['finishHistory']>[0]) => {
        const { store } = this.#options
        const arrived = store.finishHistory(copy)
        if (arrived === undefined) return false
        await this.#history.close()
        store.replaceHistory(arrived)
        this.#history = await openHistoryOf(this.#options, this.#points)
        this.#points.history = (await this.#history.changes.facts()).point
        this.#source = this.#makeSource()
        return true
      },
    }
  }

  #makeSource(): ReplicationSource {
    return new ReplicationSource({ parts: partSources(this.#parts), clock: this.program, settings: sourceSettings })
  }

  #own(): OwnFacts {
    const { program } = this
    const { history, database, term, mode } = this.#points
    const { kept } = this.#file
    const stores = [history, database].map((point) => ({ mode, point }))
    const { position, isWhole, isMixed } = ownPosition(stores, term, this.#isFollowing)
    const now = program.elapsed()
    return {
      position,
      isWhole,
      isQuiet: this.#isQuiet,
      unsound: judgeData(
        {
          database: { writeProblem: undefined, integrityProblem: undefined, waitingMs: 0 },
          disk: { freeBytes: program.machine.isDiskFull ? 0 : 2 ** 30, neededBytes: 2 ** 20 },
          directory: { startedWith: '', now: '' },
          ingest: { waiting: 0, stalledMs: 0 },
          own: { term, position },
          known: kept.peer === undefined || !isWhole || isMixed ? undefined : kept.peer,
        },
        timeoutMs,
      ),
      followers: [...this.#servedAt.values()].filter((at) => now - at <= servedWithinMs).length,
      configuration: 'c',
    }
  }

  #hears(report: Report): Report {
    return PairServer.hears(report, { ownTerm: this.pair.state().ownTerm, position: this.#own().position })
  }

  get #isFollowing(): boolean {
    const states = Object.values(this.#follower?.states() ?? {})
    return states.length === 2 && states.every(({ is }) => is === 'following')
  }

  get isWhole(): boolean {
    return this.#own().isWhole
  }

  /** Where both stores are, for onlookers. */
  get points(): { readonly history: ChangePoint; readonly database: ChangePoint } {
    return this.#points
  }

  get distribution() {
    return this.#engines?.server.distribution
  }

  get server(): Server | undefined {
    return this.#engines?.server
  }

  get name(): ServerName {
    return this.#options.name
  }

  /** It acts, and does so by now. */
  get acts(): boolean {
    return this.#engines !== undefined && this.pair.state().standing.is === 'active'
  }

  // --- Acting

  async #act(term: number): Promise<void> {
    const { pairEvidence, name } = this.#options
    const { standing } = this.pair.state()
    pairEvidence.acts(name, term, standing.is === 'active' ? standing.because : standing.is)
    this.#wanted = term
    this.#isQuiet = false
    this.#follower = undefined
    await this.#taking
    await this.#begin(term)
  }

  /** A disk that is full now may have room later; unless the other side takes over meanwhile. */
  async #begin(term: number): Promise<void> {
    if (this.#wanted !== term) return
    try {
      await this.#open(term)
    } catch (thrown) {
      this.#options.pairEvidence.tell(this.#options.name, `cannot act yet: ${String(thrown)}`)
      this.program.after(actAgainMs, () => {
        // Awaited by nobody: `#stop` makes it the last.
        if (this.#engines === undefined) void this.#begin(term)
      })
    }
  }

  async #open(term: number): Promise<void> {
    const { program, scenario, work, evidence, pairEvidence, receiver, log, name, nextActing } = this.#options
    for (const { changes } of [this.#history, this.#database]) await this.#log(changes)
    if (this.#points.term !== term)
      await this.#database.write([{ sql: 'UPDATE data_term SET term = $term', params: { term } }])
    const acting = nextActing()
    const server = await Server.start({
      program,
      database: this.#database,
      history: async () => this.#history,
      scenario,
      work,
      evidence,
      log,
      life: acting,
    })
    const delivery = new Delivery({
      database: this.#database,
      clock: program,
      random: program.machine.world.random,
      log,
      configured: () => [
        { name: 'receiver', plugin: receiver.pluginOf(program, acting), settings: {}, sends: ['alarms'] },
      ],
      portalUrl: () => '',
    })
    await delivery.start()
    const judge = new Judge({ program, history: this.#history, database: this.#database, delivery })
    const engines = { server, delivery, judge }
    if (this.#wanted !== term) return this.#close(engines)
    this.#engines = engines
    pairEvidence.began(name, acting, term)
  }

  /** What was never whole goes on under a name of its own: the other one's content is another. */
  async #log({ facts, startLogging, stop }: ReplicatedDatabase['changes'] | History['changes']): Promise<void> {
    const { line } = (await facts()).point
    if (line === '') await stop()
    await startLogging(`${this.#options.name}-${this.#options.life}`)
  }

  async #stop(): Promise<void> {
    const engines = this.#engines
    this.#wanted = undefined
    this.#engines = undefined
    this.#calls.hangUp()
    this.#options.pairEvidence.ended(this.#options.name)
    if (engines !== undefined) await this.#close(engines)
    this.#isQuiet = true
  }

  async #close({ server, delivery, judge }: Engines): Promise<void> {
    await judge.stop()
    await delivery.stop()
    // What it could not store is worked out again by whoever acts next.
    await server.distribution.stop().catch(() => undefined)
  }

  /** What is here is nothing that counts, from now on. */
  async #copyAnew(): Promise<void> {
    const { pairEvidence, name } = this.#options
    pairEvidence.tell(name, 'puts away what it has, to be copied anew')
    this.#follower = undefined
    await this.#taking
    for (const { changes } of [this.#history, this.#database]) {
      await changes.stop()
      await changes.startFollowing()
    }
  }

  // --- Following

  get #isIdle(): boolean {
    const { standing } = this.pair.state()
    return (standing.is === 'held' || standing.is === 'standby') && this.#isQuiet
  }

  get #leads(): boolean {
    const { standing } = this.pair.state()
    return standing.is === 'giving' || (standing.is === 'active' && this.#engines !== undefined)
  }

  /** The half that follows, where this side does. What it had logged ends when the other side is known to act. */
  async #following(): Promise<ReplicationFollower | undefined> {
    if (!this.#isIdle) return undefined
    const { standing, peer } = this.pair.state()
    if (this.#follower === undefined) {
      if (peer?.acts !== true || (standing.is !== 'off' && 'why' in standing && standing.why === 'joins'))
        return undefined
      for (const { changes } of [this.#history, this.#database])
        if ((await changes.facts()).mode !== 'following') await changes.startFollowing()
      if (!this.#isIdle) return undefined
      const { pairEvidence, name } = this.#options
      this.#follower ??= new ReplicationFollower({
        parts: partTargets(this.#parts),
        onCopyNeeded: (part, why) => pairEvidence.tell(name, `copies the ${part}: ${why}`),
        onReleased: (position) => this.#history.release(position),
      })
    }
    return this.#follower
  }

  async #take(follower: ReplicationFollower, answer: Uint8Array): Promise<Taken | undefined> {
    if (this.#follower !== follower) return undefined
    const taking = this.#taking.then(async () => {
      if (this.#follower !== follower) return undefined
      const taken = await follower.take(answer)
      if (follower.isInStep) this.#options.pairEvidence.inStep(this.#options.name)
      return taken
    })
    this.#taking = taking.catch(() => undefined)
    return taking
  }

  /** The SECONDARY's, since only it can call. */
  #replicate(): void {
    const again = (ms: number) => this.program.after(ms, () => this.#replicate())
    this.#round().then(
      (taken) =>
        again(taken?.more === true ? 0 : this.#isHurried ? hurriedMs : Math.max(taken?.pauseMs ?? 0, followEveryMs)),
      () => again(followEveryMs),
    )
  }

  get #isHurried(): boolean {
    const { standing, peer } = this.pair.state()
    const gives = standing.is === 'giving' || (standing.is === 'active' && standing.handOver !== undefined)
    return gives || (peer !== undefined && peer.handOver !== 'none')
  }

  async #round(): Promise<Taken | undefined> {
    const { program, network, peer } = this.#options
    const { signal } = new AbortController()
    const call = { patienceMs, signal, what: 'replication' }
    const ask = async <T>(act: (other: PairServer) => Promise<T>) =>
      (await exchange(program, network, peer, call, act)).value
    if (this.#leads) {
      const request = await ask((other) => other.requestChanges())
      if (request === undefined || !this.#leads) return undefined
      const answer = await this.#source.answer(request)
      return ask((other) => other.takeChanges(answer))
    }
    const follower = await this.#following()
    if (follower === undefined) return undefined
    const request = await follower.request()
    const answer = await ask((other) => other.giveChanges(request))
    return answer === undefined ? undefined : this.#take(follower, answer)
  }

  // --- Called by the SECONDARY

  async heard(life: number, sequence: number, report: Report): Promise<Report> {
    const last = this.#heardLast
    if (life < last.life || (life === last.life && sequence <= last.sequence))
      throw new Error('a later poll of the SECONDARY was here before')
    this.#heardLast = { life, sequence }
    return this.pair.heard(this.#hears(report))
  }

  async giveChanges(request: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#leads ? this.#source.answer(request) : undefined
  }

  async requestChanges(): Promise<Uint8Array | undefined> {
    return (await this.#following())?.request()
  }

  async takeChanges(answer: Uint8Array): Promise<Taken | undefined> {
    return this.#follower === undefined ? undefined : this.#take(this.#follower, answer)
  }

  // --- Called by agents

  /** @param act what the agent wants; undefined where it only says what it sees */
  async answer<T>(
    agent: string,
    said: Said,
    act: ((server: Server) => Promise<T>) | undefined,
  ): Promise<Envelope<T | undefined>> {
    const { pair } = this
    pair.agentSaid(agent, said)
    const { pairEvidence, name } = this.#options
    const { machine } = this.program
    pairEvidence.knows(name, pair.state().term, !machine.isDiskFull && machine.pace === quickDisk)
    const engines = this.#engines
    const isActive = () => pair.notActive() === undefined && engines !== undefined && this.#engines === engines
    const term = pair.term()
    if (said.term > term || !isActive()) return { is: 'idle', term }
    this.#servedAt.set(agent, this.program.elapsed())
    // Checked before.
    const value = await act?.(engines!.server)
    return isActive() && pair.term() === term ? { is: 'served', term, value } : { is: 'idle', term: pair.term() }
  }

  onEnd(hangUp: () => void, isOver: () => boolean): void {
    this.#calls.onEnd(hangUp, isOver)
  }

  hangUp(): void {
    this.#calls.hangUp()
  }
}

function openHistoryOf({ program, store }: PairServerOptions, points: { history: ChangePoint }): Promise<History> {
  return openHistory({
    directory: ':memory:',
    clock: program,
    writer: writerOn(program, store.history, { wrote: (point) => (points.history = point) }),
  })
}
