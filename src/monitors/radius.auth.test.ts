import { expect, test } from 'vitest'
import type { RadiusSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import radiusAuth from './radius.auth.ts'

const good: RadiusSeen = { answer: 'accept', duration: 4, sent: 1, signed: true }

// answer → its metrics, what raises
const answers: [Partial<RadiusSeen>, Record<string, number>, Record<string, string>][] = [
  [{}, { duration: 4, packets: 1, signed: 1, accepted: 1 }, {}],
  [{ answer: 'challenge' }, { duration: 4, packets: 1, signed: 1, accepted: 0 }, {}],
  [{ answer: 'state' }, { duration: 4, packets: 1, signed: 1 }, {}],
  [
    { duration: 6_000, sent: 3, signed: false },
    { duration: 6_000, packets: 3, signed: 0, accepted: 1 },
    { slow: 'WARNING', 'packets lost': 'WARNING', 'answers can be forged': 'INFO' },
  ],
]
test.each(answers)('an answer of %j', async (change, metrics, raised) => {
  const client = { target: 'radius1:1812', ask: async () => ({ ...good, ...change }) }
  const seen = await collectOnce(radiusAuth, {}, { client })
  expectSound(radiusAuth, seen)
  expect([seen.metrics, judgedBy(radiusAuth, seen)]).toEqual([metrics, raised])
})
