import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { AssignedConnector, AssignedTask } from '../model/index.ts'
import { silentLog, systemClock } from '../platform/index.ts'
import type { AgentEvent } from './events.ts'
import { Pool, type Ended } from './pool.ts'

let pool: Pool | undefined
let events: AgentEvent[] = []

afterEach(async () => {
  await pool?.stop()
  pool = undefined
})

/** `graceMs` is short where a run that does not stop is waited for; elsewhere a busy machine has all the time it wants. */
function start(options: { processes?: number; processMemoryMiB?: number; module?: URL; graceMs?: number } = {}): Pool {
  events = []
  pool = new Pool({
    module: options.module ?? new URL('./misbehaving/testing.ts', import.meta.url),
    processes: options.processes ?? 1,
    processMemoryMiB: options.processMemoryMiB ?? 512,
    graceMs: options.graceMs ?? 30_000,
    clock: systemClock,
    log: silentLog,
    tell: (event) => void events.push(event),
  })
  return pool
}

const connector: AssignedConnector = {
  id: 'front',
  type: 'http',
  group: 'acme',
  settings: { name: 'front' },
  credential: { type: 'basic', fields: { username: 'monitor', secret: 'hunter2' } },
}

const definitions = new Map<string, AssignedTask>()
function taskFor(how: string, ms: number): AssignedTask {
  const id = `${how} ${ms}`
  const known = definitions.get(id)
  if (known !== undefined) return known
  const task = {
    id,
    connector: 'front',
    monitor: 'test.behave',
    settings: { how, ms },
    periodMs: 60_000,
    timeoutMs: 5_000,
  }
  definitions.set(id, task)
  return task
}

/** Runs one behaviour and tells in a line how it ended: `ran value=1`, `refused: words`. */
function run(
  how: string,
  options: { ms?: number; timeoutMs?: number; previous?: string; beginWithinMs?: number } = {},
): Promise<string> {
  return new Promise((resolve) =>
    pool!.run(
      {
        task: taskFor(how, options.ms ?? 0),
        connector,
        slot: systemClock.now(),
        timeoutMs: options.timeoutMs ?? 50_000,
        beginBefore: systemClock.elapsed() + (options.beginWithinMs ?? 50_000),
        ...(options.previous === undefined ? {} : { previous: options.previous }),
      },
      (ended) => resolve(inALine(ended)),
    ),
  )
}

function inALine(ended: Ended): string {
  if (ended.kind === 'overload') return 'overload'
  const { reason, message, samples } = ended.report
  if (reason !== undefined) return `${reason}: ${message}`
  return `ran ${samples.map((sample) => `${sample.name}=${sample.value}`).join(' ')}`
}

test('every way a monitor fails by itself ends its own run with words, and none harms the others', async () => {
  start()
  const hows = ['well', 'refuse', 'throw', 'nan', 'speak', 'unheard-of'] as const
  expect(await Promise.all(hows.map((how) => run(how)))).toEqual([
    'ran value=1',
    'refused: nothing listens on 127.0.0.1:1 for ***',
    'defect: a mistake with *** in it',
    'garbage: the monitor returned NaN as a value of value',
    'ran value=1',
    'configuration: cannot unheard-of',
  ])
  expect(events.filter((event) => event.event === 'process ended')).toEqual([])
})

test('an agent runs what users wrote only where the group allows it, whatever it was assigned', async () => {
  start()
  const task: AssignedTask = { ...taskFor('well', 0), id: 'commands', monitor: 'test.commands' }
  const order = { task, slot: systemClock.now(), timeoutMs: 50_000, beginBefore: systemClock.elapsed() + 50_000 }
  const ask = (on: AssignedConnector) =>
    new Promise<string>((resolve) => pool!.run({ ...order, connector: on }, (ended) => resolve(inALine(ended))))
  expect([await ask(connector), await ask({ ...connector, ownCommands: true })]).toEqual([
    'configuration: the group does not allow commands that users wrote (ownCommands)',
    'ran value=1',
  ])
})

test('a run that is over its time is told to stop, and the process goes on', async () => {
  start()
  expect(await Promise.all([run('slow', { timeoutMs: 200 }), run('well', { ms: 400 })])).toEqual([
    'timed out: no answer within 200ms',
    'ran value=1',
  ])
  expect(pool!.status().processes).toHaveLength(1)
})

test('a run that does not stop is ended; those beside it end as if nothing had happened', async () => {
  start({ graceMs: 300 })
  expect(await Promise.all([run('hang', { timeoutMs: 200 }), run('well', { ms: 1_000 })])).toEqual([
    'killed: hung: did not stop when its time of 200ms was over, and was ended',
    'ran value=1',
  ])
})

test('a monitor that spins is found among those beside it, who run again', async () => {
  start({ processes: 2, graceMs: 300 })
  const ends = await Promise.all([run('spin', { timeoutMs: 300 }), run('well', { ms: 100 }), run('well', { ms: 101 })])
  expect(ends).toEqual([
    'killed: hung: did not stop when its time of 300ms was over, and was ended',
    'ran value=1',
    'ran value=1',
  ])
  // From now on it runs apart, and nobody has to run again because of it.
  const ended = () => events.filter((event) => event.event === 'process ended' && event.runs > 1).length
  const before = ended()
  await Promise.all([run('spin', { timeoutMs: 300 }), run('well', { ms: 1_000 })])
  expect([before, ended()]).toEqual([1, 1])
})

test('a monitor that eats memory is ended by its process’s bound, outside of the JavaScript heap too', async () => {
  start({ processMemoryMiB: 220 })
  expect(await Promise.all([run('leak'), run('well', { ms: 1_000 })])).toEqual([
    expect.stringMatching(
      /^killed: memory: the monitoring process was ended: \d+ MiB are in use; 220 MiB are allowed$/,
    ),
    'ran value=1',
  ])
})

test('a bound below what a process needs for itself still lets healthy runs through', async () => {
  start({ processMemoryMiB: 64 })
  expect(await run('well', { ms: 700 })).toBe('ran value=1')
})

test('a full JavaScript heap is told as what it is', async () => {
  start({ processMemoryMiB: 300 })
  expect(await run('heap')).toMatch(/^killed: memory: /)
})

test('an exit, an abort and an uncaught error end their own run only', async () => {
  start({ processes: 2 })
  const [exit, abort, uncaught, ...well] = await Promise.all([
    run('exit', { ms: 50 }),
    run('abort', { ms: 60 }),
    run('uncaught'),
    ...Array.from({ length: 20 }, (_, i) => run('well', { ms: i })),
  ])
  expect([exit, abort, uncaught, new Set(well)]).toEqual([
    'crashed: the monitoring process ended by itself with exit code 3',
    'crashed: the monitoring process ended by itself with signal SIGABRT',
    'crashed: an error was left uncaught: nobody caught this ***',
    new Set(['ran value=1']),
  ])
})

test('a process killed from outside blames nobody: its run is made again', async () => {
  start()
  const slow = run('well', { ms: 600 })
  await wait(400)
  process.kill(pool!.status().processes[0]!.pid!, 'SIGKILL')
  expect(await slow).toBe('ran value=1')
})

test('a run that cannot be made again in time fails and says so', async () => {
  start()
  await run('well')
  const late = run('well', { ms: 60_000, beginWithinMs: 100 })
  // It is too late to begin, and what was begun goes on.
  await wait(150)
  process.kill(pool!.status().processes[0]!.pid!, 'SIGKILL')
  expect(await late).toMatch(/^crashed: the monitoring process ended while this ran beside others/)
})

test('runs of one connector share its client and what they remember', async () => {
  start({ processes: 2 })
  const reports: unknown[] = []
  let previous: string | undefined
  for (let i = 0; i < 3; i++) {
    await new Promise<void>((resolve) =>
      pool!.run(
        {
          task: taskFor('count', 0),
          connector,
          slot: systemClock.now(),
          timeoutMs: 50_000,
          beginBefore: systemClock.elapsed() + 50_000,
          ...(previous === undefined ? {} : { previous }),
        },
        (ended) => {
          if (ended.kind === 'report') {
            previous = ended.report.remember
            reports.push([ended.report.samples[0]?.value, ended.report.facts?.['calls']])
          }
          resolve()
        },
      ),
    )
  }
  expect(reports).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ])
})

test('programs a monitor left behind are gone with its process', async () => {
  start()
  const pid = Number((await run('child')).replace('ran value=', ''))
  expect(isRunning(pid)).toBe(true)
  await pool!.stop()
  await expect.poll(() => isRunning(pid), { timeout: 30_000 }).toBe(false)
})

test('when the agent is killed its processes end, even one that spins', async () => {
  const owner = fork(fileURLToPath(new URL('./pool-owner/testing.ts', import.meta.url)), [], { execArgv: [] })
  const [pid] = (await once(owner, 'message')) as [number]
  // Until it spins it would hear of the lost parent through its event loop.
  await wait(700)
  owner.kill('SIGKILL')
  await expect.poll(() => isRunning(pid), { timeout: 30_000 }).toBe(false)
})

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a module that cannot start is tried with growing pauses, and its runs end with words', async () => {
  start({ module: new URL('./misbehaving/absent.ts', import.meta.url) })
  expect(await run('well', { beginWithinMs: 1_000 })).toMatch(/^crashed: /)
  expect(events.filter((event) => event.event === 'process started').length).toBeLessThan(8)
})
