import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import disk from './hana.disk.ts'

const at = (used: number, unused = 100) => ({
  M_DISKS: [{ host: 'hana1', usage: 'DATA', path: '/hana/data/HDB', used, size: 1_000 }],
  M_DISK_USAGE: [{ host: 'hana1', usage: 'DATA', used: 300 }],
  M_VOLUME_FILES: [{ host: 'hana1', port: 30003, type: 'DATA', size: 400, unused }],
})

test('disks are measured by their purpose, and full ones raise', async () => {
  const seen = await collectOnce(disk, {}, { client: hanaDatabase(at(500)) })
  expectSound(disk, seen)
  const data = { host: 'hana1', usage: 'DATA', path: '/hana/data/HDB' }
  const volume = { host: 'hana1', port: '30003', type: 'DATA' }
  expect([
    seen.metrics,
    judgedBy(disk, seen),
    judgedBy(disk, await collectOnce(disk, {}, { client: hanaDatabase(at(960)) })),
    judgedBy(disk, await collectOnce(disk, {}, { client: hanaDatabase(at(500, 220)) })),
  ]).toEqual([
    {
      used: [{ labels: data, value: 50 }],
      used_size: [{ labels: data, value: 500 }],
      size: [{ labels: data, value: 1_000 }],
      hana_used: [{ labels: { host: 'hana1', usage: 'DATA' }, value: 300 }],
      volume_size: [{ labels: volume, value: 400 }],
      volume_free: [{ labels: volume, value: 25 }],
    },
    {},
    { 'disk full': 'CRITICAL' },
    { 'data volume unused': 'INFO' },
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(disk, at(500)))
