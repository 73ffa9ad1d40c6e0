import { expect, test } from 'vitest'
import type { TravellingSettings } from '../model/index.ts'
import { exampleDocument, openTestInventory } from './testing.ts'

const travelling: TravellingSettings = {
  parallelTasks: 1,
  parallelPerTarget: 1,
  processTimeoutMs: 1_000,
  logLevel: 'info',
  logDurationMs: 0,
  leaseMs: null,
}
const at = (iso: string): number => Date.parse(iso)
const nightly = {
  name: 'nightly',
  reason: 'Backups',
  by: 'ann',
  group: 'acme',
  system: 'shop',
  begins: '2026-12-01T22:00',
  lasts: '2h',
  zone: 'Europe/Berlin',
  repeats: { every: 'day' },
}
const quiet = { name: 'quiet', tags: { env: 'prod' }, begins: '2026-12-05T00:00', lasts: '1d', checks: 'run' }

test('a window is kept as written, concerns what it names, and goes with the next document that is the whole truth', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, { author: 'ann' })
  const empty = inventory.document()
  await inventory.apply({ maintenances: [quiet, nightly] }, { author: 'ann' })
  const [task] = inventory.tasks()
  const isOn = (iso: string) => inventory.isInMaintenance(task!.id, at(iso))
  const again = await inventory.apply(inventory.document(), { author: 'ann', prune: true })
  expect([
    inventory.document().maintenances,
    again.changes,
    ['2026-12-01T20:59:59.999Z', '2026-12-01T21:00Z', '2026-12-02T22:59Z', '2026-12-05T12:00Z'].map(isOn),
  ]).toEqual([[nightly, quiet], [], [false, true, true, true]])

  const gone = await inventory.apply(empty, { author: 'ann', prune: true })
  expect([gone.changes.map(({ action, path }) => `${action} ${path}`), isOn('2026-12-01T21:00Z')]).toEqual([
    ['remove maintenances["nightly"]', 'remove maintenances["quiet"]'],
    false,
  ])
})

test('an agent is given the windows in which nothing is run, and a new assignment when they change', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, { author: 'ann' })
  const given = () => inventory.assignmentFor('north-1', travelling)
  const before = given()
  await inventory.apply({ maintenances: [quiet] }, { author: 'ann' })
  const silent = given()
  await inventory.apply({ maintenances: [nightly] }, { author: 'ann' })
  const paused = given()
  await inventory.removeMaintenance('nightly', { author: 'ann' })
  const after = given()
  expect([
    [before, silent, paused, after].map(({ connectors }) => connectors[0]?.pauses),
    silent.version === before.version,
    paused.version === before.version,
    after.version === before.version,
  ]).toEqual([
    [
      undefined,
      undefined,
      [
        {
          begins: '2026-12-01T22:00',
          lastsMs: 7_200_000,
          zone: 'Europe/Berlin',
          repeats: { every: 'day', interval: 1 },
        },
      ],
      undefined,
    ],
    true,
    false,
    true,
  ])
})

test('windows are read back as they were when the instance starts again', async () => {
  await using opened = await openTestInventory()
  await opened.inventory.apply({ ...exampleDocument, maintenances: [nightly, quiet] }, { author: 'ann' })
  const document = opened.inventory.document()
  const again = await opened.restart()
  expect([again.document(), again.problems(), again.maintenances().map(({ name }) => name)]).toEqual([
    document,
    [],
    ['nightly', 'quiet'],
  ])
})

test('who edits one group makes windows there, and takes over none of another', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(
    { ...exampleDocument, groups: [...exampleDocument.groups, { name: 'other' }], maintenances: [nightly, quiet] },
    { author: 'ann' },
  )
  const asOther = { author: 'bob', groups: ['other'], allowed: (group: string | null) => group === 'other' }
  const window = { begins: '2026-12-01T22:00', lasts: '2h' }
  const said = async (act: () => Promise<unknown>) =>
    act().then(
      () => 'done',
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : ''),
    )
  expect([
    await said(() => inventory.apply({ maintenances: [{ ...window, name: 'own', group: 'other' }] }, asOther)),
    await said(() => inventory.apply({ maintenances: [{ ...window, name: 'nightly', group: 'other' }] }, asOther)),
    await said(() => inventory.apply({ maintenances: [{ ...window, name: 'all' }] }, asOther)),
    await said(() => inventory.removeMaintenance('nightly', asOther)),
    await said(() => inventory.removeMaintenance('quiet', asOther)),
    inventory.maintenances(['other']).map(({ name }) => name),
  ]).toEqual([
    'done',
    'maintenances["nightly"] may not be changed; nothing was changed',
    'maintenances["all"] may not be changed; nothing was changed',
    'there is no maintenance window "nightly"',
    'maintenances["quiet"] may not be changed; nothing was changed',
    ['own', 'quiet'],
  ])
})
