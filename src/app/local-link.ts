import type { Assignment, ServerLink, UploadAnswer, UploadBatch } from '../model/index.ts'

/** How long a poll for a new assignment waits: with each the server learns what the agent carries out, and what it has left to do. */
const longestPollMs = 5_000

/** The way of an agent to the server in the same process: the same two calls that go over HTTPS between instances. */
export class LocalLink implements ServerLink {
  readonly #assignment: () => Assignment
  readonly #version: () => string
  readonly #upload: (batch: UploadBatch) => Promise<UploadAnswer>
  readonly #heard: (known: string | undefined) => void
  readonly #isReady: () => boolean
  readonly #waiting = new Set<() => void>()

  constructor(options: {
    readonly assignment: () => Assignment
    /** Of what `assignment` would give. Asked for with every poll, which the whole is too much work for. */
    readonly version: () => string
    readonly upload: (batch: UploadBatch) => Promise<UploadAnswer>
    /** With every poll: the version of the assignment that the agent carries out. */
    readonly heard: (known: string | undefined) => void
    /** Whether work is handed out already; `changed` tells when it is. */
    readonly isReady: () => boolean
  }) {
    this.#assignment = options.assignment
    this.#version = options.version
    this.#upload = options.upload
    this.#heard = options.heard
    this.#isReady = options.isReady
  }

  /** The assignment may be another now: wakes whoever waits for one. */
  changed(): void {
    for (const wake of this.#waiting) wake()
  }

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    this.#heard(known)
    const news = () => (this.#isReady() && this.#version() !== known ? this.#assignment() : undefined)
    const now = news()
    if (now !== undefined) return now
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
    return signal.aborted ? undefined : news()
  }

  upload(batch: UploadBatch): Promise<UploadAnswer> {
    return this.#upload(batch)
  }
}
