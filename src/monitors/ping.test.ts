import { expect, test } from 'vitest'
import { checkDeclared, type IcmpClient } from '../sdk/index.ts'
import { collectOnce, judgedBy } from '../sdk/testing.ts'
import ping from './ping.ts'

function answering(sent: number, ...roundTrips: number[]): IcmpClient {
  return { host: 'db1', ping: async () => ({ address: '10.0.0.5', way: 'fping', sent, roundTrips }) }
}

// sent: round trips → metrics | verdict
const stories: [number, number[], Record<string, number>, Record<string, string>][] = [
  [4, [1, 3, 2, 2], { loss: 0, rtt_min: 1, rtt_avg: 2, rtt_max: 3, jitter: 1 }, {}],
  [1, [5], { loss: 0, rtt_min: 5, rtt_avg: 5, rtt_max: 5 }, {}],
  [5, [1, 1, 1, 1], { loss: 20, rtt_min: 1, rtt_avg: 1, rtt_max: 1, jitter: 0 }, { 'packets lost': 'WARNING' }],
  [5, [1, 1], { loss: 60, rtt_min: 1, rtt_avg: 1, rtt_max: 1, jitter: 0 }, { 'packets lost': 'CRITICAL' }],
  [5, [], { loss: 100 }, { 'packets lost': 'CRITICAL' }],
]
test.each(stories)('%i sent, %j came back', async (sent, trips, metrics, verdict) => {
  const seen = await collectOnce(ping, {}, { client: answering(sent, ...trips) })
  expect([seen.metrics, judgedBy(ping, seen)]).toEqual([metrics, verdict])
})

test('settings that would take a minute are refused', () => {
  expect(checkDeclared(ping, { count: 50, interval: '5s' }, 'settings')).toEqual({
    ok: false,
    problems: [{ path: 'settings.count', message: 'these packets take 251 s; at most 60 s are allowed' }],
  })
})
