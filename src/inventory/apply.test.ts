import { expect, test } from 'vitest'
import type { TravellingSettings } from '../model/index.ts'
import { makeLibrary } from '../sdk/index.ts'
import type { Allowed, ApplyOptions, ConfigurationChange, Inventory } from './index.ts'

import { exampleDocument, openTestInventory, smallLibrary } from './testing.ts'

const by = { author: 'ann' }
const settings = {
  parallelTasks: 0,
  parallelPerTarget: 8,
  processTimeoutMs: 60_000,
  logLevel: 'info',
  logDurationMs: 0,
  leaseMs: null,
} as const

/** The difference in one line for each object. */
async function lines(inventory: Inventory, document: unknown, options: Partial<ApplyOptions> = {}) {
  const { changes } = await inventory.apply(document, { ...by, ...options })
  return changes.map(({ action, path }) => `${action} ${path}`)
}

const system = (name: string, more: object = {}) => ({ name, ...more })
const front = exampleDocument.groups[0].systems[0].connectors[0]

test('what is not named stays, and what is named is replaced as written', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  expect(await lines(inventory, { groups: [{ name: 'acme', systems: [system('extra')] }, { name: 'other' }] })).toEqual(
    ['add groups["acme"].systems["extra"]', 'add groups["other"]'],
  )
  const { changes } = await inventory.apply({ groups: [{ name: 'acme', systems: [system('shop')] }] }, by)
  expect(changes).toEqual([
    {
      action: 'change',
      kind: 'system',
      path: 'groups["acme"].systems["shop"]',
      before: { type: 'web', tags: { env: 'prod' } },
      after: {},
    },
  ])
  expect(inventory.tasks().map(({ connector, tags }) => ({ connector, tags }))).toEqual([
    { connector: 'front', tags: {} },
  ])
})

test('monitors of a profile are named objects too', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const second = { monitor: 'http.response', name: 'login', settings: { path: '/login' } }
  const document = { profiles: [{ name: 'web-basic', connector: 'http', monitors: [second] }] }
  expect(await lines(inventory, document)).toEqual(['add profiles["web-basic"].monitors["login"]'])
  expect(inventory.tasks().map(({ name, monitor }) => `${name}: ${monitor}`)).toEqual([
    'http.response: http.response',
    'login: http.response',
  ])
})

test('prune removes exactly the rest', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const rest = {
    profiles: [{ name: 'other', connector: 'http' }],
    groups: [{ name: 'extra', systems: [system('s')] }],
    plugins: [{ name: 'p', plugin: 'webhook', settings: { url: 'http://h/' }, sends: [] }],
  }
  await inventory.apply(rest, by)
  expect(await lines(inventory, exampleDocument, { prune: true })).toEqual([
    'remove profiles["other"]',
    'remove groups["extra"]',
    'remove groups["extra"].systems["s"]',
    'remove plugins["p"]',
  ])
})

test('pruning what is still used is refused', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  await expect(inventory.apply({ ...exampleDocument, profiles: [] }, { ...by, prune: true })).rejects.toMatchObject({
    problems: [{ path: 'groups[0].systems[0].connectors[0].profiles[0]', message: 'there is no profile "web-basic"' }],
  })
})

test('a dry run says the same difference and changes nothing', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  const tried = await inventory.apply(exampleDocument, { ...by, dryRun: true })
  expect([inventory.revision(), inventory.document().groups]).toEqual([0, []])
  const made = await inventory.apply(exampleDocument, by)
  expect(made).toEqual({ ...tried, applied: true, revision: 1 })
})

test('a changed secret shows as ***, an unchanged one not at all, and none is stored or logged in the clear', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const login = { name: 'shop-login', type: 'basic', username: 'monitor' }
  const given = (secret: object) => ({ groups: [{ name: 'acme', credentials: [{ ...login, secret }] }] })
  expect(await lines(inventory, given({ keep: true }))).toEqual([])
  const env = (name: string) => (name === 'SHOP_PASSWORD' ? 'correct horse' : undefined)
  const { changes } = await inventory.apply(given({ env: 'SHOP_PASSWORD' }), { ...by, env })
  expect(changes).toMatchObject([{ before: { secret: '***' }, after: { secret: '***' } }])
  expect(inventory.assignmentFor('north-1', settings).connectors[0]?.credential?.fields).toEqual({
    username: 'monitor',
    secret: 'correct horse',
  })
  expect(inventory.plugins()).toEqual([
    {
      name: 'hook',
      plugin: 'webhook',
      settings: { url: 'http://127.0.0.1:9000/hook', signingKey: 'sign-here' },
      sends: ['alarms'],
    },
  ])
  const stored = JSON.stringify([
    await opened.read('SELECT * FROM configuration_object'),
    await opened.read('SELECT * FROM audit'),
    inventory.document(),
  ])
  for (const secret of ['hunter2', 'correct horse', 'sign-here']) expect(stored).not.toContain(secret)
  await expect(inventory.apply(given({ env: 'SHOP_PASSWORD' }), by)).rejects.toMatchObject({
    problems: [{ path: 'groups[0].credentials[0].secret.env' }],
  })
})

test('nothing depends on the order of keys or of named objects', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  const turned = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(turned)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, one]) => [key, turned(one)]),
          )
        : value
  await inventory.apply(exampleDocument, by)
  const before = JSON.stringify(inventory.document())
  expect(await lines(inventory, turned(exampleDocument), { prune: true })).toEqual([])
  await inventory.apply({}, { ...by, prune: true })
  await inventory.apply(turned(exampleDocument), by)
  expect(JSON.stringify(inventory.document())).toBe(before)
})

test('an editor of one group changes that group and nothing else', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply({ ...exampleDocument, groups: [...exampleDocument.groups, { name: 'other' }] }, by)
  const allowed: Allowed = (group, role) => group === 'acme' && role === 'editor'
  const bob = { author: 'bob', allowed, groups: ['acme'] }
  const tries: [string, unknown, Partial<ApplyOptions>?][] = [
    ['add groups["acme"].systems["new"]', { groups: [{ name: 'acme', systems: [system('new')] }] }],
    ['forbidden groups[0]', { groups: [{ name: 'other', systems: [system('new')] }] }],
    ['forbidden groups[0]', { groups: [{ name: 'unheard-of' }] }],
    ['forbidden profiles["p"]', { profiles: [{ name: 'p', connector: 'http' }] }],
    ['forbidden associations["acme"]', { associations: [{ group: 'acme', agents: ['mine'] }] }],
    [
      'forbidden plugins["p"]',
      { plugins: [{ name: 'p', plugin: 'webhook', settings: { url: 'http://h/' }, sends: [] }] },
    ],
    ['', inventory.document(['acme'])],
  ]
  const seen: string[] = []
  for (const [, document, more] of tries) {
    seen.push(
      await lines(inventory, document, { ...bob, ...more }).then(
        (made) => made.join(),
        (thrown: { code: string; message: string }) => `${thrown.code} ${thrown.message.split(' ')[0]}`,
      ),
    )
  }
  expect(seen).toEqual(tries.map(([words]) => words))
  expect(inventory.tasks({ groups: ['other'] })).toEqual([])
})

test('what somebody sees can be put back with prune and takes nothing from what others see', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply({ ...exampleDocument, groups: [...exampleDocument.groups, { name: 'other' }] }, by)
  const seen = inventory.document(['other'])
  expect([seen.groups, seen.associations, seen.plugins]).toEqual([
    [{ name: 'other', whenCutOff: 'available', systems: [] }],
    [],
    [],
  ])
  const allowed: Allowed = (group) => group === 'other'
  expect(await lines(inventory, seen, { prune: true, allowed, groups: ['other'] })).toEqual([])
})

test('every change has a revision, an author, and what was before and after, and nobody can change the log', async () => {
  await using opened = await openTestInventory()
  const { inventory, clock } = opened
  await inventory.apply({ groups: [{ name: 'acme' }] }, { author: 'ann', comment: 'begin' })
  clock.advance(1_000)
  await inventory.apply({ groups: [{ name: 'acme', whenCutOff: 'exclusive' }] }, { author: 'bob' })
  await inventory.record({ who: 'bob', action: 'signed in', what: 'bob' })
  expect((await inventory.revisions()).entries).toEqual([
    {
      revision: 2,
      at: '2026-01-01T00:00:01.000Z',
      author: 'bob',
      comment: '',
      summary: { add: 0, change: 1, remove: 0 },
    },
    {
      revision: 1,
      at: '2026-01-01T00:00:00.000Z',
      author: 'ann',
      comment: 'begin',
      summary: { add: 1, change: 0, remove: 0 },
    },
  ])
  const first = await inventory.audit({ limit: 2 })
  expect(first).toMatchObject({
    entries: [
      { who: 'bob', action: 'signed in', before: null },
      {
        who: 'bob',
        action: 'group changed',
        what: 'groups["acme"]',
        before: { whenCutOff: 'available' },
        after: { whenCutOff: 'exclusive' },
      },
    ],
  })
  expect(await inventory.audit({ cursor: first.next ?? '' })).toMatchObject({
    entries: [{ who: 'ann', action: 'group added', after: { name: 'acme', whenCutOff: 'available' } }],
    next: null,
  })
  expect((await inventory.audit({ who: 'ann' })).entries).toHaveLength(1)
  await expect(opened.write("UPDATE audit SET who = 'nobody'")).rejects.toThrow('only ever added to')
  await expect(opened.write('DELETE FROM audit')).rejects.toThrow('only ever added to')
})

test('what cannot be stored is not true in memory either', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await opened.write("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
  await expect(inventory.apply(exampleDocument, by)).rejects.toThrow('disk full')
  expect([inventory.revision(), inventory.tasks()]).toEqual([0, []])
  await opened.write('DROP TRIGGER full')
  expect((await inventory.apply(exampleDocument, by)).revision).toBe(1)
})

test('changes at the same time are made one after another', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  const made = await Promise.all(
    Array.from({ length: 20 }, (_, i) => inventory.apply({ groups: [{ name: `g${i % 10}` }] }, by)),
  )
  expect(made.map(({ revision }) => revision)).toEqual([
    ...Array.from({ length: 10 }, (_, i) => i + 1),
    ...Array.from({ length: 10 }, () => null),
  ])
})

test('those who listen hear which tasks came, went and changed', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  const heard: string[] = []
  const stop = inventory.onChange((change: ConfigurationChange) => {
    const names = (tasks: ConfigurationChange['tasksAdded']) => tasks.map(({ connector }) => connector).join()
    heard.push(
      `${change.revision}: +${names(change.tasksAdded)} -${names(change.tasksRemoved)} ~${names(change.tasksChanged)}`,
    )
  })
  const shop = (...connectors: object[]) => ({
    groups: [{ name: 'acme', systems: [system('shop', { tags: { env: 'prod' }, connectors })] }],
  })
  await inventory.apply(exampleDocument, by)
  await inventory.apply(shop({ ...front, name: 'back' }), by)
  const slower = { monitor: 'http.response', period: '20s' }
  await inventory.apply({ profiles: [{ name: 'web-basic', connector: 'http', monitors: [slower] }] }, by)
  await inventory.apply({ groups: [{ name: 'unrelated' }] }, by)
  await inventory.apply({ ...exampleDocument, plugins: [] }, { ...by, prune: true })
  stop()
  await inventory.apply({}, { ...by, prune: true })
  expect(heard).toEqual(['1: +front - ~', '2: +back - ~', '3: + - ~back,front', '4: + - ~', '5: + -back ~front'])
})

test('a snapshot brings everything back, secrets included', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const before = { document: inventory.document(), assignment: inventory.assignmentFor('north-1', settings) }
  const saved = await inventory.snapshots.create({ name: 'before the move', author: 'ann' })
  await inventory.apply({}, { ...by, prune: true })
  expect((await inventory.snapshots.diff(saved.id)).summary).toEqual({ add: 8, change: 0, remove: 0 })
  expect(await inventory.snapshots.show(saved.id)).toEqual({ snapshot: saved, document: before.document })
  const restored = await inventory.snapshots.restore(saved.id, { author: 'bob' })
  expect(restored).toMatchObject({ applied: true, revision: 3, summary: { add: 8 } })
  expect({ document: inventory.document(), assignment: inventory.assignmentFor('north-1', settings) }).toEqual(before)
  expect(await inventory.snapshots.list()).toEqual([saved])
  await inventory.snapshots.remove(saved.id, by)
  await expect(inventory.snapshots.show(saved.id)).rejects.toMatchObject({ code: 'not-found' })
  expect(await inventory.snapshots.list()).toEqual([])
})

test('the version of an assignment changes exactly when something in it does', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const version = () => inventory.assignmentFor('north-1', settings).version
  const login = { name: 'shop-login', type: 'basic', username: 'monitor', secret: { value: 'new' } }
  const steps: [document: unknown, changes: boolean][] = [
    [{ groups: [{ name: 'unrelated', systems: [system('s')] }] }, false],
    [{ plugins: [] }, false],
    [{ groups: [{ name: 'acme', credentials: [login] }] }, true],
    [
      { profiles: [{ name: 'web-basic', connector: 'http', monitors: [{ monitor: 'http.response', period: '20s' }] }] },
      true,
    ],
    [
      {
        groups: [
          { name: 'acme', systems: [system('shop', { connectors: [{ ...front, settings: { url: 'http://h/' } }] })] },
        ],
      },
      true,
    ],
    [{ associations: [{ group: 'unrelated', agents: ['north-1'] }] }, true],
    [{ groups: [{ name: 'acme', whenCutOff: 'exclusive' }] }, true],
  ]
  const seen: boolean[] = []
  for (const [document] of steps) {
    const before = version()
    await inventory.apply(document, by)
    seen.push(version() !== before)
  }
  expect(seen).toEqual(steps.map(([, changes]) => changes))
  const others: Partial<TravellingSettings>[] = [{ parallelTasks: 9 }, { logDurationMs: 9 }, { leaseMs: 9 }]
  const versions = others.map((other) => inventory.assignmentFor('north-1', { ...settings, ...other }).version)
  expect(new Set([version(), ...versions]).size).toBe(4)
})

test('connectors of a group that is exclusive when cut off are marked, others are not', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(exampleDocument, by)
  const marks = () => inventory.assignmentFor('north-1', settings).connectors.map(({ exclusive }) => exclusive)
  const before = marks()
  await inventory.apply({ groups: [{ name: 'acme', whenCutOff: 'exclusive' }] }, by)
  expect([before, marks()]).toEqual([before.map(() => undefined), before.map(() => true)])
  expect(before.length).toBeGreaterThan(0)
})

test('who runs a group: its agents, else the local one, until that is given groups of its own', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  const connectors = [{ name: 'c', type: 'tcp', settings: { host: 'h', port: 1 }, profiles: ['t'] }]
  await inventory.apply(
    {
      profiles: [{ name: 't', connector: 'tcp', monitors: [{ monitor: 'tcp.port' }] }],
      groups: ['a', 'b'].map((name) => ({ name, systems: [{ name: 's', connectors }] })),
    },
    by,
  )
  const run = (agent: string) =>
    inventory
      .assignmentFor(agent, settings)
      .connectors.map(({ group }) => group)
      .join('')
  const state = async (associations: object[]) => {
    await inventory.apply({ ...inventory.document(), associations }, { ...by, prune: true })
    return [
      run('local'),
      run('north'),
      ...[...inventory.runners().values()].map(({ agents }) => agents.join('+')),
    ].join(' ')
  }
  expect([
    await state([]),
    await state([{ group: 'a', agents: ['north'] }]),
    await state([{ group: 'a', agents: ['local'] }]),
    await state([{ group: 'a', agents: ['local', 'north'] }]),
  ]).toEqual(['ab  local local', 'b a north local', 'a  local ', 'a a local+north '])
})

test('an agent that is renamed keeps its associations and pins, in one revision', async () => {
  await using opened = await openTestInventory()
  await opened.inventory.apply(
    {
      profiles: [{ name: 'p', connector: 'tcp', monitors: [{ monitor: 'tcp.port', period: '10s' }] }],
      groups: ['a', 'b'].map((name) => ({
        name,
        systems: [
          {
            name: 's',
            connectors: [
              { name: 'c', type: 'tcp', settings: { host: 'h', port: 1 }, profiles: ['p'], pin: `north-${name}` },
            ],
          },
        ],
      })),
      associations: [
        { group: 'a', agents: ['north-a', 'south'] },
        { group: 'b', agents: ['north-b'] },
      ],
    },
    by,
  )
  const before = opened.inventory.revision()
  await opened.inventory.renameAgent('north-a', 'east', { author: 'admin' })
  const nothing = await opened.inventory.renameAgent('nobody', 'somebody', { author: 'admin' })
  const restarted = await opened.restart()
  expect({
    associations: restarted.associations(),
    pins: restarted.systems().map(({ connectors }) => connectors[0]?.pin),
    revisions: restarted.revision() - before,
    nothing: nothing.summary,
  }).toEqual({
    associations: [
      { group: 'a', agents: ['east', 'south'] },
      { group: 'b', agents: ['north-b'] },
    ],
    pins: ['east', 'north-b'],
    revisions: 1,
    nothing: { add: 0, change: 0, remove: 0 },
  })
})

test('a connector may be pinned to an agent that nobody knows yet, and is until the document says otherwise', async () => {
  await using opened = await openTestInventory()
  const pinned = (pin?: string) => ({
    groups: [
      {
        name: 'a',
        systems: [
          {
            name: 's',
            connectors: [
              { name: 'c', type: 'tcp', settings: { host: 'h', port: 1 }, ...(pin === undefined ? {} : { pin }) },
            ],
          },
        ],
      },
    ],
  })
  await opened.inventory.apply(pinned('north-9'), by)
  const restarted = await opened.restart()
  const pinOf = () => restarted.groups()[0]?.systems[0]?.connectors[0]?.pin
  const seen = [pinOf(), (await restarted.apply(restarted.document(), { ...by, prune: true })).changes.length]
  const { changes } = await restarted.apply(pinned(), by)
  expect([...seen, pinOf(), changes.map(({ before, after }) => [before, after])]).toEqual([
    'north-9',
    0,
    undefined,
    [[{ pin: 'north-9' }, {}]],
  ])
})

test('placement is told who is to run each group, and which must not be queried twice', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply(
    {
      groups: [{ name: 'a' }, { name: 'b', whenCutOff: 'exclusive' }],
      associations: [{ group: 'b', agents: ['north-1'] }],
    },
    by,
  )
  const { runners } = await inventory.replaceAssociations([{ group: 'a', agents: ['local'] }], { ...by, dryRun: true })
  expect([[...inventory.runners()], [...runners]]).toEqual([
    [
      ['a', { agents: ['local'], exclusive: false }],
      ['b', { agents: ['north-1'], exclusive: true }],
    ],
    [
      ['a', { agents: ['local'], exclusive: false }],
      ['b', { agents: [], exclusive: true }],
    ],
  ])
})

test('an edit of associations says who is to run what then before it is made', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  await inventory.apply({ ...exampleDocument, groups: [...exampleDocument.groups, { name: 'empty' }] }, by)
  const given = [{ group: 'empty', agents: ['local'] }]
  const tried = await inventory.replaceAssociations(given, { ...by, dryRun: true })
  expect([inventory.revision(), tried.runners.get('acme')?.agents, tried.runners.get('empty')?.agents]).toEqual([
    1,
    [],
    ['local'],
  ])
  expect(tried.difference.changes.map(({ action, path }) => `${action} ${path}`)).toEqual([
    'remove associations["acme"]',
    'add associations["empty"]',
  ])
  await inventory.replaceAssociations(given, by)
  expect(inventory.associations()).toEqual(given)
})

test('a secret that cannot be opened harms what needs it and nothing else, until it is entered again', async () => {
  await using opened = await openTestInventory()
  await opened.inventory.apply(exampleDocument, by)
  const other = await opened.restart(smallLibrary, new Uint8Array(32).fill(8))
  const connector = () => other.assignmentFor('north-1', settings).connectors[0]
  expect([connector()?.credential, other.plugins(), other.problems().map(({ path }) => path)]).toEqual([
    undefined,
    [],
    ['groups["acme"].credentials["shop-login"]', 'plugins["hook"]'],
  ])
  await expect(other.apply(other.document(), by)).rejects.toMatchObject({
    problems: [
      { path: 'groups[0].credentials[0].secret', message: 'the stored secret cannot be opened' },
      { path: 'plugins[0].settings.signingKey', message: 'the stored secret cannot be opened' },
    ],
  })
  await other.apply(exampleDocument, by)
  expect([connector()?.credential?.fields['secret'], other.plugins().length, other.problems()]).toEqual([
    'hunter2',
    1,
    [],
  ])
})

test('what a later version of the library does not take stays written, is reported, and is not run', async () => {
  await using opened = await openTestInventory()
  await opened.inventory.apply(exampleDocument, by)
  const written = opened.inventory.document()
  const smaller = makeLibrary({ monitors: [], connectors: [...smallLibrary.connectors.values()], plugins: [] })
  const again = await opened.restart(smaller)
  expect([again.document(), again.tasks(), again.plugins(), again.problems()]).toEqual([
    written,
    [],
    [],
    [
      {
        path: 'profiles["web-basic"].monitors["http.response"].monitor',
        message: 'there is no monitor "http.response"',
      },
    ],
  ])
  expect((await opened.restart(smallLibrary)).tasks()).toHaveLength(1)
})
