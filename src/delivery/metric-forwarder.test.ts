import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import type { RunResult } from '../model/index.ts'
import { systemClock, type Database } from '../platform/index.ts'
import { definePlugin, type DeliveryOutcome, type MetricPoint } from '../sdk/index.ts'
import { Delivery, type DeliveryBounds } from './delivery.ts'
import type { LoggedBatch, MetricLog } from './metric-forwarder.ts'
import { pointsOf } from './metric-points.ts'
import { eventually, keptLog, temporaryOutbox } from './testing.ts'

const run = (slot: number, value: number): RunResult => ({
  kind: 'run',
  task: 'task-1',
  slot,
  outcome: 'ran',
  startedAt: slot,
  durationMs: 250,
  samples: [{ name: 'usage', labels: { mount: '/var', system: 'x' }, value }],
})

const shop = { group: 'acme', system: 'shop', connector: 'front', monitor: 'host.local' }

test('a run becomes points of its samples, of its failure and of its duration', () => {
  const task = shop
  expect(pointsOf(run(1_000, 81), task)).toEqual([
    {
      name: 'farwatch_host_local_usage',
      labels: { ...task, mount: '/var', exported_system: 'x' },
      at: 1_000,
      value: 81,
    },
    { name: 'farwatch_run_failed', labels: task, at: 1_000, value: 0 },
    { name: 'farwatch_run_duration_seconds', labels: task, at: 1_000, value: 0.25 },
  ])
})

/** A log in memory that can forget its beginning. */
class KeptBatches implements MetricLog {
  batches: LoggedBatch[] = []
  readonly #listeners = new Set<(batch: LoggedBatch) => void>()
  #position = 0

  store(...values: readonly number[]): void {
    const position = ++this.#position
    const batch = { position, entries: values.map((value, i) => run(position * 1_000 + i, value)) }
    this.batches.push(batch)
    for (const listener of this.#listeners) listener(batch)
  }

  forgetUpTo(position: number): void {
    this.batches = this.batches.filter((batch) => batch.position > position)
  }

  position(): number {
    return this.#position
  }

  async read(after: number, limit: number): Promise<readonly LoggedBatch[]> {
    return this.batches.filter((batch) => batch.position > after).slice(0, limit)
  }

  onStored(listener: (batch: LoggedBatch) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

let outbox: ReturnType<typeof temporaryOutbox>
const running: Delivery[] = []
let database: Database
let log = keptLog()

beforeEach(async () => {
  outbox = temporaryOutbox()
  database = await outbox.open()
  log = keptLog()
})
afterEach(async () => {
  for (const delivery of running.splice(0)) await delivery.stop()
  await outbox.remove()
})

async function feed(
  batches: KeptBatches,
  answer: (points: readonly MetricPoint[]) => DeliveryOutcome,
  bounds: Partial<DeliveryBounds> = {},
) {
  const got: number[][] = []
  const plugin = definePlugin({
    id: 'store',
    title: 'Store',
    summary: 'Keeps points.',
    honoursIdempotencyKey: true,
    settings: {},
    async metrics(points) {
      const outcome = answer(points)
      if (outcome.delivered) got.push(points.filter((one) => one.name.endsWith('_usage')).map((one) => one.value))
      return outcome
    },
  })
  const delivery = new Delivery({
    database,
    clock: systemClock,
    random: seededRandom(1),
    log,
    configured: () => [{ name: 'store', plugin, settings: {}, sends: ['metrics'] }],
    portalUrl: () => '',
    metrics: { log: batches, describe: (task) => (task === 'task-1' ? shop : undefined) },
    bounds,
  })
  running.push(delivery)
  await delivery.start()
  return { delivery, got }
}

test('a feed begins with what is new, and goes on after a restart where it was', async () => {
  const batches = new KeptBatches()
  batches.store(1)
  const first = await feed(batches, () => ({ delivered: true }))
  batches.store(2, 3)
  await eventually(() => expect(first.delivery.metricsPosition()).toBe(2))
  await running.pop()!.stop()
  batches.store(4)
  const second = await feed(batches, () => ({ delivered: true }))
  await eventually(() => expect(second.delivery.metricsPosition()).toBe(3))
  expect([first.got, second.got]).toEqual([[[2, 3]], [[4]]])
})

test('requests are bounded and in order, and a failed one is sent again before anything later', async () => {
  const batches = new KeptBatches()
  let failures = 1
  const { delivery, got } = await feed(
    batches,
    (points) =>
      points.some((one) => one.value === 22) && failures-- > 0
        ? { delivered: false, retry: true, message: 'busy' }
        : { delivered: true },
    { pointsPerRequest: 6 },
  )
  batches.store(11, 12, 13, 14)
  batches.store(21, 22)
  batches.store(31)
  await eventually(() => expect(delivery.metricsPosition()).toBe(3))
  expect(got.flat()).toEqual([11, 12, 13, 14, 21, 22, 31])
})

test('a refused request is dropped with its words, and what comes later is sent', async () => {
  const batches = new KeptBatches()
  const { delivery, got } = await feed(batches, (points) =>
    points.some((one) => one.value === 1)
      ? { delivered: false, retry: false, message: 'out of bounds' }
      : { delivered: true },
  )
  batches.store(1)
  await eventually(() => expect(delivery.metricsPosition()).toBe(1))
  batches.store(2)
  await eventually(() => expect(delivery.metricsPosition()).toBe(2))
  const [status] = await delivery.status()
  expect([got, status?.metrics]).toEqual([
    [[2]],
    {
      position: 2,
      behind: 0,
      sentPoints: 3,
      droppedPoints: 3,
      skippedBatches: 0,
      failuresInARow: 0,
      lastError: 'out of bounds',
    },
  ])
})

test('a feed that is too far behind, or whose batches are gone, skips ahead and counts what it left out', async () => {
  const batches = new KeptBatches()
  await feed(batches, () => ({ delivered: true }))
  await running.pop()!.stop()
  for (let i = 1; i <= 20; i++) batches.store(i)
  batches.forgetUpTo(17)
  const { delivery, got } = await feed(batches, () => ({ delivered: true }), { metricsBehindBound: 10 })
  await eventually(() => expect(delivery.metricsPosition()).toBe(20))
  const [status] = await delivery.status()
  expect([got.flat(), status?.metrics?.skippedBatches, log.lines]).toEqual([
    [18, 19, 20],
    17,
    [
      'warn metric feed skipped results {"plugin":"store","from":1,"to":15,"skipped":15,"reason":"too far behind"}',
      'warn metric feed skipped results {"plugin":"store","from":16,"to":17,"skipped":2,"reason":"the log does not keep them any more"}',
    ],
  ])
})
