import { afterEach, expect, test } from 'vitest'
import { makeKeys, makeTestClient, startTestServer } from '../../src/link/testing.ts'
import type { Assignment } from '../../src/model/index.ts'
import { makeAuthority } from '../servers/certificates.ts'
import { startNginx } from '../servers/nginx.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const assignment: Assignment = {
  version: 'v1',
  settings: {
    parallelTasks: 10,
    parallelPerTarget: 4,
    processTimeoutMs: 60_000,
    logLevel: 'info',
    logDurationMs: 0,
    leaseMs: null,
  },
  connectors: [
    {
      id: 'c1',
      type: 'http',
      group: 'acme',
      settings: { url: 'https://shop.example', note: 'x'.repeat(2_000) },
      credential: { type: 'basic', fields: { username: 'u', password: 'hunter2' } },
    },
  ],
  tasks: [],
}

test('an agent works through a reverse proxy that ends TLS and serves Farwatch below a path', async () => {
  const uploads: unknown[] = []
  let now = assignment
  const server = await startTestServer({
    assignmentFor: () => now,
    upload: async (_, batch) => {
      uploads.push(batch)
      return { acknowledged: 1, safe: 1, pauseMs: 0 }
    },
  })
  ends.push(() => server.stop())
  const authority = await makeAuthority()
  ends.push(() => authority.remove())
  const certificate = await authority.issue(['DNS:localhost', 'IP:127.0.0.1'], 30)
  const nginx = await startNginx({
    certificate,
    locations: `
      location /watch/ { proxy_pass https://127.0.0.1:${server.port}/; proxy_ssl_verify off; }
      location /kept/ { proxy_pass https://127.0.0.1:${server.port}; proxy_ssl_verify off; }`,
  })
  ends.push(() => nginx.stop())
  const seen: unknown[] = []
  // One takes its path away, the other passes it on as it came.
  for (const path of ['/watch', '/kept/']) {
    const { token } = await server.registry.createToken('admin', { expiresInMs: 60_000, uses: 1 })
    const keys = makeKeys()
    now = assignment
    const agent = makeTestClient(undefined, {
      url: `https://localhost:${nginx.tlsPort}${path}`,
      trust: { authorities: () => [authority.certificate], trusts: () => false },
      keys,
      token,
    })
    ends.push(() => agent.stop())
    const never = new AbortController().signal
    const first = await agent.assignment(undefined, never)
    const waiting = agent.assignment('v1', never)
    now = { ...assignment, version: 'v2' }
    server.link.changed()
    const second = await waiting
    const batch = { format: 1, agent: keys.signer.uuid, spool: 's', from: 0, entries: [] } as const
    const answer = await agent.upload(batch, never)
    seen.push([first, second?.version, answer.acknowledged])
  }
  expect({ seen, uploads: uploads.length }).toEqual({
    seen: [
      [assignment, 'v2', 1],
      [assignment, 'v2', 1],
    ],
    uploads: 2,
  })
})
