/** What a unit of work costs where there is ten and a hundred times as much around it: the last column of a line is its ratio to the smallest. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { employ, ownMetric } from './agents.ts'
import { startServer } from './fleet-load.ts'
import { askedMs } from './history.ts'
import { loads, withServer } from './load.ts'
import { treeCpuMs } from './process-tree.ts'
import { sleep, type BenchRow, type Figure } from './row.ts'
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
    const seen: Seen[] = []
    for (const tasks of taskCounts) {
      await using watched = await Watched.start()
      const periodMs = (1_000 * tasks) / checksPerSecond
      const load = { ...loads['http-new'], periodMs }
      await watched.carry(load, tasks, port)
      const window = await watched.measure(taskWindowMs)
      const memory = watched.processes().reduce((sum, { ownBytes }) => sum + ownBytes, 0) / 1024 ** 2
      seen.push({
        size: `${tasks.toLocaleString('en')} tasks`,
        cost: window.cpuMsPerCheck,
        note: [`${memory.toFixed(0)} MiB`, notRun(window)].filter((words) => words !== '').join(', '),
      })
    }
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
 * Results in each of the batches that are measured: as many whatever there is beside them. All together are ten days of 100 series and one of 1,000,
 * so that each value is put into its day once within the time, as it is in the long run.
 */
const resultsABatch = 300
const batches = 480
const begin = Date.UTC(2026, 0, 1)

interface HistoryCost {
  readonly ingestUs: number
  readonly dayMs: number
  readonly meanMs: number
}

async function historyOf({ series, days }: (typeof histories)[number]): Promise<HistoryCost> {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-growth-'))
  try {
    const plant = new Plant(series, 5)
    const { history: filled } = await fillMonth({ directory, plant, begin, days })
    await filled.close()
    const end = begin + days * dayMs
    const clock = new ManualClock(end)
    const history = await openHistory({ directory, clock })
    try {
      const stepMs = (resultsABatch / plant.tasks.length) * minuteMs
      const pieces = Array.from({ length: batches }, (_, i) => plant.batch(end + i * stepMs, end + (i + 1) * stepMs))
      const before = process.cpuUsage()
      for (const piece of pieces) {
        clock.advance(stepMs)
        await history.upload(piece)
        history.release(history.position())
      }
      await history.settle()
      const { user, system } = process.cpuUsage(before)
      const numbers = (await history.series({}, { limit: 100 })).series.map(({ number }) => number)
      const day = { series: [numbers[50]!], from: end - dayMs, to: end, agg: 'avg' as const }
      const mean = { series: numbers, from: end - dayMs, to: end, step: dayMs, agg: 'avg' as const }
      return {
        ingestUs: (user + system) / (batches * resultsABatch * 10),
        dayMs: await askedMs(51, () => history.query(day)),
        meanMs: await askedMs(21, () => history.query(mean)),
      }
    } finally {
      await history.close()
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function byHistory(): Promise<readonly Figure[]> {
  const seen: { readonly size: string; readonly cost: HistoryCost }[] = []
  // The first ones compile.
  await historyOf(histories[0]!)
  for (const one of histories)
    seen.push({ size: `${one.series} series for ${one.days} days`, cost: await historyOf(one) })
  const of = (pick: (cost: HistoryCost) => number) => seen.map(({ size, cost }) => ({ size, cost: pick(cost) }))
  return [
    ...growing(
      'ingest of a value, sealing included',
      'us',
      of(({ ingestUs }) => ingestUs),
    ),
    ...growing(
      '24 h of one series, in the engine',
      'ms',
      of(({ dayMs: ms }) => ms),
    ),
    ...growing(
      '24 h mean of 100 series, in the engine',
      'ms',
      of(({ meanMs }) => meanMs),
    ),
  ]
}

// --- Agents

const agentCounts = [5, 50, 500]
const fleetTasks = 5_000
const fleetPeriodMs = 10_000
/**
 * Until the first result of each task, which makes its series, is stored, 4 s later than on a server with few agents, and all have proved what they
 * reach. Within the first twenty seconds a server with 500 agents takes twice as much.
 */
const fleetSettleMs = 25_000
const fleetWindowMs = 15_000

/** The same results a second of ever more agents, of which each has fewer tasks. */
async function byAgents(): Promise<readonly Figure[]> {
  const seen: (Seen & { readonly agents: number; readonly msPerSecond: number })[] = []
  for (const agents of agentCounts) {
    await using server = await startServer()
    await using simulation = await Simulation.enrol(server, agents)
    await employ(server, simulation, { agents, tasks: fleetTasks / agents, periodMs: fleetPeriodMs })
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
    const cpuMs = after.cpuMs - before.cpuMs
    seen.push({
      size: `${agents} agents`,
      cost: (1_000 * cpuMs) / stored,
      agents,
      msPerSecond: cpuMs / seconds,
      note: `${(stored / seconds).toFixed(0)} results in ${(uploads / seconds).toFixed(0)} uploads a second`,
    })
  }
  const further = seen.slice(1).map((now, i) => {
    const before = seen[i]!
    return {
      size: `from ${before.agents} to ${now.agents}`,
      cost: (now.msPerSecond - before.msPerSecond) / (now.agents - before.agents),
    }
  })
  return [
    ...growing(`result of a fleet, ${(1_000 * fleetTasks) / fleetPeriodMs}/s in all: CPU of the server`, 'us', seen),
    ...growing('each further agent with the same results in all: CPU of the server a second', 'ms', further),
  ]
}

export const growthRow: BenchRow = {
  name: 'growth',
  about: 'what a check, a value and a result cost with ten and a hundred times as many tasks, days and agents',
  run: async () => [...(await byTasks()), ...(await byHistory()), ...(await byAgents())],
}
