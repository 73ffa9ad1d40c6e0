import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { phaseOf, type RunResult } from '../model/index.ts'
import { ReplicationFollower, ReplicationSource, defaultSourceSettings } from '../replication/index.ts'
import { openHistory, type History } from './history.ts'
import { HistoryTarget, historySource } from './history-part.ts'

const periodMs = 60_000
const clock = new ManualClock()
const begin = clock.now()

let root: string
const closers: (() => Promise<void>)[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'farwatch-history-part-'))
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  rmSync(root, { recursive: true })
})

/** A server's history in a directory of its own, that can be closed and opened again. */
class Server {
  readonly directory = mkdtempSync(join(root, 'server-'))
  history!: History

  static async start(): Promise<Server> {
    const server = new Server()
    await server.open()
    closers.push(() => server.history.close())
    return server
  }

  async open(): Promise<void> {
    this.history = await openHistory({ directory: this.directory, clock })
  }

  target(): HistoryTarget {
    const target = new HistoryTarget({
      directory: this.directory,
      history: () => this.history,
      exchange: async (replace) => {
        await this.history.close()
        replace()
        await this.open()
      },
    })
    closers.push(() => target.close())
    return target
  }
}

function run(task: string, n: number): RunResult {
  const slot = begin + n * periodMs + (phaseOf(task, periodMs) - (begin % periodMs))
  const samples = [{ name: 'ms', labels: {}, value: n, unit: 'ms' as const }]
  return { kind: 'run', task, slot, startedAt: slot, durationMs: 5, outcome: 'ran', samples }
}

async function upload(history: History, from: number, count = 1) {
  const entries = Array.from({ length: count }, (_, i) => run('a', from + i))
  const { acknowledged, safe } = await history.upload({ format: 1, agent: 'agent', spool: 's', from, entries })
  return [acknowledged, safe]
}

const source = (server: Server, chunkBytes = defaultSourceSettings.chunkBytes) =>
  new ReplicationSource({
    parts: [historySource(() => server.history)],
    clock,
    settings: { ...defaultSourceSettings, chunkBytes },
  })

async function round(active: ReplicationSource, standby: ReplicationFollower): Promise<boolean> {
  const { more, pauseMs } = await standby.take(await active.answer(await standby.request()))
  return more || pauseMs > 0
}

async function catchUp(active: ReplicationSource, standby: ReplicationFollower): Promise<void> {
  while (await round(active, standby));
  await round(active, standby)
}

async function seen({ history }: Server) {
  const range = { from: begin - periodMs, to: begin + 1_000 * periodMs }
  const { series } = await history.series({})
  return {
    results: await history.results('a', range),
    coverage: await history.coverage({ tasks: ['a'], ...range }),
    values: await history.query({ series: series.map(({ number }) => number), ...range }),
    position: history.position(),
    point: (await history.changes.facts()).point,
  }
}

test('without a pair what is acknowledged is safe; with one, what the standby has', async () => {
  const active = await Server.start()
  const standby = await Server.start()
  const alone = await upload(active.history, 0)
  await active.history.changes.startLogging('line')
  const follower = new ReplicationFollower({ parts: [standby.target()] })
  const before = await upload(active.history, 1)
  await catchUp(source(active), follower)
  const after = await upload(active.history, 2)
  await catchUp(source(active), follower)
  const atLast = await upload(active.history, 2)
  await active.history.changes.stop()
  expect([alone, before, after, atLast, await upload(active.history, 3)]).toEqual([
    [1, 1],
    [2, 0],
    [3, 2],
    [3, 3],
    [4, 4],
  ])
})

test('a history that is empty yet is copied, and goes on', async () => {
  const active = await Server.start()
  const standby = await Server.start()
  await active.history.changes.startLogging('line')
  const follower = new ReplicationFollower({ parts: [standby.target()] })
  for (let i = 0; i < 5; i++) await round(source(active), follower)
  await upload(active.history, 0)
  await round(source(active), follower)
  await round(source(active), follower)
  expect([follower.states(), await seen(standby)]).toEqual([
    { history: { is: 'following', point: expect.anything(), changes: 0, seconds: 0 } },
    await seen(active),
  ])
})

test('an active server that was restarted learns again what is safe from whoever asks', async () => {
  const active = await Server.start()
  const standby = await Server.start()
  await active.history.changes.startLogging('line')
  const follower = new ReplicationFollower({ parts: [standby.target()] })
  await upload(active.history, 0)
  await catchUp(source(active), follower)
  await active.history.close()
  await active.open()
  const before = await upload(active.history, 0)
  await catchUp(source(active), follower)
  expect([before, await upload(active.history, 0)]).toEqual([
    [1, 0],
    [1, 1],
  ])
})

test('a history is copied while it is written, over restarts of both sides, and goes on on the other side', async () => {
  const active = await Server.start()
  const standby = await Server.start()
  await active.history.applyTasks([{ id: 'a', connector: 'c', periodMs }])
  await active.history.changes.startLogging('line')
  await upload(active.history, 0, 300)
  await active.history.settle()
  await upload(active.history, 300, 10)
  const first = standby.target()
  const follower = new ReplicationFollower({ parts: [first] })
  for (let i = 0; i < 5; i++) await round(source(active, 500), follower)
  await upload(active.history, 310, 10)
  await active.history.settle()
  await active.history.close()
  await active.open()
  await first.close()
  const why: string[] = []
  const again = new ReplicationFollower({ parts: [standby.target()], onCopyNeeded: (_, said) => why.push(said) })
  await catchUp(source(active, 500), again)
  await upload(active.history, 320, 10)
  await catchUp(source(active), again)
  const both = [await seen(standby), await seen(active)]
  await active.history.changes.startFollowing()
  await standby.history.changes.startLogging('')
  const taken = await upload(standby.history, 320, 20)
  const back = new ReplicationFollower({ parts: [active.target()], onCopyNeeded: (_, said) => why.push(said) })
  await catchUp(source(standby), back)
  expect([why, both[0], taken[0], await seen(active)]).toEqual([[], both[1], 340, await seen(standby)])
})
