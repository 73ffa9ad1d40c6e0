import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstMissing, hasPosition, withRange, type Ranges } from '../model/index.ts'
import {
  answered,
  confirmation,
  dropped,
  gone,
  lanes,
  nextOrder,
  nextSize,
  progressFrom,
  quickestAfter,
  sent,
  settledBelow,
  taken,
  type BatchSizes,
  type Lane,
  type Order,
  type UploadProgress,
} from './upload-progress.ts'

interface InFlight {
  readonly from: number
  readonly to: number
  readonly oldest: number
  /** Set once the server has it. */
  answer?: { readonly acknowledged: number; readonly safe: number }
}

const sizes: BatchSizes = { live: 6, backlog: 4 }

/** A spool, a server with a standby and the way between them, all of them numbers. */
class World {
  end = 0
  first = 0
  progress: UploadProgress = progressFrom(0, 0)
  server: Ranges = []
  standby: Ranges = []
  /** What overflowed before the server had it. */
  readonly lost = new Set<number>()
  /** How the server counts: from the oldest position that the spool has, or from the first one it ever saw, without a pair. */
  readonly counts: 'from oldest' | 'from first, alone'
  readonly inFlight: { [lane in Lane]?: InFlight } = {}
  sentEntries = 0
  sentAgain = 0

  constructor(counts: World['counts'] = 'from oldest') {
    this.counts = counts
  }

  append(count: number): void {
    this.end += count
  }

  /** What `Uploader` does when a lane may begin. */
  begin(lane: Lane): Order | undefined {
    if (this.inFlight[lane] !== undefined) return undefined
    const next = nextOrder(this.progress, lane, sizes, this.end)
    const order =
      next ?? (lane === 'backlog' && this.inFlight.live === undefined ? confirmation(this.progress) : undefined)
    if (order === undefined) return undefined
    this.progress = taken(this.progress, lane, order)
    const from = Math.max(order.from, this.first)
    if (from > order.from) this.progress = gone(this.progress, order.from, Math.min(from, order.until))
    const to = Math.min(from + order.limit, order.until)
    if (from >= to) {
      this.progress = dropped(this.progress, lane)
      return order
    }
    this.progress = sent(this.progress, lane, { from, to }, { first: this.first, end: this.end })
    this.inFlight[lane] = { from, to, oldest: this.first }
    this.sentEntries += to - from
    if (next !== undefined)
      for (let position = from; position < to; position++) if (hasPosition(this.server, position)) this.sentAgain++
    return order
  }

  arrive(lane: Lane): void {
    const batch = this.inFlight[lane]
    if (batch === undefined || batch.answer !== undefined) return
    this.server = withRange(this.server, batch.from, batch.to)
    if (this.counts === 'from first, alone') this.replicate()
    const count = (ranges: Ranges) =>
      firstMissing(ranges, this.counts === 'from oldest' ? batch.oldest : (this.server[0]?.[0] ?? 0))
    batch.answer = { acknowledged: count(this.server), safe: Math.min(count(this.server), count(this.standby)) }
  }

  answer(lane: Lane): void {
    const batch = this.inFlight[lane]
    if (batch?.answer === undefined) return
    delete this.inFlight[lane]
    this.progress = answered(this.progress, lane, batch.answer)
    const before = this.first
    this.first = Math.max(this.first, Math.min(this.progress.safe, this.end))
    for (let position = before; position < this.first; position++)
      if (!hasPosition(this.standby, position) && !this.lost.has(position))
        throw new Error(`${position} was forgotten before it was safe`)
  }

  fail(lane: Lane): void {
    if (this.inFlight[lane] === undefined) return
    delete this.inFlight[lane]
    this.progress = dropped(this.progress, lane)
  }

  replicate(): void {
    this.standby = this.server
  }

  takeOver(): void {
    this.server = this.standby
  }

  overflow(count: number): void {
    const first = Math.min(this.end, this.first + count)
    for (let position = this.first; position < first; position++) this.lost.add(position)
    this.first = first
  }

  /** Everything works from now on, live results go on coming. @returns how many turns it took until nothing was left */
  settle(): number {
    this.append(1)
    for (let turn = 1; turn < 1_000; turn++) {
      for (const lane of lanes) {
        this.begin(lane)
        this.arrive(lane)
        this.answer(lane)
      }
      this.replicate()
      if (this.first === this.end && settledBelow(this.progress) === this.end) return turn
    }
    throw new Error('it never ends')
  }

  missing(): number[] {
    return Array.from({ length: this.end }, (_, position) => position).filter(
      (position) => !hasPosition(this.server, position) && !this.lost.has(position),
    )
  }
}

type Step = (world: World) => void
const lane = fc.constantFrom(...lanes)
const named = (name: string, step: Step): Step => Object.assign(step, { toString: () => name })
const usual = [
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 15 }).map((n) => named(`append ${n}`, (w) => w.append(n))) },
  { weight: 8, arbitrary: lane.map((l) => named(`begin ${l}`, (w) => void w.begin(l))) },
  { weight: 6, arbitrary: lane.map((l) => named(`arrive ${l}`, (w) => w.arrive(l))) },
  { weight: 6, arbitrary: lane.map((l) => named(`answer ${l}`, (w) => w.answer(l))) },
  { weight: 2, arbitrary: lane.map((l) => named(`fail ${l}`, (w) => w.fail(l))) },
  { weight: 2, arbitrary: fc.constant(named('replicate', (w) => w.replicate())) },
]
const takeOver = { weight: 1, arbitrary: fc.constant(named('take over', (w: World) => w.takeOver())) }
const overflow = {
  weight: 1,
  arbitrary: fc.integer({ min: 1, max: 20 }).map((n) => named(`overflow ${n}`, (w) => w.overflow(n))),
}
const restart = {
  weight: 1,
  arbitrary: fc.constant(
    named('restart', (w) => {
      for (const each of lanes) delete w.inFlight[each]
      w.progress = progressFrom(settledBelow(w.progress), w.first)
    }),
  ),
}

test.each<[string, World['counts'], { weight: number; arbitrary: fc.Arbitrary<Step> }[]]>([
  [
    'whatever is lost on the way, forgotten by the server or dropped by the spool',
    'from oldest',
    [takeOver, overflow, restart],
  ],
  [
    'by a server that counts from the first position it saw, past what the spool dropped',
    'from first, alone',
    [overflow, restart],
  ],
])('everything that the spool still has is stored in the end, %s', (_, counts, faults) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(...usual, ...faults), { maxLength: 120 }), (steps) => {
      const world = new World(counts)
      for (const step of steps) step(world)
      world.settle()
      expect(world.missing()).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})

test('after an outage the newest results go first, and the backlog closes the hole beside them', () => {
  const world = new World()
  world.append(20)
  const orders: string[] = []
  for (let turn = 0; turn < 7; turn++) {
    for (const each of lanes) {
      const order = world.begin(each)
      const batch = world.inFlight[each]
      if (order !== undefined) orders.push(`${each} ${batch!.from}-${batch!.to}`)
    }
    for (const each of lanes) {
      world.arrive(each)
      world.replicate()
      world.answer(each)
    }
    world.append(1)
  }
  expect(orders).toEqual([
    'live 14-20',
    'backlog 0-4',
    'live 20-21',
    'backlog 4-8',
    'live 21-22',
    'backlog 8-12',
    'live 22-23',
    'backlog 12-14',
    'live 23-24',
    'live 24-25',
    'live 25-26',
  ])
})

test('whenever live may send, it sends up to the newest result', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(...usual, takeOver, overflow), { maxLength: 120 }), (steps) => {
      const world = new World()
      for (const step of steps) {
        step(world)
        const isFree = world.inFlight.live === undefined
        const order = isFree ? nextOrder(world.progress, 'live', sizes, world.end) : undefined
        const ranges = world.progress.done.length + lanes.filter((each) => world.inFlight[each] !== undefined).length
        if (order !== undefined && ranges < 32) expect(order.from + order.limit).toBeGreaterThanOrEqual(world.end)
      }
    }),
  )
})

test('where nothing goes wrong nothing is sent twice', () => {
  const well = usual.filter(({ arbitrary }) => arbitrary !== usual[4]!.arbitrary)
  fc.assert(
    fc.property(fc.array(fc.oneof(...well), { maxLength: 120 }), (steps) => {
      const world = new World()
      for (const step of steps) step(world)
      world.settle()
      expect(world.sentAgain).toBe(0)
    }),
    { numRuns: 2_000 },
  )
})

test('a server that goes on answering too little is not sent the same for ever', () => {
  const world = new World('from first, alone')
  world.append(5)
  world.settle()
  world.append(10)
  world.overflow(5)
  world.settle()
  const before = world.sentEntries
  for (let i = 0; i < 10; i++) world.settle()
  expect(world.sentEntries - before).toBeLessThanOrEqual(40)
})

// What is told to the spool, and what lies open, after 100 to 150 were sent, all below being stored from 50 on.
test.each<[string, number, number, { settled: number; safe: number; next: Order | undefined }]>([
  ['all of it', 150, 150, { settled: 150, safe: 150, next: undefined }],
  ['the standby is behind', 150, 80, { settled: 150, safe: 80, next: undefined }],
  ['more than was ever sent', 900, 900, { settled: 150, safe: 150, next: undefined }],
  ['less than was stored before', 70, 60, { settled: 70, safe: 50, next: { from: 70, until: 100, limit: 4 } }],
])('an answer says %s', (_, acknowledged, safe, then) => {
  const before = progressFrom(100, 50)
  const after = answered(sent(before, 'live', { from: 100, to: 150 }, { first: 50, end: 150 }), 'live', {
    acknowledged,
    safe,
  })
  expect({ settled: settledBelow(after), safe: after.safe, next: nextOrder(after, 'backlog', sizes, 150) }).toEqual(
    then,
  )
})

test('what a server that took over has already, from a batch on, it is not sent again', () => {
  const extent = { first: 50, end: 150 }
  const before = sent(progressFrom(100, 50), 'live', { from: 100, to: 110 }, extent)
  const after = answered(before, 'live', { acknowledged: 140, safe: 90 })
  expect([settledBelow(after), after.safe, nextOrder(after, 'live', sizes, 150)]).toEqual([
    140,
    90,
    { from: 144, until: 150, limit: 6 },
  ])
})

// size, how much longer than usual it took, entries → size of the next batch
test.each([
  [500, 100, 500, 1_000],
  [2_000, 100, 2_000, 2_000],
  [500, 100, 20, 500],
  [500, 600, 500, 500],
  [500, 2_000, 500, 250],
  [210, 9_000, 210, 200],
])(
  'a batch of at most %i that took %i ms longer with %i entries is followed by one of %i',
  (now, over, entries, next) => {
    expect(nextSize(now, over, entries)).toBe(next)
  },
)

test('a long way is no reason for small batches, also where it became long on the way', () => {
  let quickest = Infinity
  const over = Array.from({ length: 200 }, (_, i) => {
    const took = i < 50 ? 20 : 1_500
    quickest = quickestAfter(quickest, took)
    return took - quickest
  })
  expect([Math.max(...over.slice(0, 50)), over[50]! > 1_000, over[199]]).toEqual([0, true, 0])
})
