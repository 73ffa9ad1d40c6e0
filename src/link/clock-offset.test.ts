import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { ServerClock, type ExchangeTimes } from './clock-offset.ts'

/** Exchanges as a network makes them: each way takes its time, the server thinks for a while, quartzes drift a little. */
const networks = fc.record({
  offsetMs: fc.integer({ min: -86_400_000 * 400, max: 86_400_000 * 400 }),
  driftPpm: fc.integer({ min: -100, max: 100 }),
  exchanges: fc.array(
    fc.record({
      waitMs: fc.integer({ min: 0, max: 60_000 }),
      thereMs: fc.integer({ min: 0, max: 2_000 }),
      thinkMs: fc.integer({ min: 0, max: 30_000 }),
      backMs: fc.integer({ min: 0, max: 2_000 }),
    }),
    { minLength: 1, maxLength: 40 },
  ),
})

const start = Date.UTC(2026, 0, 1)

test('server time is known within half of the last round trip or better, and within what is claimed', () => {
  fc.assert(
    fc.property(networks, ({ offsetMs, driftPpm, exchanges }) => {
      const local = new ManualClock(start)
      const clock = new ServerClock(local)
      const serverTime = (elapsed: number) => start + offsetMs + elapsed * (1 + driftPpm / 1e6)
      for (const { waitMs, thereMs, thinkMs, backMs } of exchanges) {
        local.advance(waitMs)
        const sentAt = local.elapsed()
        local.advance(thereMs)
        const receivedAt = Math.floor(serverTime(local.elapsed()))
        local.advance(thinkMs)
        const answeredAt = Math.floor(serverTime(local.elapsed()))
        local.advance(backMs)
        clock.observe({ sentAt, receivedAt, answeredAt, gotAt: local.elapsed() })
        const wrongBy = Math.abs(clock.now() - serverTime(local.elapsed()))
        expect(wrongBy).toBeLessThanOrEqual(clock.status()!.errorMs + 1)
        // Whole milliseconds on both ends, and the drift while the server thinks.
        expect(wrongBy).toBeLessThanOrEqual((thereMs + backMs) / 2 + thinkMs * 3e-4 + 3)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('whoever sets the wall clock changes nothing, with a server in reach or without', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e11, max: 1e11 }), { minLength: 1 }), fc.boolean(), (jumps, isReached) => {
      const local = new ManualClock(start)
      const clock = new ServerClock(local)
      if (isReached) clock.observe({ sentAt: 0, receivedAt: start + 5_000, answeredAt: start + 5_000, gotAt: 0 })
      const expected = start + (isReached ? 5_000 : 0)
      const seen = jumps.map((jump, i) => {
        local.jump(jump)
        local.advance(1_000)
        return clock.now() - expected - (i + 1) * 1_000
      })
      expect(seen).toEqual(jumps.map(() => 0))
    }),
  )
})

// sent → received, answered → got: what is known of the server's time afterwards, as a difference to our elapsed
const at = (sentAt: number, receivedAt: number, answeredAt: number, gotAt: number): ExchangeTimes => ({
  sentAt,
  receivedAt,
  answeredAt,
  gotAt,
})
const stories: Record<string, readonly [readonly ExchangeTimes[], number]> = {
  'a long poll measures as well as a short answer': [[at(0, 1_010, 31_010, 30_020)], 1_000],
  'a quick exchange is believed before a slow one': [[at(0, 1_005, 1_005, 10), at(100, 1_900, 1_900, 1_100)], 1_000],
  'a server whose clock was set is followed at once': [[at(0, 1_005, 1_005, 10), at(100, 9_105, 9_105, 110)], 9_000],
  'an exchange amid which a clock was set is left out': [[at(0, 1_005, 1_005, 10), at(100, 1_105, 900, 110)], 1_000],
}
for (const [name, [exchanges, expected]] of Object.entries(stories)) {
  test(name, () => {
    const local = new ManualClock(0)
    const clock = new ServerClock(local)
    for (const exchange of exchanges) clock.observe(exchange)
    expect(clock.now() - local.elapsed()).toBe(expected)
  })
}

test('before the first exchange after a start the offset of the time before is used', () => {
  const clock = new ServerClock(new ManualClock(start), -7_200_000)
  expect(clock.now()).toBe(start - 7_200_000)
})
