import { expect, test } from 'vitest'
import { StatementRefused } from '../sdk/index.ts'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import memory from './hana.memory.ts'

const healthy = {
  M_SERVICE_MEMORY: [{ host: 'hana1', port: 30003, service: 'indexserver', used: 60, heap: 50, allowed: 100 }],
  M_SERVICE_COMPONENT_MEMORY: [{ host: 'hana1', component: 'Column Store Tables', used: 40 }],
  M_RS_MEMORY: [{ host: 'hana1', port: 30003, allocated: 200, unused: 20 }],
  M_OUT_OF_MEMORY_EVENTS: [{ events: 0 }],
}

test('memory is measured by service, component and store', async () => {
  const seen = await collectOnce(memory, {}, { client: hanaDatabase(healthy) })
  expectSound(memory, seen)
  const service = { host: 'hana1', port: '30003', service: 'indexserver' }
  expect([seen.metrics, judgedBy(memory, seen)]).toEqual([
    {
      used: [{ labels: service, value: 60 }],
      used_size: [{ labels: service, value: 60 }],
      limit: [{ labels: service, value: 100 }],
      heap_used: [{ labels: service, value: 50 }],
      component: [{ labels: { host: 'hana1', component: 'Column Store Tables' }, value: 40 }],
      row_store: [{ labels: { host: 'hana1', port: '30003' }, value: 200 }],
      row_store_free: [{ labels: { host: 'hana1', port: '30003' }, value: 10 }],
      out_of_memory: 0,
    },
    {},
  ])
})

test('a service at its limit and memory that ran out raise; a view of later versions may be missing', async () => {
  const full = { ...healthy, M_SERVICE_MEMORY: [{ ...healthy.M_SERVICE_MEMORY[0], used: 95 }] }
  const worse = { ...full, M_OUT_OF_MEMORY_EVENTS: [{ events: 4 }] }
  const older = { ...full, M_OUT_OF_MEMORY_EVENTS: new StatementRefused('259', 'invalid table name') }
  const seen = await collectOnce(memory, {}, { client: hanaDatabase(older) })
  const rows = { ...healthy, M_RS_MEMORY: [{ host: 'hana1', port: 30003, allocated: 301 * 1024 ** 3, unused: 20 }] }
  expect([
    judgedBy(memory, await collectOnce(memory, {}, { client: hanaDatabase(worse) })),
    judgedBy(memory, seen),
    seen.message,
    judgedBy(memory, await collectOnce(memory, {}, { client: hanaDatabase(rows) })),
  ]).toEqual([
    { memory: 'CRITICAL', 'out of memory': 'MAJOR' },
    { memory: 'CRITICAL' },
    'left out: out of memory (invalid table name)',
    { 'row store large': 'WARNING' },
  ])
})

test('withstands whatever rows come', () => withstandsDamagedRows(memory, healthy))
