import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { connectors } from '../connectors/index.ts'
import { monitors } from '../monitors/index.ts'
import { plugins } from '../plugins/index.ts'
import { makeLibrary } from '../sdk/index.ts'
import { openTestInventory } from './testing.ts'

// Word for word what users are promised.
const promised = `
profiles:
  - name: web-basic
    connector: http                      # connector type these monitors need
    monitors:
      - monitor: http.response           # id in the monitor library
        period: 10s
        settings: { extract: { hits: "$.hits" } }
        rules:
          - { metric: duration, thresholds: { WARNING: "> 2s", CRITICAL: "> 5s" }, for: 1m }
groups:
  - name: acme
    whenCutOff: available                # or exclusive: design.md, leases
    credentials:
      - { name: shop-login, type: basic, username: monitor, secret: { env: SHOP_PASSWORD } }   # or { value: ... }; exported as { keep: true }
    systems:
      - name: shop
        type: web
        tags: { env: prod }
        connectors:
          - { name: front, type: http, settings: { url: "http://127.0.0.1:8080/counter" }, credential: shop-login, profiles: [web-basic] }
associations:
  - { group: acme, agents: [north-1, north-2] }     # by agent name; the local agent of a server is called \`local\`
plugins:
  - { name: hook, plugin: webhook, settings: { url: "http://127.0.0.1:9000/hook" }, sends: [alarms] }   # alarms, metrics, reports
`

test('the promised document applies to the real library and comes back the same, but for the secret', async () => {
  await using opened = await openTestInventory({ library: makeLibrary({ monitors, connectors, plugins }) })
  const { inventory } = opened
  const env = (name: string) => (name === 'SHOP_PASSWORD' ? 'hunter2' : undefined)
  await inventory.apply(parse(promised), { author: 'ann', env })
  expect(stringify(inventory.document())).toBe(
    stringify(parse(promised.replace('{ env: SHOP_PASSWORD }', '{ keep: true }'))),
  )
  const again = await inventory.apply(parse(stringify(inventory.document())), { author: 'ann', prune: true })
  expect(again.changes).toEqual([])
})
