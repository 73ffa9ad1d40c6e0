import { messageOf, type Clock } from '../base/index.ts'
import type { ResultLog, StoredBatch } from '../ingest/index.ts'
import type { Log } from '../platform/index.ts'

/** Batches kept in memory for a consumer that is a little behind; one that is further behind reads them from the log. */
const mostKept = 200
const batchesPerRead = 100
const retryMs = 1_000

/**
 * Feeds one consumer with the result log, batch by batch in order, from the consumer's own position. While the consumer keeps up,
 * batches come straight from the upload; after a start or a jam they are read from the log.
 */
export class LogConsumer {
  readonly #log: ResultLog
  readonly #consume: (batch: StoredBatch) => Promise<void>
  readonly #clock: Clock
  readonly #problems: Log
  #at: number
  #kept: StoredBatch[] = []
  #wake: () => void = () => undefined
  #stopped = false
  readonly #unsubscribe: () => void
  readonly #loop: Promise<void>

  /** @param options.consume takes one batch; where it rejects, the same batch is given again after a while */
  constructor(options: {
    readonly log: ResultLog
    readonly position: number
    readonly consume: (batch: StoredBatch) => Promise<void>
    readonly clock: Clock
    readonly problems: Log
  }) {
    this.#log = options.log
    this.#consume = options.consume
    this.#clock = options.clock
    this.#problems = options.problems
    this.#at = options.position
    this.#unsubscribe = options.log.onStored((batch) => {
      if (this.#kept.length < mostKept) this.#kept.push(batch)
      this.#wake()
    })
    // Awaited by stop(); it handles its own failures.
    this.#loop = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const batches = await this.#next()
      if (batches.length === 0) {
        await this.#idle(retryMs)
        continue
      }
      for (const batch of batches) {
        if (this.#stopped) return
        try {
          await this.#consume(batch)
        } catch (thrown) {
          this.#problems.error('stored batch not consumed', { position: batch.position, problem: messageOf(thrown) })
          await this.#idle(retryMs)
          break
        }
        this.#at = batch.position
      }
    }
  }

  async #next(): Promise<readonly StoredBatch[]> {
    const kept = this.#kept.filter(({ position }) => position > this.#at)
    this.#kept = []
    if (kept[0]?.position === this.#at + 1) return kept
    if (this.#log.position() <= this.#at) return []
    try {
      return await this.#log.read(this.#at, batchesPerRead)
    } catch (thrown) {
      this.#problems.error('result log not read', { after: this.#at, problem: messageOf(thrown) })
      return []
    }
  }

  #idle(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(forMs, () => this.#wake())
      this.#wake = () => {
        cancel()
        this.#wake = () => undefined
        resolve()
      }
      // Something may have come between the look and the wait.
      if (this.#stopped || this.#kept.length > 0) this.#wake()
    })
  }

  /** Resolves when the batch under way is consumed. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unsubscribe()
    this.#wake()
    await this.#loop
  }
}
