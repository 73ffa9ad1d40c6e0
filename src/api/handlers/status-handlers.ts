import type { Alarms } from '../../alarms/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Instance, Status } from '../../contract/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { worstSeverity } from '../../model/index.ts'
import type { FleetQuestions, HistoryQuestions } from '../questions.ts'
import { remembered } from '../remembered.ts'
import { visibleGroups, type Handlers } from '../route.ts'
import { iso } from '../shape.ts'
import { sumCoverage } from './monitoring-handlers.ts'

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

/** How a server and what it watches are doing. */
export function statusHandlers(parts: StatusParts): Handlers<'showStatus'> {
  const { inventory, alarms, history, clock } = parts
  const ofDay = async (tasks: readonly { readonly id: string }[]) => {
    const to = clock.now()
    const range = { from: to - dayMs, to }
    return { ...range, all: await history.coverage({ tasks: tasks.map(({ id }) => id), ...range }) }
  }
  const ofAll = remembered(clock, coverageKeptMs, () => ofDay(inventory.tasks()))
  return {
    showStatus: async ({ caller }): Promise<Status> => {
      const groups = visibleGroups(caller)
      const tasks = inventory.tasks({ groups })
      const [{ from, to, all }, facts, freeBytes] = await Promise.all([
        tasks.length > mostAskedEach ? ofAll() : ofDay(tasks),
        history.facts(),
        parts.freeBytes(),
      ])
      const seen = new Set(tasks.map(({ id }) => id))
      const coverage = all.filter(({ task }) => seen.has(task))
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
  const all = distribution.agents()
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
