import { afterAll, beforeAll, expect, test } from 'vitest'
import { CuttingProxy } from '../servers/cutting-proxy.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { until, type TestInstance } from '../support/instance.ts'
import { acting, inStep, startPair, type Pair } from '../support/pair.ts'

// The line between the two servers goes through a proxy, and so do agents on their way to the SECONDARY. Afterwards the settings of the pair.

let line: CuttingProxy
/** Where agents are told that the SECONDARY is. */
let door: CuttingProxy
let pair: Pair
let primary: TestInstance
let secondary: TestInstance

beforeAll(async () => {
  pair = await startPair({
    agents: ['north-1', 'north-2'],
    peerUrl: async (server) => {
      line = await CuttingProxy.start({ host: '127.0.0.1', port: Number(new URL(server.url).port) })
      return urlOf(line)
    },
  })
  primary = pair.primary
  secondary = pair.secondary
  door = await CuttingProxy.start({ host: '127.0.0.1', port: Number(new URL(secondary.url).port) })
  await secondary.call('changeSettings', { body: { publicUrl: urlOf(door) } })
})
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await line?.[Symbol.asyncDispose]()
  await door?.[Symbol.asyncDispose]()
})

const urlOf = ({ port }: CuttingProxy) => `https://127.0.0.1:${port}`

/** What the set-up check of a server says of the ways of agents, once it is as wanted: each line by whether it is well, and where it looked. */
async function ways(server: TestInstance, wanted: readonly string[]): Promise<readonly string[]> {
  return until(
    'the set-up check knows it',
    async () =>
      (await server.call('showFailover')).setUp
        .filter(({ message }) =>
          /^(The agents call|Of \d+ agents|The PRIMARY is there|The SECONDARY does not find)/.test(message),
        )
        .map(({ done, message }) => `${done ? 'well' : 'amiss'}: ${/https:[^\s,]+:\d+/.exec(message)?.[0]}`),
    (found) => String(found) === String(wanted),
  )
}

const problemsOf = async (server: TestInstance) => (await server.call('showFailover')).problems.map(({ key }) => key)

const openAlarms = async (server: TestInstance) =>
  (await server.call('listAlarms', { query: { state: 'open' } }))
    .filter(({ rule }) => rule.startsWith('failover: '))
    .map(({ rule }) => rule)

async function failovers() {
  const both = await Promise.all([primary, secondary].map((each) => each.call('showFailover')))
  return both.map(({ state, term }) => `${state} ${term}`)
}

test('a line between the two that is cut is told, and takes nothing over: agents still work with the PRIMARY', async () => {
  line.cut('there', 'back')
  await until(
    'the SECONDARY says so',
    () => problemsOf(secondary),
    (keys) => keys.includes('failover: link cut'),
  )
  const alarms = await until(
    'the PRIMARY says so',
    () => openAlarms(primary),
    (rules) => rules.length > 0,
  )
  // One whose last word is older than the timeout counts as silent until the next.
  const { witnesses } = await until(
    'both agents say that the PRIMARY serves them',
    () => secondary.call('showFailover'),
    (shown) => shown.witnesses.length === 2 && shown.witnesses.every(({ says }) => says === 'served'),
  )
  const cut = await failovers()
  line.mend()
  await inStep(primary, secondary)
  expect({
    alarms,
    says: witnesses.map(({ says }) => says),
    cut,
    after: await failovers(),
    problems: await until(
      'nothing is wrong',
      async () => [...(await problemsOf(primary)), ...(await problemsOf(secondary)), ...(await openAlarms(primary))],
      (all) => all.length === 0,
    ),
  }).toEqual({
    alarms: ['failover: no standby'],
    says: ['served', 'served'],
    cut: ['active 1', 'standby 1'],
    after: ['active 1', 'standby 1'],
    problems: [],
  })
})

test('the set-up check of both sides says whether agents find both servers where they are told that they are', async () => {
  const told = { primary: primary.url, secondary: urlOf(door) }
  const well = [`well: ${told.secondary}`, `well: ${told.primary}`]
  const atFirst = [await ways(primary, well), await ways(secondary, well)]
  // Nobody is behind either address, and what was heard before a start is forgotten.
  await door.refuse()
  const nobody = 'https://127.0.0.1:1'
  await primary.call('changeSettings', { body: { publicUrl: nobody } })
  await secondary.stop()
  await secondary.start()
  await secondary.signIn()
  const amiss = [`amiss: ${told.secondary}`, `amiss: ${nobody}`]
  const later = [await ways(primary, amiss), await ways(secondary, amiss)]
  await door.listen()
  await primary.call('changeSettings', { body: { publicUrl: '' } })
  const mended = [await ways(primary, well), await ways(secondary, well)]
  expect([atFirst, later, mended]).toEqual([
    [well, well],
    [amiss, amiss],
    [well, well],
  ])
})

/** What a change of the settings is answered with: the status, what is wrong, and what to do instead. */
async function refused(server: TestInstance, body: unknown): Promise<readonly unknown[]> {
  const answer = await server.send('PUT', '/api/v1/failover', body)
  const { error } = JSON.parse(answer.body) as {
    error?: { message: string; details?: readonly { message: string }[]; hint?: string }
  }
  return [answer.status, error?.details?.[0]?.message ?? error?.message, (error?.hint ?? '') !== '']
}

test('what makes no sense is refused in words, with the right way, and changes nothing', async () => {
  const before = [await primary.call('showFailover'), await secondary.call('showFailover')]
  const agent = pair.agents[0]!
  expect([
    await refused(primary, { mode: 'STANDBY' }),
    await refused(primary, { peerUuid: primary.uuid }),
    await refused(primary, { peerUuid: 'nobody' }),
    await refused(primary, { peerUuid: '' }),
    await refused(primary, { role: 'SECONDARY' }),
    await refused(primary, { timeoutMs: 4_000 }),
    await refused(secondary, { mode: 'ACTIVE' }),
    await refused(secondary, { role: 'PRIMARY', mode: 'ACTIVE', peerUuid: primary.uuid }),
    await refused(secondary, { peerUrl: secondary.url }),
    await refused(secondary, { peerUrl: 'http://127.0.0.1:1' }),
    await refused(agent, { role: 'PRIMARY', mode: 'ACTIVE', peerUuid: secondary.uuid }),
  ]).toEqual([
    [400, 'a PRIMARY cannot be set to STANDBY', true],
    [400, 'this is the UUID of this very instance', true],
    [400, '`nobody` is not a UUID', true],
    [400, 'a PRIMARY needs the UUID of its SECONDARY', true],
    [400, expect.stringContaining('a SECONDARY needs the URL'), true],
    [400, expect.stringContaining('the timeout must be at least 5s'), true],
    [400, 'a SECONDARY cannot be set to ACTIVE by hand', true],
    [400, expect.stringContaining('cannot become PRIMARY'), true],
    [400, 'this is the URL of this very instance', true],
    [400, expect.stringContaining('is not an https:// URL'), true],
    [409, expect.stringContaining('agent'), true],
  ])
  const settings = (all: typeof before) =>
    all.map(({ role, mode, peerUrl, peerUuid }) => [role, mode, peerUrl, peerUuid])
  expect(settings([await primary.call('showFailover'), await secondary.call('showFailover')])).toEqual(settings(before))
})

test('an unknown UUID turns the SECONDARY away: that is said, and is no loss', async () => {
  await primary.call('changeFailover', { body: { peerUuid: '00000000-0000-4000-8000-000000000000' } })
  await until(
    'the SECONDARY says so',
    () => problemsOf(secondary),
    (keys) => keys.includes('failover: turned away'),
  )
  const turnedAway = await failovers()
  await primary.call('changeFailover', { body: { peerUuid: secondary.uuid } })
  await inStep(primary, secondary)
  expect([turnedAway, await failovers()]).toEqual([
    ['active 1', 'standby 1'],
    ['active 1', 'standby 1'],
  ])
})

test.each([
  ['PRIMARY', () => primary],
  ['SECONDARY', () => secondary],
])('with the mode of the %s OFF nobody takes over', async (_, side) => {
  const server = side()
  const { mode } = await server.call('showFailover')
  await server.call('changeFailover', { body: { mode: 'OFF' } })
  await until(
    'the other side knows',
    () => (server === primary ? secondary : primary).call('showFailover'),
    ({ peer }) => peer?.on === false,
  )
  const off = (await failovers()).map((each) => each.split(' ')[0])
  const acts = (await Promise.all([primary, secondary].map((each) => each.call('showFailover')))).map(
    (each) => each.acts,
  )
  await server.call('changeFailover', { body: { mode } })
  await acting(primary, true)
  await inStep(primary, secondary)
  expect([off, acts, await failovers()]).toEqual([
    server === primary ? ['off', 'standby'] : ['active', 'off'],
    [true, false],
    ['active 1', 'standby 1'],
  ])
})

test(
  'a SECONDARY that nobody reaches takes over alone, says that once and nothing of each agent, and gives back by itself',
  { timeout: 300_000 },
  async () => {
    await using target = await CountingTarget.start()
    await primary.call('applyConfiguration', {
      query: {},
      body: { ...countingDocument(target.url, 2), associations: [{ group: 'acme', agents: ['north-1', 'north-2'] }] },
    })
    await inStep(primary, secondary)
    line.cut('there', 'back')
    door.cut('there', 'back')
    // What agents said before would count for a minute.
    await secondary.stop()
    await secondary.start()
    await secondary.signIn()
    await acting(secondary, true)
    await until(
      'it misses the agents',
      () => secondary.call('listAgents'),
      (agents) => agents.every(({ runtime }) => runtime === 'OFFLINE'),
      120_000,
    )
    const alone = await until(
      'it says that it is alone',
      async () => (await secondary.call('listAlarms', { query: { state: 'open' } })).map(({ rule }) => rule).toSorted(),
      (rules) => rules.includes('failover: alone'),
    )
    const there = await primary.call('showFailover')
    line.mend()
    door.mend()
    await acting(secondary, false)
    await acting(primary, true)
    await inStep(primary, secondary)
    expect({
      alone,
      there: there.acts,
      after: (await failovers()).map((each) => each.split(' ')[0]),
      alarms: await until(
        'all is well',
        () => openAlarms(primary),
        (rules) => rules.length === 0,
      ),
    }).toEqual({
      alone: ['failover: alone', 'failover: secondary active'],
      there: true,
      after: ['active', 'standby'],
      alarms: [],
    })
  },
)

test('the role NONE ends the pair: each acts for itself, and both stop within ten seconds', async () => {
  await secondary.call('changeFailover', { body: { role: 'NONE', mode: 'OFF' } })
  await acting(secondary, true)
  await primary.call('changeFailover', { body: { role: 'NONE', mode: 'OFF' } })
  const shown = await Promise.all([primary, secondary].map((each) => each.call('showFailover')))
  expect([shown.map(({ role, acts }) => `${role} ${acts}`), await primary.stop(), await secondary.stop()]).toEqual([
    ['NONE true', 'NONE true'],
    0,
    0,
  ])
})
