/** A pair of servers under load: how long nobody takes results when one is lost or hands over, how far the other is behind, and what it costs. */
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '../src/base/index.ts'
import { defaultSourceSettings } from '../src/replication/index.ts'
import { CuttingProxy } from '../test/servers/cutting-proxy.ts'
import type { TestInstance } from '../test/support/instance.ts'
import { acting, inStep, startPair, type Pair } from '../test/support/pair.ts'
import { silence } from '../test/support/silence.ts'
import { employ, ownMetric } from './agents.ts'
import { treeCpuMs } from './process-tree.ts'
import { median, percentile, sleep, type BenchRow, type Figure, type PairSize, type Size } from './row.ts'
import { Simulation } from './simulation.ts'

const agents = 20
const periodMs = 10_000
const pollMs = 2_000
const settleMs = 10_000
const sampleMs = 250
const withinMs = 120_000
const copiedBytes = 100e6
const rowBytes = 4_096

/** When results were acknowledged, in order. */
function storedAt(simulation: Simulation): readonly number[] {
  return simulation.events.flatMap((event) => (event.is === 'stored' ? [event.at] : [])).sort((a, b) => a - b)
}

/** Both follow the same agents: `changeFailover` of one side is not copied to the other. */
async function setTimeouts({ primary, secondary }: Pair, timeoutMs: number): Promise<void> {
  for (const side of [primary, secondary]) await side.call('changeFailover', { body: { timeoutMs } })
}

/** From the kill of the PRIMARY to the first result that is acknowledged afterwards, which only the SECONDARY can do. */
async function killOnce(pair: Pair, simulation: Simulation): Promise<number> {
  const { primary, secondary } = pair
  simulation.forget()
  await primary.kill()
  const killedAt = Date.now()
  // What was on its way in the moment of the kill is told within the next few milliseconds.
  const isAfter = (at: number) => at > killedAt + 1_000
  await simulation.until(
    'served by the SECONDARY',
    () => storedAt(simulation).some(isAfter) || 'nothing stored since',
    withinMs,
  )
  const tookMs = storedAt(simulation).find(isAfter)! - killedAt
  await primary.start()
  await primary.signIn()
  await inStep(secondary, primary)
  await handOver(secondary, primary)
  return tookMs
}

async function kills(pair: Pair, simulation: Simulation, { timeoutsMs, repetitions }: PairSize) {
  const figures: Figure[] = []
  for (const timeoutMs of timeoutsMs) {
    await setTimeouts(pair, timeoutMs)
    const seconds: number[] = []
    for (let i = 0; i < repetitions; i++) {
      await sleep(settleMs)
      seconds.push((await killOnce(pair, simulation)) / 1_000)
    }
    const name = `kill -9 of the PRIMARY to the first result stored, timeout ${timeoutMs / 1_000} s`
    figures.push(...spread(name, seconds, 's', `${repetitions} times`))
  }
  return figures
}

function spread(name: string, values: readonly number[], unit: string, note: string): readonly Figure[] {
  return [
    { name: `${name}, median`, value: median(values), unit },
    { name: `${name}, max`, value: Math.max(...values), unit, note },
  ]
}

async function handOver(from: TestInstance, to: TestInstance): Promise<number> {
  const { ms } = await from.call('handOver')
  await acting(to, true)
  await inStep(to, from)
  return ms
}

/** There and back again and again; with the longest time in which no result was acknowledged. */
async function handOvers({ primary, secondary }: Pair, simulation: Simulation, { repetitions }: PairSize) {
  const ms: number[] = []
  const silentMs: number[] = []
  const beganAt = Date.now()
  for (let i = 0; i < repetitions; i++)
    for (const [from, to] of [
      [primary, secondary],
      [secondary, primary],
    ] as const) {
      await sleep(settleMs)
      simulation.forget()
      await sleep(1_000)
      ms.push(await handOver(from, to))
      await sleep(2_000)
      const at = storedAt(simulation)
      silentMs.push(Math.max(...at.slice(1).map((each, n) => each - at[n]!)))
    }
  const tasks = (await primary.call('listTasks', { query: {} })).slice(0, 50)
  const rows = await Promise.all(
    tasks.map(async ({ id }) => {
      const all = await primary.call('listResults', { params: { id }, query: {} })
      return [id, all.filter(({ slot }) => slot > beganAt)] as const
    }),
  )
  const { missing, twice } = silence(new Map(rows), periodMs)
  const note = `${ms.length} times`
  return [
    ...spread('planned hand-over, asked for to the other acting', ms, 'ms', note),
    ...spread('planned hand-over, no result acknowledged for', silentMs, 'ms', note),
    { name: 'planned hand-over, slots missing', value: missing, unit: '', note: `of 50 tasks; ${twice} twice` },
  ]
}

interface Used {
  readonly cpuMs: number
  readonly results: number
  readonly lag: readonly number[]
}

/** What the PRIMARY uses while its lag is asked for again and again. */
async function watch(primary: TestInstance, ms: number): Promise<Used> {
  const cpuBefore = treeCpuMs(primary.pid)
  const stored = () => ownMetric(primary, 'farwatch_results_stored_total')
  const before = await stored()
  const lag: number[] = []
  for (const end = performance.now() + ms; performance.now() < end;) {
    lag.push((await primary.call('showFailover')).lag.seconds ?? NaN)
    await sleep(sampleMs)
  }
  return { cpuMs: treeCpuMs(primary.pid) - cpuBefore, results: (await stored()) - before, lag }
}

async function costs({ primary, secondary }: Pair, line: CuttingProxy, ms: number): Promise<readonly Figure[]> {
  await sleep(settleMs)
  const bytesBefore = line.bytes
  const standbyBefore = treeCpuMs(secondary.pid)
  const paired = await watch(primary, ms)
  const bytes = line.bytes - bytesBefore
  const standbyMs = treeCpuMs(secondary.pid) - standbyBefore
  const note = `${paired.lag.length} samples in ${ms / 1_000} s of lag.seconds of GET /failover on the PRIMARY`
  // Role NONE ends the mechanism: nothing is logged, nobody asks.
  await secondary.stop()
  await primary.call('changeFailover', { body: { role: 'NONE', mode: 'OFF', peerUuid: '' } })
  await sleep(settleMs)
  const alone = await watch(primary, ms)
  const each = (used: number, { results }: Used) => (1_000 * used) / results
  return [
    { name: 'replication lag, p50', value: percentile(paired.lag, 0.5), unit: 's' },
    { name: 'replication lag, p99', value: percentile(paired.lag, 0.99), unit: 's', note },
    { name: 'CPU of the PRIMARY a result, with a pair', value: each(paired.cpuMs, paired), unit: 'us' },
    { name: 'CPU of the PRIMARY a result, without', value: each(alone.cpuMs, alone), unit: 'us' },
    { name: 'CPU of the SECONDARY a result', value: each(standbyMs, paired), unit: 'us' },
    {
      name: 'bytes over the line of the pair a result, all included',
      value: bytes / paired.results,
      unit: 'B',
      note: `${((paired.results * 60_000) / ms).toFixed(0)} results/min of four values`,
    },
  ]
}

/** A history of parts that no task refers to, which is all the same to a copy. */
function fill(directory: string): void {
  const db = new DatabaseSync(join(directory, 'history.db'))
  try {
    db.exec('PRAGMA synchronous = OFF; BEGIN')
    const insert = db.prepare('INSERT INTO result_part (id, body) VALUES ($id, $body)')
    for (let i = 0; i < copiedBytes / rowBytes; i++)
      insert.run({ id: 2 ** 45 + i, body: randomBytes(rowBytes - Math.floor(i % 1_000)) })
    db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

async function copy(): Promise<readonly Figure[]> {
  let beganAt = 0
  await using pair = await startPair({
    pollMs,
    before: async (primary) => {
      await primary.stop()
      fill(primary.data)
      await primary.start()
      await primary.signIn()
    },
    peerUrl: ({ url }) => {
      beganAt = performance.now()
      return url
    },
  })
  const seconds = (performance.now() - beganAt) / 1_000
  const bytes = statSync(join(pair.secondary.data, 'history.db')).size
  const rate = bytes / 1e6 / seconds
  const throttle = defaultSourceSettings.copyBytesPerSecond / 2 ** 20
  return [
    {
      name: 'initial copy, set up to in step',
      value: rate,
      unit: 'MB/s',
      note: `${(bytes / 1e6).toFixed(0)} MB of incompressible rows, throttled to ${throttle} MiB/s; 10 GB would take ${(10_000 / rate / 60).toFixed(0)} min`,
    },
  ]
}

async function underLoad({ minutes, pair: size }: Size): Promise<readonly Figure[]> {
  const lines: CuttingProxy[] = []
  try {
    await using pair = await startPair({
      timeoutMs: size.timeoutsMs[0]!,
      pollMs,
      peerUrl: async ({ url }) => {
        const line = await CuttingProxy.start({ host: '127.0.0.1', port: Number(new URL(url).port) })
        lines.push(line)
        return `https://127.0.0.1:${line.port}`
      },
    })
    const { primary, secondary } = pair
    for (const side of [primary, secondary]) await side.call('changeSettings', { body: { offlineTimeoutMs: 15_000 } })
    await using simulation = await Simulation.enrol(primary, agents, [secondary])
    const tasks = Math.round((size.tasksPerMinute * periodMs) / 60_000 / agents)
    await employ(primary, simulation, { agents, tasks, periodMs })
    await inStep(primary, secondary)
    return [
      ...(await attempt('hand-over', () => handOvers(pair, simulation, size))),
      ...(await attempt('kill', () => kills(pair, simulation, size))),
      ...(await attempt('costs', () => costs(pair, lines[0]!, minutes * 60_000))),
    ]
  } finally {
    for (const line of lines) await line[Symbol.asyncDispose]()
  }
}

/** What fails is said, and takes nothing of what was measured before it. */
async function attempt(what: string, measure: () => Promise<readonly Figure[]>): Promise<readonly Figure[]> {
  try {
    return await measure()
  } catch (thrown) {
    return [{ name: `failover, ${what}`, value: NaN, unit: '', note: messageOf(thrown) }]
  }
}

export const failoverRows: readonly BenchRow[] = [
  { name: 'failover-copy', about: 'how fast a new SECONDARY has a history that is there', run: copy },
  {
    name: 'failover',
    about: 'a pair of servers under load: loss of the PRIMARY, planned hand-over, lag, cost',
    run: underLoad,
  },
]
