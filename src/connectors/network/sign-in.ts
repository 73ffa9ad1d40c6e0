import { systemClock } from '../../platform/index.ts'
import { TargetError } from '../../sdk/index.ts'

const restMs = 5 * 60_000

/**
 * Keeps a wrong password from being tried until the account is locked. After a refused sign-in nobody asks again for five minutes and
 * everybody is told the same words. Until one went well, only one is tried at a time: five tasks that begin together would else be five
 * wrong passwords. A client lives as long as its credential, so that a changed one is tried at once.
 */
export class SignIn {
  readonly #now: () => number
  #refused: { readonly failure: TargetError; readonly at: number } | undefined
  #known = false
  #last: Promise<unknown> = Promise.resolve()

  /** `now` counts milliseconds and never runs backwards. */
  constructor(now: () => number = () => systemClock.elapsed()) {
    this.#now = now
  }

  /**
   * `attempt` signs in and throws TargetError `credentials` where that was refused. It ends in bounded time, and at once where `signal` has
   * aborted: that also ends the waiting for somebody else's attempt.
   */
  async try<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#known) return this.#attempt(attempt)
    const mine = ended(this.#last, signal).then(() => this.#attempt(attempt))
    // The next one waits for this one and for all before it: one that gave up waiting must not let others in beside them.
    this.#last = Promise.allSettled([this.#last, mine])
    return mine
  }

  async #attempt<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#refused !== undefined && this.#now() - this.#refused.at < restMs) throw this.#refused.failure
    this.#refused = undefined
    try {
      const done = await attempt()
      this.#known = true
      return done
    } catch (thrown) {
      if (thrown instanceof TargetError && thrown.reason === 'credentials') {
        this.#known = false
        this.#refused = { failure: thrown, at: this.#now() }
      }
      throw thrown
    }
  }
}

/** Resolves when work has ended, however it did, or the signal aborts. */
function ended(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      signal?.removeEventListener('abort', settle)
      resolve()
    }
    if (signal?.aborted === true) return resolve()
    signal?.addEventListener('abort', settle, { once: true })
    work.then(settle, settle)
  })
}
