import { FarwatchError } from '../base/index.ts'
import {
  isRun,
  outcomes,
  type Facts,
  type GapRecord,
  type JudgedMetric,
  type Labels,
  type RunResult,
  type Sample,
  type UploadBatch,
} from '../model/index.ts'
import { aligned } from './log-format.ts'
import type { SampleDefinition } from './sample-sink.ts'

/**
 * Uploads on their way into the thread that stores them. Objects are dear to copy between threads (about a microsecond each, and a
 * sample is three), while the results of one task carry the same samples again and again. So each task's *layouts* (which series, in
 * which order) are sent once, and of a result only the numbers.
 */
export interface PackedUpload {
  /** Both ends forget the layouts that they know, before those of this upload are added. */
  readonly reset: boolean
  readonly layouts: readonly PackedLayout[]
  /** Layouts that will not be used again. */
  readonly dropped: readonly number[]
  readonly batches: readonly PackedBatch[]
}

export interface PackedLayout {
  readonly number: number
  readonly task: string
  readonly samples: readonly SampleDefinition[]
  /** Which of the samples are not to be kept as series, by index. */
  readonly unkept: readonly number[]
}

export interface PackedBatch {
  readonly agent: string
  readonly spool: string
  readonly from: number
  readonly oldest: number | undefined
  readonly count: number
  /** Columns of the runs, in the batch's order; all columns of an upload lie in one piece of memory. */
  readonly indexes: Int32Array<ArrayBuffer>
  readonly layouts: Int32Array<ArrayBuffer>
  readonly slots: Float64Array<ArrayBuffer>
  readonly startedAt: Float64Array<ArrayBuffer>
  readonly durations: Float64Array<ArrayBuffer>
  readonly codes: Uint8Array<ArrayBuffer>
  /** The samples of all runs, one after the other, as many as the layout of each has. */
  readonly values: Float64Array<ArrayBuffer>
  /** What only some runs have, by index in the batch. */
  readonly notes: readonly (readonly [index: number, note: RunNote])[]
  readonly gaps: readonly (readonly [index: number, gap: GapRecord])[]
}

export interface RunNote {
  readonly reason?: string
  readonly message?: string
  readonly facts?: Facts
}

/** The code of a run: its outcome's place in `outcomes`, and whether the agent was isolated. */
export const isolatedBit = 8

// Bounds beyond what any agent of ours sends. Each protects memory; none is meant to be met.
const bounds = {
  entries: 50_000,
  samplesOfRun: 50_000,
  labels: 64,
  facts: 1_000,
  text: 4_096,
  message: 1_000,
  gapMs: 800 * 86_400_000,
  slot: 2 ** 20 * 3_600_000,
} as const

/** How many layouts a task may have at a time; beyond that the one that was not used for longest goes. */
const layoutsOfTask = 16

/** What is declared of a metric of a task, for samples that do not say it themselves. */
export type Declared = (task: string, metric: string) => JudgedMetric | undefined

/** Whether values are kept as a series, or only pass through the log for those who judge them. Asked once for each layout. */
export type IsKept = (task: string, metric: string, labels: Labels) => boolean

interface Layout {
  readonly number: number
  readonly samples: readonly SampleDefinition[]
}

/** A batch that is to be stored. */
export interface GivenBatch {
  readonly batch: UploadBatch
  /** Tasks whose entries are not stored; their positions count as received all the same. */
  readonly leftOut?: ReadonlySet<string> | undefined
}

/** What of a batch is packed. */
interface Chosen {
  readonly batch: UploadBatch
  readonly runs: readonly RunResult[]
  /** Of the runs, in the batch. */
  readonly indexes: readonly number[]
  readonly gaps: PackedBatch['gaps']
  /** Of all runs. */
  readonly samples: number
}

function choose({ batch, leftOut }: GivenBatch): Chosen {
  const runs: RunResult[] = []
  const indexes: number[] = []
  const gaps: [index: number, gap: GapRecord][] = []
  let samples = 0
  batch.entries.forEach((entry, i) => {
    if (leftOut?.has(entry.task) === true) return
    if (entry.kind === 'gap') gaps.push([i, entry])
    else {
      runs.push(entry)
      indexes.push(i)
      samples += entry.samples.length
    }
  })
  return { batch, runs, indexes, gaps, samples }
}

/** Three columns of eight bytes, two of four and one of one; and the samples. */
function bytesOf({ runs: { length }, samples }: Chosen): number {
  return 8 * (3 * length + samples) + 2 * aligned(4 * length) + aligned(length)
}

/**
 * One piece of memory for the columns of an upload. While V8 marks, each piece that is asked for has the thread mark along for some milliseconds
 * (`Heap::HandleExternalMemoryInterrupt`): with 100,000 tasks that was 190 ms of a turn of 218 (docs/performance.md).
 */
class Columns {
  readonly memory: ArrayBuffer
  #next = 0

  constructor(bytes: number) {
    this.memory = new ArrayBuffer(bytes)
  }

  floats(length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.memory, this.#take(8 * length), length)
  }

  integers(length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory, this.#take(4 * length), length)
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory, this.#take(length), length)
  }

  /** @returns where so many bytes begin */
  #take(bytes: number): number {
    const from = this.#next
    this.#next += aligned(bytes)
    return from
  }
}

/** The near end: checks batches and packs them. Only one upload is under way at a time. */
export class UploadPacker {
  readonly #declared: Declared
  readonly #isKept: IsKept
  readonly #known = new Map<string, Layout[]>()
  #next = 0
  #reset = true
  #layouts: PackedLayout[] = []
  #dropped: number[] = []

  constructor(declared: Declared, isKept: IsKept) {
    this.#declared = declared
    this.#isKept = isKept
  }

  /** After an upload that was not stored, and when the series that layouts stand for may have changed. */
  reset(): void {
    this.#known.clear()
    this.#reset = true
    this.#layouts = []
    this.#dropped = []
  }

  /** @returns what is to be sent, and the memory of all of its columns, which goes along as a whole */
  upload(given: readonly GivenBatch[]): { readonly upload: PackedUpload; readonly memory: ArrayBuffer } {
    const chosen = given.map(choose)
    const columns = new Columns(chosen.reduce((sum, one) => sum + bytesOf(one), 0))
    const batches = chosen.map((one) => this.#pack(one, columns))
    const upload = { reset: this.#reset, layouts: this.#layouts, dropped: this.#dropped, batches }
    this.#reset = false
    this.#layouts = []
    this.#dropped = []
    return { upload, memory: columns.memory }
  }

  #pack({ batch, indexes, runs, gaps, samples }: Chosen, columns: Columns): PackedBatch {
    const { agent, spool, from, oldest, entries } = batch
    const count = runs.length
    const packed = {
      agent,
      spool,
      from,
      oldest,
      count: entries.length,
      slots: columns.floats(count),
      startedAt: columns.floats(count),
      durations: columns.floats(count),
      values: columns.floats(samples),
      indexes: columns.integers(count),
      layouts: columns.integers(count),
      codes: columns.bytes(count),
      gaps,
    }
    const notes: [number, RunNote][] = []
    let next = 0
    runs.forEach((run, i) => {
      packed.indexes[i] = indexes[i]!
      packed.layouts[i] = this.#layoutOf(run)
      packed.slots[i] = run.slot
      packed.startedAt[i] = Math.round(run.startedAt)
      // To the microsecond: what lies below is noise that would take eight bytes to keep.
      packed.durations[i] = Math.round(run.durationMs * 1_000) / 1_000
      packed.codes[i] = outcomes.indexOf(run.outcome) + (run.isolated === true ? isolatedBit : 0)
      for (const { value } of run.samples) packed.values[next++] = value
      if (run.reason === undefined && run.message === undefined && run.facts === undefined) return
      notes.push([
        indexes[i]!,
        {
          ...(run.reason === undefined ? {} : { reason: run.reason }),
          ...(run.message === undefined ? {} : { message: run.message.slice(0, bounds.message) }),
          ...(run.facts === undefined ? {} : { facts: run.facts }),
        },
      ])
    })
    return { ...packed, notes }
  }

  #layoutOf({ task, samples }: RunResult): number {
    let known = this.#known.get(task)
    if (known === undefined) this.#known.set(task, (known = []))
    for (let i = known.length - 1; i >= 0; i--) {
      const layout = known[i]!
      if (!this.#fits(layout.samples, samples)) continue
      if (i < known.length - 1) known.push(...known.splice(i, 1))
      return layout.number
    }
    const layout = {
      number: this.#next++,
      samples: samples.map((sample) => this.#define(task, sample)),
    }
    known.push(layout)
    // This very upload may still use it, so the other end forgets it afterwards.
    if (known.length > layoutsOfTask) this.#dropped.push(known.shift()!.number)
    const unkept = samples.flatMap(({ name, labels }, i) => (this.#isKept(task, name, labels) ? [] : [i]))
    this.#layouts.push({ ...layout, task, unkept })
    return layout.number
  }

  #define(task: string, { name, labels, unit, kind }: Sample): SampleDefinition {
    const declared = this.#declared(task, name)
    const isCounter = (kind ?? declared?.kind) === 'counter'
    return { name, labels, unit: unit ?? declared?.unit ?? '', ...(isCounter ? { kind: 'counter' } : {}) }
  }

  #fits(layout: readonly SampleDefinition[], samples: readonly Sample[]): boolean {
    if (layout.length !== samples.length) return false
    for (let i = 0; i < layout.length; i++) {
      const known = layout[i]!
      const sample = samples[i]!
      if (known.name !== sample.name || !sameLabels(known.labels, sample.labels)) return false
    }
    return true
  }
}

function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true
  let count = 0
  for (const key in a) {
    if (a[key] !== b[key]) return false
    count++
  }
  for (const _ in b) count--
  return count === 0
}

/**
 * Defends the store against batches that no agent of ours makes.
 * @throws FarwatchError `bad-request` with what is wrong and where; nothing of the batch is stored then
 */
export function checkBatch(batch: UploadBatch): void {
  const wrong = (where: string, what: string): never => {
    throw new FarwatchError(
      'bad-request',
      `the upload of agent ${String(batch.agent).slice(0, 100)} is malformed: ${where} ${what}`,
      {
        hint: 'Check that agent and server have versions that go together.',
      },
    )
  }
  const text = (where: string, value: unknown): void => {
    if (typeof value !== 'string' || value.length === 0 || value.length > bounds.text)
      wrong(where, `must be a text of 1 to ${bounds.text} characters`)
  }
  const slot = (where: string, value: unknown): void => {
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) >= bounds.slot)
      wrong(where, 'must be a moment in whole epoch milliseconds')
  }
  if (batch.format !== 1) wrong('format', 'must be 1')
  text('agent', batch.agent)
  text('spool', batch.spool)
  if (!Number.isSafeInteger(batch.from) || batch.from < 0) wrong('from', 'must be a position')
  if (batch.oldest !== undefined && (!Number.isSafeInteger(batch.oldest) || batch.oldest < 0))
    wrong('oldest', 'must be a position')
  if (!Array.isArray(batch.entries) || batch.entries.length > bounds.entries)
    wrong('entries', `must be a list of at most ${bounds.entries}`)
  for (let i = 0; i < batch.entries.length; i++) {
    const entry = batch.entries[i]!
    const where = `entries[${i}]`
    text(`${where}.task`, entry.task)
    if (!outcomes.includes(entry.outcome)) wrong(`${where}.outcome`, `must be one of ${outcomes.join(', ')}`)
    if (entry.kind === 'gap') {
      slot(`${where}.from`, entry.from)
      slot(`${where}.to`, entry.to)
      if (entry.to < entry.from || entry.to - entry.from > bounds.gapMs)
        wrong(`${where}.to`, 'must lie after from, within 800 days')
      if (!Number.isInteger(entry.periodMs) || entry.periodMs < 1) wrong(`${where}.periodMs`, 'must be a period')
      if (isRun(entry.outcome)) wrong(`${where}.outcome`, 'must not be that of a run')
      if (typeof entry.reason !== 'string' || entry.reason.length > bounds.text)
        wrong(`${where}.reason`, 'must be a text')
      continue
    }
    if (entry.kind !== 'run') wrong(`${where}.kind`, 'must be run or gap')
    if (!isRun(entry.outcome)) wrong(`${where}.outcome`, 'must be that of a run')
    slot(`${where}.slot`, entry.slot)
    if (!(entry.startedAt >= 0 && entry.startedAt < bounds.slot)) wrong(`${where}.startedAt`, 'must be a moment')
    if (!(entry.durationMs >= 0 && entry.durationMs < bounds.slot)) wrong(`${where}.durationMs`, 'must be a duration')
    if (entry.facts !== undefined) checkFacts(`${where}.facts`, entry.facts, wrong)
    if (!Array.isArray(entry.samples) || entry.samples.length > bounds.samplesOfRun)
      wrong(`${where}.samples`, `must be a list of at most ${bounds.samplesOfRun}`)
    for (let s = 0; s < entry.samples.length; s++) {
      const sample = entry.samples[s]!
      if (!Number.isFinite(sample.value)) wrong(`${where}.samples[${s}].value`, 'must be a finite number')
      const name: unknown = sample.name
      if (typeof name !== 'string' || name.length === 0 || name.length > bounds.text)
        text(`${where}.samples[${s}].name`, name)
      const labels: unknown = sample.labels
      if (typeof labels !== 'object' || labels === null) wrong(`${where}.samples[${s}].labels`, 'must be an object')
      let count = 0
      for (const key in sample.labels) {
        const label: unknown = sample.labels[key]
        if (
          typeof label !== 'string' ||
          label.length > bounds.text ||
          key.length > bounds.text ||
          ++count > bounds.labels
        )
          wrong(
            `${where}.samples[${s}].labels`,
            `must be at most ${bounds.labels} texts of at most ${bounds.text} characters`,
          )
      }
    }
  }
}

function checkFacts(where: string, facts: unknown, wrong: (where: string, what: string) => never): void {
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) wrong(where, 'must be an object')
  const entries = Object.entries(facts as object)
  const isFact = ([name, value]: [string, unknown]) =>
    name.length <= bounds.text &&
    (typeof value === 'string' ? value.length <= bounds.text : typeof value === 'boolean' || Number.isFinite(value))
  if (entries.length > bounds.facts || !entries.every(isFact))
    wrong(
      where,
      `must be at most ${bounds.facts} texts of at most ${bounds.text} characters, finite numbers, true or false`,
    )
}
