import type { Connection } from '../contract/index.ts'
import type { Distribution } from '../distribution/index.ts'
import type { Coverage, LastSlot, NewestFacts, ResultRow, RunStatistics, Stretch } from '../ingest/index.ts'
import type { Aggregation, Grid, SampleQuery, Series, SeriesFilter, SeriesPage } from '../metrics/index.ts'
import type { Hello, Registry, ReportedStatus } from '../link/index.ts'
import type { AssignedConnector, Discovered, Labels, RunResult, Slot, Unit, Wanted } from '../model/index.ts'

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
  outcomes(
    task: string,
    range: { from: number; to: number },
  ): Promise<{ readonly stretches: readonly Stretch[]; readonly late: readonly Slot[] }>
  /** Added up by the name that `by` gives to each task, or by agent. */
  statistics(question: {
    tasks: readonly string[]
    from: number
    to: number
    by: 'agent' | ((task: string) => string)
  }): Promise<readonly RunStatistics[]>
  series(filter: SeriesFilter, page?: { limit?: number; after?: number }): Promise<SeriesPage>
  /** `json`: the list of points of each as `GET /metrics/query` shows them, in UTF-8. */
  query(
    question: Omit<SampleQuery, 'agg'> & { readonly agg?: Aggregation; readonly series: readonly number[] },
  ): Promise<readonly { readonly series: Series; readonly agg: Aggregation; readonly json: Uint8Array }[]>
  /** In the order asked for. @throws FarwatchError `not-found` for a number that no series has */
  seriesNumbered(numbers: readonly number[]): Promise<readonly Series[]>
  /** `json`: the members `value`, `min` and `max` of each, lists along the grid, as the inside of an object in UTF-8. */
  chart(
    question: Omit<SampleQuery, 'agg' | 'step'> & {
      readonly agg?: Aggregation
      readonly series: readonly number[]
      readonly grid: Grid
    },
  ): Promise<readonly { readonly series: Series; readonly agg: Aggregation; readonly json: Uint8Array }[]>
}

/** What an agent has said since this server was started. */
export interface SeenAgent {
  /** With its last poll; undefined before the first. */
  readonly status: ReportedStatus | undefined
  /** Digest of the declaration of each monitor that it has. */
  readonly monitors: Hello['monitors']
  readonly machine: Hello['machine']
  /** Version of the messages; undefined for the server's own agent. */
  readonly protocol: number | undefined
  /** Ids of monitors of the library that it has not. */
  readonly lacks: readonly string[]
}

/** What the API asks of those who run tasks. */
export interface AgentQuestions {
  /**
   * Runs a task now, outside of its slots, on the agent that has its connector. `agent`: its id.
   * @throws FarwatchError `not-found`, `overloaded`, `unreachable`, `conflict` where nobody runs it
   */
  runNow(task: string): Promise<{ readonly agent: string; readonly result: RunResult }>
}

/** A look at a host that need not be configured. */
export interface DiscoveryQuestions {
  /** What is at a host, as an agent sees it that may run the group; nothing is kept. @throws as `check` of CheckQuestions */
  discover(
    group: string,
    host: string,
    wanted: string | undefined,
  ): Promise<{ readonly agent: string; readonly discovered: Discovered }>
}

/** A run by hand of something that need not be configured. */
export interface CheckQuestions {
  /**
   * Runs a monitor once from an agent that may run the group; nothing is kept. `wanted`: the agent's name; undefined for any.
   * @throws FarwatchError `not-found`, `conflict` where no such agent is there, `unreachable`, `overloaded`
   */
  check(
    group: string,
    order: {
      readonly monitor: string
      readonly settings: Readonly<Record<string, unknown>>
      readonly connector: Omit<AssignedConnector, 'id' | 'group'>
      readonly timeoutMs: number
      readonly wants?: Wanted
    },
    wanted: string | undefined,
  ): Promise<{ readonly agent: string; readonly result: RunResult }>
}

/** What the API asks of a server about its agents. */
export interface FleetQuestions extends AgentQuestions {
  readonly registry: Registry
  readonly distribution: Distribution
  /** Id of the server's own agent; undefined where it has none. */
  readonly localId: string | undefined
  /** @returns undefined for one that has not spoken since this server was started */
  seen(id: string): SeenAgent | undefined
  /**
   * The newest lines of an agent's log, through its own connection; of the server's own, from here.
   * @throws FarwatchError `unreachable`, `conflict` with what the agent said
   */
  logs(id: string, maxBytes: number, onText: (text: string) => void, signal: AbortSignal): Promise<void>
  /** Resolves when the agent signs with its new key. @throws FarwatchError `unreachable`, `conflict` */
  rekey(id: string): Promise<void>
}

/** What the API asks of an agent about its server. */
export interface ConnectionQuestions {
  connection(): Connection
}
