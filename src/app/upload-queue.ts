import { FarwatchError } from '../base/index.ts'
import type { UploadBatch } from '../model/index.ts'

/** What batches weigh: each entry and each of its samples is one value, and takes about 200 bytes of memory. */
export interface UploadBounds {
  /** What one agent may have waiting. One batch may be more. */
  readonly ofAgent: number
  /** What all agents together may have waiting. One batch may be more. */
  readonly ofAll: number
  /**
   * A batch of at most so much may use the last quarter, where its agent has one waiting at most: so live results come through a jam,
   * beside a batch of the agent's backlog.
   */
  readonly small: number
  /** With more waiting, agents are asked to hold back. */
  readonly busy: number
  /** Batches that wait while a commit is under way share the next one, up to so many entries. */
  readonly entriesPerCommit: number
}

export const defaultUploadBounds: UploadBounds = {
  ofAgent: 250_000,
  ofAll: 1_000_000,
  small: 5_000,
  busy: 250_000,
  entriesPerCommit: 20_000,
}

const busyPauseMs = 500
const retryAfterMs = 1_000

interface Queued<T> {
  readonly item: T
  readonly values: number
}

interface Lane<T> {
  readonly queued: Queued<T>[]
  values: number
}

/**
 * Uploads that wait for a commit. Those of one agent keep their order; agents take turns, batch by batch, so that one that floods the
 * server makes another wait for one of its batches and not for all. What would be too much is refused: the agent has it in its spool, and
 * comes again.
 */
export class UploadQueue<T extends { readonly batch: UploadBatch }> {
  readonly #bounds: UploadBounds
  /** By agent; the one whose turn it is first. */
  readonly #lanes = new Map<string, Lane<T>>()
  #values = 0

  constructor(bounds: UploadBounds = defaultUploadBounds) {
    this.#bounds = bounds
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0
  }

  /** Batches that wait. */
  get size(): number {
    let size = 0
    for (const { queued } of this.#lanes.values()) size += queued.length
    return size
  }

  /** For how long agents should send nothing; 0 for not at all. Grows with what waits. */
  get pauseMs(): number {
    return busyPauseMs * Math.floor(this.#values / this.#bounds.busy)
  }

  /** @throws FarwatchError `overloaded`; nothing of it is taken then */
  add(item: T): void {
    const { agent, entries } = item.batch
    const values = entries.reduce((sum, entry) => sum + 1 + (entry.kind === 'run' ? entry.samples.length : 0), 0)
    const lane = this.#lanes.get(agent)
    this.#refuseTooMuch(agent, lane, values)
    this.#values += values
    if (lane === undefined) this.#lanes.set(agent, { queued: [{ item, values }], values })
    else {
      lane.queued.push({ item, values })
      lane.values += values
    }
  }

  #refuseTooMuch(agent: string, lane: Lane<T> | undefined, values: number): void {
    const { ofAgent, ofAll, small } = this.#bounds
    if (lane !== undefined && lane.values + values > ofAgent)
      throw new FarwatchError('overloaded', `too many results of the agent ${agent} wait to be stored`, {
        hint: 'It sends faster than this server stores. Nothing is lost: the agent keeps them and tries again.',
        retryAfterMs,
      })
    const isLive = values <= small && (lane?.queued.length ?? 0) <= 1
    const most = isLive ? ofAll : ofAll * 0.75
    if (this.#values > 0 && this.#values + values > most)
      throw new FarwatchError('overloaded', 'too many results wait to be stored', {
        hint: 'Agents send faster than this server stores. Nothing is lost: they keep their results and try again.',
        retryAfterMs,
      })
  }

  /** What goes into the next commit: of each agent in turn its oldest batch, and again, until there is enough. */
  take(): readonly T[] {
    const taken: T[] = []
    for (let entries = 0; entries < this.#bounds.entriesPerCommit;) {
      const [next] = this.#lanes
      if (next === undefined) break
      const [agent, lane] = next
      // Behind all others; it is gone where nothing is left of it.
      this.#lanes.delete(agent)
      const { item, values } = lane.queued.shift()!
      lane.values -= values
      if (lane.queued.length > 0) this.#lanes.set(agent, lane)
      this.#values -= values
      entries += item.batch.entries.length
      taken.push(item)
    }
    return taken
  }
}
