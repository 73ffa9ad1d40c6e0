/** Turns of the event loop for what takes the thread for some milliseconds for each agent: one of them in each, and what else waits in between. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves at the beginning of a turn that nobody else is given. */
  take(): Promise<void> {
    this.#last = this.#last.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
    return this.#last
  }
}
