import { expect, test } from 'vitest'
import { filledIn, linesOf, movedPanel, newPanel, withoutPanel, withPanel, type Draft } from './dashboard.ts'

const draft: Draft = {
  description: '',
  variables: ['group'],
  panels: ['a', 'b', 'c'].map((title) => ({ ...newPanel, title, series: ['x{group="$group", system="$system"}'] })),
}
const titles = (of: Draft) => of.panels.map(({ title }) => title).join('')

test('panels are moved, changed and taken out, and stay where they are at the ends', () => {
  expect([
    titles(movedPanel(draft, 2, -1)),
    titles(movedPanel(draft, 2, 1)),
    titles(withoutPanel(draft, 0)),
    titles(withPanel(draft, 1, { title: 'B' })),
  ]).toEqual(['acb', 'abc', 'bc', 'aBc'])
})

test('only what the dashboard lets one choose is filled in', () => {
  expect(filledIn(draft.panels[0]!, draft.variables, { group: 'acme', system: 'shop' })).toEqual([
    'x{group="acme", system="*"}',
  ])
})

test('selections are typed one a line', () => {
  expect(linesOf(' a \n\n b{c="d"}')).toEqual(['a', 'b{c="d"}'])
})
