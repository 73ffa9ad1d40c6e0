import { iso } from '../../base/index.ts'
import type { Alarms } from '../../alarms/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Instance, Status } from '../../contract/index.ts'
import type { Inventory, TaskEntry } from '../../inventory/index.ts'
import { worstSeverity } from '../../model/index.ts'
import type { FleetQuestions, HistoryQuestions } from '../questions.ts'
import { inTime, remembered } from '../remembered.ts'
import { visibleGroups, type Handlers } from '../route.ts'
import { addSlots, sumCoverage, type SlotCounts } from './monitoring-handlers.ts'

/** What the history says of itself. */
export interface HistoryState {
  readonly series: number
  readonly samplesPerSecond: number
  readonly diskBytes: number
}

export interface StatusParts {
  /** As `GET /instance` answers. */
  readonly instance: () => Instance
  readonly inventory: Inventory
  readonly alarms: Alarms
  readonly history: HistoryQuestions & { facts(): Promise<HistoryState> }
  readonly agents: () => Status['agents']
  readonly clock: Clock
  readonly freeBytes: () => Promise<number | null>
  readonly isWritable: () => boolean
  readonly loopP99Ms: () => number
  readonly rssBytes: () => number
  readonly upMs: () => number
}

const dayMs = 86_400_000
/** Above so many tasks the slots of a day are not counted with every refresh: that takes a second for a hundred thousand. */
const mostAskedEach = 5_000
const coverageKeptMs = 60_000
/** For so long the slots of so many tasks are waited for where they are not known: the status is wanted now, with or without them. */
const coverageWaitMs = 300

/** How a server and what it watches are doing. */
export function statusHandlers(parts: StatusParts): Handlers<'showStatus'> {
  const { inventory, alarms, history, clock } = parts
  const range = () => {
    const to = clock.now()
    return { from: to - dayMs, to }
  }
  const countSlots = async (tasks: readonly TaskEntry[], { from, to } = range()) => {
    const all = await history.coverage({ tasks: tasks.map(({ id }) => id), from, to })
    const groupOf = new Map(tasks.map(({ id, group }) => [id, group]))
    const byGroup = Map.groupBy(all, ({ task }) => groupOf.get(task))
    return { from, to, byGroup: new Map([...byGroup].map(([group, some]) => [group, addSlots(some)])) }
  }
  const countAll = remembered(clock, coverageKeptMs, () => countSlots(inventory.tasks()))
  return {
    showStatus: async ({ caller }): Promise<Status> => {
      const groups = visibleGroups(caller)
      const tasks = inventory.tasks({ groups })
      const [counted, facts, freeBytes] = await Promise.all([
        tasks.length > mostAskedEach ? inTime(clock, coverageWaitMs, countAll()) : countSlots(tasks),
        history.facts(),
        parts.freeBytes(),
      ])
      const { from, to, byGroup } = counted ?? { ...range(), byGroup: new Map<string | undefined, SlotCounts>() }
      const coverage = [...byGroup].flatMap(([group, sum]) =>
        groups === undefined || (group !== undefined && groups.includes(group)) ? [sum] : [],
      )
      const open = alarms.open().filter(({ group }) => groups === undefined || groups.includes(group))
      const instance = parts.instance()
      return {
        instance,
        // A server that never was in a pair is active in its first term.
        term: instance.failover?.term ?? 1,
        agents: parts.agents(),
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
  }
}

/** How many agents are how, for the status. */
export function agentsByState({ distribution }: Pick<FleetQuestions, 'distribution'>): Status['agents'] {
  const all = distribution.standings()
  const accepted = all.filter(({ registration }) => registration === 'ACCEPTED')
  const count = (of: readonly unknown[]) => of.length
  return {
    online: count(accepted.filter(({ runtime }) => runtime !== 'OFFLINE')),
    offline: count(accepted.filter(({ runtime }) => runtime === 'OFFLINE')),
    draining: count(accepted.filter(({ runtime }) => runtime === 'DRAINING')),
    pending: count(all.filter(({ registration }) => registration === 'PENDING')),
    rejected: count(all.filter(({ registration }) => registration === 'REJECTED')),
    off: count(accepted.filter(({ admin }) => admin === 'OFF')),
  }
}
