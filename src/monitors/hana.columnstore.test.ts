import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import columnstore from './hana.columnstore.ts'

const of = { schema: 'SAPABAP1', table: 'ACDOCA', part: 1 }
const at = (unloads: number, failed: number | null, delta: number, rows: number) => ({
  M_CS_UNLOADS: [{ unloads }],
  M_DELTA_MERGE_STATISTICS: [{ failed, longest: 12 }],
  'MEMORY_SIZE_IN_DELTA AS': [{ ...of, amount: delta }],
  'RECORD_COUNT AS': [{ ...of, amount: rows }],
  MEMORY_SIZE_IN_TOTAL: [{ host: 'hana1', size: 4_000 }],
})

test('the largest deltas and partitions are shown', async () => {
  const seen = await collectOnce(columnstore, {}, { client: hanaDatabase(at(0, null, 100, 1_000)) })
  expectSound(columnstore, seen)
  const only = (value: number) => [{ labels: { ...of, part: '1' }, value }]
  expect([seen.metrics, judgedBy(columnstore, seen)]).toEqual([
    {
      unloads: 0,
      merges_failed: 0,
      merges_running: 12,
      delta: only(100),
      rows: only(1_000),
      size: [{ labels: { host: 'hana1' }, value: 4_000 }],
    },
    {},
  ])
})

test('unloads, failed merges, a large delta and a full partition raise', async () => {
  const client = hanaDatabase(at(3, 1, 6 * 1024 ** 3, 1.9e9))
  expect(judgedBy(columnstore, await collectOnce(columnstore, {}, { client }))).toEqual({
    unloads: 'WARNING',
    'merges fail': 'WARNING',
    'delta large': 'WARNING',
    'partition full': 'CRITICAL',
  })
})

test('withstands whatever rows come', () => withstandsDamagedRows(columnstore, at(1, 1, 1, 1)))
