import { messageOf, type Clock, type Random } from '../base/index.ts'
import type { ServerLink, UploadAnswer } from '../model/index.ts'
import { Backoff, pause } from './backoff.ts'
import type { AgentListener } from './events.ts'
import type { Spool, SpoolSlice } from './spool.ts'
import { progressAfter, type Stored } from './upload-progress.ts'

export interface UploaderOptions {
  readonly agent: string
  readonly spool: Spool
  readonly link: Pick<ServerLink, 'upload'>
  readonly clock: Clock
  readonly random: Random
  readonly tell: AgentListener
}

/** Entries of one batch while the uploader keeps up, and while it catches up. */
const liveEntries = 500
const backlogEntries = 2_000
const firstPauseMs = 250
const longestPauseMs = 30_000

/**
 * Brings the spool to the server: in order of positions, one batch at a time, each result as soon as it is durable. Big batches while
 * it is behind, small ones while it keeps up. Until the server answers nothing counts as sent, so a repeat is the usual way out of
 * every failure, and harmless.
 *
 * Across a network one order for all makes live results wait for the backlog of a long outage. The server keeps ranges of positions,
 * so that a second lane only needs to begin at the end of the spool while this one goes on from `acknowledged`; whoever builds it runs
 * two of these over disjoint ranges and tells the spool the end of the range without a hole.
 */
export class Uploader {
  readonly #options: UploaderOptions
  readonly #abort = new AbortController()
  readonly #backoff: Backoff
  readonly #done: Promise<void>
  readonly #unlisten: () => void
  #position: number
  #stored: Stored | undefined
  #wake: () => void = () => undefined
  #lost = false
  #lastProblem: string | undefined
  #draining = false

  constructor(options: UploaderOptions) {
    this.#options = options
    this.#position = options.spool.acknowledged
    this.#backoff = new Backoff(options.random, firstPauseMs, longestPauseMs)
    this.#unlisten = options.spool.onDurable(() => this.#wake())
    this.#abort.signal.addEventListener('abort', () => this.#wake(), { once: true })
    this.#done = this.#work()
  }

  status(): { reached: boolean; behind: number; problem?: string } {
    return {
      reached: !this.#lost,
      behind: Math.max(0, this.#options.spool.end - this.#position),
      ...(this.#lost && this.#lastProblem !== undefined ? { problem: this.#lastProblem } : {}),
    }
  }

  /** Uploads what is durable by now, for at most so long, and ends. */
  async stop(withinMs: number): Promise<void> {
    this.#draining = true
    this.#wake()
    const cancel = this.#options.clock.after(this.#lost ? 0 : withinMs, () => this.#abort.abort())
    await this.#done
    cancel()
    this.#unlisten()
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    const { spool, clock } = this.#options
    const { signal } = this.#abort
    while (!signal.aborted) {
      // Made before the look, so that what becomes durable meanwhile is not missed.
      const news = new Promise<void>((resolve) => (this.#wake = resolve))
      const behind = spool.end - this.#position
      const slice = await spool.read(this.#position, behind > liveEntries ? backlogEntries : liveEntries)
      if (slice === undefined) {
        if (this.#draining) return
        await news
        continue
      }
      const waitMs = await this.#send(slice)
      if (waitMs > 0) await pause(clock, waitMs, signal)
    }
  }

  /** @returns how long to wait before the next attempt */
  async #send(slice: SpoolSlice): Promise<number> {
    const { agent, link, spool, tell } = this.#options
    const to = slice.from + slice.entries.length
    let answer: UploadAnswer
    try {
      answer = await link.upload({ format: 1, agent, ...slice }, this.#abort.signal)
    } catch (thrown) {
      if (this.#abort.signal.aborted) return 0
      this.#lastProblem = messageOf(thrown)
      if (!this.#lost) tell({ event: 'server lost', during: 'upload', message: this.#lastProblem })
      this.#lost = true
      return this.#backoff.failed()
    }
    if (this.#lost) tell({ event: 'server reached', during: 'upload' })
    this.#lost = false
    const joins = this.#stored?.spool === slice.spool && this.#stored.to === slice.from
    this.#stored = { spool: slice.spool, from: joins ? this.#stored!.from : slice.from, to }
    const held = answer.acknowledged < this.#stored.from ? await this.#heldFrom(answer.acknowledged, slice.spool) : to
    const progress = progressAfter(answer, this.#stored, held)
    const advanced = progress.next > slice.from
    if (progress.next < to) this.#stored = undefined
    this.#position = progress.next
    await spool.settle(progress.acknowledged, progress.safe)
    tell({ event: 'uploaded', entries: slice.entries.length, acknowledged: progress.acknowledged })
    // A server that takes batches and forgets them must not be asked in a circle without a breath.
    if (!advanced) return this.#backoff.failed()
    this.#backoff.succeeded()
    return Math.max(0, Math.min(answer.pauseMs, 60_000))
  }

  /** The first position of a spool that is still held at or after another; what belongs to other spools is none of its server's range. */
  async #heldFrom(position: number, spool: string): Promise<number> {
    const slice = await this.#options.spool.read(Math.max(0, position), 1)
    return slice === undefined || slice.spool !== spool ? Infinity : slice.from
  }
}
