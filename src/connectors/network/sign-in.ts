import { formatDuration } from '../../base/index.ts'
import { systemClock } from '../../platform/index.ts'
import { TargetError } from '../../sdk/index.ts'

/** Ten wrong passwords within half an hour lock an account in many directories; twelve an hour of one client stay clear of most bounds. */
const holdOffMs = 5 * 60_000

/**
 * Remembers that a target refused a credential, and fails with the same words until a while has passed, so that monitoring does not lock
 * the account. One belongs to one client, which holds one credential: a new credential makes a new client.
 */
export class SignIn {
  #refused: { readonly at: number; readonly words: string } | undefined

  /** @throws TargetError `credentials` while the last refusal is fresh */
  mayTry(): void {
    if (this.#refused === undefined) return
    const left = this.#refused.at + holdOffMs - systemClock.elapsed()
    if (left <= 0) this.#refused = undefined
    else
      throw new TargetError(
        'credentials',
        `${this.#refused.words} (not tried again for ${formatDuration(Math.ceil(left / 1_000) * 1_000)}, so that the account is not locked)`,
      )
  }

  /** Takes note where a failure is a refused credential; hands it back to be thrown. */
  noted<E>(failure: E): E {
    if (failure instanceof TargetError && failure.reason === 'credentials')
      this.#refused ??= { at: systemClock.elapsed(), words: failure.message }
    return failure
  }

  succeeded(): void {
    this.#refused = undefined
  }
}
