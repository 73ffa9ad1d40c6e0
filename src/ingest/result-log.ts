import type { SpoolEntry } from '../model/index.ts'

/** An entry that counted. `late`: it arrived after a newer slot of its task, or long after its time. */
export type StoredEntry = SpoolEntry & { readonly late?: true }

/** What one upload added. Repeats are left out. */
export interface StoredBatch {
  /** Its place in the log; grows by one from batch to batch. */
  readonly position: number
  /** Server time of storing, epoch milliseconds. */
  readonly at: number
  readonly agent: string
  readonly entries: readonly StoredEntry[]
}

/**
 * Everything that counted, in the order in which it was stored, for those who act on results: alarms, feeds of metrics.
 *
 * A consumer keeps the position it has worked off together with what it did. After a start it reads from there on, then
 * listens. `onStored` calls come in order, once a batch is durable, and may overlap with what `read` returns: compare positions.
 * A batch stays until `release` says that no consumer needs it; with several consumers the owner of the log passes on the least.
 */
export interface ResultLog {
  /** The position of the newest batch; 0 before the first. */
  position(): number
  /** Up to `limit` batches after a position, in order. Empty at the end. */
  read(after: number, limit: number): Promise<readonly StoredBatch[]>
  /** @returns ends the listening */
  onStored(listener: (batch: StoredBatch) => void): () => void
  /** Consumers need nothing at or below this position any more. */
  release(upTo: number): void
}
