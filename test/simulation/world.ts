import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { CancelTimer, Random } from '../../src/base/index.ts'

interface Planned {
  readonly at: number
  readonly order: number
  readonly act: () => void
  isCancelled: boolean
}

/**
 * Virtual time, and everything that is planned in it. Events happen one after another in the order of their moments; between two of them
 * everything that follows at once (promises) runs out, so that a story is decided by the seed alone. `at` is the true time, which nobody in
 * the simulation knows: epoch milliseconds, whole.
 */
export class World {
  readonly random: Random
  readonly startedAt: number
  at: number
  readonly story: string[] = []
  #order = 0
  #plan: Planned[] = []

  constructor(random: Random, startedAt: number) {
    this.random = random
    this.startedAt = startedAt
    this.at = startedAt
  }

  after(delayMs: number, act: () => void): CancelTimer {
    // A timer is never early.
    const at = this.at + Math.max(0, Math.ceil(delayMs))
    const planned: Planned = { at, order: this.#order++, act, isCancelled: false }
    push(this.#plan, planned)
    return () => void (planned.isCancelled = true)
  }

  /** Lets everything happen that is planned for before a moment. */
  async runUntil(moment: number): Promise<void> {
    for (;;) {
      const next = this.#plan[0]
      if (next === undefined || next.at >= moment) break
      pop(this.#plan)
      if (next.isCancelled) continue
      this.at = next.at
      next.act()
      // Promises that are settled by now run out before this resolves.
      await setImmediate()
    }
    this.at = moment
  }

  tell(who: string, what: string): void {
    const seconds = ((this.at - this.startedAt) / 1_000).toFixed(3)
    this.story.push(`${seconds.padStart(9)} ${who.padEnd(7)} ${what}`)
  }

  storyHash(): string {
    return createHash('sha256').update(this.story.join('\n')).digest('hex').slice(0, 16)
  }

  // Dice.

  chance(share: number): boolean {
    return this.random() < share
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1))
  }

  oneOf<T>(things: readonly T[]): T {
    // None asks for one of nothing.
    return things[Math.floor(this.random() * things.length)]!
  }

  someOf<T>(things: readonly T[], least = 1): T[] {
    const left = [...things]
    const count = this.between(Math.min(least, left.length), left.length)
    return Array.from({ length: count }, () => left.splice(Math.floor(this.random() * left.length), 1)[0]!)
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order
}

function push(heap: Planned[], one: Planned): void {
  let i = heap.push(one) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!isBefore(one, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = one
}

function pop(heap: Planned[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, last)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
}
