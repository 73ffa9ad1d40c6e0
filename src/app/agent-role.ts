import { startAgent, type Agent } from '../agent/index.ts'
import type { ServerLink } from '../model/index.ts'
import { siblingModule, sleptMs } from '../platform/index.ts'
import { countEvents, type AgentCounts } from './agent-counts.ts'
import { library } from './library.ts'
import type { Machine } from './machine.ts'

/** The agent of an instance, running, and what it did since. */
export interface AgentRole {
  readonly agent: Agent
  readonly counts: AgentCounts
  stop(): Promise<void>
}

/** Starts the agent's side; it works by the two calls of the link, whatever is at the other end. */
export async function startAgentRole(machine: Machine, link: ServerLink): Promise<AgentRole> {
  const { clock, directory, identity, log, settings } = machine
  const { processes, processMemoryMiB, spoolMaxBytes, spoolMaxAgeMs } = settings.values
  const agent = await startAgent({
    uuid: identity.uuid,
    link,
    directory: directory.file('spool'),
    clock,
    sleptMs,
    random: Math.random,
    settings: { processes, processMemoryMiB, spoolMaxBytes, spoolMaxAgeMs },
    monitoringProcess: siblingModule(import.meta.url, 'monitoring-process'),
    targetOf: ({ type, settings: connector }) => library.connectors.get(type)?.target(connector) ?? type,
    log,
  })
  return { agent, counts: countEvents(agent), stop: () => agent.stop() }
}
