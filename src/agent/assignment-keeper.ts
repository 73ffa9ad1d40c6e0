import { messageOf, type Clock } from '../base/index.ts'
import type { Assignment } from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import { pause } from './backoff.ts'

/** Where an agent keeps the last assignment over its end. Holds credentials: who gives one sees to it that nobody else can read them. */
export interface AssignmentFile {
  /** Called once, at the start. Undefined where there is none. */
  read(): Promise<Assignment | undefined>
  /** Takes the place of what was written before. Called with one at a time; rejects where it cannot. */
  write(assignment: Assignment): Promise<void>
}

/** Changes of one configuration often come one after the other; each is as large as all the work of an agent. */
const gatherMs = 1_000
const retryMs = 5_000

/** Writes what is in force, the latest only; tries again where it cannot be written, since an older one may hold what must be gone. */
export class AssignmentKeeper {
  readonly #file: AssignmentFile
  readonly #clock: Clock
  readonly #log: Log
  readonly #signal: AbortSignal
  #latest: Assignment | undefined
  #writing: Promise<void> | undefined

  /** @param signal aborted where the agent stops: what waits is then written at once, and tried once */
  constructor(file: AssignmentFile, clock: Clock, log: Log, signal: AbortSignal) {
    this.#file = file
    this.#clock = clock
    this.#log = log
    this.#signal = signal
  }

  keep(assignment: Assignment): void {
    this.#latest = assignment
    // Awaited by `idle`.
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    await this.#writing
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      let waitMs = gatherMs
      try {
        await this.#file.write(next)
      } catch (thrown) {
        this.#log.warn('assignment not kept', { version: next.version, problem: messageOf(thrown) })
        if (this.#signal.aborted) return
        this.#latest ??= next
        waitMs = retryMs
      }
      // One that came meanwhile waits too, so that a burst ends with one more write.
      await pause(this.#clock, waitMs, this.#signal)
    }
  }

  #take(): Assignment | undefined {
    const next = this.#latest
    this.#latest = undefined
    return next
  }
}
