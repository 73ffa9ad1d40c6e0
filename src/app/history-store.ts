import type { DatabaseSync } from 'node:sqlite'
import {
  IngestStore,
  ingestSchema,
  type BatchAnswer,
  type IngestSettings,
  type KnownTask,
  type PackedUpload,
  type TaskHead,
} from '../ingest/index.ts'
import { SampleStore, metricsSchema, type MetricSettings, type Points, type Series } from '../metrics/index.ts'
import { inTransaction } from '../platform/index.ts'

export const historySchema = [ingestSchema, metricsSchema]

export interface HistorySettings {
  readonly ingest: IngestSettings
  readonly metrics: MetricSettings
}

/** A series with those of its samples that no chunk may have yet. */
export interface SeriesHead {
  readonly series: Series
  readonly recent: Points
}

// When to seal. What is not sealed takes memory and is replayed after a crash (about a microsecond a sample), while sealing often
// writes the same chunks again and again. So it is done when an hour is over, since its chunks are written once then, and before
// only where there is too much. Every quarter of an hour took 3.7 to 4.6 us of CPU for a durable value instead of 3.2 (1,000 series
// at 60 s).
const sealSamples = 1_000_000
const sealBytes = 64 * 2 ** 20
const sealEveryMs = 3_600_000

// One step of upkeep holds up uploads for as long as it takes: a few tens of milliseconds with so many.
const seriesPerStep = 200
const tasksPerStep = 200
const logRowsPerStep = 500
// Each of these writes rows of up to 32 days again.
const seriesPerTending = 50
const tasksPerTending = 25

const dayMs = 86_400_000
/** Days are closed three hours after midnight (UTC), when their late results have come but for a few. */
const tendAtMs = 3 * 3_600_000

/**
 * The history as its one writing thread sees it: ingest and metrics over one connection, and the upkeep of both in small steps.
 *
 *   idle ──due──▶ samples ──all sealed──▶ tasks ──all sealed──▶ idle (the log is marked as sealed)
 */
export class HistoryStore {
  readonly #db: DatabaseSync
  readonly samples: SampleStore
  readonly ingest: IngestStore
  #stage: 'idle' | 'samples' | 'tasks' = 'idle'
  /** When the last sealing began. */
  #sealedAt: number | undefined
  /** The day of the last round, or of the one that is under way. One that begins before days are closed is not that of the next day, however long it takes. */
  #tended: number | undefined
  #tending: 'no' | 'samples' | 'tasks' = 'no'
  /** How often layouts were forgotten because series or tasks went: a packer that knows older ones begins anew. */
  generation = 0

  /** @param mostHeldBytes of the log that is kept for the other server of a pair, where another bound than the usual is wanted */
  constructor(db: DatabaseSync, settings: HistorySettings, mostHeldBytes?: number) {
    this.#db = db
    this.samples = new SampleStore(db, settings.metrics)
    this.ingest = new IngestStore(db, this.samples, settings.ingest, mostHeldBytes)
  }

  upload(upload: PackedUpload, at: number): readonly BatchAnswer[] {
    return this.ingest.upload(upload, at)
  }

  applySettings({ ingest, metrics }: HistorySettings): void {
    this.ingest.applySettings(ingest)
    this.samples.applySettings(metrics)
    this.#forgetLayouts()
  }

  applyTasks(tasks: readonly KnownTask[], at: number): void {
    this.ingest.applyTasks(tasks, at)
    this.generation++
  }

  heads(tasks: readonly string[], from: number, to: number, withRuns: boolean): readonly TaskHead[] {
    return this.ingest.heads(tasks, from, to, withRuns)
  }

  seriesOfTask(task: string, from: number, to: number): readonly SeriesHead[] {
    return this.samples.ofTask(task).map((series) => ({ series, recent: this.samples.recent(series.number, from, to) }))
  }

  /** Those of the numbers that there are. */
  seriesHeads(numbers: readonly number[], from: number, to: number): readonly SeriesHead[] {
    return numbers.flatMap((number) => {
      const series = this.samples.find(number)
      return series === undefined ? [] : [{ series, recent: this.samples.recent(number, from, to) }]
    })
  }

  /**
   * Does one step of whatever is due. @param seal whether to seal now, due or not
   * @returns whether there is more to do at once
   */
  upkeep(at: number, seal = false): boolean {
    this.#sealedAt ??= at
    if (this.#stage !== 'idle') return this.#sealStep(at)
    if (seal || this.#sealIsDue(at)) {
      if (this.ingest.position === this.ingest.facts().sealed) this.#sealedAt = at
      else {
        this.samples.beginSeal()
        this.ingest.beginSeal()
        this.#stage = 'samples'
        this.#sealedAt = at
        return true
      }
    }
    if (this.#step(() => this.ingest.trimSome(logRowsPerStep))) return true
    return this.#tendStep(at)
  }

  #sealIsDue(at: number): boolean {
    if (this.samples.facts().headSamples >= sealSamples || this.ingest.unsealedBytes >= sealBytes) return true
    return Math.floor(at / sealEveryMs) !== Math.floor(this.#sealedAt! / sealEveryMs)
  }

  #sealStep(at: number): boolean {
    if (this.#stage === 'samples') {
      if (this.#step(() => this.samples.sealSome(seriesPerStep, at))) this.#stage = 'tasks'
    } else if (this.#step(() => this.ingest.sealSome(tasksPerStep, at))) {
      this.#step(() => this.ingest.endSeal(at))
      this.#stage = 'idle'
    }
    return true
  }

  #tendStep(at: number): boolean {
    const day = Math.floor((at - tendAtMs) / dayMs)
    if (this.#tending === 'no') {
      if (day === this.#tended) return false
      this.#tended = day
      this.#tending = 'samples'
    }
    if (this.#tending === 'samples') {
      const { done, removed } = this.#step(() =>
        this.samples.tendSome(seriesPerTending, at, this.ingest.forgettingSeries(at)),
      )
      if (removed > 0) this.#forgetLayouts()
      if (done) this.#tending = 'tasks'
      return true
    }
    const { done, removed } = this.#step(() => this.ingest.tendSome(tasksPerTending, at))
    if (removed > 0) this.#forgetLayouts()
    if (!done) return true
    this.#tending = 'no'
    // It may be the turn of the next day already.
    return true
  }

  #forgetLayouts(): void {
    this.ingest.forgetLayouts()
    this.generation++
  }

  /** Memory follows only what was committed. */
  #step<T>(act: () => () => T): T {
    return inTransaction(this.#db, act)()
  }
}
