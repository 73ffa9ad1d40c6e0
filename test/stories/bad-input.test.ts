import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestInstance } from '../support/instance.ts'

let instance: TestInstance
beforeAll(async () => {
  instance = await TestInstance.start()
})
afterAll(async () => {
  await instance[Symbol.asyncDispose]()
})

interface Refusal {
  readonly status: number
  readonly code: string
  readonly path: string
  readonly message: string
  readonly hint: string
}

async function refusal(
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Refusal> {
  const answer = await instance.send(method, path, body, instance.token, headers)
  const { error } = JSON.parse(answer.body) as {
    error: { code: string; message: string; hint: string; details?: { path: string; message: string; hint?: string }[] }
  }
  const first = error.details?.[0]
  return {
    status: answer.status,
    code: error.code,
    path: first?.path ?? '',
    message: first?.message ?? error.message,
    hint: first?.hint ?? error.hint,
  }
}

const apply = (document: unknown, headers?: Record<string, string>) =>
  refusal('PUT', '/api/v1/configuration', document, headers)
const system = (connector: object, more: object = {}) => ({
  groups: [{ name: 'acme', systems: [{ name: 'shop', connectors: [{ name: 'front', ...connector }] }], ...more }],
})
const profile = (monitor: object, connector = 'http') => ({ profiles: [{ name: 'p', connector, monitors: [monitor] }] })

/** document → where, and a part of what is said */
const documents: Record<string, { document: unknown; path: string; says: string }> = {
  'a monitor that does not exist names the nearest': {
    document: profile({ monitor: 'http.respond' }),
    path: 'profiles[0].monitors[0].monitor',
    says: 'http.response',
  },
  'a setting that does not exist names the nearest': {
    document: profile({ monitor: 'http.response', settings: { extrct: {} } }),
    path: 'profiles[0].monitors[0].settings.extrct',
    says: 'extract',
  },
  'a unit error says how durations are written': {
    document: profile({ monitor: 'http.response', period: '10 secs' }),
    path: 'profiles[0].monitors[0].period',
    says: '10s',
  },
  'a negative period': {
    document: profile({ monitor: 'http.response', period: '-10s' }),
    path: 'profiles[0].monitors[0].period',
    says: '',
  },
  'an absurd period': {
    document: profile({ monitor: 'http.response', period: '4000d' }),
    path: 'profiles[0].monitors[0].period',
    says: '',
  },
  'a threshold in a unit of another quantity': {
    document: profile({ monitor: 'http.response', rules: [{ metric: 'duration', thresholds: { WARNING: '> 2GiB' } }] }),
    path: 'profiles[0].monitors[0].rules[0].thresholds.WARNING',
    says: '',
  },
  'a profile on the wrong connector type': {
    document: {
      ...profile({ monitor: 'http.response' }),
      ...system({ type: 'tcp', settings: { host: 'h', port: 1 }, profiles: ['p'] }),
    },
    path: 'groups[0].systems[0].connectors[0].profiles[0]',
    says: 'http',
  },
  'a wrong type': {
    document: system({ type: 'tcp', settings: { host: 'h', port: '80' } }),
    path: 'groups[0].systems[0].connectors[0].settings.port',
    says: 'number',
  },
  'an unknown key': { document: { grups: [] }, path: 'grups', says: 'groups' },
  'a duplicate name': { document: { groups: [{ name: 'a' }, { name: 'a' }] }, path: 'groups[1].name', says: '' },
  'a name that differs from another only in its Unicode form': {
    document: { groups: [{ name: 'caf\u00e9' }, { name: 'cafe\u0301' }] },
    path: 'groups[1].name',
    says: '',
  },
  'a credential of another group': {
    document: {
      groups: [
        {
          name: 'acme',
          credentials: [{ name: 'login', type: 'basic', username: 'u', secret: { value: 's3cret-value' } }],
        },
        {
          name: 'beta',
          systems: [
            {
              name: 'b',
              connectors: [{ name: 'c', type: 'http', settings: { url: 'http://h' }, credential: 'login' }],
            },
          ],
        },
      ],
    },
    path: 'groups[1].systems[0].connectors[0].credential',
    says: 'acme',
  },
}

describe('a wrong document is refused with path, reason and hint, and changes nothing', () => {
  test.each(Object.entries(documents))('%s', async (_, { document, path, says }) => {
    const before = (await instance.send('GET', '/api/v1/configuration')).body
    const seen = await apply(document)
    expect({
      status: seen.status,
      code: seen.code,
      path: seen.path,
      says: `${seen.message} ${seen.hint}`.includes(says),
      leaks: JSON.stringify(seen).includes('s3cret'),
    }).toEqual({
      status: 422,
      code: 'invalid-document',
      path,
      says: true,
      leaks: false,
    })
    expect((await instance.send('GET', '/api/v1/configuration')).body).toBe(before)
  })
})

describe('a hostile body is turned away', () => {
  const deep = `${'{"groups":['.repeat(5_000)}${']}'.repeat(5_000)}`
  const bodies: Record<string, { body: unknown; status: number }> = {
    'bottomless nesting': { body: deep, status: 400 },
    'invalid UTF-8': { body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), status: 400 },
    'a name with control characters': { body: '{"groups":[{"name":"a\\u0007b"}]}', status: 400 },
    'not JSON': { body: '{"groups": [', status: 400 },
    'a prototype key': { body: '{"__proto__": {"groups": []}}', status: 400 },
    'the key constructor': { body: '{"constructor": {"prototype": {"x": 1}}}', status: 422 },
    'a list instead of a document': { body: '[]', status: 422 },
    'more than the limit': { body: `{"groups": "${'x'.repeat(65 * 1024 * 1024)}"}`, status: 413 },
  }
  test.each(Object.entries(bodies))('%s', async (_, { body, status }) => {
    const answer = await instance
      .send('PUT', '/api/v1/configuration', body)
      // Nobody reads so much to its end: the connection may be closed before the answer has come through. The words for that are many.
      .catch(({ code }: NodeJS.ErrnoException) => ({ status: code === 'ECONNRESET' || code === 'EPIPE' ? 413 : 0 }))
    expect(answer.status).toBe(status)
    expect((await instance.send('GET', '/healthz')).status).toBe(200)
  })
})

test('an alias bomb in YAML is turned away', async () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`),
  ].join('\n')
  const seen = await apply(bomb, { 'content-type': 'application/yaml' })
  expect([seen.status, seen.code]).toEqual([400, 'bad-request'])
})

test('unknown query parameters, repeated ones and wrong values are refused, never ignored', async () => {
  const asked = await Promise.all(
    [
      '/api/v1/tasks?grop=acme',
      '/api/v1/tasks?group=a&group=b',
      '/api/v1/tasks?limit=many',
      '/api/v1/alarms?state=open&x',
      '/api/v1/coverage?from=yesterday',
      '/api/v1/groups?a=1',
      '/api/v1/tasks?group=%FF',
      '/api/v1/alarms?severity=BAD',
      '/api/v1/tasks?cursor=nothing',
      '/api/v1/systems?cursor=nothing',
      '/api/v1/alarms?cursor=nothing',
      '/api/v1/audit?cursor=nothing',
      '/api/v1/configuration/revisions?cursor=nothing',
      '/api/v1/metrics/series?cursor=nothing',
    ].map(async (path) => {
      const { status, code } = await refusal('GET', path)
      return `${path} ${status} ${code}`
    }),
  )
  expect(asked.filter((line) => !line.endsWith(' 400 bad-request') && !line.endsWith(' 400 invalid-value'))).toEqual([])
})

test('every path of the API denies without a token, and says nothing else', async () => {
  const document = JSON.parse((await instance.send('GET', '/api/openapi.json')).body) as {
    paths: Record<string, Record<string, unknown>>
  }
  const open = new Set(['post /api/v1/sessions', 'get /api/v1/setup', 'post /api/v1/setup'])
  const paths = [
    ...Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    ),
    'get /api/v1/events',
    'get /api/openapi.json',
    'get /metrics',
    'get /api/v1/nothing-here',
  ]
  const answers = await Promise.all(
    paths
      .filter((path) => !open.has(path))
      .map(async (entry) => {
        const [method, path] = entry.split(' ') as [string, string]
        const { status } = await instance.send(
          method.toUpperCase(),
          path.replace(/\{\w+\}/g, 'x'),
          method === 'get' ? undefined : {},
          '',
        )
        return `${entry} ${status}`
      }),
  )
  expect(paths.length).toBeGreaterThan(40)
  expect(answers.filter((line) => !line.endsWith(' 401'))).toEqual([])
})
