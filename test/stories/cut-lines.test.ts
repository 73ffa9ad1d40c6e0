import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CuttingProxy } from '../servers/cutting-proxy.ts'
import { account, missed, rowsOf, servedNow, vanished, type Account } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { online, startFleet, type Fleet } from '../support/fleet.ts'
import { until, type TestInstance } from '../support/instance.ts'

// One agent, whose line to its server can be cut. It watches alone, so each request that its target served is one slot's only run, and must
// be found at the server as one result, however late.

const tasks = 4
let target: CountingTarget
let line: CuttingProxy
let fleet: Fleet
let server: TestInstance
let agent: TestInstance

beforeAll(async () => {
  target = await CountingTarget.start()
  fleet = await startFleet({
    agents: ['north-1'],
    async serverUrl({ url }) {
      line = await CuttingProxy.start({ host: '127.0.0.1', port: Number(new URL(url).port) })
      return `https://127.0.0.1:${line.port}`
    },
  })
  server = fleet.server
  agent = fleet.agents[0]!
  await server.call('applyConfiguration', {
    query: {},
    body: { ...countingDocument(target.url, tasks), associations: [{ group: 'acme', agents: ['north-1'] }] },
  })
  await until(
    'every task ran twice',
    () => rowsOf(server),
    (rows) => rows.size === tasks && [...rows.values()].every((all) => all.length >= 2),
  )
})
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]()
  await line?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

const totalServed = () => [...target.served.values()].reduce((sum, count) => sum + count, 0)
const isLost = async () =>
  (await server.call('listAgents')).find(({ name }) => name === 'north-1')!.runtime === 'OFFLINE'

/** Waits until everything that was served until now is stored, and tells what there is to hold against it. */
async function settled({ strays: strayAtMost = 0 } = {}): Promise<Account> {
  const served = servedNow(target, (await rowsOf(server)).keys())
  return until(
    'everything that was served is stored',
    async () => account(await rowsOf(server), served),
    ({ strays, slots }) => strays.length <= strayAtMost && slots.missing.length === 0,
  )
}

test('an agent that is cut off measures on, and what it measured meanwhile comes with its own times, marked late', async () => {
  const cutAt = Date.now()
  line.cut('there', 'back')
  await until('the server misses it', isLost, (lost) => lost)
  const servedBefore = totalServed()
  await until(
    'it measured on',
    async () => totalServed(),
    (count) => count >= servedBefore + 5 * tasks,
  )
  // What the server has taken down as run by nobody up to now is newer than what comes later of the time before. It looks at each change.
  await server.call('applyConfiguration', { query: {}, body: { groups: [{ name: 'beta' }] } })
  const uncovered = await until(
    'the server knows that nobody ran the newest slots',
    () => rowsOf(server),
    (rows) => [...rows.values()].every((all) => all.at(-1)!.outcome === 'uncovered'),
  )
  const mendedAt = Date.now()
  line.mend()
  await online(server, ['north-1'])
  const settledAccount = await settled()
  const rows = await rowsOf(server)
  const meanwhile = [...rows.values()].flat().filter(({ slot }) => slot > cutAt + 2_000 && slot < mendedAt - 2_000)
  const ran = meanwhile.filter(({ startedAt }) => startedAt !== null)
  const late = [...rows].flatMap(([connector, all]) => {
    const { slot, slots = 1 } = uncovered.get(connector)!.at(-1)!
    return all.filter((row) => ran.includes(row) && row.slot < slot + (slots - 1) * 1_000).map((row) => row.late)
  })
  expect({
    ...settledAccount,
    missed: missed(meanwhile),
    late: late.length > 0 && late.every(Boolean),
    ownTimes: ran.every(({ startedAt }) => Date.parse(startedAt!) < mendedAt),
    agents: [...new Set(ran.map((row) => row.agent))],
  }).toEqual({
    strays: [],
    twice: 0,
    slots: { missing: [], twice: 0 },
    missed: [],
    late: true,
    ownTimes: true,
    agents: ['north-1'],
  })
})

test('answers that are lost on their way make nothing count twice', async () => {
  line.cut('back')
  // What the agent says arrives, results among it, and is stored; that it is, the agent does not hear.
  await until(
    'an answer was lost',
    async () => line.swallowed.back,
    (bytes) => bytes > 0,
  )
  await until('the server misses it', isLost, (lost) => lost)
  line.mend()
  await online(server, ['north-1'])
  expect(await settled()).toEqual({ strays: [], twice: 0, slots: { missing: [], twice: 0 } })
})

test('a server that is killed amid uploads has lost nothing that it acknowledged, and counts nothing twice', async () => {
  const lost: string[] = []
  // On a slow line an upload is under way for a good part of the time.
  line.delayMs = 150
  for (let kill = 0; kill < 3; kill++) {
    // Anywhere within a period, and so anywhere in an upload.
    await pass(Math.random() * 1_000)
    const shown = await rowsOf(server)
    await server.kill()
    await server.start()
    await server.signIn()
    lost.push(...vanished(shown, await rowsOf(server)))
  }
  line.delayMs = 0
  await online(server, ['north-1'])
  expect({ lost, ...(await settled()) }).toEqual({ lost: [], strays: [], twice: 0, slots: { missing: [], twice: 0 } })
})

test('an agent that is killed while its server is away goes on from what it knows, and says what it waits for', async () => {
  const shown = await rowsOf(server)
  await server.kill()
  await line.refuse()
  await agent.kill()
  await agent.start()
  const before = totalServed()
  await until(
    'it measured on',
    async () => totalServed(),
    (count) => count >= before + 5 * tasks,
  )
  await agent.signIn()
  const connection = await until(
    'it says that it waits for its server',
    () => agent.call('showConnection'),
    ({ message }) => message.includes('cannot be reached'),
  )
  await line.listen()
  await server.start()
  await server.signIn()
  await online(server, ['north-1'])
  // A request that was under way when the agent died has no result: at most one for each task.
  const { strays, twice, slots } = await settled({ strays: tasks })
  expect({
    state: connection.state,
    kept: connection.kept,
    why: connection.message.includes('cannot be reached'),
    lost: vanished(shown, await rowsOf(server)),
    fewStrays: strays.length <= tasks,
    twice,
    slots,
  }).toEqual({
    state: 'connecting',
    kept: true,
    why: true,
    lost: [],
    fewStrays: true,
    twice: 0,
    slots: { missing: [], twice: 0 },
  })
})
