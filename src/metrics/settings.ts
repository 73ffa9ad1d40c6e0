/** How long metrics are kept, and how many series may come into being. */
export interface MetricSettings {
  /** How long every sample is kept. Longer takes disk: about 1 to 3 bytes a sample. Shorter coarsens charts of the past sooner. At least a day. */
  readonly rawMs: number
  /** How long minimum, maximum, mean and count of each 5 minutes are kept. */
  readonly fiveMinutesMs: number
  /** How long those of each hour are kept. A series without any is forgotten. */
  readonly hoursMs: number
  /**
   * How many series one connector may have that had a sample within two days. Too small, and large systems lose items; too large, and one
   * label with a value that never repeats (a process id, a request id) fills memory and disk.
   */
  readonly seriesPerConnector: number
}

const dayMs = 86_400_000

export const defaultMetricSettings: MetricSettings = {
  rawMs: 30 * dayMs,
  fiveMinutesMs: 180 * dayMs,
  hoursMs: 730 * dayMs,
  seriesPerConnector: 10_000,
}
