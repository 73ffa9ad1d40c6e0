import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ManualClock, type FarwatchError } from '../base/index.ts'
import type { StoredBatch } from '../ingest/index.ts'
import { aggregatedUnit } from '../metrics/index.ts'
import { phaseOf, type JudgedMetric, type RunResult, type Sample, type UploadBatch } from '../model/index.ts'
import { queriedPoints } from '../../test/support/queried-points.ts'
import { defaultHistorySettings, openHistory, type History } from './history.ts'

const periodMs = 60_000
const begin = Date.UTC(2026, 0, 1)
let directory: string
const open: History[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-history-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await Promise.all(open.splice(0).map((history) => history.close()))
  rmSync(directory, { recursive: true, force: true })
})

const declared: Readonly<Record<string, JudgedMetric>> = {
  duration: { unit: 'ms' },
  sent: { unit: 'B', kind: 'counter' },
}

async function started(clock = new ManualClock(begin), where = directory): Promise<History> {
  const history = await openHistory({
    directory: where,
    clock,
    declared: (_, metric) => declared[metric],
  })
  open.push(history)
  await history.applyTasks([{ id: 'one', connector: 'c', periodMs }])
  return history
}

function run(n: number, about: Partial<RunResult> = {}): RunResult {
  const slot = begin + phaseOf('one', periodMs) + n * periodMs
  const samples = [{ name: 'duration', labels: { phase: 'total' }, value: n / 8 }]
  return { kind: 'run', task: 'one', slot, outcome: 'ran', startedAt: slot + 4, durationMs: 2.5, samples, ...about }
}

function batch(from: number, ...entries: UploadBatch['entries']): UploadBatch {
  return { format: 1, agent: 'a', spool: 's', from, entries }
}

describe.each(['in a file', 'in memory'])('a history %s', (kept) => {
  test('answers with what was uploaded, before and after it is sealed', async () => {
    const clock = new ManualClock(begin)
    const history = await started(clock, kept === 'in memory' ? ':memory:' : directory)
    const seen: StoredBatch[] = []
    history.onStored((stored) => void seen.push(stored))
    clock.advance(3 * periodMs)
    const failed = run(1, { outcome: 'failed', reason: 'refused', message: 'nothing listens', samples: [] })
    const from = begin
    const to = begin + 3 * periodMs
    const missing = {
      kind: 'gap' as const,
      task: 'one',
      from: run(2).slot,
      to: run(2).slot,
      outcome: 'skipped' as const,
      periodMs,
      reason: 'overload',
    }
    expect(await history.upload(batch(0, run(0), failed, missing, run(0)))).toEqual({
      acknowledged: 4,
      safe: 4,
      pauseMs: 0,
    })
    expect(seen).toEqual([{ position: 1, at: to, agent: 'a', entries: [run(0), failed, missing] }])
    for (const when of ['before', 'after']) {
      if (when === 'after') await history.settle()
      const { series } = await history.series({ tasks: ['one'], labels: { phase: 'total' } })
      const [queried] = await history.query({ series: [series[0]!.number], from, to, agg: 'avg' })
      const { rows } = await history.results('one', { from, to })
      expect({
        series,
        points: [queriedPoints(queried!).times, queriedPoints(queried!).values],
        rows,
        coverage: await history.coverage({ tasks: ['one'], from, to }),
        last: await history.lastSlots(['one', 'nobody']),
      }).toEqual({
        series: [{ number: 1, task: 'one', name: 'duration', labels: { phase: 'total' }, unit: 'ms' }],
        points: [[run(0).slot], [0]],
        rows: [
          {
            kind: 'run',
            slot: run(0).slot,
            startedAt: run(0).startedAt,
            durationMs: 2.5,
            outcome: 'ran',
            agent: 'a',
            late: false,
            isolated: false,
            reason: '',
            message: '',
            metrics: [{ name: 'duration', labels: { phase: 'total' }, value: 0, unit: 'ms' }],
          },
          expect.objectContaining({
            kind: 'run',
            outcome: 'failed',
            reason: 'refused',
            message: 'nothing listens',
            metrics: [],
          }),
          {
            kind: 'gap',
            from: missing.from,
            to: missing.to,
            slots: 1,
            outcome: 'skipped',
            reason: 'overload',
            metrics: [],
          },
        ],
        coverage: [expect.objectContaining({ task: 'one', slots: 3, share: 2 / 3 })],
        last: [{ task: 'one', slot: missing.to, outcome: 'skipped', reason: 'overload', message: '', coverage: 2 / 3 }],
      })
    }
  })
})

test('a counter is known as one, by its declaration or by its sample, and asked for by its rate', async () => {
  const sample = (name: string, value: number, about: Partial<Sample> = {}): Sample => ({
    name,
    labels: {},
    value,
    ...about,
  })
  const grown = (n: number) =>
    run(n, {
      samples: [
        sample('duration', n),
        sample('sent', n * 6_000),
        sample('requests_total', n * 60, { unit: '', kind: 'counter' }),
      ],
    })
  const first = await started()
  await first.upload(batch(0, grown(0), grown(1), grown(2)))
  await first.close()
  // The log is all that is left, and it says the same to those who read it again.
  const history = await started()
  const [read] = await history.read(0, 10)
  const { series } = await history.series({ tasks: ['one'] })
  const numbers = series.map(({ number }) => number)
  const ask = async (agg?: 'last') =>
    (
      await history.query({
        series: numbers,
        from: begin,
        to: begin + 3 * periodMs,
        step: 3 * periodMs,
        ...(agg === undefined ? {} : { agg }),
      })
    ).map((queried) => {
      const { values, minima, maxima } = queriedPoints(queried)
      const { series, agg } = queried
      return [series.name, agg, aggregatedUnit(series.unit, agg), ...values, ...minima, ...maxima].join(' ')
    })
  expect({
    kinds: series.map(({ name, unit, kind }) => [name, unit, kind]),
    read: read!.entries[2],
    asFits: await ask(),
    asAsked: await ask('last'),
  }).toEqual({
    kinds: [
      ['duration', 'ms', undefined],
      ['sent', 'B', 'counter'],
      ['requests_total', '', 'counter'],
    ],
    read: {
      ...grown(2),
      samples: [
        sample('duration', 2, { unit: 'ms' }),
        sample('sent', 12_000, { unit: 'B', kind: 'counter' }),
        sample('requests_total', 120, { unit: '', kind: 'counter' }),
      ],
    },
    asFits: ['duration avg ms 1 0 2', 'sent rate B/s 100 100 100', 'requests_total rate /s 1 1 1'],
    asAsked: ['duration last ms 2 0 2', 'sent last B 12000 0 12000', 'requests_total last  120 0 120'],
  })
})

test('a chart is what a query by the same steps says, on a grid, with gaps, as JSON', async () => {
  const clock = new ManualClock(begin)
  const history = await started(clock)
  clock.advance(12 * periodMs)
  // Every minute but the fifth to the eighth, so that two steps of two minutes are gaps.
  await history.upload(batch(0, ...[0, 1, 2, 3, 8, 9, 10].map((n) => run(n))))
  const { series } = await history.series({ tasks: ['one'] })
  const numbers = series.map(({ number }) => number)
  const question = { series: numbers, from: begin, to: begin + 12 * periodMs }
  const stepMs = 2 * periodMs
  for (const when of ['before', 'after']) {
    if (when === 'after') await history.settle()
    const [queried] = await history.query({ ...question, step: stepMs })
    const [charted] = await history.chart({ ...question, grid: { first: begin, stepMs, count: 6 } })
    const { times, values, minima, maxima } = queriedPoints(queried!)
    const onGrid = (column: readonly (number | undefined)[]) =>
      Array.from({ length: 6 }, (_, i) => column[times.indexOf(begin + i * stepMs)] ?? null)
    expect({ ...charted, json: JSON.parse(`{${new TextDecoder().decode(charted!.json)}}`) }).toEqual({
      series: series[0],
      agg: 'avg',
      json: { value: onGrid(values), min: onGrid(minima), max: onGrid(maxima) },
    })
    expect(onGrid(values).filter((value) => value === null)).toHaveLength(2)
  }
  expect(await history.seriesNumbered(numbers)).toEqual(series)
  await expect(history.seriesNumbered([...numbers, 77])).rejects.toMatchObject({ code: 'not-found' })
  await expect(
    history.chart({ ...question, series: [77], grid: { first: begin, stepMs, count: 6 } }),
  ).rejects.toMatchObject({ code: 'not-found' })
  await expect(history.chart({ ...question, grid: { first: begin, stepMs, count: 1_000_001 } })).rejects.toMatchObject({
    code: 'too-large',
  })
})

test('pages through results from the oldest on', async () => {
  const history = await started()
  await history.upload(batch(0, ...Array.from({ length: 25 }, (_, n) => run(n))))
  const pages: number[][] = []
  for (let from: number | undefined = begin; from !== undefined;) {
    const page: Awaited<ReturnType<History['results']>> = await history.results('one', {
      from,
      to: begin + 60 * periodMs,
      limit: 10,
    })
    pages.push(page.rows.map((row) => row.metrics[0]!.value * 8))
    from = page.next
  }
  expect(pages).toEqual(
    [0, 10, 20].map((first) => Array.from({ length: Math.min(10, 25 - first) }, (_, i) => first + i)),
  )
})

test('keeps statistics of runs whose results are not kept', async () => {
  const history = await started()
  const settings = defaultHistorySettings
  await history.applySettings({
    ...settings,
    ingest: { ...settings.ingest, results: { keep: 'longer than', ms: 100 } },
  })
  await history.upload(batch(0, ...[10, 20, 30, 500].map((durationMs, n) => run(n, { durationMs }))))
  const range = { from: begin, to: begin + 10 * periodMs }
  const { rows } = await history.results('one', range)
  const [statistics] = await history.statistics({ tasks: ['one'], ...range, by: 'agent' })
  const near = (value: number) => expect.closeTo(value, -Math.log10(value * 0.1))
  expect([rows.map((row) => row.kind === 'run' && row.durationMs), statistics]).toEqual([
    [500],
    {
      name: 'a',
      runs: 4,
      outcomes: expect.objectContaining({ ran: 4, failed: 0 }),
      timeouts: 0,
      durationMs: { p50: near(20), p95: near(500), max: 500, mean: 140 },
      delayMs: { p50: near(4), p95: near(4), max: 4, mean: 4 },
    },
  ])
})

test('statistics tell agents apart, and add up tasks as if their runs were those of one', async () => {
  const clock = new ManualClock(begin)
  const first = await started(clock)
  await first.applyTasks(['one', 'two'].map((id) => ({ id, connector: 'c', periodMs })))
  clock.advance(60 * periodMs)
  const of = (task: string, n: number, durationMs: number, about: Partial<RunResult> = {}): RunResult => {
    const slot = begin + phaseOf(task, periodMs) + n * periodMs
    return { ...run(n), task, slot, startedAt: slot + 1_000, durationMs, ...about }
  }
  const gap = (task: string, n: number, outcome: 'skipped' | 'uncovered') => {
    const slot = begin + phaseOf(task, periodMs) + n * periodMs
    return { kind: 'gap', task, from: slot, to: slot + 9 * periodMs, outcome, periodMs, reason: outcome } as const
  }
  const upload = (history: History, agent: string, from: number, ...entries: UploadBatch['entries']) =>
    history.upload({ format: 1, agent, spool: 's', from, entries })
  // Nine of ten runs are quick, and those of the other agent slow: a mean of percentiles would be far from both.
  await upload(first, 'quick', 0, ...Array.from({ length: 18 }, (_, n) => of('one', n, 10)))
  await upload(
    first,
    'slow',
    0,
    of('two', 0, 4_000),
    of('two', 1, 8_000, { outcome: 'failed', reason: 'timed out', message: 'no answer within 8 s' }),
    gap('two', 2, 'skipped'),
  )
  await upload(first, 'server', 0, gap('one', 20, 'uncovered'))
  // Another agent has the task now, and runs a slot that the one before left out.
  await upload(first, 'quick', 18, of('two', 5, 10))
  const question = { tasks: ['one', 'two'], from: begin, to: begin + 60 * periodMs }
  const asked = async (history: History) => {
    const shown = async (by: 'agent' | ((task: string) => string)) =>
      (await history.statistics({ ...question, by })).map(
        ({ name, runs, outcomes, timeouts, durationMs, delayMs }) => ({
          name,
          runs,
          outcomes: Object.entries(outcomes).flatMap(([outcome, count]) => (count > 0 ? [`${outcome} ${count}`] : [])),
          timeouts,
          durations:
            durationMs && [durationMs.p50, durationMs.p95, durationMs.max].map((ms) => Math.round(ms / 10) * 10),
          delay: delayMs?.max,
        }),
      )
    return { byAgent: await shown('agent'), together: await shown(() => 'all') }
  }
  const before = await asked(first)
  await first.settle()
  const sealed = await asked(first)
  await first.close()
  const reopened = await asked(await started(clock))
  expect(before).toEqual({
    byAgent: [
      { name: 'quick', runs: 19, outcomes: ['ran 19'], timeouts: 0, durations: [10, 10, 10], delay: 1_000 },
      // Of the others of this hour nothing was heard.
      { name: '', runs: 0, outcomes: ['lost 70', 'uncovered 10'], timeouts: 0, durations: undefined, delay: undefined },
      {
        name: 'slow',
        runs: 2,
        outcomes: ['ran 1', 'failed 1', 'skipped 9'],
        timeouts: 1,
        durations: [3_920, 7_840, 8_000],
        delay: 1_000,
      },
    ],
    together: [
      {
        name: 'all',
        runs: 21,
        outcomes: ['ran 20', 'failed 1', 'skipped 9', 'lost 70', 'uncovered 10'],
        timeouts: 1,
        durations: [10, 3_920, 8_000],
        delay: 1_000,
      },
    ],
  })
  expect([sealed, reopened]).toEqual([before, before])
})

// what is wrong → what is answered
const malformed: Record<string, readonly [UploadBatch, string]> = {
  'a value that is no number': [
    batch(0, run(0, { samples: [{ name: 'x', labels: {}, value: NaN }] })),
    'entries[0].samples[0].value must be a finite number',
  ],
  'a slot that is no moment': [
    batch(0, run(0, { slot: 1.5 })),
    'entries[0].slot must be a moment in whole epoch milliseconds',
  ],
  'a run without an outcome of runs': [
    batch(0, run(0), run(1, { outcome: 'lost' as 'ran' })),
    'entries[1].outcome must be that of a run',
  ],
  'a gap that ends before it begins': [
    batch(0, { kind: 'gap', task: 'one', from: begin, to: begin - 1, outcome: 'lost', periodMs, reason: '' }),
    'entries[0].to must lie after from, within 800 days',
  ],
  'a fact that is a list': [
    batch(0, run(0, { facts: { versions: ['1', '2'] } as never })),
    'entries[0].facts must be at most 1000 texts of at most 4096 characters, finite numbers, true or false',
  ],
  'no task': [batch(0, run(0, { task: '' })), 'entries[0].task must be a text of 1 to 4096 characters'],
}

test('refuses what is malformed with the place and the reason, and stores nothing of it', async () => {
  const history = await started()
  const answers: Record<string, unknown> = {}
  for (const [name, [wrong]] of Object.entries(malformed)) {
    answers[name] = await history.upload(wrong).catch(({ code, message }: FarwatchError) => [code, message])
  }
  const prefix = 'the upload of agent a is malformed: '
  expect(answers).toEqual(
    Object.fromEntries(Object.entries(malformed).map(([name, [, words]]) => [name, ['bad-request', prefix + words]])),
  )
  expect(history.position()).toBe(0)
})

test('a consumer that was away reads on from where it was, and only what all released goes', async () => {
  const history = await started()
  for (let n = 0; n < 5; n++) await history.upload(batch(n, run(n)))
  history.release(3)
  await history.settle()
  expect((await history.read(0, 10)).map(({ position }) => position)).toEqual([4, 5])
  expect((await history.read(4, 10))[0]!.entries).toMatchObject([{ kind: 'run', slot: run(4).slot, durationMs: 2.5 }])
})

test('an answer counts from the oldest position that the agent still holds, else from the first one seen', async () => {
  const history = await started()
  const upload = async (from: number, oldest?: number) => {
    const { acknowledged } = await history.upload({
      ...batch(from, run(from)),
      ...(oldest === undefined ? {} : { oldest }),
    })
    return acknowledged
  }
  // Live results first, then what lies before; 3 is never sent.
  expect([
    await upload(5),
    await upload(5, 1),
    await upload(1, 1),
    await upload(2, 1),
    await upload(6, 1),
    await upload(6, 4),
    await upload(4, 4),
    await upload(7),
  ]).toEqual([6, 1, 2, 3, 3, 4, 7, 3])
})

test('uploads that wait for each other share a commit and are answered in order', async () => {
  const history = await started()
  const seen: number[] = []
  history.onStored(({ position }) => void seen.push(position))
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => history.upload(batch(n, run(n)))))
  expect([answers.map(({ acknowledged }) => acknowledged), seen]).toEqual([
    Array.from({ length: 20 }, (_, n) => n + 1),
    Array.from({ length: 20 }, (_, n) => n + 1),
  ])
})

test('an agent that floods the server is refused what is too much, others are stored in their turn, and nothing is lost', async () => {
  const clock = new ManualClock(begin)
  const history = await openHistory({
    directory,
    clock,
    bounds: { ofAgent: 200, ofAll: 400, small: 5, busy: 100, entriesPerCommit: 20 },
  })
  open.push(history)
  await history.applyTasks([{ id: 'one', connector: 'c', periodMs }])
  const order: string[] = []
  history.onStored(({ agent, entries }) => void order.push(`${agent} ${entries.length}`))
  const upload = (agent: string, from: number, count: number, first: number) =>
    history
      .upload({
        format: 1,
        agent,
        spool: 's',
        from,
        entries: Array.from({ length: count }, (_, n) => run(first + n, { samples: [] })),
      })
      .then(
        ({ acknowledged, pauseMs }) => ({ acknowledged, isAskedToPause: pauseMs > 0 }),
        ({ code, retryAfterMs }: FarwatchError) => ({ code, retryAfterMs }),
      )
  // Fifty batches at once of which ten may wait, and then one of somebody else with its few live results.
  const flood = Array.from({ length: 50 }, (_, n) => upload('flood', n * 20, 20, n * 20))
  const live = upload('live', 0, 2, 2_000)
  const answers = await Promise.all(flood)
  const refused = answers.flatMap((answer, n) => ('code' in answer && answer.code === 'overloaded' ? [n] : []))
  const isSoon = order.indexOf('live 2') <= 3
  // It comes again with what it was refused, as agents do.
  for (const n of refused) await upload('flood', n * 20, 20, n * 20)
  clock.advance(3_000 * periodMs)
  const [coverage] = await history.coverage({ tasks: ['one'], from: begin, to: begin + 3_000 * periodMs })
  expect({
    refused: refused.length,
    first: answers[0],
    live: await live,
    isSoon,
    ran: coverage!.counts.ran,
  }).toEqual({
    refused: 40,
    first: { acknowledged: 20, isAskedToPause: true },
    live: { acknowledged: 2, isAskedToPause: true },
    isSoon: true,
    ran: 1_002,
  })
})

test('a change of the configuration amid uploads loses none of them', async () => {
  const history = await started()
  const uploads: Promise<unknown>[] = []
  for (let n = 0; n < 30; n++) {
    uploads.push(history.upload(batch(n, run(n))))
    if (n % 5 === 0) uploads.push(history.applyTasks([{ id: 'one', connector: `c${n}`, periodMs }]))
    if (n % 3 === 0) await uploads.at(-1)
  }
  await Promise.all(uploads)
  expect((await history.results('one', { from: begin, to: begin + 60 * periodMs })).rows.length).toBe(30)
})

test('a process that is killed loses nothing it acknowledged and counts nothing twice', async () => {
  const script = join(directory, 'uploads.mjs')
  // The killed process has the machine's clock, and what is old is not kept.
  const base = Math.floor(Date.now() / periodMs) * periodMs
  writeFileSync(
    script,
    `import { openHistory } from ${JSON.stringify(new URL('history.ts', import.meta.url).href)}
     import { systemClock } from ${JSON.stringify(new URL('../platform/index.ts', import.meta.url).href)}
     const history = await openHistory({ directory: ${JSON.stringify(directory)}, clock: systemClock })
     for (let n = Number(process.argv[2]); ; n++) {
       const slot = ${base} + n * ${periodMs}
       const samples = [{ name: 'x', labels: {}, value: n }]
       const entry = { kind: 'run', task: 'one', slot, outcome: 'ran', startedAt: slot, durationMs: 1, samples }
       const { acknowledged } = await history.upload({ format: 1, agent: 'a', spool: 's', from: n, entries: [entry] })
       console.log(acknowledged)
       // Sealing is under way whenever the process is killed.
       if (n % 20 === 0) void history.settle()
     }`,
  )
  let acknowledged = 0
  for (let round = 0; round < 3; round++) {
    // The last one is sent again, as an agent does that did not see the answer.
    const child = spawn(process.execPath, [script, String(Math.max(0, acknowledged - 1))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const exited = once(child, 'exit')
    let lines = 0
    for await (const line of createInterface(child.stdout!)) {
      acknowledged = Math.max(acknowledged, Number(line))
      if (++lines === 30 + round * 17) child.kill('SIGKILL')
    }
    await exited
  }
  const history = await started(new ManualClock(base))
  // How many it was when the signal came is anybody's guess.
  const range = { from: base, to: base + acknowledged * periodMs }
  const { rows } = await history.results('one', { ...range, limit: acknowledged + 1 })
  expect(rows.map((row) => row.metrics.map(({ value }) => value))).toEqual(
    Array.from({ length: acknowledged }, (_, n) => [n]),
  )
  const [coverage] = await history.coverage({ tasks: ['one'], ...range })
  expect(coverage!.counts.ran).toBe(acknowledged)
})

test('refuses a file that is no database and a directory that is not there, and says so', async () => {
  writeFileSync(
    join(directory, 'history.db'),
    'not a database, but long enough to be taken for the beginning of a file'.repeat(100),
  )
  await expect(openHistory({ directory, clock: new ManualClock() })).rejects.toMatchObject({ code: 'storage-corrupt' })
  await expect(openHistory({ directory: join(directory, 'nowhere'), clock: new ManualClock() })).rejects.toMatchObject({
    code: 'data-directory-unusable',
  })
})

test('refuses a file of a newer version and leaves it as it is, its journal too', async () => {
  const first = await started()
  await first.upload(batch(0, run(0)))
  await first.close()
  const file = join(directory, 'history.db')
  const newer = new DatabaseSync(file)
  try {
    newer.exec("PRAGMA wal_autocheckpoint = 0; UPDATE schema_part SET version = 99 WHERE name = 'metrics'")
    // What was written last stands in the journal alone, as after a kill.
    const before = [file, `${file}-wal`].map((path) => readFileSync(path))
    await expect(openHistory({ directory, clock: new ManualClock() })).rejects.toMatchObject({
      code: 'data-directory-newer',
      hint: expect.stringContaining('Start the newer Farwatch again'),
    })
    expect([file, `${file}-wal`].map((path, i) => readFileSync(path).equals(before[i]!))).toEqual([true, true])
  } finally {
    newer.close()
  }
})
