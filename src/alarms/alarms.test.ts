import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import type { AlarmEvent, RunResult, SpoolEntry } from '../model/index.ts'
import { openDatabase, silentLog, type Database, type Statement } from '../platform/index.ts'
import { alarmsSchema, openAlarms, type Alarms, type JudgedBatch, type TaskFacts } from './index.ts'
import { failedRun, rulesOf, runOf, taskOf } from './testing.ts'

const outboxSchema = {
  name: 'story-outbox',
  steps: ['CREATE TABLE story_outbox (n INTEGER PRIMARY KEY, key TEXT NOT NULL, event TEXT NOT NULL) STRICT'],
}
const t0 = Date.UTC(2026, 0, 1)
const rules = rulesOf(
  { metric: 'used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' } },
  { metric: 'failed', thresholds: { CRITICAL: '== 1' } },
)

let directory: string
let database: Database
let clock: ManualClock
let tasks: Map<string, TaskFacts>
let position: number

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-alarms-'))
  database = await openDatabase({ file: join(directory, 'a.db'), schema: [alarmsSchema, outboxSchema] })
  clock = new ManualClock(t0)
  tasks = new Map([['a', taskOf('a', rules)]])
  position = 0
})
afterEach(async () => {
  await database.close()
  rmSync(directory, { recursive: true })
})

const outbox = (events: readonly AlarmEvent[]): Statement[] =>
  events.map(({ key, event }) => ({
    sql: 'INSERT INTO story_outbox (key, event) VALUES ($key, $event)',
    params: { key, event },
  }))

const open = (over: Database = database): Promise<Alarms> =>
  openAlarms({ database: over, clock, tasks: (id) => tasks.get(id), outbox, log: silentLog })

const batchOf = (...entries: SpoolEntry[]): JudgedBatch => ({ position: ++position, at: clock.now(), entries })
const slot = (n: number) => t0 + n * 10_000
const told = async () =>
  (await database.read<{ event: string }>('SELECT event FROM story_outbox ORDER BY n')).map(({ event }) => event)
const now = (alarms: Alarms) => alarms.open().map(({ severity, message }) => `${severity} ${message}`)

test('an alarm says which system, what, how much and against what, and is told of once', async () => {
  const alarms = await open()
  await alarms.judge(batchOf(runOf('a', slot(1), { 'used /var': 85, 'used /': 10 })))
  await alarms.judge(batchOf(runOf('a', slot(2), { 'used /var': 86, 'used /': 10 })))
  expect(now(alarms)).toEqual(['WARNING shop: Used (mount=/var) is 86 %, above 80 %'])
  await alarms.judge(batchOf(runOf('a', slot(3), { 'used /var': 97, 'used /': 10 })))
  await alarms.judge(batchOf(failedRun('a', slot(4))))
  expect(now(alarms)).toEqual([
    'CRITICAL shop: Used (mount=/var) is 97 %, above 95 %',
    'CRITICAL shop: http.response on front failed: connection refused by 127.0.0.1:8080',
  ])
  await alarms.judge(batchOf(runOf('a', slot(5), { 'used /var': 5, 'used /': 10 })))
  expect([now(alarms), await told()]).toEqual([[], ['raised', 'updated', 'raised', 'cleared', 'cleared']])
  const [newest] = (await alarms.list({ states: ['cleared'], limit: 1 })).alarms
  expect((await alarms.get(newest!.id))!.history.map(({ what, text }) => [what, text])[1]).toEqual([
    'cleared',
    'the condition is good again',
  ])
})

test('late results, older slots and isolated agents raise nothing', async () => {
  const alarms = await open()
  await alarms.judge(batchOf(runOf('a', slot(5), { 'used /': 1 })))
  await alarms.judge(batchOf(failedRun('a', slot(4))))
  await alarms.judge({ position: ++position, at: clock.now(), entries: [{ ...failedRun('a', slot(9)), late: true }] })
  await alarms.judge(batchOf({ ...failedRun('a', slot(6)), isolated: true }))
  expect([now(alarms), await told()]).toEqual([[], []])
})

test('in a maintenance window nothing is judged, nothing is missed, and after it all begins anew', async () => {
  const window = { from: slot(2), to: slot(40) }
  const alarms = await openAlarms({
    database,
    clock,
    tasks: (id) => tasks.get(id),
    isInMaintenance: (_, at) => at >= window.from && at < window.to,
    outbox,
    log: silentLog,
  })
  await alarms.judge(batchOf(runOf('a', slot(1), { 'used /': 1 })))
  await alarms.judge(batchOf(failedRun('a', slot(2))))
  await alarms.judge(batchOf(runOf('a', slot(3), { 'used /': 99 })))
  // Minutes in which nothing is run, and their end.
  while (clock.now() < slot(41)) {
    clock.advance(10_000)
    await alarms.tick(clock.now())
  }
  const meanwhile = now(alarms)
  await alarms.judge(batchOf(failedRun('a', slot(41))))
  expect([meanwhile, now(alarms), await told()]).toEqual([
    [],
    ['CRITICAL shop: http.response on front failed: connection refused by 127.0.0.1:8080'],
    ['raised'],
  ])
})

test('what people do to an alarm is kept with who and when, and a clearing by hand holds until the problem was gone once', async () => {
  const alarms = await open()
  await alarms.judge(batchOf(failedRun('a', slot(1))))
  const { id } = alarms.open()[0]!
  await alarms.acknowledge(id, 'ada', 'looking')
  await alarms.assign(id, 'ada', 'bob')
  await alarms.comment(id, 'bob', 'power cut')
  await alarms.clear(id, 'bob', 'known')
  await Promise.all([alarms.comment(id, 'ada', 'one'), alarms.comment(id, 'ada', 'two')])
  await alarms.judge(batchOf(failedRun('a', slot(2))))
  expect(alarms.open()).toEqual([])
  expect((await alarms.get(id))!.history.map(({ what, by, text }) => `${what} ${by}: ${text}`).slice(1)).toEqual([
    'acknowledged ada: looking',
    'assigned ada: to bob',
    'commented bob: power cut',
    'cleared bob: known',
    'commented ada: one',
    'commented ada: two',
  ])
  await expect(alarms.acknowledge(id, 'ada')).rejects.toMatchObject({ code: 'conflict' })
  await expect(alarms.acknowledge('nothing', 'ada')).rejects.toMatchObject({ code: 'not-found' })
  await alarms.judge(batchOf(runOf('a', slot(3), {})))
  await alarms.judge(batchOf(failedRun('a', slot(4))))
  expect(await told()).toEqual(['raised', 'acknowledged', 'cleared', 'raised'])
})

test('a task that falls silent raises once with the reason, and the next run clears it', async () => {
  const alarms = await open()
  await alarms.tasksChanged({ added: ['a'] })
  await alarms.judge(batchOf(runOf('a', slot(0), {})))
  await alarms.judge(
    batchOf({
      kind: 'gap',
      task: 'a',
      from: slot(1),
      to: slot(3),
      outcome: 'skipped',
      periodMs: 10_000,
      reason: 'overload',
    }),
  )
  for (let second = 1; second <= 200; second++) {
    clock.advance(1_000)
    await alarms.tick(clock.now())
  }
  expect(now(alarms)).toEqual(['MAJOR shop: no results of http.response on front for 1m15s: skipped, overload'])
  await alarms.judge(batchOf(runOf('a', slot(20), {})))
  expect([now(alarms), await told()]).toEqual([[], ['raised', 'cleared']])
})

test('a machine that slept for an hour takes nobody to be silent, until it has listened again for long enough', async () => {
  const alarms = await open()
  await alarms.tasksChanged({ added: ['a'] })
  await alarms.judge(batchOf(runOf('a', slot(0), {})))
  await alarms.tick(clock.now())
  clock.advance(3_600_000)
  await alarms.tick(clock.now())
  expect(now(alarms)).toEqual([])
  for (let second = 1; second <= 160; second++) {
    clock.advance(1_000)
    await alarms.tick(clock.now())
  }
  expect(alarms.counts().MAJOR).toBe(1)
})

test('a value that stays away raises no data though its task runs', async () => {
  tasks.set('a', taskOf('a', rulesOf({ metric: 'duration', noData: { after: '1m', severity: 'MINOR' } })))
  const alarms = await open()
  await alarms.tasksChanged({ added: ['a'] })
  for (let n = 1; n <= 10; n++) {
    clock.advance(10_000)
    await alarms.judge(batchOf(runOf('a', slot(n), n < 3 ? { duration: 5 } : {})))
    await alarms.tick(clock.now())
  }
  expect(now(alarms)).toEqual(['MINOR shop: Duration has had no value for 1m (http.response on front)'])
  await alarms.judge(batchOf(runOf('a', slot(11), { duration: 5 })))
  expect(now(alarms)).toEqual([])
})

test('an item that vanished ends its alarm with that reason after three runs without it; runs that failed show nothing', async () => {
  tasks.set('a', taskOf('a', rulesOf({ metric: 'used', items: { mount: '/data*' }, thresholds: { WARNING: '> 80%' } })))
  const alarms = await open()
  const mounts = (...full: readonly string[]) => [
    { name: 'used', labels: { mount: '/' }, value: 95 },
    ...full.map((mount) => ({ name: 'used', labels: { mount }, value: 95 })),
  ]
  const seen: unknown[] = []
  const run = async (n: number, result: RunResult) => {
    clock.advance(10_000)
    await alarms.judge(batchOf(result))
    seen.push(`${n}: ${now(alarms).length}`)
  }
  await run(1, { ...runOf('a', slot(1), {}), samples: mounts('/data1', '/data2') })
  await run(2, { ...runOf('a', slot(2), {}), samples: mounts('/data2') })
  for (const n of [3, 4, 5, 6]) await run(n, failedRun('a', slot(n)))
  await run(7, { ...runOf('a', slot(7), {}), samples: mounts('/data2') })
  await run(8, { ...runOf('a', slot(8), {}), samples: mounts('/data2') })
  const { alarms: all } = await alarms.list({})
  const ended = all.find(({ item }) => item === 'mount=/data1')
  expect([seen, (await alarms.get(ended!.id))!.history.at(-1)!.text, alarms.open().map(({ item }) => item)]).toEqual([
    ['1: 2', '2: 2', '3: 2', '4: 2', '5: 2', '6: 2', '7: 2', '8: 1'],
    'the item is no longer there',
    ['mount=/data2'],
  ])
})

test('alarms of tasks and rows that are gone are cleared, now and at the next start', async () => {
  tasks.set('b', taskOf('b', rules)).set('c', taskOf('c', rules))
  const alarms = await open()
  await alarms.judge(batchOf(failedRun('a', slot(1)), failedRun('b', slot(1)), failedRun('c', slot(1))))
  tasks.delete('a')
  tasks.set('b', taskOf('b', rulesOf({ metric: 'used', thresholds: { WARNING: '> 80%' } })))
  await alarms.tasksChanged({ removed: ['a'], changed: ['b'] })
  expect(alarms.open().map(({ task }) => task)).toEqual(['c'])
  tasks.delete('c')
  const again = await open()
  expect([again.open(), await told()]).toEqual([[], ['raised', 'raised', 'raised', 'cleared', 'cleared', 'cleared']])
  const { alarms: all } = await again.list({})
  expect(new Set(await Promise.all(all.map(async ({ id }) => (await again.get(id))!.history.at(-1)!.text)))).toEqual(
    new Set(['no longer monitored']),
  )
})

test('a problem of the program itself is one alarm until it is over', async () => {
  const alarms = await open()
  const problem = { key: 'certificate', severity: 'WARNING', message: 'expires in 30 days' } as const
  await alarms.raiseInternal(problem)
  await alarms.raiseInternal({ ...problem, severity: 'CRITICAL', message: 'expires in 7 days' })
  expect(alarms.counts()).toMatchObject({ WARNING: 0, CRITICAL: 1 })
  await alarms.clear(alarms.open()[0]!.id, 'ada')
  const again = await open()
  await again.raiseInternal(problem)
  expect(again.open()).toEqual([])
  await again.clearInternal('certificate')
  await again.raiseInternal(problem)
  await again.clearInternal('certificate')
  expect(await told()).toEqual(['raised', 'updated', 'cleared', 'raised', 'cleared'])
})

test('pages of the list hold every alarm once', async () => {
  const alarms = await open()
  for (let i = 0; i < 7; i++) await alarms.raiseInternal({ key: `p${i}`, severity: 'INFO', message: 'm' })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await alarms.list({ limit: 3, states: ['raised'], ...(cursor === undefined ? {} : { cursor }) })
    seen.push(...page.alarms.map(({ rule }) => rule))
    cursor = page.next
  } while (cursor !== undefined)
  expect(seen.sort()).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6'])
  expect((await alarms.list({ groups: [] })).alarms).toEqual([])
})

test('what could not be written is written with the next that can', async () => {
  let broken = false
  const flaky: Database = {
    ...database,
    write: (batch) => (broken ? Promise.reject(new Error('disk full')) : database.write(batch)),
  }
  const alarms = await open(flaky)
  broken = true
  await expect(alarms.judge(batchOf(failedRun('a', slot(1))))).rejects.toThrow('disk full')
  expect(alarms.position()).toBe(0)
  broken = false
  await alarms.tick(clock.now())
  expect([await told(), alarms.position()]).toEqual([['raised'], 1])
})

/** Runs of three tasks, one batch a slot: what each of them measured. */
const history = fc.array(
  fc.tuple(...['a', 'b', 'c'].map(() => fc.constantFrom('good', 'bad', 'worse', 'failed', 'nothing', 'late'))),
  { minLength: 1, maxLength: 25 },
)

test('killed after any batch and started again, the same alarms are told of with the same keys, once each', async () => {
  const shape = rulesOf(
    { metric: 'used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, of: '2 of 3', clear: { after: 2 } },
    { metric: 'requests', thresholds: { MAJOR: '> 50/s' } },
    { metric: 'failed', thresholds: { CRITICAL: '== 1' }, for: '20s' },
  )
  tasks = new Map(['a', 'b', 'c'].map((id) => [id, taskOf(id, shape)]))
  let count = 0
  const play = async (batches: readonly JudgedBatch[], crashes: Set<number>) => {
    const file = join(directory, `${count++}.db`)
    const db = await openDatabase({ file, schema: [alarmsSchema, outboxSchema] })
    clock = new ManualClock(t0)
    let alarms = await open(db)
    for (let i = 0; i < batches.length; i++) {
      await alarms.judge(batches[i]!)
      // A crash forgets what is in memory; the log is read again from the position that is stored.
      if (crashes.delete(i)) {
        alarms = await open(db)
        i = alarms.position() - 1
      }
    }
    await alarms.stop()
    const keys = await db.read('SELECT key, event FROM story_outbox ORDER BY n')
    const { alarms: all } = await alarms.list({ limit: 1_000 })
    await db.close()
    const openOnes = alarms.open().map(({ task, rule, item }) => `${task} ${rule} ${item}`)
    expect(new Set(openOnes).size).toBe(openOnes.length)
    return { keys, all }
  }
  const values = { good: 10, bad: 90, worse: 99 } as const
  await fc.assert(
    fc.asyncProperty(history, fc.array(fc.nat(24), { maxLength: 4 }), async (runs, crashAt) => {
      const counters = new Map<string, number>()
      const batches = runs.map((row, n): JudgedBatch => {
        const entries = row.flatMap((what, t): JudgedBatch['entries'] => {
          const task = 'abc'[t]!
          if (what === 'nothing') return []
          if (what === 'failed') return [failedRun(task, slot(n))]
          if (what === 'late') return [{ ...failedRun(task, slot(n)), late: true }]
          const requests = (counters.get(task) ?? 0) + (what === 'worse' ? 1_000 : 100)
          counters.set(task, requests)
          return [runOf(task, slot(n), { 'used /': values[what as keyof typeof values], requests })]
        })
        return { position: n + 1, at: slot(n), entries }
      })
      expect(await play(batches, new Set(crashAt))).toEqual(await play(batches, new Set()))
    }),
    { numRuns: 8 },
  )
})
