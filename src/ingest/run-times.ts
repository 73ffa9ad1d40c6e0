import type { ByteReader, ByteWriter } from '../base/index.ts'
import { Histogram } from './histogram.ts'

export interface Spread {
  readonly p50: number
  readonly p95: number
  readonly max: number
  readonly mean: number
}

/** How long runs took, how long after their slots they began, and how many of them ended by their timeout. Can be added up. */
export class RunTimes {
  readonly durations: Histogram
  /**
   * From the slot to the moment at which the monitor began: the wait for a turn, and what else made it late. A result does not tell the
   * two apart.
   */
  readonly delays: Histogram
  timeouts: number

  constructor(durations = new Histogram(), delays = new Histogram(), timeouts = 0) {
    this.durations = durations
    this.delays = delays
    this.timeouts = timeouts
  }

  ran({ durationMs, delayMs, isTimeout }: { durationMs: number; delayMs: number; isTimeout: boolean }): void {
    this.durations.add(durationMs)
    this.delays.add(Math.max(0, delayMs))
    if (isTimeout) this.timeouts++
  }

  include(other: RunTimes): void {
    this.durations.include(other.durations)
    this.delays.include(other.delays)
    this.timeouts += other.timeouts
  }

  encode(out: ByteWriter): void {
    this.durations.encode(out)
    this.delays.encode(out)
    out.varint(this.timeouts)
  }

  static decode(from: ByteReader): RunTimes {
    return new RunTimes(Histogram.decode(from), Histogram.decode(from), from.varint())
  }
}

/** Undefined where there is nothing to sum up. */
export function spreadOf(histogram: Histogram): Spread | undefined {
  const [p50, p95, mean] = [histogram.percentile(0.5), histogram.percentile(0.95), histogram.mean()]
  if (p50 === undefined || p95 === undefined || mean === undefined) return undefined
  return { p50, p95, max: histogram.max, mean }
}
