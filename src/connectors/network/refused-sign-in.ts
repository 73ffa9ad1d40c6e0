import { systemClock } from '../../platform/index.ts'
import { TargetError } from '../../sdk/index.ts'

const patienceMs = 5 * 60_000

/**
 * Remembers that a target refused the credential, so that it is not shown again and again: many servers lock an account after a few tries. A
 * changed credential makes a new client, which begins without such a memory.
 */
export class RefusedSignIn {
  #last: { readonly at: number; readonly message: string } | undefined

  /** Before a sign-in. Throws the TargetError of the last one where that was refused less than five minutes ago. */
  check(): void {
    if (this.#last === undefined || systemClock.elapsed() - this.#last.at >= patienceMs) return
    throw new TargetError('credentials', this.#last.message)
  }

  /** After a sign-in that failed: takes note where it was for the credential. @returns what was thrown */
  note<T>(thrown: T): T {
    if (thrown instanceof TargetError && thrown.reason === 'credentials')
      this.#last = { at: systemClock.elapsed(), message: thrown.message }
    return thrown
  }

  /** After a sign-in that succeeded. */
  forget(): void {
    this.#last = undefined
  }
}
