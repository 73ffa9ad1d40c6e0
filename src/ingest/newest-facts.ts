import type { DatabaseSync } from 'node:sqlite'
import type { Facts } from '../model/index.ts'
import { StatementCache } from '../platform/index.ts'
import { dayMs } from './schema.ts'

/** What the newest run of a task that learned facts has learned: all of it, or what of it fits in the bound. */
export interface NewestFacts {
  readonly task: string
  readonly slot: number
  readonly facts: Facts
}

interface Learned {
  readonly slot: number
  readonly facts: Facts
}

/** In bytes of JSON. Versions, names and subjects take some hundred; what is larger is no fact but a report. */
const most = 16 * 1_024

/**
 * The newest facts of each task. They come with results, which the log forgets; so what came since the last sealing is held in memory
 * (it is in the log, whose size bounds it), and sealed into a row for each task. Doing anything twice is the same as once.
 */
export class FactsStore {
  readonly #statements: StatementCache
  readonly #pending = new Map<number, Learned>()

  constructor(db: DatabaseSync) {
    this.#statements = new StatementCache(db)
  }

  learn(task: number, slot: number, facts: Facts, at: number): void {
    const before = this.#pending.get(task)
    if (before === undefined || isNewer(slot, before.slot, at)) this.#pending.set(task, { slot, facts })
  }

  of(task: number, at: number): Learned | undefined {
    const pending = this.#pending.get(task)
    const stored = this.#stored(task)
    if (pending === undefined || (stored !== undefined && !isNewer(pending.slot, stored.slot, at))) return stored
    return { slot: pending.slot, facts: bounded(pending.facts) }
  }

  #stored(task: number): Learned | undefined {
    // Written by `seal`, and nowhere else.
    const row = this.#statements.get('SELECT slot, body FROM task_facts WHERE task = $task').get({ task }) as
      | { slot: number; body: string }
      | undefined
    return row === undefined ? undefined : { slot: row.slot, facts: JSON.parse(row.body) as Facts }
  }

  /** Writes what was learned of a task; called in a transaction, after whose commit `sealed` is called. */
  seal(task: number, at: number): void {
    const pending = this.#pending.get(task)
    if (pending === undefined) return
    this.#statements
      .get(
        `INSERT INTO task_facts VALUES ($task, $slot, $body)
         ON CONFLICT (task) DO UPDATE SET slot = excluded.slot, body = excluded.body
         WHERE excluded.slot >= slot OR slot > $future`,
      )
      .run({ task, slot: pending.slot, body: JSON.stringify(bounded(pending.facts)), future: at + dayMs })
  }

  sealed(task: number): void {
    this.#pending.delete(task)
  }

  delete(task: number): void {
    this.#statements.get('DELETE FROM task_facts WHERE task = $task').run({ task })
  }
}

/** A run of the future was made under a clock that was wrong, and gives way to the present. */
function isNewer(slot: number, than: number, at: number): boolean {
  return slot >= than || than > at + dayMs
}

function bounded(facts: Facts): Facts {
  if (Buffer.byteLength(JSON.stringify(facts)) <= most) return facts
  let left = most - 2
  return Object.fromEntries(
    Object.entries(facts).filter(([name, value]) => {
      const size = Buffer.byteLength(JSON.stringify(name)) + Buffer.byteLength(JSON.stringify(value)) + 2
      if (size > left) return false
      left -= size
      return true
    }),
  )
}
