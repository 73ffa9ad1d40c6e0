import type { Alarms } from '../../alarms/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Instance, Status } from '../../contract/index.ts'
import type { AgentState, Distribution } from '../../distribution/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { worstSeverity } from '../../model/index.ts'
import type { HistoryQuestions } from '../questions.ts'
import { visibleGroups, type Handlers } from '../route.ts'
import { iso } from '../shape.ts'
import { sumCoverage } from './monitoring-handlers.ts'

type Names = 'showStatus' | 'agentStatistics'

/** What the history says of itself. */
export interface HistoryState {
  readonly series: number
  readonly samplesPerSecond: number
  readonly diskBytes: number
}

export interface OwnAgentCounts {
  readonly runs: number
  readonly failed: number
  readonly skipped: number
  readonly killed: number
  readonly uploads: number
  readonly running: number
  readonly waiting: number
  readonly spoolEntries: number
  readonly spoolBytes: number
}

export interface StatusParts {
  readonly describe: () => Instance
  readonly inventory: Inventory
  readonly alarms: Alarms
  readonly history: HistoryQuestions & { facts(): Promise<HistoryState> }
  readonly distribution: Pick<Distribution, 'agents'>
  /** What the server's own agent did since its start; undefined where it has none. */
  readonly ownAgent: () => OwnAgentCounts | undefined
  readonly clock: Clock
  readonly freeBytes: () => Promise<number | null>
  readonly isWritable: () => boolean
  readonly loopP99Ms: () => number
  readonly rssBytes: () => number
  readonly upMs: () => number
}

const dayMs = 86_400_000

/** How a central server is doing, on one screen. */
export function statusHandlers(parts: StatusParts): Handlers<Names> {
  const { inventory, alarms, history, clock } = parts
  return {
    showStatus: async ({ caller }): Promise<Status> => {
      const groups = visibleGroups(caller)
      const tasks = inventory.tasks({ groups })
      const to = clock.now()
      const from = to - dayMs
      const [coverage, facts, freeBytes] = await Promise.all([
        history.coverage({ tasks: tasks.map(({ id }) => id), from, to }),
        history.facts(),
        parts.freeBytes(),
      ])
      const open = alarms.open().filter(({ group }) => groups === undefined || groups.includes(group))
      return {
        instance: parts.describe(),
        // A server alone is active in its first term; terms move with a failover pair.
        term: 1,
        agents: countAgents(parts.distribution.agents()),
        tasks: tasks.length,
        systems: inventory.systems({ groups }).length,
        coverage: { from: iso(from), to: iso(to), ...sumCoverage(coverage) },
        alarms: alarms.counts(groups === undefined ? undefined : new Set(groups)),
        worst: worstSeverity(open.map(({ severity }) => severity)),
        storage: {
          bytes: facts.diskBytes,
          freeBytes,
          series: facts.series,
          samplesPerSecond: facts.samplesPerSecond,
          writable: parts.isWritable(),
        },
        process: { rssBytes: parts.rssBytes(), uptimeMs: parts.upMs(), eventLoopP99Ms: parts.loopP99Ms() },
      }
    },
    agentStatistics: () => {
      const own = parts.ownAgent()
      return own === undefined ? [] : [{ agent: 'local', ...own }]
    },
  }
}

function countAgents(agents: readonly AgentState[]): Status['agents'] {
  const count = (is: (agent: AgentState) => boolean) => agents.filter(is).length
  const accepted = (agent: AgentState) => agent.registration === 'ACCEPTED'
  return {
    online: count((agent) => accepted(agent) && agent.runtime === 'ONLINE'),
    offline: count((agent) => accepted(agent) && agent.runtime === 'OFFLINE'),
    draining: count((agent) => accepted(agent) && agent.runtime === 'DRAINING'),
    pending: count(({ registration }) => registration === 'PENDING'),
    rejected: count(({ registration }) => registration === 'REJECTED'),
    off: count((agent) => accepted(agent) && agent.admin === 'OFF'),
  }
}
