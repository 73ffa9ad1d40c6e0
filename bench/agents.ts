/** Many agents and one server: what the server uses, how soon a change is with its agents, and how they come back when it was started anew. */
import { loadavg } from 'node:os'
import { messageOf } from '../src/base/index.ts'
import type { TestInstance } from '../test/support/instance.ts'
import { fleetDocument, pages, startServer, type FleetLoad } from './fleet-load.ts'
import { processTree, treeCpuMs } from './process-tree.ts'
import { median, percentile, sleep, type BenchRow, type Figure, type Size } from './row.ts'
import type { AgentEvent } from './simulated-agent.ts'
import { Simulation, agentsOf, allOf } from './simulation.ts'

const mebibyte = 1024 ** 2
const settleMs = 20_000
const holdWithinMs = 240_000

/** Applies the configuration and waits until every agent holds its share; with how long both took. */
export async function employ(
  server: TestInstance,
  simulation: Simulation,
  load: FleetLoad,
): Promise<readonly Figure[]> {
  const connectors = load.agents * load.tasks
  simulation.forget()
  const cpuBefore = treeCpuMs(server.pid)
  const sentAt = Date.now()
  await server.call('applyConfiguration', { body: fleetDocument(load) })
  const answeredAt = Date.now()
  await simulation.until(
    `in possession of ${connectors} tasks`,
    (events) =>
      allOf(
        connectors,
        [...newestTasks(events).values()].reduce((sum, tasks) => sum + tasks, 0),
      ),
    holdWithinMs,
  )
  const heldAt = Date.now()
  const held = [...newestTasks(simulation.events).values()]
  const name = `${load.agents} agents, ${connectors} tasks`
  return [
    { name: `${name}: configuration sent to answered`, value: (answeredAt - sentAt) / 1_000, unit: 's' },
    {
      name: `${name}: … to all tasks placed and with their agents`,
      value: (heldAt - sentAt) / 1_000,
      unit: 's',
      note: `${Math.min(...held)} to ${Math.max(...held)} tasks an agent; server CPU ${((treeCpuMs(server.pid) - cpuBefore) / 1_000).toFixed(1)} s`,
    },
  ]
}

function newestTasks(events: readonly AgentEvent[]): ReadonlyMap<number, number> {
  return new Map(events.flatMap((event) => (event.is === 'holds' ? [[event.agent, event.tasks]] : [])))
}

/** Of a counter or gauge in the server's own metrics. */
export async function ownMetric(server: TestInstance, name: string): Promise<number> {
  const { body } = await server.send('GET', '/metrics')
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? NaN)
}

async function steady(server: TestInstance, simulation: Simulation, ms: number): Promise<readonly Figure[]> {
  await sleep(settleMs)
  await simulation.tally()
  const stored = () => ownMetric(server, 'farwatch_results_stored_total')
  const read = async () => ({
    at: performance.now(),
    cpuMs: treeCpuMs(server.pid),
    agentsCpuMs: simulation.cpuMs(),
    stored: await stored(),
  })
  const before = await read()
  const loops: number[] = []
  for (const end = performance.now() + ms; performance.now() < end;) {
    await sleep(Math.min(10_000, end - performance.now()))
    loops.push(1_000 * (await ownMetric(server, 'farwatch_event_loop_delay_p99_seconds')))
  }
  const after = await read()
  const { uploads, results, uploadMs, pollMs, failed } = await simulation.tally()
  const seconds = (after.at - before.at) / 1_000
  const tree = processTree(server.pid)
  const memory = tree.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / mebibyte
  const main = Math.max(...tree.map(({ residentBytes }) => residentBytes)) / mebibyte
  const name = `${simulation.agents} agents`
  const cores = (after.cpuMs - before.cpuMs) / 1_000 / seconds
  const load = `load of the machine ${loadavg()[0]?.toFixed(1)}; the agents used ${((after.agentsCpuMs - before.agentsCpuMs) / 1_000 / seconds).toFixed(2)} cores`
  return [
    { name: `${name}: CPU of the server`, value: cores, unit: 'cores', note: load },
    {
      name: `${name}: RSS of the server, all processes`,
      value: memory,
      unit: 'MiB',
      note: `the largest ${main.toFixed(0)}`,
    },
    { name: `${name}: uploads`, value: uploads / seconds, unit: '/s' },
    {
      name: `${name}: results taken`,
      value: results / seconds,
      unit: '/s',
      note: `${((after.stored - before.stored) / seconds).toFixed(0)}/s stored by its own count`,
    },
    ...answers(`${name}: upload answered`, uploadMs),
    ...answers(`${name}: poll answered after its hold`, pollMs),
    { name: `${name}: main event loop p99, worst of ${loops.length}`, value: Math.max(...loops), unit: 'ms' },
    { name: `${name}: failed questions`, value: sumOf(failed), unit: '', ...failures(failed) },
  ]
}

function answers(name: string, ms: readonly number[]): readonly Figure[] {
  return [
    { name: `${name}, p50`, value: median(ms), unit: 'ms' },
    { name: `${name}, p95`, value: percentile(ms, 0.95), unit: 'ms' },
  ]
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function failures(failed: Readonly<Record<string, number>>): { note?: string } {
  const words = Object.entries(failed).map(([why, count]) => `${count} × ${why}`)
  return words.length === 0 ? {} : { note: words.join(', ') }
}

const sampleMs = 250
const backWithinMs = 120_000

/** The server is killed and started on the same data. */
async function reconnect(server: TestInstance, simulation: Simulation): Promise<readonly Figure[]> {
  const { agents } = simulation
  await server.kill()
  const killedAt = Date.now()
  // They notice in the same moment; what they say of it belongs to the time before the start.
  await sleep(sampleMs)
  simulation.forget()
  await simulation.tally()
  await server.start()
  const readyAt = Date.now()
  const cpu: number[] = []
  let isOver = false
  const sampling = (async () => {
    for (let before = treeCpuMs(server.pid), at = performance.now(); !isOver;) {
      await sleep(sampleMs)
      const [now, nowAt] = [treeCpuMs(server.pid), performance.now()]
      cpu.push((now - before) / (nowAt - at))
      before = now
      at = nowAt
    }
  })()
  try {
    await simulation
      .until('back', (events) => allOf(agents, agentsOf(events, 'connected').size), backWithinMs)
      .catch(async (thrown: unknown) => {
        const { failed } = await simulation.tally()
        throw new Error(`${messageOf(thrown)}; failed questions: ${failures(failed).note ?? 'none'}`)
      })
    // What waited with them comes now.
    await sleep(10_000)
  } finally {
    isOver = true
    await sampling
  }
  const back = firstOf(simulation.events, 'connected').map((at) => at - readyAt)
  const hellos = simulation.events.flatMap(({ is, at }) =>
    is === 'hello' && at >= readyAt ? [Math.floor(at / 100)] : [],
  )
  const perTenth = new Map<number, number>()
  for (const tenth of hellos) perTenth.set(tenth, (perTenth.get(tenth) ?? 0) + 1)
  const { failed } = await simulation.tally()
  const name = `${agents} agents, server killed and started`
  return [
    { name: `${name}: killed to ready`, value: (readyAt - killedAt) / 1_000, unit: 's' },
    { name: `${name}: ready to half of them back`, value: median(back) / 1_000, unit: 's' },
    { name: `${name}: ready to all back`, value: Math.max(...back) / 1_000, unit: 's' },
    { name: `${name}: hellos in 100 ms, at most`, value: Math.max(...perTenth.values()), unit: '' },
    { name: `${name}: hellos for each agent`, value: hellos.length / agents, unit: '' },
    { name: `${name}: CPU of the server in ${sampleMs} ms, at most`, value: Math.max(...cpu), unit: 'cores' },
    { name: `${name}: failed questions, the outage included`, value: sumOf(failed), unit: '', ...failures(failed) },
  ]
}

/** For each agent the first of its events. */
function firstOf(events: readonly AgentEvent[], is: AgentEvent['is']): readonly number[] {
  const first = new Map<number, number>()
  for (const event of events) if (event.is === is && !first.has(event.agent)) first.set(event.agent, event.at)
  return [...first.values()]
}

export const agentsRow: BenchRow = {
  name: 'agents',
  about: 'what a server uses for many agents, and how they come back after its restart',
  async run({ minutes, ...load }: Size) {
    await using server = await startServer()
    const began = performance.now()
    await using simulation = await Simulation.enrol(server, load.agents)
    const enrolled = (performance.now() - began) / 1_000
    return [
      {
        name: `${load.agents} agents enrolled by one token`,
        value: enrolled,
        unit: 's',
        note: 'a server takes 20 unknown ones a second from one address',
      },
      ...(await attempt('given their tasks', () => employ(server, simulation, load))),
      ...(await attempt('steady', () => steady(server, simulation, minutes * 60_000))),
      ...(await attempt('server killed and started', () => reconnect(server, simulation))),
    ]
  },
}

/** What fails is said, and takes nothing of what was measured before it. */
async function attempt(what: string, measure: () => Promise<readonly Figure[]>): Promise<readonly Figure[]> {
  try {
    return await measure()
  } catch (thrown) {
    return [{ name: `agents, ${what}`, value: NaN, unit: '', note: messageOf(thrown) }]
  }
}

const changes = 20
const changeWithinMs = 60_000
const mostAgentsOfAChange = 100

export const configurationRow: BenchRow = {
  name: 'config-to-agent',
  about: `how soon a change of every task is with each of ${mostAgentsOfAChange} agents`,
  async run({ agents: wanted, tasks, periodMs }: Size) {
    const agents = Math.min(mostAgentsOfAChange, wanted)
    await using server = await startServer()
    await using simulation = await Simulation.enrol(server, agents)
    const first = await employ(server, simulation, { agents, tasks, periodMs })
    await sleep(5_000)
    const fromSent: number[] = []
    const fromAnswered: number[] = []
    for (let change = 1; change <= changes; change++) {
      const mark = 1_000 + change
      simulation.forget()
      const sentAt = Date.now()
      await server.call('applyConfiguration', { body: { profiles: [pages(periodMs, mark)] } })
      const answeredAt = Date.now()
      await simulation.until('holding a change', (events) => allOf(agents, holding(events, mark).size), changeWithinMs)
      for (const at of holding(simulation.events, mark).values()) {
        fromSent.push(at - sentAt)
        // One may have it before whoever asked for it is told.
        fromAnswered.push(Math.max(0, at - answeredAt))
      }
      // Not in step with the polls, which are held for as long after every change.
      await sleep(200 + Math.random() * 1_500)
    }
    const name = `a change of ${agents * tasks} tasks, ${agents} agents`
    return [
      ...first,
      ...spread(`${name}: sent to held`, fromSent),
      ...spread(`${name}: answered to held`, fromAnswered),
    ]
  },
}

/** When each agent that has all tasks in this state had them so. */
function holding(events: readonly AgentEvent[], mark: number): ReadonlyMap<number, number> {
  const first = new Map<number, number>()
  for (const event of events)
    if (event.is === 'holds' && event.mark === mark && !first.has(event.agent)) first.set(event.agent, event.at)
  return first
}

function spread(name: string, ms: readonly number[]): readonly Figure[] {
  return [
    { name: `${name}, median`, value: median(ms), unit: 'ms' },
    { name: `${name}, p95`, value: percentile(ms, 0.95), unit: 'ms' },
    { name: `${name}, max`, value: Math.max(...ms), unit: 'ms', note: `${changes} changes` },
  ]
}
