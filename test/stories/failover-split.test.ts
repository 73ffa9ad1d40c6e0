import { afterAll, beforeAll, expect, test } from 'vitest'
import { CuttingProxy } from '../servers/cutting-proxy.ts'
import { missed } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { fingerprintAt, online, scratchData, trust } from '../support/fleet.ts'
import { TestInstance, until } from '../support/instance.ts'
import { acting, inStep } from '../support/pair.ts'

// A network that falls in two: the PRIMARY with one agent on this side of the cut, the SECONDARY with another on that side.

const timeoutMs = 5_000
const small = { FARWATCH_PROCESSES: '1' }
let stack: AsyncDisposableStack
let target: CountingTarget
let primary: TestInstance
let secondary: TestInstance
/** From the SECONDARY's side to the PRIMARY, and the other way. */
let westward: CuttingProxy
let eastward: CuttingProxy

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  target = stack.use(await CountingTarget.start())
  primary = stack.use(
    await TestInstance.start({ env: { ...small, FARWATCH_ROLE: 'server', FARWATCH_NAME: 'primary' } }),
  )
  westward = stack.use(await before(primary))
  const data = await scratchData()
  await trust(primary.url, await fingerprintAt(primary.url), data)
  secondary = stack.use(
    await TestInstance.start({ data, env: { ...small, FARWATCH_ROLE: 'server', FARWATCH_NAME: 'secondary' } }),
  )
  eastward = stack.use(await before(secondary))
  // What each is told of the other leads across the cut.
  await primary.call('changeSettings', { body: { publicUrl: urlOf(westward), offlineTimeoutMs: 5_000 } })
  await secondary.call('changeSettings', { body: { publicUrl: urlOf(eastward), offlineTimeoutMs: 5_000 } })
  const { token } = await primary.call('createEnrolmentToken', { body: { expiresIn: '10m', uses: 10 } })
  const join = async (name: string, servers: readonly string[]) => {
    const own = await scratchData()
    for (const { url } of [primary, secondary]) await trust(url, await fingerprintAt(url), own)
    stack.use(
      await TestInstance.start({
        data: own,
        signIn: false,
        env: {
          ...small,
          FARWATCH_ROLE: 'agent',
          FARWATCH_NAME: name,
          FARWATCH_SERVER: servers.join(','),
          FARWATCH_ENROLMENT_TOKEN: token,
        },
      }),
    )
  }
  await Promise.all([join('west', [primary.url]), join('east', [urlOf(westward), secondary.url])])
  await online(primary, ['west', 'east'])
  await primary.call('applyConfiguration', {
    query: {},
    body: {
      ...merged(countingDocument(target.url, 3, { group: 'west' }), countingDocument(target.url, 3, { group: 'east' })),
      associations: [
        { group: 'west', agents: ['west'] },
        { group: 'east', agents: ['east'] },
      ],
    },
  })
  await primary.call('changeFailover', {
    body: { role: 'PRIMARY', mode: 'ACTIVE', peerUuid: secondary.uuid, timeoutMs, pollMs: 500 },
  })
  await secondary.call('changeFailover', {
    body: { role: 'SECONDARY', mode: 'STANDBY', peerUrl: urlOf(westward), timeoutMs, pollMs: 500 },
  })
  await inStep(primary, secondary)
})
afterAll(async () => {
  await stack?.disposeAsync()
})

const before = ({ url }: TestInstance) => CuttingProxy.start({ host: '127.0.0.1', port: Number(new URL(url).port) })
const urlOf = ({ port }: CuttingProxy) => `https://127.0.0.1:${port}`

type Document = ReturnType<typeof countingDocument>
const merged = (one: Document, other: Document) => ({
  profiles: one.profiles,
  groups: [...one.groups, ...other.groups],
})

/** The newest slots of a group's tasks that a server knows of are younger than a moment. */
const watched = (server: TestInstance, group: string, since: number) =>
  until(
    `${group} is watched`,
    () => server.call('listTasks', { query: { group } }),
    (tasks) => tasks.length > 0 && tasks.every(({ lastSlot }) => lastSlot !== null && Date.parse(lastSlot) > since),
  )

test(
  'each side goes on for its own agents, and on contact all of it comes together',
  { timeout: 300_000 },
  async () => {
    const cutAt = Date.now()
    for (const line of [westward, eastward]) line.cut('there', 'back')
    // An agent of the other side that called this one before the cut counts for its minute as one that has not lost the PRIMARY.
    await acting(secondary, true, 120_000)
    const splitAt = Date.now()
    // Both act: each watches what its own agent watches, and takes changes.
    await Promise.all([watched(primary, 'west', splitAt), watched(secondary, 'east', splitAt)])
    await primary.call('applyConfiguration', {
      query: {},
      body: { groups: [{ name: 'made-in-the-west' }] },
    })
    const there = await primary.call('listTasks', { query: { group: 'west' } })
    const mendedAt = Date.now()
    westward.mend()
    eastward.mend()
    await acting(primary, false)
    await until(
      'the work of the PRIMARY is merged',
      () => secondary.call('listSnapshots'),
      (snapshots) => snapshots.some(({ name }) => name.startsWith('The PRIMARY')),
    )
    await watched(secondary, 'west', Date.now())

    // What the PRIMARY's agent measured meanwhile is in the history of the SECONDARY: every slot has one row, none is missing.
    const holesNow = () =>
      Promise.all(
        there.map(async ({ id, connector }) => {
          const rows = await secondary.call('listResults', {
            params: { id },
            query: { from: new Date(cutAt).toISOString(), to: new Date(mendedAt).toISOString() },
          })
          const gaps = rows.slice(1).filter(({ slot }, i) => slot !== rows[i]!.slot + (rows[i]!.slots ?? 1) * 1_000)
          // To the last one before the lines were mended.
          const isWhole = rows.length > 0 && rows.at(-1)!.slot + (rows.at(-1)!.slots ?? 1) * 1_000 >= mendedAt
          return [connector, gaps.length, missed(rows), isWhole] as const
        }),
      )
    const holes = await until('the work of the PRIMARY is there', holesNow, (all) =>
      all.every(([, gaps, , isWhole]) => gaps === 0 && isWhole),
    )
    const [snapshot] = (await secondary.call('listSnapshots')).filter(({ name }) => name.startsWith('The PRIMARY'))
    const difference = await secondary.call('diffSnapshot', { params: { id: snapshot!.id } })
    const told = await until(
      'an alarm says so',
      async () =>
        (await secondary.call('listAlarms', { query: { state: 'raised' } })).filter(({ message }) =>
          message.startsWith('Both servers acted'),
        ),
      (all) => all.length > 0,
    )
    expect({
      holes,
      edit: difference.changes.map(({ action, path }) => `${action} ${path}`),
      told: told.length,
      acts: [(await primary.call('showFailover')).acts, (await secondary.call('showFailover')).acts],
    }).toEqual({
      holes: there.map(({ connector }) => [connector, 0, [], true]),
      edit: ['add groups["made-in-the-west"]'],
      told: 1,
      acts: [false, true],
    })
  },
)
