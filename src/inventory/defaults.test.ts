import { expect, test } from 'vitest'
import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'
import { checkSettings, makeLibrary } from '../sdk/index.ts'
import { defaultDocument, followOwnUrl } from './index.ts'
import { openTestInventory } from './testing.ts'

const library = makeLibrary({ monitors, connectors, plugins: [] })
const defaults = defaultDocument({ hostname: 'watchtower', ownUrl: 'https://localhost:8443' })

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

test('every monitor that needs to be told nothing is in a default profile', () => {
  const inProfiles = new Set(defaults.profiles?.flatMap((profile) => profile.monitors?.map(({ monitor }) => monitor)))
  const needsNothing = monitors.filter(({ settings }) => checkSettings(settings, {}, '').ok)
  expect(needsNothing.map(({ id }) => id).filter((id) => !inProfiles.has(id))).toEqual([])
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
