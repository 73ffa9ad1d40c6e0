import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { alarmsSchema, openAlarms } from '../alarms/index.ts'
import { rulesOf, runOf, taskOf } from '../alarms/testing.ts'
import { ManualClock } from '../base/index.ts'
import { isKept, type Alarm, type Rule } from '../model/index.ts'
import { openDatabase, silentLog } from '../platform/index.ts'
import { openHistory } from './history.ts'
import { LogConsumer } from './log-consumer.ts'

const begin = Date.UTC(2026, 0, 1)
const periodMs = 10_000
const rules = rulesOf(
  { metric: 'used', items: { mount: '/scratch*' }, thresholds: { WARNING: '> 80%' }, metricOutput: false },
  { metric: 'used', thresholds: { WARNING: '> 80%' } },
)
const uploadOf = (n: number, scratch: number) => ({
  format: 1 as const,
  agent: 'a',
  spool: 's',
  from: n,
  entries: [runOf('a', begin + n * periodMs, { 'used /scratch': scratch, 'used /': 50 })],
})

test('values that a row keeps out of the store raise alarms all the same, also after a kill between log and judging', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-metric-output-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const script = join(directory, 'upload.mjs')
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  writeFileSync(
    script,
    `import { ManualClock } from ${module('../base/index.ts')}
     import { isKept } from ${module('../model/index.ts')}
     import { openHistory } from ${module('history.ts')}
     const rules = ${JSON.stringify(rules)}
     const history = await openHistory({
       directory: ${JSON.stringify(directory)},
       clock: new ManualClock(${begin}),
       isKept: (_, metric, labels) => isKept(rules, metric, labels),
     })
     await history.upload(${JSON.stringify(uploadOf(0, 97))})
     console.log('stored')`,
  )
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await ended

  const clock = new ManualClock(begin)
  let current: readonly Rule[] = rules
  const history = await openHistory({
    directory,
    clock,
    isKept: (_, metric, labels) => isKept(current, metric, labels),
  })
  onTestFinished(() => history.close())
  const database = await openDatabase({ file: join(directory, 'farwatch.db'), schema: [alarmsSchema] })
  onTestFinished(() => database.close())
  const alarms = await openAlarms({
    database,
    clock,
    tasks: (id) => taskOf(id, rules, periodMs),
    outbox: () => [],
    log: silentLog,
  })
  onTestFinished(() => alarms.stop())
  const change = () => {
    const { promise, resolve } = Promise.withResolvers<Alarm>()
    const forget = alarms.onChange((alarm) => {
      forget()
      resolve(alarm)
    })
    return promise
  }
  const mounts = async () => (await history.series({ tasks: ['a'] })).series.map(({ labels }) => labels['mount'])

  const raised = change()
  const judging = new LogConsumer({
    log: history,
    position: alarms.position(),
    consume: (batch) => alarms.judge(batch),
    clock,
    problems: silentLog,
  })
  onTestFinished(() => judging.stop())
  const replayed = [(await raised).state, await mounts()]

  const cleared = change()
  await history.upload(uploadOf(1, 10))
  const live = [(await cleared).state, await mounts()]

  await history.settle()
  const sealed = await mounts()
  // The row is taken away, and from then on there is a series.
  current = []
  await history.applyTasks([{ id: 'a', connector: 'c', periodMs }])
  await history.upload(uploadOf(2, 11))
  expect({ replayed, live, sealed, afterChange: await mounts() }).toEqual({
    replayed: ['raised', ['/']],
    live: ['cleared', ['/']],
    sealed: ['/'],
    afterChange: ['/', '/scratch'],
  })
})
