import type { DatabaseSync } from 'node:sqlite'
import {
  firstMissing,
  hasRange,
  isRun,
  outcomes,
  withRange,
  type FailureReason,
  type Outcome,
  type Ranges,
  type RunOutcome,
} from '../model/index.ts'
import { inTransaction } from '../platform/index.ts'
import { clip, countOutcomes, silentlyLost, type Span } from './coverage.ts'
import { Layouts } from './layouts.ts'
import { lateBit, type LogRow, type LoggedGap } from './log-format.ts'
import { LogTable } from './log-table.ts'
import { FactsStore, type NewestFacts } from './newest-facts.ts'
import { isolatedBit, type PackedUpload } from './packed-upload.ts'
import type { StoredRun } from './result-columns.ts'
import type { StoredBatch } from './result-log.ts'
import type { SampleSink } from './sample-sink.ts'
import { dayMs, partMs } from './schema.ts'
import { Sealing } from './sealing.ts'
import type { IngestSettings, KnownTask } from './settings.ts'
import { SpoolBook, spoolKey } from './spool-book.ts'
import { storedBatch } from './stored-batch.ts'
import { byDay, stretchOf } from './stretches.ts'
import { TaskBook, closed, openSpan, periodAt, type Task } from './task-book.ts'
import { Pending, UploadDecider } from './upload-decision.ts'

/** What became of one batch. */
export interface BatchAnswer {
  readonly acknowledged: number
  /** Absent where all of it was acknowledged before. */
  readonly position?: number
  readonly at: number
  /** The entries that counted, by index in the batch; ascending. */
  readonly counted: Int32Array<ArrayBuffer>
  /** Those of them that came late. */
  readonly late: ReadonlySet<number>
}

/** How a task stands. */
export interface LastSlot {
  readonly task: string
  readonly slot: number
  readonly outcome: Outcome
  readonly reason: string
  readonly message: string
  /** The share of runs among the slots of the 24 hours before that have ended; undefined where none has. */
  readonly coverage: number | undefined
}

/** A task of the configuration, and where its slots begin and end so far. */
export interface ExpectedTask {
  readonly task: string
  /** Since when the configuration has it, with this period. */
  readonly since: number
  readonly periodMs: number
  /** The newest slot of which anything was heard; undefined where nothing ever was. */
  readonly lastSlot: number | undefined
}

/** What memory holds of a task and rows may not have yet: handed to the reading half with every question. */
export interface TaskHead {
  readonly id: string
  /** Undefined where nothing was ever stored of it. */
  readonly number: number | undefined
  readonly spans: readonly Span[]
  /** Whole days: they take the place of the stored rows. */
  readonly days: readonly { readonly start: number; readonly body: Uint8Array }[]
  /** Runs beside those of the rows. */
  readonly runs: readonly StoredRun[]
}

/**
 * The writing half of ingest, for the one thread that writes the file.
 *
 * What an upload adds is one row of the log: positions, results and samples are durable together with one small write. The coverage
 * ledger, the positions of spools and recent results live in memory; they are made again from the log after a crash, and
 * *sealed* into rows of their own from time to time, after which the log may forget. Sealing what was sealed already, and replaying
 * what was replayed, changes nothing.
 */
export class IngestStore {
  readonly #db: DatabaseSync
  readonly #samples: SampleSink
  readonly #tasks: TaskBook
  readonly #spools: SpoolBook
  readonly #facts: FactsStore
  readonly #log: LogTable
  readonly #layouts: Layouts
  readonly #decider: UploadDecider
  readonly #sealing: Sealing
  #settings: IngestSettings
  #results = 0

  /** Brings memory to where the log is. Takes about a second for each few million samples that were not sealed. */
  constructor(db: DatabaseSync, samples: SampleSink, settings: IngestSettings) {
    this.#db = db
    this.#samples = samples
    this.#settings = settings
    this.#tasks = new TaskBook(db)
    this.#spools = new SpoolBook(db)
    this.#facts = new FactsStore(db)
    this.#log = new LogTable(db)
    this.#layouts = new Layouts(samples)
    this.#decider = new UploadDecider(this.#tasks, this.#layouts, samples)
    this.#sealing = new Sealing({
      db,
      tasks: this.#tasks,
      facts: this.#facts,
      spools: this.#spools,
      log: this.#log,
    })
    this.#log.replay((row) => this.#apply(row))
  }

  /** How much of the log would be replayed after a crash. */
  get unsealedBytes(): number {
    return this.#log.unsealedBytes
  }

  /** The position of the newest batch. */
  get position(): number {
    return this.#log.position
  }

  applySettings(settings: IngestSettings): void {
    this.#settings = settings
  }

  /**
   * The tasks of the configuration as it is from now on: only of those, and while they are there, slots are expected. History of
   * others stays until its time ends.
   */
  applyTasks(tasks: readonly KnownTask[], at: number): void {
    const wanted = new Set(tasks.map(({ id }) => id))
    const changes: { task: Task; spans: readonly Span[]; connector: string }[] = []
    for (const { id, connector, periodMs } of tasks) {
      const task = this.#tasks.findOrStage(id, connector, at)
      const open = openSpan(task.spans)
      if (open?.periodMs === periodMs && task.connector === connector) continue
      const spans =
        open?.periodMs === periodMs ? task.spans : [...closed(task.spans, at), { from: at, until: null, periodMs }]
      changes.push({ task, spans, connector })
    }
    for (const task of this.#tasks)
      if (!wanted.has(task.id) && openSpan(task.spans) !== undefined)
        changes.push({ task, spans: closed(task.spans, at), connector: task.connector })
    try {
      inTransaction(this.#db, () => {
        this.#tasks.storeStaged()
        for (const { task, spans, connector } of changes) this.#tasks.storeSpans(task, spans, connector)
      })
    } catch (thrown) {
      this.#tasks.dropStaged()
      throw thrown
    }
    this.#tasks.keepStaged()
    for (const { task, spans, connector } of changes) Object.assign(task, { spans, connector })
    this.#layouts.clear()
  }

  // Uploads.

  /**
   * Stores waiting batches in one transaction. What was stored before, by position or by slot, changes nothing.
   * @throws what SQLite throws; nothing is stored then, and memory is as before
   */
  upload(upload: PackedUpload, at: number): readonly BatchAnswer[] {
    if (upload.reset) this.#layouts.clear()
    const answers: BatchAnswer[] = []
    const applied: LogRow[] = []
    const pending = new Pending()
    const received = new Map<string, Ranges>()
    const oldest = at - this.#settings.coverageMs
    let bytes = 0
    let newest = this.#log.position
    try {
      for (const layout of upload.layouts)
        this.#layouts.add(layout, this.#tasks.findOrStage(layout.task, layout.task, at))
      inTransaction(this.#db, () => {
        for (const batch of upload.batches) {
          const key = spoolKey(batch.agent, batch.spool)
          const ranges = received.get(key) ?? this.#spools.ranges(batch.agent, batch.spool)
          const { row, counted, late } = this.#decider.decide(batch, ranges, pending, oldest, at)
          const settled = withRange(ranges, batch.from, batch.from + batch.count)
          received.set(key, settled)
          applied.push(row)
          const acknowledged = firstMissing(settled, batch.oldest ?? settled[0]?.[0] ?? batch.from)
          const answer = { acknowledged, at, counted, late }
          // Where nothing counted the positions are durable all the same: a restart would leave a hole in what was acknowledged.
          if (counted.length === 0 && hasRange(ranges, batch.from, batch.from + batch.count)) {
            answers.push(answer)
            continue
          }
          const position = ++newest
          answers.push({ ...answer, position })
          bytes += this.#log.append(position, row)
        }
        this.#tasks.storeStaged()
        this.#samples.storeStaged()
      })
    } catch (thrown) {
      this.#samples.dropStaged()
      this.#tasks.dropStaged()
      this.#layouts.clear()
      throw thrown
    }
    this.#samples.keepStaged()
    this.#tasks.keepStaged()
    for (const row of applied) this.#apply(row)
    this.#log.appended(newest, bytes)
    this.#layouts.drop(upload.dropped)
    return answers
  }

  /** Carries out what a row of the log says. Doing it twice is the same as once. */
  #apply({ at, agent, spool, from, count, runs, gaps, notes }: LogRow): void {
    this.#spools.received(agent, spool, from, count, at)
    const noteOf = new Map(notes)
    let nextGap = 0
    for (let i = 0; i <= runs.count; i++) {
      for (; nextGap < gaps.length && gaps[nextGap]!.before <= i; nextGap++) this.#applyGap(gaps[nextGap]!, agent, at)
      if (i === runs.count) break
      const task = this.#tasks.numbered(runs.tasks[i]!)!
      const slot = runs.slots[i]!
      const code = runs.codes[i]!
      // Only the codes of runs are logged as runs, and they are the first three.
      const outcome = outcomes[code & 3] as RunOutcome
      const startedAt = runs.startedAt[i]!
      const durationMs = runs.durations[i]!
      const { reason = '', message = '', facts } = noteOf.get(i) ?? {}
      if (facts !== undefined) this.#facts.learn(task.number, slot, facts, at)
      const day = this.#tasks.day(task, slot)
      const isTimeout = reason === ('timed out' satisfies FailureReason)
      const periodMs = periodAt(task, slot)
      if (day.record.ran({ slot, periodMs, outcome, agent, startedAt, durationMs, isTimeout })) {
        day.changed = true
        this.#results++
      }
      if (keeps(this.#settings, durationMs)) {
        const part = Math.floor(slot / partMs) * partMs
        const run = {
          slot,
          startedAt,
          durationMs,
          outcome,
          agent,
          late: (code & lateBit) > 0,
          isolated: (code & isolatedBit) > 0,
          reason,
          message,
        }
        const list = task.runs.get(part)
        if (list === undefined) task.runs.set(part, [run])
        else list.push(run)
      }
      this.#ended(task, slot, outcome, reason, message, at)
      const first = runs.samplesFrom[i]!
      const end = runs.samplesFrom[i + 1]!
      if (end > first) this.#samples.append(slot, runs.series.subarray(first, end), runs.values.subarray(first, end))
    }
  }

  #applyGap({ task: number, gap }: LoggedGap, agent: string, at: number): void {
    const task = this.#tasks.numbered(number)!
    for (const part of byDay(stretchOf(gap, agent))) {
      const day = this.#tasks.day(task, part.from)
      if (day.record.ledger.gap(part) > 0) day.changed = true
    }
    this.#ended(task, gap.to, gap.outcome, gap.reason, '', at)
  }

  #ended(task: Task, slot: number, outcome: Outcome, reason: string, message: string, at: number): void {
    task.changed = true
    task.seenAt = Math.max(task.seenAt, at)
    const { last } = task
    // A run replaces a gap record of the same slot; a newest slot in the future gives way to the present.
    if (last === undefined || slot > last.slot || (slot === last.slot && isRun(outcome)) || last.slot > at + dayMs)
      task.last = { slot, outcome, reason, message }
  }

  // Questions, answered from memory.

  /** How tasks stand; those of which nothing was ever heard are left out. */
  lastSlots(ids: readonly string[], at: number): readonly LastSlot[] {
    return ids.flatMap((id) => {
      const task = this.#tasks.find(id)
      if (task?.last === undefined) return []
      const from = at - dayMs
      const known = [from, at].flatMap((moment) => this.#tasks.day(task, moment).record.ledger.stretches())
      const stretches = clip(known, from, at)
      const lost = silentlyLost(id, task.spans, stretches, from, at, at - this.#settings.lostAfterMs)
      return [{ task: id, ...task.last, coverage: countOutcomes(id, [...stretches, ...lost]).share }]
    })
  }

  /** Since when slots of tasks are expected; tasks that the configuration does not have are left out. */
  expected(ids: readonly string[]): readonly ExpectedTask[] {
    return ids.flatMap((id) => {
      const task = this.#tasks.find(id)
      const span = task === undefined ? undefined : openSpan(task.spans)
      if (span === undefined) return []
      return [{ task: id, since: span.from, periodMs: span.periodMs, lastSlot: task?.last?.slot }]
    })
  }

  /** What tasks learned last; those that never learned anything are left out. */
  newestFacts(ids: readonly string[], at: number): readonly NewestFacts[] {
    return ids.flatMap((id) => {
      const task = this.#tasks.find(id)
      const learned = task === undefined ? undefined : this.#facts.of(task.number, at)
      return learned === undefined ? [] : [{ task: id, ...learned }]
    })
  }

  /** What memory holds of tasks in a range. */
  heads(ids: readonly string[], from: number, to: number, withRuns: boolean): readonly TaskHead[] {
    return ids.map((id) => {
      const task = this.#tasks.find(id)
      if (task === undefined) return { id, number: undefined, spans: [], days: [], runs: [] }
      const days = [...task.days].filter(([start, { changed }]) => changed && start < to && start + dayMs > from)
      const runs = withRuns ? [...task.runs.values()].flat().filter(({ slot }) => slot >= from && slot < to) : []
      return {
        id,
        number: task.number,
        spans: task.spans,
        days: days.map(([start, { record }]) => ({ start, body: record.encode(start) })),
        runs,
      }
    })
  }

  /** Batches after a position, from the log; at most as many as fit in a few megabytes, but one at least. */
  read(after: number, limit: number): readonly StoredBatch[] {
    const batches: StoredBatch[] = []
    for (const { position, row } of this.#log.read(after, limit))
      batches.push(storedBatch(position, row, this.#tasks, this.#samples))
    return batches
  }

  release(upTo: number): void {
    this.#log.release(upTo)
  }

  facts() {
    return {
      ...this.#log.facts(),
      tasks: this.#tasks.size,
      results: this.#results,
      ...this.#decider.counts,
    }
  }

  // Upkeep. Each step is called in a transaction of its own, and what it returns after the commit.

  beginSeal(): void {
    this.#sealing.begin()
  }

  /** Writes what changed of up to `limit` tasks. @returns after the commit: whether all tasks are done */
  sealSome(limit: number, at: number): () => boolean {
    return this.#sealing.some(limit, at)
  }

  /** Ends the sealing: from now on a start begins here. */
  endSeal(at: number): () => void {
    return this.#sealing.end(at)
  }

  /** Deletes some rows of the log that neither a start nor a consumer needs. @returns after the commit: whether there are more */
  trimSome(limit: number): () => boolean {
    return this.#log.trimSome(limit)
  }

  /**
   * Once a day for every task: ends the time of up to `limit` tasks' results and days.
   * @returns after the commit: whether the round is done, and how many tasks went
   */
  tendSome(limit: number, at: number): () => { done: boolean; removed: number } {
    return this.#sealing.tendSome(limit, at, this.#settings)
  }

  /** Tasks went away, or series did or may come now: whoever packs uploads begins anew. */
  forgetLayouts(): void {
    this.#layouts.clear()
  }
}

function keeps({ results }: IngestSettings, durationMs: number): boolean {
  switch (results.keep) {
    case 'all':
      return true
    case 'statistics only':
      return false
    case 'longer than':
      return durationMs > results.ms
  }
}
