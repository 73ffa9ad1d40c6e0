/** One figure as it is printed: a line of the table. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What must be known to judge it: the load that was there, what was not held. */
  readonly note?: string
}

/** How large the rows with many agents are. What is asked for is the size of the whole bench. */
export interface Size {
  readonly agents: number
  /** Of each agent. */
  readonly tasks: number
  readonly periodMs: number
  /** How long a steady load is watched. */
  readonly minutes: number
  /** Checks a second of a load that is watched for long; undefined for half of what one core is found to hold. */
  readonly rate: number | undefined
  /** Of what is done at random. */
  readonly seed: number
  readonly pair: PairSize
}

/** How a failover pair is measured. */
export interface PairSize {
  readonly tasksPerMinute: number
  /** Each of them by itself. */
  readonly timeoutsMs: readonly number[]
  /** Kills at each timeout; hand-overs are twice as many. */
  readonly repetitions: number
}

/** A row of the bench: what `npm run bench -- NAME` runs. It stops what it starts, also where it fails. */
export interface BenchRow {
  readonly name: string
  readonly about: string
  run(size: Size): Promise<readonly Figure[]>
}

/** The middle of an odd number of values; of an even number, the upper middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? NaN
}

/** The value that `share` of all do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
