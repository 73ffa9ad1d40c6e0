import { expect, test } from 'vitest'
import type { ObjectPlace } from '../../../src/contract/index.ts'
import { objectAt, pathOf, placeKey, placeOf, renamed, searchOf, treeRows, within } from './configuration-tree.ts'

const document = {
  profiles: [{ name: 'web', connector: 'http', monitors: [{ monitor: 'http.response', period: '10s' }] }],
  groups: [
    {
      name: 'acme',
      credentials: [{ name: 'login', type: 'basic', username: 'u' }],
      systems: [
        {
          name: 'shop',
          type: 'web',
          tags: { env: 'prod' },
          connectors: [
            { name: 'front', type: 'http', settings: { url: 'http://shop.example/' }, profiles: ['web'] },
            { name: 'port', type: 'tcp', settings: { host: 'shop', port: 80 } },
          ],
        },
        { name: 'mail' },
      ],
    },
    { name: 'initech', systems: [{ name: 'node' }] },
  ],
}

const names = (open: readonly ObjectPlace[], filter = '') =>
  treeRows(document, new Set(open.map(placeKey)), filter).map(({ name, level }) => `${' '.repeat(level - 1)}${name}`)

test('what is open shows what stands in it', () => {
  expect([names([]), names([{ group: 'acme' }, { group: 'acme', system: 'shop' }])]).toEqual([
    ['acme', 'initech'],
    ['acme', ' shop', '  front', '  port', ' mail', ' login', 'initech'],
  ])
})

// What is typed → what is found, below what it stands in
test.each<[string, readonly string[]]>([
  ['mail', ['acme', ' mail']],
  ['env=prod', ['acme', ' shop']],
  ['shop.example', ['acme', ' shop', '  front']],
  ['http web', ['acme', ' shop', '  front']],
  ['basic', ['acme', ' login']],
  ['initech', ['initech', ' node']],
  ['nothing', []],
])('the filter %s finds what it names and where that stands', (filter, found) => {
  expect(names([], filter)).toEqual(found)
})

test('an object is taken without its name and without what stands in it', () => {
  expect([
    objectAt(document, { group: 'acme', system: 'shop' }),
    objectAt(document, { profile: 'web', monitor: 'http.response' }),
    objectAt(document, { group: 'nobody' }),
  ]).toEqual([{ type: 'web', tags: { env: 'prod' } }, { monitor: 'http.response', period: '10s' }, undefined])
})

const places: readonly ObjectPlace[] = [
  { group: 'g' },
  { group: 'g', credential: 'c' },
  { group: 'g', system: 's' },
  { group: 'g', system: 's', connector: 'c' },
  { profile: 'p' },
  { profile: 'p', monitor: 'm' },
]

test('an address leads to the place it was made of, and every place has a path of its own', () => {
  expect([places.map((place) => placeOf(searchOf(place))), new Set(places.map(pathOf)).size]).toEqual([
    places,
    places.length,
  ])
})

test('a path is written as the server writes it, whatever is in a name', () => {
  expect(pathOf(renamed({ group: 'a "b"', system: 's' }, 'x.y'))).toBe('groups["a \\"b\\""].systems["x.y"]')
})

test('a problem is about a field, the whole object, or something else', () => {
  const path = 'groups["a"].systems["s"]'
  expect(
    [`${path}.tags.env`, `${path}[0]`, path, `${path}x.tags`, 'groups["a"].systems["other"].tags'].map((one) =>
      within(one, path),
    ),
  ).toEqual(['tags.env', '[0]', '', undefined, undefined])
})
