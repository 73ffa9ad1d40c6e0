/** What an instance does under a load, told by its own API and by the kernel. */
import { outcomes as allOutcomes, isRun } from '../src/model/index.ts'
import { TestInstance, until } from '../test/support/instance.ts'
import { documentOf, type Load } from './load.ts'
import { LoopDelays, type Delays } from './loop.ts'
import { percentile } from './row.ts'
import { processTree, treeCpuMs, type ProcessUse } from './process-tree.ts'

const sampledTasks = 60
const longestWaitMs = 5_000

export interface Window {
  /** Of main and monitoring processes, per slot of the time that was run. */
  readonly cpuMsPerCheck: number
  /** CPU used, in cores. */
  readonly cores: number
  readonly checksPerSecond: number
  readonly coverage: number
  readonly outcomes: Readonly<Record<string, number>>
  /** How late runs began, of the tasks that were asked. */
  readonly latenessP95Ms: number
  /** How late the main event loop was, where that is looked at. */
  readonly loop?: Delays
}

/** An instance with no tasks but those that are given to it. */
export class Watched {
  readonly instance: TestInstance
  readonly #loop: LoopDelays | undefined
  #periodMs: number | undefined

  private constructor(instance: TestInstance, loop: LoopDelays | undefined) {
    this.instance = instance
    this.#loop = loop
  }

  /** @param options.loop looks at the main event loop, which takes 1.7 % of a core and the memory of what strips types */
  static async start(
    options: { wrap?: readonly string[]; settings?: Readonly<Record<string, unknown>>; loop?: boolean } = {},
  ): Promise<Watched> {
    const loop = options.loop === true ? new LoopDelays() : undefined
    const instance = await TestInstance.start({
      ...(loop === undefined ? {} : { env: loop.env }),
      ...(options.wrap === undefined ? {} : { wrap: options.wrap }),
    })
    try {
      if (options.settings !== undefined) await instance.call('changeSettings', { body: { ...options.settings } })
      const watched = new Watched(instance, loop)
      await watched.rest()
      return watched
    } catch (thrown) {
      await instance[Symbol.asyncDispose]()
      loop?.[Symbol.dispose]()
      throw thrown
    }
  }

  /** Takes all tasks away. */
  async rest(): Promise<void> {
    await this.instance.call('applyConfiguration', { body: { groups: [], profiles: [] }, query: { prune: true } })
  }

  /** Applies a load and waits until it has been under way for a whole period. */
  async carry(load: Load, tasks: number, port: number, settleMs = 3_000): Promise<void> {
    await this.carryDocument(documentOf(load, tasks, port), load.periodMs, settleMs)
  }

  /** Likewise a load that is a document of its own, all of it in the group `bench`. @param periodMs the longest of its periods */
  async carryDocument(document: object, periodMs: number, settleMs = 3_000): Promise<void> {
    this.#periodMs = periodMs
    await this.instance.call('applyConfiguration', { body: document, query: { prune: true } })
    const start = Date.now()
    await until(
      'the load is under way',
      async () => Date.now() - start,
      (passed) => passed > periodMs + settleMs,
      periodMs + settleMs + 60_000,
    )
  }

  /** Measures for so long, then waits until every slot of that time has ended. */
  async measure(ms: number): Promise<Window> {
    const periodMs = this.#periodMs
    if (periodMs === undefined) throw new Error('no load was applied')
    // What is asked to count the runs is asked afterwards: an answer about thousands of tasks costs as much as hundreds of checks.
    const cpuMs = () => treeCpuMs(this.instance.pid)
    const from = Date.now()
    const before = cpuMs()
    await new Promise((resolve) => setTimeout(resolve, ms))
    const used = cpuMs() - before
    const to = Date.now()
    // A slot may wait for half a period, and its result takes a moment to be stored. One that waits for longer than this counts as not run.
    await new Promise((resolve) => setTimeout(resolve, Math.min(periodMs / 2, longestWaitMs) + 1_500))
    const { share, outcomes } = await this.instance.call('showCoverage', {
      query: { group: 'bench', from: String(from), to: String(to) },
    })
    const runs = allOutcomes.filter(isRun).reduce((sum, outcome) => sum + (outcomes[outcome] ?? 0), 0)
    return {
      cpuMsPerCheck: used / runs,
      cores: used / (to - from),
      checksPerSecond: (runs * 1_000) / (to - from),
      coverage: share ?? 0,
      outcomes,
      latenessP95Ms: await this.#lateness(from, to),
      ...(this.#loop === undefined ? {} : { loop: await this.delays(from, to) }),
    }
  }

  async #lateness(from: number, to: number): Promise<number> {
    const tasks = await this.instance.call('listTasks', { query: { group: 'bench', limit: sampledTasks } })
    const late: number[] = []
    for (const { id } of tasks) {
      const rows = await this.instance.call('listResults', {
        params: { id },
        query: { from: String(from), to: String(to) },
      })
      for (const { startedAt, plannedAt } of rows)
        late.push(startedAt === null ? Infinity : Date.parse(startedAt) - Date.parse(plannedAt))
    }
    return percentile(late, 0.95)
  }

  /** How late the main event loop was between two moments. @throws Error where nobody looks at it */
  async delays(from: number, to: number): Promise<Delays> {
    if (this.#loop === undefined) throw new Error('nobody looks at its event loop')
    return this.#loop.between(from, to)
  }

  processes(): readonly ProcessUse[] {
    return processTree(this.instance.pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.instance.stop()
    await this.instance[Symbol.asyncDispose]()
    this.#loop?.[Symbol.dispose]()
  }
}

/** How slots ended other than by a run, in words; empty where all were run. */
export function notRun({ coverage, outcomes }: Window): string {
  if (coverage === 1) return ''
  const others = Object.entries(outcomes).filter(([outcome, count]) => outcome !== 'ran' && count > 0)
  return `coverage ${(coverage * 100).toFixed(2)} %: ${others.map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`
}
