/** Whether somebody who looks at a whole year disturbs what comes in meanwhile. */
import { ApiClient } from './api.ts'
import { employ } from './agents.ts'
import { startServer } from './fleet-load.ts'
import { documentOf, loads } from './load.ts'
import { LoopDelays, loopFigures, type Delays } from './loop.ts'
import { median, percentile, sleep, type BenchRow, type Figure } from './row.ts'
import { Simulation } from './simulation.ts'
import { fillMonth, Plant } from './store.ts'
import { adminPassword, type TestInstance } from '../test/support/instance.ts'

const dayMs = 86_400_000
const days = 365
const series = 100
/** Of what is stored: a question about a year reads roll-ups, which are as many whatever the period. */
const periodMs = 300_000
const fillStepMs = dayMs / 4
const fleet = { agents: 20, tasks: 500, periodMs: 10_000 }
const windowMs = 15_000
/** Of both kinds of windows, which alternate. */
const windows = 3
const settleMs = 10_000

/** What was seen while nobody asked, or somebody did. */
interface Seen {
  readonly acknowledgedMs: number[]
  readonly loops: Delays[]
  readonly askedMs: number[]
}

/** Writes a year into the data directory of a server that knows its tasks, between two of its lives. @returns until when */
async function fillYear(server: TestInstance): Promise<number> {
  // Never asked: nobody runs this group.
  const document = documentOf(loads.tcp, series / 10, 9, `${periodMs}ms`)
  await server.call('applyConfiguration', { body: document })
  const tasks = await server.call('listTasks', { query: { group: 'bench', limit: series / 10 } })
  await server.stop()
  const end = Math.floor(Date.now() / 3_600_000) * 3_600_000
  const ids = tasks.map(({ id }) => id)
  const plant = new Plant(series, 4, ids, periodMs)
  const begin = end - days * dayMs
  const { history } = await fillMonth({ directory: server.data, plant, begin, days, stepMs: fillStepMs })
  await history.close()
  await server.start()
  await server.signIn()
  return end
}

/** Asks the same again and again, one question after another, until told to end. */
async function asking(api: ApiClient, path: string, isOver: () => boolean): Promise<readonly number[]> {
  const taken: number[] = []
  while (!isOver()) {
    const began = performance.now()
    await api.ask('GET', path)
    taken.push(performance.now() - began)
  }
  return taken
}

async function observe(
  simulation: Simulation,
  loop: LoopDelays,
  into: Seen,
  meanwhile: (isOver: () => boolean) => Promise<readonly number[]>,
): Promise<void> {
  await simulation.tally()
  const from = Date.now()
  let isOver = false
  const asked = meanwhile(() => isOver)
  await sleep(windowMs)
  isOver = true
  into.askedMs.push(...(await asked))
  const to = Date.now()
  const { uploadMs } = await simulation.tally()
  into.acknowledgedMs.push(...uploadMs)
  into.loops.push(await loop.between(from, to))
}

async function yearQuery(): Promise<readonly Figure[]> {
  using loop = new LoopDelays()
  await using server = await startServer(loop.env)
  const end = await fillYear(server)
  await using simulation = await Simulation.enrol(server, fleet.agents)
  await employ(server, simulation, fleet)
  await sleep(settleMs)
  const api = new ApiClient(server.url)
  try {
    await api.signIn('admin', adminPassword)
    const known = await api.ask<{ id: string }[]>('GET', `/metrics/series?match=metric_*&limit=${series}`)
    const ids = known.map(({ id }) => id).join(',')
    const path = `/metrics/chart?series=${ids}&from=${end - days * dayMs}&to=${end}`
    const idle: Seen = { acknowledgedMs: [], loops: [], askedMs: [] }
    const busy: Seen = { acknowledgedMs: [], loops: [], askedMs: [] }
    for (let i = 0; i < windows; i++) {
      await observe(simulation, loop, idle, async () => [])
      await observe(simulation, loop, busy, (isOver) => asking(api, path, isOver))
    }
    return figures(idle, busy, known.length)
  } finally {
    api.close()
  }
}

function figures(idle: Seen, busy: Seen, seriesAsked: number): readonly Figure[] {
  const p99 = ({ acknowledgedMs }: Seen) => percentile(acknowledgedMs, 0.99)
  const p50 = ({ acknowledgedMs }: Seen) => median(acknowledgedMs)
  const acknowledged = (when: string, seen: Seen): Figure => ({
    name: `year-query, upload acknowledged, ${when}: p99`,
    value: p99(seen),
    unit: 'ms',
    note: `p50 ${p50(seen).toFixed(1)} ms, ${seen.acknowledgedMs.length} uploads`,
  })
  const rate = (fleet.agents * fleet.tasks * 1_000) / fleet.periodMs
  return [
    acknowledged(`${rate} results/s`, idle),
    acknowledged('the same and a year of 100 series asked for again and again', busy),
    { name: 'year-query, p99 with the question, by that without', value: p99(busy) / p99(idle), unit: 'times' },
    {
      name: `year-query, a year of ${seriesAsked} series`,
      value: median(busy.askedMs),
      unit: 'ms',
      note: `${busy.askedMs.length} questions, p99 ${percentile(busy.askedMs, 0.99).toFixed(0)} ms`,
    },
    ...loopFigures('year-query, idle', worst(idle.loops)),
    ...loopFigures('year-query, asked', worst(busy.loops)),
  ]
}

function worst(loops: readonly Delays[]): Delays {
  return loops.reduce((a, b) => (b.maxMs > a.maxMs ? b : a))
}

export const yearQueryRow: BenchRow = {
  name: 'year-query',
  about: 'acknowledgements and the event loop while a year of 100 series is asked for again and again',
  run: yearQuery,
}
