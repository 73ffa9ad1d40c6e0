import type { GapRecord } from '../model/index.ts'
import type { RunNote } from './packed-upload.ts'
import type { SampleDefinition } from './sample-sink.ts'

/**
 * A row of the log: what one batch added, in few large pieces so that writing takes next to nothing for each value.
 *
 *   version (1 byte) · length of the head (4 bytes) · head as JSON · padding to 8 bytes · columns of the runs · columns of the samples
 *
 * Columns are little-endian, as every machine that Node 24 runs on. Tasks and series stand as their numbers, which were stored in the
 * same transaction or before.
 */
const version = 1

export interface LogRow {
  readonly at: number
  readonly agent: string
  readonly spool: string
  /** The positions of the spool that are settled with this row. */
  readonly from: number
  readonly count: number
  readonly runs: LoggedRuns
  readonly gaps: readonly LoggedGap[]
  /** By index of run. */
  readonly notes: readonly (readonly [run: number, note: RunNote])[]
  /** What samples without a series are: such as no rule keeps, or as were too many. */
  readonly loose: readonly SampleDefinition[]
}

export interface LoggedGap {
  readonly task: number
  readonly gap: Omit<GapRecord, 'task' | 'kind'>
  readonly late: boolean
  /** Before which run of the batch it stood: the order of entries is kept for consumers. */
  readonly before: number
}

export interface LoggedRuns {
  readonly count: number
  readonly tasks: Float64Array<ArrayBuffer>
  readonly slots: Float64Array<ArrayBuffer>
  readonly startedAt: Float64Array<ArrayBuffer>
  readonly durations: Float64Array<ArrayBuffer>
  /** Outcome, isolated, late. */
  readonly codes: Float64Array<ArrayBuffer>
  /** Where the samples of each run begin; one more than there are runs. */
  readonly samplesFrom: Float64Array<ArrayBuffer>
  readonly values: Float64Array<ArrayBuffer>
  /** Below 0: `loose` of the row has the definition, -1 being its first. */
  readonly series: Int32Array<ArrayBuffer>
}

export const lateBit = 16

interface Head extends Omit<LogRow, 'runs'> {
  readonly runs: number
  readonly samples: number
}

/** So many bytes and what is missing to a multiple of eight, at which views of doubles must begin. */
export const aligned = (bytes: number) => 8 * Math.ceil(bytes / 8)

export function encodeLogRow({ runs, ...rest }: LogRow): Uint8Array {
  const json = Buffer.from(JSON.stringify({ ...rest, runs: runs.count, samples: runs.values.length } satisfies Head))
  const begin = aligned(5 + json.length)
  const columns = [runs.tasks, runs.slots, runs.startedAt, runs.durations, runs.codes, runs.samplesFrom, runs.values]
  const bytes = new Uint8Array(columns.reduce((sum, column) => sum + column.byteLength, begin) + runs.series.byteLength)
  bytes[0] = version
  new DataView(bytes.buffer).setUint32(1, json.length)
  bytes.set(json, 5)
  let at = begin
  for (const column of [...columns, runs.series]) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
    at += column.byteLength
  }
  return bytes
}

/** @throws RangeError where it is no row of this version */
export function decodeLogRow(stored: Uint8Array): LogRow {
  if (stored[0] !== version) throw new RangeError(`a row of the log has version ${stored[0]}, which cannot be read`)
  // A copy of its own, for what is `aligned`.
  const bytes = stored.slice()
  const length = new DataView(bytes.buffer).getUint32(1)
  // Written by `encodeLogRow`, in one transaction with everything it refers to.
  const { runs: count, samples, ...rest } = JSON.parse(Buffer.from(bytes.buffer, 5, length).toString()) as Head
  let at = aligned(5 + length)
  const column = (items: number) => {
    const doubles = new Float64Array(bytes.buffer, at, items)
    at += doubles.byteLength
    return doubles
  }
  const runs = {
    count,
    tasks: column(count),
    slots: column(count),
    startedAt: column(count),
    durations: column(count),
    codes: column(count),
    samplesFrom: column(count + 1),
    values: column(samples),
  }
  return { ...rest, runs: { ...runs, series: new Int32Array(bytes.buffer, at, samples) } }
}
