import type { DatabaseSync } from 'node:sqlite'
import { messageOf } from '../base/index.ts'
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
import {
  ChangeLine,
  Differs,
  NotUnderstood,
  inTransaction,
  standbyError,
  type Change,
  type ChangePoint,
  type ChangesApplied,
  type ChangesRead,
} from '../platform/index.ts'
import { clip, countOutcomes, silentlyLost, type Span } from './coverage.ts'
import { HeldRuns } from './held-runs.ts'
import { decodeHistoryChange, encodeHistoryHead, noBookChanges, type BookChanges } from './history-change.ts'
import { Layouts } from './layouts.ts'
import { decodeLogRow, lateBit, type LogRow, type LoggedGap } from './log-format.ts'
import { LogTable } from './log-table.ts'
import { FactsStore, type NewestFacts } from './newest-facts.ts'
import { isolatedBit, type PackedUpload } from './packed-upload.ts'
import type { StoredRun } from './result-columns.ts'
import type { StoredBatch } from './result-log.ts'
import type { SampleSink } from './sample-sink.ts'
import { dayMs, historyLine, partMs } from './schema.ts'
import { Sealing, type Forgetting } from './sealing.ts'
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
  readonly counted: readonly number[]
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
  readonly #line: ChangeLine
  #settings: IngestSettings
  #results = 0

  /** Brings memory to where the log is. Takes about a second for each few million samples that were not sealed. */
  constructor(
    db: DatabaseSync,
    samples: SampleSink,
    settings: IngestSettings,
    mostHeldBytes: number = defaultMostHeldBytes,
  ) {
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
    this.#line = new ChangeLine(db, { name: historyLine, mostBytes: mostHeldBytes })
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
    if (this.#line.mode === 'following') throw standbyError()
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
    let recorded: () => void
    try {
      recorded = inTransaction(this.#db, () => {
        this.#tasks.storeStaged()
        for (const { task, spans, connector } of changes) this.#tasks.storeSpans(task, spans, connector)
        const ofTasks = changes.map(({ task, ...change }) => ({ task: task.number, ...change }))
        return this.#record({ ...noBookChanges, tasks: this.#tasks.staged(), spans: ofTasks }, [], at)
      })
    } catch (thrown) {
      this.#tasks.dropStaged()
      throw thrown
    }
    recorded()
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
    if (this.#line.mode === 'following') throw standbyError()
    if (upload.reset) this.#layouts.clear()
    const answers: BatchAnswer[] = []
    const applied: LogRow[] = []
    const pending = new Pending()
    const received = new Map<string, Ranges>()
    const oldest = at - this.#settings.coverageMs
    const rows: Uint8Array[] = []
    let newest = this.#log.position
    let recorded: () => void
    try {
      for (const layout of upload.layouts)
        this.#layouts.add(layout, this.#tasks.findOrStage(layout.task, layout.task, at))
      recorded = inTransaction(this.#db, () => {
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
          rows.push(this.#log.append(position, row))
        }
        this.#tasks.storeStaged()
        this.#samples.storeStaged()
        const books = { ...noBookChanges, tasks: this.#tasks.staged(), ...this.#samples.staged() }
        return this.#record(books, rows, at)
      })
    } catch (thrown) {
      this.#samples.dropStaged()
      this.#tasks.dropStaged()
      this.#layouts.clear()
      throw thrown
    }
    recorded()
    this.#samples.keepStaged()
    this.#tasks.keepStaged()
    for (const row of applied) this.#apply(row)
    this.#log.appended(newest, bytesOf(rows))
    this.#layouts.drop(upload.dropped)
    return answers
  }

  // The line of changes, for another server.

  get line(): Pick<ChangeLine, 'mode' | 'point' | 'facts'> {
    return this.#line
  }

  startLogging(line: string): ChangePoint {
    if (this.#line.mode !== 'logging') this.#hold(this.#log.position)
    return this.#line.startLogging(line)
  }

  startFollowing(): void {
    this.#hold(undefined)
    this.#line.startFollowing()
  }

  stopLogging(): void {
    this.#hold(undefined)
    this.#line.stop()
  }

  /** Where a copy of the history begins now. From there on the log is kept for it, and for whoever takes it. */
  beginCopy(): { readonly point: ChangePoint; readonly sealed: number; readonly newest: number } {
    const { sealed, position: newest } = this.#log.facts()
    this.#hold(sealed)
    return { point: this.#line.point, sealed, newest }
  }

  /** Logs what a transaction changes; called in it. @param rows of the log, behind its newest @returns what is to be called after the commit */
  #record(books: BookChanges, rows: readonly Uint8Array[], at: number): () => void {
    const isNothing = rows.length === 0 && Object.values(books).every((list: readonly unknown[]) => list.length === 0)
    if (this.#line.mode !== 'logging' || isNothing) return () => undefined
    const first = this.#log.position + 1
    const { isCut, committed } = this.#line.append(encodeHistoryHead(books, first, rows), at, rows)
    // The follower was away for too long, and begins anew when it is back: until then nothing is kept for it.
    const released = isCut ? this.#log.hold(undefined) : undefined
    return () => {
      committed()
      released?.()
    }
  }

  #hold(behind: number | undefined): void {
    inTransaction(this.#db, () => this.#log.hold(behind))()
  }

  readChanges(after: ChangePoint, bytes: number): ChangesRead {
    return this.#line.read(after, bytes, ({ body }) => {
      const { first = 0, sizes } = decodeHistoryChange(body)
      const rows = sizes.map((_, i) => this.#log.stored(first + i))
      return rows.every((row) => row !== undefined) ? withRows(body, rows) : undefined
    })
  }

  /** @returns whether it is a point of the line */
  confirm(upTo: ChangePoint): boolean {
    // What the rows of the last change that is confirmed are, is known only before it is forgotten.
    const next = this.readChanges(upTo, 0)
    if (!this.#line.confirm(upTo)) return false
    if (next.is !== 'changes') return true
    const first = next.changes[0] === undefined ? undefined : decodeHistoryChange(next.changes[0].body).first
    // A change without rows says nothing of the log: what is held for the change before stays for a moment longer.
    if (next.changes.length === 0) this.#hold(this.#log.position)
    else if (first !== undefined) this.#hold(first - 1)
    return true
  }

  /** Carries out what another server stored: the same rows, in the same order, under the same numbers. */
  applyChanges(changes: readonly Change[]): ChangesApplied {
    const carryOut = ({ position, body }: Change) => {
      const differs = (what: string): never => {
        throw new Differs(`change ${position} ${what}`)
      }
      const understood = <T>(read: () => T): T => {
        try {
          return read()
        } catch (thrown) {
          throw new NotUnderstood(`change ${position} is of a newer version of Farwatch: ${messageOf(thrown)}`)
        }
      }
      const { books, first, rows } = understood(() => decodeHistoryChange(body))
      const next = this.#log.position + 1
      if (first !== undefined && first !== next)
        differs(`begins at row ${first} of the log, and ${next} is the next here`)
      const decoded = understood(() => rows.map(decodeLogRow))
      const isKnown = (task: number) =>
        this.#tasks.numbered(task) !== undefined || books.tasks.some(({ number }) => number === task)
      for (const { runs, gaps } of decoded)
        if (!runs.tasks.every(isKnown) || !gaps.every(({ task }) => isKnown(task)))
          differs('is about a task that is not known here')
      const tasksAdopted = this.#tasks.adopt(books)
      for (const task of books.goneTasks) this.#facts.delete(task)
      const seriesAdopted = this.#samples.adopt(books, books.goneSeries)
      rows.forEach((row, i) => this.#log.appendStored(next + i, row))
      return () => {
        tasksAdopted()
        for (const task of books.goneTasks) this.#facts.sealed(task)
        seriesAdopted()
        for (const row of decoded) this.#apply(row)
        this.#log.appended(next + rows.length - 1, bytesOf(rows))
      }
    }
    return this.#line.apply(changes, carryOut, () => ['log'])
  }

  /** Logs that series are used no more, in the transaction that deletes them; undefined on a follower, which is told which are. */
  forgettingSeries(at: number): Forgetting | undefined {
    if (this.#line.mode === 'following') return undefined
    return (goneSeries) => this.#record({ ...noBookChanges, goneSeries }, [], at)
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
        let held = task.runs.get(part)
        if (held === undefined) task.runs.set(part, (held = new HeldRuns()))
        held.add({
          slot,
          startedAt,
          durationMs,
          outcome,
          agent,
          late: (code & lateBit) > 0,
          isolated: (code & isolatedBit) > 0,
          reason,
          message,
        })
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
      const held = withRuns ? [...task.runs.values()].flatMap((each) => each.all()) : []
      const runs = held.filter(({ slot }) => slot >= from && slot < to)
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
    const forgetting: Forgetting = (goneTasks) => this.#record({ ...noBookChanges, goneTasks }, [], at)
    return this.#sealing.tendSome(limit, at, this.#settings, this.#line.mode === 'following' ? undefined : forgetting)
  }

  /** Tasks went away, or series did or may come now: whoever packs uploads begins anew. */
  forgetLayouts(): void {
    this.#layouts.clear()
  }
}

/** The log is kept so long for a follower that is away: beyond it a copy of the whole is not much more. */
const defaultMostHeldBytes = 2 * 2 ** 30

function bytesOf(rows: readonly Uint8Array[]): number {
  return rows.reduce((sum, row) => sum + row.length, 0)
}

function withRows(head: Uint8Array, rows: readonly Uint8Array[]): Uint8Array {
  return rows.length === 0 ? head : Buffer.concat([head, ...rows])
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
