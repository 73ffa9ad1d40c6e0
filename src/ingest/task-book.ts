import type { DatabaseSync } from 'node:sqlite'
import { phaseOf, type Outcome } from '../model/index.ts'
import { StatementCache } from '../platform/index.ts'
import type { Span } from './coverage.ts'
import type { HeldRuns } from './held-runs.ts'
import type { BookChanges, StagedTask } from './history-change.ts'
import { dayMs, rowId } from './schema.ts'
import { TaskDay } from './task-day.ts'

/** What memory holds of a task. */
export interface Task {
  readonly number: number
  readonly id: string
  connector: string
  spans: readonly Span[]
  last: { slot: number; outcome: Outcome; reason: string; message: string } | undefined
  /** By beginning. */
  readonly days: Map<number, { readonly record: TaskDay; changed: boolean }>
  /** By part. */
  readonly runs: Map<number, HeldRuns>
  /** Since the last sealing. */
  changed: boolean
  seenAt: number
}

/** The tasks of which anything is known, whether the configuration has them still or not. */
export class TaskBook implements Iterable<Task> {
  readonly #statements: StatementCache
  readonly #byId = new Map<string, Task>()
  readonly #byNumber = new Map<number, Task>()
  #next = 1
  #staged: Task[] = []

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
    for (const row of this.#statements.get('SELECT * FROM ingest_task ORDER BY number').all()) this.#load(row)
  }

  #load(row: Record<string, unknown>): void {
    // Written by `store`, and nowhere else.
    const stored = row as {
      number: number
      id: string
      connector: string
      spans: string
      last: string
      seen_at: number
    }
    const { number, id, connector, seen_at: seenAt } = stored
    const last = stored.last === '' ? undefined : (JSON.parse(stored.last) as NonNullable<Task['last']>)
    const spans = JSON.parse(stored.spans) as readonly Span[]
    this.#remember({ ...nothingOf, number, id, connector, spans, last, days: new Map(), runs: new Map(), seenAt })
    this.#next = Math.max(this.#next, number + 1)
  }

  #remember(task: Task): void {
    this.#byId.set(task.id, task)
    this.#byNumber.set(task.number, task)
  }

  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<Task> {
    return this.#byId.values()
  }

  find(id: string): Task | undefined {
    return this.#byId.get(id)
  }

  numbered(number: number): Task | undefined {
    return this.#byNumber.get(number)
  }

  /** The task of an id; one that is new is staged: `storeStaged` writes it, in the transaction that stores what is first known of it. */
  findOrStage(id: string, connector: string, at: number): Task {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const number = this.#next++
    const task: Task = { ...nothingOf, number, id, connector, days: new Map(), runs: new Map(), seenAt: at }
    this.#remember(task)
    this.#staged.push(task)
    return task
  }

  staged(): readonly StagedTask[] {
    return this.#staged.map(({ number, id, connector, seenAt }) => ({ number, id, connector, seenAt }))
  }

  /**
   * Writes what another server's book became, under its numbers; called in a transaction. What is there already, as after a copy
   * that was taken later, stays. @returns what is to be called after its commit
   */
  adopt({ tasks, spans, goneTasks }: Pick<BookChanges, 'tasks' | 'spans' | 'goneTasks'>): () => void {
    for (const number of goneTasks)
      this.#statements.get('DELETE FROM ingest_task WHERE number = $number').run({ number })
    const fresh = tasks.filter(({ number, id }) => this.#byNumber.get(number)?.id !== id || goneTasks.includes(number))
    for (const { number, id, connector, seenAt } of fresh) {
      this.#statements.get('DELETE FROM ingest_task WHERE number = $number OR id = $id').run({ number, id })
      this.store({ ...nothingOf, number, id, connector, days: new Map(), runs: new Map(), seenAt })
    }
    for (const { task, spans: all, connector } of spans) this.#storeSpans(task, all, connector)
    return () => {
      const forget = (task: Task | undefined) => task !== undefined && this.forget(task)
      for (const number of goneTasks) forget(this.#byNumber.get(number))
      for (const { number, id, connector, seenAt } of fresh) {
        forget(this.#byNumber.get(number))
        forget(this.#byId.get(id))
        this.#remember({ ...nothingOf, number, id, connector, days: new Map(), runs: new Map(), seenAt })
        this.#next = Math.max(this.#next, number + 1)
      }
      for (const { task, spans: all, connector } of spans)
        Object.assign(this.#byNumber.get(task) ?? {}, { spans: all, connector })
    }
  }

  storeStaged(): void {
    for (const task of this.#staged) this.store(task)
  }

  /** The transaction was committed. */
  keepStaged(): void {
    this.#staged = []
  }

  /** The transaction was not committed: staged tasks never were. */
  dropStaged(): void {
    for (const task of this.#staged) this.forget(task)
    this.#next = this.#staged[0]?.number ?? this.#next
    this.#staged = []
  }

  store({ number, id, connector, spans, last, seenAt }: Task): void {
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

  storeSpans({ number }: Task, spans: readonly Span[], connector: string): void {
    this.#storeSpans(number, spans, connector)
  }

  #storeSpans(number: number, spans: readonly Span[], connector: string): void {
    this.#statements
      .get('UPDATE ingest_task SET spans = $spans, connector = $connector WHERE number = $number')
      .run({ spans: JSON.stringify(spans), connector, number })
  }

  /** Deletes its row; after the commit it is to be forgotten. */
  delete({ number }: Task): void {
    this.#statements.get('DELETE FROM ingest_task WHERE number = $number').run({ number })
  }

  forget({ id, number }: Task): void {
    this.#byId.delete(id)
    this.#byNumber.delete(number)
  }

  /** What is known of the day of a slot. */
  day(task: Task, slot: number): { readonly record: TaskDay; changed: boolean } {
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
}

const nothingOf = { spans: [], last: undefined, changed: false } satisfies Partial<Task>

/** The time that lasts still, if the configuration has the task. */
export function openSpan(spans: readonly Span[]): Span | undefined {
  const last = spans.at(-1)
  return last?.until === null ? last : undefined
}

export function closed(spans: readonly Span[], at: number): readonly Span[] {
  return spans.map((span) => (span.until === null ? { ...span, until: at } : span))
}

/** The period of the series that a slot lies on, that of its own time if it can be; 0 where the configuration never had such a one. */
export function periodAt({ id, spans }: Task, slot: number): number {
  const lies = ({ periodMs }: Span) => (slot - phaseOf(id, periodMs)) % periodMs === 0
  const current = ({ from, until }: Span) => slot >= from && (until === null || slot < until)
  return (spans.findLast((span) => current(span) && lies(span)) ?? spans.findLast(lies))?.periodMs ?? 0
}
