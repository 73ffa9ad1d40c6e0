import { expect, test } from 'vitest'
import type { SnmpClient, SnmpValue } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import snmpHost from './snmp.host.ts'

const storage = '1.3.6.1.2.1.25.2.3.1'
const kinds = '1.3.6.1.2.1.25.2.1'

function machine(
  columns: Readonly<Record<string, readonly SnmpValue['value'][]>>,
  single: Readonly<Record<string, number>>,
): SnmpClient {
  return {
    target: 'nas1:161',
    get: async (oids) =>
      new Map(
        oids.flatMap((oid): [string, SnmpValue][] =>
          single[oid] === undefined ? [] : [[oid, { oid, type: 'gauge', value: single[oid] }]],
        ),
      ),
    walk: async (oid) => ({
      values: (columns[oid] ?? []).map((value, i) => ({ oid: `${oid}.${i + 1}`, type: 'gauge', value })),
      more: false,
    }),
  }
}

const columns = {
  '1.3.6.1.2.1.25.3.3.1.2': [90, 100],
  '1.3.6.1.4.1.2021.10.1.5': [150, 100, 50],
  [`${storage}.2`]: [`${kinds}.2`, `${kinds}.4`, `${kinds}.4`, `${kinds}.3`, `${kinds}.4`],
  [`${storage}.3`]: ['Physical memory', '/', 'C:\\ Label:System  Serial Number 1a2b', 'Swap space', '/run'],
  [`${storage}.4`]: [1024, 4096, 4096, 1024, 4096],
  [`${storage}.5`]: [1000, 100, -2_147_483_648, 100, 10],
  [`${storage}.6`]: [960, 90, 1_073_741_824, 0, 10],
}

test('a machine that knows HOST-RESOURCES alone is measured by it', async () => {
  const client = machine(columns, { '1.3.6.1.2.1.25.1.6.0': 77, '1.3.6.1.2.1.25.1.1.0': 100_000 })
  const seen = await collectOnce(snmpHost, {}, { client })
  expectSound(snmpHost, seen)
  expect([seen.metrics, judgedBy(snmpHost, seen)]).toEqual([
    {
      cpu: 95,
      memory_used: 96,
      memory_total: 1000 * 1024,
      swap_used: 0,
      load1: 1.5,
      load5: 1,
      load15: 0.5,
      storage_used: [
        { labels: { storage: '/' }, value: 90 },
        { labels: { storage: 'C:\\' }, value: 50 },
      ],
      storage_size: [
        { labels: { storage: '/' }, value: 409_600 },
        { labels: { storage: 'C:\\' }, value: 2 ** 31 * 4096 },
      ],
      processes: 77,
      uptime: 1000,
    },
    { 'processors busy': 'WARNING', 'memory full': 'CRITICAL', 'storage full': 'WARNING' },
  ])
})

test('net-snmp knows what of its memory can be given back', async () => {
  const client = machine(columns, {
    '1.3.6.1.4.1.2021.4.5.0': 1000,
    '1.3.6.1.4.1.2021.4.6.0': 100,
    '1.3.6.1.4.1.2021.4.14.0': 100,
    '1.3.6.1.4.1.2021.4.15.0': 300,
    '1.3.6.1.4.1.2021.4.3.0': 200,
    '1.3.6.1.4.1.2021.4.4.0': 50,
  })
  const seen = await collectOnce(snmpHost, { storage: ['/'] }, { client })
  expect([seen.metrics['memory_used'], seen.metrics['swap_used'], seen.metrics['storage_used']]).toEqual([
    50,
    75,
    [{ labels: { storage: '/' }, value: 90 }],
  ])
})

test('a device that is no machine says so', async () => {
  const seen = await collectOnce(snmpHost, {}, { client: machine({}, {}) })
  expect([seen.failure?.reason, judgedBy(snmpHost, seen)]).toEqual(['configuration', { 'cannot measure': 'MAJOR' }])
})

test('a machine with enough of everything raises nothing; one that swaps and has just started does', async () => {
  const look = async (swap: number, uptime: number) => {
    const calm = {
      ...columns,
      '1.3.6.1.2.1.25.3.3.1.2': [10, 20],
      [`${storage}.6`]: [500, 50, 1_073_741_824, swap, 10],
    }
    const client = machine(calm, { '1.3.6.1.2.1.25.1.1.0': uptime })
    return judgedBy(snmpHost, await collectOnce(snmpHost, {}, { client }))
  }
  expect([await look(0, 100_000), await look(96, 2_000)]).toEqual([
    {},
    { 'swap full': 'CRITICAL', 'machine restarted': 'INFO' },
  ])
})
