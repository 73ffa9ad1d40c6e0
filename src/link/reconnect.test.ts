import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { reconnectPauseMs } from './reconnect.ts'

/** When each of many agents reaches a server that was gone for a while, all cut off at the moment 0. */
function arrivals(agents: number, downMs: number, seed: number): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: agents }, () => {
    let at = 0
    for (let failures = 1; ; failures++) {
      at += reconnectPauseMs(failures, random)
      if (at >= downMs) return at
    }
  })
}

test('two hundred agents that were cut off at one moment do not come back at one moment', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 120_000 }), fc.integer(), (downMs, seed) => {
      const times = arrivals(200, downMs, seed).sort((a, b) => a - b)
      const inTenth = times.map((at, i) => times.slice(i).filter((other) => other < at + 100).length)
      // Evenly over the first two seconds it would be 10; chance makes it more.
      expect(Math.max(...inTenth)).toBeLessThanOrEqual(30)
      expect(times.at(-1)! - downMs).toBeLessThanOrEqual(30_000)
    }),
    // Of the same 200 outages each time: among all there are, one in some thousands is beyond this bound by chance.
    { numRuns: 200, seed: 1 },
  )
})
