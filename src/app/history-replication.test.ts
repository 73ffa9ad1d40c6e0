import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { IngestReader, UploadPacker, defaultIngestSettings } from '../ingest/index.ts'
import { defaultMetricSettings } from '../metrics/index.ts'
import { phaseOf, type SpoolEntry } from '../model/index.ts'
import { openSqlite } from '../platform/index.ts'
import { ArrivingCopy, copyBegin, readCopy, type HistoryCopy } from './history-copy.ts'
import { HistoryStore, historySchema } from './history-store.ts'

const dayMs = 86_400_000
const periodMs = 600_000
const begin = Date.UTC(2026, 0, 1)
// What ends its time before a late sample comes is another roll-up than what ends it after: each server does that by itself.
const kept = 400 * dayMs
const settings = {
  ingest: { ...defaultIngestSettings, resultsMs: kept, coverageMs: kept },
  metrics: { ...defaultMetricSettings, rawMs: kept, fiveMinutesMs: kept, hoursMs: kept },
}

let directory: string
let files = 0
const opened = new Set<DatabaseSync>()
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-history-pair-'))
})
afterEach(() => {
  for (const db of opened) db.close()
  opened.clear()
  rmSync(directory, { recursive: true })
})

/** One server's history, which can crash: what is opened again knows only the file. */
class Side {
  file = join(directory, `side-${files++}.db`)
  #packer = new UploadPacker(
    () => undefined,
    () => true,
  )
  db!: DatabaseSync
  store!: HistoryStore

  constructor() {
    this.open()
  }

  open(): void {
    this.db = openSqlite(this.file, { schema: historySchema })
    // Durability is tested with a process that is killed; here it would only cost time.
    this.db.exec('PRAGMA synchronous = OFF')
    opened.add(this.db)
    this.store = new HistoryStore(this.db, settings)
    this.#packer.reset()
  }

  crash(): void {
    this.close()
    this.open()
  }

  close(): void {
    opened.delete(this.db)
    this.db.close()
  }

  upload(from: number, entries: readonly SpoolEntry[], at: number): void {
    const { upload } = this.#packer.upload([{ batch: { format: 1, agent: 'a', spool: 's', from, entries } }])
    this.store.upload(upload, at)
    this.#packer.reset()
  }

  upkeep(at: number, steps: number, seal: boolean): void {
    for (let i = 0; i < steps; i++) if (!this.store.upkeep(at, seal && i === 0)) return
  }

  /** Everything that is made of the log, table by table. */
  content(at: number) {
    this.store.ingest.release(this.store.ingest.position)
    // A sealing that is under way ends first; days are compacted once a day.
    for (let i = 0; i < 4; i++) this.upkeep(at + i * dayMs, 10_000, true)
    const tables = ['task_facts', 'result_part', 'task_day', 'sample_hour', 'sample_day', 'rollup_5m', 'rollup_1h']
    const inBundles = ['result_days', 'sample_days', 'rollup_5m_days', 'rollup_1h_days']
    const rows = [...tables, ...inBundles, 'ingest_task', 'spool'].map((table) => [
      table,
      this.db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all(),
    ])
    // When a series was used last is stored once a day, and not by whom a crash or a copy came before.
    const series = this.db.prepare('SELECT number, task, connector, name, labels, unit, kind FROM metric_series').all()
    return {
      series,
      ...Object.fromEntries(rows),
      position: this.store.ingest.position,
      point: this.store.ingest.line.point,
    }
  }
}

function run(task: string, n: number, value: number): SpoolEntry {
  const slot = begin + n * periodMs + (phaseOf(task, periodMs) - (begin % periodMs))
  const samples = [
    { name: 'ms', labels: {}, value, unit: 'ms' as const },
    { name: `only of ${n % 5}`, labels: { disk: 'a' }, value: n, unit: '' as const, kind: 'counter' as const },
  ]
  const facts = { version: `${value}` }
  return { kind: 'run', task, slot, startedAt: slot, durationMs: 5, outcome: 'ran', samples, facts }
}

function gap(task: string, n: number, slots: number): SpoolEntry {
  const from = begin + n * periodMs
  return { kind: 'gap', task, from, to: from + slots * periodMs, periodMs, outcome: 'lost', reason: 'spool full' }
}

/** All of what a copy is, at once or with things in between. */
function copyOver(active: Side, between: (chunk: number) => void = () => undefined): Side {
  const copy: HistoryCopy = active.store.ingest.beginCopy()
  const file = join(directory, `copy-${files++}.db`)
  let arriving = new ArrivingCopy(file)
  for (let chunk = 0; ; chunk++) {
    const cursor = arriving.progress()?.cursor ?? copyBegin
    const rows = readCopy(active.db, copy, cursor, 200)
    if (rows === undefined) break
    arriving.take(copy, rows)
    between(chunk)
    // The standby restarts now and then.
    if (chunk % 5 === 4) {
      arriving.close()
      arriving = new ArrivingCopy(file)
    }
  }
  expect(arriving.finish(copy)).toBe(true)
  arriving.close()
  const standby = new Side()
  standby.close()
  standby.file = file
  standby.open()
  return standby
}

/** @returns whether the follower could go on */
function ship(active: Side, standby: Side, bytes = 1_000_000): boolean {
  const read = active.store.ingest.readChanges(standby.store.ingest.line.point, bytes)
  if (read.is === 'copy needed') return false
  return standby.store.ingest.applyChanges(read.changes).is === 'applied'
}

test('a follower makes the same ledger, metrics and positions of spools of what it is sent', () => {
  const active = new Side()
  active.store.ingest.startLogging('line 1')
  active.store.applyTasks([{ id: 'old', connector: 'c', periodMs }], begin - dayMs)
  active.upload(0, [run('old', 1, 1)], begin + dayMs)
  const standby = copyOver(active)
  active.store.applyTasks([{ id: 'new', connector: 'c', periodMs }], begin)
  active.upload(1, [run('new', 1, 2), gap('new', 2, 3), run('old', 1, 9)], begin + periodMs * 7)
  active.upload(4, [run('new', 8, 3)], begin + periodMs * 8)
  expect(ship(active, standby)).toBe(true)
  const { counts } = new IngestReader(standby.db).coverage(
    standby.store.heads(['new'], begin, begin + dayMs, true)[0]!,
    begin,
    begin + dayMs,
    begin,
  )
  expect([counts.ran, standby.content(begin + dayMs)]).toEqual([2, active.content(begin + dayMs)])
})

test('a follower stores nothing but what it is sent', () => {
  const active = new Side()
  active.store.ingest.startLogging('line 1')
  const standby = copyOver(active)
  const refused = { code: 'not-in-this-role' }
  expect(() => standby.upload(0, [run('a', 1, 1)], begin)).toThrow(expect.objectContaining(refused))
  expect(() => standby.store.applyTasks([], begin)).toThrow(expect.objectContaining(refused))
})

test('the log keeps what the follower has not confirmed, and no longer', () => {
  const active = new Side()
  active.store.ingest.startLogging('line 1')
  const standby = copyOver(active)
  for (let i = 0; i < 4; i++) active.upload(i, [run('a', i, i)], begin + i * periodMs)
  const kept = () => {
    active.content(begin + dayMs)
    return active.db
      .prepare('SELECT position FROM log ORDER BY position')
      .all()
      .map((row) => row['position'])
  }
  const before = kept()
  ship(active, standby, 1)
  active.store.ingest.confirm(standby.store.ingest.line.point)
  const after = kept()
  active.crash()
  const afterStart = kept()
  ship(active, standby)
  active.store.ingest.confirm(standby.store.ingest.line.point)
  const atEnd = kept()
  active.store.ingest.stopLogging()
  expect([before, after, afterStart, atEnd]).toEqual([[1, 2, 3, 4], [2, 3, 4], [2, 3, 4], []])
})

test('a follower that was away for too long needs a copy, and the log keeps nothing for it', () => {
  const active = new Side()
  const small = new HistoryStore(active.db, settings, 3_000)
  active.store = small
  small.ingest.startLogging('line 1')
  const standby = copyOver(active)
  for (let i = 0; i < 20; i++) active.upload(i, [run('a', i, i)], begin + i * periodMs)
  expect([ship(active, standby), small.ingest.line.facts().bytes <= 3_000]).toEqual([false, true])
})

test('tasks and series that end their time on the active server go on the follower with the same change', () => {
  const active = new Side()
  active.store.ingest.startLogging('line 1')
  active.upload(0, [run('old', 1, 1)], begin + dayMs)
  const standby = copyOver(active)
  const later = begin + 3 * kept
  const alone = standby.content(later)
  const first = active.content(later)
  expect(ship(active, standby)).toBe(true)
  expect([alone.series.length, first.series.length, standby.content(later)]).toEqual([2, 0, active.content(later)])
})

test('a copy without all of its log is worthless, and is known to be', () => {
  const active = new Side()
  active.store.ingest.startLogging('line 1')
  active.upload(0, [run('a', 1, 1)], begin)
  const copy = active.store.ingest.beginCopy()
  const arriving = new ArrivingCopy(join(directory, 'hole.db'))
  expect(arriving.finish(copy)).toBe(false)
  arriving.close()
})

test('whatever happens while results come, shipments go astray and a copy is under way: at the end both have the same rows', () => {
  const task = fc.constantFrom('a', 'b', 'c')
  const entry = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(task, fc.nat(400), fc.nat(9)).map(([id, n, value]) => run(id, n, value)) },
    { weight: 1, arbitrary: fc.tuple(task, fc.nat(400), fc.nat(5)).map(([id, n, slots]) => gap(id, n, slots)) },
  )
  const act = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        is: fc.constant('upload' as const),
        entries: fc.array(entry, { minLength: 1, maxLength: 4 }),
      }),
    },
    fc.record({
      is: fc.constant('tasks' as const),
      tasks: fc.uniqueArray(task),
      connector: fc.constantFrom('c', 'd'),
    }),
    {
      weight: 2,
      arbitrary: fc.record({ is: fc.constant('ship' as const), bytes: fc.constantFrom(1, 1_000, 1_000_000) }),
    },
    fc.record({ is: fc.constantFrom('lose' as const, 'repeat' as const, 'confirm' as const, 'take over' as const) }),
    fc.record({ is: fc.constantFrom('crash' as const), side: fc.nat(1) }),
    fc.record({ is: fc.constant('upkeep' as const), side: fc.nat(1), steps: fc.nat(6), seal: fc.boolean() }),
    fc.record({ is: fc.constant('later' as const), ms: fc.constantFrom(periodMs, 6 * 3_600_000, dayMs) }),
  )
  fc.assert(
    fc.property(
      fc.array(act, { maxLength: 12 }),
      fc.array(act, { maxLength: 20 }),
      fc.array(act, { maxLength: 25 }),
      (before, during, after) => {
        // Behind all slots: what lies in the future gives way to the present, and the present is when a server seals.
        let at = begin + 3 * dayMs
        let position = 0
        let active = new Side()
        active.store.ingest.startLogging('line 1')
        // The ledger notes the period that is known when a row is applied; a replay after a start may know more.
        const tasks = ['a', 'b', 'c'].map((id) => ({ id, connector: 'c', periodMs }))
        active.store.applyTasks(tasks, begin - dayMs)
        let standby: Side | undefined
        let sent: Parameters<HistoryStore['ingest']['applyChanges']>[0] = []
        const step = (next: (typeof after)[number], mayCrash = true) => {
          at += 1_000
          switch (next.is) {
            case 'upload':
              active.upload(position, next.entries, at)
              position += next.entries.length
              break
            case 'tasks':
              active.store.applyTasks(
                next.tasks.map((id) => ({ id, connector: next.connector, periodMs })),
                at,
              )
              break
            case 'ship':
              if (standby !== undefined && !ship(active, standby, next.bytes)) standby = copyOver(active)
              break
            case 'lose':
              if (standby === undefined) break
              {
                const read = active.store.ingest.readChanges(standby.store.ingest.line.point, 1_000_000)
                if (read.is === 'changes') {
                  sent = read.changes
                  standby.store.ingest.applyChanges(sent.slice(1))
                }
              }
              break
            case 'repeat':
              standby?.store.ingest.applyChanges(sent)
              break
            case 'confirm':
              if (standby !== undefined) active.store.ingest.confirm(standby.store.ingest.line.point)
              break
            case 'take over':
              if (standby === undefined) break
              active.store.ingest.startFollowing()
              standby.store.ingest.startLogging('')
              ;[active, standby] = [standby, active]
              sent = []
              break
            case 'crash':
              if (mayCrash) (next.side === 0 ? active : (standby ?? active)).crash()
              break
            case 'upkeep':
              ;(next.side === 0 ? active : (standby ?? active)).upkeep(at, next.steps, next.seal)
              break
            case 'later':
              at += next.ms
              break
          }
        }
        for (const next of before) step(next)
        standby = copyOver(active, (chunk) => during[chunk] !== undefined && step(during[chunk]))
        for (const next of after) step(next)
        for (let i = 0; i < 3; i++) if (!ship(active, standby)) standby = copyOver(active)
        expect(standby.content(at)).toEqual(active.content(at))
        for (const side of [active, standby]) side.close()
      },
    ),
    { numRuns: 25 },
  )
}, 60_000)
