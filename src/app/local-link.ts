import type { Assignment, ServerLink, UploadAnswer, UploadBatch } from '../model/index.ts'

/** How long a poll for a new assignment waits; between instances a proxy would cut off a longer one. */
const longestPollMs = 30_000

/** The way of an agent to the server in the same process: the same two calls that go over HTTPS between instances. */
export class LocalLink implements ServerLink {
  readonly #assignment: () => Assignment
  readonly #upload: (batch: UploadBatch) => Promise<UploadAnswer>
  readonly #waiting = new Set<() => void>()

  constructor(options: {
    readonly assignment: () => Assignment
    readonly upload: (batch: UploadBatch) => Promise<UploadAnswer>
  }) {
    this.#assignment = options.assignment
    this.#upload = options.upload
  }

  /** The assignment may be another now: wakes whoever waits for one. */
  changed(): void {
    for (const wake of this.#waiting) wake()
  }

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    const now = this.#assignment()
    if (now.version !== known) return now
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => wake(), longestPollMs)
      const wake = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
    if (signal.aborted) return undefined
    const then = this.#assignment()
    return then.version === known ? undefined : then
  }

  upload(batch: UploadBatch): Promise<UploadAnswer> {
    return this.#upload(batch)
  }
}
