import { expect, test } from 'vitest'
import type { SnmpClient, SnmpValue } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import snmpSystem from './snmp.system.ts'

function device(values: Readonly<Record<string, [SnmpValue['type'], SnmpValue['value']]>>): SnmpClient {
  const found = new Map(Object.entries(values).map(([oid, [type, value]]) => [oid, { oid, type, value }]))
  return { target: 'switch1:161', get: async () => found, walk: async () => ({ values: [], more: false }) }
}

const system = {
  '1.3.6.1.2.1.1.1.0': ['text', 'Cisco IOS Software\r\nVersion 15.2'],
  '1.3.6.1.2.1.1.2.0': ['oid', '1.3.6.1.4.1.9.1.1208'],
  '1.3.6.1.2.1.1.3.0': ['ticks', 12_000],
  '1.3.6.1.2.1.1.5.0': ['text', 'switch1'],
} as const satisfies Readonly<Record<string, [SnmpValue['type'], SnmpValue['value']]>>

test('says what the device is and that it restarted', async () => {
  let at = 0
  const seen = await collectOnce(snmpSystem, {}, { client: device({ ...system }), now: () => (at += 7) })
  expectSound(snmpSystem, seen)
  expect([seen, judgedBy(snmpSystem, seen)]).toEqual([
    {
      metrics: { response: 7, uptime: 120 },
      facts: {
        name: 'switch1',
        description: 'Cisco IOS Software Version 15.2',
        kind: '1.3.6.1.4.1.9.1.1208',
        maker: 'Cisco',
      },
    },
    { 'device restarted': 'WARNING' },
  ])
})

test('after 497 days the hundredths begin anew, and the device is not taken for one that restarted', async () => {
  const engine = { '1.3.6.1.6.3.10.2.1.3.0': ['integer', 43_000_000] as [SnmpValue['type'], number] }
  const seen = await collectOnce(snmpSystem, {}, { client: device({ ...system, ...engine }) })
  expect([seen.metrics['uptime'], judgedBy(snmpSystem, seen)]).toEqual([43_000_000, {}])
})

test('a device that answers slowly raises', async () => {
  let at = 0
  const client = device({ ...system, '1.3.6.1.2.1.1.3.0': ['ticks', 12_000_000] })
  const seen = await collectOnce(snmpSystem, {}, { client, now: () => (at += 1_200) })
  expect(judgedBy(snmpSystem, seen)).toEqual({ 'slow answer': 'WARNING' })
})

test('a user who may see nothing is a matter of the credential', async () => {
  await expect(collectOnce(snmpSystem, {}, { client: device({}) })).rejects.toMatchObject({ reason: 'credentials' })
})
