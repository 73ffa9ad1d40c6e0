import { uptime } from 'node:os'
import type { Clock } from '../base/index.ts'

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * How long the machine has slept until now, from a beginning that nobody knows, in milliseconds and right to a second: `elapsed` stands
 * still meanwhile, while the uptime goes on.
 */
export function sleptMs(): number {
  return uptime() * 1_000 - performance.now()
}
