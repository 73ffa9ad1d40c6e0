import { randomUUID } from 'node:crypto'
import { openAlarms, readAlarms, type Alarms, type TaskFacts } from '../alarms/index.ts'
import { shownAlarm, type LiveEvents } from '../api/index.ts'
import { FarwatchError, messageOf } from '../base/index.ts'
import { Delivery, type ConfiguredPlugin } from '../delivery/index.ts'
import type { PluginForUse, TaskEntry } from '../inventory/index.ts'
import { isKept, type AlarmEvent, type Labels, type UploadAnswer, type UploadBatch } from '../model/index.ts'
import { diskSpace, systemClock, type Database } from '../platform/index.ts'
import { Fleet, type FleetPair, type FleetStores } from './fleet.ts'
import { historySettings } from './history-settings.ts'
import type { History } from './history.ts'
import { library } from './library.ts'
import { Lifecycle } from './lifecycle.ts'
import { LogConsumer } from './log-consumer.ts'
import type { Machine } from './machine.ts'
import { MonitorCounts } from './monitor-counts.ts'
import { OwnHealth } from './own-health.ts'
import { UncoveredSlots } from './uncovered-slots.ts'

/** The engines of a central server over its stores. Those of a server that acts take results, judge and tell; all others only answer. */
export interface ServerEngines {
  readonly acts: boolean
  readonly alarms: Alarms
  readonly delivery: Delivery
  readonly health: OwnHealth
  readonly monitorCounts: MonitorCounts
  /** The plugins as configured now, ready for use. */
  readonly configured: () => readonly ConfiguredPlugin[]
  readonly fleet: Fleet
  /** Results of the server's own agent, or of the other server of the pair, which is not active any more. */
  readonly upload: (batch: UploadBatch) => Promise<UploadAnswer>
  /** Ends it all, in the order in which it depends on each other. May be called twice. */
  stop(): Promise<void>
}

export interface EngineParts {
  readonly machine: Machine
  readonly history: History
  readonly live: LiveEvents
  /** Where people reach the portal, once that is known. */
  readonly portalUrl: () => string
  readonly pair: FleetPair
  /** What a server that acts would read of its agents, where that was read beside something else already. */
  readonly stores?: FleetStores | undefined
}

const tickMs = 1_000

/** Opens the engines of a server that acts: resolves when results can be taken. `Fleet.start` is the caller's, when its own agent has joined. */
export function openActingEngines(parts: EngineParts): Promise<ServerEngines> {
  return guarded((lifecycle) => openActing(parts, lifecycle))
}

/** Opens engines that show what is stored, as it is now, and write nothing. */
export function openReadingEngines(parts: EngineParts): Promise<ServerEngines> {
  return guarded((lifecycle) => openReading(parts, lifecycle))
}

async function guarded(open: (lifecycle: Lifecycle) => Promise<ServerEngines>): Promise<ServerEngines> {
  const lifecycle = new Lifecycle()
  try {
    return await open(lifecycle)
  } catch (thrown) {
    await lifecycle.stop()
    throw thrown
  }
}

async function openActing(parts: EngineParts, lifecycle: Lifecycle): Promise<ServerEngines> {
  const { machine, history, live } = parts
  const { clock, settings, log, inventory, notApplied } = machine
  const applyTasks = () =>
    history.applyTasks(
      inventory.tasks().map(({ id, connectorId, periodMs }) => ({ id, connector: connectorId, periodMs })),
    )
  // The thread of the history takes them before anything else that it is asked from now on.
  const applied = applyTasks()
  applied.catch(() => undefined)

  // Notifications, and the alarms that make them.
  const plugins = pluginsOf(machine)
  const delivery = deliveryOf(parts, plugins.configured, machine.database)
  // Opened last, since it raises alarms.
  let agents: Fleet | undefined
  const alarms = await openAlarms({
    database: machine.database,
    clock,
    tasks: (id) => taskFacts(inventory.task(id)),
    isSilenceExplained: (task) => agents?.isSilenceExplained(task) ?? false,
    isInMaintenance: (task, at) => inventory.isInMaintenance(task, at),
    outbox: (events: readonly AlarmEvent[]) => delivery.statementsFor(events),
    log,
  })
  lifecycle.onStop('alarms', () => alarms.stop())
  lifecycle.onStop('delivery', () => delivery.stop())
  alarms.onChange((alarm) => {
    delivery.wake()
    live.alarm({ is: 'alarm', alarm: shownAlarm(alarm) })
  })
  // In slices beside all that follows: whatever is judged meanwhile makes its task known by itself.
  const known = alarms
    .tasksChanged({ added: inventory.tasks().map(({ id }) => id) })
    .catch(notApplied('configuration of the alarms'))
  lifecycle.onStop('tasks of the alarms', () => known)
  await delivery.start()
  const judging = new LogConsumer({
    log: history,
    // What was forced to act amid a copy may have judged, over there, what is not here.
    position: Math.min(alarms.position(), history.position()),
    consume: (batch) => alarms.judge(batch),
    clock,
    problems: log,
  })
  lifecycle.onStop('judging', () => judging.stop())
  lifecycle.onStop(
    'live results',
    history.onStored((batch) =>
      live.results(
        batch.entries.map((entry) => ({
          task: entry.task,
          slot: entry.kind === 'run' ? entry.slot : entry.to,
          outcome: entry.outcome,
        })),
      ),
    ),
  )
  const monitorCounts = new MonitorCounts((task) => inventory.task(task)?.monitor, clock)
  lifecycle.onStop(
    'counts',
    history.onStored(({ entries }) => monitorCounts.count(entries)),
  )
  const health = healthOf(parts, alarms)
  lifecycle.onStop('own health', () => health.stop())
  const upload = uploading(history, health)
  const fleet = await Fleet.open(
    { ...fleetParts(parts, alarms), database: machine.database, upload, acts: true },
    parts.stores,
  )
  agents = fleet
  const uncovered = new UncoveredSlots({
    history,
    agent: machine.identity.uuid,
    spool: `uncovered ${randomUUID()}`,
    uncovered: () => fleet.uncovered(),
    clock,
    log,
  })
  lifecycle.onStop('slots that nobody runs', () => uncovered.stop())
  lifecycle.onStop('agents', () => fleet.stop())
  lifecycle.onStop(
    'news of agents',
    fleet.onChange(() => {
      live.agents()
      // It never rejects, and `stop` waits for it.
      void uncovered.look()
    }),
  )

  // Slots that passed while this server was away. It never rejects.
  void uncovered.look()

  // Changes of the configuration and the settings reach whoever lives by them.
  const unfollowConfiguration = inventory.onChange((change) => {
    plugins.changed()
    live.configuration(change.revision)
    applyTasks().catch(notApplied('configuration of the history'))
    alarms
      .tasksChanged({
        added: ids(change.tasksAdded),
        changed: ids(change.tasksChanged),
        removed: ids(change.tasksRemoved),
      })
      .catch(notApplied('configuration of the alarms'))
    delivery.configurationChanged().catch(notApplied('configuration of the plugins'))
    health.look()
  })
  const unfollowSettings = settings.onChange((_, values) => {
    fleet.settingsChanged()
    history.applySettings(historySettings(values)).catch(notApplied('settings of the history'))
  })
  lifecycle.onStop('following of changes', () => {
    unfollowConfiguration()
    unfollowSettings()
  })
  lifecycle.onStop(
    'clockwork',
    tickEvery(
      tickMs,
      async () => {
        await alarms.tick(clock.now())
        history.release(Math.min(alarms.position(), delivery.metricsPosition() ?? history.position()))
      },
      (thrown) => log.error('alarms not looked after', { problem: messageOf(thrown) }),
    ),
  )

  await applied
  return {
    acts: true,
    alarms,
    delivery,
    health,
    monitorCounts,
    configured: plugins.configured,
    fleet,
    upload,
    stop: () => lifecycle.stop(),
  }
}

async function openReading(parts: EngineParts, lifecycle: Lifecycle): Promise<ServerEngines> {
  const { machine } = parts
  const { clock, inventory, log } = machine
  const database = unwritten(machine.database)
  const plugins = pluginsOf(machine)
  const delivery = deliveryOf(parts, plugins.configured, database)
  const alarms = await readAlarms({
    database,
    clock,
    tasks: (id) => taskFacts(inventory.task(id)),
    outbox: () => [],
    log,
  })
  const health = healthOf(parts, alarms)
  await health.stop()
  const fleet = await Fleet.open({
    ...fleetParts(parts, alarms),
    database,
    upload: refuse,
    acts: false,
  })
  lifecycle.onStop('agents', () => fleet.stop())
  return {
    acts: false,
    alarms,
    delivery,
    health,
    monitorCounts: new MonitorCounts((task) => inventory.task(task)?.monitor, clock),
    configured: plugins.configured,
    fleet,
    upload: refuse,
    stop: () => lifecycle.stop(),
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new FarwatchError('not-in-this-role', 'this server does not act: it takes no results'))
}

/** What engines that only show would note about what they see is nothing to be stored: the one who acts notes it. */
function unwritten(database: Database): Database {
  return { ...database, write: async (batch) => batch.map(() => 0) }
}

function pluginsOf({ inventory }: Machine) {
  let configured: readonly ConfiguredPlugin[] | undefined
  return {
    configured: () => (configured ??= pluginsForUse(inventory.plugins())),
    changed: () => void (configured = undefined),
  }
}

function deliveryOf(
  { machine, history, portalUrl }: EngineParts,
  configured: () => readonly ConfiguredPlugin[],
  database: Database,
): Delivery {
  const { clock, log, keystore, inventory } = machine
  return new Delivery({
    database,
    clock,
    random: Math.random,
    log,
    configured,
    portalUrl,
    network: { trusted: () => keystore.authorities() },
    metrics: {
      log: history,
      isKept: keptIn(machine),
      describe: (id) => {
        const task = inventory.task(id)
        return task === undefined
          ? undefined
          : {
              group: task.group,
              system: task.system,
              connector: task.connector,
              profile: task.profile,
              monitor: task.monitor,
              task: task.id,
            }
      },
    },
  })
}

function healthOf({ machine, history }: EngineParts, alarms: Alarms): OwnHealth {
  const { inventory, keystore, clock, log, directory } = machine
  return new OwnHealth({
    alarms,
    inventory,
    keystore,
    history,
    clock,
    log,
    disk: () => diskSpace(directory.path),
  })
}

function uploading(history: History, health: OwnHealth) {
  return async (batch: UploadBatch, leftOut?: ReadonlySet<string>): Promise<UploadAnswer> => {
    try {
      const answer = await history.upload(batch, leftOut)
      health.stored('history', undefined)
      return answer
    } catch (thrown) {
      if (thrown instanceof FarwatchError && thrown.code === 'storage-unwritable')
        health.stored('history', thrown.message)
      throw thrown
    }
  }
}

function fleetParts({ machine, history, pair }: EngineParts, alarms: Alarms) {
  const { settings, logs } = machine
  return {
    machine,
    alarms,
    history,
    pair,
    travelling: () => {
      const { parallelTasks, parallelPerTarget, processTimeoutMs, logDurationMs } = settings.values
      // The level in force, and not the one that was set: debugging that has ended here does not begin anew on an agent.
      return { parallelTasks, parallelPerTarget, processTimeoutMs, logLevel: logs.level, logDurationMs }
    },
  }
}

/** Whether the values of an item become a series, as the rules of its task say. */
export function keptIn({ inventory }: Pick<Machine, 'inventory'>) {
  return (task: string, metric: string, labels: Labels) => isKept(inventory.task(task)?.rules ?? [], metric, labels)
}

const ids = (tasks: readonly TaskEntry[]) => tasks.map(({ id }) => id)

// Facts of a task, shared where the monitor and its rules are: the alarms keep what they compile by the identity of both.
function taskFacts(task: TaskEntry | undefined): TaskFacts | undefined {
  const monitor = task === undefined ? undefined : library.monitors.get(task.monitor)
  if (task === undefined || monitor === undefined) return undefined
  const { id, group, system, connector, profile, periodMs, rules } = task
  return { id, group, system, connector, profile, monitor: monitor.id, periodMs, rules, metrics: monitor.metrics }
}

function pluginsForUse(plugins: readonly PluginForUse[]): readonly ConfiguredPlugin[] {
  return plugins.flatMap(({ plugin: id, ...rest }) => {
    const plugin = library.plugins.get(id)
    return plugin === undefined ? [] : [{ ...rest, plugin }]
  })
}

/** Calls `act` again and again, each time so long after it ended. @returns what ends it, resolving when the last call has ended */
export function tickEvery(
  ms: number,
  act: () => Promise<void>,
  failed: (thrown: unknown) => void,
): () => Promise<void> {
  let stopped = false
  let cancel = () => undefined as void
  let running = Promise.resolve()
  const next = () => {
    if (stopped) return
    running = act().catch(failed)
    void running.then(() => {
      if (!stopped) cancel = systemClock.after(ms, next)
    })
  }
  cancel = systemClock.after(ms, next)
  return async () => {
    stopped = true
    cancel()
    await running
  }
}
