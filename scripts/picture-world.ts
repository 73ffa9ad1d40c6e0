// What `npm run pictures` takes its pictures of: a pair of servers, three agents and one that waits, and the systems of a shop that are well, slow, broken and
// well again.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { ConfigurationDocument } from '../src/contract/index.ts'
import { fingerprintAt, scratchData, trust } from '../test/support/fleet.ts'
import { HookReceiver } from '../test/support/hook-receiver.ts'
import { setUpLink, TestInstance, until } from '../test/support/instance.ts'
import { startPair, type Pair } from '../test/support/pair.ts'

export interface PictureWorld extends AsyncDisposable {
  readonly server: TestInstance
  readonly pair: Pair
  /** One of the agents. */
  readonly agent: TestInstance
  /** One that nobody has set up yet, and where that is done. */
  readonly fresh: { readonly instance: TestInstance; readonly setUpPath: string }
}

const agents = ['berlin-1', 'berlin-2', 'hamburg-1'] as const

/** Services of a shop on one port: each path is one, and each can be slow or broken. */
class Services implements AsyncDisposable {
  readonly broken = new Set<string>()
  readonly slow = new Set<string>()
  readonly #begun = Date.now()
  readonly #server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://services').pathname
    const seconds = (Date.now() - this.#begun) / 1_000
    const wave = (1 + Math.sin(seconds / 40 + path.length)) / 2
    const delay = this.slow.has(path) ? 2_300 + 500 * Math.random() : 15 + 60 * wave + 25 * Math.random()
    const status = this.broken.has(path) ? 503 : 200
    const body =
      path === '/metrics'
        ? exposed(seconds, wave)
        : JSON.stringify({ orders: Math.round(40 + 90 * wave + 6 * Math.random()), queue: Math.round(12 * wave) })
    setTimeout(() => {
      response.writeHead(status, { 'content-type': path === '/metrics' ? 'text/plain' : 'application/json' }).end(body)
    }, delay)
  })

  static async start(): Promise<Services> {
    const services = new Services()
    await new Promise<void>((resolve) => void services.#server.listen(0, '127.0.0.1', resolve))
    return services
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  at(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function exposed(seconds: number, wave: number): string {
  return [
    '# TYPE robots_busy gauge',
    `robots_busy{hall="a"} ${Math.round(14 + 8 * wave)}`,
    `robots_busy{hall="b"} ${Math.round(9 + 10 * wave)}`,
    '# TYPE parcels_total counter',
    `parcels_total{hall="a"} ${Math.round(seconds * 3.1)}`,
    `parcels_total{hall="b"} ${Math.round(seconds * 2.4)}`,
    '# TYPE belt_temperature_celsius gauge',
    `belt_temperature_celsius ${(41 + 9 * wave).toFixed(1)}`,
    '',
  ].join('\n')
}

function document(services: Services, hooks: HookReceiver, closedPort: number): ConfigurationDocument {
  const web = (name: string, path: string, profile = 'web') => ({
    name,
    type: 'http',
    settings: { url: services.at(path) },
    profiles: [profile],
  })
  const port = (name: string, of: number) => ({
    name,
    type: 'tcp',
    settings: { host: '127.0.0.1', port: of },
    profiles: ['port'],
  })
  const host = (name: string) => ({
    name,
    type: 'host',
    tags: { env: 'prod', site: name.split('-')[0]! },
    connectors: [{ name: 'host', type: 'local', profiles: ['host'], pin: name }],
  })
  return {
    profiles: [
      {
        name: 'web',
        description: 'Answers, status and time of a web application',
        connector: 'http',
        monitors: [
          {
            monitor: 'http.response',
            period: '5s',
            settings: { extract: { orders: '$.orders', queue: '$.queue' } },
            rules: [
              { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
              { name: 'error status', metric: 'status', thresholds: { WARNING: '>= 400', CRITICAL: '>= 500' } },
              { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 2s', CRITICAL: '> 5s' } },
              { name: 'orders wait', metric: 'queue', thresholds: { MINOR: '> 20', MAJOR: '> 50' } },
            ],
          },
        ],
      },
      { name: 'port', connector: 'tcp', monitors: [{ monitor: 'tcp.port', period: '5s' }] },
      { name: 'host', connector: 'local', monitors: [{ monitor: 'host.local', period: '10s' }] },
      {
        name: 'exporter',
        connector: 'http',
        monitors: [
          { monitor: 'prometheus.scrape', period: '10s', settings: { include: ['robots_*', 'parcels_*', 'belt_*'] } },
        ],
      },
    ],
    groups: [
      {
        name: 'shop',
        description: 'What customers see',
        credentials: [{ name: 'shop-login', type: 'basic', username: 'monitor', secret: { value: 'not a real one' } }],
        systems: [
          {
            name: 'storefront',
            type: 'web',
            tags: { env: 'prod', owner: 'webteam' },
            connectors: [
              { ...web('front', '/front'), credential: 'shop-login' },
              web('checkout', '/checkout'),
              port('port', services.port),
            ],
          },
          { name: 'payments', type: 'web', tags: { env: 'prod', owner: 'finance' }, connectors: [web('api', '/pay')] },
          { name: 'search', type: 'web', tags: { env: 'prod', owner: 'webteam' }, connectors: [web('api', '/search')] },
          {
            name: 'storefront-test',
            type: 'web',
            tags: { env: 'test', owner: 'webteam' },
            connectors: [web('front', '/test')],
          },
        ],
      },
      {
        name: 'logistics',
        description: 'Warehouse and parcels',
        systems: [
          {
            name: 'warehouse',
            type: 'web',
            tags: { env: 'prod', owner: 'logistics' },
            connectors: [web('stock', '/stock'), web('robots', '/', 'exporter')],
          },
          {
            name: 'label-printer',
            type: 'device',
            tags: { env: 'prod', owner: 'logistics' },
            connectors: [port('raw', closedPort)],
          },
        ],
      },
      { name: 'machines', description: 'The machines of the agents', systems: agents.map(host) },
    ],
    associations: [
      { group: 'shop', agents: ['berlin-1', 'berlin-2'] },
      { group: 'logistics', agents: ['berlin-2', 'hamburg-1'] },
      { group: 'machines', agents: [...agents] },
    ],
    plugins: [{ name: 'on-call', plugin: 'webhook', settings: { url: hooks.url }, sends: ['alarms'] }],
  }
}

/** Starts it all and lets some minutes of its life go by; ends with a service that is broken, one that is slow and an agent that is lost. */
export async function startPictureWorld(): Promise<PictureWorld> {
  const stack = new AsyncDisposableStack()
  try {
    const services = stack.use(await Services.start())
    // Its port is free again when it has ended: nobody listens there.
    const closed = await Services.start()
    const closedPort = closed.port
    await closed[Symbol.asyncDispose]()
    const hooks = stack.use(await HookReceiver.start())
    const pair = stack.use(await startPair({ agents }))
    const server = pair.primary
    const fresh = stack.use(await TestInstance.start({ env: { FARWATCH_ADMIN_PASSWORD: '' }, signIn: false }))
    stack.use(await waitingAgent(server))
    await server.call('applyConfiguration', {
      query: { comment: 'As agreed with the teams' },
      body: document(services, hooks, closedPort),
    })
    await administered(server)
    await pause(120_000)
    services.broken.add('/checkout')
    await pause(50_000)
    services.broken.delete('/checkout')
    await pause(50_000)
    await pair.agents[2]!.kill()
    services.broken.add('/pay')
    services.slow.add('/search')
    await server.call('runDrill', { body: {} })
    await pause(60_000)
    await acknowledged(server)
    const { pathname, search } = new URL(setUpLink(fresh))
    return {
      server,
      pair,
      agent: pair.agents[0]!,
      fresh: { instance: fresh, setUpPath: pathname + search },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (thrown) {
    await stack.disposeAsync()
    throw thrown
  }
}

/** An agent that asks to be accepted and was not answered yet. */
async function waitingAgent(server: TestInstance): Promise<TestInstance> {
  const data = await scratchData()
  await trust(server.url, await fingerprintAt(server.url), data)
  const env = { FARWATCH_ROLE: 'agent', FARWATCH_NAME: 'munich-1', FARWATCH_SERVER: server.url }
  const agent = await TestInstance.start({ data, env })
  await until(
    'it is known',
    () => server.call('listAgents'),
    (all) => all.some(({ announcedName }) => announcedName === 'munich-1'),
  )
  return agent
}

async function administered(server: TestInstance): Promise<void> {
  const password = 'a long enough one'
  await server.call('createUser', { body: { username: 'erin', password, grants: [{ group: 'shop', role: 'editor' }] } })
  await server.call('createUser', {
    body: { username: 'noah', password, grants: [{ group: '*', role: 'operator' }] },
  })
  await server.call('createToken', { body: { name: 'deploy pipeline', expiresIn: '90d' } })
  for (const window of [
    {
      name: 'monthly patches',
      reason: 'Operating system updates',
      group: 'machines',
      begins: '2026-01-01T22:00',
      lasts: '4h',
      repeats: { every: 'month', on: ['2nd tue'] },
    },
    {
      name: 'test shop deploys',
      reason: 'Deployed all the time',
      group: 'shop',
      system: 'storefront-test',
      begins: '2026-01-01T05:00',
      lasts: '14h',
      repeats: { every: 'week', on: ['mon', 'tue', 'wed', 'thu', 'fri'] },
    },
  ] as const)
    await server.call('createMaintenance', {
      body: { ...window, zone: 'Europe/Berlin', repeats: { ...window.repeats, on: [...window.repeats.on] } },
    })
  await server.call('createSnapshot', { body: { name: 'before the move' } })
  const { revision } = (await server.call('showEditable')) as { readonly revision: number }
  await server.call('editConfiguration', {
    query: { comment: 'The team has another name' },
    body: {
      base: revision,
      edits: [{ is: 'assign', at: [{ group: 'shop', system: 'payments' }], tags: { set: { owner: 'payments' } } }],
    },
  })
  await server.call('saveDashboard', {
    params: { name: 'shop' },
    body: {
      description: 'How the shop answers',
      variables: ['group', 'system'],
      panels: [
        {
          title: 'Answer times',
          kind: 'chart',
          series: ['duration{group="$group", system="$system", monitor="http.response"}'],
          width: 8,
          height: 2,
        },
        { title: 'Orders', kind: 'number', series: ['orders{system="storefront"}'], width: 4, height: 2 },
        { title: 'Robots', kind: 'chart', series: ['robots_busy'], width: 6, height: 2 },
        { title: 'Waiting', kind: 'table', series: ['queue{group="shop"}'], width: 6, height: 2 },
      ],
    },
  })
}

async function acknowledged(server: TestInstance): Promise<void> {
  const alarms = await server.call('listAlarms', { query: { state: 'open', system: 'label-printer' } })
  for (const { id } of alarms) {
    await server.call('acknowledgeAlarm', { params: { id }, body: { comment: 'The printer is being replaced' } })
    await server.call('assignAlarm', { params: { id }, body: { to: 'noah' } })
  }
}
