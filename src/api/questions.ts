import type { Coverage, LastSlot, NewestFacts, ResultRow, TaskStatistics } from '../ingest/index.ts'
import type { Aggregation, QueriedPoints, SampleQuery, Series, SeriesFilter, SeriesPage } from '../metrics/index.ts'
import type { Labels, RunResult, Unit } from '../model/index.ts'

/** A stored row of a task; runs with what they measured. */
export type StoredResult = ResultRow & {
  readonly metrics: readonly {
    readonly name: string
    readonly labels: Labels
    readonly value: number
    readonly unit: Unit
  }[]
}

/** What the API asks of results and metrics. */
export interface HistoryQuestions {
  lastSlots(tasks: readonly string[]): Promise<readonly LastSlot[]>
  newestFacts(tasks: readonly string[]): Promise<readonly NewestFacts[]>
  results(
    task: string,
    range: { from: number; to: number; limit?: number },
  ): Promise<{ rows: readonly StoredResult[]; next?: number }>
  coverage(question: { tasks: readonly string[]; from: number; to: number }): Promise<readonly Coverage[]>
  statistics(question: { tasks: readonly string[]; from: number; to: number }): Promise<readonly TaskStatistics[]>
  series(filter: SeriesFilter, page?: { limit?: number; after?: number }): Promise<SeriesPage>
  query(
    question: Omit<SampleQuery, 'agg'> & { readonly agg?: Aggregation; readonly series: readonly number[] },
  ): Promise<readonly { readonly series: Series; readonly agg: Aggregation; readonly points: QueriedPoints }[]>
}

/** What the API asks of those who run tasks. */
export interface AgentQuestions {
  /**
   * Runs a task now, outside of its slots, on the agent that has its connector. `agent`: its id.
   * @throws FarwatchError `not-found`, `overloaded`, `unreachable`, `conflict` where nobody runs it
   */
  runNow(task: string): Promise<{ readonly agent: string; readonly result: RunResult }>
}
