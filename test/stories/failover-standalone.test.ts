import { expect, test } from 'vitest'
import { account, rowsOf, servedNow, vanished } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { until, type TestInstance } from '../support/instance.ts'
import { acting, following, inStep, startPair } from '../support/pair.ts'

// Two servers that watch by themselves, each with its own agent, and nobody else: the timeout alone decides.

const tasks = 4

/** Waits until a server has a run of every task that was due after a moment. */
async function ran(server: TestInstance, after: number): Promise<void> {
  await until(
    'everything ran',
    () => rowsOf(server),
    (rows) =>
      rows.size === tasks &&
      [...rows.values()].every((all) => all.some(({ slot, startedAt }) => startedAt !== null && slot > after)),
  )
}

test('the own agent of whoever acts runs the tasks, and nobody else: also when the other one is back', async () => {
  await using target = await CountingTarget.start()
  await using pair = await startPair({ serverEnv: { FARWATCH_ROLE: 'standalone' } })
  const { primary, secondary } = pair
  await primary.call('applyConfiguration', { query: {}, body: countingDocument(target.url, tasks) })
  await ran(primary, Date.now())
  await inStep(primary, secondary)
  const atFirst = account(await rowsOf(primary), servedNow(target, []))
  const shown = await rowsOf(primary)
  await primary.kill()
  await acting(secondary, true)
  await ran(secondary, Date.now())

  await primary.start()
  await primary.signIn()
  await following(primary, 'held')
  await inStep(secondary, primary)
  const since = servedNow(target, shown.keys())
  await ran(secondary, Date.now() + 2_000)
  const served = servedNow(target, shown.keys())
  // What was under way when the PRIMARY died has no result: at most one for each task. All else it had left comes when it is back.
  const all = await until(
    'what the PRIMARY had left is stored',
    async () => {
      const rows = await rowsOf(secondary)
      return { ...account(rows, served), lost: vanished(shown, rows) }
    },
    ({ strays, lost }) => strays.length <= tasks && lost.length === 0,
  )
  const later = await until(
    'what is run now is stored once',
    async () => account(await rowsOf(secondary), served, { since }),
    ({ strays }) => strays.length === 0,
  )
  expect({
    atFirst: atFirst.twice,
    lost: all.lost,
    fewStrays: all.strays.length <= tasks,
    twice: [all.twice, all.slots.twice, later.twice],
    strays: later.strays,
    agents: (await secondary.call('listAgents')).map(({ name, runtime }) => `${name} ${runtime}`),
    there: (await primary.call('listAgents')).map(({ name }) => name),
  }).toEqual({
    atFirst: 0,
    lost: [],
    fewStrays: true,
    twice: [0, 0, 0],
    strays: [],
    agents: ['local ONLINE'],
    there: ['local'],
  })

  const given = servedNow(target, shown.keys())
  await secondary.call('handOver', { body: {} })
  await acting(primary, true)
  await ran(primary, Date.now())
  const servedAtLast = servedNow(target, shown.keys())
  const back = await until(
    'what is run by the PRIMARY again is stored once',
    async () => account(await rowsOf(primary), servedAtLast, { since: given }),
    ({ strays }) => strays.length === 0,
  )
  expect([back.twice, back.slots.twice, await secondary.stop(), await primary.stop()]).toEqual([0, 0, 0, 0])
})
