import { expect, test } from 'vitest'
import { checkDeclared, type MqttClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import mqttRoundtrip from './mqtt.roundtrip.ts'

const broker = (duration: number): MqttClient => ({
  target: 'mq1:8883',
  listen: () => Promise.reject(new Error('not here')),
  roundTrip: async () => ({ connect: 3, duration }),
})

// milliseconds → what raises
const trips: [number, Record<string, string>][] = [
  [5, {}],
  [1_500, { slow: 'WARNING' }],
  [6_000, { slow: 'CRITICAL' }],
]
test.each(trips)('a round trip of %i ms', async (duration, raised) => {
  const seen = await collectOnce(mqttRoundtrip, { topic: 'farwatch/trip' }, { client: broker(duration) })
  expectSound(mqttRoundtrip, seen)
  expect([seen.metrics['duration'], judgedBy(mqttRoundtrip, seen)]).toEqual([duration, raised])
})

test('nobody publishes to a pattern', () => {
  expect(checkDeclared(mqttRoundtrip, { topic: 'farwatch/#' }, 'settings').ok).toBe(false)
})
