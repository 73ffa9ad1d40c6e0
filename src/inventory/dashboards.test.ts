import { expect, test } from 'vitest'
import { openTestInventory } from './testing.ts'

const by = { author: 'ann' }
const board = {
  name: 'shops',
  variables: ['group', 'tag'],
  panels: [
    { title: 'Answer', kind: 'chart', series: ['duration{group="$group"}'], width: 12 },
    { title: 'Failing', kind: 'number', series: ['failed'], agg: 'last' },
  ],
} as const

test('a dashboard is part of the document: it comes back as it was written, and goes when the document is pruned', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply({ dashboards: [board] }, by)
  const written = inventory.document().dashboards
  const again = await inventory.apply(inventory.document(), { ...by, prune: true })
  const moved = await inventory.apply({ dashboards: [{ ...board, panels: board.panels.toReversed() }] }, by)
  await inventory.apply({}, { ...by, prune: true })
  expect({
    written,
    again: again.changes,
    moved: moved.changes.map(({ action, kind, path }) => `${action} ${kind} ${path}`),
    after: 'dashboards' in inventory.document(),
  }).toEqual({
    written: [board],
    again: [],
    moved: ['change dashboard dashboards["shops"]'],
    after: false,
  })
})

test.each([
  [{ dashboards: [{ name: 'x', panels: [{ title: 't', kind: 'pie', series: [] }] }] }, 'dashboards[0].panels[0].kind'],
  [{ dashboards: [{ name: 'x', panels: [{ title: 't', kind: 'chart' }] }] }, 'dashboards[0].panels[0].series'],
  [
    { dashboards: [{ name: 'x', panels: [{ title: 't', kind: 'chart', series: ['a'], width: 13 }] }] },
    'dashboards[0].panels[0].width',
  ],
  [{ dashboards: [{ name: 'x', variables: ['agent'] }] }, 'dashboards[0].variables[0]'],
  [{ dashboards: [{ name: 'x', colour: 'red' }] }, 'dashboards[0].colour'],
])('%j is refused, and what is wrong is named', async (document, path) => {
  await using opened = await openTestInventory()
  await expect(opened.inventory.apply(document, by)).rejects.toMatchObject({
    code: 'invalid-document',
    problems: [{ path }],
  })
})
