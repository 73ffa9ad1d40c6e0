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
   * A slot of which nothing was heard for so long has ended as `lost`. Shorter than an agent's spool lasts, and slots count as
   * lost whose results still come; longer, and a hole stays unseen longer.
   */
  readonly lostAfterMs: number
}

const dayMs = 86_400_000

export const defaultIngestSettings: IngestSettings = {
  results: { keep: 'all' },
  resultsMs: 30 * dayMs,
  coverageMs: 730 * dayMs,
  lostAfterMs: dayMs,
}

/** A task as the configuration has it now. */
export interface KnownTask {
  readonly id: string
  /** The connector's id: series are bounded by connector. */
  readonly connector: string
  readonly periodMs: number
}
