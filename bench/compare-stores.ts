/** Farwatch's history beside stores of samples: the same kind of values, and the same questions. */
import { seededRandom } from '../src/base/index.ts'
import { reasonOf, type CompareRow, type Line } from './compare-row.ts'
import { askedMs, withMonth } from './history.ts'
import { provide } from './peers/programs.ts'
import { prometheus } from './peers/prometheus.ts'
import type { Piece, RunningStore, SampleStore } from './peers/sample-store.ts'
import { victoriaMetrics } from './peers/victoria-metrics.ts'
import { median } from './row.ts'
import { ingestCost, sources } from './store.ts'

const stores: readonly SampleStore[] = [victoriaMetrics, prometheus]
const names = stores.map(({ name }) => name)
const minuteMs = 60_000
const dayMs = 86_400_000
const seriesCount = 1_000
/** A whole number of the blocks that Prometheus' tool makes, 54 hours: each of them is one pass over its input. */
const begin = 9_100 * 54 * 3_600_000
const ingestMinutes = 1_500
const minutesAPiece = 30
/** Ten series to a task; this one of a hundred tasks is noise. */
const noise = { name: 'metric_1', task: 'task-52' }

/** Pieces of so many minutes, as long as they are asked for. */
function* pieces(minutes: number, minutesEach: number): Generator<Piece> {
  const measures = sources(seriesCount, seededRandom(2))
  for (let minute = 0; minute < minutes; minute += minutesEach) {
    const times = Array.from({ length: minutesEach }, (_, i) => begin + (minute + i) * minuteMs)
    const series = measures.map((next, i) => ({
      name: `metric_${i % 10}`,
      task: `task-${Math.floor(i / 10)}`,
      values: times.map(next),
    }))
    yield { times, series }
  }
}

async function fill(store: RunningStore, minutes: number, minutesEach: number): Promise<number> {
  // The next piece is made while the last is taken.
  let taking = Promise.resolve()
  for (const piece of pieces(minutes, minutesEach)) {
    await taking
    taking = store.take(piece)
  }
  await taking
  return (await store.settled()) / (minutes * seriesCount)
}

/** CPU microseconds a value, in a store of its own. */
async function theirIngestUs(store: SampleStore): Promise<number> {
  await using running = await store.start()
  return 1_000 * (await fill(running, ingestMinutes, 1))
}

async function compareIngest(wanted: readonly SampleStore[], rounds: number): Promise<readonly Line[]> {
  const work = 'ingest, a minute of 1,000 series at a time: CPU for each value'
  const own: number[] = []
  const seen = wanted.map((store) => ({ store, us: [] as number[], failed: undefined as string | undefined }))
  for (let round = 0; round < rounds; round++) {
    own.push((await ingestCost(ingestMinutes))[0]!.value)
    for (const one of seen) {
      if (one.failed !== undefined) continue
      try {
        provide(one.store.programs)
        one.us.push(await theirIngestUs(one.store))
      } catch (thrown) {
        one.failed = reasonOf(thrown)
      }
    }
  }
  return seen.map(({ store: { name, does }, us, failed }) =>
    failed !== undefined
      ? { is: 'not seen', work, peer: name, reason: failed }
      : {
          is: 'seen',
          work,
          peer: name,
          unit: 'us',
          own: median(own),
          theirs: median(us),
          wanted: '1.4 us',
          note: `ours durable when answered, with results, roll-ups and ledger; theirs: ${does}`,
        },
  )
}

interface Answers {
  readonly dayMs: readonly number[]
  readonly monthMs: readonly number[]
}

/** Asks Farwatch and the store in turn. */
async function askInTurn(
  rounds: number,
  own: () => Promise<readonly number[]>,
  theirs: () => Promise<readonly number[]>,
): Promise<{ readonly own: Answers; readonly theirs: Answers }> {
  const seen = { own: [] as (readonly number[])[], theirs: [] as (readonly number[])[] }
  for (let round = 0; round < rounds; round++) {
    seen.own.push(await own())
    seen.theirs.push(await theirs())
  }
  const answers = (all: readonly (readonly number[])[]) => ({
    dayMs: all.map(([day]) => day!),
    monthMs: all.map(([, month]) => month!),
  })
  return { own: answers(seen.own), theirs: answers(seen.theirs) }
}

async function theirAnswers(store: RunningStore, days: number): Promise<readonly number[]> {
  const end = begin + days * dayMs
  // As many means as ours gives of each series.
  const stepMs = (days * dayMs) / 10
  return [
    await askedMs(31, () => store.values(noise, end - 2 * dayMs, end - dayMs)),
    await askedMs(11, () => store.means(noise.name, begin, end, stepMs)),
  ]
}

function compareMonth(wanted: readonly SampleStore[], rounds: number): Promise<readonly Line[]> {
  return withMonth(async ({ rows, ask }) => {
    const lines: Line[] = []
    const ours = rows[0]!.value
    const ownAnswers = async () => (await ask()).map(({ value }) => value)
    for (const store of wanted) {
      const { name: peer, days, does } = store
      try {
        provide(store.programs)
        await using running = await store.start()
        const minutes = (days * dayMs) / minuteMs
        await fill(running, minutes, minutesAPiece)
        const bytes = (await running.packed()) / (minutes * seriesCount)
        const answers = await askInTurn(rounds, ownAnswers, () => theirAnswers(running, days))
        const held = days === 30 ? '' : `it holds ${days} days; `
        const figures = [
          {
            work: 'a sample on the disk, all included',
            unit: 'B',
            own: ours,
            theirs: bytes,
            wanted: '1.3 B',
            note: held + does,
          },
          {
            work: '24 h of one series through the API',
            unit: 'ms',
            own: median(answers.own.dayMs),
            theirs: median(answers.theirs.dayMs),
            wanted: '1.5 ms',
            note: `${await running.values(noise, begin, begin + dayMs)} points`,
          },
          {
            work: '30-day mean of 100 series through the API',
            unit: 'ms',
            own: median(answers.own.monthMs),
            theirs: median(answers.theirs.monthMs),
            wanted: '40 ms',
            note: `${held}means of a tenth of the time, one request`,
          },
        ]
        lines.push(...figures.map((figure) => ({ is: 'seen', peer, ...figure }) satisfies Line))
      } catch (thrown) {
        lines.push({ is: 'not seen', work: 'a month of 1,000 series', peer, reason: reasonOf(thrown) })
      }
    }
    return lines
  })
}

function chosen(wanted: readonly string[]): readonly SampleStore[] {
  return stores.filter(({ name }) => wanted.includes(name))
}

export const compareStoreRows: readonly CompareRow[] = [
  {
    name: 'ingest',
    about: 'CPU for each value that is stored',
    peers: names,
    run: ({ peers, rounds }) => compareIngest(chosen(peers), rounds),
  },
  {
    name: 'month',
    about: 'a month of 1,000 series: bytes a sample, questions through the API',
    peers: names,
    run: ({ peers, rounds }) => compareMonth(chosen(peers), rounds),
  },
]
