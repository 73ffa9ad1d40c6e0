import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkDeclared, type MqttClient } from '../sdk/index.ts'
import { collectOnce, expectClearOutcomes, judgedBy } from '../sdk/testing.ts'
import mqttValue, { topicMatches } from './mqtt.value.ts'

const broker = (said: Readonly<Record<string, string>>, refused: readonly string[] = []): MqttClient => ({
  target: 'mq1:8883',
  listen: async () => ({
    connect: 12,
    messages: Object.entries(said).map(([topic, payload]) => ({ topic, payload, retained: true })),
    refused,
  }),
  roundTrip: () => Promise.reject(new Error('not here')),
})

test('a value that may not be read is named as such', async () => {
  const client = broker({}, ['plant/boiler'])
  const seen = await collectOnce(mqttValue, { values: { boiler: 'plant/boiler' } }, { client })
  expect([seen.failure?.message, judgedBy(mqttValue, seen)]).toEqual([
    'mq1:8883: the user may not read plant/boiler (boiler)',
    { 'no values': 'CRITICAL', 'nothing asked for': 'WARNING' },
  ])
})

test('a value that is there is measured', async () => {
  const client = broker({ 'plant/boiler': '81.5' })
  const seen = await collectOnce(mqttValue, { values: { boiler: 'plant/boiler' } }, { client })
  expect([seen.more, judgedBy(mqttValue, seen)]).toEqual([[{ name: 'boiler', labels: {}, value: 81.5 }], {}])
})

// pattern, topic → whether it is meant
const topics: [string, string, boolean][] = [
  ['plant/boiler', 'plant/boiler', true],
  ['plant/+', 'plant/boiler', true],
  ['plant/+', 'plant/boiler/temperature', false],
  ['plant/#', 'plant/boiler/temperature', true],
  ['plant/#', 'plant', true],
  ['#', '$SYS/broker/uptime', false],
  ['$SYS/#', '$SYS/broker/uptime', true],
]
test.each(topics)('%s and %s', (filter, topic, meant) => {
  expect(topicMatches(filter, topic)).toBe(meant)
})

test('what cannot work is refused', () => {
  const wrong = { values: { connect: 'a', a: 'plant/b#', b: 'x' }, paths: { c: '$.x', b: '$..[' } }
  const checked = checkDeclared(mqttValue, wrong, 'settings')
  expect(checked.ok ? [] : checked.problems.map((one) => one.path)).toEqual([
    'settings.values.connect',
    'settings.values.a',
    'settings.paths.c',
    'settings.paths.b',
  ])
})

test('whatever was published, the outcome is clear', () =>
  expectClearOutcomes(
    mqttValue,
    fc.dictionary(
      fc.constantFrom('a', 'b', 'b/c', '__proto__'),
      fc.oneof(fc.string(), fc.json(), fc.double().map(String)),
    ),
    (said) => broker(said),
    { settings: { values: { a: 'a', b: 'b/#' }, paths: { b: '$..*' } } },
  ))
