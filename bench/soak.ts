/**
 * Whether anything grows while nothing changes: a standalone instance at half of what one core holds, for as long as is asked for.
 * `npm run bench -- soak --minutes 30`; `--rate` spares the search for what a core holds.
 */
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'
import { ownMetric } from './agents.ts'
import { loads, mixedDocument, withServer } from './load.ts'
import { loopFigures, type Delays } from './loop.ts'
import type { ProcessUse } from './process-tree.ts'
import { sleep, type BenchRow, type Figure, type Size } from './row.ts'
import { heldBy } from './search.ts'
import { Watched } from './watch-load.ts'

const periodMs = 5_000
const sampleMs = 10_000
const samplesALine = 6
const steps = 4
const hourMs = 3_600_000
const mebibyte = 1024 ** 2

/** What there is at one moment. */
interface Sample {
  readonly at: number
  /** Of all processes, shared pages once. */
  readonly ownBytes: number
  readonly residentBytes: number
  readonly handles: number
  readonly threads: number
  readonly spoolBytes: number
  readonly walBytes: number
  /** The data directory, spool and WAL included. */
  readonly diskBytes: number
  readonly cpuMs: number
  /** Values stored since the start. */
  readonly values: number
  readonly results: number
}

/** What a directory holds by kind. Files that go while it is read are left out. */
function diskOf(directory: string): Pick<Sample, 'spoolBytes' | 'walBytes' | 'diskBytes'> {
  const sum = { spoolBytes: 0, walBytes: 0, diskBytes: 0 }
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const found = statSync(join(directory, name), { throwIfNoEntry: false })
    if (found?.isFile() !== true) continue
    // What is allocated: a log that was cut in the middle says nothing by its length.
    const bytes = found.blocks * 512
    sum.diskBytes += bytes
    if (name.startsWith(`spool${sep}`)) sum.spoolBytes += bytes
    if (name.endsWith('-wal')) sum.walBytes += bytes
  }
  return sum
}

async function sampleOf({ instance }: Watched, tree: readonly ProcessUse[]): Promise<Sample> {
  const sum = (of: (use: ProcessUse) => number) => tree.reduce((total, use) => total + of(use), 0)
  return {
    at: Date.now(),
    ownBytes: sum(({ ownBytes }) => ownBytes),
    residentBytes: sum(({ residentBytes }) => residentBytes),
    handles: sum(({ handles }) => handles),
    threads: sum(({ threads }) => threads),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    ...diskOf(instance.data),
    values: await ownMetric(instance, 'farwatch_samples_stored_total'),
    results: await ownMetric(instance, 'farwatch_results_stored_total'),
  }
}

/** By how much y grows for each x, by least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x0, y0] = [mean(([x]) => x), mean(([, y]) => y)]
  const above = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0)
  return above / points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** How one of them went: growth in percent of its mean each hour over the last two thirds, and how it began, ended and was at most. */
function course(
  name: string,
  samples: readonly Sample[],
  of: (sample: Sample) => number,
  unit: { readonly name: string; readonly of: number; readonly digits: number },
): Figure {
  const settled = samples.slice(Math.floor(samples.length / 3))
  const average = mean(settled.map(of))
  const perHour = slope(settled.map((sample) => [sample.at, of(sample)])) * hourMs
  const shown = (value: number) => (value / unit.of).toFixed(unit.digits)
  const minute = samplesALine
  const [start, end] = [mean(samples.slice(0, minute).map(of)), mean(samples.slice(-minute).map(of))]
  return {
    name: `soak, ${name}: growth`,
    value: average === 0 ? 0 : (100 * perHour) / average,
    unit: '%/h',
    note: `${shown(start)} in the first minute, ${shown(end)} in the last, ${shown(Math.max(...samples.map(of)))} at most${unit.name}; ${shown(perHour)} an hour`,
  }
}

const inMebibytes = { name: ' MiB', of: mebibyte, digits: 2 }
const inPieces = { name: '', of: 1, digits: 0 }
const inBytes = { name: ' B', of: 1, digits: 2 }

function documentOf(rate: number, port: number): object {
  const half = Math.round((rate * periodMs) / 2_000)
  return mixedDocument(
    [
      { load: loads['http-new'], tasks: half, period: `${periodMs}ms` },
      { load: loads.tcp, tasks: half, period: `${periodMs}ms` },
    ],
    port,
  )
}

/** Half of what an instance holds that is pinned to the last core. */
async function halfOfOneCore(port: number): Promise<number> {
  await using watched = await Watched.start({
    wrap: ['taskset', '-c', String(availableParallelism() - 1)],
    settings: { parallelTasks: 1_000, parallelPerTarget: 1_000 },
  })
  const { rate } = await heldBy(watched, steps, (wanted) =>
    watched.carryDocument(documentOf(wanted, port), periodMs, 2_000),
  )
  console.log(`one core holds ${rate} checks a second, half of them HTTP with new connections, half TCP`)
  return Math.round(rate / 2)
}

function line(samples: readonly Sample[], coverage: number | null, loop: Delays): string {
  const now = samples.at(-1)!
  const before = samples.at(-samplesALine) ?? samples[0]!
  const bytes = (value: number) => `${(value / mebibyte).toFixed(1)} MiB`
  const seconds = (now.at - before.at) / 1_000
  return [
    new Date(now.at).toISOString(),
    `memory ${bytes(now.ownBytes)}`,
    `handles ${now.handles}`,
    `threads ${now.threads}`,
    `spool ${bytes(now.spoolBytes)}`,
    `WAL ${bytes(now.walBytes)}`,
    `disk ${bytes(now.diskBytes)}, ${(now.diskBytes / now.values).toFixed(2)} B a value`,
    `${((now.results - before.results) / seconds).toFixed(0)} results a second`,
    `${((now.cpuMs - before.cpuMs) / 1_000 / seconds).toFixed(2)} cores`,
    `loop at most ${loop.maxMs.toFixed(0)} ms late`,
    `coverage ${coverage === null ? 'none' : `${(100 * coverage).toFixed(3)} %`}`,
  ].join(', ')
}

async function soak({ minutes, rate: given }: Size): Promise<readonly Figure[]> {
  return withServer(async (port) => {
    const rate = given ?? (await halfOfOneCore(port))
    await using watched = await Watched.start({ loop: true })
    const { instance } = watched
    await watched.carryDocument(documentOf(rate, port), periodMs)
    const from = Date.now()
    const coverageUntil = async (to: number) =>
      instance.call('showCoverage', { query: { group: 'bench', from: String(from), to: String(to) } })
    const samples: Sample[] = [await sampleOf(watched, watched.processes())]
    // A slot may wait for half a period, and its result takes a moment to be stored.
    const lag = periodMs / 2 + 1_500
    for (const end = from + minutes * 60_000; Date.now() < end;) {
      await sleep(Math.max(0, samples.at(-1)!.at + sampleMs - Date.now()))
      samples.push(await sampleOf(watched, watched.processes()))
      if (samples.length % samplesALine !== 0) continue
      const to = Date.now()
      const [{ share }, loop] = [await coverageUntil(to - lag), await watched.delays(to - 60_000, to)]
      console.log(line(samples, share, loop))
    }
    const to = Date.now()
    await sleep(lag)
    return [...figures(samples, rate, await coverageUntil(to)), ...loopFigures('soak', await watched.delays(from, to))]
  })
}

function figures(
  samples: readonly Sample[],
  rate: number,
  { share, outcomes }: { readonly share: number | null; readonly outcomes: Readonly<Record<string, number>> },
): readonly Figure[] {
  const [first, last] = [samples[0]!, samples.at(-1)!]
  const settled = samples.slice(Math.floor(samples.length / 3))
  const results = last.results - first.results
  const others = Object.entries(outcomes).filter(([outcome, count]) => outcome !== 'ran' && count > 0)
  return [
    {
      name: 'soak, results stored',
      value: (1_000 * results) / (last.at - first.at),
      unit: '/s',
      note: `${rate} fall due, ${results} in ${((last.at - first.at) / 60_000).toFixed(1)} minutes, ${samples.length} samples`,
    },
    {
      name: 'soak, coverage',
      value: 100 * (share ?? 0),
      unit: '%',
      ...(others.length === 0 ? {} : { note: others.map(([outcome, count]) => `${count} ${outcome}`).join(', ') }),
    },
    { name: 'soak, CPU for each check', value: (last.cpuMs - first.cpuMs) / results, unit: 'ms' },
    course('memory, shared pages once', samples, ({ ownBytes }) => ownBytes, inMebibytes),
    course('RSS, all processes', samples, ({ residentBytes }) => residentBytes, inMebibytes),
    course('open handles', samples, ({ handles }) => handles, inPieces),
    course('threads', samples, ({ threads }) => threads, inPieces),
    course('spool', samples, ({ spoolBytes }) => spoolBytes, inMebibytes),
    course('WAL', samples, ({ walBytes }) => walBytes, inMebibytes),
    course('disk for each value stored', samples, ({ diskBytes, values }) => diskBytes / values, inBytes),
    {
      name: 'soak, disk for each further value',
      value: slope(settled.map(({ values, diskBytes }) => [values, diskBytes])),
      unit: 'B',
      note: `${(last.diskBytes / mebibyte).toFixed(1)} MiB for ${last.values} values at the end`,
    },
  ]
}

export const soakRow: BenchRow = {
  name: 'soak',
  about: 'whether memory, handles, spool, WAL and disk are flat at half of what one core holds (--minutes 30, --rate)',
  run: soak,
}
