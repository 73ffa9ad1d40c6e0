import { Heap } from '../base/index.ts'
import { slotFrom, slotUntil, type Slot } from '../model/index.ts'

export interface ScheduledTask {
  readonly id: string
  readonly periodMs: number
}

/** One run that falls due. */
export interface DueSlot {
  readonly task: string
  readonly slot: Slot
  readonly periodMs: number
}

/** Slots of one task whose time went by unseen: all with `from` ≤ slot ≤ `to`. */
export interface MissedSlots {
  readonly task: string
  readonly from: Slot
  readonly to: Slot
  readonly periodMs: number
}

/**
 * How long after its time a slot is still handed out. Beyond it the machine slept, the clock was set or the program stood still,
 * and running everything that piled up would hit all targets at once. Shorter than a period, so that no task falls due twice.
 */
export function toleranceOf(periodMs: number): number {
  return Math.min(periodMs - 1, 5_000)
}

interface Entry {
  readonly id: string
  readonly periodMs: number
  /** First slot of the unbroken stretch that ends before `next`. */
  from: Slot
  next: Slot
  /** Earlier stretches, from before the clock was set back; at most `maxStretches`. */
  done: { readonly from: Slot; readonly to: Slot }[] | undefined
}

const maxStretches = 16

/**
 * Which slots fall due, decided from times it is told; it reads no clock. A slot is handed out once: going back in time hands out
 * nothing again, but what was never handed out; going forward far returns what was passed over as missed. Slots are computed from the
 * task alone, so they never drift.
 */
export class Schedule {
  readonly #entries = new Map<string, Entry>()
  readonly #heap = new Heap<Entry>((entry) => entry.next)
  #at = -Infinity

  get size(): number {
    return this.#entries.size
  }

  /** Replaces the tasks. One that stands in both with the same period goes on undisturbed; a changed period begins a new series. */
  replace(tasks: Iterable<ScheduledTask>, at: number): void {
    const kept: Entry[] = []
    const before = new Map(this.#entries)
    this.#entries.clear()
    for (const { id, periodMs } of tasks) {
      const known = before.get(id)
      const entry = known !== undefined && known.periodMs === periodMs ? known : fresh(id, periodMs, at)
      this.#entries.set(id, entry)
      kept.push(entry)
    }
    this.#heap.rebuild(kept)
    this.#at = Math.max(this.#at, at)
  }

  /** The earliest planned time that is still to come, or undefined without tasks. */
  nextAt(): number | undefined {
    return this.#heap.peek()?.next
  }

  /** Hands out every slot up to `at`, in order of time, and what was missed on the way. */
  take(at: number): { readonly due: readonly DueSlot[]; readonly missed: readonly MissedSlots[] } {
    if (at < this.#at) this.#wentBack(at)
    this.#at = at
    const due: DueSlot[] = []
    const missed: MissedSlots[] = []
    for (let entry = this.#heap.peek(); entry !== undefined && entry.next <= at; entry = this.#heap.peek()) {
      const { id, periodMs } = entry
      const oldest = slotFrom(id, periodMs, at - toleranceOf(periodMs))
      if (entry.next < oldest) {
        const to = undoneUntil(entry, oldest - periodMs)
        missed.push({ task: id, from: entry.next, to, periodMs })
        // Not handed out: where the clock was ahead by mistake and comes by again, they are run after all.
        beginAt(entry, to + periodMs)
      } else {
        due.push({ task: id, slot: entry.next, periodMs })
        moveTo(entry, entry.next + periodMs)
      }
      this.#heap.sinkFirst()
    }
    return { due, missed }
  }

  /**
   * The clock was set back. Slots handed out before stay handed out. Only where it stands before a task's first slot there are slots
   * that nobody ran; the task then begins there, and leaves out what it did when it comes by again.
   */
  #wentBack(at: number): void {
    const all = [...this.#entries.values()]
    for (const entry of all) {
      const first = slotFrom(entry.id, entry.periodMs, at)
      if (first < entry.from) beginAt(entry, first)
    }
    this.#heap.rebuild(all)
  }
}

function fresh(id: string, periodMs: number, at: number): Entry {
  const first = slotFrom(id, periodMs, at)
  return { id, periodMs, from: first, next: first, done: undefined }
}

/** Begins another unbroken stretch. */
function beginAt(entry: Entry, slot: Slot): void {
  if (entry.next > entry.from)
    entry.done = [...(entry.done ?? []), { from: entry.from, to: entry.next - entry.periodMs }].slice(-maxStretches)
  entry.from = slot
  moveTo(entry, slot)
}

function moveTo(entry: Entry, slot: Slot): void {
  entry.next = slot
  if (entry.done === undefined) return
  // Stretches may touch, so one pass over a sorted copy leads past all of them.
  for (const { from, to } of entry.done.toSorted((a, b) => a.from - b.from)) {
    if (entry.next >= from && entry.next <= to) entry.next = to + entry.periodMs
  }
}

/** The last slot up to `last` that follows `next` without one that was handed out before. */
function undoneUntil(entry: Entry, last: Slot): Slot {
  const ahead = (entry.done ?? []).filter(({ from }) => from > entry.next)
  return ahead.reduce((until, { from }) => Math.min(until, from - entry.periodMs), last)
}

/** The slots of a task in a stretch of time, ends included, or undefined where there is none. */
export function slotsBetween(task: ScheduledTask, from: number, to: number): MissedSlots | undefined {
  const first = slotFrom(task.id, task.periodMs, from)
  const last = slotUntil(task.id, task.periodMs, to)
  return first > last ? undefined : { task: task.id, from: first, to: last, periodMs: task.periodMs }
}
