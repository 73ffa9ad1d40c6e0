import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { openDatabase, silentLog } from '../platform/index.ts'
import { alarmsSchema, changedSince, openAlarms, readAlarms } from './index.ts'
import { failedRun, rulesOf, runOf, taskOf } from './testing.ts'

const t0 = Date.UTC(2026, 0, 1)
const slot = (n: number) => t0 + n * 10_000

/** Two servers that judge the same tasks, each by what it is told. */
async function twoServers(stack: AsyncDisposableStack) {
  const rules = rulesOf({ metric: 'failed', thresholds: { CRITICAL: '== 1' } })
  const tasks = new Map(['a', 'b'].map((id) => [id, taskOf(id, rules)]))
  const clock = new ManualClock(t0)
  const server = async () => {
    const directory = mkdtempSync(join(tmpdir(), 'farwatch-merge-'))
    stack.defer(() => rmSync(directory, { recursive: true }))
    const database = await openDatabase({ file: join(directory, 'a.db'), schema: [alarmsSchema] })
    stack.defer(() => database.close())
    const told: string[] = []
    const options = {
      database,
      clock,
      tasks: (id: string) => tasks.get(id),
      outbox: (events: readonly { event: string }[]) => (told.push(...events.map(({ event }) => event)), []),
      log: silentLog,
    }
    return { database, told, options, alarms: await openAlarms(options) }
  }
  return { clock, here: await server(), there: await server() }
}

test('alarms of another server become history once, those that both have keep what people did, and nobody is told again', async () => {
  await using stack = new AsyncDisposableStack()
  const { clock, here, there } = await twoServers(stack)
  const at = clock.now()
  // Both meet the same problem of one task, and name it alike; of the other task only one hears.
  for (const { alarms } of [here, there]) await alarms.judge({ position: 1, at, entries: [failedRun('a', slot(1))] })
  await there.alarms.judge({ position: 2, at, entries: [failedRun('b', slot(1))] })
  const [shared] = here.alarms.open()
  await there.alarms.acknowledge(shared!.id, 'ada', 'looking')
  const told = [...here.told]
  const others = await changedSince(there.database, at)
  await here.alarms.merge(others, 'the other server', clock.now())
  await here.alarms.merge(others, 'the other server', clock.now())
  const { alarms } = await here.alarms.list({})
  const stories = await Promise.all(
    alarms.map(async ({ id, task, state }) => {
      const { history } = (await here.alarms.get(id))!
      return [task, state, history.map(({ what, by }) => (by === null ? what : `${what} by ${by}`))]
    }),
  )
  expect({ stories: stories.toSorted((a, b) => String(a[0]).localeCompare(String(b[0]))), told: here.told }).toEqual({
    stories: [
      ['a', 'raised', ['raised', 'acknowledged by ada']],
      ['b', 'cleared', ['raised', 'cleared']],
    ],
    told,
  })
})

test('alarms that are only shown are as they are stored, and looking at them changes nothing', async () => {
  await using stack = new AsyncDisposableStack()
  const { clock, here } = await twoServers(stack)
  await here.alarms.judge({ position: 1, at: clock.now(), entries: [failedRun('a', slot(1)), runOf('b', slot(1), {})] })
  await here.alarms.stop()
  // A task that is gone: whoever judges ends its alarms.
  const shown = await readAlarms({ ...here.options, tasks: () => undefined })
  expect([shown.open().length, shown.position(), here.told]).toEqual([1, 1, ['raised']])
})
