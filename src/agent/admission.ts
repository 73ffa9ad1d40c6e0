import { Heap } from '../base/index.ts'
import type { Slot } from '../model/index.ts'

export interface AdmissionLimits {
  /** How many runs may be under way. */
  readonly total: number
  /** How many of them at one target. */
  readonly perTarget: number
}

/** A slot that wants to run. */
export interface Candidate {
  readonly task: string
  readonly slot: Slot
  readonly periodMs: number
  /** What the bound per target counts. */
  readonly target: string
}

export interface Refused {
  readonly candidate: Candidate
  readonly reason: 'overload' | 'still running'
}

interface Waiting {
  readonly candidate: Candidate
  readonly until: number
  left: boolean
}

interface Target {
  running: number
  queue: Waiting[]
  /** How many at the head of `queue` are taken already; cut off when they are many. */
  head: number
  /** Stands in the ring of targets that have work and room. */
  ready: boolean
}

const longestWaitMs = 60_000

/** How long after its time a slot may still wait for its turn: half its period, and never more than a minute. */
export function patienceOf(periodMs: number): number {
  return Math.min(periodMs / 2, longestWaitMs)
}

/**
 * Who may run now, who waits, who is turned away. Waiting is bounded in number (one slot of a task) and in time (`patienceOf`).
 * Targets take turns, so that one slow target with many tasks holds back its own tasks only.
 * Reads no clock. Every candidate handed in comes out exactly once: as started or as refused, or through `clear`.
 */
export class Admission {
  #limits: AdmissionLimits
  readonly #running = new Map<string, string>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #targets = new Map<string, Target>()
  readonly #deadlines = new Heap<Waiting>((waiting) => waiting.until)
  #ring: Target[] = []

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  get running(): number {
    return this.#running.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** The earliest moment at which somebody's patience ends, or undefined where nobody waits. */
  nextDeadline(): number | undefined {
    this.#dropLeft()
    return this.#deadlines.peek()?.until
  }

  /** The earliest slot of those that wait; Infinity where nobody does. */
  earliestSlot(): number {
    let earliest = Infinity
    for (const { candidate } of this.#waiting.values()) earliest = Math.min(earliest, candidate.slot)
    return earliest
  }

  /** A smaller bound ends nothing that runs. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = limits
    for (const target of this.#targets.values()) this.#offerTurn(target)
  }

  isRunning(task: string): boolean {
    return this.#running.has(task)
  }

  /** A slot fell due. @returns the refusal where the task cannot even wait; otherwise `admit` decides. */
  offer(candidate: Candidate): Refused | undefined {
    // One that waits has its time before its next slot, but for a clock that jumped.
    if (this.#running.has(candidate.task) || this.#waiting.has(candidate.task)) {
      return { candidate, reason: 'still running' }
    }
    const waiting: Waiting = { candidate, until: candidate.slot + patienceOf(candidate.periodMs), left: false }
    this.#waiting.set(candidate.task, waiting)
    this.#deadlines.push(waiting)
    const target = this.#targetOf(candidate.target)
    target.queue.push(waiting)
    this.#offerTurn(target)
    return undefined
  }

  /** Everybody who may start now, and everybody whose patience has ended meanwhile. */
  admit(at: number): { readonly start: readonly Candidate[]; readonly refused: readonly Refused[] } {
    const start: Candidate[] = []
    while (this.#running.size < this.#limits.total) {
      const target = this.#ring.shift()
      if (target === undefined) break
      target.ready = false
      const waiting = takeFirst(target)
      if (waiting === undefined) continue
      const { candidate } = waiting
      waiting.left = true
      this.#waiting.delete(candidate.task)
      this.#running.set(candidate.task, candidate.target)
      target.running++
      start.push(candidate)
      this.#offerTurn(target)
    }
    // Last, so that a slot that came late to begin with still runs where there is room.
    const refused: Refused[] = []
    for (;;) {
      this.#dropLeft()
      const first = this.#deadlines.peek()
      if (first === undefined || first.until > at) break
      this.#deadlines.pop()
      first.left = true
      this.#waiting.delete(first.candidate.task)
      refused.push({ candidate: first.candidate, reason: 'overload' })
    }
    return { start, refused }
  }

  /** A run has ended, however. */
  ended(task: string): void {
    const name = this.#running.get(task)
    if (name === undefined) return
    this.#running.delete(task)
    const target = this.#targetOf(name)
    target.running--
    this.#offerTurn(target)
    if (target.running === 0 && isEmpty(target)) this.#targets.delete(name)
  }

  /** Takes everybody who waits and is not wanted any more. */
  clear(unwanted: (candidate: Candidate) => boolean): readonly Candidate[] {
    const out: Candidate[] = []
    for (const [task, waiting] of this.#waiting) {
      if (!unwanted(waiting.candidate)) continue
      waiting.left = true
      this.#waiting.delete(task)
      out.push(waiting.candidate)
    }
    // Targets that only ever had slots that waited in vain would otherwise stay for good.
    for (const [name, target] of this.#targets) if (target.running === 0 && isEmpty(target)) this.#targets.delete(name)
    return out
  }

  #targetOf(name: string): Target {
    let target = this.#targets.get(name)
    if (target === undefined) {
      target = { running: 0, queue: [], head: 0, ready: false }
      this.#targets.set(name, target)
    }
    return target
  }

  #offerTurn(target: Target): void {
    if (target.ready || target.running >= this.#limits.perTarget || isEmpty(target)) return
    target.ready = true
    this.#ring.push(target)
  }

  #dropLeft(): void {
    for (let first = this.#deadlines.peek(); first?.left === true; first = this.#deadlines.peek()) this.#deadlines.pop()
  }
}

function isEmpty(target: Target): boolean {
  while (target.head < target.queue.length && target.queue[target.head]!.left) target.head++
  if (target.head === target.queue.length || target.head > 1_000) {
    target.queue = target.queue.slice(target.head)
    target.head = 0
  }
  return target.queue.length === 0
}

function takeFirst(target: Target): Waiting | undefined {
  return isEmpty(target) ? undefined : target.queue[target.head++]
}
