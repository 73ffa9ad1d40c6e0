import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { firstMissing, withRange, type Ranges, type RunResult, type UploadBatch } from '../model/index.ts'
import { systemClock, systemDisk } from '../platform/index.ts'
import type { AgentEvent } from './events.ts'
import { Spool } from './spool.ts'
import { Uploader } from './uploader.ts'

let directory = ''
const ends: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farwatch-uploader-'))
})

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
  await rm(directory, { recursive: true })
})

/** A server that keeps ranges of positions, and answers each batch when the test lets it. */
class Server {
  ranges: Ranges = []
  pauseMs = 0
  safe: number | undefined
  problem: string | undefined
  readonly batches: UploadBatch[] = []
  /** Batches that wait for `release`. */
  readonly #held: (() => void)[] = []
  holds = false
  mostAtOnce = 0
  #atOnce = 0
  readonly #waiting = new Set<() => void>()

  /** What the link tells when a server is found that acts. */
  onReached(listener: () => void) {
    this.reach = listener
    return () => undefined
  }
  reach: () => void = () => undefined

  async upload(batch: UploadBatch, signal: AbortSignal) {
    this.batches.push(batch)
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    for (const look of this.#waiting) look()
    if (this.holds)
      await new Promise<void>((resolve) => {
        this.#held.push(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    this.#atOnce--
    if (this.problem !== undefined) throw new Error(this.problem)
    this.ranges = withRange(this.ranges, batch.from, batch.from + batch.entries.length)
    const acknowledged = firstMissing(this.ranges, batch.oldest ?? 0)
    return { acknowledged, safe: Math.min(acknowledged, this.safe ?? acknowledged), pauseMs: this.pauseMs }
  }

  /** The oldest batch that waits is answered. */
  release(): void {
    this.#held.shift()!()
  }

  until(claim: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!claim()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }
}

const result = (slot: number): RunResult => ({
  kind: 'run',
  task: 'a',
  slot,
  outcome: 'ran',
  startedAt: slot,
  durationMs: 1,
  samples: [],
})
const results = (from: number, count: number) => Array.from({ length: count }, (_, i) => result(from + i))

async function openSpool(): Promise<Spool> {
  const spool = await Spool.open({
    disk: systemDisk,
    newId: () => randomUUID(),
    directory,
    maxBytes: 64 * 1_048_576,
    maxAgeMs: 86_400_000,
    clock: systemClock,
    tell: () => undefined,
    periodOf: () => 60_000,
  })
  ends.push(() => spool.close())
  return spool
}

interface Started {
  readonly uploader: Uploader
  readonly events: readonly AgentEvent[]
  /** Resolves once something fits. */
  readonly until: (fits: (event: AgentEvent) => boolean) => Promise<void>
}

function upload(spool: Spool, server: Server): Started {
  const events: AgentEvent[] = []
  const listeners = new Set<() => void>()
  const uploader = new Uploader({
    agent: 'agent',
    spool,
    link: server,
    clock: systemClock,
    random: seededRandom(1),
    tell(event) {
      events.push(event)
      for (const listener of listeners) listener()
    },
  })
  ends.push(() => uploader.stop(0))
  const until = (fits: (event: AgentEvent) => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!events.some(fits)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
    })
  return { uploader, events, until }
}

const hasAll = (position: number) => (event: AgentEvent) => event.event === 'uploaded' && event.acknowledged >= position

const ofBatch = ({ from, entries }: UploadBatch) => `${from}-${from + entries.length}`

test('after an outage the newest results go first, with the backlog beside them, and all of it arrives', async () => {
  const spool = await openSpool()
  spool.append(results(0, 6_000))
  await spool.flush()
  const server = new Server()
  server.holds = true
  const { until } = upload(spool, server)
  await server.until(() => server.batches.length === 2)
  spool.append([result(6_000)])
  await spool.flush()
  server.release()
  await server.until(() => server.batches.length === 3)
  const first = server.batches.map(ofBatch)
  server.holds = false
  server.release()
  server.release()
  await until(hasAll(6_001))
  expect([first, server.ranges, server.mostAtOnce, spool.status().unsafe]).toEqual([
    ['4000-6000', '0-500', '6000-6001'],
    [[0, 6_001]],
    2,
    0,
  ])
})

test('without a backlog results go in order, one batch at a time', async () => {
  const spool = await openSpool()
  const server = new Server()
  const { until } = upload(spool, server)
  for (let i = 0; i < 5; i++) {
    spool.append(results(i * 100, 100))
    await spool.flush()
  }
  await until(hasAll(500))
  const slots = server.batches.flatMap(({ entries }) =>
    entries.flatMap((entry) => (entry.kind === 'run' ? entry.slot : [])),
  )
  expect([slots, server.mostAtOnce]).toEqual([results(0, 500).map(({ slot }) => slot), 1])
})

test('while the server is away one lane knocks; when it is back both go on', async () => {
  const spool = await openSpool()
  spool.append(results(0, 3_000))
  await spool.flush()
  const server = new Server()
  server.holds = true
  server.problem = 'the server is away'
  const { uploader, until, events } = upload(spool, server)
  await server.until(() => server.batches.length === 2)
  server.release()
  server.release()
  await server.until(() => server.batches.length === 3)
  const away = uploader.status()
  server.mostAtOnce = 0
  server.problem = undefined
  server.holds = false
  server.release()
  await until(hasAll(3_000))
  expect([
    { reached: away.reached, behind: away.behind, problem: away.problem },
    server.batches.slice(0, 3).map(ofBatch),
    events.filter(({ event }) => event !== 'uploaded').map(({ event }) => event),
    uploader.status().reached,
  ]).toEqual([
    { reached: false, behind: 3_000, problem: 'the server is away' },
    ['1000-3000', '0-500', '1000-3000'],
    ['server lost', 'server reached'],
    true,
  ])
})

test('nobody waits any longer when a server is found that acts, whatever the one before asked for', async () => {
  const spool = await openSpool()
  spool.append(results(0, 10))
  await spool.flush()
  const server = new Server()
  server.pauseMs = 60_000
  const { until } = upload(spool, server)
  await until(hasAll(10))
  spool.append(results(10, 10))
  await spool.flush()
  server.reach()
  await until(hasAll(20))
  expect(server.batches.map(ofBatch)).toEqual(['0-10', '10-20'])
})

test('results are kept after they were acknowledged, until the standby has them too, which is asked for', async () => {
  const spool = await openSpool()
  const server = new Server()
  server.safe = 0
  const { until } = upload(spool, server)
  spool.append(results(0, 10))
  await spool.flush()
  await until(hasAll(10))
  const kept = [spool.status().entries, spool.status().unsafe]
  server.safe = 10
  await server.until(() => server.batches.length === 2)
  await until(() => spool.safe === 10)
  expect([kept, server.batches.map(ofBatch)]).toEqual([
    [0, 10],
    ['0-10', '0-1'],
  ])
})

test('a server that was set back gets again what it forgot, from what was kept', async () => {
  const spool = await openSpool()
  const server = new Server()
  server.safe = 0
  const { until } = upload(spool, server)
  spool.append(results(0, 10))
  await spool.flush()
  await until(hasAll(10))
  server.ranges = [[0, 4]]
  spool.append([result(10)])
  await spool.flush()
  await until(hasAll(11))
  expect([server.ranges, server.batches.map(ofBatch)]).toEqual([[[0, 11]], ['0-10', '10-11', '4-10']])
})
