import type { ErrorCode } from './error-catalogue.ts'
import type { Problem } from './problem.ts'

/**
 * A failure that somebody has to read: what was being done, to what, and what to do now.
 * `message` is for the log and the screen, `hint` tells the person what to do next. Neither may hold a secret.
 */
export class FarwatchError extends Error {
  readonly code: ErrorCode
  readonly hint: string
  readonly problems: readonly Problem[]
  /** Trying again before so long is in vain; undefined where nothing is known of it. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    about: { hint?: string; problems?: readonly Problem[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.name = 'FarwatchError'
    this.code = code
    this.hint = about.hint ?? ''
    this.problems = about.problems ?? []
    this.retryAfterMs = about.retryAfterMs
  }
}

/** The words of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    return thrown.errors.map(messageOf).join('; ')
  }
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
}

/** The system's error code (`ECONNREFUSED`, `ENOSPC`, …) of anything that was thrown, or undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return systemCodeOf(thrown.errors[0])
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string')
    return thrown.code
  return undefined
}
