import type { Fleet } from './fleet.ts'
import type { AgentMetrics } from './self-metrics.ts'

/** All agents that the server knows, with what they said last. What an agent that is OFFLINE said about its machine is not its present. */
export function agentMetrics(
  fleet: Pick<Fleet, 'distribution' | 'registry' | 'seen'>,
  at: number,
): readonly AgentMetrics[] {
  return fleet.distribution.agents().map(({ id, name, runtime, lastSeenAt, connectors, load }) => {
    const status = runtime === 'OFFLINE' ? undefined : fleet.seen(id)?.status
    const oldestAt = status?.spool.oldestAt
    return {
      id,
      name,
      version: fleet.registry.agent(id)?.version,
      isOnline: runtime !== 'OFFLINE',
      cpuShare: status?.cpu,
      memory: status?.memory,
      disk: status?.disk,
      spool: status && {
        entries: status.spool.entries,
        bytes: status.spool.bytes,
        oldestAgeMs: oldestAt === undefined ? undefined : Math.max(0, at - oldestAt),
      },
      sendMs: status?.sendMs,
      sincePollMs: lastSeenAt === undefined ? undefined : Math.max(0, at - lastSeenAt),
      clockOffsetMs: status?.clock.offsetMs,
      connectors,
      tasks: status?.tasks,
      running: status?.running,
      load,
    }
  })
}
