import type { Labels, Unit } from '../model/index.ts'

/** What tells one series of a task from another, and what its values are. */
export interface SampleDefinition {
  readonly name: string
  readonly labels: Labels
  readonly unit: Unit
  /** Absent: a gauge. */
  readonly kind?: 'counter'
}

/** Series that are new, and those whose kind changed. */
export interface SeriesChanges {
  readonly series: readonly (SampleDefinition & {
    readonly number: number
    readonly task: string
    readonly connector: string
    readonly lastAt: number
  })[]
  readonly kinds: readonly { readonly number: number; readonly kind: 'gauge' | 'counter' }[]
}

/**
 * Where ingest puts samples, as much of it as ingest needs to know. It shares ingest's connection, so that what it writes within
 * ingest's transactions is stored with them or not at all.
 */
export interface SampleSink {
  /** The numbers of series; new ones are staged. -1: the samples of this one are not stored. */
  resolve(
    task: string,
    connector: string,
    definitions: readonly SampleDefinition[],
    at: number,
  ): Int32Array<ArrayBuffer>
  /** Counts samples for which `resolve` gave no number because there are too many. */
  refuse(connector: string, samples: number): void
  /** Writes staged series; called in the transaction that stores their first samples. */
  storeStaged(): void
  /** The transaction was committed. */
  keepStaged(): void
  /** The transaction was not committed: staged series never were. */
  dropStaged(): void
  /** Takes samples that are durable in the log; those with a number below 0 have no series and are passed over. */
  append(at: number, series: Int32Array, values: Float64Array): void
  definition(number: number): SampleDefinition | undefined
  /** What `storeStaged` writes. */
  staged(): SeriesChanges
  /** Writes series as another server has them, under its numbers; called in a transaction. @returns what is to be called after its commit */
  adopt(changes: SeriesChanges, gone: readonly number[]): () => void
}
