import { longestAskedWaitMs } from './delivery-life.ts'
import type { QueuedDelivery } from './outbox.ts'

/**
 * The order in which one plugin's deliveries leave. Holds no clock and sends nothing.
 *
 * Of each alarm only the first delivery may leave, and only while none of that alarm is on its way: so `cleared` never overtakes
 * `raised`, and a delivery that waits for its next attempt holds up its own alarm and no other.
 */
export class AlarmQueue {
  // In the order in which the alarms came into the queue. An alarm's own deliveries stand in the order of their ids.
  readonly #alarms = new Map<string, QueuedDelivery[]>()
  readonly #onTheirWay = new Map<string, number>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get inFlight(): number {
    return this.#onTheirWay.size
  }

  /** Takes a delivery in, in the place of its id. One that is in the queue already stays as it is. */
  add(delivery: QueuedDelivery): void {
    const waiting = this.#alarms.get(delivery.alarm)
    if (waiting === undefined) this.#alarms.set(delivery.alarm, [delivery])
    else {
      let place = waiting.length
      while (place > 0 && waiting[place - 1]!.id >= delivery.id) {
        if (waiting[place - 1]!.id === delivery.id) return
        place--
      }
      waiting.splice(place, 0, delivery)
    }
    this.#size++
  }

  /** What may leave at `at`, marked as being on its way; and when to ask again where everything waits. */
  take(
    at: number,
    room: number,
  ): { readonly leaving: readonly QueuedDelivery[]; readonly askAgainAt: number | undefined } {
    const leaving: QueuedDelivery[] = []
    let askAgainAt: number | undefined
    for (const [alarm, [first]] of this.#alarms) {
      if (leaving.length >= room) break
      if (first === undefined || this.#onTheirWay.has(alarm)) continue
      // A wait longer than any that is ever made is the work of a wall clock that was set back; it is over.
      const waitMs = first.notBefore - at
      if (waitMs > 0 && waitMs <= longestAskedWaitMs) askAgainAt = Math.min(askAgainAt ?? Infinity, first.notBefore)
      else {
        leaving.push(first)
        this.#onTheirWay.set(alarm, first.id)
      }
    }
    return { leaving, askAgainAt }
  }

  /** What left has come to its end. */
  remove(delivery: QueuedDelivery): void {
    if (this.#onTheirWay.get(delivery.alarm) === delivery.id) this.#onTheirWay.delete(delivery.alarm)
    const waiting = this.#alarms.get(delivery.alarm)
    const place = waiting?.findIndex((one) => one.id === delivery.id) ?? -1
    if (waiting === undefined || place < 0) return
    waiting.splice(place, 1)
    this.#size--
    // The alarm's next delivery queues up behind the other alarms, so that a chatty one does not hold the others up.
    this.#alarms.delete(delivery.alarm)
    if (waiting.length > 0) this.#alarms.set(delivery.alarm, waiting)
  }

  /** What left has to be tried again. */
  putBack(delivery: QueuedDelivery): void {
    if (this.#onTheirWay.get(delivery.alarm) === delivery.id) this.#onTheirWay.delete(delivery.alarm)
    const waiting = this.#alarms.get(delivery.alarm)
    const place = waiting?.findIndex((one) => one.id === delivery.id) ?? -1
    if (waiting !== undefined && place >= 0) waiting[place] = delivery
  }

  /** Lets everything leave as soon as it can: somebody changed the plugin's settings, so earlier failures say nothing. */
  forgetWaits(): void {
    for (const waiting of this.#alarms.values())
      waiting.forEach((one, place) => (waiting[place] = { ...one, notBefore: 0 }))
  }

  /** The oldest deliveries beyond a bound, but for those on their way. */
  overflow(bound: number): readonly QueuedDelivery[] {
    if (this.#size <= bound) return []
    const sending = new Set(this.#onTheirWay.values())
    return [...this.#alarms.values()]
      .flat()
      .filter((one) => !sending.has(one.id))
      .sort((a, b) => a.id - b.id)
      .slice(0, this.#size - bound)
  }

  find(id: number): QueuedDelivery | undefined {
    for (const waiting of this.#alarms.values()) {
      const found = waiting.find((one) => one.id === id)
      if (found !== undefined) return found
    }
    return undefined
  }

  all(): readonly QueuedDelivery[] {
    return [...this.#alarms.values()].flat()
  }
}
