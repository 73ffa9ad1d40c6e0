import { expect, test } from 'vitest'
import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'
import type { FoundConnector } from '../model/index.ts'
import { makeLibrary } from '../sdk/index.ts'
import { proposedConnectors, proposedDocument } from './index.ts'
import { openTestInventory } from './testing.ts'

const library = makeLibrary({ monitors, connectors, plugins: [] })
const document = {
  groups: [
    {
      name: 'acme',
      description: 'Our customer',
      credentials: [{ name: 'db-login', type: 'basic', username: 'monitor', secret: { value: 'hunter2' } }],
      systems: [
        {
          name: 'db1',
          type: 'database',
          tags: { env: 'prod' },
          connectors: [{ name: 'ping', type: 'icmp', settings: { host: 'db1' } }],
        },
      ],
    },
  ],
}
const place = { group: 'acme', host: 'db1', document }
const seen = { seen: 'looked', certainty: 'identified' as const }
const found: readonly FoundConnector[] = [
  { type: 'icmp', name: 'ping', title: 'Answers to ping', settings: { host: 'db1' }, ...seen },
  { type: 'icmp', name: 'ping', title: 'By its address', settings: { host: '10.0.0.1' }, ...seen },
  {
    type: 'postgresql',
    name: 'postgresql',
    title: 'PostgreSQL',
    settings: { host: 'db1' },
    credential: 'basic',
    ...seen,
  },
  {
    type: 'http',
    name: 'node-exporter',
    title: 'Node exporter',
    settings: { url: 'http://db1:9100/' },
    monitors: [{ monitor: 'prometheus.scrape' }],
    profile: 'prometheus-default',
    ...seen,
  },
  { type: 'http', name: 'broken', title: 'Of another version', settings: { uri: 'x' }, ...seen },
  { type: 'telex', name: 'telex', title: 'Telex', settings: {}, ...seen },
]

test('what was found becomes connectors with free names, the profile that suits, and what they lack', () => {
  const { proposals, problems } = proposedConnectors(found, place, library)
  expect([
    proposals.map(({ connector, credential, profile, known }) => [
      connector.name,
      connector.profiles ?? connector.defaults,
      credential,
      profile?.monitors,
      known,
    ]),
    problems,
  ]).toEqual([
    [
      ['node-exporter', ['prometheus-default'], null, [{ monitor: 'prometheus.scrape' }], null],
      ['ping', true, null, undefined, 'db1 / ping'],
      ['ping-2', true, null, undefined, null],
      ['postgresql', true, { type: 'basic', isRequired: true, usable: ['db-login'] }, undefined, null],
    ],
    [
      'Of another version: cannot be used (settings.uri is not a setting here; settings.url is missing: URL)',
      'Telex: the server knows no connector of the type telex',
    ],
  ])
})

test('the proposed document adds what lacks nothing and takes nothing away from what is there', async () => {
  await using opened = await openTestInventory({ library, defaults: { profiles: [] } })
  const { inventory } = opened
  await inventory.apply(document, { author: 'ann' })
  const present = { ...place, document: inventory.document() }
  const { proposals } = proposedConnectors(found, present, library)
  const wanted = proposals.filter(({ known }) => known === null)
  const without = proposedDocument(wanted, present, [])
  const { document: proposed, waiting } = proposedDocument(wanted, present, ['db-login'])
  await inventory.apply(proposed, { author: 'ann' })
  const [group] = inventory.document().groups ?? []
  expect([
    without.waiting.map(({ connector }) => connector.name),
    waiting,
    group?.description,
    group?.systems?.map(({ name, type, tags, connectors = [] }) => [
      name,
      type,
      tags,
      connectors.map((one) => [one.name, one.credential, one.profiles]),
    ]),
  ]).toEqual([
    ['postgresql'],
    [],
    'Our customer',
    [
      [
        'db1',
        'database',
        { env: 'prod' },
        [
          ['node-exporter', undefined, ['prometheus-default']],
          ['ping', undefined, undefined],
          ['ping-2', undefined, ['ping-default']],
          ['postgresql', 'db-login', ['postgresql-default']],
        ],
      ],
    ],
  ])
})
