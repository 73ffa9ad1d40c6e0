/**
 * What storing and asking cost: `node bench/store.ts [--days 30]`. Each row is a function of its own for benches that show more.
 * Everything goes through the asynchronous API, as in the product: threads, durable commits, upkeep.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openHistory, type History } from '../src/app/history.ts'
import { ManualClock, seededRandom, type Random } from '../src/base/index.ts'
import { slotFrom, type RunResult, type UploadBatch } from '../src/model/index.ts'

const minuteMs = 60_000
const dayMs = 86_400_000
const begin = Date.UTC(2026, 0, 1)

export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** Runs `act` on a history in a directory of its own, which is removed afterwards. */
async function inDirectory<T>(act: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-bench-'))
  try {
    return await act(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** What a series measures: one third each constant, a counter, noise with three decimals. */
export function sources(count: number, random: Random): readonly (() => number)[] {
  return Array.from({ length: count }, (_, i) => {
    if (i % 3 === 0) return () => 42
    let total = 0
    if (i % 3 === 1) return () => (total += Math.floor(random() * 1_000))
    return () => Math.round(random() * 100_000) / 1_000
  })
}

/** Tasks of ten series each, every minute unless told otherwise. */
export class Plant {
  readonly tasks: readonly string[]
  readonly #sources: readonly (readonly (() => number)[])[]
  readonly #random: Random
  readonly #periodMs: number
  #position = 0

  constructor(series: number, seed: number, tasks = tasksOf(series / 10), periodMs = minuteMs) {
    this.#random = seededRandom(seed)
    this.#periodMs = periodMs
    this.tasks = tasks
    const all = sources(series, this.#random)
    this.#sources = this.tasks.map((_, i) => all.slice(i * 10, i * 10 + 10))
  }

  known() {
    return this.tasks.map((id) => ({ id, connector: id, periodMs: this.#periodMs }))
  }

  /** The results of all tasks with slots in a time. */
  batch(from: number, to: number): UploadBatch {
    const entries: RunResult[] = []
    for (let start = from; start < to; start += this.#periodMs) {
      this.tasks.forEach((task, i) => {
        const slot = slotFrom(task, this.#periodMs, start)
        const samples = this.#sources[i]!.map((next, m) => ({
          name: `metric_${m}`,
          labels: { item: 'a' },
          value: next(),
        }))
        const startedAt = slot + Math.floor(this.#random() * 5)
        entries.push({
          kind: 'run',
          task,
          slot,
          outcome: 'ran',
          startedAt,
          durationMs: Math.round(this.#random() * 50_000) / 1_000,
          samples,
        })
      })
    }
    const batch = { format: 1 as const, agent: 'bench', spool: 'bench', from: this.#position, entries }
    this.#position += entries.length
    return batch
  }
}

async function median(times: number, act: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    await act()
    taken.push(performance.now() - start)
  }
  return taken.sort((a, b) => a - b)[times >> 1]!
}

/** Durable ingest at full speed: 1,000 series, batches of 100 results with ten values each, four under way, upkeep in between. */
export function ingestCost(minutes = 1_500): Promise<readonly BenchRow[]> {
  return inDirectory(async (directory) => {
    const clock = new ManualClock(begin)
    const history = await openHistory({ directory, clock })
    const plant = new Plant(1_000, 1)
    await history.applyTasks(plant.known())
    const batches = Array.from({ length: minutes }, (_, i) =>
      plant.batch(begin + i * minuteMs, begin + (i + 1) * minuteMs),
    )
    const cpu = process.cpuUsage()
    const start = performance.now()
    let next = 0
    const uploader = async () => {
      for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) {
        clock.advance(minuteMs)
        await history.upload(batch)
        history.release(history.position())
      }
    }
    await Promise.all(Array.from({ length: 4 }, uploader))
    await history.settle()
    const seconds = (performance.now() - start) / 1_000
    const used = process.cpuUsage(cpu)
    const values = minutes * 1_000
    await history.close()
    return [
      { name: 'ingest, CPU for each value, sealing included', value: (used.user + used.system) / values, unit: 'us' },
      { name: 'ingest, durable values', value: values / seconds, unit: '/s' },
    ]
  })
}

/** A month of 1,000 series at 60 s, a third each constant, counter and noise: what it takes on the disk, and how fast it answers. */
export function monthOfSeries(days = 30): Promise<readonly BenchRow[]> {
  return inDirectory(async (directory) => {
    const plant = new Plant(1_000, 2)
    const { rows, history } = await fillMonth({ directory, plant, begin, days })
    try {
      return [...rows, ...(await askMonth(history, begin, begin + days * dayMs))]
    } finally {
      await history.close()
    }
  })
}

/** Leads a history through so many days, upkeep included, in steps of half an hour unless told otherwise. @returns the history, still open, and what it takes on the disk */
export async function fillMonth(month: {
  readonly directory: string
  readonly plant: Plant
  readonly begin: number
  readonly days: number
  readonly stepMs?: number
}): Promise<{ readonly history: History; readonly rows: readonly BenchRow[] }> {
  const { directory, plant, days, stepMs = 30 * minuteMs } = month
  const clock = new ManualClock(month.begin)
  const history = await openHistory({ directory, clock })
  try {
    await history.applyTasks(plant.known())
    for (let at = month.begin; at < month.begin + days * dayMs; at += stepMs) {
      clock.advance(stepMs)
      await history.upload(plant.batch(at, at + stepMs))
      history.release(history.position())
      await history.settle()
    }
    const { databaseBytes } = await history.facts()
    const value = databaseBytes / (days * 1_440 * plant.tasks.length * 10)
    return { history, rows: [{ name: `bytes a sample after ${days} days, all included`, value, unit: 'B' }] }
  } catch (thrown) {
    await history.close()
    throw thrown
  }
}

async function askMonth(history: History, from: number, to: number): Promise<readonly BenchRow[]> {
  const noise = (await history.series({ tasks: ['task-50'], name: 'metric_1' })).series[0]!.number
  const hundred = (await history.series({}, { limit: 100 })).series.map(({ number }) => number)
  const day = { series: [noise], from: to - 2 * dayMs, to: to - dayMs, agg: 'avg' as const }
  return [
    { name: '24 h of one series, every sample', value: await median(21, () => history.query(day)), unit: 'ms' },
    {
      name: '24 h of one series, by 5 minutes',
      value: await median(21, () => history.query({ ...day, step: 5 * minuteMs })),
      unit: 'ms',
    },
    {
      name: '30-day mean of 100 series',
      value: await median(11, () => history.query({ series: hundred, from, to, step: to - from, agg: 'avg' })),
      unit: 'ms',
    },
    {
      name: '30 days of 100 series by hour',
      value: await median(11, () => history.query({ series: hundred, from, to, step: 60 * minuteMs, agg: 'avg' })),
      unit: 'ms',
    },
    {
      name: 'coverage of 100 tasks over 30 days',
      value: await median(11, () => history.coverage({ tasks: tasksOf(100), from, to })),
      unit: 'ms',
    },
    { name: 'how 100 tasks stand', value: await median(11, () => history.lastSlots(tasksOf(100))), unit: 'ms' },
  ]
}

function tasksOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `task-${i}`)
}

/** How long a start takes when nothing of a full head was sealed. Closing does not seal, so it leaves what a kill leaves. */
export function startAfterKill(samples = 600_000): Promise<readonly BenchRow[]> {
  return inDirectory(async (directory) => {
    const clock = new ManualClock(begin)
    const history = await openHistory({ directory, clock })
    const plant = new Plant(1_000, 3)
    await history.applyTasks(plant.known())
    for (let i = 0; i < samples / 1_000; i++)
      await history.upload(plant.batch(begin + i * minuteMs, begin + (i + 1) * minuteMs))
    await history.close()
    const value = await median(5, async () => {
      const again = await openHistory({ directory, clock })
      await again.close()
    })
    return [{ name: `start with ${samples} samples to replay`, value, unit: 'ms' }]
  })
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { days: { type: 'string', default: '30' } } })
  for (const measure of [ingestCost, () => monthOfSeries(Number(values.days)), startAfterKill]) {
    for (const { name, value, unit } of await measure())
      console.log(
        `${name.padEnd(50)} ${value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 }).padStart(12)} ${unit}`,
      )
  }
}
