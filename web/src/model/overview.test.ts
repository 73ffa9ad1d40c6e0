import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GroupSummary, SystemBrief } from '../../../src/contract/index.ts'
import type { SeverityOrClear } from '../../../src/model/index.ts'
import {
  byUrgency,
  filterSystems,
  isFiltered,
  matchesText,
  readFilter,
  tagsOf,
  treeRows,
  type SystemFilter,
} from './overview.ts'

const none = { INFO: 0, WARNING: 0, MINOR: 0, MAJOR: 0, CRITICAL: 0 }

/** `acme/shop:MAJOR` is a system with a major alarm, `acme/shop:!` one that nobody watches, `acme/shop` one that is well. */
function system(text: string, more: Partial<SystemBrief> = {}): SystemBrief {
  const [place = '', state = ''] = text.split(':')
  const [group = '', name = ''] = place.split('/')
  const worst = (state === '' || state === '!' ? 'CLEAR' : state) as SeverityOrClear
  return {
    id: place,
    group,
    name,
    type: 'web',
    tags: {},
    worst,
    state: state === '!' ? 'UNCOVERED' : 'covered',
    ...(worst === 'CLEAR' ? {} : { alarms: { ...none, [worst]: 1 } }),
    tasks: 1,
    connectors: { http: ['front'] },
    ...more,
  }
}

function groupsOf(systems: readonly SystemBrief[]): GroupSummary[] {
  return [...new Set(systems.map(({ group }) => group))].map((name) => {
    const within = systems
      .filter((one) => one.group === name)
      .map((one) => ({ ...one, alarms: one.alarms ?? none }))
      .toSorted(byUrgency)
    const { worst, state, alarms } = within[0]!
    return { name, worst, state, reason: null, systems: within.length, tasks: 1, alarms, coverage: 1 }
  })
}

/** `turned` groups are not as they are at first, `opened` systems show their connectors. */
function drawn(
  texts: readonly string[],
  given: Partial<SystemFilter> = {},
  turned: readonly string[] = [],
  opened: readonly string[] = [],
): string {
  const systems = texts.map((text) => system(text))
  const filter = { ...readFilter({}), ...given }
  const rows = treeRows(groupsOf(systems), filterSystems(systems, filter), isFiltered(filter), {
    turned: new Set(turned),
    systems: new Set(opened),
  })
  return rows
    .map((row) =>
      row.is === 'group' ? `${row.group.name}(${row.shown})` : row.is === 'system' ? row.system.name : `+${row.name}`,
    )
    .join(' ')
}

const all = [
  'calm/db10',
  'calm/db2',
  'calm/idle:!',
  'acme/shop',
  'acme/till:CRITICAL',
  'blue/mail:MINOR',
  'blue/web:WARNING',
]

test('the worst group comes first, and within it the worst system; what nobody watches comes before what is well', () => {
  expect(drawn(all)).toBe('acme(2) till shop blue(2) mail web calm(3) idle db2 db10')
})

test.each([
  ['a severity shows that and worse', { state: 'MINOR' }, 'acme(1) till blue(1) mail'],
  ['problems are alarms and silences', { state: 'problems' }, 'acme(1) till blue(2) mail web calm(1) idle'],
  ['what nobody watches can be asked for', { state: 'UNCOVERED' }, 'calm(1) idle'],
  ['words narrow it down', { text: 'db CALM' }, 'calm(2) db2 db10'],
  ['a group can be asked for', { group: 'blue' }, 'blue(2) mail web'],
  ['nothing found is nothing shown', { text: 'nowhere' }, ''],
] as const)('%s', (_, filter, expected) => {
  expect(drawn(all, filter)).toBe(expected)
})

test('a closed group keeps its line and its count, an open system shows its connectors', () => {
  expect(drawn(all, {}, ['acme', 'calm'], ['blue/mail'])).toBe('acme(2) blue(2) mail +front web calm(3)')
})

test('of ten thousand systems one sees the groups first', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `g${i % 3}/s${i}`)
  expect([drawn(many), drawn(many, { text: 's4711' })]).toEqual(['g0(3334) g1(3333) g2(3333)', 'g1(1) s4711'])
})

test('tags are offered by how many bear them, and chosen as they are written', () => {
  const systems = [
    system('a/1', { tags: { env: 'prod', pci: '' } }),
    system('a/2', { tags: { env: 'prod' } }),
    system('a/3', { tags: { env: 'test' } }),
  ]
  const chosen = (tag: string) =>
    filterSystems(systems, readFilter({ tag }))
      .get('a')
      ?.map(({ name }) => name)
  expect([tagsOf(systems), chosen('env=prod'), chosen('pci'), chosen('env')]).toEqual([
    ['env=prod', 'env=test', 'pci'],
    ['1', '2'],
    ['1'],
    undefined,
  ])
})

test('text is looked for in names, types, connectors and tags', () => {
  const shop = system('acme/shop', {
    tags: { env: 'prod' },
  })
  expect(
    ['shop', 'ACME', 'front http', 'env=prod', 'prod shop', 'env=test', 'shop x'].map((text) =>
      matchesText(shop, text),
    ),
  ).toEqual([true, true, true, true, true, false, false])
})

test('the order does not depend on the order things came in', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
      expect(drawn(shuffled)).toBe(drawn(all))
    }),
  )
})
