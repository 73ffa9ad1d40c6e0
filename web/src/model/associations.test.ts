import { expect, test } from 'vitest'
import {
  cell,
  columnsOf,
  edited,
  liveEdits,
  localRule,
  withEdits,
  type Associations,
  type Edits,
} from './associations.ts'

const saved: Associations = [
  { group: 'acme', agents: ['north', 'south'] },
  { group: 'globex', agents: ['local'] },
]
const none: Edits = new Map()

test('a cell that is set and set back is no edit', () => {
  const once = edited(saved, none, 'acme', 'local', true)
  expect([[...once], [...edited(saved, once, 'acme', 'local', false)]]).toEqual([[[cell('acme', 'local'), true]], []])
})

test('edits are laid over what the server has now, so that what others changed meanwhile stays', () => {
  const edits = edited(saved, edited(saved, none, 'acme', 'north', false), 'initech', 'north', true)
  const meanwhile: Associations = [...saved, { group: 'umbrella', agents: ['south'] }]
  expect(withEdits(meanwhile, edits)).toEqual([
    { group: 'acme', agents: ['south'] },
    { group: 'globex', agents: ['local'] },
    { group: 'umbrella', agents: ['south'] },
    { group: 'initech', agents: ['north'] },
  ])
})

test('a group that would be left to nobody is left out of what is sent', () => {
  expect(withEdits(saved, edited(saved, none, 'globex', 'local', false))).toEqual([
    { group: 'acme', agents: ['north', 'south'] },
  ])
})

test('edits that came true elsewhere, or whose group or agent is gone, are dropped', () => {
  const edits: Edits = new Map([
    [cell('acme', 'north'), true],
    [cell('acme', 'local'), true],
    [cell('gone', 'north'), true],
    [cell('acme', 'retired'), true],
  ])
  const known = { groups: new Set(['acme', 'globex']), agents: new Set(['north', 'south', 'local']) }
  expect([...liveEdits(saved, edits, known)]).toEqual([[cell('acme', 'local'), true]])
})

test('the own agent runs everything until the first association, then what it is given', () => {
  const stories: readonly (readonly [Associations, string])[] = [
    [[], 'runs everything'],
    [[{ group: 'acme', agents: [] }], 'runs everything'],
    [saved, 'runs its groups'],
    [[{ group: 'acme', agents: ['north'] }], 'runs nothing'],
  ]
  expect(stories.map(([associations]) => localRule(associations))).toEqual(stories.map(([, rule]) => rule))
})

test('a name that no agent bears any more has a column as long as a group goes by it', () => {
  const agents = [{ name: 'south' }, { name: 'local' }]
  expect(columnsOf(saved, agents).map(({ name, agent }) => (agent === undefined ? `${name}?` : name))).toEqual([
    'local',
    'north?',
    'south',
  ])
})
