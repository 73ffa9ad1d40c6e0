/** Which results are kept row by row. Coverage and statistics count every run whatever is chosen here. */
export type ResultsToKeep =
  | { readonly keep: 'all' }
  | { readonly keep: 'statistics only' }
  | { readonly keep: 'longer than'; readonly ms: number }

export interface IngestSettings {
  /** All results take about 3 bytes a run without a message. With fewer, `GET /tasks/{id}/results` shows fewer. */
  readonly results: ResultsToKeep
  /** How long results are kept. */
  readonly resultsMs: number
  /** How long the coverage ledger and the monitor statistics are kept. */
  readonly coverageMs: number
  /**
   * A slot of which nothing was heard for so long counts as `lost`. It is worked out for each question and stored nowhere, so that a result
   * which comes after all, out of the spool of an agent that was cut off, takes its place. Too short, and runs that are under way count as
   * lost for a moment; too long, and the hole that a lost agent left stays unseen.
   */
  readonly lostAfterMs: number
}

const dayMs = 86_400_000

export const defaultIngestSettings: IngestSettings = {
  results: { keep: 'all' },
  resultsMs: 30 * dayMs,
  coverageMs: 730 * dayMs,
  lostAfterMs: 300_000,
}

/** A task as the configuration has it now. */
export interface KnownTask {
  readonly id: string
  /** The connector's id: series are bounded by connector. */
  readonly connector: string
  readonly periodMs: number
}
