import type { AssignedConnector, AssignedTask, Facts, FailureReason, Sample, Slot, Wanted } from '../model/index.ts'
import { isPlainObject } from '../sdk/index.ts'
import { isFailureReason, isUnit, limits } from './gathered.ts'

/** One run as a monitoring process is told of it. */
export interface RunOrder {
  /** Names the run between the two processes. */
  readonly run: number
  readonly task: string
  readonly slot: Slot
  readonly timeoutMs: number
  /** What the run before remembered: JSON. */
  readonly previous?: string
  /** Asked for instead of measuring. */
  readonly wants?: Wanted
}

/** From the agent to a monitoring process. Definitions come before the first run that needs them, and again when they changed. */
export interface Work {
  readonly kind: 'work'
  /** Server time minus the machine's own, in milliseconds. */
  readonly offsetMs: number
  /** How long a run may take to stop once it is told to. */
  readonly graceMs: number
  readonly connectors: readonly AssignedConnector[]
  readonly tasks: readonly AssignedTask[]
  readonly runs: readonly RunOrder[]
  readonly forgetTasks: readonly string[]
  readonly forgetConnectors: readonly string[]
}

/** What one run produced, as the monitoring process tells it. */
export interface RunReport {
  readonly run: number
  /** Server time, epoch milliseconds. */
  readonly startedAt: number
  readonly durationMs: number
  readonly samples: readonly Sample[]
  readonly facts?: Facts
  readonly message?: string
  /** Set where the run failed; `message` is set then, too. */
  readonly reason?: FailureReason
  /** What the next run of the task may see: JSON, at most 64 KiB. */
  readonly remember?: string
}

/** From a monitoring process to the agent. */
export type ProcessMessage =
  /** It can take work. */
  | { readonly kind: 'ready' }
  /** Its event loop turns. */
  | { readonly kind: 'beat'; readonly residentBytes: number }
  | { readonly kind: 'reports'; readonly reports: readonly RunReport[] }
  /** A run was told to stop and has not. */
  | { readonly kind: 'hung'; readonly run: number }
  /** The process is about to end because of an error that this run left uncaught; null where it is not known whose. */
  | { readonly kind: 'crashing'; readonly run: number | null; readonly message: string }

/** What one run hands to the next of its task, as JSON: bytes in UTF-16 are twice this. */
export const maxRememberLength = 65_536

/**
 * Reads what a monitoring process sent. Monitors run there, so any of it may be wrong.
 * @returns undefined where it is not of the agreed shape
 */
export function readProcessMessage(given: unknown): ProcessMessage | undefined {
  if (!isPlainObject(given)) return undefined
  switch (given['kind']) {
    case 'ready':
      return { kind: 'ready' }
    case 'beat':
      return isFinite(given['residentBytes']) ? { kind: 'beat', residentBytes: given['residentBytes'] } : undefined
    case 'hung':
      return isFinite(given['run']) ? { kind: 'hung', run: given['run'] } : undefined
    case 'crashing':
      return typeof given['message'] === 'string' && (given['run'] === null || isFinite(given['run']))
        ? { kind: 'crashing', run: given['run'], message: given['message'].slice(0, limits.message) }
        : undefined
    case 'reports': {
      const { reports } = given
      if (!Array.isArray(reports) || !reports.every(isReport)) return undefined
      return { kind: 'reports', reports }
    }
    default:
      return undefined
  }
}

function isFinite(given: unknown): given is number {
  return typeof given === 'number' && Number.isFinite(given)
}

function isReport(given: unknown): given is RunReport {
  if (!isPlainObject(given)) return false
  const { run, startedAt, durationMs, samples, facts, message, reason, remember } = given
  return (
    isFinite(run) &&
    isFinite(startedAt) &&
    isFinite(durationMs) &&
    durationMs >= 0 &&
    Array.isArray(samples) &&
    samples.length <= limits.samples &&
    samples.every(isSample) &&
    (facts === undefined || areFacts(facts)) &&
    (message === undefined || (typeof message === 'string' && message.length <= limits.message)) &&
    (reason === undefined || (isFailureReason(reason) && typeof message === 'string')) &&
    (remember === undefined || (typeof remember === 'string' && remember.length <= maxRememberLength))
  )
}

function isSample(given: unknown): given is Sample {
  if (!isPlainObject(given)) return false
  const { name, labels, value, unit, kind } = given
  if (typeof name !== 'string' || name.length > limits.name || !isFinite(value)) return false
  if ((unit !== undefined && !isUnit(unit)) || (kind !== undefined && kind !== 'counter')) return false
  if (!isPlainObject(labels)) return false
  for (const key in labels) {
    const text = labels[key]
    if (typeof text !== 'string' || text.length > limits.labelValue) return false
  }
  return true
}

function areFacts(given: unknown): given is Facts {
  if (!isPlainObject(given)) return false
  return Object.values(given).every(
    (value) => typeof value === 'string' || typeof value === 'boolean' || isFinite(value),
  )
}
