import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { reconnectPauseMs } from './reconnect.ts'

/** When each of many agents reaches a server that was gone for a while, all cut off at the moment 0. */
function arrivals(agents: number, downMs: number, seed: number, isRefused = false): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: agents }, () => {
    let at = 0
    for (let failures = 1; ; failures++) {
      at += reconnectPauseMs(failures, random, isRefused)
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

test('a thousand agents whose server is being started are back within eight seconds, and not at one moment', () => {
  const most = [0, 12_000, 60_000, 600_000].map((downMs) => {
    const times = arrivals(1_000, downMs, 1, true).sort((a, b) => a - b)
    const inTenth = times.map((at, i) => times.slice(i).filter((other) => other < at + 100).length)
    return { inTenth: Math.max(...inTenth), lastMs: times.at(-1)! - downMs }
  })
  expect(most.filter(({ inTenth, lastMs }) => inTenth > 90 || lastMs > 8_000)).toEqual([])
})
