import { LiveEvents } from '../api/index.ts'
import { messageOf } from '../base/index.ts'
import type { ServerLink } from '../model/index.ts'
import { failoverGiven } from '../platform/index.ts'
import { endFleetStores, readFleet, type FleetPair, type FleetStores, type OwnAgent } from './fleet.ts'
import { historySettings } from './history-settings.ts'
import { openHistory, type History } from './history.ts'
import { library } from './library.ts'
import { Lifecycle } from './lifecycle.ts'
import { LocalWay } from './local-way.ts'
import type { Machine } from './machine.ts'
import type { PairQuestions } from './pair-questions.ts'
import { PairRole } from './pair-role.ts'
import { keptIn, openActingEngines, openReadingEngines, type ServerEngines } from './server-engines.ts'

/** What a central server has open at the moment. Another object after every change. */
export interface ServerView extends Omit<ServerEngines, 'stop'> {
  readonly history: History
  readonly live: LiveEvents
  readonly failover: PairQuestions
  readonly pair: PairRole
}

/** What was read may be shown for so long, though something is newer. */
const showAnewMs = 1_000
const retryMs = 2_000

/**
 * A central server: its history, its half of a failover pair (which may be none), and its engines. Those are exchanged when the server begins to
 * act or stops: engines of a server that acts read their tables once and are then the only ones that write; on one that does not, the tables
 * are written by what the other server sends, and engines that only show are opened anew when somebody asks.
 *
 *   reading ──act──▶ acting ──stop acting──▶ reading
 *
 * Exchanges come one after another (`inTurn`), and the replication into this server takes its turn between them.
 */
export class ServerRole {
  readonly #machine: Machine
  readonly #portalUrl: () => string
  readonly #changed: () => void
  readonly #live: LiveEvents
  readonly #lifecycle = new Lifecycle()
  readonly #pair: PairRole
  #history: History
  #engines: ServerEngines | undefined
  #view: ServerView | undefined
  /** The agent in this process: undefined until it is known whether there is one. */
  #own: { readonly agent: OwnAgent | undefined } | undefined
  readonly #way = new LocalWay()
  #leave: () => void = () => undefined
  #turn: Promise<unknown> = Promise.resolve()
  /** Read already, for the first engines that act. */
  #stores: FleetStores | undefined
  #isStale = false
  #shownAt = -Infinity
  #isStopped = false

  private constructor(
    machine: Machine,
    portalUrl: () => string,
    changed: () => void,
    pair: PairRole,
    history: History,
  ) {
    const { clock, inventory, access } = machine
    this.#machine = machine
    this.#portalUrl = portalUrl
    this.#changed = changed
    this.#history = history
    this.#live = new LiveEvents({
      clock,
      groupOf: (task) => inventory.task(task)?.group,
      principalOf: (token) => access.authenticate(token),
    })
    this.#pair = pair
    this.#lifecycle.onStop('live events', () => this.#live.stop())
    this.#lifecycle.onStop('history', () => this.#history.close())
    this.#lifecycle.onStop('what was read of agents', async () => {
      if (this.#stores !== undefined) await endFleetStores(this.#stores)
    })
    this.#lifecycle.onStop('engines', () => this.#engines?.stop())
  }

  /**
   * Resolves when it serves. One that is alone, or was never in a pair, acts from the start; half of a pair looks round first.
   * @param portalUrl where people reach the portal, once that is known @param changed `view` is another one now
   * @throws FarwatchError where a store is unusable
   */
  static async open(machine: Machine, portalUrl: () => string, changed: () => void): Promise<ServerRole> {
    const pair = await PairRole.open(machine)
    const { database } = machine
    // The history opens on a thread of its own: what this one has to read of agents and places it does beside it.
    const reading = pair.isSingle ? readFleet({ machine, database, pair }) : undefined
    reading?.catch(() => undefined)
    let history: History
    try {
      history = await openOne(machine)
    } catch (thrown) {
      await reading?.then(endFleetStores).catch(machine.notApplied('end of what was read of agents'))
      throw thrown
    }
    const server = new ServerRole(machine, portalUrl, changed, pair, history)
    try {
      server.#stores = await reading
      await server.#open()
      return server
    } catch (thrown) {
      await server.stop()
      throw thrown
    }
  }

  async #open(): Promise<void> {
    await this.#pair.attach({
      history: () => this.#history,
      engines: () => this.#engines,
      inTurn: (act) => this.#inTurn(act),
      act: () => this.#act(),
      stop: () => this.#stopActing(),
      exchangeHistory: (replace) => this.#exchangeHistory(replace),
      stale: (isUrgent) => this.#becomeStale(isUrgent),
      changed: () => {
        // Agents that wait for news hear at once that this server acts, or does not.
        this.#engines?.fleet.link.activityChanged()
        if (this.#view !== undefined) this.#tell()
      },
      ownUrl: () => publicUrl(this.#machine, this.#portalUrl()),
      localUrl: () => this.#portalUrl(),
    })
    if (this.#pair.notActive() === undefined) await this.#inTurn(() => this.#becomeActing())
    else await this.#inTurn(() => this.#becomeReading())
    this.#lifecycle.onStop('failover', () => this.#pair.stop())
    this.#pair.start()
  }

  /** The half of a pair that the environment makes of it, where it is not so yet. @throws FarwatchError `invalid-value`, `invalid-setting` */
  async takeGiven(): Promise<void> {
    await this.#pair.given(failoverGiven(this.#machine.environment))
  }

  get view(): ServerView {
    if (this.#view === undefined) throw new Error('the server is being opened')
    return this.#view
  }

  /** The way of the agent in this process to this server, whether or not it acts. */
  localLink(): ServerLink {
    return this.#way
  }

  /** Work is handed out from now on. @param agent the one in this process; undefined where there is none. May be called again */
  begin(agent: OwnAgent | undefined): void {
    this.#own = { agent }
    this.#enter()
  }

  /** The agent in this process ends: what it ran is run by others, or by nobody. */
  leave(): void {
    this.#leave()
    this.#leave = () => undefined
    this.#own = { agent: undefined }
  }

  /** Where it only shows: shows what is stored now, if that is newer. For who is about to ask. */
  async fresh(): Promise<void> {
    if (!this.#isStale || this.#isStopped) return
    if (this.#machine.clock.elapsed() - this.#shownAt < showAnewMs) return
    await this.#inTurn(() => this.#showAnew())
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#lifecycle.stop()
    await this.#turn
  }

  // --- Acting and not

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    // Whoever asked for it is told of a failure; the next one only waits.
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** A server that is to act and cannot goes on trying for as long as it is to: there may be nobody else. */
  async #act(): Promise<void> {
    for (;;) {
      try {
        await this.#inTurn(() => this.#becomeActing())
        return
      } catch (thrown) {
        if (this.#isStopped || this.#pair.notActive() !== undefined) throw thrown
        this.#machine.log.error('cannot act yet', { problem: messageOf(thrown) })
        await new Promise<void>((resolve) => this.#machine.clock.after(retryMs, resolve))
      }
    }
  }

  async #becomeActing(): Promise<void> {
    const { inventory, access } = this.#machine
    await this.#pair.beginWriting()
    if (this.#engines?.acts === true || this.#isStopped) return
    const isFirst = this.#engines === undefined
    await this.#end()
    if (!isFirst) await Promise.all([inventory.reload(), access.reload()])
    const stores = this.#stores
    this.#stores = undefined
    try {
      this.#show(await openActingEngines({ ...this.#parts(), stores }))
    } catch (thrown) {
      if (stores !== undefined) await endFleetStores(stores)
      throw thrown
    }
    this.#enter()
    this.#tell()
  }

  #stopActing(): Promise<void> {
    return this.#inTurn(() => this.#becomeReading())
  }

  async #becomeReading(): Promise<void> {
    if (this.#engines?.acts === false || this.#isStopped) return
    this.#way.follow(undefined)
    this.#leave()
    this.#leave = () => undefined
    await this.#end()
    await this.#showStored()
    this.#way.forward((batch) => this.#pair.uploadToActive(batch))
    this.#tell()
  }

  /**
   * Where what is stored cannot be read, as it is damaged, whatever was shown before stays, which answers that this server does not act; whoever
   * asks makes it try again. Only a start fails for it. @throws FarwatchError at a start
   */
  async #showStored(): Promise<void> {
    try {
      this.#show(await openReadingEngines(this.#parts()))
    } catch (thrown) {
      if (this.#view === undefined) throw thrown
      this.#isStale = true
      this.#shownAt = this.#machine.clock.elapsed()
      this.#machine.log.error('what is stored cannot be shown', { problem: messageOf(thrown) })
    }
  }

  async #end(): Promise<void> {
    const engines = this.#engines
    this.#engines = undefined
    try {
      await engines?.stop()
    } catch (thrown) {
      this.#machine.log.error('engines not ended in order', { problem: messageOf(thrown) })
    }
  }

  #parts() {
    const pair: FleetPair = this.#pair
    return { machine: this.#machine, history: this.#history, live: this.#live, portalUrl: this.#portalUrl, pair }
  }

  #show(engines: ServerEngines): void {
    this.#engines = engines
    const { stop: _, ...shown } = engines
    this.#view = {
      ...shown,
      history: this.#history,
      live: this.#live,
      failover: this.#pair.questions,
      pair: this.#pair,
    }
    this.#isStale = false
    this.#shownAt = this.#machine.clock.elapsed()
  }

  #tell(): void {
    this.#changed()
    this.#live.agents()
  }

  /** The agent in this process and the engines meet. */
  #enter(): void {
    const engines = this.#engines
    if (engines?.acts !== true || this.#own === undefined) return
    const { fleet } = engines
    const { agent } = this.#own
    if (agent !== undefined) {
      this.#way.follow(fleet.localLink())
      this.#leave = fleet.join(agent)
    }
    fleet.start()
  }

  // --- What the other server sends

  #becomeStale(isUrgent: boolean): void {
    const isNews = !this.#isStale
    this.#isStale = true
    if (isNews) this.#live.agents()
    // Agents are known by what is stored, and may ask at any moment; all else waits for somebody who wants to see it.
    if (isUrgent) void this.fresh().catch(this.#machine.notApplied('news of the other server'))
  }

  async #showAnew(): Promise<void> {
    if (this.#engines?.acts === true || this.#isStopped) return
    const { inventory, access } = this.#machine
    const revision = inventory.revision()
    await Promise.all([inventory.reload(), access.reload()])
    await this.#end()
    await this.#showStored()
    if (inventory.revision() !== revision) this.#live.configuration(inventory.revision())
    this.#tell()
  }

  /** Called in turn. */
  async #exchangeHistory(replace: () => void): Promise<void> {
    await this.#end()
    await this.#history.close()
    replace()
    this.#history = await openOne(this.#machine)
    await this.#showStored()
    this.#tell()
  }
}

/**
 * Where agents and people elsewhere reach this server: as it was set, else by the first name of its certificate that is not this machine's own,
 * else as the portal is reached from here.
 */
function publicUrl({ settings, keystore }: Machine, portalUrl: string): string {
  const { publicUrl: given } = settings.values
  if (given !== '') return given
  const name = keystore.own().names.find((each) => !isLoopback(each) && !each.includes('*'))
  if (name === undefined || portalUrl === '') return portalUrl
  return `https://${name.includes(':') ? `[${name}]` : name}:${new URL(portalUrl).port}`
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name.startsWith('127.') || name === '::1' || name === '0:0:0:0:0:0:0:1'
}

function openOne(machine: Machine): Promise<History> {
  const { clock, directory, settings, log, inventory } = machine
  return openHistory({
    directory: directory.path,
    clock,
    settings: historySettings(settings.values),
    begun: machine.takeHistory(),
    declared: (task, metric) => library.monitors.get(inventory.task(task)?.monitor ?? '')?.metrics[metric],
    isKept: keptIn(machine),
    report: (failure) => log.error('history upkeep failed', { problem: messageOf(failure) }),
  })
}
