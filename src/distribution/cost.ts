import { inOnePiece, type Pieces } from '../platform/index.ts'
import { perStep } from './sorting.ts'

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
  readonly of: Tasks
  averageMs: number | undefined
  runs: number
}

/** The tasks of one connector, with what they cost together; undefined where that has to be worked out. */
interface Tasks {
  readonly list: Known[]
  cost: number | undefined
}

/**
 * What connectors cost: the milliseconds that their tasks run in one second, each task by the moving average of its runs' durations.
 * A task that never ran counts by its share of what its connector cost before (after a restart), or by a guess from its timeout.
 * Runs may come in any order and any number of times late: an average hardly minds.
 */
export class CostBook {
  #tasks = new Map<string, Known>()
  #byConnector = new Map<string, Tasks>()
  readonly #before = new Map<string, number>()

  /** @param before what connectors cost when that was last stored */
  constructor(before: Iterable<readonly [string, number]> = []) {
    this.#before = new Map(before)
  }

  /** All tasks there are. What is known of tasks that stay is kept, unless their period or timeout changed. */
  setTasks(tasks: Iterable<CostTask>): void {
    inOnePiece(this.settingTasks(tasks))
  }

  /** The same with pauses, from whose end on it holds. A run in a pause may be missing in its average. */
  *settingTasks(tasks: Iterable<CostTask>): Pieces<void> {
    const known = this.#tasks
    const all = new Map<string, Known>()
    const byConnector = new Map<string, Tasks>()
    for (const task of tasks) {
      let of = byConnector.get(task.connector)
      if (of === undefined) byConnector.set(task.connector, (of = { list: [], cost: undefined }))
      const { averageMs, runs } = known.get(task.id) ?? { averageMs: undefined, runs: 0 }
      const entry: Known = { task, of, averageMs, runs }
      all.set(task.id, entry)
      of.list.push(entry)
      if (all.size % perStep === 0) yield
    }
    this.#tasks = all
    this.#byConnector = byConnector
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
    known.of.cost = undefined
  }

  /** Milliseconds of runs in one second. */
  costOf(connector: string): number {
    const own = this.#byConnector.get(connector)
    if (own === undefined) return leastCost
    // Hardly any of a hundred thousand ran since it was asked last.
    return (own.cost ??= this.#costOf(connector, own.list))
  }

  #costOf(connector: string, own: readonly Known[]): number {
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
}

/** So much of what an agent could do is planned with: the rest is for peaks. */
const plannedShare = 0.7
/** Runs mostly wait for the network: so many at once are what one core carries. */
const runsPerCore = 64
/** However busy a machine is with other things, a tenth of it is counted: an agent there may be the only one of its groups. */
const leastShare = 0.1

/**
 * What an agent can do, in milliseconds of runs in one second: by its cores and the bound on its parallel tasks, and by how much of its
 * processors other programs leave to it.
 *
 * The processor time of its own work is not looked at: with little work it would be the noise of the machine that is measured, and with
 * much of it work would leave, which lowers it again, which brings work back.
 * @param foreignCores processor time that other programs use, in cores, averaged over a minute or so; 0 where not measured
 */
export function capacityOf({ cores, parallelTasks }: AgentMachine, foreignCores = 0): number {
  const share = Math.max(leastShare, Math.min(1, 1 - foreignCores / cores))
  return Math.max(1, Math.round(plannedShare * share * 1_000 * Math.min(parallelTasks, cores * runsPerCore)))
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
