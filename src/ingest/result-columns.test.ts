import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RunOutcome } from '../model/index.ts'
import { decodeRuns, encodeLastingRuns, encodeRuns, type StoredRun } from './result-columns.ts'

const start = Date.UTC(2026, 0, 1)
const text = fc.constantFrom('', 'timed out', 'a message that is said again and again')
const run = fc.record({
  slot: fc.nat(86_399_999).map((ms) => start + ms),
  startedAt: fc.integer({ min: -1_000, max: 86_400_000 }).map((ms) => start + ms),
  durationMs: fc.oneof(
    fc.nat(50_000).map((us) => us / 1_000),
    fc.double({ min: 0, max: 1e9, noNaN: true }),
  ),
  outcome: fc.constantFrom<RunOutcome>('ran', 'failed', 'late'),
  agent: fc.constantFrom('a', 'b'),
  late: fc.boolean(),
  isolated: fc.boolean(),
  reason: text,
  message: fc.oneof(text, fc.string()),
})

test('runs are given back exactly, as they are written today and as they last', () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: 200 }), (runs: readonly StoredRun[]) => {
      expect([
        decodeRuns(start, encodeRuns(start, runs)),
        decodeRuns(start, encodeLastingRuns(start, runs)),
        encodeLastingRuns(start, runs).length <= encodeRuns(start, runs).length,
      ]).toEqual([runs, runs, true])
    }),
  )
})

test('bytes that are no runs are refused', () => {
  const whole = encodeLastingRuns(
    start,
    Array.from({ length: 300 }, (_, i) => ({
      slot: start + i * 60_000,
      startedAt: start + i * 60_000 + (i % 3),
      durationMs: i / 7,
      outcome: 'ran',
      agent: 'a',
      late: i % 7 < 5,
      isolated: false,
      reason: '',
      message: '',
    })),
  )
  for (const bytes of [new Uint8Array(), Uint8Array.of(9), whole.subarray(0, 40)])
    expect(() => decodeRuns(start, bytes)).toThrow()
  expect(whole[0]).toBe(2)
})
