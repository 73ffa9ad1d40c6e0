import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startConnectProxy, type ConnectProxy } from '../servers/connect-proxy.ts'
import { startNginx, type Nginx } from '../servers/nginx.ts'
import { rowsOf } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { online, startFleet, type Fleet } from '../support/fleet.ts'
import { until, type TestInstance } from '../support/instance.ts'

const password = 'p@ss word'
let target: CountingTarget
let proxy: ConnectProxy
let authority: Authority
let nginx: Nginx
let fleet: Fleet
let server: TestInstance

beforeAll(async () => {
  target = await CountingTarget.start()
  proxy = await startConnectProxy({ name: 'agent', password })
  authority = await makeAuthority()
  fleet = await startFleet({ agents: ['direct'] })
  server = fleet.server
  nginx = await startNginx({
    certificate: await authority.issue(['DNS:localhost', 'IP:127.0.0.1'], 30),
    locations: `location /watch/ { proxy_pass https://127.0.0.1:${new URL(server.url).port}/; proxy_ssl_verify off; }`,
  })
})
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]()
  await nginx?.stop()
  await authority?.remove()
  await proxy?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

/** Puts two tasks on an agent and waits for results of it. */
async function measures(name: string): Promise<void> {
  await server.call('applyConfiguration', {
    query: {},
    body: { ...countingDocument(target.url, 2, { group: name }), associations: [{ group: name, agents: [name] }] },
  })
  await until(
    `${name} has measured`,
    () => rowsOf(server, name),
    (rows) =>
      rows.size === 2 && [...rows.values()].every((all) => all.filter(({ agent }) => agent === name).length > 1),
  )
}

const proxyUrl = (secret: string) => `http://agent:${encodeURIComponent(secret)}@127.0.0.1:${proxy.port}`

test('an agent that is told of a proxy while it runs goes through it, and says when the proxy wants another password', async () => {
  const agent = fleet.agents[0]!
  const { host } = new URL(server.url)
  await agent.call('changeInstance', { body: { proxy: proxyUrl('wrong') } })
  const refused = await until(
    'it says what the proxy wants',
    () => agent.call('showConnection'),
    ({ state, message }) => state === 'connecting' && message.includes('user and a password'),
  )
  const shown = await agent.call('changeInstance', { body: { proxy: proxyUrl(password) } })
  await until(
    'it is connected',
    () => agent.call('showConnection'),
    ({ state }) => state === 'connected',
  )
  await online(server, ['direct'])
  await measures('direct')
  expect({
    proxy: shown.proxy,
    said: [refused.message, agent.log].some((words) => words.includes('wrong@') || words.includes(password)),
    tunnels: [...new Set(proxy.tunnels)],
  }).toEqual({
    proxy: `http://agent:***@127.0.0.1:${proxy.port}`,
    said: false,
    tunnels: [`${host} 407`, `${host} 200`],
  })
})

test('an agent works through a proxy of its own and a reverse proxy that ends TLS before the server, below a path', async () => {
  const agent = await fleet.join({
    name: 'far',
    serverUrl: `https://localhost:${nginx.tlsPort}/watch`,
    trust: false,
    env: { FARWATCH_PROXY: proxyUrl(password) },
  })
  // The certificate that it meets is that of the reverse proxy, signed by an authority of the company.
  await agent.call('trustCertificate', { body: { certificate: authority.certificate } })
  await online(server, ['far'])
  await measures('far')
  const far = (await server.call('listAgents')).find(({ name }) => name === 'far')!
  expect({
    tunnels: proxy.tunnels.includes(`localhost:${nginx.tlsPort} 200`),
    fingerprint: far.fingerprint === (await agent.call('showInstance')).fingerprint,
    server: (await agent.call('showConnection')).server,
  }).toEqual({ tunnels: true, fingerprint: true, server: `https://localhost:${nginx.tlsPort}/watch` })
})
