import { FarwatchError, messageOf, pathId, type CancelTimer, type Clock, type Random } from '../base/index.ts'
import type { AlarmEvent } from '../model/index.ts'
import type { Database, Log, Statement } from '../platform/index.ts'
import type { DeliveryOutcome, PluginFeed } from '../sdk/index.ts'
import { AlarmSender } from './alarm-sender.ts'
import { attempt } from './attempt.ts'
import type { ConfiguredPlugin } from './configured-plugin.ts'
import type { DeliveryState } from './delivery-life.ts'
import { exampleAlarm, examplePoint } from './example-alarm.ts'
import { MetricForwarder, rememberPosition, type MetricForwarderStatus, type MetricLog } from './metric-forwarder.ts'
import type { IsKept, TaskLabels } from './metric-points.ts'
import {
  buryAll,
  countStates,
  discard,
  enqueue,
  forgetEnded,
  readLedger,
  readQueued,
  readQueuedOne,
  revive,
  type DeliveryFilter,
  type DeliveryOfOther,
  type DeliveryRecord,
  type QueuedDelivery,
} from './outbox.ts'
import type { PluginNetwork } from './plugin-context.ts'
import type { DeliveryWorld } from './world.ts'

export interface DeliveryOptions {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** All plugins as they are configured now. Asked often; answers from memory. */
  readonly configured: () => readonly ConfiguredPlugin[]
  /** Where people reach the portal, for links; empty where nobody has said. */
  readonly portalUrl: () => string
  readonly network?: PluginNetwork
  /** What feeds of metrics read, and how a task's series are labelled. Without it no plugin gets metrics. */
  readonly metrics?: {
    readonly log: MetricLog
    readonly describe: (task: string) => TaskLabels | undefined
    /** Default: every value is. */
    readonly isKept?: IsKept
  }
  readonly bounds?: Partial<DeliveryBounds>
}

export interface DeliveryBounds {
  /** The longest one attempt may take. Shorter than plugins' own timeouts (at most 55 s) would hide their better words. */
  readonly attemptTimeoutMs: number
  /** How many alarms may be on their way to one plugin at a time. The order within one alarm is kept at any number. */
  readonly parallelPerPlugin: number
  /** More waiting deliveries than this for one plugin, and the oldest become dead letters. About 200 bytes of memory each. */
  readonly queueBound: number
  /** The outbox is looked at this often, should nobody have called `wake`. */
  readonly pollMs: number
  /** How long the ledger remembers what was delivered or discarded. A step told again after that is delivered again. */
  readonly keepDeliveredMs: number
  readonly keepDeadMs: number
  readonly pointsPerRequest: number
  /** How many batches of results a metric feed may be behind before it skips ahead. */
  readonly metricsBehindBound: number
}

export const defaultDeliveryBounds: DeliveryBounds = {
  attemptTimeoutMs: 60_000,
  parallelPerPlugin: 1,
  queueBound: 100_000,
  pollMs: 1_000,
  keepDeliveredMs: 30 * 86_400_000,
  keepDeadMs: 90 * 86_400_000,
  pointsPerRequest: 2_000,
  metricsBehindBound: 100_000,
}

const sweepEveryMs = 600_000
const sweepRows = 5_000
const rowsPerLoad = 1_000

/** How one plugin is doing. */
export interface PluginStatus {
  readonly name: string
  readonly plugin: string
  readonly sends: readonly PluginFeed[]
  /** Where the plugin is told to send alarms. `delivered`: as many as the ledger remembers. */
  readonly alarms?: {
    readonly queued: number
    readonly inFlight: number
    readonly delivered: number
    readonly dead: number
    readonly discarded: number
    readonly oldestSince: number | null
    readonly failuresInARow: number
    readonly lastError: string | null
  }
  /** Where it is told to send metrics. */
  readonly metrics?: MetricForwarderStatus
}

/** What "send a test" came to. */
export interface TestOutcome {
  readonly delivered: boolean
  /** The receiver's word, or what went wrong. */
  readonly message: string
  readonly durationMs: number
}

/**
 * Takes steps of alarms and results to the configured plugins.
 *
 * Alarms: at least once, from a durable outbox, each with an idempotency key. The engine that makes alarms stores the rows that
 * `statementsFor` gives in the same transaction as its own state, so that neither exists without the other. Every plugin has its
 * own queue, waits and failures; no plugin can hold up or harm another.
 *
 * Metrics: each plugin reads the log of results from its own durable position.
 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #bounds: DeliveryBounds
  readonly #world: DeliveryWorld
  readonly #stopping = new AbortController()
  readonly #senders = new Map<string, AlarmSender>()
  readonly #forwarders = new Map<string, MetricForwarder>()
  readonly #tests = new Set<Promise<unknown>>()
  /** Everything that changes the set of senders or fills them, one after another. */
  #work: Promise<void> = Promise.resolve()
  #loadAsked = false
  #loaded = 0
  #poll: CancelTimer | undefined
  #sweep: CancelTimer | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#bounds = { ...defaultDeliveryBounds, ...options.bounds }
    this.#world = {
      database: options.database,
      clock: options.clock,
      random: options.random,
      log: options.log,
      network: options.network ?? {},
      portalUrl: options.portalUrl,
      attemptTimeoutMs: this.#bounds.attemptTimeoutMs,
      configured: (name) => options.configured().find((one) => one.name === name),
    }
  }

  /**
   * The rows that queue these steps for every plugin that sends alarms. The caller stores them in one batch with what they are about,
   * then calls `wake`. The key is made from the plugin's name and the step's, so telling a step again changes nothing.
   */
  statementsFor(events: readonly AlarmEvent[]): Statement[] {
    const at = this.#options.clock.now()
    return this.#options
      .configured()
      .filter(sendsAlarms)
      .flatMap(({ name }) =>
        events.map((event) => enqueue({ key: pathId('delivery', name, event.key), plugin: name, event, at })),
      )
  }

  /** Resolves when everything that waited in the outbox is queued again. */
  async start(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#reconcile()
      await this.#load()
    })
    this.#pollLater()
    this.#sweepNow()
  }

  /** Ends all attempts; what was not delivered stays in the outbox. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#poll?.()
    this.#sweep?.()
    await this.#work
    await Promise.all([
      ...[...this.#senders.values()].map((sender) => sender.stop()),
      ...[...this.#forwarders.values()].map((forwarder) => forwarder.stop()),
      ...this.#tests,
    ])
  }

  /** Sends what another server was to send and did not, under the same keys. Taking the same again changes nothing. */
  async merge(others: readonly DeliveryOfOther[]): Promise<void> {
    if (others.length === 0) return
    await this.#options.database.write(others.map(enqueue))
    this.wake()
  }

  /** Rows of `statementsFor` were stored: send them now instead of at the next look. */
  wake(): void {
    if (this.#loadAsked || this.#stopping.signal.aborted) return
    this.#loadAsked = true
    this.#later(async () => {
      this.#loadAsked = false
      await this.#load()
    })
  }

  /** `configured` answers differently now. Queues of plugins that are gone become dead letters; all others try again at once. */
  async configurationChanged(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#reconcile()
      // From the beginning: a queue may have let go of rows while their plugin was missing for a moment. Known ones are ignored.
      this.#loaded = 0
      await this.#load()
      for (const one of [...this.#senders.values(), ...this.#forwarders.values()]) one.startAfresh()
    })
  }

  /** Sends an example to a plugin as it is given, which need not be stored. Keeps nothing. Never rejects. */
  async sendTest(configured: ConfiguredPlugin): Promise<TestOutcome> {
    const { clock, random } = this.#options
    const began = clock.elapsed()
    const at = clock.now()
    const key = `test-${pathId(String(at), String(random()))}`
    const running = attempt(
      this.#world,
      { configured, idempotencyKey: key, test: true, signal: this.#stopping.signal },
      async (context): Promise<DeliveryOutcome> => {
        const { plugin, settings } = configured
        if (plugin.metrics !== undefined && (plugin.alarm === undefined || !configured.sends.includes('alarms')))
          return plugin.metrics([examplePoint(at)], settings, context)
        if (plugin.alarm !== undefined) return plugin.alarm(exampleAlarm(key, at), settings, context)
        return { delivered: false, retry: false, message: `${plugin.id} has nothing that can be tested` }
      },
    )
    this.#tests.add(running)
    const outcome = await running.finally(() => this.#tests.delete(running))
    return {
      delivered: outcome.delivered,
      message: outcome.delivered ? (outcome.detail ?? '') : outcome.message,
      durationMs: clock.elapsed() - began,
    }
  }

  async status(): Promise<readonly PluginStatus[]> {
    const counts = new Map<string, number>()
    for (const { plugin, state, count } of await countStates(this.#options.database))
      counts.set(JSON.stringify([plugin, state]), count)
    const countOf = (name: string, state: DeliveryState) => counts.get(JSON.stringify([name, state])) ?? 0
    return this.#options.configured().map((one) => {
      const alarms = this.#senders.get(one.name)?.status()
      const metrics = this.#forwarders.get(one.name)?.status()
      return {
        name: one.name,
        plugin: one.plugin.id,
        sends: one.sends,
        ...(alarms === undefined
          ? {}
          : {
              alarms: {
                ...alarms,
                delivered: countOf(one.name, 'delivered'),
                dead: countOf(one.name, 'dead'),
                discarded: countOf(one.name, 'discarded'),
              },
            }),
        ...(metrics === undefined ? {} : { metrics }),
      }
    })
  }

  /** The ledger, newest first; dead letters with `{ state: 'dead' }`. At most 1,000 rows; the next page with `before`. */
  ledger(filter: DeliveryFilter = {}): Promise<readonly DeliveryRecord[]> {
    return readLedger(this.#options.database, filter)
  }

  /**
   * Queues a dead letter again, with its old key. It may then arrive after later steps of its alarm, which went on without it.
   * @throws FarwatchError `not-found`, `conflict`
   */
  async retry(id: number): Promise<void> {
    await this.#inOrder(async () => {
      const [changed] = await this.#options.database.write([revive(id, this.#options.clock.now())])
      if (changed !== 1) throw await this.#notInState(id, 'dead')
      const row = await readQueuedOne(this.#options.database, id)
      if (row !== undefined) await this.#give([row])
    })
  }

  /**
   * Gives a queued delivery or a dead letter up. One that is just on its way may still arrive.
   * @throws FarwatchError `not-found`, `conflict`
   */
  async discard(id: number): Promise<void> {
    await this.#inOrder(async () => {
      const [changed] = await this.#options.database.write([discard(id, this.#options.clock.now())])
      if (changed !== 1) throw await this.#notInState(id, 'queued or dead')
      for (const sender of this.#senders.values()) sender.forget(id)
    })
  }

  /** Metric feeds still need every batch of the log behind this position. Undefined: none needs any. */
  metricsPosition(): number | undefined {
    const positions = [...this.#forwarders.values()].map((forwarder) => forwarder.position)
    return positions.length === 0 ? undefined : Math.min(...positions)
  }

  async #notInState(id: number, wanted: string): Promise<FarwatchError> {
    const [row] = await this.#options.database.read<{ state: string }>('SELECT state FROM delivery WHERE id = $id', {
      id,
    })
    return row === undefined
      ? new FarwatchError('not-found', `there is no delivery ${id}`, {
          hint: 'It may be older than what the ledger keeps.',
        })
      : new FarwatchError('conflict', `delivery ${id} is ${row.state}, not ${wanted}`)
  }

  /** Runs one after another what must not overlap. A failure goes to the caller and does not stop what comes after. */
  #inOrder(act: () => Promise<void>): Promise<void> {
    const done = this.#work.then(async () => {
      if (!this.#stopping.signal.aborted) await act()
    })
    this.#work = done.catch(() => {})
    return done
  }

  /** The same for work nobody waits for; `stop` awaits it. */
  #later(act: () => Promise<void>): void {
    this.#inOrder(act).catch((thrown: unknown) =>
      this.#options.log.error('outbox could not be read', { error: messageOf(thrown) }),
    )
  }

  async #load(): Promise<void> {
    for (;;) {
      const rows = await readQueued(this.#options.database, this.#loaded, rowsPerLoad)
      if (rows.length === 0) return
      await this.#give(rows)
      this.#loaded = rows.at(-1)!.id
      if (rows.length < rowsPerLoad) return
    }
  }

  async #give(rows: readonly QueuedDelivery[]): Promise<void> {
    const byPlugin = Map.groupBy(rows, (row) => row.plugin)
    // A plugin that was just configured may get its first alarm before anybody has told us of it.
    if ([...byPlugin.keys()].some((name) => !this.#senders.has(name))) await this.#reconcile()
    for (const [name, its] of byPlugin) {
      const sender = this.#senders.get(name)
      if (sender === undefined) await this.#buryAllOf(name)
      else sender.add(its)
    }
  }

  /** Makes the senders and feeds those of the configuration. */
  async #reconcile(): Promise<void> {
    const configured = this.#options.configured()
    const alarms = new Set(configured.filter(sendsAlarms).map((one) => one.name))
    const metrics = new Set(configured.filter(sendsMetrics).map((one) => one.name))
    for (const [name, sender] of this.#senders) {
      if (alarms.has(name)) continue
      await sender.stop()
      this.#senders.delete(name)
      await this.#buryAllOf(name)
    }
    for (const [name, forwarder] of this.#forwarders) {
      if (metrics.has(name)) continue
      await forwarder.stop()
      this.#forwarders.delete(name)
      // Should it come back, it begins with what is new then.
      await this.#options.database.write([
        { sql: 'DELETE FROM metric_feed WHERE plugin = $plugin', params: { plugin: name } },
      ])
    }
    for (const name of alarms) {
      if (this.#senders.has(name)) continue
      this.#senders.set(
        name,
        new AlarmSender(name, this.#world, {
          parallel: this.#bounds.parallelPerPlugin,
          queueBound: this.#bounds.queueBound,
        }),
      )
    }
    for (const name of metrics) if (!this.#forwarders.has(name)) await this.#startFeed(name)
  }

  async #startFeed(name: string): Promise<void> {
    const { database, metrics } = this.#options
    if (metrics === undefined) return
    const [row] = await database.read<{ position: number }>('SELECT position FROM metric_feed WHERE plugin = $plugin', {
      plugin: name,
    })
    // A new feed begins with what comes from now on: nobody asked for the past.
    const position = row?.position ?? metrics.log.position()
    if (row === undefined) await database.write([rememberPosition(name, position)])
    const forwarder = new MetricForwarder(name, this.#world, {
      log: metrics.log,
      describe: metrics.describe,
      isKept: metrics.isKept ?? (() => true),
      position,
      bounds: {
        pointsPerRequest: this.#bounds.pointsPerRequest,
        behindBound: this.#bounds.metricsBehindBound,
      },
    })
    this.#forwarders.set(name, forwarder)
    forwarder.start()
  }

  async #buryAllOf(name: string): Promise<void> {
    const [buried] = await this.#options.database.write([
      buryAll(name, 'the plugin is not configured to send alarms any more', this.#options.clock.now()),
    ])
    if (buried !== 0)
      this.#options.log.warn('deliveries of a removed plugin became dead letters', { plugin: name, deliveries: buried })
  }

  #pollLater(): void {
    if (this.#stopping.signal.aborted) return
    this.#poll = this.#options.clock.after(this.#bounds.pollMs, () => {
      this.wake()
      this.#pollLater()
    })
  }

  #sweepNow(): void {
    if (this.#stopping.signal.aborted) return
    const now = this.#options.clock.now()
    this.#later(async () => {
      await this.#options.database.write([
        forgetEnded(['delivered', 'discarded'], now - this.#bounds.keepDeliveredMs, sweepRows),
        forgetEnded(['dead'], now - this.#bounds.keepDeadMs, sweepRows),
      ])
    })
    this.#sweep = this.#options.clock.after(sweepEveryMs, () => this.#sweepNow())
  }
}

function sendsAlarms(one: ConfiguredPlugin): boolean {
  return one.sends.includes('alarms') && one.plugin.alarm !== undefined
}

function sendsMetrics(one: ConfiguredPlugin): boolean {
  return one.sends.includes('metrics') && one.plugin.metrics !== undefined
}
