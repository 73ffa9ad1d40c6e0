import { startAgent, type Agent } from '../agent/index.ts'
import { messageOf, type Clock } from '../base/index.ts'
import type { ReportedStatus } from '../link/index.ts'
import type { AssignedConnector, Assignment, Discovered, ServerLink } from '../model/index.ts'
import { siblingModule, sleptMs } from '../platform/index.ts'
import { countEvents, type AgentCounts } from './agent-counts.ts'
import { discoverHost } from './discover.ts'
import type { Reached } from './fleet.ts'
import { keptAssignment } from './kept-assignment.ts'
import { library } from './library.ts'
import type { Machine } from './machine.ts'
import { RemoteLink } from './remote-link.ts'
import { SelfReport } from './self-report.ts'

/** The agent of an instance, running, and what it did since. */
export interface AgentRole {
  readonly agent: Agent
  readonly counts: AgentCounts
  /** Its way to servers elsewhere; undefined for the agent in a server's own process. */
  readonly remote: RemoteLink | undefined
  reach(connectors: readonly AssignedConnector[]): Promise<readonly Reached[]>
  /** What is at a host. */
  discover(host: string): Promise<Discovered>
  /** What it says of itself and its machine. */
  report(): Omit<ReportedStatus, 'clock'>
  stop(): Promise<void>
}

/** Starts the agent of a server in its own process; it works by the same calls as one elsewhere. */
export async function startLocalAgent(machine: Machine, link: ServerLink): Promise<AgentRole> {
  const agent = await startOne(machine, { link, clock: machine.clock, directory: machine.directory.file('spool') })
  const report = new SelfReport(machine)
  const gone = new AbortController()
  return {
    agent,
    counts: countEvents(agent),
    remote: undefined,
    reach: (connectors) => reachAll(connectors, gone.signal),
    discover: (host) => discoverHost(host, library, gone.signal),
    report: () => report.of(agent.status(), undefined),
    async stop() {
      gone.abort()
      report.stop()
      await agent.stop()
    },
  }
}

/** Starts an agent that works for servers elsewhere. What it does is kept over its end, and what its servers set travels to here. */
export async function startRemoteAgent(machine: Machine): Promise<AgentRole> {
  const { directory, vault, log } = machine
  const report = new SelfReport(machine)
  const remote = await RemoteLink.open(machine, report)
  let agent: Agent
  try {
    agent = await startOne(machine, {
      link: remote,
      clock: remote.clock,
      // Apart from what an instance has for its own server: results for one are nothing to the other.
      directory: directory.file('spool', 'remote'),
      assignments: keptAssignment(directory, vault, log, () => remote.urls),
    })
  } catch (thrown) {
    report.stop()
    await remote.stop()
    throw thrown
  }
  const counts = countEvents(agent)
  followTravelling(machine, agent)
  const gone = new AbortController()
  const reach = (connectors: readonly AssignedConnector[]) => reachAll(connectors, gone.signal)
  const discover = (host: string) => discoverHost(host, library, gone.signal)
  remote.serve({
    status: () => agent.status(),
    runNow: (task) => agent.runNow(task),
    check: (order) => agent.check(order),
    reach,
    discover,
  })
  return {
    agent,
    counts,
    remote,
    reach,
    discover,
    report: () => report.of(agent.status(), remote.sendMs),
    async stop() {
      gone.abort()
      report.stop()
      await agent.stop()
      await remote.stop()
    },
  }
}

interface Way {
  readonly link: ServerLink
  readonly clock: Clock
  readonly directory: string
  readonly assignments?: { read(): Promise<Assignment | undefined>; write(assignment: Assignment): Promise<void> }
}

function startOne(machine: Machine, way: Way): Promise<Agent> {
  const { identity, log, settings } = machine
  const { processes, processMemoryMiB, spoolMaxBytes, spoolMaxAgeMs } = settings.values
  return startAgent({
    uuid: identity.uuid,
    ...way,
    sleptMs,
    random: Math.random,
    settings: { processes, processMemoryMiB, spoolMaxBytes, spoolMaxAgeMs },
    monitoringProcess: siblingModule(import.meta.url, 'monitoring-process'),
    targetOf: ({ type, settings: connector }) => library.connectors.get(type)?.target(connector) ?? type,
    log,
  })
}

/** The log level of the server is the agent's as well, and falls back by itself. */
function followTravelling({ logs, settings }: Machine, agent: Agent): void {
  let level: string | undefined
  agent.on((event) => {
    if (event.event !== 'assignment applied' || event.settings.logLevel === level) return
    const isFirst = level === undefined
    level = event.settings.logLevel
    // The one it was started with is its own, until the server asks for another.
    if (isFirst && level === settings.values.logLevel) return
    const { logLevel, logDurationMs } = event.settings
    logs.setLevel(logLevel, logLevel === 'debug' ? logDurationMs : undefined)
  })
}

/** How many targets are tried at the same time. */
const parallelReaches = 32

/** A cheap connect to each target; who knows of none is believed. */
async function reachAll(connectors: readonly AssignedConnector[], signal: AbortSignal): Promise<readonly Reached[]> {
  const left = [...connectors]
  const answers: Reached[] = []
  const work = async () => {
    for (let next = left.shift(); next !== undefined && !signal.aborted; next = left.shift())
      answers.push(await reachOne(next, signal))
  }
  await Promise.all(Array.from({ length: Math.min(parallelReaches, left.length) }, work))
  return answers
}

async function reachOne({ id, type, settings }: AssignedConnector, signal: AbortSignal): Promise<Reached> {
  const connector = library.connectors.get(type)
  if (connector === undefined)
    return { connector: id, reached: false, message: `this version has no connector of the type ${type}` }
  try {
    await connector.reach?.(settings, signal)
    return { connector: id, reached: true, message: '' }
  } catch (thrown) {
    return { connector: id, reached: false, message: messageOf(thrown).slice(0, 1_000) }
  }
}
