import type { Outcome } from './outcome.ts'
import type { Slot } from './slot.ts'
import type { Unit } from './unit.ts'

/** The labels that tell the items of one metric apart: `{ mount: '/var' }`. Empty for a metric with one value. */
export type Labels = Readonly<Record<string, string>>

/** One measured value. `unit` is absent where the monitor's declaration already says it. */
export interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
  readonly unit?: Unit
  /** The value only grows, but for restarts of what counts. For names that no declaration knows; absent means a gauge there. */
  readonly kind?: 'counter'
}

/** Things a monitor learned that are not numbers: a version, a certificate's subject. */
export type Facts = Readonly<Record<string, string | number | boolean>>

/**
 * Why a run could not measure. Stable words: rules, statistics and people search for them.
 *
 * `refused` nothing listens · `unreachable` no route, or name not found · `timed out` · `tls` the certificate or handshake is wrong ·
 * `credentials` refused or missing, a matter of configuration · `protocol` the answer was not what the protocol says ·
 * `too large` the answer passed a bound · `assertion` the answer came but was not as demanded · `configuration` the task cannot be run as configured ·
 * `killed: memory`, `killed: hung`, `crashed` the monitoring process was ended · `garbage` the monitor returned nonsense ·
 * `defect` the monitor threw
 */
export type FailureReason =
  | 'refused'
  | 'unreachable'
  | 'timed out'
  | 'tls'
  | 'credentials'
  | 'protocol'
  | 'too large'
  | 'assertion'
  | 'configuration'
  | 'killed: memory'
  | 'killed: hung'
  | 'crashed'
  | 'garbage'
  | 'defect'

/** Why a slot was not run. */
export type SkipReason = 'overload' | 'still running' | 'suspended' | 'stopped' | 'lease ended'

/** What one run of a task produced. Identified by (task, slot): a second one for the same slot changes nothing. */
export interface RunResult {
  readonly kind: 'run'
  readonly task: string
  readonly slot: Slot
  readonly outcome: 'ran' | 'failed' | 'late'
  /** Server time at which the monitor began, epoch milliseconds. */
  readonly startedAt: number
  /** How long `collect` took, in milliseconds, with fractions. */
  readonly durationMs: number
  /** Set exactly where `outcome` is `failed`. */
  readonly reason?: FailureReason
  /** One line for people. Always set where `outcome` is `failed`. Never holds a secret. At most 1,000 characters. */
  readonly message?: string
  readonly samples: readonly Sample[]
  readonly facts?: Facts
  /** The agent was itself cut off when this run was made. */
  readonly isolated?: true
}

/** Slots of one task that ended without a run: all its slots with `from` ≤ slot ≤ `to`. */
export interface GapRecord {
  readonly kind: 'gap'
  readonly task: string
  readonly from: Slot
  readonly to: Slot
  readonly outcome: Exclude<Outcome, 'ran' | 'failed' | 'late'>
  /** The task's period, so that the slots can be counted without the configuration of that day. */
  readonly periodMs: number
  readonly reason: string
}

export type SpoolEntry = RunResult | GapRecord
