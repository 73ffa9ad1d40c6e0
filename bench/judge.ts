/**
 * What judging costs: `node bench/judge.ts`. Pure judging of calm and of breaching runs, and the whole engine over a real database
 * with one batch of 100 results at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judgeRun, openAlarms, alarmsSchema, tableOf, type TaskFacts } from '../src/alarms/index.ts'
import { systemClock, openDatabase, silentLog } from '../src/platform/index.ts'
import { checkRules, type RunResult } from '../src/model/index.ts'

export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const metrics = {
  used: { unit: '%', items: ['mount'] },
  duration: { unit: 'ms' },
  status: { unit: '' },
} as const
const mounts = ['/', '/var', '/home', '/opt', '/srv', '/tmp', '/data', '/backup']
/** Values of one run: each mount, and two single ones. */
const valuesARun = mounts.length + 2
const taskCount = 1_000
const periodMs = 60_000

function facts(): readonly TaskFacts[] {
  const checked = checkRules(
    [
      { name: 'tmp', metric: 'used', items: { mount: '/tmp*' }, thresholds: { INFO: '> 95%' }, exclusive: true },
      { metric: 'used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '1m' },
      { metric: 'duration', thresholds: { WARNING: '> 2s', CRITICAL: '> 5s' } },
      { metric: 'status', thresholds: { MAJOR: '>= 500' } },
      { metric: 'failed', thresholds: { CRITICAL: '== 1' } },
    ],
    { metrics, open: false, path: 'rules' },
  )
  if (!checked.ok) throw new Error('the bench has a wrong rule')
  const about = { group: 'g', system: 's', connector: 'c', profile: 'p', monitor: 'm', periodMs, metrics }
  return Array.from({ length: taskCount }, (_, i) => ({ ...about, id: `task-${i}`, rules: checked.value }))
}

function run(task: string, slot: number, used: number): RunResult {
  const samples = [
    ...mounts.map((mount) => ({ name: 'used', labels: { mount }, value: used })),
    { name: 'duration', labels: {}, value: 120 },
    { name: 'status', labels: {}, value: 200 },
  ]
  return { kind: 'run', task, slot, outcome: 'ran', startedAt: slot, durationMs: 1, samples }
}

/** Microseconds a value of pure judging. */
function pureCost(used: number): number {
  const tasks = facts()
  const states = new Map(tasks.map((task) => [task.id, tableOf(task).beginning(0)]))
  const rounds = 40
  const runs = Array.from({ length: rounds }, (_, n) => tasks.map(({ id }) => run(id, (n + 1) * periodMs, used)))
  let measuredMs = 0
  runs.forEach((round, n) => {
    const before = process.cpuUsage()
    round.forEach((result, i) => {
      const task = tasks[i]!
      states.set(task.id, judgeRun(tableOf(task), states.get(task.id)!, result).state)
    })
    const spent = process.cpuUsage(before)
    // The first rounds compile.
    if (n >= rounds / 2) measuredMs += (spent.user + spent.system) / 1_000
  })
  return (measuredMs * 1_000) / ((rounds / 2) * taskCount * valuesARun)
}

/** Microseconds a value through the engine, wall clock, calm runs, position written once a second. */
async function engineCost(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-bench-'))
  const database = await openDatabase({ file: join(directory, 'a.db'), schema: [alarmsSchema] })
  try {
    const tasks = new Map(facts().map((task) => [task.id, task]))
    const alarms = await openAlarms({
      database,
      clock: systemClock,
      tasks: (id) => tasks.get(id),
      outbox: () => [],
      log: silentLog,
    })
    const ids = [...tasks.keys()]
    const batches = Array.from({ length: 400 }, (_, position) => {
      const slot = (Math.floor(position / 10) + 1) * periodMs
      const entries = ids.slice((position % 10) * 100, (position % 10) * 100 + 100).map((id) => run(id, slot, 50))
      return { position: position + 1, at: slot, entries }
    })
    let spentMs = 0
    for (const batch of batches) {
      const before = performance.now()
      await alarms.judge(batch)
      if (batch.position > 200) spentMs += performance.now() - before
    }
    await alarms.stop()
    return (spentMs * 1_000) / (200 * 100 * valuesARun)
  } finally {
    await database.close()
    rmSync(directory, { recursive: true })
  }
}

export async function judgeBench(): Promise<readonly BenchRow[]> {
  return [
    { name: 'judging, calm values', value: pureCost(50), unit: 'us/value' },
    { name: 'judging, eight of ten values in breach', value: pureCost(99), unit: 'us/value' },
    { name: 'alarm engine, calm values', value: await engineCost(), unit: 'us/value' },
  ]
}

if (import.meta.main) {
  for (const { name, value, unit } of await judgeBench()) console.log(`${name.padEnd(42)} ${value.toFixed(3)} ${unit}`)
}
