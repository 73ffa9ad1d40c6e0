import {
  accessHandlers,
  agentHandlers,
  agentStatisticsHandlers,
  agentsByState,
  alarmHandlers,
  certificateHandlers,
  checkHandlers,
  configurationHandlers,
  maintenanceHandlers,
  connectionHandlers,
  dashboardHandlers,
  discoveryHandlers,
  describedInstance,
  failoverHandlers,
  instanceHandlers,
  libraryHandlers,
  monitoringHandlers,
  placementHandlers,
  pluginHandlers,
  statusHandlers,
  type Handlers,
} from '../api/index.ts'
import type { Connection, Instance } from '../contract/index.ts'
import { diskSpace, residentBytes } from '../platform/index.ts'
import type { AgentRole } from './agent-role.ts'
import { library } from './library.ts'
import type { Machine } from './machine.ts'
import type { RemoteLink } from './remote-link.ts'
import type { Roles, RunningRoles } from './roles.ts'
import type { ServerView } from './server-role.ts'

interface FrontFacts {
  readonly describe: () => Omit<Instance, 'proxy' | 'roleGivenBy' | 'failover'>
  readonly loopP99Ms: () => number
}

/**
 * What answers in the roles that run: an agent alone answers about itself and its server, and whoever asks it for anything else is told that
 * this is not its role. The configuration that it may have from a time as a server stays where it is, and is not shown.
 */
export function roleHandlers(
  machine: Machine,
  roles: Roles,
  { server, agent }: RunningRoles,
  facts: FrontFacts,
): Partial<Handlers> {
  const { settings, logs, access, keystore } = machine
  // What is changed here while the other server acts is told in its audit log, later.
  const inventory = server === undefined || server.acts ? machine.inventory : withRecord(machine.inventory, server)
  return {
    ...accessHandlers(access),
    ...certificateHandlers({ keystore, inventory }),
    ...instanceHandlers({
      describe: facts.describe,
      settings,
      logs,
      inventory,
      rolesSettled: () => roles.settled(),
      pair: () => roles.running.server?.failover.now(),
    }),
    ...(server === undefined ? {} : serverHandlers(machine, server, agent, facts)),
    ...(agent?.remote === undefined ? {} : remoteHandlers(agent, agent.remote)),
  }
}

function withRecord(inventory: Machine['inventory'], { pair }: ServerView): Machine['inventory'] {
  return { ...inventory, record: (entry) => pair.record(entry) }
}

function serverHandlers(
  machine: Machine,
  server: ServerView,
  agent: AgentRole | undefined,
  { describe, loopP99Ms }: FrontFacts,
) {
  const { clock, version, environment, directory, inventory, identity, keystore, startedAt, upMs } = machine
  const { history, alarms, delivery, health, configured, fleet, failover } = server
  return {
    ...libraryHandlers(library),
    ...maintenanceHandlers({ inventory, clock }),
    ...configurationHandlers({
      inventory,
      access: machine.access,
      environment: (name) => (name.startsWith('FARWATCH_') ? undefined : environment[name]),
    }),
    ...checkHandlers({ inventory, library, fleet, agentName: (id) => fleet.nameOf(id) }),
    ...discoveryHandlers({ inventory, library, fleet, agentName: (id) => fleet.nameOf(id) }),
    ...monitoringHandlers({
      inventory,
      history,
      alarms,
      clock,
      agent: fleet,
      agentName: (id) => fleet.nameOf(id),
      placeOf: (place) => fleet.placeOf(place),
      placesNow: () => fleet.placesNow(),
    }),
    ...agentHandlers({
      fleet,
      clock,
      keystore,
      inventory,
      own: () => ({ version, fingerprint: identity.fingerprint, startedAt }),
    }),
    ...placementHandlers({ inventory, fleet }),
    ...failoverHandlers({ failover, agentName: (id) => fleet.nameOf(id) }),
    ...agentStatisticsHandlers({ inventory, history, fleet, clock, killed: () => agent?.counts.killed }),
    ...dashboardHandlers({ inventory }),
    ...alarmHandlers({
      alarms,
      inventory,
      history,
      clock,
      delivery,
      configured,
      metricsOf: ({ monitor }) => library.monitors.get(monitor)?.metrics ?? {},
    }),
    ...pluginHandlers({ delivery, configured }),
    ...statusHandlers({
      instance: () => describedInstance({ describe, settings: machine.settings, pair: () => failover.now() }),
      inventory,
      alarms,
      history,
      agents: () => agentsByState(fleet),
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
  }
}

function remoteHandlers(role: AgentRole, remote: RemoteLink) {
  return connectionHandlers({ connection: () => connectionOf(role, remote) })
}

function connectionOf({ agent }: AgentRole, remote: RemoteLink): Connection {
  const { is, server, message, fingerprint, answeredAt, serverVersion, protocol } = remote.state()
  const { assignment, source, tasks, running, waiting, unsafe, isolated, spool, upload } = agent.status()
  const clock = remote.clock.status()
  const at = (moment: number | undefined) => (moment === undefined ? null : new Date(moment).toISOString())
  return {
    server: server ?? null,
    state: is,
    message,
    fingerprint,
    serverVersion: serverVersion ?? null,
    protocol: protocol ?? null,
    answeredAt: at(answeredAt),
    clock: clock === undefined ? null : { offsetMs: clock.wallOffsetMs, rttMs: clock.rttMs, errorMs: clock.errorMs },
    term: remote.term,
    servers: remote.servers().map((one) => ({
      url: one.url,
      serves: one.serves,
      acts: one.acts ?? null,
      term: one.term ?? null,
      answeredMsAgo: one.answeredMsAgo ?? null,
      message: one.message,
    })),
    assignment: assignment ?? null,
    kept: source === 'kept',
    tasks,
    running,
    waiting,
    isolated,
    spool: { entries: unsafe, bytes: spool.bytes, oldestAt: at(spool.oldestAt) },
    upload: { reached: upload.reached, behind: upload.behind, problem: upload.problem ?? null },
  }
}
