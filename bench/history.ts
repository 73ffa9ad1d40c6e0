/** Storing and asking, through the engine and through the API of an instance that holds a month. */
import { TestInstance, adminPassword } from '../test/support/instance.ts'
import { ApiClient } from './api.ts'
import { documentOf, loads, withServer } from './load.ts'
import { median, type BenchRow, type Figure } from './row.ts'
import { fillMonth, ingestCost, Plant, startAfterKill } from './store.ts'

const dayMs = 86_400_000
const days = 30
const hundred = 100
const tcp = loads.tcp

/** Each figure is the median of what several runs gave for it. */
async function medians(times: number, run: () => Promise<readonly Figure[]>): Promise<readonly Figure[]> {
  const seen: (readonly Figure[])[] = []
  for (let i = 0; i < times; i++) seen.push(await run())
  return seen[0]!.map((figure, i) => ({ ...figure, value: median(seen.map((figures) => figures[i]!.value)) }))
}

/** Median of the time that an answer takes. */
export async function askedMs(times: number, ask: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    await ask()
    taken.push(performance.now() - start)
  }
  return median(taken)
}

/** An instance that holds a month of 1,000 series. */
export interface Month {
  /** What it takes on the disk. */
  readonly rows: readonly Figure[]
  /** Asks it through its API for a day of one series, and for means of a hundred. */
  ask(): Promise<readonly Figure[]>
}

/** The history is written into the data directory of an instance between two of its lives, for tasks that it knows. */
export function withMonth<T>(act: (month: Month) => Promise<T>): Promise<T> {
  return withServer(async (port) => {
    await using instance = await TestInstance.start()
    const document = documentOf(tcp, hundred, port, '60s')
    await instance.call('applyConfiguration', { body: document, query: { prune: true } })
    const tasks = await instance.call('listTasks', { query: { group: 'bench', limit: hundred } })
    await instance.stop()
    // Up to the last whole hour, so that nothing of it lies in the future of the instance.
    const end = Math.floor(Date.now() / 3_600_000) * 3_600_000
    const plant = new Plant(
      hundred * 10,
      2,
      tasks.map(({ id }) => id),
    )
    const { history, rows } = await fillMonth({ directory: instance.data, plant, begin: end - days * dayMs, days })
    await history.close()
    await instance.start()
    const api = new ApiClient(instance.url)
    try {
      await api.signIn('admin', adminPassword)
      return await act({ rows, ask: () => ask(api, end, tasks[52]!.id) })
    } finally {
      api.close()
      await instance.stop()
    }
  })
}

/** @param noisy the task whose `metric_1` is asked for: a constant would be told in no time */
async function ask(api: ApiClient, end: number, noisy: string): Promise<readonly Figure[]> {
  const found = (more: string) =>
    api.ask<{ id: string }[]>('GET', `/metrics/series?match=metric_1&limit=${hundred}${more}`)
  const one = (await found(`&task=${noisy}`))[0]?.id ?? ''
  const ids = (await found('')).map(({ id }) => id).join(',')
  const begin = end - days * dayMs
  const day = `/metrics/query?series=${one}&from=${end - 2 * dayMs}&to=${end - dayMs}`
  const month = `/metrics/chart?series=${ids}&from=${begin}&to=${end}&points=10&agg=avg`
  const points = (await api.ask<{ points: unknown[] }>('GET', day)).points.length
  const columns = (await api.ask<{ series: unknown[]; at: unknown[] }>('GET', month)).series.length
  return [
    {
      name: '24 h of one series, API',
      value: await askedMs(31, () => api.ask('GET', day)),
      unit: 'ms',
      note: `${points} points`,
    },
    {
      name: '30-day mean of 100 series, API',
      value: await askedMs(11, () => api.ask('GET', month)),
      unit: 'ms',
      note: `${columns} series, means of three days each, one request`,
    },
  ]
}

export const historyRows: readonly BenchRow[] = [
  { name: 'ingest', about: 'durable ingest: CPU for each value, values a second', run: () => medians(3, ingestCost) },
  {
    name: 'month',
    about: 'a month of 1,000 series: bytes a sample, questions through the API',
    run: () => withMonth(async ({ rows, ask: questions }) => [...rows, ...(await questions())]),
  },
  { name: 'replay', about: 'start of the history with an unsealed head', run: () => startAfterKill() },
]
