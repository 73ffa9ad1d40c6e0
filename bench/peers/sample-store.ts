/** What stores samples beside Farwatch's history: the same series, and the same questions through its API. */
import type { Program } from './peer.ts'

/** Values of some series at some moments, as a text for each store that it likes best. */
export interface Piece {
  /** Milliseconds since 1970, ascending. */
  readonly times: readonly number[]
  /** Names of series as Prometheus writes them, `metric_1` of `task-5`, and their values, one for each time. */
  readonly series: readonly { readonly name: string; readonly task: string; readonly values: readonly number[] }[]
}

export interface SampleStore {
  readonly name: string
  readonly programs: readonly Program[]
  /** How it takes samples and how they are counted, in words. */
  readonly does: string
  /** How much of the month it is given in this bench. */
  readonly days: number
  start(): Promise<RunningStore>
}

export interface RunningStore extends AsyncDisposable {
  /** Pieces come in the order of their time; the next may come before the last was taken. */
  take(piece: Piece): Promise<void>
  /** Resolves when all that was taken is stored and the work that follows from it has ended. @returns CPU that all of it took so far */
  settled(): Promise<number>
  /** Brings what it holds into the form that it keeps over time. @returns bytes on the disk, all included */
  packed(): Promise<number>
  /** Asks for all values of a series. @returns how many came */
  values(series: { readonly name: string; readonly task: string }, from: number, to: number): Promise<number>
  /** Asks for means of all series of a name; `to - from` is a multiple of the step. @returns how many series came */
  means(name: string, from: number, to: number, stepMs: number): Promise<number>
}
