import type { AgentStatus } from '../../agent/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Instance } from '../../contract/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { visibleGroups, type Handlers } from '../route.ts'
import { iso, isoOrNull } from '../shape.ts'

/** The agent of a server that has no other. */
export function localAgentHandlers(parts: {
  readonly describe: () => Pick<Instance, 'uuid' | 'version' | 'fingerprint' | 'startedAt'>
  readonly inventory: Inventory
  readonly agent: () => AgentStatus
  readonly agentCounts: () => {
    readonly runs: number
    readonly failed: number
    readonly skipped: number
    readonly killed: number
    readonly uploads: number
  }
  readonly clock: Clock
}): Handlers<'listAgents' | 'agentStatistics'> {
  const { inventory, clock } = parts
  return {
    listAgents: ({ caller }) => {
      const { uuid, version, fingerprint } = parts.describe()
      const { tasks, running, waiting, spool } = parts.agent()
      const groups = inventory
        .groups(visibleGroups(caller))
        .filter(({ name }) => inventory.coverageState(name).state === 'covered')
      const nowAt = iso(clock.now())
      return [
        {
          id: uuid,
          name: 'local',
          announcedName: 'local',
          local: true,
          registration: 'ACCEPTED' as const,
          admin: 'ON' as const,
          runtime: 'ONLINE' as const,
          drain: 'none' as const,
          fingerprint,
          version,
          protocol: null,
          address: null,
          hostname: null,
          platform: null,
          groups: groups.map(({ name }) => name),
          connectors: groups.reduce(
            (sum, group) => sum + group.systems.reduce((count, { connectors }) => count + connectors.length, 0),
            0,
          ),
          tasks,
          running,
          waiting,
          load: 0,
          capacity: 0,
          cpu: null,
          memory: null,
          disk: null,
          spool: { entries: spool.entries, bytes: spool.bytes, oldestAt: isoOrNull(spool.oldestAt) },
          clock: null,
          sendMs: null,
          isolated: null,
          lacks: [],
          firstSeenAt: null,
          since: parts.describe().startedAt,
          lastSeenAt: nowAt,
          decidedAt: null,
          decidedBy: null,
        },
      ]
    },
    agentStatistics: () => {
      const { running, waiting, spool } = parts.agent()
      return [
        {
          agent: 'local',
          ...parts.agentCounts(),
          running,
          waiting,
          spoolEntries: spool.entries,
          spoolBytes: spool.bytes,
        },
      ]
    },
  }
}
