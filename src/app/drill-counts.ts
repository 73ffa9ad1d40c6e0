import type { Clock } from '../base/index.ts'
import type { DrillCounts } from '../failover/index.ts'
import { outcomes, slotFrom, slotUntil } from '../model/index.ts'
import type { Machine } from './machine.ts'
import type { ServerEngines } from './server-engines.ts'
import type { History } from './history.ts'

/** How far back results are counted before a drill, to be counted again after it. */
const lookBackMs = 600_000
/** What agents send late is waited for: their spools are empty again well within this. */
const patienceMs = 30_000
const lookMs = 1_000
/** The newest deliveries are looked at, as many as the ledger gives at once. */
const deliveries = 1_000

/** What was stored when a drill began. */
export interface BeforeDrill {
  readonly at: number
  readonly runs: number
}

export interface CountedServer {
  readonly machine: Pick<Machine, 'inventory'>
  readonly clock: Clock
  readonly history: History
  readonly engines: ServerEngines
}

export async function beforeDrill(server: CountedServer): Promise<BeforeDrill> {
  const at = server.clock.now()
  return { at, runs: (await tally(server, at - lookBackMs, at)).runs }
}

/**
 * What became of the slots and notifications of a drill, by the ledgers of the server that acts again. Slots that nothing was heard of are
 * missed once they stay so for half a minute: the ledger itself calls them lost only after minutes.
 */
export async function drillCounts(
  server: CountedServer,
  before: BeforeDrill,
  from: number,
  to: number,
): Promise<DrillCounts> {
  const { clock, engines } = server
  const until = clock.elapsed() + patienceMs
  let counted = await tally(server, from, to)
  while (counted.missing > 0 && clock.elapsed() < until) {
    await new Promise<void>((resolve) => clock.after(lookMs, resolve))
    counted = await tally(server, from, to)
  }
  const { runs } = await tally(server, before.at - lookBackMs, before.at)
  const sent = await engines.delivery.ledger({ limit: deliveries })
  return {
    resultsLost: Math.max(0, before.runs - runs),
    duplicates: counted.twice,
    runsMissed: counted.missing + counted.withoutRun,
    notificationsRepeated: sent.filter(
      ({ state, attempts, queuedAt }) => state === 'delivered' && attempts > 1 && queuedAt >= from && queuedAt < to,
    ).length,
  }
}

/** Slots of all tasks with `from` ≤ slot < `to`, against what the ledger has of them. */
async function tally({ machine, history }: CountedServer, from: number, to: number) {
  const tasks = machine.inventory.tasks()
  const ids = tasks.map(({ id }) => id)
  const [expected, rows] = await Promise.all([history.expected(ids), history.coverage({ tasks: ids, from, to })])
  const since = new Map(expected.map((task) => [task.task, task.since]))
  const periods = new Map(tasks.map(({ id, periodMs }) => [id, periodMs]))
  const sum = { runs: 0, withoutRun: 0, missing: 0, twice: 0 }
  for (const { task, counts } of rows) {
    const runs = counts.ran + counts.failed + counts.late
    const all = outcomes.reduce((total, outcome) => total + counts[outcome], 0)
    const periodMs = periods.get(task) ?? 1
    const begin = Math.max(from, since.get(task) ?? to)
    const slots = Math.max(0, (slotUntil(task, periodMs, to - 1) - slotFrom(task, periodMs, begin)) / periodMs + 1)
    sum.runs += runs
    // Planned to be without one.
    sum.withoutRun += all - runs - counts.maintenance
    sum.missing += Math.max(0, slots - all)
    sum.twice += Math.max(0, all - slots)
  }
  return sum
}
