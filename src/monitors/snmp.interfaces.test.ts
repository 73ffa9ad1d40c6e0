import { expect, test } from 'vitest'
import type { SnmpClient, SnmpValue } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import snmpInterfaces from './snmp.interfaces.ts'

const table = '1.3.6.1.2.1.2.2.1'
const extended = '1.3.6.1.2.1.31.1.1.1'

/** Columns by their OID, each with a value for every interface. */
type Columns = Readonly<Record<string, readonly SnmpValue['value'][]>>

function device(columns: Columns, upFor = 1_000_000): SnmpClient {
  return {
    target: 'switch1:161',
    get: async ([oid = '']) => new Map([[oid, { oid, type: 'ticks', value: upFor }]]),
    walk: async (oid, most) => {
      const values = (columns[oid] ?? []).map((value, i): SnmpValue => ({
        oid: `${oid}.${i + 1}`,
        type: 'gauge',
        value,
      }))
      return { values: values.slice(0, most), more: values.length > most }
    },
  }
}

const before: Columns = {
  [`${table}.2`]: ['GigabitEthernet0/1', 'GigabitEthernet0/2', 'lo'],
  [`${table}.3`]: [6, 6, 24],
  [`${table}.7`]: [1, 1, 1],
  [`${table}.8`]: [1, 2, 1],
  [`${table}.9`]: [900_000, 0, 0],
  [`${table}.13`]: [0, 0, 0],
  [`${table}.14`]: [4_294_967_290, 0, 0],
  [`${table}.19`]: [10, 0, 0],
  [`${table}.20`]: [0, 0, 0],
  [`${extended}.1`]: ['Gi0/1', 'Gi0/2', 'lo'],
  [`${extended}.6`]: [2 ** 40, 0, 9],
  [`${extended}.10`]: [1_000, 0, 9],
  [`${extended}.15`]: [100, 1_000, 10],
  [`${extended}.18`]: ['uplink core', '', ''],
}
const after: Columns = {
  ...before,
  [`${table}.14`]: [14, 0, 0],
  [`${table}.19`]: [30, 0, 0],
  [`${extended}.6`]: [2 ** 40 + 120_000_000, 0, 10],
  [`${extended}.10`]: [7_501_000, 0, 10],
}

async function twice(first: SnmpClient, second: SnmpClient, settings = {}) {
  let kept: unknown
  const remember = (value: unknown) => (kept = JSON.parse(JSON.stringify(value)))
  await collectOnce(snmpInterfaces, settings, { client: first, remember, now: () => 0 })
  return collectOnce(snmpInterfaces, settings, { client: second, previous: kept, now: () => 10_000 })
}

const of = (name: string, value: number) => [{ labels: { interface: name }, value }]

test('counters become rates and shares, a counter of 32 bits comes round, and an unused port may be down', async () => {
  const seen = await twice(device(before), device(after, 1_001_000))
  expectSound(snmpInterfaces, seen)
  expect([seen.metrics, judgedBy(snmpInterfaces, seen)]).toEqual([
    {
      interfaces: 3,
      oper_status: [...of('Gi0/1', 1), ...of('Gi0/2', 2)],
      admin_status: [...of('Gi0/1', 1), ...of('Gi0/2', 1)],
      link_down: [...of('Gi0/1', 0), ...of('Gi0/2', 0)],
      received: [...of('Gi0/1', 96_000_000), ...of('Gi0/2', 0)],
      sent: [...of('Gi0/1', 6_000_000), ...of('Gi0/2', 0)],
      speed: [...of('Gi0/1', 1e8), ...of('Gi0/2', 1e9)],
      received_used: [...of('Gi0/1', 96), ...of('Gi0/2', 0)],
      sent_used: [...of('Gi0/1', 6), ...of('Gi0/2', 0)],
      errors: [...of('Gi0/1', 2), ...of('Gi0/2', 0)],
      discards: [...of('Gi0/1', 2), ...of('Gi0/2', 0)],
    },
    { 'receives to the limit': 'MAJOR', errors: 'WARNING' },
  ])
})

test('a link that sends all it can raises', async () => {
  const sending = { ...before, [`${extended}.10`]: [1_000 + 110_000_000, 0, 10] }
  const seen = await twice(device(before), device(sending, 1_001_000))
  expect([seen.metrics['sent_used'], judgedBy(snmpInterfaces, seen)]).toEqual([
    [...of('Gi0/1', 88), ...of('Gi0/2', 0)],
    { 'sends to the limit': 'WARNING' },
  ])
})

test('a device that restarted gives no rates, and neither does a counter of 64 bits that went back', async () => {
  const restarted = await twice(device(before, 1_000_000), device(after, 500))
  const reset = await twice(device(after), device({ ...after, [`${extended}.6`]: [5, 0, 0] }, 1_001_000))
  expect([restarted.metrics['received'], restarted.metrics['errors'], reset.metrics['received']]).toEqual([
    [],
    [],
    of('Gi0/2', 0),
  ])
})

test('without counters of 64 bits those of 32 are read, and come round', async () => {
  const { [`${extended}.6`]: _, [`${extended}.10`]: __, ...old } = before
  const narrow = (octets: number) => device({ ...old, [`${table}.10`]: [octets, 0, 0], [`${table}.16`]: [0, 0, 0] })
  const seen = await twice(narrow(2 ** 32 - 500), narrow(500), { interfaces: ['Gi0/1'] })
  expect(seen.metrics['received']).toEqual(of('Gi0/1', 800))
})

// setting, state of the link → what raises
const links: [string, Record<string, unknown>, Columns, Record<string, string>][] = [
  ['a link in use goes down', {}, { [`${table}.8`]: [2, 2, 1] }, { 'link down': 'CRITICAL' }],
  ['one that is switched off', {}, { [`${table}.8`]: [2, 2, 1], [`${table}.7`]: [2, 1, 1] }, {}],
  ['all links must be up', { links: 'all' }, {}, { 'link down': 'CRITICAL' }],
  ['none must', { links: 'none' }, { [`${table}.8`]: [2, 2, 1] }, {}],
  ['only those of an alias count', { interfaces: ['uplink*'], links: 'all' }, {}, {}],
  ['one that changed long after the start', {}, { [`${table}.9`]: [0, 900_000, 0] }, { 'link down': 'CRITICAL' }],
]
test.each(links)('%s', async (_, settings, change, verdict) => {
  const seen = await collectOnce(snmpInterfaces, settings, { client: device({ ...before, ...change }) })
  expect(judgedBy(snmpInterfaces, seen)).toEqual(verdict)
})

test('interfaces of one name are told apart, and more than wanted are cut with words', async () => {
  const same = device({ ...before, [`${extended}.1`]: ['eth', 'eth', 'lo'] })
  const names = (await collectOnce(snmpInterfaces, {}, { client: same })).metrics['oper_status']
  const cut = await collectOnce(snmpInterfaces, { maxInterfaces: 1 }, { client: device(before) })
  expect([names, cut.message]).toEqual([
    [...of('eth #1', 1), ...of('eth #2', 2)],
    'only the first 1 interfaces are measured',
  ])
})
