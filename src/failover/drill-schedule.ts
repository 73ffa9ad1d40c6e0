import { messageOf, type CancelTimer, type Clock } from '../base/index.ts'
import type { Log } from '../platform/index.ts'
import type { Pair } from './pair.ts'

export interface DrillScheduleParts {
  readonly clock: Clock
  readonly log: Log
  readonly pair: Pick<Pair, 'status'>
  /** Read with every look. `everyDays` 0: never; `hour` of the day in UTC. */
  readonly settings: () => { readonly everyDays: number; readonly hour: number }
  /** When the newest drill began, in epoch milliseconds; undefined where there was none. */
  readonly lastAt: () => Promise<number | undefined>
  /** Runs one and keeps its report; what is wrong with it is told there. */
  readonly run: () => Promise<unknown>
}

const lookMs = 600_000
const dayMs = 86_400_000
const hourMs = 3_600_000

/**
 * Runs drills by the settings. On the PRIMARY alone, and only while it acts: a pair whose SECONDARY is active has something else to do, and both
 * sides would otherwise drill by turns.
 */
export class DrillSchedule {
  readonly #parts: DrillScheduleParts
  #cancel: CancelTimer = () => undefined
  #looking: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(parts: DrillScheduleParts) {
    this.#parts = parts
  }

  start(): void {
    this.#cancel = this.#parts.clock.after(lookMs, () => {
      // `stop` awaits it.
      this.#looking = this.#look().finally(() => {
        if (!this.#isStopped) this.start()
      })
    })
  }

  /** May be called twice. A drill that is under way ends by what stops its runner. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#looking
  }

  async #look(): Promise<void> {
    const { clock, log, pair, settings, lastAt, run } = this.#parts
    const { state, settings: set } = pair.status()
    if (set.role !== 'PRIMARY' || set.mode === 'OFF' || state !== 'active') return
    const { everyDays, hour } = settings()
    try {
      if (!isDue(clock.now(), everyDays, hour, await lastAt())) return
      await run()
    } catch (thrown) {
      // Refused, for example: the next look is in the same hour, or the next day.
      log.warn('scheduled drill not run', { problem: messageOf(thrown) })
    }
  }
}

/** @param lastAt when the newest began; one that was run by hand counts, too */
export function isDue(now: number, everyDays: number, hour: number, lastAt: number | undefined): boolean {
  if (everyDays === 0 || Math.floor((now % dayMs) / hourMs) !== hour) return false
  // One that began some minutes later in its hour must not push the next one to the day after.
  return lastAt === undefined || now - lastAt >= everyDays * dayMs - hourMs
}
