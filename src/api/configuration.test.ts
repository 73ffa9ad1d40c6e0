import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleDocument, smallLibrary } from '../inventory/testing.ts'
import { checkHandlers } from './handlers/check-handlers.ts'
import { configurationHandlers } from './handlers/configuration-handlers.ts'
import { startTestApi, type TestAnswer, type TestApi } from './testing.ts'

let api: TestApi
/** What an agent was asked to run. */
const asked: unknown[] = []

beforeAll(async () => {
  api = await startTestApi()
  api.handlers = {
    ...api.handlers,
    ...configurationHandlers({ inventory: api.inventory, access: api.access, environment: () => undefined }),
    ...checkHandlers({
      inventory: api.inventory,
      library: smallLibrary,
      agentName: (id) => `agent ${id}`,
      fleet: {
        check: async (group, order, wanted) => {
          asked.push({ group, order, wanted })
          const run = { kind: 'run', task: 'check', slot: 0, outcome: 'ran', startedAt: 0, durationMs: 5 } as const
          return { agent: 'x', result: { ...run, samples: [{ name: 'duration', labels: {}, value: 3_000 }] } }
        },
      },
    }),
  }
  await api.inventory.apply(exampleDocument, { author: 'ann' })
  const password = 'a long enough password'
  await api.access.createUser('ann', { username: 'eve', password, grants: [{ group: 'other', role: 'editor' }] })
}, 60_000)

afterAll(() => api?.stop())

const token = async () =>
  (await api.access.signIn({ username: 'eve', password: 'a long enough password', address: '127.0.0.1' })).token
const shop = { group: 'acme', system: 'shop' }
const said = ({ status, body }: TestAnswer) => {
  const { error } = body as { error?: { code: string; details?: readonly { path: string }[] } }
  return [status, error?.code, ...(error?.details ?? []).map(({ path }) => path)]
}

test('an edit is based on the revision that was read, and answers with the difference', async () => {
  const read = (await api.call('showEditable')).body as { revision: number }
  const edits = [{ is: 'change', at: shop, value: { type: 'host' } }]
  const made = await api.call('editConfiguration', { body: { base: read.revision, edits } })
  const late = await api.call('editConfiguration', {
    body: { base: read.revision, edits: [{ is: 'remove', at: shop }] },
  })
  const compared = await api.call('compareRevisions', { query: { from: read.revision, to: read.revision + 1 } })
  const { changes } = compared.body as { changes: readonly unknown[] }
  expect([made.body, said(late), changes]).toEqual([
    expect.objectContaining({ applied: true, revision: read.revision + 1, summary: { add: 0, change: 1, remove: 0 } }),
    [409, 'conflict', 'groups["acme"].systems["shop"]'],
    [expect.objectContaining({ action: 'change', path: 'groups["acme"].systems["shop"]' })],
  ])
})

// What is sent, and the status and code of the answer
test.each<[string, unknown, readonly unknown[]]>([
  ['nothing', {}, [400, 'bad-request']],
  ['no base', { edits: [{ is: 'remove', at: shop }] }, [400, 'bad-request']],
  ['no edit', { base: 0, edits: [] }, [400, 'bad-request']],
  ['an unknown act', { base: 0, edits: [{ is: 'paint', at: shop }] }, [400, 'bad-request']],
  ['an unknown place', { base: 0, edits: [{ is: 'remove', at: { planet: 'x' } }] }, [400, 'bad-request']],
  ['a revision to come', { base: 99, edits: [{ is: 'remove', at: shop }] }, [409, 'conflict']],
  [
    'no object',
    { base: 1, edits: [{ is: 'add', at: { group: 'g' }, value: 'text' }] },
    [422, 'invalid-document', 'groups["g"]'],
  ],
])('an edit with %s is refused', async (_, body, answer) => {
  const [status, code, path] = said(await api.call('editConfiguration', { body }))
  expect(answer.length === 2 ? [status, code] : [status, code, path]).toEqual(answer)
})

test('who edits one group edits no other, and does not learn what is in it', async () => {
  const eve = await token()
  const edit = (edits: unknown) => api.call('editConfiguration', { body: { base: 2, edits }, token: eve })
  const readable = (await api.call('showEditable', { token: eve })).body as { document: { groups: readonly unknown[] } }
  const tried = [
    await edit([{ is: 'remove', at: { group: 'acme', system: 'nothing' } }]),
    await edit([{ is: 'remove', at: { profile: 'web-basic' } }]),
    await api.call('undoRevision', { params: { revision: '1' }, token: eve }),
    await api.call('compareRevisions', { query: { from: 0, to: 1 }, token: eve }),
    await api.call('checkConnector', {
      body: { group: 'acme', connector: { type: 'http', settings: { url: 'http://h' } }, monitor: 'http.response' },
      token: eve,
    }),
  ]
  expect([readable.document.groups, ...tried.map(({ status }) => status)]).toEqual([[], 403, 403, 403, 403, 403])
})

test('a connector is run by hand with its stored credential, judged, and written down without it', async () => {
  const connector = { type: 'http', settings: { url: 'http://127.0.0.1/' }, credential: 'shop-login' }
  const answer = await api.call('checkConnector', {
    body: { group: 'acme', agent: 'north-1', connector, monitor: 'http.response', settings: { path: '/x' } },
  })
  const { entries } = await api.inventory.audit()
  const written = entries.find(({ action }) => action === 'connector tested')
  expect([asked, answer.body, written?.what, JSON.stringify([answer.body, entries]).includes('hunter2')]).toEqual([
    [
      {
        group: 'acme',
        wanted: 'north-1',
        order: {
          monitor: 'http.response',
          settings: { path: '/x', wait: 1_000 },
          connector: {
            type: 'http',
            settings: { url: 'http://127.0.0.1/', headers: {} },
            credential: { type: 'basic', fields: { username: 'monitor', secret: 'hunter2' } },
          },
          timeoutMs: 10_000,
        },
      },
    ],
    {
      agent: 'agent x',
      outcome: 'ran',
      startedAt: '1970-01-01T00:00:00.000Z',
      durationMs: 5,
      reason: null,
      message: null,
      facts: {},
      samples: [
        { name: 'failed', labels: {}, value: 0, unit: '', rows: [] },
        {
          name: 'duration',
          labels: {},
          value: 3_000,
          unit: 'ms',
          rows: [{ row: 0, name: 'duration', exclusive: false, alarm: true, severity: 'WARNING' }],
        },
      ],
      left: 0,
    },
    'groups["acme"]',
    false,
  ])
})

test('everything that is wrong with a run by hand is said by its field', async () => {
  const answer = await api.call('checkConnector', {
    body: {
      group: 'acme',
      connector: { type: 'http', settings: { url: 'h' }, credential: 'nothing' },
      monitor: 'http.response',
      settings: { wait: '2h' },
      rules: [{ metric: 'duration', thresholds: { WARNING: 'slow' } }],
    },
  })
  expect(said(answer)).toEqual([
    400,
    'invalid-value',
    'connector.settings.url',
    'settings.wait',
    'rules[0].thresholds.WARNING',
    'connector.credential',
  ])
})

test('a table is tried on values without asking anybody', async () => {
  const rules = [
    { name: 'long', metric: 'duration', thresholds: { CRITICAL: '> 1s' }, exclusive: true },
    { name: 'rest', metric: '*', alarm: false },
  ]
  const samples = ['duration', 'status'].map((name) => ({ name, labels: {}, value: 1_500 }))
  const { body } = await api.call('previewRules', { body: { monitor: 'http.response', rules, samples } })
  const rows = (body as { samples: readonly { name: string; rows: readonly { name: string }[] }[] }).samples
  expect(rows.map((one) => [one.name, ...one.rows.map(({ name }) => name)])).toEqual([
    ['failed'],
    ['duration', 'long'],
    ['status', 'rest'],
  ])
})

test('users follow a group to its new name, and back where that is undone', async () => {
  const grants = () => api.access.users().find(({ username }) => username === 'eve')?.grants
  await api.inventory.apply({ groups: [{ name: 'other' }] }, { author: 'ann' })
  const { revision: base } = (await api.call('showEditable')).body as { revision: number }
  const edits = [{ is: 'move', at: { group: 'other' }, to: { group: 'elsewhere' } }]
  const seen = [grants()]
  await api.call('editConfiguration', { query: { dryRun: 'true' }, body: { base, edits } })
  seen.push(grants())
  await api.call('editConfiguration', { body: { base, edits } })
  seen.push(grants())
  await api.call('undoRevision', { params: { revision: String(base + 1) } })
  seen.push(grants())
  const { entries } = await api.inventory.audit({ text: 'group renamed' })
  expect([seen.map((one) => one?.map(({ group }) => group)), entries.map(({ what }) => what)]).toEqual([
    [['other'], ['other'], ['elsewhere'], ['other']],
    ['groups["elsewhere"]', 'groups["other"]'],
  ])
})
