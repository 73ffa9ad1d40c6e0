import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleDocument, openTestInventory, type TestInventory } from './testing.ts'

// One inventory for all: whatever is refused must leave it as it was.
let opened: TestInventory
let before: string

beforeAll(async () => {
  opened = await openTestInventory()
  await opened.inventory.apply(
    { ...exampleDocument, groups: [...exampleDocument.groups, { name: 'other', credentials: [login('other-login')] }] },
    { author: 'ann' },
  )
  before = JSON.stringify(opened.inventory.document())
})
afterAll(() => opened[Symbol.asyncDispose]())

function login(name: string, fields: object = {}) {
  return { name, type: 'basic', username: 'u', secret: { value: 'hunter2' }, ...fields }
}
const profile = (monitor: object, more: object = {}) => ({
  profiles: [{ name: 'p', connector: 'http', monitors: [{ monitor: 'http.response', ...monitor }], ...more }],
})
const group = (more: object) => ({ groups: [{ name: 'acme', ...more }] })
const connector = (more: object) =>
  group({
    systems: [{ name: 's', connectors: [{ name: 'c', type: 'http', settings: { url: 'http://h/' }, ...more }] }],
  })
const hook = (more: object) => ({
  plugins: [{ name: 'h', plugin: 'webhook', settings: { url: 'http://h/' }, sends: ['alarms'], ...more }],
})
const parsed = (text: string): unknown => JSON.parse(text)

/** What is wrong with a document, and every word that is answered: path: message (hint). */
const table: Record<string, readonly [document: unknown, ...answers: string[]]> = {
  'a list': [[], ': must be an object, not a list'],
  nothing: [null, ': must be an object, not null'],
  'a text': ['groups', ': must be an object, not "groups"'],
  'an unknown key': [{ grups: [] }, 'grups: is not known here (Did you mean "groups"?)'],
  'a prototype key': [
    parsed('{"__proto__": {"polluted": true}, "constructor": 1}'),
    '__proto__: is not known here (Known: format, version, profiles, groups, associations, plugins, dashboards.)',
    'constructor: is not known here (Known: format, version, profiles, groups, associations, plugins, dashboards.)',
  ],
  'another form': [{ format: 2 }, 'format: 2 is not a form of the document that is known here; only 1 is'],
  'no list': [{ groups: {} }, 'groups: must be a list, not an object'],
  'an entry of the wrong type': [{ groups: ['acme'] }, 'groups[0]: must be an object, not "acme"'],

  'no name': [{ groups: [{}] }, 'groups[0].name: is missing: everything here is identified by its name'],
  'a number as a name': [
    { groups: [{ name: 7 }] },
    'groups[0].name: must be a name, not 7 (Put a number or a yes in quotes.)',
  ],
  'an empty name': [{ groups: [{ name: '' }] }, 'groups[0].name: must not be empty'],
  'a long name': [
    { groups: [{ name: 'x'.repeat(201) }] },
    'groups[0].name: is 201 characters long; at most 200 are allowed',
  ],
  'a control character': [{ groups: [{ name: 'a\u0007b' }] }, 'groups[0].name: contains control characters'],
  'half a character': [
    { groups: [{ name: 'a\ud800' }] },
    'groups[0].name: is not valid Unicode (a surrogate without its other half)',
  ],
  'a line separator': [{ groups: [{ name: 'a\u2028b' }] }, 'groups[0].name: contains a line separator'],
  'white space around': [{ groups: [{ name: ' acme' }] }, 'groups[0].name: " acme" begins or ends with white space'],
  'a name out of a prototype': [
    { groups: [{ name: '__proto__' }, { name: 'constructor' }] },
    'groups[0].name: "__proto__" is a name that cannot be used',
    'groups[1].name: "constructor" is a name that cannot be used',
  ],
  'a name twice': [
    { groups: [{ name: 'a' }, { name: 'a' }] },
    'groups[1].name: "a" is there twice; the other one is groups[0].name',
  ],
  'two names that look the same': [
    { groups: [{ name: 'caf\u00e9' }, { name: 'cafe\u0301' }] },
    'groups[1].name: "cafe\u0301" differs from groups[0].name only in how its characters are composed (Unicode normal form)',
  ],

  'an unknown monitor': [
    profile({ monitor: 'http.respons' }),
    'profiles[0].monitors[0].monitor: there is no monitor "http.respons" (Did you mean "http.response"?)',
  ],
  'no monitor': [
    { profiles: [{ name: 'p', connector: 'http', monitors: [{}] }] },
    'profiles[0].monitors[0].monitor: is missing: the monitor (Known: http.response.)',
  ],
  'a monitor of another connector type': [
    profile({ monitor: 'tcp.port' }),
    'profiles[0].monitors[0].monitor: tcp.port needs a connector of type tcp; this profile is for http',
  ],
  'an unknown setting': [
    profile({ settings: { pth: '/' } }),
    'profiles[0].monitors[0].settings.pth: is not a setting here (Did you mean "path"?)',
  ],
  'a unit error': [
    profile({ settings: { wait: '10 apples' } }),
    'profiles[0].monitors[0].settings.wait: must be a duration with its unit, not "10 apples" (For example: 10s, 5m, 1h30m)',
  ],
  'a monitor twice': [
    {
      profiles: [
        { name: 'p', connector: 'http', monitors: [{ monitor: 'http.response' }, { monitor: 'http.response' }] },
      ],
    },
    'profiles[0].monitors[1].name: "http.response" is there twice; the other one is profiles[0].monitors[0].name',
  ],
  'a period without a unit': [
    profile({ period: 10 }),
    'profiles[0].monitors[0].period: must be a duration with its unit, not 10 (For example: 10s, 5m, 1h30m)',
  ],
  'a negative period': [
    profile({ period: '-10s' }),
    'profiles[0].monitors[0].period: must be a duration with its unit, not "-10s" (For example: 10s, 5m, 1h30m)',
  ],
  'a period too short': [
    profile({ period: '10ms' }),
    'profiles[0].monitors[0].period: "10ms" is too short; at least 1s',
  ],
  'a period too long': [profile({ period: '52w' }), 'profiles[0].monitors[0].period: "52w" is too long; at most 7d'],
  'a timeout beyond the period': [
    profile({ period: '10s', timeout: '20s' }),
    'profiles[0].monitors[0].timeout: 20s is longer than the period (10s) (A run must be over when the next one is due.)',
  ],
  'a threshold in a wrong unit': [
    profile({ rules: [{ metric: 'duration', thresholds: { WARNING: '> 2GiB' } }] }),
    expect.stringContaining('profiles[0].monitors[0].rules[0].thresholds.WARNING: ') as unknown as string,
  ],
  'an unknown connector type': [
    profile({}, { connector: 'htp' }),
    'profiles[0].connector: there is no connector type "htp" (Did you mean "http"?)',
  ],
  'a connector type that is still used': [
    { profiles: [{ name: 'web-basic', connector: 'tcp', monitors: [] }] },
    'profiles[0].connector: the profile has the monitor "http.response", which needs a connector of type http, not tcp',
    'profiles[0].connector: the profile is used by groups["acme"].systems["shop"].connectors["front"], of type http (Give the profile for another connector type another name.)',
  ],

  'a wrong choice': [
    group({ whenCutOff: 'exclusiv' }),
    'groups[0].whenCutOff: "exclusiv" is not one of: available, exclusive (Did you mean "exclusive"?)',
  ],
  'tags that are no texts': [
    group({ systems: [{ name: 's', tags: { tier: 1 } }] }),
    'groups[0].systems[0].tags.tier: must be a text, not 1 (Put it in quotes.)',
  ],
  'a connector without its setting': [
    connector({ settings: {} }),
    'groups[0].systems[0].connectors[0].settings.url: is missing: URL',
  ],
  'a password in a URL': [
    connector({ settings: { url: 'http://u:p@h/' } }),
    'groups[0].systems[0].connectors[0].settings.url: holds a user name or password; put those into a credential',
  ],
  'an unknown profile': [
    connector({ profiles: ['web-basik'] }),
    'groups[0].systems[0].connectors[0].profiles[0]: there is no profile "web-basik" (Did you mean "web-basic"?)',
  ],
  'a profile for another connector type': [
    connector({ type: 'tcp', settings: { host: 'h', port: 1 }, profiles: ['web-basic'] }),
    'groups[0].systems[0].connectors[0].profiles[0]: the profile "web-basic" is for connectors of type http, not tcp (There is no profile for tcp yet.)',
  ],
  'a pin that is no name': [
    connector({ pin: ['north-1'] }),
    'groups[0].systems[0].connectors[0].pin: must be a name, not a list (Put a number or a yes in quotes.)',
  ],
  'a profile twice': [
    connector({ profiles: ['web-basic', 'web-basic'] }),
    'groups[0].systems[0].connectors[0].profiles[1]: "web-basic" is there twice',
  ],
  'an unknown credential': [
    connector({ credential: 'shop-logn' }),
    'groups[0].systems[0].connectors[0].credential: there is no credential "shop-logn" in the group "acme" (Did you mean "shop-login"?)',
  ],
  'a credential of another group': [
    connector({ credential: 'other-login' }),
    'groups[0].systems[0].connectors[0].credential: "other-login" is a credential of the group "other"; a connector of "acme" can only use those of its own group (Known: shop-login.)',
  ],
  'a credential that a connector cannot use': [
    connector({ type: 'tcp', settings: { host: 'h', port: 1 }, credential: 'shop-login' }),
    'groups[0].systems[0].connectors[0].credential: "shop-login": a connector of type tcp uses no credential (user name and password)',
  ],
  'a missing credential': [
    connector({ type: 'postgresql', settings: { host: 'h' } }),
    'groups[0].systems[0].connectors[0].credential: is missing: a connector of type postgresql needs one (Of type: basic.)',
  ],
  'a credential of an unknown type': [
    group({ credentials: [{ name: 'x', type: 'basik' }] }),
    'groups[0].credentials[0].type: there is no credential type "basik" (Did you mean "basic"?)',
  ],
  'a field that the credential does not have': [
    group({ credentials: [login('x', { usrname: 'y' })] }),
    'groups[0].credentials[0].usrname: is not known here (Did you mean "username"?)',
  ],
  'a secret as a plain text': [
    group({ credentials: [login('x', { secret: 'hunter2' })] }),
    'groups[0].credentials[0].secret: a secret is not written as a plain text (Write { value: … }, { env: NAME }, or { keep: true } for the stored one.)',
  ],
  'a secret in the wrong form': [
    {
      groups: [
        {
          name: 'acme',
          credentials: [
            login('a', { secret: 48151623 }),
            login('b', { secret: { value: 48151623 } }),
            login('c', { secret: { env: 'pass word' } }),
            login('d', { secret: { keep: 'pass word' } }),
            login('e', { secret: {} }),
          ],
        },
      ],
      ...hook({ settings: { url: 'http://h/', signingKey: 48151623 } }),
    },
    'groups[0].credentials[0].secret: must be a secret in one of its forms (Write { value: … }, { env: NAME }, or { keep: true } for the stored one.)',
    'groups[0].credentials[1].secret.value: must be a text (Put a number in quotes.)',
    'groups[0].credentials[2].secret.env: must be the name of an environment variable (For example: SHOP_PASSWORD)',
    'groups[0].credentials[3].secret.keep: must be true',
    'groups[0].credentials[4].secret: says nothing of the secret (Write { value: … }, { env: NAME }, or { keep: true } for the stored one.)',
    'plugins[0].settings.signingKey: must be a secret in one of its forms (Write { value: … }, { env: NAME }, or { keep: true } for the stored one.)',
  ],
  'two forms of a secret': [
    group({ credentials: [login('x', { secret: { value: 'a', env: 'B' } })] }),
    'groups[0].credentials[0].secret: says value and env; only one of them can be meant (Write { value: … }, { env: NAME }, or { keep: true } for the stored one.)',
  ],
  'nothing to keep': [
    group({ credentials: [login('new', { secret: { keep: true } })] }),
    'groups[0].credentials[0].secret: there is no stored secret to keep (Give it once: { value: … }.)',
  ],
  'a variable that is not set': [
    group({ credentials: [login('x', { secret: { env: 'NOT_SET' } })] }),
    'groups[0].credentials[0].secret.env: the environment variable NOT_SET is not set (Set it where the document is applied.)',
  ],
  "one of Farwatch's own variables": [
    group({ credentials: [login('x', { secret: { env: 'FARWATCH_ADMIN_PASSWORD' } })] }),
    'groups[0].credentials[0].secret.env: FARWATCH_ADMIN_PASSWORD belongs to Farwatch itself and is never read as a secret',
  ],

  'an association to an unknown group': [
    { associations: [{ group: 'acmee', agents: ['local'] }] },
    'associations[0].group: there is no group "acmee" (Did you mean "acme"?)',
  ],
  'an association without agents': [
    { associations: [{ group: 'acme' }] },
    'associations[0].agents: is missing: the agents, by name',
  ],
  'an unknown plugin': [
    hook({ plugin: 'webhok' }),
    'plugins[0].plugin: there is no plugin "webhok" (Did you mean "webhook"?)',
  ],
  'a feed that the plugin cannot send': [
    hook({ sends: ['metrics'] }),
    'plugins[0].sends[0]: the plugin webhook cannot send metrics (Possible: alarms)',
  ],
  'a setting that the plugin does not have': [
    hook({ settings: { url: 'http://h/', key: 'x' } }),
    expect.stringContaining('plugins[0].settings.key: is not a setting here') as unknown as string,
  ],
  'several at once': [
    { groups: [{ name: '' }], plugins: 3 },
    'groups[0].name: must not be empty',
    'plugins: must be a list, not 3',
  ],
}

test.for(Object.entries(table))(
  '%s is refused with path and reason, and nothing is changed',
  async ([, [document, ...answers]]) => {
    const { inventory } = opened
    const environment = { FARWATCH_ADMIN_PASSWORD: 'x' } as Record<string, string>
    const refused = await inventory.apply(document, { author: 'ann', env: (name) => environment[name] }).then(
      () => ({ code: 'applied', problems: [] }),
      (thrown: { code: string; problems: { path: string; message: string; hint?: string }[] }) => thrown,
    )
    const words = refused.problems.map(
      ({ path, message, hint }) => `${path}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
    )
    expect([refused.code, ...words]).toEqual(['invalid-document', ...answers])
    expect([inventory.revision(), JSON.stringify(inventory.document())]).toEqual([1, before])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  },
)

test('a huge or hostile document is refused at once, with a bounded answer', async () => {
  const { inventory } = opened
  const nested = (depth: number) => {
    let value: unknown = 'x'
    for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
    return value
  }
  const hostile: unknown[] = [
    { groups: Array.from({ length: 10_001 }, (_, i) => ({ name: `g${i}` })) },
    { groups: Array.from({ length: 10_000 }, () => 1) },
    connector({ settings: { url: 'http://h/', headers: nested(100_000) } }),
    connector({ settings: nested(100_000) }),
    profile({ rules: nested(100_000) }),
    profile({ settings: Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`s${i}`, 1])) }),
    Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, 1])),
    { ['x'.repeat(1_000_000)]: 1 },
    { groups: [{ name: 'x'.repeat(1_000_000) }] },
    profile({ monitor: 'x'.repeat(1_000_000) }),
  ]
  for (const document of hostile) {
    const refused = await inventory.apply(document, { author: 'ann' }).catch((thrown: unknown) => thrown)
    expect(refused).toMatchObject({ code: 'invalid-document' })
    const { problems, message } = refused as { problems: readonly unknown[]; message: string }
    expect(problems.length).toBeLessThanOrEqual(100)
    expect(JSON.stringify(problems).length + message.length).toBeLessThan(100_000)
  }
  expect(JSON.stringify(inventory.document())).toBe(before)
})

test('other printable names are kept exactly as they were sent', async () => {
  await using other = await openTestInventory()
  const names = [
    '日本',
    '<script>alert(1)</script>',
    "'; DROP TABLE audit; --",
    '../../etc',
    'a"b\\c',
    '${x}',
    '🦉',
    'toString',
    '%s',
    'A',
    'a',
  ]
  await other.inventory.apply({ groups: names.map((name) => ({ name })) }, { author: 'ann' })
  const again = await other.restart()
  expect(again.groups().map(({ name }) => name)).toEqual([...names].sort((a, b) => (a < b ? -1 : 1)))
})
