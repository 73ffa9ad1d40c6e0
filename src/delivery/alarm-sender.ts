import { messageOf, type CancelTimer } from '../base/index.ts'
import { AlarmQueue } from './alarm-queue.ts'
import { attempt } from './attempt.ts'
import { afterAttempt, longestAskedWaitMs, longestPauseMs, waitAfter } from './delivery-life.ts'
import { bury, readEvent, recordAttempt, type QueuedDelivery } from './outbox.ts'
import { writeSurely, type DeliveryWorld } from './world.ts'

export interface AlarmSenderStatus {
  readonly queued: number
  readonly inFlight: number
  /** When the oldest queued delivery was queued, epoch milliseconds; null where none is. */
  readonly oldestSince: number | null
  /** Attempts that failed in a row; 0 while all is well. */
  readonly failuresInARow: number
  readonly lastError: string | null
}

/** Sends one plugin's alarms: takes from its queue, lets the plugin try, writes down what came of it. */
export class AlarmSender {
  readonly #name: string
  readonly #world: DeliveryWorld
  readonly #bounds: { readonly parallel: number; readonly queueBound: number }
  readonly #queue = new AlarmQueue()
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #failuresInARow = 0
  #pausedUntil = -Infinity
  #lastError: string | null = null
  #timer: CancelTimer | undefined
  #dropping = false

  constructor(name: string, world: DeliveryWorld, bounds: { parallel: number; queueBound: number }) {
    this.#name = name
    this.#world = world
    this.#bounds = bounds
  }

  add(deliveries: readonly QueuedDelivery[]): void {
    for (const delivery of deliveries) this.#queue.add(delivery)
    this.pump()
  }

  /** Somebody discarded it. Where it is on its way already, it may still arrive. */
  forget(id: number): void {
    const found = this.#queue.find(id)
    if (found !== undefined) this.#queue.remove(found)
  }

  /** The plugin's settings were changed: what failed before may succeed now. */
  startAfresh(): void {
    this.#failuresInARow = 0
    this.#pausedUntil = -Infinity
    this.#queue.forgetWaits()
    this.pump()
  }

  /** Sends what may leave now. Called whenever something has changed, and harmless at any time. */
  pump(): void {
    this.#timer?.()
    this.#timer = undefined
    if (this.#stopping.signal.aborted) return
    this.#dropOverflow()
    // What is being dropped must not leave meanwhile; its end pumps again.
    if (this.#dropping) return
    const { clock } = this.#world
    const pauseMs = this.#pausedUntil - clock.elapsed()
    if (pauseMs > 0) {
      this.#timer = clock.after(pauseMs, () => this.pump())
      return
    }
    // While the receiver fails, one delivery at a time finds out whether it still does.
    const room = (this.#failuresInARow > 0 ? 1 : this.#bounds.parallel) - this.#queue.inFlight
    if (room <= 0) return
    const { leaving, askAgainAt } = this.#queue.take(clock.now(), room)
    for (const delivery of leaving) this.#run(this.#deliver(delivery))
    if (askAgainAt !== undefined) this.#timer = clock.after(Math.max(1, askAgainAt - clock.now()), () => this.pump())
  }

  status(): AlarmSenderStatus {
    const all = this.#queue.all()
    return {
      queued: this.#queue.size - this.#queue.inFlight,
      inFlight: this.#queue.inFlight,
      oldestSince: all.length === 0 ? null : all.reduce((oldest, one) => Math.min(oldest, one.since), Infinity),
      failuresInARow: this.#failuresInARow,
      lastError: this.#lastError,
    }
  }

  /** Ends attempts under way and leaves everything undelivered in the outbox. */
  async stop(): Promise<void> {
    this.#timer?.()
    this.#stopping.abort()
    await Promise.all(this.#running)
  }

  /** Everything left to run is in `#running`, which `stop` awaits. */
  #run(work: Promise<void>): void {
    const watched = work.finally(() => {
      this.#running.delete(watched)
      this.pump()
    })
    this.#running.add(watched)
  }

  async #deliver(delivery: QueuedDelivery): Promise<void> {
    const { world, signal } = { world: this.#world, signal: this.#stopping.signal }
    try {
      const configured = world.configured(this.#name)
      const event = await readEvent(world.database, delivery.id)
      if (event === undefined || configured?.plugin.alarm === undefined) return this.#queue.remove(delivery)
      const outcome = await attempt(
        world,
        { configured, idempotencyKey: delivery.key, test: false, signal },
        async (context) => configured.plugin.alarm!(event, configured.settings, context),
      )
      // Stopping ended it, which says nothing about the receiver.
      if (signal.aborted && !outcome.delivered) return this.#queue.putBack(delivery)
      const at = world.clock.now()
      const verdict = afterAttempt(delivery, outcome, at, world.random)
      await writeSurely(world, [recordAttempt(delivery.id, verdict, at)], signal)
      this.#noteOutcome(outcome.delivered || !outcome.retry, verdict.message, outcome.delivered ? 0 : outcome.afterMs)
      const about = { plugin: this.#name, delivery: delivery.id, alarm: delivery.alarm, event: event.event }
      switch (verdict.state) {
        case 'delivered':
          world.log.info('alarm delivered', about)
          return this.#queue.remove(delivery)
        case 'dead':
          this.#lastError = verdict.message
          world.log.error('alarm could not be delivered', { ...about, reason: verdict.message })
          return this.#queue.remove(delivery)
        case 'queued':
          this.#lastError = verdict.message
          return this.#queue.putBack({
            ...delivery,
            notBefore: verdict.notBefore,
            failures: delivery.failures + 1,
          })
      }
    } catch (thrown) {
      // Only the database is left to fail here; its trouble is waited for like a receiver's.
      this.#queue.putBack(delivery)
      this.#noteOutcome(false, messageOf(thrown))
    }
  }

  /** A receiver that answers, even with a refusal, is there; one that is not is left alone for a while. */
  #noteOutcome(answered: boolean, message: string, askedMs = 0): void {
    const { clock, log, random } = this.#world
    if (answered) {
      if (this.#failuresInARow > 0) log.info('plugin works again', { plugin: this.#name, after: this.#failuresInARow })
      this.#failuresInARow = 0
      this.#pausedUntil = -Infinity
      return
    }
    this.#failuresInARow++
    if (this.#failuresInARow === 1) log.warn('plugin began to fail', { plugin: this.#name, reason: message })
    // "Too many requests, come back in a minute" is said to the sender, not to the one delivery that happened to hear it.
    const ownMs = waitAfter(this.#failuresInARow, random, longestPauseMs)
    this.#pausedUntil = clock.elapsed() + Math.max(ownMs, Math.min(askedMs, longestAskedWaitMs))
  }

  #dropOverflow(): void {
    if (this.#dropping) return
    const { queueBound } = this.#bounds
    // A little more than needed at once, so that a storm does not sort the queue for every single alarm.
    const tooMany = this.#queue.size > queueBound ? this.#queue.overflow(Math.floor(queueBound * 0.99)) : []
    if (tooMany.length === 0) return
    const reason = `dropped: more than ${queueBound} deliveries were waiting for this plugin`
    const at = this.#world.clock.now()
    this.#dropping = true
    const write = writeSurely(
      this.#world,
      tooMany.map((one) => bury(one.id, reason, at)),
      this.#stopping.signal,
    ).then(() => {
      for (const one of tooMany) this.#queue.remove(one)
      this.#dropping = false
      this.#lastError = reason
      this.#world.log.error('queue of a plugin overflowed', { plugin: this.#name, dropped: tooMany.length })
    })
    this.#run(write)
  }
}
