import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { IngestReader, UploadPacker, defaultIngestSettings, type StoredBatch } from '../ingest/index.ts'
import { SampleReader, defaultMetricSettings } from '../metrics/index.ts'
import {
  isRun,
  outcomes,
  phaseOf,
  type GapRecord,
  type Outcome,
  type RunResult,
  type SpoolEntry,
} from '../model/index.ts'
import { openSqlite, storageError } from '../platform/index.ts'
import { HistoryStore, historySchema } from './history-store.ts'

const settings = { ingest: defaultIngestSettings, metrics: { ...defaultMetricSettings, rawMs: 3 * 86_400_000 } }
const periodMs = 60_000
const dayMs = 86_400_000
const hourMs = 3_600_000
const begin = Date.UTC(2026, 0, 1)

let directory: string
let files = 0
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-history-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** A history that can crash: what is opened again knows only the file. */
class Subject {
  readonly #file = join(directory, `history-${files++}.db`)
  #packer = new UploadPacker(
    () => undefined,
    (_, metric) => !metric.startsWith('unkept'),
  )
  db!: DatabaseSync
  store!: HistoryStore

  constructor(tasks: readonly string[]) {
    this.open()
    this.store.applyTasks(
      tasks.map((id) => ({ id, connector: 'c', periodMs })),
      begin - dayMs,
    )
  }

  open(): void {
    this.db = openSqlite(this.#file, { schema: historySchema })
    // Durability is tested with a process that is killed; here it would only cost time.
    this.db.exec('PRAGMA synchronous = OFF')
    this.store = new HistoryStore(this.db, settings)
    this.#packer.reset()
  }

  crash(): void {
    this.db.close()
    this.open()
  }

  upload(agent: string, from: number, entries: readonly SpoolEntry[], at: number) {
    const { upload } = this.#packer.upload([{ batch: { format: 1, agent, spool: 's', from, entries } }])
    try {
      return this.store.upload(upload, at)[0]!
    } finally {
      this.#packer.reset()
    }
  }

  upkeep(at: number, steps: number, seal: boolean): void {
    for (let i = 0; i < steps; i++) if (!this.store.upkeep(at, seal && i === 0)) return
  }

  log(): readonly StoredBatch[] {
    const batches: StoredBatch[] = []
    for (;;) {
      const more = this.store.ingest.read(batches.at(-1)?.position ?? 0, 100)
      if (more.length === 0) return batches
      batches.push(...more)
    }
  }

  counts(task: string, from: number, to: number) {
    const [head] = this.store.heads([task], from, to, true)
    return new IngestReader(this.db).coverage(head!, from, to, from).counts
  }

  /** How many slots ended how on whom: `a ran 3`. */
  byAgent(task: string, from: number, to: number): readonly string[] {
    const sum = new IngestReader(this.db).statistics(this.store.heads([task], from, to, true), undefined, {
      from,
      to,
      heardBy: from,
    })
    return sum
      .statistics()
      .flatMap(({ name, outcomes: counts }) =>
        outcomes.flatMap((outcome) => (counts[outcome] > 0 ? [`${name} ${outcome} ${counts[outcome]}`] : [])),
      )
      .sort()
  }

  rows(task: string, from: number, to: number) {
    const [head] = this.store.heads([task], from, to, true)
    return new IngestReader(this.db).results(head!, from, to, 100_000, from).rows
  }

  samples(task: string, from: number, to: number): readonly (readonly [name: string, time: number, value: number])[] {
    const reader = new SampleReader(this.db)
    return this.store.seriesOfTask(task, from, to).flatMap(({ series, recent }) => {
      const { times, values } = reader.samples(series.number, from, to, recent)
      return Array.from(times, (time, i) => [series.name, time, values[i]!] as const)
    })
  }
}

function run(task: string, n: number, values: Record<string, number>, about: Partial<RunResult> = {}): RunResult {
  const slot = begin + phaseOf(task, periodMs) + n * periodMs
  const samples = Object.entries(values).map(([name, value]) => ({ name, labels: {}, value }))
  return { kind: 'run', task, slot, outcome: 'ran', startedAt: slot + 5, durationMs: 1.5, samples, ...about }
}

function gap(
  task: string,
  n: number,
  count: number,
  outcome: GapRecord['outcome'] = 'lost',
  reason = 'spool full',
): GapRecord {
  const from = begin + phaseOf(task, periodMs) + n * periodMs
  return { kind: 'gap', task, from, to: from + (count - 1) * periodMs, outcome, periodMs, reason }
}

describe('whatever comes, how often and in whatever order, with crashes in between', () => {
  type Step =
    | { readonly do: 'upload'; readonly agent: 'a' | 'b'; readonly entries: readonly SpoolEntry[] }
    | { readonly do: 'repeat'; readonly back: number }
    | { readonly do: 'upkeep'; readonly steps: number; readonly seal: boolean; readonly laterMs: number }
    | { readonly do: 'crash' }

  interface Ended {
    readonly outcome: Outcome
    readonly agent: string
    readonly samples: readonly (readonly [string, number])[]
  }

  const tasks = ['one', 'two']
  const slots = 5 * 24 * 60
  const task = fc.constantFrom(...tasks)
  const place = fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: slots - 1 }))
  const entry: fc.Arbitrary<SpoolEntry> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(
          task,
          place,
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.constantFrom('ran', 'failed', 'late'),
        )
        .map(([task, n, value, outcome]) =>
          run(task, n, n % 3 === 0 ? { x: value, y: n } : { x: value }, { outcome: outcome as 'ran' }),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(task, place, fc.integer({ min: 1, max: 3_000 }), fc.constantFrom('lost', 'skipped', 'uncovered'))
        .map(([task, n, count, outcome]) => gap(task, n, Math.min(count, slots - n), outcome as 'lost')),
    },
  )
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('upload' as const),
        agent: fc.constantFrom('a', 'b'),
        entries: fc.array(entry, { maxLength: 30 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), back: fc.nat(5) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('upkeep' as const),
        steps: fc.integer({ min: 1, max: 12 }),
        seal: fc.boolean(),
        laterMs: fc.oneof({ weight: 3, arbitrary: fc.nat(1_000) }, { weight: 1, arbitrary: fc.nat(dayMs / 2) }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  )

  test('every slot counts once, as one outcome, and every sample of it is kept', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const subject = new Subject(tasks)
        const model = new Map<string, Ended>()
        const sent: { agent: string; from: number; entries: readonly SpoolEntry[] }[] = []
        const next = { a: 0, b: 0 }
        let at = begin + 60_000
        const learn = (agent: string, entries: readonly SpoolEntry[]): void => {
          for (const each of entries) {
            if (each.kind === 'run') {
              const key = `${each.task} ${each.slot}`
              if (!isRun(model.get(key)?.outcome ?? 'lost'))
                model.set(key, {
                  outcome: each.outcome,
                  agent,
                  samples: each.samples.map(({ name, value }) => [name, value]),
                })
            } else {
              const by = each.outcome === 'uncovered' ? '' : agent
              for (let slot = each.from; slot <= each.to; slot += periodMs) {
                const key = `${each.task} ${slot}`
                if (!model.has(key)) model.set(key, { outcome: each.outcome, agent: by, samples: [] })
              }
            }
          }
        }
        try {
          for (const each of steps) {
            switch (each.do) {
              case 'upload': {
                const { agent, entries } = each
                const batch = { agent, from: next[agent as 'a'], entries }
                next[agent as 'a'] += entries.length
                sent.push(batch)
                expect(subject.upload(agent, batch.from, entries, at).acknowledged).toBe(next[agent as 'a'])
                learn(agent, entries)
                break
              }
              case 'repeat': {
                const batch = sent.at(-1 - each.back)
                if (batch === undefined) break
                const before = subject.store.ingest.position
                expect(subject.upload(batch.agent, batch.from, batch.entries, at).counted.length).toBe(0)
                expect(subject.store.ingest.position).toBe(before)
                break
              }
              case 'upkeep':
                at += each.laterMs
                subject.upkeep(at, each.steps, each.seal)
                break
              case 'crash':
                subject.crash()
            }
          }
          for (const task of tasks) {
            const expected = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
            const samples: (readonly [string, number, number])[] = []
            const ranAt: number[] = []
            const byAgent = new Map<string, number>()
            for (const [key, { outcome, agent, samples: ofSlot }] of model) {
              const [id, slot] = key.split(' ')
              if (id !== task) continue
              expected[outcome]++
              byAgent.set(`${agent} ${outcome}`, (byAgent.get(`${agent} ${outcome}`) ?? 0) + 1)
              if (isRun(outcome)) ranAt.push(Number(slot))
              for (const [name, value] of ofSlot) samples.push([name, Number(slot), value])
            }
            const end = begin + slots * periodMs + dayMs
            expect(subject.counts(task, begin, end)).toEqual(expected)
            expect(subject.byAgent(task, begin, end)).toEqual(
              [...byAgent].map(([key, count]) => `${key} ${count}`).sort(),
            )
            const rows = subject.rows(task, begin, end)
            expect(rows.flatMap((row) => (row.kind === 'run' ? [row.slot] : []))).toEqual(ranAt.sort((a, b) => a - b))
            // Samples leave after three days here, so only those that are young enough to be there surely are asked for.
            const kept = (time: number) => time >= at - 2 * dayMs
            const order = (a: readonly [string, number, number], b: readonly [string, number, number]) =>
              a[1] - b[1] || (a[0] < b[0] ? -1 : 1)
            expect(
              subject
                .samples(task, begin, end)
                .filter((each) => kept(each[1]))
                .sort(order),
            ).toStrictEqual(samples.filter((each) => kept(each[1])).sort(order))
          }
        } finally {
          subject.db.close()
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('an upload', () => {
  test('is in the log as it came, without what was there before, and says what came late', () => {
    const subject = new Subject(['one'])
    const at = begin + 10 * periodMs
    const failed = run(
      'one',
      9,
      {},
      { outcome: 'failed', reason: 'refused', message: 'nothing listens', isolated: true },
    )
    const facts = run('one', 8, { x: 1 }, { facts: { version: '1.2' } })
    subject.upload('a', 0, [facts, failed], at)
    subject.upload('b', 0, [facts, gap('one', 7, 3), run('one', 2, { x: 2 })], at)
    const stored = (entry: RunResult) => ({
      ...entry,
      samples: entry.samples.map((sample) => ({ ...sample, unit: '' })),
    })
    const expected = [
      { position: 1, at, agent: 'a', entries: [stored(facts), stored(failed)] },
      { position: 2, at, agent: 'b', entries: [gap('one', 7, 3), { ...stored(run('one', 2, { x: 2 })), late: true }] },
    ]
    expect(subject.log()).toEqual(expected)
    subject.crash()
    expect(subject.log()).toEqual(expected)
    subject.db.close()
  })

  test('is acknowledged for good, also where nothing of it counted', () => {
    const subject = new Subject(['one'])
    subject.upload('a', 0, [run('one', 0, {})], begin)
    // Another agent ran the same slot while the work was handed over.
    subject.upload('b', 0, [run('one', 0, {})], begin)
    subject.crash()
    const { acknowledged, counted } = subject.upload('b', 1, [run('one', 1, {})], begin)
    subject.db.close()
    expect([acknowledged, counted.length, subject.store.ingest.position]).toEqual([2, 1, 3])
  })

  test('counts no gap record whose slots the same upload filled', () => {
    const subject = new Subject(['one'])
    const entries = [run('one', 0, { x: 1 }), gap('one', 0, 1), gap('one', 0, 3), gap('one', 1, 2), gap('one', 2, 2)]
    expect([...subject.upload('a', 0, entries, begin).counted]).toEqual([0, 2, 4])
    expect(subject.counts('one', begin, begin + dayMs)).toMatchObject({ ran: 1, lost: 3 })
    subject.db.close()
  })

  test('seals into chunks that hold others already', () => {
    const subject = new Subject(['one'])
    for (const n of [0, 2, 1]) {
      subject.upload('a', n, [run('one', n, { x: n })], begin + hourMs)
      subject.upkeep(begin + hourMs, 10, true)
    }
    const row = (n: number) => ['x', run('one', n, {}).slot, n]
    expect(subject.samples('one', begin, begin + dayMs)).toEqual([row(0), row(1), row(2)])
    subject.db.close()
  })

  test('is sealed when its hour is over, and not before', () => {
    const subject = new Subject(['one'])
    const at = (minute: number) => begin + minute * periodMs
    subject.upkeep(at(10), 100, false)
    const sealed = [11, 40, 59, 61, 119, 120].map((minute, i) => {
      subject.upload('a', i, [run('one', minute - 2, { x: i })], at(minute))
      subject.upkeep(at(minute), 100, false)
      return subject.store.ingest.facts().sealed
    })
    expect(sealed).toEqual([0, 0, 0, 4, 4, 6])
    subject.db.close()
  })

  test('is put into its day also where the round before lasts until days are closed', () => {
    const subject = new Subject(['one'])
    const values = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${i}`, i]))
    subject.upload('a', 0, [run('one', 0, values)], begin)
    const hours = () => subject.db.prepare('SELECT count(*) AS count FROM sample_hour').get()!['count']
    // Seals, and looks after the first series of the day before, whose samples are not settled yet.
    subject.upkeep(begin + dayMs + hourMs, 4, true)
    const before = hours()
    subject.upkeep(begin + dayMs + 3 * hourMs, 100, false)
    expect([before, hours()]).toEqual([60, 0])
    subject.db.close()
  })

  test('leaves nothing behind when the disk is full, and works again when there is room', () => {
    const subject = new Subject(['one'])
    subject.upload('a', 0, [run('one', 0, { x: 1 })], begin)
    const entries = (from: number) =>
      Array.from({ length: 500 }, (_, i) => run('one', from + i, { x: i, [`new-${from}`]: i }))
    const pages = Number(subject.db.prepare('PRAGMA page_count').get()!['page_count'])
    subject.db.exec(`PRAGMA max_page_count = ${pages + 2}`)
    const before = JSON.stringify([subject.store.ingest.facts(), subject.store.samples.facts(), subject.log()])
    let thrown: unknown
    try {
      subject.upload('a', 1, [...entries(1), run('stranger', 1, { x: 1 })], begin)
    } catch (error) {
      thrown = storageError(error, 'history.db')
    }
    expect(thrown).toMatchObject({ code: 'storage-unwritable' })
    const after = JSON.stringify([subject.store.ingest.facts(), subject.store.samples.facts(), subject.log()])
    expect(after).toBe(before)
    expect(subject.counts('one', begin, begin + dayMs).ran).toBe(1)
    subject.db.exec('PRAGMA max_page_count = 1000000')
    expect(subject.upload('a', 1, [...entries(1), run('stranger', 1, { x: 1 })], begin).counted.length).toBe(501)
    expect(subject.counts('one', begin, begin + dayMs).ran).toBe(501)
    subject.db.close()
  })

  test('seals the same when the disk was full in between', () => {
    const subject = new Subject(['one', 'two'])
    for (const task of ['one', 'two'])
      subject.upload(
        task,
        0,
        Array.from({ length: 3_000 }, (_, i) =>
          run(task, i, { x: Math.sqrt(i) }, { durationMs: Math.sqrt(i), message: `message ${i}` }),
        ),
        begin + dayMs,
      )
    const full = () => {
      const pages = Number(subject.db.prepare('PRAGMA page_count').get()!['page_count'])
      subject.db.exec(`PRAGMA max_page_count = ${pages}`)
      expect(() => subject.upkeep(begin + dayMs, 10, true)).toThrow('full')
      subject.db.exec('PRAGMA max_page_count = 1000000')
    }
    full()
    // The samples are sealed with the next step; then it is the turn of the tasks.
    subject.upkeep(begin + dayMs, 1, true)
    full()
    subject.upkeep(begin + dayMs, 10, true)
    expect(subject.store.ingest.facts()).toMatchObject({ sealed: 2, position: 2 })
    subject.crash()
    expect(
      ['one', 'two'].map((task) => [
        subject.counts(task, begin, begin + 4 * dayMs).ran,
        subject.rows(task, begin, begin + 4 * dayMs).length,
        subject.samples(task, begin, begin + 4 * dayMs).length,
      ]),
    ).toEqual([
      [3_000, 3_000, 3_000],
      [3_000, 3_000, 3_000],
    ])
    subject.db.close()
  })

  test('of new series is refused where the connector has too many; what it had goes on', () => {
    const subject = new Subject(['one'])
    subject.store.applySettings({ ...settings, metrics: { ...settings.metrics, seriesPerConnector: 2 } })
    subject.upload('a', 0, [run('one', 0, { x: 1, y: 2, z: 3 }), run('one', 1, { x: 4, z: 5 })], begin)
    expect(subject.samples('one', begin, begin + dayMs).map(([name, , value]) => [name, value])).toEqual([
      ['x', 1],
      ['x', 4],
      ['y', 2],
    ])
    expect(subject.store.samples.facts().refused).toEqual([
      {
        connector: 'c',
        samples: 2,
        reason:
          'connector c has reached the bound of 2 series: samples of new series are not stored. Drop labels whose values never repeat, or raise the bound.',
      },
    ])
    subject.db.close()
  })
})

test('a series that is said to be a counter becomes one, and stays the same series', () => {
  const subject = new Subject(['one'])
  const told = () => {
    const { series } = subject.store.samples.series({}, 10)
    return series.map(({ number, name, kind }) => [number, name, kind])
  }
  const counter = (n: number) => run('one', n, {}, { samples: [{ name: 'x', labels: {}, value: n, kind: 'counter' }] })
  subject.upload('a', 0, [run('one', 0, { x: 0, y: 0 })], begin)
  const first = told()
  subject.crash()
  const pages = Number(subject.db.prepare('PRAGMA page_count').get()!['page_count'])
  subject.db.exec(`PRAGMA max_page_count = ${pages}`)
  expect(() => subject.upload('a', 1, [counter(1), run('one', 2, { ['z'.repeat(4_000)]: 1, w: 1 })], begin)).toThrow(
    'full',
  )
  const undone = told()
  subject.db.exec('PRAGMA max_page_count = 1000000')
  subject.upload('a', 1, [counter(1)], begin)
  const after = told()
  subject.crash()
  const gauges = [
    [1, 'x', undefined],
    [2, 'y', undefined],
  ]
  const counters = [
    [1, 'x', 'counter'],
    [2, 'y', undefined],
  ]
  expect({ first, undone, after, again: told() }).toEqual({
    first: gauges,
    undone: gauges,
    after: counters,
    again: counters,
  })
  expect(subject.samples('one', begin, begin + dayMs).filter(([name]) => name === 'x').length).toBe(2)
  subject.db.close()
})

test('the newest facts of a task outlive the log, and only those that fit are kept', () => {
  const subject = new Subject(['one', 'two'])
  const told = () => {
    const at = begin + hourMs
    return subject.store.ingest
      .newestFacts(['one', 'two', 'nobody'], at)
      .map(({ task, slot, facts }) => [task, slot, facts])
  }
  const upload = (from: number, ...entries: SpoolEntry[]) => subject.upload('a', from, entries, begin + hourMs)
  const slot = (n: number) => run('one', n, {}).slot
  upload(0, run('one', 3, {}, { facts: { version: '1.2', secure: true } }), run('two', 1, {}))
  upload(2, run('one', 4, {}, { outcome: 'failed', reason: 'refused', message: 'nothing listens' }))
  upload(3, run('one', 2, {}, { facts: { version: '1.1', old: 1 } }))
  const first = told()
  subject.store.ingest.release(subject.store.ingest.position)
  subject.upkeep(begin + hourMs, 20, true)
  const forgotten = [subject.log(), told()]
  subject.crash()
  const again = told()
  upload(4, run('one', 1, {}, { facts: { version: '1.0' } }))
  const late = told()
  upload(5, run('one', 5, {}, { facts: { version: '1.3', report: 'x'.repeat(20_000), port: 443 } }))
  const replaced = told()
  subject.upkeep(begin + hourMs, 20, true)
  subject.crash()
  const known = [['one', slot(3), { version: '1.2', secure: true }]]
  expect({ first, forgotten, again, late, replaced, sealed: told() }).toEqual({
    first: known,
    forgotten: [[], known],
    again: known,
    late: known,
    replaced: [['one', slot(5), { version: '1.3', port: 443 }]],
    sealed: [['one', slot(5), { version: '1.3', port: 443 }]],
  })
  subject.db.close()
})

test('samples without a series are in the log as they came, and nowhere else', () => {
  const subject = new Subject(['one', 'two'])
  subject.store.applySettings({ ...settings, metrics: { ...settings.metrics, seriesPerConnector: 1 } })
  const entries = [
    run('one', 0, { x: 1, unkept: 2, tooMany: 3 }),
    run('two', 0, { unkept: 4, unkeptToo: 5 }),
    run('one', 1, { x: 6 }),
  ]
  subject.upload('a', 0, entries, begin + periodMs)
  subject.crash()
  const came = entries.map((entry) => ({
    ...entry,
    samples: entry.samples.map((sample) => ({ ...sample, unit: '' })),
  }))
  expect([
    subject.log().flatMap((batch) => batch.entries),
    ['one', 'two'].flatMap((task) =>
      subject.samples(task, begin, begin + dayMs).map(([name, , value]) => [name, value]),
    ),
  ]).toEqual([
    came,
    [
      ['x', 1],
      ['x', 6],
    ],
  ])
  subject.db.close()
})

test('slots of which nothing was heard are lost after a day, but only while the task was there', () => {
  const subject = new Subject(['one'])
  const at = begin + 3 * dayMs
  subject.upload(
    'a',
    0,
    Array.from({ length: 60 }, (_, i) => run('one', i, { x: i })),
    begin + hourMs,
  )
  subject.store.applyTasks([], begin + 2 * hourMs)
  const [head] = subject.store.heads(['one'], begin, at, true)
  const { counts, share } = new IngestReader(subject.db).coverage(head!, begin, at, at - dayMs)
  expect([counts.ran, counts.lost, share]).toEqual([60, 59, 60 / 119])
  subject.db.close()
})

describe('roll-ups', () => {
  const end = begin + 6 * dayMs
  function days(values: (n: number) => number): Subject {
    const subject = new Subject(['one'])
    for (let day = 0, from = 0; day < 6; day++, from += 1_440) {
      const at = begin + (day + 1) * dayMs + 4 * hourMs
      subject.upload(
        'a',
        from,
        Array.from({ length: 1_440 }, (_, i) => run('one', from + i, { x: values(from + i) })),
        at,
      )
      subject.upkeep(at, 100, true)
    }
    return subject
  }

  test('say what the samples said, where there are samples and where there are none any more', () => {
    const value = (n: number) => ((n * 7_919) % 1_000) / 10
    const subject = days(value)
    const reader = new SampleReader(subject.db)
    const kept = reader.samples(1, begin, end, { times: new Float64Array(0), values: new Float64Array(0) })
    expect(kept.times.length).toBeLessThan(4 * 1_440)
    const none = { times: new Float64Array(0), values: new Float64Array(0) }
    for (const step of [hourMs, dayMs, 5 * 60_000]) {
      for (const agg of ['avg', 'min', 'max', 'sum', 'count', 'last'] as const) {
        const { times, values } = reader.query(1, { from: begin, to: end, step, agg }, none)
        const buckets = Map.groupBy(
          Array(6 * 1_440).keys(),
          (n) => Math.floor((begin + phaseOf('one', periodMs) + n * periodMs) / step) * step,
        )
        const expected = Array.from(times, (time) => {
          const inside = buckets.get(time)!.map(value)
          const sum = inside.reduce((a, b) => a + b, 0)
          return {
            avg: sum / inside.length,
            min: Math.min(...inside),
            max: Math.max(...inside),
            sum,
            count: inside.length,
            last: inside.at(-1)!,
          }[agg]
        })
        expect(times.length).toBe((6 * dayMs) / step)
        expect(Math.max(...expected.map((each, i) => Math.abs(each - values[i]!)))).toBeLessThan(1e-6)
      }
    }
    subject.db.close()
  })

  test('stand in for the samples of days whose samples are gone', () => {
    const subject = days((n) => n)
    const reader = new SampleReader(subject.db)
    const none = { times: new Float64Array(0), values: new Float64Array(0) }
    const { times, values } = reader.query(1, { from: begin, to: end, agg: 'max' }, none)
    const perDay = Map.groupBy(times, (time) => Math.floor((time - begin) / dayMs))
    expect([...perDay].map(([day, ofDay]) => [day, ofDay.length])).toEqual([
      [0, 288],
      [1, 288],
      [2, 288],
      [3, 1_440],
      [4, 1_440],
      [5, 1_440],
    ])
    expect([values[0], values[287], values.at(-1)]).toEqual([4, 1_439, 6 * 1_440 - 1])
    subject.db.close()
  })

  test('show how fast a counter grows, and that it began anew', () => {
    const subject = days((n) => (n < 4_000 ? n * 60 : (n - 4_000) * 60))
    const reader = new SampleReader(subject.db)
    const none = { times: new Float64Array(0), values: new Float64Array(0) }
    const { values } = reader.query(1, { from: begin, to: end, step: dayMs, agg: 'rate' }, none)
    expect([...values].map((each) => Math.round(each * 100) / 100)).toEqual([1, 1, 1, 1, 1, 1])
    subject.db.close()
  })
})
