import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { afterAttempt, giveUpAfterMs, longestAskedWaitMs, longestWaitMs, waitAfter } from './delivery-life.ts'

const noJitter = () => 0

test('waits double from one second to five minutes', () => {
  const waits = [1, 2, 3, 8, 9, 10, 1_000].map((failures) => waitAfter(failures, noJitter))
  expect(waits).toEqual([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000])
})

test('jitter takes off at most a half', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer(), (failures, seed) => {
      const full = waitAfter(failures, noJitter)
      const wait = waitAfter(failures, seededRandom(seed))
      return wait >= full / 2 && wait <= full && full <= longestWaitMs
    }),
  )
})

const failed = (retry: boolean, afterMs?: number) => ({
  delivered: false as const,
  retry,
  message: 'no',
  ...(afterMs === undefined ? {} : { afterMs }),
})

test.each([
  ['taken', { delivered: true as const, detail: 'HTTP 200' }, 10, { state: 'delivered', message: 'HTTP 200' }],
  ['refused for good', failed(false), 10, { state: 'dead', message: 'no' }],
  ['failed for now', failed(true), 10, { state: 'queued', notBefore: 1_010, message: 'no' }],
  ['told when to come back', failed(true, 7_000), 10, { state: 'queued', notBefore: 7_010, message: 'no' }],
  ['told to come back too soon', failed(true, 5), 10, { state: 'queued', notBefore: 1_010, message: 'no' }],
  [
    'told to come back in a year',
    failed(true, 31_536_000_000),
    10,
    { state: 'queued', notBefore: 10 + longestAskedWaitMs, message: 'no' },
  ],
  [
    'failing for a day',
    failed(true),
    giveUpAfterMs,
    { state: 'dead', message: 'gave up after 24 hours; the last attempt: no' },
  ],
])('a delivery that was %s', (_, outcome, at, verdict) => {
  expect(afterAttempt({ since: 0, failures: 0 }, outcome, at, noJitter)).toEqual(verdict)
})
