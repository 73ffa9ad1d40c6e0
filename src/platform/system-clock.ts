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

/** Reading the uptime is a read of a file, and a server under a thousand agents asks for it that many times a second. */
const uptimeHoldsMs = 10
let slept = { at: -Infinity, ms: 0 }

/**
 * How long the machine has slept until now, from a beginning that nobody knows, in milliseconds and right to a second: `elapsed` stands
 * still meanwhile, while the uptime goes on.
 */
export function sleptMs(): number {
  const at = performance.now()
  if (at - slept.at >= uptimeHoldsMs) slept = { at, ms: uptime() * 1_000 - at }
  return slept.ms
}
