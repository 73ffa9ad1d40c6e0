import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeKeys, makeTestClient } from '../link/testing.ts'
import { startTestApi, type TestApi } from './testing.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi()
})
afterEach(() => api.stop())

test('an agent is answered under any path that a proxy put before the messages, and needs no token', async () => {
  const seen: unknown[] = []
  for (const path of ['', '/watch', '/a/link/v1/b']) {
    const { token } = await api.registry.createToken('ann', { expiresInMs: 60_000, uses: 1 })
    const keys = makeKeys()
    const client = makeTestClient(api.keystore, { url: `${api.url}${path}`, keys, token })
    const never = new AbortController().signal
    const assignment = await client.assignment(undefined, never)
    const entries = Array.from({ length: 1_500 }, (_, slot) => ({
      kind: 'run' as const,
      task: 't1',
      slot,
      outcome: 'ran' as const,
      startedAt: slot,
      durationMs: Math.sqrt(slot),
      message: `${Math.sqrt(slot)}`.repeat(40),
      samples: [],
    }))
    const answer = await client.upload({ format: 1, agent: keys.signer.uuid, spool: 's', from: 0, entries }, never)
    await client.stop()
    seen.push([assignment?.version, answer.pauseMs])
  }
  expect(seen).toEqual(Array.from({ length: 3 }, () => ['v1', 0]))
})

test('a message is bounded by its kind before it is read, and what no agent sent is refused in words', async () => {
  const post = async (path: string, bytes: number) => {
    const { status, body } = await api.post(path, new Uint8Array(bytes), { 'content-type': 'application/json' })
    return [status, /"message":"([^"]*)/.exec(JSON.stringify(body))?.[1]]
  }
  expect([
    await post('/link/v1/rekey', 16_385),
    await post('/link/v1/rekey', 16_384),
    await post('/link/v1/upload', 1_048_577),
    await post('/link/v1/nothing', 10),
    (await api.post('/link/v1/poll', new Uint8Array(), {})).status,
  ]).toEqual([
    [413, 'the body is larger than the limit'],
    [401, 'the request does not prove who sent it: it bears no signature'],
    [401, 'the request does not prove who sent it: it bears no signature'],
    [404, 'agents and servers have no such message'],
    401,
  ])
})

test('an instance that is only an agent says so to agents and to callers, and serves what it has again at once', async () => {
  const { link, handlers } = api
  await api.settings.change({ role: 'agent' })
  api.link = undefined
  api.handlers = {}
  const states: string[] = []
  const client = makeTestClient(api.keystore, { url: api.url, onState: ({ message }) => void states.push(message) })
  await expect(client.assignment(undefined, new AbortController().signal)).rejects.toMatchObject({
    message: `${api.url} refused (HTTP 409): this instance is only an agent: it takes no other agents`,
  })
  await client.stop()
  const refused = await api.call('listAgents')
  const stranger = await api.call('listAgents', { token: 'fw_stranger' })
  Object.assign(api, { link, handlers })
  expect([refused, stranger.status, (await api.call('listAgents')).status]).toMatchObject([
    {
      status: 409,
      body: {
        error: {
          code: 'not-in-this-role',
          message: 'this instance is only an agent; GET /agents needs the role server',
          hint: 'Ask the instance that has the role server, or give this one that role: PUT /instance.',
        },
      },
    },
    401,
    200,
  ])
})
