import { expect, test } from 'vitest'
import { exampleDocument, openTestInventory } from './testing.ts'

const sharedDocument = { groups: [{ name: 'acme' }] }
const group = (name: string) => ({ groups: [{ name }] })

test('what another server configured is kept as a snapshot, once, with its audit log, and nothing here is changed by it', async () => {
  await using here = await openTestInventory({ defaults: sharedDocument })
  await using there = await openTestInventory({ defaults: sharedDocument })
  here.clock.advance(1_000)
  there.clock.advance(2_000)
  const since = there.clock.now()
  await here.inventory.apply(group('made-here'), { author: 'ada' })
  await there.inventory.apply(group('made-there'), { author: 'bob' })
  const before = here.inventory.document()
  const work = await there.inventory.ownWork(since)
  const kept = await here.inventory.keepWork(work, 'the other one')
  await here.inventory.keepWork(work, 'the other one')
  const difference = await here.inventory.snapshots.diff(kept!.id)
  const bobs = (await here.inventory.audit({ who: 'bob' })).entries
  expect({
    isUnchanged: JSON.stringify(here.inventory.document()) === JSON.stringify(before),
    snapshots: (await here.inventory.snapshots.list()).map(({ name, author }) => `${name} by ${author}`),
    difference: difference.changes.map(({ action, path }) => `${action} ${path}`).toSorted(),
    bobs: bobs.map(({ action, what }) => `${action} ${what}`),
  }).toEqual({
    isUnchanged: true,
    snapshots: ['the other one by failover'],
    difference: ['add groups["made-there"]', 'remove groups["made-here"]'],
    bobs: ['group added groups["made-there"]'],
  })
})

test('where both are configured alike there is nothing to keep', async () => {
  await using here = await openTestInventory({ defaults: exampleDocument })
  expect([
    await here.inventory.keepWork(await here.inventory.ownWork(here.clock.now() + 1), 'the other one'),
    await here.inventory.snapshots.list(),
  ]).toEqual([undefined, []])
})

test('an inventory that is read anew has what was written by another, tells who listens what changed, and keeps what did not', async () => {
  await using one = await openTestInventory({ defaults: exampleDocument })
  const [task] = one.inventory.tasks()
  const heard: string[] = []
  one.inventory.onChange(({ tasksAdded, tasksRemoved }) => heard.push(`+${tasksAdded.length} -${tasksRemoved.length}`))
  await one.inventory.reload()
  await one.write(
    `INSERT INTO configuration_revision (revision, at, author, comment, added, changed, removed) VALUES (2, 5, 'x', '', 0, 0, 1)`,
  )
  await one.write(`DELETE FROM configuration_object WHERE kind = 'connector'`)
  await one.inventory.reload()
  expect([task !== undefined, one.inventory.revision(), one.inventory.tasks(), heard]).toEqual([true, 2, [], ['+0 -1']])
})
