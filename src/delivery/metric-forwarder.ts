import { messageOf, pathId } from '../base/index.ts'
import type { SpoolEntry } from '../model/index.ts'
import type { Statement } from '../platform/index.ts'
import type { MetricPoint } from '../sdk/index.ts'
import { attempt } from './attempt.ts'
import { longestPauseMs, waitAfter } from './delivery-life.ts'
import { pointsOf, type IsKept, type TaskLabels } from './metric-points.ts'
import { pause, writeSurely, type DeliveryWorld } from './world.ts'

/** The log of stored results, as much of it as metric feeds need. Positions grow by one. */
export interface MetricLog {
  /** The position of the newest batch; 0 where there is none. */
  position(): number
  /** The batches behind `after` in order. Where the log does not keep them any more, it begins with the first it does. */
  read(after: number, limit: number): Promise<readonly LoggedBatch[]>
  onStored(listener: (batch: LoggedBatch) => void): () => void
}

export interface LoggedBatch {
  readonly position: number
  readonly entries: readonly SpoolEntry[]
}

export interface MetricForwarderBounds {
  /**
   * Points of one request to the receiver. Making a remote write request holds the event loop: 5,000 points of as many series took
   * 40 ms, 5,000 points of 500 series 6 ms.
   */
  readonly pointsPerRequest: number
  /** How many log batches a feed may be behind before it skips ahead. */
  readonly behindBound: number
}

export interface MetricForwarderStatus {
  /** Everything up to this position of the log was sent, dropped or skipped. */
  readonly position: number
  /** How many batches of the log are still to be sent. */
  readonly behind: number
  /** Since the start of this process. */
  readonly sentPoints: number
  /** Points the receiver refused for good. */
  readonly droppedPoints: number
  /** Batches that were never sent, because the feed was too far behind. */
  readonly skippedBatches: number
  readonly failuresInARow: number
  readonly lastError: string | null
}

const batchesPerRead = 50
const gone = 'the log does not keep them any more'

/**
 * Sends the results on to one plugin, in the order of the log, from a durable position of its own. At least once: what was sent and
 * not yet recorded is sent again after a crash, which changes nothing at a receiver that keeps one value per series and time.
 */
export class MetricForwarder {
  readonly #name: string
  readonly #world: DeliveryWorld
  readonly #log: MetricLog
  readonly #describe: (task: string) => TaskLabels | undefined
  readonly #isKept: IsKept
  readonly #bounds: MetricForwarderBounds
  readonly #stopping = new AbortController()
  #loop: Promise<void> | undefined
  #unlisten: (() => void) | undefined
  #stored: (() => void) | undefined
  #afresh: AbortController | undefined
  #position: number
  #sentPoints = 0
  #droppedPoints = 0
  #skippedBatches = 0
  #failuresInARow = 0
  #lastError: string | null = null

  constructor(
    name: string,
    world: DeliveryWorld,
    about: {
      log: MetricLog
      describe: (task: string) => TaskLabels | undefined
      isKept: IsKept
      bounds: MetricForwarderBounds
      position: number
    },
  ) {
    this.#name = name
    this.#world = world
    this.#log = about.log
    this.#describe = about.describe
    this.#isKept = about.isKept
    this.#bounds = about.bounds
    this.#position = about.position
  }

  start(): void {
    this.#unlisten = this.#log.onStored(() => this.#stored?.())
    this.#loop = this.#run()
  }

  /** Ends the attempt under way; what was not taken is sent after the next start. */
  async stop(): Promise<void> {
    this.#unlisten?.()
    this.#stopping.abort()
    this.#stored?.()
    await this.#loop
  }

  /** The plugin's settings were changed: what failed before may succeed now. */
  startAfresh(): void {
    this.#failuresInARow = 0
    this.#afresh?.abort()
  }

  get position(): number {
    return this.#position
  }

  status(): MetricForwarderStatus {
    return {
      position: this.#position,
      behind: Math.max(0, this.#log.position() - this.#position),
      sentPoints: this.#sentPoints,
      droppedPoints: this.#droppedPoints,
      skippedBatches: this.#skippedBatches,
      failuresInARow: this.#failuresInARow,
      lastError: this.#lastError,
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#skipWhatIsTooFarBehind()
        const newest = this.#log.position()
        const batches = await this.#log.read(this.#position, batchesPerRead)
        if (batches.length > 0) await this.#forward(batches)
        else if (newest > this.#position) await this.#skipTo(newest, gone)
        else await this.#untilStored()
      } catch (thrown) {
        // Only the log can fail here; a plugin's failures are outcomes.
        await this.#failed(messageOf(thrown))
      }
    }
  }

  #untilStored(): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stopping
      this.#stored = resolve
      // It may have been stored between the reading and this line.
      if (signal.aborted || this.#log.position() > this.#position) resolve()
    })
  }

  async #skipWhatIsTooFarBehind(): Promise<void> {
    const newest = this.#log.position()
    if (newest < this.#position) {
      // The log was begun anew: its data directory was replaced. Old positions mean nothing in it.
      this.#world.log.warn('metric feed begins the log anew', { plugin: this.#name, position: this.#position, newest })
      await this.#advance(0)
    }
    const behind = newest - this.#position
    // Half the bound is kept: skipping just below it would skip again with the next batch.
    if (behind > this.#bounds.behindBound)
      await this.#skipTo(newest - Math.floor(this.#bounds.behindBound / 2), 'too far behind')
  }

  async #skipTo(position: number, reason: string): Promise<void> {
    const skipped = position - this.#position
    if (skipped <= 0) return
    this.#skippedBatches += skipped
    this.#lastError = `skipped ${skipped} batches of results: ${reason}`
    this.#world.log.warn('metric feed skipped results', {
      plugin: this.#name,
      from: this.#position + 1,
      to: position,
      skipped,
      reason,
    })
    await this.#advance(position)
  }

  async #advance(position: number): Promise<void> {
    this.#position = position
    await writeSurely(this.#world, [rememberPosition(this.#name, position)], this.#stopping.signal)
  }

  /** Sends batches in requests that end with a whole batch of the log where they can, so that the position may follow. */
  async #forward(batches: readonly LoggedBatch[]): Promise<void> {
    // Positions grow by one, so what the log does not keep any more can only be missing before the first.
    await this.#skipTo(batches[0]!.position - 1, gone)
    let points: MetricPoint[] = []
    for (const [i, batch] of batches.entries()) {
      for (const entry of batch.entries) {
        const task = this.#describe(entry.task)
        // A task that is gone from the configuration has no names to send its values under.
        if (task !== undefined) points.push(...pointsOf(entry, task, this.#isKept))
      }
      const full = points.length >= this.#bounds.pointsPerRequest
      if (!full && i < batches.length - 1) continue
      for (let from = 0; from < points.length; from += this.#bounds.pointsPerRequest) {
        if (!(await this.#send(points.slice(from, from + this.#bounds.pointsPerRequest), batch.position, from))) return
      }
      points = []
      await this.#advance(batch.position)
    }
  }

  /** @returns whether the points are dealt with; not while stopping, nor where the feed has to look at the log again first */
  async #send(points: readonly MetricPoint[], position: number, from: number): Promise<boolean> {
    const { signal } = this.#stopping
    const idempotencyKey = pathId('metrics', this.#name, String(position), String(from))
    while (!signal.aborted) {
      const configured = this.#world.configured(this.#name)
      if (configured?.plugin.metrics === undefined) {
        await this.#failed('the plugin is not configured to send metrics')
        return false
      }
      const outcome = await attempt(this.#world, { configured, idempotencyKey, test: false, signal }, async (context) =>
        configured.plugin.metrics!(points, configured.settings, context),
      )
      if (outcome.delivered) {
        if (this.#failuresInARow > 0)
          this.#world.log.info('metric feed works again', { plugin: this.#name, after: this.#failuresInARow })
        this.#failuresInARow = 0
        this.#sentPoints += points.length
        return true
      }
      if (signal.aborted) return false
      if (!outcome.retry) {
        this.#droppedPoints += points.length
        this.#lastError = outcome.message
        this.#failuresInARow = 0
        this.#world.log.error('metric feed was refused; the points are dropped', {
          plugin: this.#name,
          points: points.length,
          position,
          reason: outcome.message,
        })
        return true
      }
      await this.#failed(outcome.message, outcome.afterMs)
      if (this.#log.position() - this.#position > this.#bounds.behindBound) return false
    }
    return false
  }

  async #failed(message: string, afterMs = 0): Promise<void> {
    const { log, random } = this.#world
    this.#lastError = message
    this.#failuresInARow++
    if (this.#failuresInARow === 1) log.warn('metric feed began to fail', { plugin: this.#name, reason: message })
    this.#afresh = new AbortController()
    await pause(
      this.#world,
      Math.max(Math.min(afterMs, 600_000), waitAfter(this.#failuresInARow, random, longestPauseMs)),
      AbortSignal.any([this.#stopping.signal, this.#afresh.signal]),
    )
  }
}

export function rememberPosition(plugin: string, position: number): Statement {
  return {
    sql: `INSERT INTO metric_feed (plugin, position) VALUES ($plugin, $position)
      ON CONFLICT (plugin) DO UPDATE SET position = excluded.position`,
    params: { plugin, position },
  }
}
