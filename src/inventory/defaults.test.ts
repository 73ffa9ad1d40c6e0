import { expect, test } from 'vitest'
import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'
import { checkSettings, makeLibrary } from '../sdk/index.ts'
import { defaultDocument, defaultProfileOf, followOwnUrl } from './index.ts'
import { openTestInventory } from './testing.ts'

const library = makeLibrary({ monitors, connectors, plugins: [] })
const ann = { author: 'ann' }
const defaults = defaultDocument({ hostname: 'watchtower', ownUrl: 'https://localhost:8443', library })

test('the first start watches the machine and the instance itself, as a revision like any other', async () => {
  await using opened = await openTestInventory({ library, defaults })
  const { inventory } = opened
  expect(
    inventory
      .tasks()
      .map(({ group, system, connector, monitor, periodMs }) => ({ group, system, connector, monitor, periodMs })),
  ).toEqual([
    { group: 'local', system: 'watchtower', connector: 'farwatch', monitor: 'http.response', periodMs: 10_000 },
    { group: 'local', system: 'watchtower', connector: 'host', monitor: 'host.local', periodMs: 10_000 },
  ])
  expect((await inventory.revisions()).entries).toMatchObject([{ revision: 1, author: 'farwatch' }])
  expect([...inventory.runners()]).toEqual([['local', { agents: ['local'], exclusive: false }]])
})

test('a default profile has every monitor of its type that needs to be told nothing and that nobody has to choose', () => {
  const needsNothing = monitors.filter((one) => one.optIn === undefined && checkSettings(one.settings, {}, '').ok)
  const shipped = connectors.flatMap(({ id }) => defaultProfileOf(id, library)?.monitors ?? [])
  expect(shipped.map(({ monitor }) => monitor).sort()).toEqual(needsNothing.map(({ id }) => id).sort())
  expect(defaultProfileOf('dns', library)).toBeUndefined()
})

test('a connector that asks for the defaults of its type gets them, and the profile is made where it is missing', async () => {
  await using opened = await openTestInventory({ library, defaults: { profiles: [] } })
  const { inventory } = opened
  const icmp = (name: string, more: object) => ({ name, type: 'icmp', settings: { host: name }, ...more })
  const connectorsOf = [icmp('db1', { defaults: true }), icmp('db2', { profiles: [] })]
  await inventory.apply({ groups: [{ name: 'acme', systems: [{ name: 'shop', connectors: connectorsOf }] }] }, ann)
  await inventory.edit([{ is: 'assign', at: [{ group: 'acme', system: 'shop' }], defaults: true }], {
    ...ann,
    base: inventory.revision(),
  })
  expect(inventory.document()).toMatchObject({
    profiles: [{ name: 'ping-default', connector: 'icmp', monitors: [{ monitor: 'ping' }] }],
    groups: [
      {
        systems: [
          {
            connectors: [
              { name: 'db1', profiles: ['ping-default'] },
              { name: 'db2', profiles: ['ping-default'] },
            ],
          },
        ],
      },
    ],
  })
})

test('a default profile that somebody has changed is assigned as it is, also where all else is pruned', async () => {
  const own = { name: 'ping-default', connector: 'icmp', monitors: [{ monitor: 'ping', period: '5m' }] }
  await using opened = await openTestInventory({ library, defaults: { profiles: [own] } })
  const { inventory } = opened
  const connector = { name: 'db1', type: 'icmp', settings: { host: 'db1' }, defaults: true }
  const groups = [{ name: 'acme', systems: [{ name: 'shop', connectors: [connector] }] }]
  await inventory.apply({ groups }, { ...ann, prune: true })
  expect(inventory.document().profiles).toEqual([own])
})

test('a type without monitors that need nothing says so where its defaults are asked for', async () => {
  await using opened = await openTestInventory({ library, defaults: { profiles: [] } })
  const connector = { name: 'names', type: 'dns', defaults: true }
  const applied = opened.inventory.apply(
    { groups: [{ name: 'acme', systems: [{ name: 'shop', connectors: [connector] }] }] },
    ann,
  )
  await expect(applied).rejects.toMatchObject({
    problems: [
      {
        path: 'groups[0].systems[0].connectors[0].defaults',
        message: 'there are no defaults for dns: each of its monitors needs settings, or is to be chosen on purpose',
      },
    ],
  })
})

test('what somebody deleted is gone for good', async () => {
  await using opened = await openTestInventory({ library, defaults })
  await opened.inventory.apply({}, { author: 'ann', prune: true })
  const again = await opened.restart(library)
  expect(again.document()).toEqual({ profiles: [], groups: [], associations: [], plugins: [] })
})

test('on another port the instance finds itself again, unless somebody pointed the connector elsewhere', async () => {
  await using opened = await openTestInventory({ library, defaults })
  const { inventory } = opened
  const url = () => inventory.systems()[0]!.connectors.find(({ name }) => name === 'farwatch')!.settings['url']
  await followOwnUrl(inventory, 'https://localhost:9443')
  await followOwnUrl(inventory, 'https://localhost:9443')
  expect([url(), inventory.revision()]).toEqual(['https://localhost:9443/healthz', 2])
  const document = JSON.stringify(inventory.document()).replace('localhost:9443', 'elsewhere:1')
  await inventory.apply(JSON.parse(document), { author: 'ann' })
  await followOwnUrl(inventory, 'https://localhost:7443')
  expect(url()).toBe('https://elsewhere:1/healthz')
})
