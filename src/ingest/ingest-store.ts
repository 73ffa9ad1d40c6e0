import type { DatabaseSync } from 'node:sqlite'
import {
  firstMissing,
  hasPosition,
  hasRange,
  isRun,
  outcomes,
  phaseOf,
  slotFrom,
  slotUntil,
  withRange,
  type FailureReason,
  type GapRecord,
  type Outcome,
  type Ranges,
  type RunOutcome,
  type RunResult,
  type Sample,
  type SpoolEntry,
} from '../model/index.ts'
import { StatementCache, inTransaction } from '../platform/index.ts'
import { clip, countOutcomes, silentlyLost, type Span } from './coverage.ts'
import type { Stretch } from './ledger.ts'
import { decodeLogRow, encodeLogRow, lateBit, type LogRow, type LoggedGap } from './log-format.ts'
import { FactsStore, type NewestFacts } from './newest-facts.ts'
import { isolatedBit, type PackedBatch, type PackedUpload, type RunNote } from './packed-upload.ts'
import { decodeRuns, encodeRuns, mergeRuns, type StoredRun } from './result-columns.ts'
import type { StoredBatch } from './result-log.ts'
import type { SampleDefinition, SampleSink } from './sample-sink.ts'
import { dayMs, partMs, rowId } from './schema.ts'
import type { IngestSettings, KnownTask } from './settings.ts'
import { TaskDay } from './task-day.ts'

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

interface Task {
  readonly number: number
  readonly id: string
  connector: string
  spans: Span[]
  last: { slot: number; outcome: Outcome; reason: string; message: string } | undefined
  readonly days: Map<number, { readonly record: TaskDay; changed: boolean }>
  /** By part. */
  readonly runs: Map<number, StoredRun[]>
  /** What changed since the last sealing. */
  changed: boolean
  seenAt: number
}

interface Layout {
  readonly task: Task
  readonly samples: readonly SampleDefinition[]
  readonly unkept: readonly number[]
  /** Filled in when it is first used, in the transaction that stores what it is used for. */
  series?: LayoutSeries
}

interface LayoutSeries {
  /** Below 0 where there is none. */
  readonly numbers: Int32Array<ArrayBuffer>
  readonly refused: number
  /** The samples without a series, with a text that is the same for the same definition in all layouts. */
  readonly loose: readonly { readonly place: number; readonly key: string }[]
}

/** What arrives later than three periods, and two minutes, after its slot is history: rules no longer judge it as of now. */
const lateAfterPeriods = 3
const lateAfterMs = 120_000
const noSpools: Ranges = []

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
  readonly #statements: StatementCache
  readonly #samples: SampleSink
  readonly #facts: FactsStore
  #settings: IngestSettings
  readonly #tasks = new Map<string, Task>()
  readonly #byNumber = new Map<number, Task>()
  readonly #configured = new Map<string, KnownTask>()
  readonly #spools = new Map<string, { agent: string; spool: string; ranges: Ranges; at: number; changed: boolean }>()
  readonly #layouts = new Map<number, Layout>()
  #nextTask = 1
  #staged: Task[] = []
  #position: number
  #sealed: number
  #released: number
  #trimmed: number
  #sealing: { readonly upTo: number; tasks: Iterator<Task>; bytes: number; uncommitted: boolean } | undefined
  #tending: Iterator<Task> | undefined
  #logBytes = 0
  #unsealedBytes = 0
  #results = 0
  #repeated = 0
  #tooOld = 0

  /** Brings memory to where the log is. Takes about a second for each few million samples that were not sealed. */
  constructor(db: DatabaseSync, samples: SampleSink, settings: IngestSettings) {
    this.#db = db
    this.#statements = new StatementCache(db)
    this.#samples = samples
    this.#facts = new FactsStore(db)
    this.#settings = settings
    const marks = new Map(
      this.#statements
        .get('SELECT name, position FROM mark')
        .all()
        .map((row) => [row['name'], Number(row['position'])]),
    )
    this.#sealed = marks.get('sealed') ?? 0
    this.#released = marks.get('released') ?? 0
    this.#trimmed =
      Number(this.#statements.get('SELECT min(position) AS first FROM log').get()?.['first'] ?? this.#sealed + 1) - 1
    this.#position = this.#sealed
    for (const row of this.#statements.get('SELECT * FROM ingest_task ORDER BY number').all()) this.#loadTask(row)
    for (const row of this.#statements.get('SELECT * FROM spool').all()) {
      const { agent, spool, ranges, at } = row as unknown as {
        agent: string
        spool: string
        ranges: string
        at: number
      }
      this.#spools.set(spoolKey(agent, spool), {
        agent,
        spool,
        ranges: JSON.parse(ranges) as Ranges,
        at,
        changed: false,
      })
    }
    const kept = this.#statements.get('SELECT sum(length(body)) AS bytes FROM log WHERE position <= $sealed')
    this.#logBytes = Number(kept.get({ sealed: this.#sealed })?.['bytes'] ?? 0)
    const rows = this.#statements.get('SELECT position, body FROM log WHERE position > $sealed ORDER BY position')
    for (const row of rows.iterate({ sealed: this.#sealed })) {
      const body = row['body'] as Uint8Array
      this.#apply(decodeLogRow(body))
      this.#position = Number(row['position'])
      this.#logBytes += body.length
      this.#unsealedBytes += body.length
    }
  }

  #loadTask(row: Record<string, unknown>): void {
    // Written by #storeTask, and nowhere else.
    const stored = row as {
      number: number
      id: string
      connector: string
      spans: string
      last: string
      seen_at: number
    }
    const { number, id, connector } = stored
    const last = stored.last === '' ? undefined : (JSON.parse(stored.last) as NonNullable<Task['last']>)
    const spans = JSON.parse(stored.spans) as Span[]
    this.#remember({
      number,
      id,
      connector,
      spans,
      last,
      days: new Map(),
      runs: new Map(),
      changed: false,
      seenAt: stored.seen_at,
    })
    this.#nextTask = Math.max(this.#nextTask, number + 1)
  }

  #remember(task: Task): void {
    this.#tasks.set(task.id, task)
    this.#byNumber.set(task.number, task)
  }

  /** How much of the log would be replayed after a crash. */
  get unsealedBytes(): number {
    return this.#unsealedBytes
  }

  /** The position of the newest batch. */
  get position(): number {
    return this.#position
  }

  applySettings(settings: IngestSettings): void {
    this.#settings = settings
  }

  /**
   * The tasks of the configuration as it is from now on: only of those, and while they are there, slots are expected. History of
   * others stays until its time ends.
   */
  applyTasks(tasks: readonly KnownTask[], at: number): void {
    const wanted = new Map(tasks.map((task) => [task.id, task]))
    const changes: { task: Task; spans: Span[]; connector: string }[] = []
    for (const known of tasks) {
      const task = this.#tasks.get(known.id) ?? this.#stage(known.id, known.connector, at)
      const open = openSpan(task.spans)
      if (open?.periodMs === known.periodMs && task.connector === known.connector) continue
      const spans =
        open?.periodMs === known.periodMs
          ? task.spans
          : [...closed(task.spans, at), { from: at, until: null, periodMs: known.periodMs }]
      changes.push({ task, spans, connector: known.connector })
    }
    for (const task of this.#tasks.values())
      if (!wanted.has(task.id) && openSpan(task.spans) !== undefined)
        changes.push({ task, spans: closed(task.spans, at), connector: task.connector })
    try {
      inTransaction(this.#db, () => {
        for (const task of this.#staged) this.#storeTask(task)
        for (const { task, spans, connector } of changes)
          this.#statements
            .get('UPDATE ingest_task SET spans = $spans, connector = $connector WHERE number = $number')
            .run({ spans: JSON.stringify(spans), connector, number: task.number })
      })
    } catch (thrown) {
      this.#dropStaged()
      throw thrown
    }
    this.#staged = []
    for (const { task, spans, connector } of changes) Object.assign(task, { spans, connector })
    this.#configured.clear()
    for (const [id, task] of wanted) this.#configured.set(id, task)
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
    const spools = new Map<string, Ranges>()
    let bytes = 0
    let newest = this.#position
    try {
      for (const { number, task, samples, unkept } of upload.layouts)
        this.#layouts.set(number, { task: this.#tasks.get(task) ?? this.#stage(task, task, at), samples, unkept })
      inTransaction(this.#db, () => {
        const insert = this.#statements.get('INSERT INTO log (position, body) VALUES ($position, $body)')
        for (const batch of upload.batches) {
          const key = spoolKey(batch.agent, batch.spool)
          const ranges = spools.get(key) ?? this.#spools.get(key)?.ranges ?? noSpools
          const { row, counted, late } = this.#decide(batch, ranges, pending, at)
          const settled = withRange(ranges, batch.from, batch.from + batch.count)
          spools.set(key, settled)
          applied.push(row)
          const answer = {
            acknowledged: firstMissing(settled, batch.oldest ?? settled[0]?.[0] ?? batch.from),
            at,
            counted,
            late,
          }
          // Where nothing counted the positions are durable all the same: a restart would leave a hole in what was acknowledged.
          if (counted.length === 0 && hasRange(ranges, batch.from, batch.from + batch.count)) {
            answers.push(answer)
            continue
          }
          const position = ++newest
          answers.push({ ...answer, position })
          const body = encodeLogRow(row)
          bytes += body.length
          insert.run({ position, body })
        }
        for (const task of this.#staged) this.#storeTask(task)
        this.#samples.storeStaged()
      })
    } catch (thrown) {
      this.#samples.dropStaged()
      this.#dropStaged()
      this.#layouts.clear()
      throw thrown
    }
    this.#samples.keepStaged()
    this.#staged = []
    for (const row of applied) this.#apply(row)
    this.#position = newest
    for (const number of upload.dropped) this.#layouts.delete(number)
    this.#logBytes += bytes
    this.#unsealedBytes += bytes
    return answers
  }

  /** Which entries of a batch count, as the row that says so. Changes nothing but what is staged. */
  #decide(batch: PackedBatch, ranges: Ranges, pending: Pending, at: number) {
    const oldest = at - this.#settings.coverageMs
    const counted: number[] = []
    const late = new Set<number>()
    const runs: number[] = []
    const layouts = Array.from(batch.layouts, (number) => {
      const layout = this.#layouts.get(number)
      if (layout === undefined) throw new Error(`layout ${number} is not known`)
      return layout
    })
    const valuesFrom: number[] = []
    let samples = 0
    for (const { samples: ofRun } of layouts) {
      valuesFrom.push(samples)
      samples += ofRun.length
    }
    let keptSamples = 0
    const gaps: LoggedGap[] = []
    let nextGap = 0
    for (let i = 0; i <= batch.indexes.length; i++) {
      const index = batch.indexes[i] ?? batch.count
      for (; nextGap < batch.gaps.length && batch.gaps[nextGap]![0] < index; nextGap++) {
        const [gapIndex, record] = batch.gaps[nextGap]!
        if (hasPosition(ranges, batch.from + gapIndex)) {
          this.#repeated++
          continue
        }
        const task = this.#tasks.get(record.task) ?? this.#stage(record.task, record.task, at)
        const from = Math.max(
          slotFrom(task.id, record.periodMs, record.from),
          slotFrom(task.id, record.periodMs, Math.max(0, oldest)),
        )
        const to = slotUntil(task.id, record.periodMs, record.to)
        if (from > to || this.#emptyIn(task, { ...stretchOf(record, batch.agent), from, to }, pending) <= 0) {
          this.#repeated++
          continue
        }
        pending.addGap(task, from, to)
        counted.push(gapIndex)
        const isLate = this.#isLate(task, to, record.periodMs, at)
        if (isLate) late.add(gapIndex)
        const { outcome, periodMs, reason } = record
        gaps.push({
          task: task.number,
          gap: { from, to, outcome, periodMs, reason },
          late: isLate,
          before: runs.length,
        })
      }
      if (i === batch.indexes.length) break
      const { task } = layouts[i]!
      const slot = batch.slots[i]!
      if (slot < oldest) {
        this.#tooOld++
        continue
      }
      if (
        hasPosition(ranges, batch.from + index) ||
        pending.hasRun(task, slot) ||
        this.#day(task, slot).record.ledger.hasRun(slot)
      ) {
        this.#repeated++
        continue
      }
      pending.addRun(task, slot)
      counted.push(index)
      if (this.#isLate(task, slot, openSpan(task.spans)?.periodMs ?? 0, at)) late.add(index)
      runs.push(i)
      keptSamples += layouts[i]!.samples.length
    }
    const values = new Float64Array(keptSamples)
    const series = new Int32Array(keptSamples)
    const samplesFrom = new Float64Array(runs.length + 1)
    const loose = new LooseDefinitions()
    let next = 0
    runs.forEach((i, k) => {
      const layout = layouts[i]!
      const { numbers, refused, loose: ofRun } = (layout.series ??= this.#seriesOf(layout, at))
      if (refused > 0) this.#samples.refuse(layout.task.connector, refused)
      samplesFrom[k] = next
      values.set(batch.values.subarray(valuesFrom[i]!, valuesFrom[i]! + numbers.length), next)
      series.set(numbers, next)
      for (const { place, key } of ofRun) series[next + place] = -1 - loose.place(key, layout.samples[place]!)
      next += numbers.length
    })
    samplesFrom[runs.length] = next
    const notes = new Map(batch.notes)
    const row: LogRow = {
      at,
      agent: batch.agent,
      spool: batch.spool,
      from: batch.from,
      count: batch.count,
      gaps,
      loose: loose.all,
      notes:
        notes.size === 0
          ? []
          : runs.flatMap((i, k) => (notes.has(batch.indexes[i]!) ? [[k, notes.get(batch.indexes[i]!)!] as const] : [])),
      runs: {
        count: runs.length,
        tasks: Float64Array.from(runs, (i) => layouts[i]!.task.number),
        slots: Float64Array.from(runs, (i) => batch.slots[i]!),
        startedAt: Float64Array.from(runs, (i) => batch.startedAt[i]!),
        durations: Float64Array.from(runs, (i) => batch.durations[i]!),
        codes: Float64Array.from(runs, (i) => batch.codes[i]! + (late.has(batch.indexes[i]!) ? lateBit : 0)),
        samplesFrom,
        values,
        series,
      },
    }
    return { row, counted: Int32Array.from(counted), late }
  }

  #seriesOf({ task, samples, unkept }: Layout, at: number): LayoutSeries {
    const apart = new Set(unkept)
    const kept = [...samples.keys()].filter((place) => !apart.has(place))
    const resolved = this.#samples.resolve(
      task.id,
      task.connector,
      kept.map((place) => samples[place]!),
      at,
    )
    const numbers = new Int32Array(samples.length).fill(-1)
    kept.forEach((place, i) => (numbers[place] = resolved[i]!))
    const places = [...samples.keys()].filter((place) => numbers[place]! < 0)
    return {
      numbers,
      refused: places.length - unkept.length,
      loose: places.map((place) => ({ place, key: JSON.stringify(samples[place]) })),
    }
  }

  #isLate(task: Task, slot: number, periodMs: number, at: number): boolean {
    if (at - slot > Math.max(lateAfterMs, lateAfterPeriods * periodMs)) return true
    // A newest slot that lies in the future, left by a clock that was wrong, makes nothing late.
    return task.last !== undefined && slot < task.last.slot && task.last.slot <= at + periodMs
  }

  #emptyIn(task: Task, gap: Stretch, pending: Pending): number {
    let empty = 0
    for (const part of byDay(gap)) {
      empty += this.#day(task, part.from).record.ledger.emptyIn(part)
    }
    return empty - pending.filledIn(task, gap, (slot) => !this.#day(task, slot).record.ledger.has(slot))
  }

  /** Carries out what a row of the log says. Doing it twice is the same as once. */
  #apply({ at, agent, spool, from, count, runs, gaps, notes }: LogRow): void {
    const key = spoolKey(agent, spool)
    const ranges = this.#spools.get(key)?.ranges ?? noSpools
    this.#spools.set(key, { agent, spool, ranges: withRange(ranges, from, from + count), at, changed: true })
    const noteOf = new Map(notes)
    let nextGap = 0
    for (let i = 0; i <= runs.count; i++) {
      for (; nextGap < gaps.length && gaps[nextGap]!.before <= i; nextGap++) this.#applyGap(gaps[nextGap]!, agent, at)
      if (i === runs.count) break
      const task = this.#byNumber.get(runs.tasks[i]!)!
      const slot = runs.slots[i]!
      const code = runs.codes[i]!
      // Only the codes of runs are logged as runs, and they are the first three.
      const outcome = outcomes[code & 3] as RunOutcome
      const startedAt = runs.startedAt[i]!
      const durationMs = runs.durations[i]!
      const { reason = '', message = '', facts } = noteOf.get(i) ?? {}
      if (facts !== undefined) this.#facts.learn(task.number, slot, facts, at)
      const day = this.#day(task, slot)
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
    const task = this.#byNumber.get(number)!
    for (const part of byDay(stretchOf(gap, agent))) {
      const day = this.#day(task, part.from)
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

  #day(task: Task, slot: number): { readonly record: TaskDay; changed: boolean } {
    const start = Math.floor(slot / dayMs) * dayMs
    let day = task.days.get(start)
    if (day === undefined) {
      const row = this.#statements
        .get('SELECT body FROM task_day WHERE id = $id')
        .get({ id: rowId(task.number, start, dayMs) })
      const record = row === undefined ? new TaskDay() : TaskDay.decode(start, row['body'] as Uint8Array)
      task.days.set(start, (day = { record, changed: false }))
    }
    return day
  }

  #stage(id: string, connector: string, at: number): Task {
    const task = {
      number: this.#nextTask++,
      id,
      connector,
      spans: [],
      last: undefined,
      days: new Map(),
      runs: new Map(),
      changed: false,
      seenAt: at,
    }
    this.#remember(task)
    this.#staged.push(task)
    return task
  }

  #dropStaged(): void {
    for (const { id, number } of this.#staged) {
      this.#tasks.delete(id)
      this.#byNumber.delete(number)
    }
    this.#nextTask = this.#staged[0]?.number ?? this.#nextTask
    this.#staged = []
  }

  #storeTask({ number, id, connector, spans, last, seenAt }: Task): void {
    this.#statements
      .get(
        `INSERT INTO ingest_task VALUES ($number, $id, $connector, $spans, $last, $seenAt)
         ON CONFLICT (number) DO UPDATE SET last = excluded.last, seen_at = excluded.seen_at`,
      )
      .run({
        number,
        id,
        connector,
        spans: JSON.stringify(spans),
        last: last === undefined ? '' : JSON.stringify(last),
        seenAt,
      })
  }

  // Questions, answered from memory.

  /** How tasks stand; those of which nothing was ever heard are left out. */
  lastSlots(ids: readonly string[], at: number): readonly LastSlot[] {
    return ids.flatMap((id) => {
      const task = this.#tasks.get(id)
      if (task?.last === undefined) return []
      const from = at - dayMs
      const known = [from, at].flatMap((moment) => this.#day(task, moment).record.ledger.stretches())
      const stretches = clip(known, from, at)
      const lost = silentlyLost(id, task.spans, stretches, from, at, at - this.#settings.lostAfterMs)
      return [{ task: id, ...task.last, coverage: countOutcomes(id, [...stretches, ...lost]).share }]
    })
  }

  /** Since when slots of tasks are expected; tasks that the configuration does not have are left out. */
  expected(ids: readonly string[]): readonly ExpectedTask[] {
    return ids.flatMap((id) => {
      const task = this.#tasks.get(id)
      const span = task === undefined ? undefined : openSpan(task.spans)
      if (span === undefined) return []
      return [{ task: id, since: span.from, periodMs: span.periodMs, lastSlot: task?.last?.slot }]
    })
  }

  /** What tasks learned last; those that never learned anything are left out. */
  newestFacts(ids: readonly string[], at: number): readonly NewestFacts[] {
    return ids.flatMap((id) => {
      const task = this.#tasks.get(id)
      const learned = task === undefined ? undefined : this.#facts.of(task.number, at)
      return learned === undefined ? [] : [{ task: id, ...learned }]
    })
  }

  /** What memory holds of tasks in a range. */
  heads(ids: readonly string[], from: number, to: number, withRuns: boolean): readonly TaskHead[] {
    return ids.map((id) => {
      const task = this.#tasks.get(id)
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
    let bytes = 0
    const rows = this.#statements.get(
      'SELECT position, body FROM log WHERE position > $after ORDER BY position LIMIT $limit',
    )
    for (const row of rows.iterate({ after, limit })) {
      const body = row['body'] as Uint8Array
      bytes += body.length
      if (bytes > 4_000_000 && batches.length > 0) break
      batches.push(this.#batch(Number(row['position']), decodeLogRow(body)))
    }
    return batches
  }

  #batch(position: number, { at, agent, runs, gaps, notes, loose }: LogRow): StoredBatch {
    const noteOf = new Map<number, RunNote>(notes)
    const entries: SpoolEntry[] = []
    let nextGap = 0
    for (let i = 0; i <= runs.count; i++) {
      for (; nextGap < gaps.length && gaps[nextGap]!.before <= i; nextGap++) {
        const { task, gap, late } = gaps[nextGap]!
        const entry: GapRecord & { late?: true } = {
          kind: 'gap',
          task: this.#byNumber.get(task)?.id ?? '',
          ...gap,
          ...(late ? { late } : {}),
        }
        entries.push(entry)
      }
      if (i === runs.count) break
      const code = runs.codes[i]!
      const samples: Sample[] = []
      for (let s = runs.samplesFrom[i]!; s < runs.samplesFrom[i + 1]!; s++) {
        const number = runs.series[s]!
        const definition = number < 0 ? loose[-1 - number] : this.#samples.definition(number)
        if (definition === undefined) continue
        const { name, labels, unit, kind } = definition
        samples.push({ name, labels, value: runs.values[s]!, unit, ...(kind === undefined ? {} : { kind }) })
      }
      const { reason, ...note } = noteOf.get(i) ?? {}
      const entry: RunResult & { late?: true } = {
        kind: 'run',
        task: this.#byNumber.get(runs.tasks[i]!)?.id ?? '',
        slot: runs.slots[i]!,
        outcome: outcomes[code & 3] as RunOutcome,
        startedAt: runs.startedAt[i]!,
        durationMs: runs.durations[i]!,
        ...note,
        // It came as a FailureReason, and is one again.
        ...(reason === undefined ? {} : { reason: reason as NonNullable<RunResult['reason']> }),
        samples,
        ...((code & isolatedBit) > 0 ? { isolated: true as const } : {}),
        ...((code & lateBit) > 0 ? { late: true as const } : {}),
      }
      entries.push(entry)
    }
    return { position, at, agent, entries }
  }

  release(upTo: number): void {
    this.#released = Math.max(this.#released, Math.min(upTo, this.#position))
  }

  facts() {
    return {
      position: this.#position,
      sealed: this.#sealed,
      released: this.#released,
      tasks: this.#tasks.size,
      logBytes: this.#logBytes,
      results: this.#results,
      repeated: this.#repeated,
      tooOld: this.#tooOld,
    }
  }

  // Sealing. Each step is called in a transaction of its own, and what it returns after the commit.

  beginSeal(): void {
    if (this.#sealing !== undefined) throw new Error('the sealing before has not ended')
    this.#sealing = {
      upTo: this.#position,
      tasks: this.#tasks.values(),
      bytes: this.#unsealedBytes,
      uncommitted: false,
    }
  }

  /** Writes what changed of up to `limit` tasks. @returns after the commit: whether all tasks are done */
  sealSome(limit: number, at: number): () => boolean {
    const sealed: { task: Task; parts: readonly number[]; days: readonly number[] }[] = []
    let done = false
    const sealing = this.#sealing!
    // The step before was undone, so what it passed over is not in rows: begin anew. Tasks that are done are passed over quickly.
    if (sealing.uncommitted) sealing.tasks = this.#tasks.values()
    sealing.uncommitted = true
    while (sealed.length < limit) {
      const next = sealing.tasks.next()
      if (next.done === true) {
        done = true
        break
      }
      const task = next.value
      if (task.changed) sealed.push({ task, parts: this.#sealRuns(task), days: this.#sealDays(task) })
      else this.#forgetDays(task, at)
    }
    for (const { task } of sealed) {
      this.#storeTask(task)
      this.#facts.seal(task.number, at)
    }
    return () => {
      for (const { task, parts, days } of sealed) {
        for (const part of parts) task.runs.delete(part)
        for (const start of days) task.days.get(start)!.changed = false
        task.changed = false
        this.#facts.sealed(task.number)
        this.#forgetDays(task, at)
      }
      sealing.uncommitted = false
      return done
    }
  }

  #sealRuns(task: Task): readonly number[] {
    for (const [start, runs] of task.runs) {
      const id = rowId(task.number, start, partMs)
      const row = this.#statements.get('SELECT body FROM result_part WHERE id = $id').get({ id })
      const stored = row === undefined ? [] : decodeRuns(start, row['body'] as Uint8Array)
      this.#write('result_part', id, encodeRuns(start, mergeRuns(stored, runs)))
    }
    return [...task.runs.keys()]
  }

  #sealDays(task: Task): readonly number[] {
    const changed: number[] = []
    for (const [start, { record, changed: isChanged }] of task.days) {
      if (!isChanged) continue
      this.#write('task_day', rowId(task.number, start, dayMs), record.encode(start))
      changed.push(start)
    }
    return changed
  }

  /** Days before yesterday are seldom asked for, and read again when they are. */
  #forgetDays(task: Task, at: number): void {
    const yesterday = Math.floor(at / dayMs) * dayMs - dayMs
    for (const [start, { changed }] of task.days)
      if (!changed && (start < yesterday || start > at)) task.days.delete(start)
  }

  /** Ends the sealing: from now on a start begins here. Called when everything of the log up to its beginning is in rows. */
  endSeal(at: number): () => void {
    const { upTo, bytes } = this.#sealing!
    for (const [key, { agent, spool, ranges, at: seenAt, changed }] of this.#spools) {
      if (changed)
        this.#statements
          .get(
            'INSERT INTO spool VALUES ($agent, $spool, $ranges, $at) ON CONFLICT DO UPDATE SET ranges = excluded.ranges, at = excluded.at',
          )
          .run({ agent, spool, ranges: JSON.stringify(ranges), at: seenAt })
      // A spool that was begun anew long ago: its entries are known by their slots all the same.
      if (seenAt < at - 60 * dayMs) {
        this.#statements.get('DELETE FROM spool WHERE agent = $agent AND spool = $spool').run({ agent, spool })
        this.#spools.delete(key)
      }
    }
    this.#mark('sealed', upTo)
    return () => {
      this.#sealed = upTo
      this.#unsealedBytes -= bytes
      this.#sealing = undefined
      for (const spool of this.#spools.values()) spool.changed = false
    }
  }

  /** Deletes some rows of the log that neither a start nor a consumer needs. @returns after the commit: whether there are more */
  trimSome(limit: number): () => boolean {
    const needless = Math.min(this.#sealed, this.#released)
    const upTo = Math.min(needless, this.#trimmed + limit)
    if (upTo <= this.#trimmed) return () => false
    const { bytes } = this.#statements
      .get('SELECT sum(length(body)) AS bytes FROM log WHERE position <= $upTo')
      .get({ upTo })! as { bytes: number | null }
    this.#statements.get('DELETE FROM log WHERE position <= $upTo').run({ upTo })
    this.#mark('released', this.#released)
    return () => {
      this.#trimmed = upTo
      this.#logBytes = Math.max(0, this.#logBytes - (bytes ?? 0))
      return upTo < needless
    }
  }

  #mark(name: string, position: number): void {
    this.#statements
      .get('INSERT INTO mark VALUES ($name, $position) ON CONFLICT (name) DO UPDATE SET position = excluded.position')
      .run({ name, position })
  }

  // Once a day for every task.

  /** Ends the time of up to `limit` tasks' results and days. @returns after the commit: whether the round is done, and how many tasks went */
  tendSome(limit: number, at: number): () => { done: boolean; removed: number } {
    const round = (this.#tending ??= this.#tasks.values())
    const gone: Task[] = []
    let done = false
    for (let i = 0; i < limit; i++) {
      const next = round.next()
      if (next.done === true) {
        done = true
        break
      }
      const task = next.value
      this.#deleteBefore('result_part', task, at - this.#settings.resultsMs, partMs)
      this.#deleteBefore('task_day', task, at - this.#settings.coverageMs, dayMs)
      const kept = Math.max(this.#settings.coverageMs, this.#settings.resultsMs) + 2 * dayMs
      if (
        task.seenAt < at - kept &&
        !task.changed &&
        openSpan(task.spans) === undefined &&
        this.#sealed === this.#position
      ) {
        this.#statements.get('DELETE FROM ingest_task WHERE number = $number').run({ number: task.number })
        this.#facts.delete(task.number)
        gone.push(task)
      }
    }
    return () => {
      for (const task of gone) {
        this.#tasks.delete(task.id)
        this.#byNumber.delete(task.number)
      }
      if (done) this.#tending = undefined
      return { done, removed: gone.length }
    }
  }

  /** Tasks went away, or series did or may come now: whoever packs uploads begins anew. */
  forgetLayouts(): void {
    this.#layouts.clear()
  }

  #deleteBefore(table: 'result_part' | 'task_day', task: Task, at: number, sizeMs: number): void {
    this.#statements
      .get(`DELETE FROM ${table} WHERE id >= $low AND id < $high`)
      .run({ low: rowId(task.number, 0, sizeMs), high: rowId(task.number, Math.max(0, at), sizeMs) })
  }

  #write(table: 'result_part' | 'task_day', id: number, body: Uint8Array): void {
    this.#statements
      .get(`INSERT INTO ${table} VALUES ($id, $body) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
      .run({ id, body })
  }
}

/** What a row says of samples without a series: each definition once, as tasks of one shape have the same. */
class LooseDefinitions {
  readonly all: SampleDefinition[] = []
  readonly #places = new Map<string, number>()

  place(key: string, definition: SampleDefinition): number {
    let place = this.#places.get(key)
    if (place === undefined) this.#places.set(key, (place = this.all.push(definition) - 1))
    return place
  }
}

/** What the batches of one transaction have filled, before it is committed. */
class Pending {
  readonly #runs = new Map<Task, Set<number>>()
  readonly #gaps = new Map<Task, { from: number; to: number }[]>()

  hasRun(task: Task, slot: number): boolean {
    return this.#runs.get(task)?.has(slot) ?? false
  }

  addRun(task: Task, slot: number): void {
    const slots = this.#runs.get(task)
    if (slots === undefined) this.#runs.set(task, new Set([slot]))
    else slots.add(slot)
  }

  addGap(task: Task, from: number, to: number): void {
    const gaps = this.#gaps.get(task)
    if (gaps === undefined) this.#gaps.set(task, [{ from, to }])
    else gaps.push({ from, to })
  }

  /** How many slots of a gap that memory takes for empty are not any more. */
  filledIn(task: Task, gap: Stretch, isEmpty: (slot: number) => boolean): number {
    const filled = new Set<number>()
    for (const slot of this.#runs.get(task) ?? [])
      if (slot >= gap.from && slot <= gap.to && (slot - gap.from) % gap.periodMs === 0 && isEmpty(slot))
        filled.add(slot)
    for (const { from, to } of this.#gaps.get(task) ?? []) {
      const last = Math.min(to, gap.to)
      for (
        let slot = gap.from + Math.max(0, Math.ceil((from - gap.from) / gap.periodMs)) * gap.periodMs;
        slot <= last;
        slot += gap.periodMs
      )
        if (isEmpty(slot)) filled.add(slot)
    }
    return filled.size
  }
}

function spoolKey(agent: string, spool: string): string {
  return `${agent}\0${spool}`
}

function openSpan(spans: readonly Span[]): Span | undefined {
  const last = spans.at(-1)
  return last?.until === null ? last : undefined
}

function closed(spans: readonly Span[], at: number): Span[] {
  return spans.map((span) => (span.until === null ? { ...span, until: at } : span))
}

/** The period of the series that a slot lies on, that of its own time if it can be; 0 where the configuration never had such a one. */
function periodAt({ id, spans }: Task, slot: number): number {
  const lies = ({ periodMs }: Span) => (slot - phaseOf(id, periodMs)) % periodMs === 0
  const current = ({ from, until }: Span) => slot >= from && (until === null || slot < until)
  return (spans.findLast((span) => current(span) && lies(span)) ?? spans.findLast(lies))?.periodMs ?? 0
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

/** A slot is no agent's where none was there to run it: that is the server's own word. */
function stretchOf({ from, to, periodMs, outcome, reason }: LoggedGap['gap'], agent: string): Stretch {
  return { from, to, periodMs, outcome, reason, agent: outcome === 'uncovered' ? '' : agent }
}

/** The parts of a stretch that lie in one day each. */
function* byDay(gap: Stretch): Iterable<Stretch> {
  for (let from = gap.from; from <= gap.to;) {
    const end = Math.floor(from / dayMs) * dayMs + dayMs - 1
    const to = from + Math.floor((Math.min(end, gap.to) - from) / gap.periodMs) * gap.periodMs
    yield { ...gap, from, to }
    from = to + gap.periodMs
  }
}
