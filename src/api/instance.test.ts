import { afterEach, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './testing.ts'

let api: TestApi

afterEach(() => api.stop())

const change = async (body: object) => {
  const answer = await api.call('changeInstance', { body })
  const { error, ...instance } = answer.body as {
    error?: { code: string; message: string }
    roles?: object
    servers?: readonly string[]
    proxy?: string | null
  }
  return error === undefined
    ? [instance.roles, instance.servers, instance.proxy]
    : [answer.status, error.code, error.message]
}

test('roles, servers and proxy change while it runs, and an instance keeps one role at least', async () => {
  api = await startTestApi()
  const [both, server, agent] = [
    { server: true, agent: true },
    { server: true, agent: false },
    { server: false, agent: true },
  ]
  const servers = ['https://watch.example.org:8443']
  expect([
    await change({ roles: server }),
    await change({ roles: agent, servers, proxy: 'http://u:hunter2@proxy:3128' }),
    await change({ roles: { server: false, agent: false } }),
    await change({ servers: ['ftp://x'] }),
    await change({ roles: both, proxy: '' }),
  ]).toEqual([
    [server, [], null],
    [agent, servers, 'http://u:***@proxy:3128'],
    [400, 'invalid-value', 'roles: an instance is a server, an agent, or both'],
    [400, 'invalid-setting', expect.stringContaining('servers: "[\\"ftp://x\\"]" has an entry that is not the URL')],
    [both, servers, null],
  ])
  const { entries } = await api.inventory.audit({})
  expect(JSON.stringify(entries)).not.toContain('hunter2')
})

test('what was given at the start is refused with where it is given, and what does not change is no change', async () => {
  api = await startTestApi({ flags: { role: 'standalone' }, environment: { FARWATCH_SERVER: 'https://a.example' } })
  const both = { server: true, agent: true }
  expect([
    await change({ roles: { server: true, agent: false }, name: 'x' }),
    await change({ servers: ['https://b.example'] }),
    await change({ roles: both, servers: ['https://a.example'] }),
    api.settings.values.name,
  ]).toEqual([
    [409, 'conflict', 'role: is given by --role, and cannot be changed here'],
    [409, 'conflict', 'servers: is given by FARWATCH_SERVER, and cannot be changed here'],
    [both, ['https://a.example'], null],
    '',
  ])
})

test('the log is handed out as it was written, to administrators', async () => {
  api = await startTestApi()
  api.logs.log.info('something happened', { to: 'somebody' })
  const { headers, body } = await api.call('downloadLogs', { query: { maxBytes: 1_000 } })
  const line = JSON.parse(String(body)) as Record<string, unknown>
  expect([headers['content-type'], line['event'], line['to']]).toEqual([
    'text/plain; charset=utf-8',
    'something happened',
    'somebody',
  ])
})

test('who asks for a page of the portal where that was not built is told how it is', async () => {
  api = await startTestApi()
  const answer = await api.get('/setup')
  expect([answer.status, answer.body]).toEqual([
    404,
    { error: expect.objectContaining({ code: 'not-found', hint: expect.stringContaining('`npm start` builds it') }) },
  ])
})
