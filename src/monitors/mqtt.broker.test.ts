import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MqttClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, expectSound, judgedBy } from '../sdk/testing.ts'
import mqttBroker from './mqtt.broker.ts'

// As Mosquitto 2.0 says them.
const healthy: Record<string, string> = {
  version: 'mosquitto version 2.0.11',
  uptime: '120 seconds',
  'clients/connected': '3',
  'clients/disconnected': '1',
  'publish/messages/dropped': '0',
  'messages/received': '70',
  'connection/north.cloud/state': '1',
}

const broker = (said: Readonly<Record<string, string>>, connect = 12): MqttClient => ({
  target: 'mq1:8883',
  listen: async () => ({
    connect,
    messages: Object.entries(said).map(([topic, payload]) => ({
      topic: `$SYS/broker/${topic}`,
      payload,
      retained: true,
    })),
    refused: [],
  }),
  roundTrip: () => Promise.reject(new Error('not here')),
})

test('a broker at rest', async () => {
  const seen = await collectOnce(mqttBroker, {}, { client: broker(healthy) })
  expectSound(mqttBroker, seen)
  expect([seen.metrics, seen.facts, judgedBy(mqttBroker, seen)]).toEqual([
    {
      connect: 12,
      clients: 3,
      clients_away: 1,
      received: 70,
      dropped: 0,
      uptime: 120,
      bridge: [{ labels: { bridge: 'north.cloud' }, value: 1 }],
    },
    { version: 'mosquitto version 2.0.11' },
    {},
  ])
})

test('a bridge that is down raises', async () => {
  const seen = await collectOnce(mqttBroker, {}, { client: broker({ 'connection/north.cloud/state': '0' }) })
  expect(judgedBy(mqttBroker, seen)).toEqual({ 'bridge down': 'CRITICAL' })
})

test('messages that are thrown away and a slow session raise', async () => {
  const look = (dropped: number, connect = 12) =>
    collectOnce(mqttBroker, {}, { client: broker({ ...healthy, 'publish/messages/dropped': `${dropped}` }, connect) })
  const before = await look(0)
  expect([judgedBy(mqttBroker, await look(60, 5_100), before), judgedBy(mqttBroker, await look(0), before)]).toEqual([
    { 'messages thrown away': 'WARNING', slow: 'WARNING' },
    {},
  ])
})

test('whatever the broker says, the outcome is clear', () =>
  expectClearOutcomes(
    mqttBroker,
    fc.dictionary(
      fc.constantFrom(...Object.keys(healthy), 'heap/current'),
      fc.oneof(fc.string(), fc.double().map(String)),
    ),
    (said) => broker(said),
  ))
