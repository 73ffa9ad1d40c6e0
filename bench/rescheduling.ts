/** How long it takes until a killed agent is known to be lost and others do its work: real processes, and a target that writes down when it was asked. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TestInstance, until } from '../test/support/instance.ts'
import { ApiClient } from './api.ts'
import { startServer } from './fleet-load.ts'
import { agentsOfServer, killWhole, online, startAgent } from './real-agent.ts'
import { median, sleep, type BenchRow, type Figure } from './row.ts'

const names = ['east', 'west'] as const
const connectors = 20
const repetitions = 5
const withinMs = 60_000
const lookMs = 50

/** A web server that remembers of each path when it was asked for it last, and the first time since `forget`. */
class AskedTarget {
  readonly #first = new Map<string, number>()
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '/'
    if (!this.#first.has(path)) this.#first.set(path, Date.now())
    response.end('ok')
  })

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  forget(): void {
    this.#first.clear()
  }

  first(path: string): number | undefined {
    return this.#first.get(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function documentFor(port: number): object {
  return {
    profiles: [
      { name: 'often', connector: 'http', monitors: [{ monitor: 'http.response', period: '1s', timeout: '900ms' }] },
    ],
    groups: [
      {
        name: 'acme',
        systems: [
          {
            name: 'shop',
            connectors: Array.from({ length: connectors }, (_, i) => ({
              name: `page-${i}`,
              type: 'http',
              settings: { url: `http://127.0.0.1:${port}/page-${i}` },
              profiles: ['often'],
            })),
          },
        ],
      },
    ],
    associations: [{ group: 'acme', agents: names }],
  }
}

interface Times {
  readonly offlineMs: number
  readonly alarmMs: number
  readonly firstMs: number
  readonly allMs: number
  readonly moved: number
}

async function loseOne(
  server: TestInstance,
  agents: ReadonlyMap<string, TestInstance>,
  target: AskedTarget,
): Promise<Times> {
  const places = await until(
    'every connector has settled',
    () => server.call('listPlacement', { query: { group: 'acme' } }),
    (rows) => rows.length === connectors && rows.every(({ state }) => state === 'settled'),
  )
  const of = (name: string) => places.filter(({ agent }) => agent === name)
  const [name] = [...names].sort((a, b) => of(b).length - of(a).length)
  const victim = agents.get(name!)!
  const paths = of(name!).map(({ connector }) => `/${connector}`)
  await killWhole(victim)
  const killedAt = Date.now()
  target.forget()
  const api = new ApiClient(server.url)
  api.token = server.token
  try {
    const seen = async (isThere: () => Promise<boolean>) => {
      while (!(await isThere())) {
        if (Date.now() - killedAt > withinMs)
          throw new Error(`the loss of an agent shows no effect within ${withinMs} ms`)
        await sleep(lookMs)
      }
      return Date.now() - killedAt
    }
    const [offlineMs, alarmMs] = await Promise.all([
      seen(async () => {
        const { runtime } = await api.ask<{ runtime: string }>('GET', `/agents/${victim.uuid}`)
        return runtime === 'OFFLINE'
      }),
      seen(async () => {
        const alarms = await api.ask<{ rule: string; raisedAt: string }[]>('GET', '/alarms?state=open')
        return alarms.some(({ rule, raisedAt }) => rule.startsWith('agent lost') && Date.parse(raisedAt) > killedAt)
      }),
      seen(async () => paths.every((path) => target.first(path) !== undefined)),
    ])
    const asked = paths.map((path) => target.first(path)! - killedAt)
    return { offlineMs, alarmMs, firstMs: Math.min(...asked), allMs: Math.max(...asked), moved: paths.length }
  } finally {
    api.close()
    await victim.start()
    await online(server, name!)
  }
}

export const reschedulingRow: BenchRow = {
  name: 'rescheduling',
  about: 'from the kill -9 of an agent to its loss being known, and to its work being done by another',
  async run() {
    await using target = new AskedTarget()
    const port = await target.listen()
    await using server = await startServer()
    await using east = await startAgent(server, names[0])
    await using west = await startAgent(server, names[1])
    await server.call('applyConfiguration', { body: documentFor(port) })
    const agents = new Map([
      [names[0], east],
      [names[1], west],
    ])
    await until(
      'both agents have work',
      () => agentsOfServer(server),
      (rows) => rows.length === names.length && rows.every(({ connectors: own }) => own > 0),
    )
    const seen: Times[] = []
    for (let i = 0; i < repetitions; i++) seen.push(await loseOne(server, agents, target))
    return [
      ...figures('OFFLINE in the API', seen, ({ offlineMs }) => offlineMs),
      ...figures('the alarm', seen, ({ alarmMs }) => alarmMs),
      ...figures('first moved connector asked by the other', seen, ({ firstMs }) => firstMs),
      ...figures('all moved connectors asked by the other', seen, ({ allMs }) => allMs),
    ]
  },
}

function figures(what: string, seen: readonly Times[], of: (times: Times) => number): readonly Figure[] {
  const seconds = seen.map((times) => of(times) / 1_000)
  const name = `kill -9 of an agent to ${what}`
  const moved = seen.map((times) => times.moved)
  const note = `${seen.length} times, ${Math.min(...moved)} to ${Math.max(...moved)} connectors of 1 s moved`
  return [
    { name: `${name}, median`, value: median(seconds), unit: 's' },
    { name: `${name}, max`, value: Math.max(...seconds), unit: 's', note },
  ]
}
