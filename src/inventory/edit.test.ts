import { expect, test } from 'vitest'
import type { ConfigurationEdit } from '../contract/index.ts'
import { FarwatchError } from '../base/index.ts'
import type { Inventory } from './index.ts'
import { exampleDocument, openTestInventory } from './testing.ts'

const by = { author: 'ann' }
const acme = { group: 'acme' }
const shop = { ...acme, system: 'shop' }
const front = { ...shop, connector: 'front' }

/** The difference in one line for each object. */
async function edit(inventory: Inventory, ...edits: ConfigurationEdit[]): Promise<readonly string[]> {
  const { changes } = await inventory.edit(edits, { ...by, base: inventory.revision() })
  return changes.map(({ action, path }) => `${action} ${path}`)
}

/** What is said where something is refused. */
async function refusal(act: Promise<unknown>): Promise<unknown> {
  const thrown: unknown = await act.then(
    () => 'it was done',
    (error: unknown) => error,
  )
  if (!(thrown instanceof FarwatchError)) return thrown
  return [thrown.code, ...(thrown.problems ?? []).map(({ path, message }) => `${path} ${message}`)]
}

test('one object is changed, and nothing beside it', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  expect([
    await edit(inventory, { is: 'change', at: shop, value: { type: 'web', tags: { env: 'test' } } }),
    await edit(inventory, { is: 'add', at: { ...acme, system: 'mail' }, value: { type: 'host' } }),
    await edit(inventory, {
      is: 'change',
      at: { profile: 'web-basic', monitor: 'http.response' },
      value: { monitor: 'http.response', period: '30s' },
    }),
    inventory.document().groups?.[0]?.systems?.map(({ name, tags, connectors }) => [name, tags, connectors?.length]),
  ]).toEqual([
    ['change groups["acme"].systems["shop"]'],
    ['add groups["acme"].systems["mail"]'],
    ['change profiles["web-basic"].monitors["http.response"]'],
    [
      ['mail', undefined, 0],
      ['shop', { env: 'test' }, 1],
    ],
  ])
})

test('another name takes along what stands in an object, what names it, and its secrets', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const changes = [
    await edit(inventory, {
      is: 'move',
      at: { ...acme, credential: 'shop-login' },
      to: { ...acme, credential: 'login' },
    }),
    await edit(inventory, { is: 'move', at: { profile: 'web-basic' }, to: { profile: 'web' } }),
    await edit(inventory, { is: 'move', at: acme, to: { group: 'initech' } }),
    await edit(inventory, { is: 'move', at: { plugin: 'hook' }, to: { plugin: 'pager' } }),
  ]
  const [connector] = inventory.assignmentFor('north-1', {
    parallelTasks: 0,
    parallelPerTarget: 8,
    processTimeoutMs: 60_000,
    logLevel: 'info',
    logDurationMs: 0,
    leaseMs: null,
  }).connectors
  expect([changes, connector?.credential, inventory.plugins()[0]?.settings['signingKey']]).toEqual([
    [
      [
        'remove groups["acme"].credentials["shop-login"]',
        'add groups["acme"].credentials["login"]',
        'change groups["acme"].systems["shop"].connectors["front"]',
      ].sort((a, b) => (a.slice(a.indexOf(' ')) < b.slice(b.indexOf(' ')) ? -1 : 1)),
      [
        'add profiles["web"]',
        'add profiles["web"].monitors["http.response"]',
        'remove profiles["web-basic"]',
        'remove profiles["web-basic"].monitors["http.response"]',
        'change groups["acme"].systems["shop"].connectors["front"]',
      ],
      [
        'remove groups["acme"]',
        'remove groups["acme"].credentials["login"]',
        'remove groups["acme"].systems["shop"]',
        'remove groups["acme"].systems["shop"].connectors["front"]',
        'add groups["initech"]',
        'add groups["initech"].credentials["login"]',
        'add groups["initech"].systems["shop"]',
        'add groups["initech"].systems["shop"].connectors["front"]',
        'remove associations["acme"]',
        'add associations["initech"]',
      ],
      ['remove plugins["hook"]', 'add plugins["pager"]'],
    ],
    { type: 'basic', fields: { username: 'monitor', secret: 'hunter2' } },
    'sign-here',
  ])
})

test('what goes with an object is said before it goes', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const remove = (at: Extract<ConfigurationEdit, { is: 'remove' }>['at']) =>
    inventory
      .edit([{ is: 'remove', at }], { ...by, dryRun: true })
      .then(({ changes }) => changes.map(({ action, path }) => `${action} ${path}`))
  expect([
    await remove(shop),
    await remove({ profile: 'web-basic' }),
    await refusal(remove({ ...acme, credential: 'shop-login' })),
    inventory.revision(),
  ]).toEqual([
    ['remove groups["acme"].systems["shop"]', 'remove groups["acme"].systems["shop"].connectors["front"]'],
    [
      'remove profiles["web-basic"]',
      'remove profiles["web-basic"].monitors["http.response"]',
      'change groups["acme"].systems["shop"].connectors["front"]',
    ],
    [
      'invalid-document',
      'groups the credential "shop-login" would be removed, and is used by groups["acme"].systems["shop"].connectors["front"]',
    ],
    1,
  ])
})

test('profiles and tags are given to many at once, to those that they fit', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  await inventory.apply(
    {
      profiles: [{ name: 'port', connector: 'tcp', monitors: [{ monitor: 'tcp.port' }] }],
      groups: [
        {
          name: 'acme',
          systems: [
            { name: 'a', connectors: [{ name: 'tcp', type: 'tcp', settings: { host: 'a', port: 1 } }] },
            {
              name: 'b',
              tags: { old: '1' },
              connectors: [{ name: 'tcp', type: 'tcp', settings: { host: 'b', port: 1 } }],
            },
          ],
        },
      ],
    },
    by,
  )
  const at = ['a', 'b', 'shop'].map((system) => ({ ...acme, system }))
  const changes = await edit(inventory, {
    is: 'assign',
    at,
    profiles: { add: ['port'] },
    tags: { set: { env: 'prod' }, remove: ['old'] },
  })
  expect([
    changes,
    inventory.revision(),
    inventory.tasks().map(({ system, profile }) => `${system}: ${profile}`),
  ]).toEqual([
    [
      'change groups["acme"].systems["a"]',
      'change groups["acme"].systems["a"].connectors["tcp"]',
      'change groups["acme"].systems["b"]',
      'change groups["acme"].systems["b"].connectors["tcp"]',
    ],
    3,
    ['a: port', 'b: port', 'shop: web-basic'],
  ])
})

test('of two who change the same object the second is told, and of two who change different ones neither', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const change = (author: string, at: typeof shop | typeof front, value: unknown) =>
    inventory.edit([{ is: 'change', at, value }], { author, base: 1 })
  await change('ann', shop, { type: 'host' })
  await change('bob', front, { type: 'http', settings: { url: 'http://other/' } })
  expect([
    await refusal(change('cid', shop, { type: 'database' })),
    await refusal(
      inventory.apply({ groups: [{ name: 'acme', systems: [{ name: 'shop' }] }] }, { author: 'dan', base: 1 }),
    ),
    await refusal(inventory.edit([{ is: 'remove', at: acme }], { author: 'eve', base: 1 })),
    inventory.revision(),
  ]).toEqual([
    ['conflict', 'groups["acme"].systems["shop"] was changed by ann in revision 2'],
    ['conflict', 'groups["acme"].systems["shop"] was changed by ann in revision 2'],
    [
      'conflict',
      'groups["acme"].systems["shop"] was changed by ann in revision 2',
      'groups["acme"].systems["shop"].connectors["front"] was changed by bob in revision 3',
    ],
    3,
  ])
})

test('a revision is taken back by a new one, secrets and all, where nothing of it was changed since', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const before = JSON.stringify(inventory.document())
  await edit(inventory, { is: 'remove', at: front }, { is: 'remove', at: { ...acme, credential: 'shop-login' } })
  await edit(inventory, { is: 'add', at: { ...acme, system: 'mail' }, value: {} })
  const wouldUndo = await inventory.undo(2, { ...by, dryRun: true })
  await inventory.undo(3, by)
  await inventory.undo(2, by)
  expect([
    wouldUndo.difference.changes.map(({ action, path }) => `${action} ${path}`),
    JSON.stringify(inventory.document()) === before,
    inventory.revision(),
    (await inventory.revisions()).entries.map(({ comment }) => comment),
    (await inventory.compare(1, 5)).changes,
    (await inventory.compare(2, 4)).changes,
  ]).toEqual([
    ['add groups["acme"].credentials["shop-login"]', 'add groups["acme"].systems["shop"].connectors["front"]'],
    true,
    5,
    ['revision 2 undone', 'revision 3 undone', '', '', ''],
    [],
    [],
  ])
})

test('what was changed since is not undone, and said', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  await edit(inventory, { is: 'add', at: { ...acme, system: 'mail' }, value: {} })
  await edit(inventory, { is: 'change', at: shop, value: { type: 'host' } })
  await edit(inventory, {
    is: 'add',
    at: { ...acme, system: 'mail', connector: 'tcp' },
    value: { type: 'tcp', settings: { host: 'm', port: 25 } },
  })
  await edit(inventory, { is: 'change', at: shop, value: { type: 'database' } })
  expect([
    (await inventory.undo(2, { ...by, dryRun: true })).conflicts,
    await refusal(inventory.undo(2, by)),
    await refusal(inventory.undo(3, by)),
    await refusal(inventory.undo(9, by)),
    (await inventory.compare(2, 5)).changes.map(({ action, path, before, after }) => [action, path, before, after]),
  ]).toEqual([
    ['groups["acme"].systems["mail"].connectors["tcp"]'],
    ['conflict', 'groups["acme"].systems["mail"].connectors["tcp"] was changed since'],
    ['conflict', 'groups["acme"].systems["shop"] was changed since'],
    ['not-found'],
    [
      ['change', 'groups["acme"].systems["shop"]', { type: 'web', tags: { env: 'prod' } }, { type: 'database' }],
      [
        'add',
        'groups["acme"].systems["mail"].connectors["tcp"]',
        undefined,
        { name: 'tcp', type: 'tcp', settings: { host: 'm', port: 25 } },
      ],
    ].sort((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)),
  ])
})

// What is given, and the words we answer with
test.each<[string, ConfigurationEdit, readonly string[]]>([
  [
    'a name that is taken',
    { is: 'add', at: shop, value: {} },
    ['invalid-document', 'groups["acme"].systems["shop"].name there is already a system "shop"'],
  ],
  [
    'a group that is not there',
    { is: 'add', at: { group: 'nobody', system: 's' }, value: {} },
    ['invalid-document', 'groups["nobody"].systems["s"] there is no group "nobody"'],
  ],
  [
    'a wrong setting',
    { is: 'change', at: front, value: { type: 'http', settings: { url: 'ftp://h' }, profiles: ['nothing'] } },
    [
      'invalid-document',
      'groups["acme"].systems["shop"].connectors["front"].settings.url "ftp://h" must begin with http:// or https://',
    ],
  ],
  [
    'a profile that is not there',
    { is: 'change', at: front, value: { type: 'http', settings: { url: 'http://h' }, profiles: ['nothing'] } },
    [
      'invalid-document',
      'groups["acme"].systems["shop"].connectors["front"].profiles[0] there is no profile "nothing"',
    ],
  ],
  [
    'a name that looks empty',
    { is: 'move', at: shop, to: { ...acme, system: ' ' } },
    ['invalid-document', 'groups["acme"].systems["shop"].name " " begins or ends with white space'],
  ],
  [
    'a system that is to become a connector',
    { is: 'move', at: shop, to: front },
    ['invalid-document', 'groups["acme"].systems["shop"].name is no place for a system'],
  ],
  [
    'a profile for a group',
    { is: 'assign', at: [acme], profiles: { add: ['web-basic'] } },
    ['invalid-document', 'groups["acme"] a group takes neither profiles nor tags'],
  ],
])('%s is refused with the path of the object', async (_, wrong, answer) => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  expect(await refusal(inventory.edit([wrong], by))).toEqual(answer)
})
