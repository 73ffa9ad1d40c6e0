/** What a unit of work costs where there is ten and a hundred times as much around it: the last column of a line is its ratio to the smallest. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { employ, ownMetric } from './agents.ts'
import { startServer } from './fleet-load.ts'
import { askedMs } from './history.ts'
import { loads, withServer } from './load.ts'
import { treeCpuMs } from './process-tree.ts'
import { median, sleep, type BenchRow, type Figure } from './row.ts'
import { Simulation } from './simulation.ts'
import { fillMonth, Plant } from './store.ts'
import { notRun, Watched } from './watch-load.ts'
import { ManualClock } from '../src/base/index.ts'
import { openHistory } from '../src/app/history.ts'

const minuteMs = 60_000
const dayMs = 86_400_000

/** One size, and what a unit cost there. */
interface Seen {
  readonly size: string
  readonly cost: number
  readonly note?: string
}

function growing(name: string, unit: string, seen: readonly Seen[]): readonly Figure[] {
  const [first] = seen
  return seen.map(({ size, cost, note }) => ({
    name: `growth, ${name}, ${size}`,
    value: cost,
    unit,
    note: `${(cost / (first?.cost ?? NaN)).toFixed(2)} times the first${note === undefined || note === '' ? '' : `; ${note}`}`,
  }))
}

/**
 * The machine is another one from one minute to the next, by a third and more, so that sizes measured once, one after the other, tell that and not what
 * they are to tell. All are measured in turn, so many times.
 */
const rounds = 3

/** Of each size what was seen with the middle cost. */
async function inTurn<T>(sizes: readonly T[], measure: (size: T) => Promise<Seen>): Promise<readonly Seen[]> {
  const all = sizes.map((): Seen[] => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, size] of sizes.entries()) all[i]!.push(await measure(size))
  return all.map((seen) => seen.toSorted((a, b) => a.cost - b.cost)[rounds >> 1]!)
}

// --- Tasks

const checksPerSecond = 500
const taskCounts = [500, 5_000, 50_000]
/** Slots are spread over a period, so that any piece of it says what the whole does. */
const taskWindowMs = 10_000

/**
 * The same checks a second of ever more tasks, whose period is longer in turn. A whole one is waited for: the first run of a task costs twice what
 * a later one does, since its series are made.
 */
function byTasks(): Promise<readonly Figure[]> {
  return withServer(async (port) => {
    const seen = await inTurn(taskCounts, async (tasks) => {
      await using watched = await Watched.start()
      const periodMs = (1_000 * tasks) / checksPerSecond
      const load = { ...loads['http-new'], periodMs }
      await watched.carry(load, tasks, port)
      const window = await watched.measure(taskWindowMs)
      const memory = watched.processes().reduce((sum, { ownBytes }) => sum + ownBytes, 0) / 1024 ** 2
      return {
        size: `${tasks.toLocaleString('en')} tasks`,
        cost: window.cpuMsPerCheck,
        note: [`${memory.toFixed(0)} MiB`, notRun(window)].filter((words) => words !== '').join(', '),
      }
    })
    return growing(`HTTP check, ${checksPerSecond}/s`, 'ms', seen)
  })
}

// --- History

/** Series, and days of a value a minute. */
const histories = [
  { series: 100, days: 1 },
  { series: 100, days: 10 },
  { series: 1_000, days: 10 },
]
/**
 * The batches that are measured are of one shape whatever there is beside them: half an hour of ten tasks, as one agent has them. All together are
 * ten days of 100 series and one of 1,000, so that each value is put into its day once within the time, as it is in the long run.
 */
const tasksABatch = 10
const batchMs = 30 * minuteMs
const batches = 480
/**
 * All end at one moment, and the day before the last is asked for: it is over in each, and the eighth of the eight days that one row of means by
 * the hour holds. What a mean costs hangs on how full that row is, which says nothing about growth (1 and 8 days: 2.6 and 3.3 ms for 100 series).
 */
const finish = Date.UTC(2026, 0, 12)
/** A thread that has just begun answers in twice the time: that many questions of either kind first. */
const firstQuestions = 100
const questionRounds = 5

interface Filled extends AsyncDisposable {
  readonly ingest: Seen
  readonly dayMs: () => Promise<number>
  readonly meanMs: () => Promise<number>
}

async function fill({ series, days }: (typeof histories)[number]): Promise<Filled> {
  await using stack = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-growth-'))
  stack.defer(() => rmSync(directory, { recursive: true }))
  const plant = new Plant(series, 5)
  const agents = Array.from(
    { length: plant.tasks.length / tasksABatch },
    (_, i) => new Plant(tasksABatch * 10, i, plant.tasks.slice(i * tasksABatch, (i + 1) * tasksABatch)),
  )
  const from = finish - (batches / agents.length) * batchMs
  const { history: filled } = await fillMonth({ directory, plant, begin: from - days * dayMs, days })
  await filled.close()
  const clock = new ManualClock(from)
  const history = await openHistory({ directory, clock })
  stack.defer(() => history.close())
  const pieces = Array.from({ length: batches / agents.length }, (_, i) =>
    agents.map((each, of) => ({
      ...each.batch(from + i * batchMs, from + (i + 1) * batchMs),
      agent: `agent-${of}`,
    })),
  )
  const before = process.cpuUsage()
  for (const piece of pieces) {
    clock.advance(batchMs)
    for (const batch of piece) await history.upload(batch)
    history.release(history.position())
  }
  await history.settle()
  const { user, system } = process.cpuUsage(before)
  const numbers = (await history.series({}, { limit: 100 })).series.map(({ number }) => number)
  const asked = { from: finish - 2 * dayMs, to: finish - dayMs, agg: 'avg' as const }
  const dayMsOf = (times: number) => askedMs(times, () => history.query({ ...asked, series: [numbers[50]!] }))
  const meanMsOf = (times: number) => askedMs(times, () => history.query({ ...asked, series: numbers, step: dayMs }))
  await dayMsOf(firstQuestions)
  await meanMsOf(firstQuestions)
  const ending = stack.move()
  return {
    ingest: {
      size: `${series} series for ${days} days`,
      cost: (user + system) / ((batches * tasksABatch * 10 * batchMs) / minuteMs),
    },
    dayMs: () => dayMsOf(51),
    meanMs: () => meanMsOf(21),
    [Symbol.asyncDispose]: () => ending.disposeAsync(),
  }
}

async function byHistory(): Promise<readonly Figure[]> {
  // The first one compiles.
  await (await fill(histories[0]!))[Symbol.asyncDispose]()
  const ingest = await inTurn(histories, async (one) => {
    await using filled = await fill(one)
    return filled.ingest
  })
  await using stack = new AsyncDisposableStack()
  const all: Filled[] = []
  for (const one of histories) all.push(stack.use(await fill(one)))
  const days = all.map((): number[] => [])
  const means = all.map((): number[] => [])
  for (let round = 0; round < questionRounds; round++)
    for (const [i, { dayMs: ask, meanMs }] of all.entries()) {
      days[i]!.push(await ask())
      means[i]!.push(await meanMs())
    }
  const of = (costs: readonly number[][]) => ingest.map(({ size }, i) => ({ size, cost: median(costs[i]!) }))
  return [
    ...growing('ingest of a value, sealing included', 'us', ingest),
    ...growing('24 h of one series, in the engine', 'ms', of(days)),
    ...growing('24 h mean of 100 series, in the engine', 'ms', of(means)),
  ]
}

// --- Agents

const fleetPeriodMs = 10_000
/** The same results of ever more agents, and ever more agents of the same work. */
const fleets = [
  { agents: 5, tasks: 1_000 },
  { agents: 50, tasks: 100 },
  { agents: 5, tasks: 10 },
  { agents: 50, tasks: 10 },
  { agents: 500, tasks: 10 },
]
/**
 * Until the first result of each task, which makes its series, is stored, 4 s later than on a server with few agents, and all have proved what they
 * reach. Within the first twenty seconds a server with 500 agents takes twice as much.
 */
const fleetSettleMs = 25_000
const fleetWindowMs = 20_000

async function fleetOf({ agents, tasks }: (typeof fleets)[number]): Promise<Seen> {
  await using server = await startServer()
  await using simulation = await Simulation.enrol(server, agents)
  await employ(server, simulation, { agents, tasks, periodMs: fleetPeriodMs })
  await sleep(fleetSettleMs)
  await simulation.tally()
  const read = async () => ({
    at: performance.now(),
    cpuMs: treeCpuMs(server.pid),
    stored: await ownMetric(server, 'farwatch_results_stored_total'),
  })
  const before = await read()
  await sleep(fleetWindowMs)
  const after = await read()
  const { uploads } = await simulation.tally()
  const seconds = (after.at - before.at) / 1_000
  const stored = after.stored - before.stored
  return {
    size: `${agents} agents`,
    cost: (after.cpuMs - before.cpuMs) / seconds,
    note: `${(stored / seconds).toFixed(0)} results in ${(uploads / seconds).toFixed(0)} uploads a second`,
  }
}

async function byAgents(): Promise<readonly Figure[]> {
  const seen = await inTurn(fleets, fleetOf)
  const of = (isOne: (fleet: (typeof fleets)[number]) => boolean) =>
    fleets.flatMap((fleet, i) => (isOne(fleet) ? [{ ...seen[i]!, ...fleet }] : []))
  const largest = fleets.at(-1)!
  const all = largest.agents * largest.tasks
  return [
    ...growing(
      `${(1_000 * all) / fleetPeriodMs} results a second of more agents: CPU of the server a second`,
      'ms',
      of(({ agents, tasks }) => agents * tasks === all),
    ),
    ...growing(
      `an agent with ${largest.tasks} tasks: CPU of the server a second`,
      'ms',
      of(({ tasks }) => tasks === largest.tasks).map((one) => ({ ...one, cost: one.cost / one.agents })),
    ),
  ]
}

export const growthRow: BenchRow = {
  name: 'growth',
  about:
    'what a check, a value and a result cost with ten and a hundred times as many tasks, days and agents (half an hour)',
  run: async () => [...(await byTasks()), ...(await byHistory()), ...(await byAgents())],
}
