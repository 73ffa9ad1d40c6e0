import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GroupSummary, SystemSummary } from '../../../src/contract/index.ts'
import type { SeverityOrClear } from '../../../src/model/index.ts'
import { byUrgency, matchesText, overviewRows, type OverviewFilter } from './overview.ts'

const none = { INFO: 0, WARNING: 0, MINOR: 0, MAJOR: 0, CRITICAL: 0 }

/** `acme/shop:MAJOR` is a system with a major alarm, `acme/shop:!` one that nobody watches, `acme/shop` one that is well. */
function system(text: string, more: Partial<SystemSummary> = {}): SystemSummary {
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
    reason: state === '!' ? 'no agent is there' : null,
    alarms: worst === 'CLEAR' ? none : { ...none, [worst]: 1 },
    tasks: 1,
    failing: 0,
    coverage: 1,
    connectors: [],
    ...more,
  }
}

function groupsOf(systems: readonly SystemSummary[]): GroupSummary[] {
  return [...new Set(systems.map(({ group }) => group))].map((name) => {
    const worst = systems.filter((one) => one.group === name).toSorted(byUrgency)[0]!
    const { worst: severity, state, reason, alarms } = worst
    return { name, worst: severity, state, reason, systems: 1, tasks: 1, alarms, coverage: 1 }
  })
}

function drawn(texts: readonly string[], filter: Partial<OverviewFilter> = {}, folded: readonly string[] = []): string {
  const systems = texts.map((text) => system(text))
  return overviewRows(groupsOf(systems), systems, { text: '', state: 'all', ...filter }, new Set(folded))
    .map((row) => (row.is === 'group' ? `${row.group.name}(${row.shown})` : row.system.name))
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
  ['nothing found is nothing shown', { text: 'nowhere' }, ''],
] as const)('%s', (_, filter, expected) => {
  expect(drawn(all, filter)).toBe(expected)
})

test('a folded group keeps its line and its count', () => {
  expect(drawn(all, {}, ['acme', 'calm'])).toBe('acme(2) blue(2) mail web calm(3)')
})

test('text is looked for in names, types, connectors and tags', () => {
  const shop = system('acme/shop', {
    tags: { env: 'prod' },
    connectors: [{ name: 'front', type: 'http', worst: 'CLEAR', tasks: 1, failing: 0 }],
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
