import { systemClock } from '../../platform/index.ts'
import { TargetError } from '../../sdk/index.ts'

/** Many targets lock an account after a handful of wrong passwords within some minutes. */
const restMs = 5 * 60_000

/**
 * Remembers that a credential was refused. For five minutes it is not tried again, and whoever asks hears the same words; a changed
 * credential makes a new client and with it a new one of these.
 */
export class SignIn {
  #refused: { readonly words: string; readonly until: number } | undefined

  /** To be called before a credential is sent. @throws TargetError `credentials` while a refusal is fresh */
  begin(): void {
    if (this.#refused !== undefined && systemClock.elapsed() < this.#refused.until)
      throw new TargetError('credentials', this.#refused.words)
  }

  /** The target said no. @returns what is to be thrown */
  refused(words: string, cause?: unknown): TargetError {
    this.#refused = { words, until: systemClock.elapsed() + restMs }
    return new TargetError('credentials', words, { cause })
  }
}
