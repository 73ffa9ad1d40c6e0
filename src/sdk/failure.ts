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
