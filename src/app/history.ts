import { statSync } from 'node:fs'
import { join } from 'node:path'
import { FarwatchError, type Clock } from '../base/index.ts'
import {
  SafePositions,
  StatisticsSum,
  UploadPacker,
  checkBatch,
  defaultIngestSettings,
  type BatchAnswer,
  type Coverage,
  type Declared,
  type ExpectedTask,
  type IsKept,
  type KnownTask,
  type LastSlot,
  type NewestFacts,
  type ResultLog,
  type RunStatistics,
  type StoredBatch,
  type StoredEntry,
  type Stretch,
} from '../ingest/index.ts'
import { outcomes, type Slot, type UploadAnswer, type UploadBatch } from '../model/index.ts'
import {
  aggregations,
  defaultMetricSettings,
  lastMoment,
  type Grid,
  type RefusedSeries,
  type Series,
  type SeriesFilter,
  type SeriesPage,
} from '../metrics/index.ts'
import { OccasionalWorker, WorkerClient, siblingModule, type ChangeFeed } from '../platform/index.ts'
import type { CopyCursor, HistoryCopy } from './history-copy.ts'
import type { HistoryReaderMethods } from './history-reader-worker.ts'
import {
  demandPoints,
  type ChartedSeries,
  type QueriedSeries,
  type Range,
  type ResultWithMetrics,
  type SeriesQuery,
} from './history-reading.ts'
import type { HistorySettings, SeriesHead } from './history-store.ts'
import type { HistoryMethods } from './history-worker.ts'
import { UploadQueue, type UploadBounds } from './upload-queue.ts'

export const defaultHistorySettings: HistorySettings = { ingest: defaultIngestSettings, metrics: defaultMetricSettings }

/** What `GET /metrics` and the portal show of the history. */
export interface HistoryFacts {
  readonly position: number
  readonly sealed: number
  readonly released: number
  readonly tasks: number
  readonly series: number
  readonly headSamples: number
  readonly logBytes: number
  /** Since the start. */
  readonly results: number
  readonly samples: number
  readonly repeated: number
  readonly tooOld: number
  readonly samplesPerSecond: number
  readonly refused: readonly RefusedSeries[]
  readonly databaseBytes: number
  /** The file and its journal, as on the disk. */
  readonly diskBytes: number
}

export interface StatisticsQuestion {
  readonly tasks: readonly string[]
  /** `from` ≤ slot < `to` for outcomes; durations and delays are of the whole days (UTC) that this touches. */
  readonly from: number
  readonly to: number
  readonly by: 'agent' | ((task: string) => string)
}

/** Several series on one grid, of which `from` ≤ time < `to` is shown; without `agg` each as fits its kind. */
export interface ChartQuestion extends Omit<SeriesQuery, 'step'> {
  readonly series: readonly number[]
  readonly grid: Grid
}

/**
 * Results, coverage, statistics and metrics, in one file that one thread writes and another reads; this is the near end of both.
 * Every method may be called at any time and concurrently. Where storage fails they reject with `storage-unwritable` or
 * `storage-corrupt`; a history that cannot be written still answers questions.
 */
export interface History extends ResultLog {
  /**
   * Resolves when the batch is durable. Repeats change nothing. Agents take turns.
   * @param leftOut tasks whose entries are not to be stored; their positions count as received, so that their sender goes on
   * @throws FarwatchError `bad-request`, `storage-unwritable`, `overloaded` where too much waits already: the same batch may come again
   */
  upload(batch: UploadBatch, leftOut?: ReadonlySet<string>): Promise<UploadAnswer>
  /** The tasks of the configuration as it is from now on: their slots are expected, their connectors bound their series. */
  applyTasks(tasks: readonly KnownTask[]): Promise<void>
  applySettings(settings: HistorySettings): Promise<void>
  /** How tasks stand; those of which nothing was ever heard are left out. */
  lastSlots(tasks: readonly string[]): Promise<readonly LastSlot[]>
  /** Since when slots of tasks are expected; tasks that the configuration does not have are left out. */
  expected(tasks: readonly string[]): Promise<readonly ExpectedTask[]>
  /**
   * What the newest run of each task that learned facts has learned, at most 16 KiB of it; tasks that never did are left out. Kept for as
   * long as the task's history.
   */
  newestFacts(tasks: readonly string[]): Promise<readonly NewestFacts[]>
  /** By slot, oldest first, `from` ≤ slot < `to`, 1,000 rows at most; for the next page ask again from `next`. */
  results(
    task: string,
    range: { from: number; to: number; limit?: number },
  ): Promise<{ rows: readonly ResultWithMetrics[]; next?: number }>
  coverage(question: { tasks: readonly string[]; from: number; to: number }): Promise<readonly Coverage[]>
  /** How each slot of a task ended, `from` ≤ slot < `to`, alike ones together; and the slots whose runs came late. */
  outcomes(
    task: string,
    range: { from: number; to: number },
  ): Promise<{ readonly stretches: readonly Stretch[]; readonly late: readonly Slot[] }>
  /** Added up by the name that `by` gives to each task, or by agent. A name of which nothing is known has a row, an agent has none. */
  statistics(question: StatisticsQuestion): Promise<readonly RunStatistics[]>
  /** In the order of numbers, 1,000 at most; for the next page ask again `after` its `next`. */
  series(filter: SeriesFilter, page?: { limit?: number; after?: number }): Promise<SeriesPage>
  /** @throws FarwatchError `invalid-value`, `not-found` for a series that is not there, `too-large` */
  query(question: SeriesQuery & { readonly series: readonly number[] }): Promise<readonly QueriedSeries[]>
  /** Series by their numbers, in the order asked for. @throws FarwatchError `not-found` for one that is not there */
  seriesNumbered(numbers: readonly number[]): Promise<readonly Series[]>
  /**
   * Several series on one grid, each step from its moment on.
   * @throws FarwatchError as `query`
   */
  chart(question: ChartQuestion): Promise<readonly ChartedSeries[]>
  facts(): Promise<HistoryFacts>
  /** How many batches were taken and are not stored, and for how long nothing of them was: 0 where none waits. */
  waiting(): { readonly waiting: number; readonly stalledMs: number }
  /**
   * For the other server of a pair. While changes are logged, `safe` of an upload is what was confirmed; without a pair, all that is durable here.
   * On a follower `upload` and `applyTasks` reject with `not-in-this-role`; `onStored` is silent, and `read` has what was applied.
   */
  readonly changes: HistoryChanges
  /** Seals all that memory holds, and does all upkeep that is due: for tests, benches and before a copy of the file is taken. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** The feed of the history, and copies for those who cannot follow it. */
export interface HistoryChanges extends ChangeFeed {
  /** Where a copy begins now; the log is kept from there on. */
  beginCopy(): Promise<HistoryCopy>
  /** The next rows of a copy, about `bytes` of them; undefined at its end. */
  readCopy(
    copy: HistoryCopy,
    cursor: CopyCursor,
    bytes: number,
  ): Promise<{ readonly body: Uint8Array; readonly next: CopyCursor } | undefined>
}

/** The near end of whatever writes: `call` by the name of a method, answered in order. */
export type HistoryWriter = Pick<WorkerClient<HistoryMethods>, 'call' | 'end'>
type HistoryReader = Pick<WorkerClient<HistoryReaderMethods>, 'call' | 'end'>

interface Waiting {
  readonly batch: UploadBatch
  readonly leftOut: ReadonlySet<string> | undefined
  readonly resolve: (answer: UploadAnswer) => void
  readonly reject: (reason: unknown) => void
}

interface Count {
  readonly samples: number
  readonly elapsed: number
}

const upkeepEveryMs = 5_000
const upkeepAfterFailureMs = 30_000

const fileOf = (directory: string) => (directory === ':memory:' ? directory : join(directory, 'history.db'))

/** Begins to open a history, in a thread of its own, for who has other things to do until `openHistory` takes it. Its failure is told there. */
export function beginHistory(directory: string, settings: HistorySettings): HistoryWriter {
  const module = siblingModule(import.meta.url, 'history-thread')
  return new WorkerClient<HistoryMethods>(module, { file: fileOf(directory), settings }, 'history')
}

/**
 * Opens, creates or migrates the history of a data directory; resolves when it is usable.
 * @param options.declared unit and kind of a metric, where a sample does not say them
 * @param options.isKept whether the values of an item become a series. Asked again after each `applyTasks`, not for each sample
 * @param options.bounds of what may wait to be stored
 * @param options.report told of failures that no caller learns of: upkeep that could not be done, a listener that threw
 * @throws FarwatchError `data-directory-unusable`, `data-directory-newer`, `storage-corrupt`
 */
export async function openHistory(options: {
  directory: string
  clock: Clock
  settings?: HistorySettings
  declared?: Declared
  isKept?: IsKept
  report?: (failure: unknown) => void
  bounds?: UploadBounds
  /** By `beginHistory`, of the same directory and settings; it is ended where this fails. */
  begun?: HistoryWriter | undefined
  /** Who writes. Default: a thread of its own over the file of the directory. One that is given answers the questions, too. */
  writer?: HistoryWriter
}): Promise<History> {
  const {
    directory,
    clock,
    settings = defaultHistorySettings,
    declared = () => undefined,
    isKept = () => true,
    report = () => undefined,
    bounds,
  } = options
  const file = fileOf(directory)
  const writer = options.writer ?? options.begun ?? beginHistory(directory, settings)
  try {
    const { position, generation } = await writer.call('ready', undefined)
    // The file is there and migrated only now.
    const reader: HistoryReader =
      directory === ':memory:' || options.writer !== undefined
        ? writer
        : new OccasionalWorker<HistoryReaderMethods>({
            start: () =>
              new WorkerClient(siblingModule(import.meta.url, 'history-reader-worker'), { file }, 'history reader'),
            clock,
            restMs: readerRestMs,
          })
    return new OpenHistory({
      writer,
      reader,
      file,
      clock,
      settings,
      packer: new UploadPacker(declared, isKept),
      report,
      bounds,
      position,
      generation,
    })
  } catch (thrown) {
    await writer.end()
    throw thrown
  }
}

/** Whoever looks at a portal asks every few seconds. */
const readerRestMs = 600_000

interface Parts {
  readonly writer: HistoryWriter
  readonly reader: HistoryReader
  readonly file: string
  readonly clock: Clock
  readonly settings: HistorySettings
  readonly packer: UploadPacker
  readonly report: (failure: unknown) => void
  readonly bounds: UploadBounds | undefined
  readonly position: number
  readonly generation: number
}

class OpenHistory implements History {
  readonly #writer: HistoryWriter
  readonly #reader: HistoryReader
  readonly #file: string
  readonly #clock: Clock
  readonly #packer: UploadPacker
  readonly #report: (failure: unknown) => void
  #settings: HistorySettings
  readonly #waiting: UploadQueue<Waiting>
  #storing: Promise<void> | undefined
  /** Of those that wait, the ones that are being stored. */
  #taken = 0
  /** Batches that could not be stored when they were tried last: whoever sent them has them, and comes again. */
  #owed = 0
  /** When storing last went forward, or began. */
  #storedAt = 0
  readonly #listeners = new Set<(batch: StoredBatch) => void>()
  #position: number
  #generation: number
  readonly #safe = new SafePositions()
  readonly changes: HistoryChanges
  #released = 0
  #cancelUpkeep: () => void
  #upkeep: Promise<void> | undefined
  #closed: Promise<void> | undefined
  /** How many samples there were, half a minute ago or more, and at the last look at least as long ago. */
  #counted: { readonly older: Count; readonly newer: Count }

  constructor({ writer, reader, file, clock, settings, packer, report, bounds, position, generation }: Parts) {
    this.#waiting = new UploadQueue(bounds)
    this.#writer = writer
    this.#reader = reader
    this.#file = file
    this.#clock = clock
    this.#settings = settings
    this.#packer = packer
    this.#report = report
    this.#position = position
    this.#generation = generation
    const none = { samples: 0, elapsed: clock.elapsed() }
    this.#counted = { older: none, newer: none }
    this.changes = this.#feed()
    this.#cancelUpkeep = clock.after(upkeepEveryMs, () => this.#startUpkeep())
  }

  // Uploads.

  upload(batch: UploadBatch, leftOut?: ReadonlySet<string>): Promise<UploadAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw closedError()
      checkBatch(batch)
      this.#waiting.add({ batch, leftOut, resolve, reject })
      if (this.#storing === undefined && this.#owed === 0) this.#storedAt = this.#clock.elapsed()
      // It never rejects: what goes wrong goes to those whose uploads it was. `close` awaits it.
      this.#storing ??= this.#storeWaiting()
    })
  }

  async #storeWaiting(): Promise<void> {
    // One turn, so that batches that arrive together go together.
    await Promise.resolve()
    while (!this.#waiting.isEmpty) {
      const group = this.#waiting.take()
      this.#taken = group.length
      try {
        await this.#store(group)
        this.#storedAt = this.#clock.elapsed()
        this.#owed = 0
      } catch (thrown) {
        this.#owed = isOfStorage(thrown) ? group.length : 0
        // The other end may or may not know the layouts of this upload.
        this.#packer.reset()
        for (const { reject } of group) reject(thrown)
      }
    }
    this.#taken = 0
    this.#storing = undefined
  }

  waiting() {
    const waiting = Math.max(this.#waiting.size + this.#taken, this.#owed)
    return { waiting, stalledMs: waiting === 0 ? 0 : this.#clock.elapsed() - this.#storedAt }
  }

  async #store(group: readonly Waiting[]): Promise<void> {
    let answers: readonly BatchAnswer[] | undefined
    let change: number | undefined
    while (answers === undefined) {
      const { upload, memory } = this.#packer.upload(group)
      const input = { upload, at: this.#clock.now(), generation: this.#generation }
      const answer = await this.#writer.call('upload', input, [memory])
      this.#follow(answer.generation)
      answers = answer.answers
      change = answer.change
    }
    const stored = answers
    group.forEach(({ batch, resolve }, i) => {
      const answer = stored[i]!
      if (answer.position !== undefined) this.#announce(batch, answer, answer.position)
      const { acknowledged } = answer
      const safe =
        change === undefined ? acknowledged : this.#safe.acknowledged(batch.agent, batch.spool, change, acknowledged)
      resolve({ acknowledged, safe, pauseMs: this.#waiting.pauseMs })
    })
  }

  #announce({ agent, entries }: UploadBatch, { at, counted, late }: BatchAnswer, position: number): void {
    this.#position = position
    const stored = counted.map((index): StoredEntry => {
      const entry = entries[index]!
      return late.has(index) ? { ...entry, late: true } : entry
    })
    const batch: StoredBatch = { position, at, agent, entries: stored }
    for (const listener of this.#listeners) {
      try {
        listener(batch)
      } catch (thrown) {
        this.#report(thrown)
      }
    }
  }

  /** Layouts stand for series and tasks; when some of those are gone, or more are allowed, they are sent anew. */
  #follow(generation: number): void {
    if (generation === this.#generation) return
    this.#generation = generation
    this.#packer.reset()
  }

  // The other server of a pair.

  #feed(): HistoryChanges {
    const writer = this.#writer
    return {
      facts: () => writer.call('logFacts', undefined),
      startLogging: (line) => {
        this.#safe.reset()
        return writer.call('startLogging', line)
      },
      startFollowing: async () => {
        await writer.call('startFollowing', undefined)
        // It comes to the one who acts.
        this.#owed = 0
      },
      stop: async () => void (await writer.call('stopLogging', undefined)),
      read: (after, bytes) => writer.call('readChanges', { after, bytes }),
      confirm: async (upTo) => {
        if (await writer.call('confirmChanges', upTo)) this.#safe.confirm(upTo.position)
      },
      apply: async (changes) => {
        const { applied, position } = await writer.call('applyChanges', changes)
        this.#position = position
        return applied
      },
      beginCopy: () => writer.call('beginCopy', undefined),
      readCopy: (copy, cursor, bytes) => this.#reader.call('readCopy', { copy, cursor, bytes }),
    }
  }

  // The log.

  position(): number {
    return this.#position
  }

  read(after: number, limit: number): Promise<readonly StoredBatch[]> {
    return this.#writer.call('read', { after, limit: Math.min(limit, 1_000) })
  }

  onStored(listener: (batch: StoredBatch) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  release(upTo: number): void {
    this.#released = Math.max(this.#released, upTo)
  }

  // Configuration.

  async applyTasks(tasks: readonly KnownTask[]): Promise<void> {
    for (const { id, periodMs } of tasks) {
      if (!Number.isInteger(periodMs) || periodMs < 1)
        throw new FarwatchError(
          'invalid-value',
          `task ${id} has the period ${periodMs}: it must be a number of whole milliseconds`,
        )
    }
    this.#follow(await this.#writer.call('applyTasks', { tasks, at: this.#clock.now() }))
  }

  async applySettings(settings: HistorySettings): Promise<void> {
    this.#follow(await this.#writer.call('applySettings', settings))
    this.#settings = settings
  }

  // Questions.

  lastSlots(tasks: readonly string[]): Promise<readonly LastSlot[]> {
    return inParts(tasks, (part) => this.#writer.call('lastSlots', { tasks: part, at: this.#clock.now() }))
  }

  expected(tasks: readonly string[]): Promise<readonly ExpectedTask[]> {
    return inParts(tasks, (part) => this.#writer.call('expected', part))
  }

  newestFacts(tasks: readonly string[]): Promise<readonly NewestFacts[]> {
    return inParts(tasks, (part) => this.#writer.call('newestFacts', { tasks: part, at: this.#clock.now() }))
  }

  async results(task: string, { from, to, limit = 100 }: { from: number; to: number; limit?: number }) {
    const range = this.#range(from, to)
    const [[head], series] = await Promise.all([
      this.#writer.call('heads', { tasks: [task], from: range.from, to: range.to, withRuns: true }),
      this.#writer.call('seriesOfTask', { task, from: range.from, to: range.to }),
    ])
    return this.#reader.call('results', { head: head!, series, range, limit: bounded(limit) })
  }

  async coverage({
    tasks,
    from,
    to,
  }: {
    tasks: readonly string[]
    from: number
    to: number
  }): Promise<readonly Coverage[]> {
    const range = this.#range(from, to)
    return inParts(tasks, async (part) => {
      const heads = await this.#writer.call('heads', { tasks: part, from: range.from, to: range.to, withRuns: false })
      return this.#reader.call('coverage', { heads, range })
    })
  }

  async outcomes(task: string, { from, to }: { from: number; to: number }) {
    const range = this.#range(from, to)
    const [head] = await this.#writer.call('heads', { tasks: [task], from: range.from, to: range.to, withRuns: true })
    return this.#reader.call('outcomes', { head: head!, range })
  }

  async statistics({ tasks, from, to, by }: StatisticsQuestion): Promise<readonly RunStatistics[]> {
    const range = this.#range(from, to)
    const sum = new StatisticsSum()
    for (const part of partsOf(tasks)) {
      // Durations are kept by day, so the heads of whole days are needed.
      const days = { from: range.from - dayMs, to: range.to + dayMs }
      const heads = await this.#writer.call('heads', { tasks: part, ...days, withRuns: false })
      const names = by === 'agent' ? undefined : part.map(by)
      sum.include(await this.#reader.call('statistics', { heads, names, range }))
    }
    const all = sum.statistics()
    return by === 'agent' ? all.filter(({ outcomes: counts }) => outcomes.some((outcome) => counts[outcome] > 0)) : all
  }

  series(
    filter: SeriesFilter,
    { limit = 100, after = 0 }: { limit?: number; after?: number } = {},
  ): Promise<SeriesPage> {
    return this.#writer.call('series', { filter, limit: bounded(limit), after })
  }

  async query({
    series,
    ...query
  }: SeriesQuery & { readonly series: readonly number[] }): Promise<readonly QueriedSeries[]> {
    return this.#reader.call('query', { series: await this.#seriesHeads(series, query), query })
  }

  async seriesNumbered(numbers: readonly number[]): Promise<readonly Series[]> {
    const found = await this.#writer.call('seriesNumbered', numbers)
    demandAll(numbers, found)
    return found
  }

  async chart({ series, grid, ...query }: ChartQuestion): Promise<readonly ChartedSeries[]> {
    demandPoints(series.length * grid.count)
    const heads = await this.#seriesHeads(series, { ...query, step: grid.stepMs })
    return this.#reader.call('chart', { series: heads, query, grid })
  }

  /** What is in memory of series, for a question about them. @throws FarwatchError `invalid-value`, `not-found` */
  async #seriesHeads(series: readonly number[], { from, to, step, agg }: SeriesQuery): Promise<readonly SeriesHead[]> {
    const wrong = (message: string, hint: string): never => {
      throw new FarwatchError('invalid-value', message, { hint })
    }
    if (agg !== undefined && !aggregations.includes(agg))
      wrong(`${String(agg)} is no aggregation`, `Use one of ${aggregations.join(', ')}.`)
    if (!(from >= 0 && to <= lastMoment && from < to))
      wrong('from must lie before to', 'Give both as moments between 1970 and 2089.')
    if (step !== undefined && !(Number.isInteger(step) && step >= 1_000))
      wrong('step is too small', 'Give a step of a second or more.')
    if (step !== undefined && (to - from) / step > mostBuckets)
      wrong(`the time has more than ${mostBuckets} steps`, 'Ask for a shorter time or a larger step.')
    if (series.length > mostSeries)
      wrong(`more than ${mostSeries} series are asked for at once`, 'Ask in several questions.')
    // A step widens the range, and a rate looks back for a step.
    const lead = 2 * Math.min(step ?? 0, dayMs)
    const heads = await this.#writer.call('seriesHeads', { numbers: series, from: from - lead, to: to + (step ?? 0) })
    demandAll(
      series,
      heads.map((head) => head.series),
    )
    return heads
  }

  async facts(): Promise<HistoryFacts> {
    const { appended, ...facts } = await this.#writer.call('facts', undefined)
    const now = { samples: appended, elapsed: this.#clock.elapsed() }
    const { older, newer } = this.#counted
    // Over a minute or so: batches come every few seconds, and a shorter look would see one or none.
    if (now.elapsed - newer.elapsed >= 30_000) this.#counted = { older: newer, newer: now }
    const perSecond = ((now.samples - older.samples) * 1_000) / Math.max(1_000, now.elapsed - older.elapsed)
    return {
      ...facts,
      samples: appended,
      samplesPerSecond: perSecond,
      diskBytes: sizeOf(this.#file) + sizeOf(`${this.#file}-wal`),
    }
  }

  /** Nothing is lost silently before coverage is kept, so nobody is told of it. */
  #range(from: number, to: number): Range {
    if (!(from >= 0 && to <= lastMoment && from <= to)) {
      throw new FarwatchError('invalid-value', 'from must lie before to', {
        hint: 'Give both as moments between 1970 and 2089.',
      })
    }
    const now = this.#clock.now()
    const { coverageMs, lostAfterMs } = this.#settings.ingest
    const kept = Math.max(from, Math.floor(now - coverageMs))
    return { from: Math.min(kept, to), to, heardBy: now - lostAfterMs }
  }

  // Upkeep.

  async settle(): Promise<void> {
    await this.#upkeep
    await this.#keepUp(true)
  }

  #startUpkeep(): void {
    this.#upkeep = this.#keepUp(false).then(
      () => this.#upkeepIn(upkeepEveryMs),
      (thrown: unknown) => {
        if (this.#closed === undefined) this.#report(thrown)
        this.#upkeepIn(upkeepAfterFailureMs)
      },
    )
  }

  #upkeepIn(delayMs: number): void {
    if (this.#closed === undefined) this.#cancelUpkeep = this.#clock.after(delayMs, () => this.#startUpkeep())
  }

  /** One short step after the other, with room for uploads in between. */
  async #keepUp(seal: boolean): Promise<void> {
    for (let first = true; this.#closed === undefined; first = false) {
      const step = { at: this.#clock.now(), released: this.#released, seal: seal && first }
      const { more, generation } = await this.#writer.call('upkeep', step)
      this.#follow(generation)
      if (!more) return
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#cancelUpkeep()
    // What was taken is stored: uploads that wait end before the file is closed.
    await this.#storing
    await this.#upkeep
    try {
      // Who closes the file last tidies it up, and may only read here.
      if (this.#reader !== (this.#writer as unknown)) await this.#reader.end()
      await this.#writer.call('close', undefined)
    } finally {
      await Promise.all([this.#reader.end(), this.#writer.end()])
    }
  }
}

const dayMs = 86_400_000
/** @throws FarwatchError `not-found` */
function demandAll(numbers: readonly number[], found: readonly Series[]): void {
  if (found.length === numbers.length) return
  const known = new Set(found.map(({ number }) => number))
  throw new FarwatchError('not-found', `there is no series ${numbers.find((number) => !known.has(number))}`)
}

const mostBuckets = 50_000
const mostSeries = 1_000
const mostRows = 1_000

/** So that a question about all tasks does not hold up uploads until the last of them is answered. */
const tasksPerPart = 1_000

async function inParts<T>(
  tasks: readonly string[],
  ask: (part: readonly string[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const answers: (readonly T[])[] = []
  for (const part of partsOf(tasks)) answers.push(await ask(part))
  return answers.flat()
}

function* partsOf(tasks: readonly string[]): Iterable<readonly string[]> {
  for (let i = 0; i < tasks.length; i += tasksPerPart) yield tasks.slice(i, i + tasksPerPart)
}

function bounded(limit: number): number {
  return Math.max(1, Math.min(Math.floor(limit), mostRows))
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function isOfStorage(thrown: unknown): boolean {
  return thrown instanceof FarwatchError && thrown.code.startsWith('storage-')
}

function closedError(): FarwatchError {
  return new FarwatchError('shutting-down', 'the history is closed')
}
