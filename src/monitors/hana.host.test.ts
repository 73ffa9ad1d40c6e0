import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import host from './hana.host.ts'

const at = (used: number, busy: number, swap = 0) => ({
  M_HOST_RESOURCE_UTILIZATION: [
    {
      host: 'hana1',
      memory_used: used,
      memory_free: 1_000 - used,
      memory_size: 1_000,
      swap_used: swap,
      instance_used: 450,
      instance_peak: 470,
      instance_limit: 900,
      user_time: busy,
      system_time: 10,
      wait_time: 5,
      idle_time: 200 - busy,
    },
  ],
})

test('processors are measured between two runs, memory in each', async () => {
  let kept: unknown
  const first = await collectOnce(host, {}, { client: hanaDatabase(at(500, 0)), remember: (value) => (kept = value) })
  const seen = await collectOnce(host, {}, { client: hanaDatabase(at(500, 50)), previous: kept })
  expectSound(host, seen)
  const only = (value: number) => [{ labels: { host: 'hana1' }, value }]
  // In between 50 ms were busy, and 50 ms less were idle: counters that went back say nothing.
  expect([first.metrics['cpu'], seen.metrics]).toEqual([
    [],
    {
      cpu: [],
      cpu_wait: [],
      memory: only(50),
      memory_used: only(500),
      memory_free: only(500),
      swap_used: only(0),
      instance_memory: only(50),
      instance_memory_used: only(450),
      instance_memory_peak: only(470),
    },
  ])
})

test('busy processors, full memory and swapping raise', async () => {
  const [row] = at(990, 100, 4_096).M_HOST_RESOURCE_UTILIZATION
  const later = { M_HOST_RESOURCE_UTILIZATION: [{ ...row, user_time: 1_090, system_time: 10, wait_time: 15 }] }
  const previous = { '["hana1"]': [100, 10, 5, 100] }
  const seen = await collectOnce(host, {}, { client: hanaDatabase(later), previous })
  expect([seen.metrics['cpu'], seen.metrics['cpu_wait'], judgedBy(host, seen)]).toEqual([
    [{ labels: { host: 'hana1' }, value: 99 }],
    [{ labels: { host: 'hana1' }, value: 1 }],
    { processors: 'CRITICAL', memory: 'CRITICAL', swap: 'WARNING' },
  ])
})

test('a machine that has enough of everything raises nothing, one at its allocation limit does', async () => {
  const [row] = at(500, 100).M_HOST_RESOURCE_UTILIZATION
  const previous = { '["hana1"]': [50, 0, 0, 50] }
  const run = (instance_used: number) => {
    const client = hanaDatabase({ M_HOST_RESOURCE_UTILIZATION: [{ ...row, instance_used, idle_time: 400 }] })
    return collectOnce(host, {}, { client, previous })
  }
  const well = await run(450)
  expect([well.metrics['cpu'], judgedBy(host, well), judgedBy(host, await run(820))]).toEqual([
    [{ labels: { host: 'hana1' }, value: (100 * 60) / 415 }],
    {},
    { 'allocation limit': 'WARNING' },
  ])
})

test('withstands whatever rows come', () =>
  withstandsDamagedRows(host, at(500, 100), { previous: { '["hana1"]': [1, 2, 3, null] } }))
