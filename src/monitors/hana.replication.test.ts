import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import replication from './hana.replication.ts'

const to = { site: 'TWO', host: 'hana2', port: 30003, mode: 'SYNC' }
const at = (state: { status: number; active: number; delay: number; gap: number }) => ({
  'AS STATUS': [{ ...to, ...state, reconnects: 1 }],
  'AS BACKLOG': [{ ...to, backlog: 0, buffer_full: 0 }],
  OPERATION_MODE: [{ ...to, delay: 2 }],
})
const well = at({ status: 0, active: 1, delay: 1, gap: 640 })
const run = (answers: Parameters<typeof hanaDatabase>[0]) =>
  collectOnce(replication, {}, { client: hanaDatabase(answers) })

test('each replicated service says how far its copy is behind', async () => {
  const seen = await run(well)
  expectSound(replication, seen)
  const only = (value: number) => [{ labels: { ...to, port: '30003' }, value }]
  expect([seen.metrics, judgedBy(replication, seen)]).toEqual([
    {
      status: only(0),
      secondary_active: only(1),
      shipping_delay: only(1),
      log_gap: only(640),
      reconnects: only(1),
      backlog: only(0),
      buffer_full: only(0),
      replay_delay: only(2),
      replicated: 1,
    },
    {},
  ])
})

test('syncing warns, an error and a secondary that is away are critical', async () => {
  const gib = 1024 ** 3
  expect([
    judgedBy(replication, await run(at({ status: 2, active: 1, delay: 90, gap: 0 }))),
    judgedBy(replication, await run(at({ status: 4, active: 0, delay: 700, gap: gib }))),
    judgedBy(replication, await run({})),
    judgedBy(
      replication,
      await run({
        ...well,
        'AS BACKLOG': [{ ...to, backlog: 2 * gib, buffer_full: 0 }],
        OPERATION_MODE: [{ ...to, delay: 601 }],
      }),
    ),
  ]).toEqual([
    { 'not replicating': 'WARNING', 'shipping late': 'WARNING' },
    {
      'not replicating': 'CRITICAL',
      'secondary inactive': 'CRITICAL',
      'shipping late': 'CRITICAL',
      'log not shipped': 'WARNING',
    },
    {},
    { backlog: 'WARNING', 'replay late': 'WARNING' },
  ])
})

test('a version without backlog and replay shows the rest', async () => {
  const unknown = new StatementRefused('260', 'invalid column name: BACKLOG_SIZE')
  const seen = await run({ ...well, 'AS BACKLOG': unknown })
  expect([seen.metrics['replicated'], seen.metrics['backlog'], seen.message]).toEqual([
    1,
    [],
    'left out: backlog (invalid column name: BACKLOG_SIZE)',
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(replication, well))
