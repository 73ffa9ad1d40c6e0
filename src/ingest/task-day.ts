import { ByteReader, ByteWriter } from '../base/index.ts'
import type { RunOutcome, Slot } from '../model/index.ts'
import { Histogram } from './histogram.ts'
import { DayLedger } from './ledger.ts'
import { RunTimes } from './run-times.ts'

/**
 * The first byte of a stored day.
 *
 * 1: how slots ended; durations and delays of all runs together.
 * 2: how slots ended and on which agent; durations, delays and timeouts by agent.
 */
const format = 2

export interface DayRun {
  readonly slot: Slot
  readonly periodMs: number
  readonly outcome: RunOutcome
  readonly agent: string
  readonly startedAt: number
  readonly durationMs: number
  readonly isTimeout: boolean
}

/** What is kept of one task in one day, however many results are: how its slots ended, and what its runs were like on each agent. */
export class TaskDay {
  readonly ledger: DayLedger
  /** By agent; '' for what was stored before agents were kept apart. */
  readonly times: Map<string, RunTimes>

  constructor(ledger = new DayLedger(), times = new Map<string, RunTimes>()) {
    this.ledger = ledger
    this.times = times
  }

  /** @returns whether it counts: false where the slot has a run already */
  ran({ slot, periodMs, outcome, agent, startedAt, durationMs, isTimeout }: DayRun): boolean {
    if (!this.ledger.run(slot, periodMs, outcome, agent)) return false
    let times = this.times.get(agent)
    if (times === undefined) this.times.set(agent, (times = new RunTimes()))
    times.ran({ durationMs, delayMs: startedAt - slot, isTimeout })
    return true
  }

  encode(start: number): Uint8Array {
    const out = new ByteWriter()
    out.byte(format)
    this.ledger.encode(out, start)
    // Names of agents are long beside all the rest. Whoever ran is in the ledger.
    const agents = this.ledger.agents()
    out.varint(this.times.size)
    for (const [agent, times] of this.times) {
      out.varint(agents.indexOf(agent))
      times.encode(out)
    }
    return out.done()
  }

  /** @throws RangeError where it is of no format that is known */
  static decode(start: number, bytes: Uint8Array): TaskDay {
    const from = new ByteReader(bytes)
    const found = from.byte()
    switch (found) {
      case 1: {
        const ledger = DayLedger.decode(from, start, { hasAgents: false })
        const durations = Histogram.decode(from)
        const delays = Histogram.decode(from)
        return new TaskDay(ledger, new Map(durations.count === 0 ? [] : [['', new RunTimes(durations, delays)]]))
      }
      case format: {
        const ledger = DayLedger.decode(from, start, { hasAgents: true })
        const agents = ledger.agents()
        const times = new Map<string, RunTimes>()
        for (let left = from.varint(); left > 0; left--) times.set(agents[from.varint()]!, RunTimes.decode(from))
        return new TaskDay(ledger, times)
      }
      default:
        throw new RangeError(`a day of a task of format ${found} cannot be read`)
    }
  }
}
