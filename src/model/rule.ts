import type { Severity } from './severity.ts'

/**
 * One row of a surveillance table as people write it, in the configuration document and as the default of a monitor.
 * `checkRules` turns rows into `Rule`s, or says what is wrong with them.
 */
export interface RuleDocument {
  /** Names the row; without one its metric and place do. */
  readonly name?: string
  /** The metric it judges, or `failed`: 1 for a run that could not measure, else 0. Matcher grammar: `queue_*`. */
  readonly metric: string
  /** Which items it takes, by label: `{ mount: "/var*" }`. Matcher grammar; no entry takes everything. */
  readonly items?: Readonly<Record<string, string | readonly string[]>>
  /** `{ WARNING: "> 80%", CRITICAL: "> 2s" }`. The worst one that is met counts. */
  readonly thresholds?: Partial<Record<Severity, string>>
  /** The breach must last this long before it raises: `1m`. */
  readonly for?: string
  /** …or must be seen in n of the last m runs: `3 of 5`. */
  readonly of?: string
  readonly clear?: {
    /** So many good runs in a row clear it. Default 1. */
    readonly after?: number
    /** How far the value must come back past the threshold before a run counts as good: `5%`, `200ms`. */
    readonly hysteresis?: string
  }
  /** Raises where no value came for so long. */
  readonly noData?: { readonly after: string; readonly severity: Severity }
  /** Takes the items it matches away from later rows. */
  readonly exclusive?: boolean
  /** Whether a breach makes an alarm. Default true. */
  readonly alarm?: boolean
  /** Whether the values are kept as a series. Default true. */
  readonly metricOutput?: boolean
  /** Whether it appears in reports. Default true. */
  readonly report?: boolean
  /** The alarm's words; `%MSG%`, `%VALUE%`, `%ITEM%`, `%SYSTEM%`, `%THRESHOLD%` stand for what they name. */
  readonly message?: string
}
