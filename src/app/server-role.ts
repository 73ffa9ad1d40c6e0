import { randomUUID } from 'node:crypto'
import { openAlarms, type Alarms, type TaskFacts } from '../alarms/index.ts'
import { LiveEvents, shownAlarm } from '../api/index.ts'
import { FarwatchError, messageOf } from '../base/index.ts'
import { Delivery, type ConfiguredPlugin } from '../delivery/index.ts'
import type { PluginForUse, TaskEntry } from '../inventory/index.ts'
import { isKept, type AlarmEvent, type Labels, type UploadAnswer, type UploadBatch } from '../model/index.ts'
import { diskSpace, systemClock } from '../platform/index.ts'
import { Fleet } from './fleet.ts'
import { historySettings } from './history-settings.ts'
import { openHistory, type History } from './history.ts'
import { library } from './library.ts'
import { Lifecycle } from './lifecycle.ts'
import { LogConsumer } from './log-consumer.ts'
import type { Machine } from './machine.ts'
import { MonitorCounts } from './monitor-counts.ts'
import { OwnHealth } from './own-health.ts'
import { UncoveredSlots } from './uncovered-slots.ts'

/** The engines of a central server, running: they take results, store, judge and tell. */
export interface ServerRole {
  readonly history: History
  readonly alarms: Alarms
  readonly delivery: Delivery
  readonly live: LiveEvents
  readonly health: OwnHealth
  readonly monitorCounts: MonitorCounts
  /** The plugins as configured now, ready for use. */
  readonly configured: () => readonly ConfiguredPlugin[]
  readonly fleet: Fleet
  /** Ends it all, in the order in which it depends on each other. May be called twice. */
  stop(): Promise<void>
}

const tickMs = 1_000

/** Starts the server's side: resolves when results can be taken. @param portalUrl where people reach the portal, once that is known */
export async function startServerRole(machine: Machine, portalUrl: () => string): Promise<ServerRole> {
  const { clock, directory, settings, log, logs, keystore, database, inventory, access, notApplied } = machine
  const lifecycle = new Lifecycle()
  try {
    return await start()
  } catch (thrown) {
    await lifecycle.stop()
    throw thrown
  }

  async function start(): Promise<ServerRole> {
    const keeps = (task: string, metric: string, labels: Labels) =>
      isKept(inventory.task(task)?.rules ?? [], metric, labels)
    const history = await openHistory({
      directory: directory.path,
      clock,
      settings: historySettings(settings.values),
      declared: (task, metric) => library.monitors.get(inventory.task(task)?.monitor ?? '')?.metrics[metric],
      isKept: keeps,
      report: (failure) => log.error('history upkeep failed', { problem: messageOf(failure) }),
    })
    lifecycle.onStop('history', () => history.close())
    const applyTasks = () =>
      history.applyTasks(
        inventory.tasks().map(({ id, connectorId, periodMs }) => ({ id, connector: connectorId, periodMs })),
      )
    await applyTasks()

    // Notifications, and the alarms that make them.
    const live = new LiveEvents({
      clock,
      groupOf: (task) => inventory.task(task)?.group,
      principalOf: (token) => access.authenticate(token),
    })
    lifecycle.onStop('live events', () => live.stop())
    let configuredPlugins: readonly ConfiguredPlugin[] | undefined
    const configured = () => (configuredPlugins ??= pluginsForUse(inventory.plugins()))
    const delivery = new Delivery({
      database,
      clock,
      random: Math.random,
      log,
      configured,
      portalUrl,
      network: { trusted: () => keystore.authorities() },
      metrics: {
        log: history,
        isKept: keeps,
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
    // Opened last, since it raises alarms.
    let agents: Fleet | undefined
    const alarms = await openAlarms({
      database,
      clock,
      tasks: (id) => taskFacts(inventory.task(id)),
      isSilenceExplained: (task) => agents?.isSilenceExplained(task) ?? false,
      outbox: (events: readonly AlarmEvent[]) => delivery.statementsFor(events),
      log,
    })
    lifecycle.onStop('alarms', () => alarms.stop())
    lifecycle.onStop('delivery', () => delivery.stop())
    alarms.onChange((alarm) => {
      delivery.wake()
      live.alarm({ is: 'alarm', alarm: shownAlarm(alarm) })
    })
    await alarms.tasksChanged({ added: inventory.tasks().map(({ id }) => id) })
    await delivery.start()
    const judging = new LogConsumer({
      log: history,
      position: alarms.position(),
      consume: (batch) => alarms.judge(batch),
      clock,
      problems: log,
    })
    lifecycle.onStop('judging', () => judging.stop())
    history.onStored((batch) =>
      live.results(
        batch.entries.map((entry) => ({
          task: entry.task,
          slot: entry.kind === 'run' ? entry.slot : entry.to,
          outcome: entry.outcome,
        })),
      ),
    )
    const monitorCounts = new MonitorCounts((task) => inventory.task(task)?.monitor, clock)
    history.onStored(({ entries }) => monitorCounts.count(entries))
    const health = new OwnHealth({
      alarms,
      inventory,
      keystore,
      history,
      clock,
      log,
      disk: () => diskSpace(directory.path),
    })
    lifecycle.onStop('own health', () => health.stop())

    const upload = async (batch: UploadBatch, leftOut?: ReadonlySet<string>): Promise<UploadAnswer> => {
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
    const fleet = await Fleet.open({
      machine,
      alarms,
      history,
      upload,
      travelling: () => {
        const { parallelTasks, parallelPerTarget, processTimeoutMs, logDurationMs } = settings.values
        // The level in force, and not the one that was set: debugging that has ended here does not begin anew on an agent.
        return { parallelTasks, parallelPerTarget, processTimeoutMs, logLevel: logs.level, logDurationMs }
      },
    })
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
      configuredPlugins = undefined
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

    return {
      history,
      alarms,
      delivery,
      live,
      health,
      monitorCounts,
      configured,
      fleet,
      stop: () => lifecycle.stop(),
    }
  }
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
function tickEvery(ms: number, act: () => Promise<void>, failed: (thrown: unknown) => void): () => Promise<void> {
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
