/** A hundred thousand tasks on one server with twenty agents: what applying them, carrying them and a start with them take. */
import { loadavg } from 'node:os'
import { employ, ownMetric } from './agents.ts'
import { fleetDocument, startServer } from './fleet-load.ts'
import { LoopDelays, loopFigures } from './loop.ts'
import { placementOfTwentyThousand } from './placement.ts'
import { processTree, treeCpuMs } from './process-tree.ts'
import { sleep, type BenchRow, type Figure } from './row.ts'
import { agentsOf, allOf, Simulation } from './simulation.ts'
import type { TestInstance } from '../test/support/instance.ts'

const fleet = { agents: 20, tasks: 5_000, periodMs: 60_000 }
const tasks = fleet.agents * fleet.tasks
const duePerSecond = (1_000 * tasks) / fleet.periodMs
const mebibyte = 1024 ** 2
const settleMs = 15_000
const windowMs = 20_000
const scheduleWithinMs = 120_000
const lookMs = 250

async function steady(server: TestInstance, loop: LoopDelays): Promise<readonly Figure[]> {
  await sleep(settleMs)
  const read = async () => ({
    at: Date.now(),
    cpuMs: treeCpuMs(server.pid),
    stored: await ownMetric(server, 'farwatch_results_stored_total'),
  })
  const before = await read()
  await sleep(windowMs)
  const after = await read()
  const seconds = (after.at - before.at) / 1_000
  const tree = processTree(server.pid)
  const sum = (of: (use: (typeof tree)[number]) => number) => tree.reduce((total, use) => total + of(use), 0)
  return [
    {
      name: '100,000 tasks, steady: CPU of the server',
      value: (after.cpuMs - before.cpuMs) / 1_000 / seconds,
      unit: 'cores',
      note: `load of the machine ${loadavg()[0]?.toFixed(1)}`,
    },
    {
      name: '100,000 tasks, steady: results stored',
      value: (after.stored - before.stored) / seconds,
      unit: '/s',
      note: `${duePerSecond.toFixed(0)} fall due`,
    },
    {
      name: '100,000 tasks, steady: RSS of the server',
      value: sum(({ residentBytes }) => residentBytes) / mebibyte,
      unit: 'MiB',
      note: `${(sum(({ ownBytes }) => ownBytes) / mebibyte).toFixed(0)} with shared pages once`,
    },
    ...loopFigures('100,000 tasks, steady', await loop.between(before.at, after.at)),
  ]
}

/** A change of nothing, a change of one object, and a document in which nothing is left out. */
async function changes(server: TestInstance, loop: LoopDelays): Promise<readonly Figure[]> {
  const document = fleetDocument(fleet)
  const from = Date.now()
  await server.call('applyConfiguration', { body: document, query: { prune: true } })
  const to = Date.now()
  const name = '100,000 tasks, the same document again'
  return [
    { name: `${name}: sent to answered`, value: (to - from) / 1_000, unit: 's' },
    ...loopFigures(name, await loop.between(from, to)),
  ]
}

/** Ended in order and started on the same data, while the agents go on. */
async function restart(server: TestInstance, simulation: Simulation, loop: LoopDelays): Promise<readonly Figure[]> {
  await server.stop()
  await sleep(lookMs)
  simulation.forget()
  const cpu = () => treeCpuMs(server.pid) / 1_000
  const startedAt = Date.now()
  await server.start()
  const readyAt = Date.now()
  const readyCpu = cpu()
  await server.signIn()
  await simulation.until('back', (events) => allOf(fleet.agents, agentsOf(events, 'connected').size), scheduleWithinMs)
  const backAt = Date.now()
  // Everything is under way again when as much is stored as falls due, what waited meanwhile included.
  const stored = () => ownMetric(server, 'farwatch_results_stored_total')
  let [last, lastAt] = [await stored(), Date.now()]
  for (let rate = 0; rate < duePerSecond * 0.95 && Date.now() - readyAt < scheduleWithinMs;) {
    await sleep(1_000)
    const [now, nowAt] = [await stored(), Date.now()]
    rate = (1_000 * (now - last)) / (nowAt - lastAt)
    ;[last, lastAt] = [now, nowAt]
  }
  const fullAt = Date.now()
  await sleep(5_000)
  const name = '100,000 tasks, server started again'
  return [
    {
      name: `${name}: start to ready`,
      value: (readyAt - startedAt) / 1_000,
      unit: 's',
      note: `${readyCpu.toFixed(1)} s of CPU`,
    },
    { name: `${name}: start to all agents back`, value: (backAt - startedAt) / 1_000, unit: 's' },
    { name: `${name}: start to as many results stored as fall due`, value: (fullAt - startedAt) / 1_000, unit: 's' },
    ...loopFigures(`${name}, start to ready`, await loop.between(startedAt, readyAt)),
    ...loopFigures(`${name}, from then on`, await loop.between(readyAt, Date.now())),
  ]
}

export const hundredThousandRow: BenchRow = {
  name: 'hundred-thousand',
  about: '100,000 tasks on one server with 20 agents: applying, standstills, CPU, memory, a start, placement',
  async run() {
    using loop = new LoopDelays()
    await using server = await startServer(loop.env)
    await using simulation = await Simulation.enrol(server, fleet.agents)
    const from = Date.now()
    const applied = await employ(server, simulation, fleet)
    const to = Date.now()
    return [
      ...applied,
      ...loopFigures('100,000 tasks, sent to with their agents', await loop.between(from, to)),
      ...(await steady(server, loop)),
      ...(await changes(server, loop)),
      ...(await restart(server, simulation, loop)),
      ...placementOfTwentyThousand(),
    ]
  },
}
