/** What a pair costs: the log on the active server, what goes over the line, the work of the standby, and a copy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHistory, type History } from '../src/app/history.ts'
import { HistoryTarget, historySource } from '../src/app/history-part.ts'
import type { Clock } from '../src/base/index.ts'
import { ReplicationFollower, ReplicationSource, defaultSourceSettings } from '../src/replication/index.ts'
import type { BenchRow, Figure } from './row.ts'
import { Plant } from './store.ts'

const minuteMs = 60_000
const begin = Date.UTC(2026, 0, 1)
/** A shipment every ten seconds of 10,000 tasks a minute with ten values each. */
const tasks = 1_667
const rounds = 30

/** Time that moves without its timers: upkeep, which is the same with and without a pair, would be counted for whatever it falls into. */
class StillClock implements Clock {
  #at = begin
  now(): number {
    return this.#at
  }
  elapsed(): number {
    return this.#at - begin
  }
  after(): () => void {
    return () => undefined
  }
  advance(ms: number): void {
    this.#at += ms
  }
}

class Meter {
  micros = 0

  async run<T>(act: () => Promise<T>): Promise<T> {
    const before = process.cpuUsage()
    try {
      return await act()
    } finally {
      const { user, system } = process.cpuUsage(before)
      this.micros += user + system
    }
  }
}

async function uploads(history: History, clock: StillClock, plant: Plant, meter: Meter, after: () => Promise<void>) {
  for (let i = 0; i < rounds; i++) {
    const at = clock.now()
    const batch = plant.batch(at, at + minuteMs)
    clock.advance(minuteMs)
    await meter.run(() => history.upload(batch))
    await after()
  }
}

async function measure(root: string): Promise<readonly Figure[]> {
  const clock = new StillClock()
  const directories = ['active', 'standby'].map((side) => mkdtempSync(join(root, `${side}-`)))
  const open = (side: number) => openHistory({ directory: directories[side]!, clock })
  const active = await open(0)
  let standby = await open(1)
  const target = new HistoryTarget({
    directory: directories[1]!,
    history: () => standby,
    exchange: async (replace) => {
      await standby.close()
      replace()
      standby = await open(1)
    },
  })
  try {
    const plant = new Plant(tasks * 10, 1)
    await active.applyTasks(plant.known())
    const alone = new Meter()
    const logged = new Meter()
    // The first uploads make tasks and series, which is dear and done once.
    await uploads(active, clock, plant, new Meter(), () => Promise.resolve())
    await uploads(active, clock, plant, alone, () => Promise.resolve())
    await active.settle()
    await active.changes.startLogging('bench')
    const settings = { ...defaultSourceSettings, copyBytesPerSecond: Number.MAX_SAFE_INTEGER }
    const source = new ReplicationSource({ parts: [historySource(() => active)], clock, settings })
    const follower = new ReplicationFollower({ parts: [target] })
    const answering = new Meter()
    const taking = new Meter()
    let bytes = 0
    const catchUp = async () => {
      for (let more = true; more;) {
        const request = await follower.request()
        const answer = await answering.run(() => source.answer(request))
        bytes += answer.length
        more = (await taking.run(() => follower.take(answer))).more
      }
    }
    const start = performance.now()
    await catchUp()
    const copySeconds = (performance.now() - start) / 1_000
    const copied = (await active.facts()).databaseBytes / 1e6
    for (const meter of [answering, taking]) meter.micros = 0
    bytes = 0
    await uploads(active, clock, plant, logged, catchUp)
    const results = rounds * tasks
    const note = 'results with ten values'
    return [
      {
        name: 'replication, active: an upload without a pair, CPU a result',
        value: alone.micros / results,
        unit: 'us',
        note,
      },
      { name: 'replication, active: an upload with one', value: logged.micros / results, unit: 'us' },
      { name: 'replication, active: answering, CPU a result', value: answering.micros / results, unit: 'us' },
      { name: 'replication, standby: CPU a result, without sealing', value: taking.micros / results, unit: 'us' },
      { name: 'replication, bytes sent a result', value: bytes / results, unit: 'B', note },
      {
        name: 'replication, copy of the history',
        value: copied / copySeconds,
        unit: 'MB/s',
        note: `${copied.toFixed(0)} MB, not throttled`,
      },
    ]
  } finally {
    await target.close()
    await active.close()
    await standby.close()
  }
}

export const replicationRow: BenchRow = {
  name: 'replication',
  about: 'what a pair of servers costs',
  run: async () => {
    const root = mkdtempSync(join(tmpdir(), 'farwatch-bench-replication-'))
    try {
      return await measure(root)
    } finally {
      rmSync(root, { recursive: true })
    }
  },
}
