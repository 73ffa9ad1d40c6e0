import type { Assignment, ServerLink, UploadAnswer, UploadBatch } from '../model/index.ts'

const nothing: Assignment['settings'] = {
  parallelTasks: 1,
  parallelPerTarget: 1,
  processTimeoutMs: 60_000,
  logLevel: 'info',
  logDurationMs: 3_600_000,
  leaseMs: null,
}

/**
 * The way of an agent to the server in its own process, which may act, stop acting, and act again. While it does not act the agent has nothing
 * to run, and what it ran before goes to the server that acts.
 */
export class LocalWay implements ServerLink {
  #link: ServerLink | undefined
  #forward: ((batch: UploadBatch) => Promise<UploadAnswer>) | undefined
  #idleVersion = 0
  #news = new AbortController()
  #waiting: (() => void)[] = []

  /** The link of the engines that act; undefined where none do any more. */
  follow(link: ServerLink | undefined): void {
    this.#link = link
    this.#forward = undefined
    if (link === undefined) this.#idleVersion++
    this.#tell()
  }

  /** Takes what is left to upload while this server does not act. */
  forward(upload: (batch: UploadBatch) => Promise<UploadAnswer>): void {
    this.#forward = upload
    this.#tell()
  }

  #tell(): void {
    this.#news.abort()
    this.#news = new AbortController()
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  async assignment(known: string | undefined, signal: AbortSignal): Promise<Assignment | undefined> {
    const link = this.#link
    if (link !== undefined) return link.assignment(known, AbortSignal.any([signal, this.#news.signal]))
    const version = `idle ${this.#idleVersion}`
    // Before it ever acted there is nothing that the agent could have to leave.
    if (this.#idleVersion > 0 && known !== version) return { version, connectors: [], tasks: [], settings: nothing }
    await this.#change(signal)
    return undefined
  }

  async upload(batch: UploadBatch, signal: AbortSignal): Promise<UploadAnswer> {
    while (!signal.aborted) {
      if (this.#link !== undefined) return this.#link.upload(batch, signal)
      if (this.#forward !== undefined) return this.#forward(batch)
      await this.#change(signal)
    }
    throw signal.reason
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.push(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
