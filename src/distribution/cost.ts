/** What is known of a task before it ran. */
export interface CostTask {
  readonly id: string
  readonly connector: string
  readonly periodMs: number
  readonly timeoutMs: number
}

/** A run takes so much of its timeout until it is measured: most monitors answer long before it. */
const guessedShare = 0.05
/** The time over which durations are averaged: long enough that noise moves nothing, short enough that a working day is noticed. */
const averageOverMs = 900_000
/** At least this many runs are averaged, however rarely a task runs. */
const leastRuns = 5
/** No connector is free: the bookkeeping of a run. Milliseconds of runs a second. */
const leastCost = 0.01

interface Known {
  readonly task: CostTask
  averageMs: number | undefined
  runs: number
}

/**
 * What connectors cost: the milliseconds that their tasks run in one second, each task by the moving average of its runs' durations.
 * A task that never ran counts by its share of what its connector cost before (after a restart), or by a guess from its timeout.
 * Runs may come in any order and any number of times late: an average hardly minds.
 */
export class CostBook {
  readonly #tasks = new Map<string, Known>()
  readonly #byConnector = new Map<string, Known[]>()
  readonly #before = new Map<string, number>()

  /** @param before what connectors cost when that was last stored */
  constructor(before: Iterable<readonly [string, number]> = []) {
    this.#before = new Map(before)
  }

  /** All tasks there are. What is known of tasks that stay is kept, unless their period or timeout changed. */
  setTasks(tasks: Iterable<CostTask>): void {
    const known = new Map(this.#tasks)
    this.#tasks.clear()
    this.#byConnector.clear()
    for (const task of tasks) {
      const old = known.get(task.id)
      const entry: Known =
        old === undefined ? { task, averageMs: undefined, runs: 0 } : { task, averageMs: old.averageMs, runs: old.runs }
      this.#tasks.set(task.id, entry)
      const own = this.#byConnector.get(task.connector)
      if (own === undefined) this.#byConnector.set(task.connector, [entry])
      else own.push(entry)
    }
  }

  /** One run. Runs of unknown tasks, and durations that are none, change nothing. */
  ran(taskId: string, durationMs: number): void {
    const known = this.#tasks.get(taskId)
    if (known === undefined || !Number.isFinite(durationMs) || durationMs < 0) return
    // Nothing runs for much longer than its timeout, whatever a clock said.
    const took = Math.min(durationMs, 2 * known.task.timeoutMs)
    known.runs++
    const runs = Math.max(leastRuns, averageOverMs / known.task.periodMs)
    const weight = Math.max(1 / known.runs, 1 / runs)
    known.averageMs = (known.averageMs ?? 0) * (1 - weight) + took * weight
  }

  /** Milliseconds of runs in one second. */
  costOf(connector: string): number {
    const own = this.#byConnector.get(connector) ?? []
    const guessed = own.reduce((sum, known) => sum + guess(known.task), 0)
    const before = this.#before.get(connector)
    const scale = before === undefined || guessed === 0 ? 1 : before / guessed
    let cost = 0
    for (const { task, averageMs } of own)
      cost += averageMs === undefined ? guess(task) * scale : (averageMs * 1_000) / task.periodMs
    return Math.max(leastCost, cost)
  }
}

function guess({ periodMs, timeoutMs }: CostTask): number {
  return (timeoutMs * guessedShare * 1_000) / periodMs
}

/** What an agent says of its machine. */
export interface AgentMachine {
  readonly cores: number
  /** How many runs it may have going at once. */
  readonly parallelTasks: number
  /** Processor time that all of the agent's processes used, in cores, averaged over a minute or so; undefined where not measured. */
  readonly busyCores?: number
  /** What the whole machine has left, in cores; undefined where not measured. */
  readonly idleCores?: number
}

/** So much of what an agent could do is planned with: the rest is for peaks. */
const plannedShare = 0.7
/** Below this use of its processors an agent's own measure says nothing. */
const leastBusyCores = 0.05

/**
 * What an agent can do, in milliseconds of runs in one second.
 *
 * Runs mostly wait for the network, so that the bound on parallel tasks comes first. What its processors allow is known once it has been
 * measured how much processor time its present load takes, and how much is left: the measured headroom.
 * @param load milliseconds of runs a second that it has now
 */
export function capacityOf(machine: AgentMachine, load: number): number {
  const byTasks = machine.parallelTasks * 1_000
  const { busyCores, idleCores } = machine
  const isMeasured = busyCores !== undefined && busyCores >= leastBusyCores && load > 0
  const usable = isMeasured ? Math.min(machine.cores, busyCores + (idleCores ?? machine.cores)) : 0
  const byProcessors = isMeasured ? (load * usable) / busyCores : Infinity
  return Math.max(1, plannedShare * Math.min(byTasks, byProcessors))
}

/** By so much a cost or a capacity must differ from what was planned with before it is planned with. */
export const costStep = 0.2

/**
 * A figure that follows what is measured only where it differs by a share: placement then sees the same costs and capacities from one
 * time to the next, and noise cannot move anything.
 */
export function follow(kept: number | undefined, measured: number, share: number): number {
  return kept === undefined || Math.abs(measured - kept) > share * kept ? measured : kept
}
