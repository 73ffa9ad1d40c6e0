import type { FailureReason } from '../model/index.ts'

/**
 * The target could not be measured. Thrown by connector clients, so that a monitor reads as one straight line; the runner turns it
 * into the value `failed` of the result. `message` is one line for the person on call and never holds a secret.
 */
export class TargetError extends Error {
  readonly reason: FailureReason

  constructor(reason: FailureReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'TargetError'
    this.reason = reason
  }
}

/**
 * A database said no to one statement; the session goes on. `code` is the server's own (`42501` for a missing privilege), `message` one line.
 * Monitors leave out the part that the statement was for and say so.
 */
export class StatementRefused extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StatementRefused'
    this.code = code
  }
}
