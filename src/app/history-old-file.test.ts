import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { defaultIngestSettings } from '../ingest/index.ts'
import { defaultMetricSettings } from '../metrics/index.ts'
import { slotFrom } from '../model/index.ts'
import { queriedPoints } from '../../test/support/queried-points.ts'
import { openHistory, type History } from './history.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const periodMs = hourMs / 2
const begin = Date.UTC(2026, 0, 1)
const end = begin + 24 * dayMs + 2 * hourMs
/** Of the days before, the file has roll-ups alone: it was written with samples kept for 20 days. */
const rawFrom = begin + 4 * dayMs

const kept = 400 * dayMs
const settings = {
  ingest: { ...defaultIngestSettings, resultsMs: kept, coverageMs: kept },
  metrics: { ...defaultMetricSettings, rawMs: kept, fiveMinutesMs: kept, hoursMs: kept },
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-history-old-'))
  // Written by the version before days stood in long rows: one task every half hour with a constant, a counter and noise.
  const file = readFileSync(new URL('../../test/files/history-rows-by-day.db.gz', import.meta.url))
  writeFileSync(join(directory, 'history.db'), gunzipSync(file))
})
afterEach(() => rmSync(directory, { recursive: true }))

async function answers(history: History) {
  const { series } = await history.series({})
  const ask = (from: number, step?: number) =>
    history.query({
      series: series.map(({ number }) => number),
      from,
      to: end,
      agg: 'avg',
      ...(step === undefined ? {} : { step }),
    })
  return {
    samples: await ask(begin),
    hours: await ask(begin, hourMs),
    days: await ask(begin, 5 * dayMs),
    results: await history.results('task', { from: end - 20 * dayMs, to: end, limit: 1_000 }),
    coverage: await history.coverage({ tasks: ['task'], from: begin, to: end }),
  }
}

/** A mean of samples and one of roll-ups, whose sums are kept with twelve digits, differ in their last bit. */
function rounded({ hours, days, ...rest }: Awaited<ReturnType<typeof answers>>) {
  const round = (queried: typeof hours) =>
    queried.map((one) => {
      const points = queriedPoints(one)
      return { series: one.series, ...points, values: points.values.map((value) => value.toFixed(9)) }
    })
  return { ...rest, hours: round(hours), days: round(days) }
}

test('a history of rows by day answers as before while it is taken over into rows of many days, and after that', async () => {
  const clock = new ManualClock(end)
  const history = await openHistory({ directory, clock, settings })
  const before = await answers(history)
  for (let day = 0; day < 3; day++) {
    clock.advance(dayMs)
    await history.settle()
  }
  const after = await answers(history)
  await history.close()

  const slots: number[] = []
  for (let slot = slotFrom('task', periodMs, begin); slot < end; slot += periodMs) slots.push(slot)
  const numbered = slots.map((slot) => ({ slot, n: Math.round((slot - begin) / periodMs) }))
  const raw = numbered.filter(({ slot }) => slot >= rawFrom)
  const rawOf = ({ samples }: typeof before) =>
    samples.map((one) => {
      const { times, values } = queriedPoints(one)
      return values.filter((_, i) => times[i]! >= rawFrom)
    })
  expect(rounded(after)).toEqual(rounded(before))
  expect({
    values: rawOf(after),
    runs: after.results.rows.flatMap((row) => (row.kind === 'run' ? [[row.slot, row.startedAt, row.durationMs]] : [])),
  }).toEqual({
    values: [raw.map(() => 42), raw.map(({ n }) => n * 7 + (n % 5)), raw.map(({ n }) => ((n * 7919) % 100_003) / 1000)],
    runs: numbered
      .filter(({ slot }) => slot >= end - 20 * dayMs)
      .map(({ slot, n }) => [slot, slot + (n % 3), ((n * 37) % 1000) / 8]),
  })

  using file = new DatabaseSync(join(directory, 'history.db'), { readOnly: true })
  const left = ['sample_hour', 'sample_day', 'rollup_5m', 'rollup_1h', 'result_part'].map(
    (table) => file.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'],
  )
  expect(left).toEqual([0, 0, 0, 0, 0])
})
