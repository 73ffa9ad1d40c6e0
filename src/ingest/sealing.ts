import type { DatabaseSync } from 'node:sqlite'
import { StatementCache, type BundleTable } from '../platform/index.ts'
import type { LogTable } from './log-table.ts'
import type { FactsStore } from './newest-facts.ts'
import { decodeRuns, encodeLastingRuns, encodeRuns, mergeRuns, type StoredRun } from './result-columns.ts'
import { dayMs, partMs, resultDays, rowId, rowStart } from './schema.ts'
import type { IngestSettings } from './settings.ts'
import type { SpoolBook } from './spool-book.ts'
import { openSpan, type Task, type TaskBook } from './task-book.ts'

/** Told of numbers that are used no more, in the transaction; returns what is to be called after its commit. */
export type Forgetting = (numbers: readonly number[]) => () => void

/** When a day has been over for so long its results are gathered: until then late ones are likely. */
const settleMs = 2 * 3_600_000
/** So many parts of a task at a time, sixteen days of them, so that a step stays short where an earlier version left a month. */
const partsPerGathering = (16 * dayMs) / partMs

interface Parts {
  readonly db: DatabaseSync
  readonly tasks: TaskBook
  readonly facts: FactsStore
  readonly spools: SpoolBook
  readonly log: LogTable
}

/**
 * Brings what memory holds of tasks into rows of their own, and ends the time of those rows. Each step is called in a transaction of its
 * own, and what it returns after the commit.
 */
export class Sealing {
  readonly #statements: StatementCache
  readonly #resultDays: BundleTable
  readonly #tasks: TaskBook
  readonly #facts: FactsStore
  readonly #spools: SpoolBook
  readonly #log: LogTable
  #sealing: { readonly upTo: number; tasks: Iterator<Task>; bytes: number; uncommitted: boolean } | undefined
  #tending: Iterator<Task> | undefined

  constructor({ db, tasks, facts, spools, log }: Parts) {
    this.#statements = new StatementCache(db)
    this.#resultDays = resultDays(this.#statements)
    this.#tasks = tasks
    this.#facts = facts
    this.#spools = spools
    this.#log = log
  }

  begin(): void {
    if (this.#sealing !== undefined) throw new Error('the sealing before has not ended')
    const { position, unsealedBytes } = this.#log
    this.#sealing = { upTo: position, tasks: this.#tasks[Symbol.iterator](), bytes: unsealedBytes, uncommitted: false }
  }

  /** Writes what changed of up to `limit` tasks. @returns after the commit: whether all tasks are done */
  some(limit: number, at: number): () => boolean {
    const sealed: { task: Task; parts: readonly number[]; days: readonly number[] }[] = []
    let done = false
    const sealing = this.#sealing!
    // The step before was undone, so what it passed over is not in rows: begin anew. Tasks that are done are passed over quickly.
    if (sealing.uncommitted) sealing.tasks = this.#tasks[Symbol.iterator]()
    sealing.uncommitted = true
    while (sealed.length < limit) {
      const next = sealing.tasks.next()
      if (next.done === true) {
        done = true
        break
      }
      const task = next.value
      if (task.changed) sealed.push({ task, parts: this.#sealRuns(task), days: this.#sealDays(task) })
      else forgetDays(task, at)
    }
    for (const { task } of sealed) {
      this.#tasks.store(task)
      this.#facts.seal(task.number, at)
    }
    return () => {
      for (const { task, parts, days } of sealed) {
        for (const part of parts) task.runs.delete(part)
        for (const start of days) task.days.get(start)!.changed = false
        task.changed = false
        this.#facts.sealed(task.number)
        forgetDays(task, at)
      }
      sealing.uncommitted = false
      return done
    }
  }

  #sealRuns(task: Task): readonly number[] {
    for (const [start, held] of task.runs) {
      const id = rowId(task.number, start, partMs)
      const row = this.#statements.get('SELECT body FROM result_part WHERE id = $id').get({ id })
      const stored = row === undefined ? [] : decodeRuns(start, row['body'] as Uint8Array)
      this.#write('result_part', id, encodeRuns(start, mergeRuns(stored, held.all())))
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

  /** Ends the sealing: from now on a start begins here. Called when everything of the log up to its beginning is in rows. */
  end(at: number): () => void {
    const { upTo, bytes } = this.#sealing!
    const spoolsSealed = this.#spools.seal(at)
    const logSealed = this.#log.seal(upTo, bytes)
    return () => {
      spoolsSealed()
      logSealed()
      this.#sealing = undefined
    }
  }

  /** Once a day for every task: ends the time of up to `limit` tasks' results and days. @param forgetting undefined where tasks stay, as another server says which go @returns after the commit: whether the round is done, and how many tasks went */
  tendSome(
    limit: number,
    at: number,
    { resultsMs, coverageMs }: IngestSettings,
    forgetting: Forgetting | undefined,
  ): () => { done: boolean; removed: number } {
    const round = (this.#tending ??= this.#tasks[Symbol.iterator]())
    const gone: Task[] = []
    const { position, sealed } = this.#log.facts()
    let done = false
    for (let i = 0; i < limit; i++) {
      const next = round.next()
      if (next.done === true) {
        done = true
        break
      }
      const task = next.value
      this.#deleteBefore('result_part', task, at - resultsMs, partMs)
      this.#gatherDays(task, at)
      this.#resultDays.deleteBefore(task.number, Math.floor(Math.max(0, at - resultsMs) / dayMs))
      this.#deleteBefore('task_day', task, at - coverageMs, dayMs)
      const kept = Math.max(coverageMs, resultsMs) + 2 * dayMs
      const isOver =
        forgetting !== undefined && task.seenAt < at - kept && !task.changed && openSpan(task.spans) === undefined
      if (isOver && sealed === position) {
        this.#tasks.delete(task)
        this.#facts.delete(task.number)
        gone.push(task)
      }
    }
    const told = gone.length === 0 ? undefined : forgetting?.(gone.map(({ number }) => number))
    return () => {
      told?.()
      for (const task of gone) this.#tasks.forget(task)
      if (done) this.#tending = undefined
      return { done, removed: gone.length }
    }
  }

  /** Takes results of days that are over from their parts into one row of many days. A part that gets late ones after that is there again, beside it, until the next time. */
  #gatherDays({ number }: Task, at: number): void {
    const low = rowId(number, 0, partMs)
    const high = rowId(number, Math.floor((at - settleMs) / dayMs) * dayMs, partMs)
    const rows = this.#statements
      .get('SELECT id, body FROM result_part WHERE id >= $low AND id < $high ORDER BY id LIMIT $limit')
      .all({ low, high, limit: partsPerGathering })
    if (rows.length === 0) return
    const days = new Map<number, readonly StoredRun[]>()
    for (const row of rows) {
      const start = rowStart(Number(row['id']), partMs)
      const day = Math.floor(start / dayMs)
      // The table's only other column is a BLOB that is never null.
      days.set(day, mergeRuns(days.get(day) ?? [], decodeRuns(start, row['body'] as Uint8Array)))
    }
    for (const { day, body } of this.#resultDays.read(number, Math.min(...days.keys()), Math.max(...days.keys()))) {
      const late = days.get(day)
      if (late !== undefined) days.set(day, mergeRuns(decodeRuns(day * dayMs, body), late))
    }
    this.#resultDays.write(
      number,
      Array.from(days, ([day, runs]) => ({ day, body: encodeLastingRuns(day * dayMs, runs) })),
    )
    this.#statements
      .get('DELETE FROM result_part WHERE id >= $low AND id <= $last')
      .run({ low, last: Number(rows.at(-1)!['id']) })
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

/** Days before yesterday are seldom asked for, and read again when they are. */
function forgetDays(task: Task, at: number): void {
  const yesterday = Math.floor(at / dayMs) * dayMs - dayMs
  for (const [start, { changed }] of task.days)
    if (!changed && (start < yesterday || start > at)) task.days.delete(start)
}
