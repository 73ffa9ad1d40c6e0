import type { Clock } from '../../base/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import type { FleetQuestions, HistoryQuestions } from '../questions.ts'
import { readRange } from '../read-request.ts'
import { visibleGroups, type Handlers } from '../route.ts'

/** What agents did, of the results that are here, and how they stand, by what they said last. */
export function agentStatisticsHandlers(parts: {
  readonly inventory: Inventory
  readonly history: Pick<HistoryQuestions, 'statistics'>
  readonly fleet: Pick<FleetQuestions, 'distribution' | 'seen'>
  readonly clock: Clock
  /** Monitoring processes of the server's own agent that had to be ended; undefined where it has none. */
  readonly killed: () => number | undefined
}): Handlers<'agentStatistics'> {
  const { inventory, history, fleet, clock } = parts
  return {
    agentStatistics: async ({ caller, query }) => {
      const { from, to } = readRange(query, clock.now())
      const tasks = inventory.tasks({ groups: visibleGroups(caller) }).map(({ id }) => id)
      const all = await history.statistics({ tasks, from, to, by: 'agent' })
      const byAgent = new Map(all.map((one) => [one.name, one]))
      return fleet.distribution.agents().map(({ id, name, local }) => {
        const done = byAgent.get(id)
        const status = fleet.seen(id)?.status
        return {
          agent: name,
          runs: done?.runs ?? 0,
          failed: done?.outcomes.failed ?? 0,
          late: done?.outcomes.late ?? 0,
          skipped: done?.outcomes.skipped ?? 0,
          timeouts: done?.timeouts ?? 0,
          p50Ms: done?.durationMs?.p50 ?? null,
          p95Ms: done?.durationMs?.p95 ?? null,
          maxMs: done?.durationMs?.max ?? null,
          latenessP95Ms: done?.delayMs?.p95 ?? null,
          running: status?.running ?? null,
          waiting: status?.waiting ?? null,
          spoolEntries: status?.spool.entries ?? null,
          spoolBytes: status?.spool.bytes ?? null,
          sendMs: status?.sendMs ?? null,
          killed: local ? (parts.killed() ?? null) : null,
        }
      })
    },
  }
}
