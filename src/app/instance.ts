import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { accessSchema, openAccess } from '../access/index.ts'
import { startAgent } from '../agent/index.ts'
import { alarmsSchema, openAlarms, type TaskFacts } from '../alarms/index.ts'
import {
  LiveEvents,
  accessHandlers,
  alarmHandlers,
  certificateHandlers,
  configurationHandlers,
  instanceHandlers,
  libraryHandlers,
  makeServer,
  monitoringHandlers,
  pluginHandlers,
  shownAlarm,
} from '../api/index.ts'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import { Delivery, deliverySchema, type ConfiguredPlugin } from '../delivery/index.ts'
import {
  defaultDocument,
  followOwnUrl,
  inventorySchema,
  localAgent,
  openInventory,
  type TaskEntry,
} from '../inventory/index.ts'
import { isKept, type AlarmEvent, type Labels, type TravellingSettings } from '../model/index.ts'
import {
  diskSpace,
  hashPassword,
  hashToken,
  machineFacts,
  newToken,
  openDataDirectory,
  openDatabase,
  openIdentity,
  openKeystore,
  openLogs,
  openSettings,
  openVault,
  residentBytes,
  resolveSettings,
  siblingModule,
  systemClock,
  takeSecrets,
  verifyPassword,
  type GivenSettings,
  type Settings,
} from '../platform/index.ts'
import { countEvents } from './agent-counts.ts'
import { historySettings } from './history-settings.ts'
import { openHistory } from './history.ts'
import { Lifecycle } from './lifecycle.ts'
import { library } from './library.ts'
import { leaveLocalAccess, removeLocalAccess } from './local-access.ts'
import { LocalLink } from './local-link.ts'
import { LogConsumer } from './log-consumer.ts'
import { OwnHealth } from './own-health.ts'
import { selfMetrics } from './self-metrics.ts'

export interface StartOptions {
  readonly flags: GivenSettings['flags']
  /** The process's own: secrets are taken out of it. */
  readonly environment: Record<string, string | undefined>
  readonly version: string
  /** Where log lines and the set-up link go: stderr. */
  readonly output: { readonly isTTY?: boolean; write(text: string): unknown }
}

export interface RunningInstance {
  readonly url: string
  readonly uuid: string
  readonly role: Settings['role']
  /** Ends everything in the order in which it depends on each other. Bounded; may be called twice. */
  stop(): Promise<void>
}

const tickMs = 1_000

/**
 * Starts an instance: resolves when it serves.
 *
 * One straight line on purpose: it is the dataflow of the whole program, and pieces of it would only hide what is handed to whom.
 * Everything that was opened is closed backwards by the lifecycle, also where a later step fails.
 * @throws FarwatchError `data-directory-in-use`, `data-directory-newer`, `invalid-setting`, `address-in-use`, …
 */
export async function startInstance(options: StartOptions): Promise<RunningInstance> {
  const { environment, version, output } = options
  const clock = systemClock
  const startedAt = clock.now()
  const began = clock.elapsed()
  const lifecycle = new Lifecycle()
  try {
    // The machine side: directory, settings, logs, who this is.
    const early = resolveSettings({ flags: options.flags ?? {}, environment })
    const directory = await openDataDirectory(early.values.data, startedAt)
    lifecycle.onStop('data directory', () => directory.close())
    const settings = await openSettings(directory, { flags: options.flags ?? {}, environment })
    const secrets = takeSecrets(environment, settings.values)
    refuseUnsupported(settings.values)
    const logBounds = () => ({
      retentionMs: settings.values.logRetentionDays * 86_400_000,
      maxBytes: settings.values.logMaxBytes,
    })
    const logs = await openLogs({
      level: settings.values.logLevel,
      clock,
      output,
      files: { directory: directory.file('logs'), ...logBounds() },
    })
    lifecycle.onStop('logs', () => logs.close())
    const { log } = logs
    for (const warning of settings.warnings) log.warn('setting doubtful', { warning })
    const identity = await openIdentity(directory)
    const keystore = await openKeystore(directory, {
      now: () => clock.now(),
      onProblem: (thrown) => log.warn('keystore not read', { problem: messageOf(thrown) }),
    })
    lifecycle.onStop('keystore', () => keystore.close())
    const databaseFile = directory.file('farwatch.db')
    const vault = await openVault(directory, { expectKey: existsSync(databaseFile) })

    // Storage: what is small and precious, and what is large and append-mostly.
    const database = await openDatabase({
      file: databaseFile,
      schema: [accessSchema, inventorySchema, alarmsSchema, deliverySchema],
    })
    lifecycle.onStop('database', () => database.close())
    const inventory = await openInventory({ database, library, vault, clock, log })
    const localToken = newToken().token
    const access = await openAccess({
      database,
      clock,
      secrets: { hashPassword, verifyPassword, newToken, hashToken },
      sessionMs: () => settings.values.sessionHours * 3_600_000,
      audit: (change) => [inventory.auditStatement(change)],
      localToken,
    })
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
    let configuredPlugins: readonly ConfiguredPlugin[] | undefined
    const configured = () => (configuredPlugins ??= pluginsForUse(inventory.plugins()))
    const portal = { url: '' }
    const delivery = new Delivery({
      database,
      clock,
      random: Math.random,
      log,
      configured,
      portalUrl: () => portal.url,
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
    const alarms = await openAlarms({
      database,
      clock,
      tasks: (id) => taskFacts(inventory.task(id)),
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

    // The agent, by the same two calls that one elsewhere would make.
    const travelling = (): TravellingSettings => {
      const { parallelTasks, parallelPerTarget, processTimeoutMs, logLevel } = settings.values
      return { parallelTasks, parallelPerTarget, processTimeoutMs, logLevel }
    }
    const link = new LocalLink({
      assignment: () => inventory.assignmentFor(localAgent, travelling()),
      upload: async (batch) => {
        try {
          const answer = await history.upload(batch)
          health.stored('history', undefined)
          return answer
        } catch (thrown) {
          if (thrown instanceof FarwatchError && thrown.code === 'storage-unwritable')
            health.stored('history', thrown.message)
          throw thrown
        }
      },
    })
    const { processes, processMemoryMiB, spoolMaxBytes, spoolMaxAgeMs } = settings.values
    const agent = await startAgent({
      uuid: identity.uuid,
      link,
      directory: directory.file('spool'),
      clock,
      random: Math.random,
      settings: { processes, processMemoryMiB, spoolMaxBytes, spoolMaxAgeMs },
      monitoringProcess: siblingModule(import.meta.url, 'monitoring-process'),
      targetOf: ({ type, settings: connector }) => library.connectors.get(type)?.target(connector) ?? type,
      log,
    })
    lifecycle.onStop('agent', () => agent.stop())
    const counts = countEvents(agent)
    agent.on((event) => {
      if (event.event === 'spool unwritable') health.stored('spool', event.message)
      if (event.event === 'spool writable') health.stored('spool', undefined)
    })

    // Changes of the configuration and the settings reach whoever lives by them.
    const problem = (what: string) => (thrown: unknown) =>
      log.error(`${what} not applied`, { problem: messageOf(thrown) })
    inventory.onChange((change) => {
      configuredPlugins = undefined
      link.changed()
      live.configuration(change.revision)
      applyTasks().catch(problem('configuration of the history'))
      alarms
        .tasksChanged({
          added: ids(change.tasksAdded),
          changed: ids(change.tasksChanged),
          removed: ids(change.tasksRemoved),
        })
        .catch(problem('configuration of the alarms'))
      delivery.configurationChanged().catch(problem('configuration of the plugins'))
      health.look()
    })
    settings.onChange((changed, values) => {
      const lasting = changed.includes('logLevel') && values.logLevel === 'debug' ? values.logDurationMs : undefined
      if (changed.includes('logLevel')) logs.setLevel(values.logLevel, lasting)
      logs.setBounds(logBounds())
      link.changed()
      history.applySettings(historySettings(values)).catch(problem('settings of the history'))
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

    // The front: HTTPS, the portal, the command line's way in.
    const loopResolutionMs = 10
    const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
    loop.enable()
    lifecycle.onStop('event loop meter', () => void loop.disable())
    // It measures by a timer of its own, whose interval is part of every reading.
    const loopP99Ms = () => Math.max(0, loop.percentile(99) / 1e6 - loopResolutionMs)
    const upMs = () => clock.elapsed() - began
    const describe = () => ({
      uuid: identity.uuid,
      name: settings.values.name || machineFacts().hostname,
      version,
      roles: { server: true, agent: true },
      servers: [...settings.values.servers],
      fingerprint: identity.fingerprint,
      startedAt: new Date(startedAt).toISOString(),
      portalUrl: portal.url,
    })
    const agentCounts = () => ({
      runs: (counts.byOutcome.ran ?? 0) + (counts.byOutcome.failed ?? 0) + (counts.byOutcome.late ?? 0),
      failed: counts.byOutcome.failed ?? 0,
      skipped: counts.byOutcome.skipped ?? 0,
      killed: counts.killed,
      uploads: counts.uploads,
    })
    const app = await makeServer({
      version,
      access,
      tls: keystore.tlsMaterial(),
      portal: builtPortal(),
      notReady: () => health.unwritable,
      metrics: async () =>
        selfMetrics({
          version,
          uuid: identity.uuid,
          tasks: inventory.tasks().length,
          upMs: upMs(),
          loopP99Ms: loopP99Ms(),
          rssBytes: residentBytes(),
          history: await history.facts(),
          agent: agent.status(),
          counts,
          plugins: await delivery.status(),
          alarms: alarms.counts(),
        }),
      metricsPublic: () => settings.values.metricsPublic,
      stream: (request, reply, caller) => live.stream(request, reply, caller),
      log,
      handlers: {
        ...accessHandlers(access),
        ...libraryHandlers(library),
        ...configurationHandlers({
          inventory,
          environment: (name) => (name.startsWith('FARWATCH_') ? undefined : environment[name]),
        }),
        ...monitoringHandlers({
          inventory,
          history,
          alarms,
          clock,
          agent,
          localAgent: identity.uuid,
          agentName: (id) => (id === identity.uuid ? localAgent : id),
        }),
        ...alarmHandlers(alarms),
        ...pluginHandlers({ delivery, configured }),
        ...certificateHandlers({ keystore, inventory }),
        ...instanceHandlers({
          describe,
          settings,
          logs,
          inventory,
          alarms,
          history,
          agent: () => agent.status(),
          agentCounts,
          clock,
          freeBytes: () =>
            diskSpace(directory.path).then(
              ({ freeBytes }) => freeBytes,
              () => null,
            ),
          isWritable: () => health.unwritable === undefined,
          loopP99Ms,
          rssBytes: residentBytes,
          upMs,
        }),
      },
    })
    lifecycle.onStop('server', () => app.close())
    keystore.onChange(() => {
      const { key, cert } = keystore.tlsMaterial()
      secureServer(app).setSecureContext({ key, cert })
      health.look()
    })
    portal.url = await listen(app, settings.values)

    // The very first start: something to see, and somebody to see it.
    const ownUrl = portal.url
    if (inventory.revision() === 0)
      await inventory.apply(defaultDocument({ hostname: machineFacts().hostname, ownUrl }), {
        author: 'farwatch',
        comment: 'what is watched out of the box',
      })
    else await followOwnUrl(inventory, ownUrl)
    if (access.setupNeeded() && secrets.adminPassword !== '')
      await access.ensureAdministrator('admin', secrets.adminPassword)
    const leaveAccess = () =>
      leaveLocalAccess(directory, { url: ownUrl, token: localToken, fingerprint: keystore.own().fingerprint })
    await leaveAccess()
    lifecycle.onStop('local access', () => removeLocalAccess(directory))
    // The command line knows this instance by its certificate.
    const endFollowing = keystore.onChange(() => void leaveAccess().catch(problem('certificate of the local access')))
    lifecycle.onStop('certificate of the local access', endFollowing)
    health.look()
    log.info('instance started', {
      uuid: identity.uuid,
      version,
      url: portal.url,
      tasks: inventory.tasks().length,
      tookMs: Math.round(upMs()),
    })
    // Last, so that it is not lost among the lines of the log.
    if (access.setupNeeded()) showSetupLink(output, `${ownUrl}/setup?token=${await access.makeSetupToken()}`)
    return {
      url: portal.url,
      uuid: identity.uuid,
      role: settings.values.role,
      stop: async () => {
        log.info('instance stopping')
        await lifecycle.stop()
      },
    }
  } catch (thrown) {
    await lifecycle.stop()
    throw thrown
  }
}

function refuseUnsupported({ role }: Settings): void {
  if (role === 'standalone') return
  throw new FarwatchError('not-supported', `the role ${role} is not possible in this version`, {
    hint: 'Start without --role: server and agent in one.',
  })
}

const ids = (tasks: readonly TaskEntry[]) => tasks.map(({ id }) => id)

// Facts of a task, shared where the monitor and its rules are: the alarms keep what they compile by the identity of both.
function taskFacts(task: TaskEntry | undefined): TaskFacts | undefined {
  const monitor = task === undefined ? undefined : library.monitors.get(task.monitor)
  if (task === undefined || monitor === undefined) return undefined
  const { id, group, system, connector, profile, periodMs, rules } = task
  return { id, group, system, connector, profile, monitor: monitor.id, periodMs, rules, metrics: monitor.metrics }
}

function pluginsForUse(
  plugins: ReturnType<Awaited<ReturnType<typeof openInventory>>['plugins']>,
): readonly ConfiguredPlugin[] {
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

function builtPortal(): string | undefined {
  const directory = fileURLToPath(new URL('../../web/dist', import.meta.url))
  return existsSync(directory) ? directory : undefined
}

async function listen(app: FastifyInstance, { host, port }: Settings): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (thrown) {
    const code = systemCodeOf(thrown)
    if (code === 'EADDRINUSE')
      throw new FarwatchError('address-in-use', `${host}:${port} is taken by another program`, {
        hint: 'Choose another with --port, or stop that program.',
        cause: thrown,
      })
    if (code === 'EACCES')
      throw new FarwatchError('address-in-use', `port ${port} may not be used by this user`, {
        hint: 'Ports below 1024 need a privilege; choose another with --port.',
        cause: thrown,
      })
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new FarwatchError('invalid-setting', `${host} is not an address of this machine`, {
        hint: 'Choose another with --host; 0.0.0.0 is all of them.',
        cause: thrown,
      })
    throw thrown
  }
  // It listens on a port, so its address is one.
  const bound = app.server.address() as AddressInfo
  // Bound to everything, the one name that is right on this machine whatever its network is.
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `https://${shown.includes(':') ? `[${shown}]` : shown}:${bound.port}`
}

function secureServer(app: FastifyInstance) {
  // Fastify was given TLS material, so its server is one of node:tls.
  return app.server as unknown as import('node:tls').Server
}

/** Past the log on purpose: who has the link becomes administrator, and log files are kept and copied. */
function showSetupLink(output: StartOptions['output'], url: string): void {
  output.write(
    output.isTTY === true
      ? `\n  Open this link once to set up the first administrator:\n\n    ${url}\n\n`
      : `${JSON.stringify({ level: 'info', event: 'set-up link', url })}\n`,
  )
}
