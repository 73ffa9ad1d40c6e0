import { expect, test } from 'vitest'
import { collectOnce, expectSound, judgedBy, sapSaying } from '../sdk/testing.ts'
import sapInventory from './sap.inventory.ts'

const program = (name: string, version: string) => ({ Filename: `/usr/sap/FW1/D01/exe/${name}`, VersionInfo: version })
const kernel = [
  program('sapstartsrv', '753, patch 800, changelist 1, linuxx86_64'),
  program('disp+work', '753, patch 819, changelist 2, linuxx86_64'),
]

async function run(rows: readonly object[], previous?: unknown) {
  let kept: unknown
  const client = sapSaying({
    GetVersionInfo: rows,
    GetInstanceProperties: [{ property: 'SAPSYSTEMNAME', value: 'FW1' }],
  })
  const seen = await collectOnce(sapInventory, {}, { client, previous, remember: (value) => (kept = value) })
  expectSound(sapInventory, seen)
  return { seen, kept }
}

test('the kernel is that of the dispatcher, and every program has its version', async () => {
  const { seen } = await run(kernel)
  expect([seen.metrics, seen.facts, seen.message, judgedBy(sapInventory, seen)]).toEqual([
    { kernel: 753, patch: 819, releases: 1, programs: 2 },
    {
      sapstartsrv: '753, patch 800, changelist 1, linuxx86_64',
      'disp+work': '753, patch 819, changelist 2, linuxx86_64',
      SAPSYSTEMNAME: 'FW1',
    },
    '753, patch 819, changelist 2, linuxx86_64',
    {},
  ])
})

test('a program of another version is named once, and mixed kernels are', async () => {
  const first = await run(kernel)
  const patched = [kernel[0]!, program('disp+work', '777, patch 5, changelist 9')]
  const second = await run(patched, first.kept)
  const third = await run(patched, second.kept)
  expect(
    [second, third].map(({ seen }) => [seen.metrics['changed'], seen.message, judgedBy(sapInventory, seen)]),
  ).toEqual([
    [1, 'changed: disp+work', { 'programs changed': 'INFO', 'mixed kernels': 'WARNING' }],
    [0, '777, patch 5, changelist 9', { 'mixed kernels': 'WARNING' }],
  ])
})

test('versions of another form, as those of databases, are kept as they are', async () => {
  const { seen } = await run([program('hdbindexserver', '2.00.059.00.1636009964'), {}])
  expect([seen.metrics, seen.facts]).toEqual([
    { programs: 2 },
    { hdbindexserver: '2.00.059.00.1636009964', unnamed: '', SAPSYSTEMNAME: 'FW1' },
  ])
})
