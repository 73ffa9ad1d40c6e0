import { afterAll, beforeAll, expect, test } from 'vitest'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { until } from '../support/instance.ts'
import { acting, startPair, type Pair } from '../support/pair.ts'

let target: CountingTarget
let pair: Pair

beforeAll(async () => {
  target = await CountingTarget.start()
  pair = await startPair({
    agents: ['north-1', 'north-2'],
    before: async (primary) => {
      await primary.call('applyConfiguration', {
        query: {},
        body: {
          ...countingDocument(target.url, 6),
          associations: [{ group: 'acme', agents: ['north-1', 'north-2'] }],
        },
      })
    },
  })
})
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await target?.[Symbol.asyncDispose]()
})

test('the standby shows what the active server has', async () => {
  const { primary, secondary } = pair
  expect(await secondary.call('showConfiguration')).toEqual(await primary.call('showConfiguration'))
})

test('when the PRIMARY is killed the SECONDARY takes over, and agents go on with it', async () => {
  const { primary, secondary } = pair
  await primary.kill()
  const at = Date.now()
  await acting(secondary, true)
  await until(
    'results at the SECONDARY',
    () => secondary.call('listTasks', { query: {} }),
    (tasks) => tasks.every(({ lastSlot }) => lastSlot !== null && Date.parse(lastSlot) > at + 5_000),
  )
  expect((await secondary.call('showFailover')).term).toBe(2)
})

test('the PRIMARY comes back, follows, and is given back control', async () => {
  const { primary, secondary } = pair
  await primary.start()
  await primary.signIn()
  await until(
    'it follows',
    () => primary.call('showFailover'),
    ({ state, parts }) => state === 'held' && parts.length > 0 && parts.every((part) => part.state === 'following'),
  )
  const report = await secondary.call('handOver')
  await acting(primary, true)
  expect((await primary.call('showFailover')).term).toBe(3)
})
