import { messageOf, type CancelTimer, type Clock, type Random } from '../base/index.ts'
import type { ServerLink, UploadAnswer } from '../model/index.ts'
import { Backoff } from './backoff.ts'
import type { AgentListener } from './events.ts'
import type { Spool, SpoolSlice } from './spool.ts'
import {
  answered,
  behind,
  confirmation,
  dropped,
  firstSizes,
  gone,
  lanes,
  nextOrder,
  nextSize,
  progressFrom,
  quickestAfter,
  sent,
  settledBelow,
  taken,
  type BatchSizes,
  type Lane,
  type Order,
  type UploadProgress,
} from './upload-progress.ts'

export interface UploaderOptions {
  readonly agent: string
  readonly spool: Spool
  readonly link: Pick<ServerLink, 'upload' | 'onReached'>
  readonly clock: Clock
  readonly random: Random
  readonly tell: AgentListener
}

export interface UploadStatus {
  /** The server took the last batch, or nothing was sent yet. */
  readonly reached: boolean
  /** How many durable entries it has not yet. */
  readonly behind: number
  /** Why it does not take them. */
  readonly problem?: string
  /** When the server last took a batch, by `elapsed`; -Infinity where it never did. */
  readonly answeredAt: number
  /** For how long the server has left a batch without any answer; 0 where none is on its way. */
  readonly silentMs: number
  /** How long the last batch took. */
  readonly sendMs?: number
}

const firstPauseMs = 250
const longestPauseMs = 30_000
const longestServerPauseMs = 60_000
/** How long after the last answer the server is asked whether the standby has caught up. */
const confirmMs = 1_000

/** What became of a lane's batches; moments of `elapsed`. */
interface LaneState {
  readonly backoff: Backoff
  notBefore: number
  /** When the batch that is on its way was sent. */
  sentAt: number | undefined
  failingSince: number | undefined
  stored: number
}

/**
 * Brings the spool to the server, each result as soon as it is durable. `upload-progress.ts` decides what the two lanes send; this sends it.
 * Live goes first: the backlog begins a batch only while no live result waits to be sent, so that the two are under way side by side and
 * the backlog, with its bounded batches, never holds up more than a part of the line. While the server is lost one lane knocks for both.
 * Until the server answers nothing counts as sent, so a repeat is the usual way out of every failure, and harmless.
 */
export class Uploader {
  readonly #options: UploaderOptions
  readonly #abort = new AbortController()
  readonly #inHand = new Map<Lane, Promise<void>>()
  readonly #lanes: { readonly [lane in Lane]: LaneState }
  readonly #unlisten: () => void
  #progress: UploadProgress
  #sizes: BatchSizes = firstSizes
  #quickestMs = Infinity
  /** The server asked to be left alone until then. */
  #pausedUntil = -Infinity
  #confirmAt: number
  #cancelWake: CancelTimer = () => undefined
  #asked = false
  #lost = false
  #lastProblem: string | undefined
  #sendMs: number | undefined
  /** Position of the newest entry that was stored. */
  #last: number | undefined

  constructor(options: UploaderOptions) {
    const { spool, clock, random, link } = options
    this.#options = options
    this.#progress = progressFrom(spool.acknowledged, spool.safe)
    this.#confirmAt = clock.elapsed() + confirmMs
    const lane = (): LaneState => ({
      backoff: new Backoff(random, firstPauseMs, longestPauseMs),
      notBefore: -Infinity,
      sentAt: undefined,
      failingSince: undefined,
      stored: -Infinity,
    })
    this.#lanes = { live: lane(), backlog: lane() }
    const ends = [spool.onDurable(() => this.#begin()), link.onReached?.(() => this.#reached())]
    this.#unlisten = () => {
      for (const end of ends) end?.()
    }
    this.#begin()
  }

  status(): UploadStatus {
    return {
      reached: !this.#lost,
      answeredAt: Math.max(...lanes.map((lane) => this.#lanes[lane].stored)),
      silentMs: Math.max(...lanes.map((lane) => this.#silentMs(lane))),
      behind: behind(this.#progress, this.#options.spool.end),
      ...(this.#lost && this.#lastProblem !== undefined ? { problem: this.#lastProblem } : {}),
      ...(this.#sendMs === undefined ? {} : { sendMs: this.#sendMs }),
    }
  }

  /** Somebody has to know whether the server is in reach: where nothing is on its way to it, the last entry is sent once more. */
  ask(): void {
    this.#asked = true
    this.#begin()
  }

  /** Uploads what is durable by now, for at most so long, and ends. */
  async stop(withinMs: number): Promise<void> {
    const { clock } = this.#options
    const cancel = clock.after(this.#lost ? 0 : withinMs, () => this.#abort.abort())
    while (!this.#abort.signal.aborted) {
      this.#begin()
      if (this.#inHand.size === 0) break
      await Promise.race(this.#inHand.values())
    }
    this.#abort.abort()
    await Promise.all(this.#inHand.values())
    cancel()
    this.#cancelWake()
    this.#unlisten()
  }

  /** Lets every lane begin that may; where none may yet it comes back at the right time. Called whenever anything has changed. */
  #begin(): void {
    if (this.#abort.signal.aborted) return
    this.#cancelWake()
    for (const lane of lanes) {
      if (this.#inHand.has(lane)) continue
      // One lane knocks.
      if (this.#lost && this.#inHand.size > 0) return
      const order = this.#orderOf(lane)
      if (order === undefined) continue
      const waitMs = Math.max(this.#lanes[lane].notBefore, this.#pausedUntil) - this.#options.clock.elapsed()
      // Live results that wait come before the backlog, also when they may be sent at last.
      if (waitMs > 0) return this.#wakeIn(waitMs)
      this.#asked = false
      this.#progress = taken(this.#progress, lane, order)
      const done = this.#carry(lane, order).finally(() => {
        this.#inHand.delete(lane)
        this.#begin()
      })
      // Awaited by `stop`.
      this.#inHand.set(lane, done)
    }
  }

  /** What the server before asked for, and how often it failed, is nothing to one that is there now. */
  #reached(): void {
    this.#pausedUntil = -Infinity
    for (const lane of lanes) {
      this.#lanes[lane].backoff.succeeded()
      this.#lanes[lane].notBefore = -Infinity
    }
    this.#begin()
  }

  #orderOf(lane: Lane): Order | undefined {
    const order = nextOrder(this.#progress, lane, this.#sizes, this.#options.spool.end)
    if (order !== undefined || lane === 'live' || this.#inHand.size > 0) return order
    if (this.#asked && this.#last !== undefined) return { from: this.#last, until: this.#last + 1, limit: 1 }
    const last = confirmation(this.#progress)
    if (last === undefined) return undefined
    const waitMs = this.#confirmAt - this.#options.clock.elapsed()
    if (waitMs <= 0) return last
    this.#wakeIn(waitMs)
    return undefined
  }

  #wakeIn(ms: number): void {
    this.#cancelWake()
    this.#cancelWake = this.#options.clock.after(ms, () => this.#begin())
  }

  /** Never rejects. */
  async #carry(lane: Lane, { from, until, limit }: Order): Promise<void> {
    const { spool } = this.#options
    const end = spool.end
    const found = await spool.read(from, limit)
    const start = Math.min(found?.from ?? end, until)
    if (start > from) this.#progress = gone(this.#progress, from, start)
    if (found === undefined || start < found.from) {
      this.#progress = dropped(this.#progress, lane)
      return
    }
    await this.#send(lane, { ...found, entries: found.entries.slice(0, until - start) })
  }

  async #send(lane: Lane, slice: SpoolSlice): Promise<void> {
    const { agent, link, spool, clock } = this.#options
    const range = { from: slice.from, to: slice.from + slice.entries.length }
    const held = spool.extent(slice.spool)
    // The newest entries are in memory too, and may outlive what is on the disk.
    const oldest = Math.min(held?.first ?? range.from, range.from)
    this.#progress = sent(this.#progress, lane, range, { first: oldest, end: held?.end ?? range.to })
    const began = clock.elapsed()
    this.#lanes[lane].sentAt = began
    let answer: UploadAnswer
    try {
      answer = await link.upload({ format: 1, agent, oldest, ...slice }, this.#abort.signal)
    } catch (thrown) {
      this.#progress = dropped(this.#progress, lane)
      if (!this.#abort.signal.aborted) this.#failed(lane, messageOf(thrown))
      return
    } finally {
      this.#lanes[lane].sentAt = undefined
    }
    const tookMs = clock.elapsed() - began
    this.#sendMs = tookMs
    this.#quickestMs = quickestAfter(this.#quickestMs, tookMs)
    const size = nextSize(this.#sizes[lane], tookMs - this.#quickestMs, slice.entries.length)
    this.#sizes = { ...this.#sizes, [lane]: size }
    this.#last = Math.max(this.#last ?? 0, range.to - 1)
    await this.#stored(lane, slice.entries.length, answer)
  }

  #silentMs(lane: Lane): number {
    const { sentAt } = this.#lanes[lane]
    return sentAt === undefined ? 0 : this.#options.clock.elapsed() - sentAt
  }

  #failed(lane: Lane, problem: string): void {
    const { clock, tell } = this.#options
    const state = this.#lanes[lane]
    state.failingSince ??= clock.elapsed()
    state.notBefore = clock.elapsed() + state.backoff.failed()
    this.#lastProblem = problem
    // What only one lane's batches meet with is no loss of the server while it takes the other's.
    if (this.#lost || lanes.some((other) => other !== lane && this.#lanes[other].stored > state.failingSince!)) return
    this.#lost = true
    tell({ event: 'server lost', during: 'upload', message: problem })
  }

  async #stored(lane: Lane, entries: number, answer: UploadAnswer): Promise<void> {
    const { clock, spool, tell } = this.#options
    const state = this.#lanes[lane]
    if (this.#lost) tell({ event: 'server reached', during: 'upload' })
    this.#lost = false
    state.failingSince = undefined
    state.stored = clock.elapsed()
    const before = this.#progress.rewoundTo
    this.#progress = answered(this.#progress, lane, answer)
    const { rewoundTo, safe } = this.#progress
    // A server that takes batches and forgets them must not be asked in a circle without a breath.
    if (rewoundTo !== undefined && rewoundTo !== before) state.notBefore = clock.elapsed() + state.backoff.failed()
    else state.backoff.succeeded()
    if (answer.pauseMs > 0) this.#pausedUntil = clock.elapsed() + Math.min(answer.pauseMs, longestServerPauseMs)
    this.#confirmAt = clock.elapsed() + confirmMs
    const acknowledged = settledBelow(this.#progress)
    await spool.settle(acknowledged, safe)
    tell({ event: 'uploaded', lane, entries, acknowledged })
  }
}
