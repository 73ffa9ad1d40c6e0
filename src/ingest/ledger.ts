import { ByteReader, ByteWriter } from '../base/index.ts'
import { isRun, outcomes, type Outcome, type Slot } from '../model/index.ts'

/**
 * Slots of one task that ended alike, one after another: `from`, `from + periodMs`, … `to`. Where the period is 0 the slot lies on no
 * known series of slots and stands alone.
 */
export interface Stretch {
  readonly from: Slot
  readonly to: Slot
  readonly periodMs: number
  readonly outcome: Outcome
  /** Why there was no run; '' for runs. */
  readonly reason: string
  /** Who ran them or said why not; '' where it is not known, or nobody was there. */
  readonly agent: string
}

/** How many slots a stretch has. */
export function slotsOf({ from, to, periodMs }: Stretch): number {
  return periodMs === 0 ? 1 : Math.round((to - from) / periodMs) + 1
}

/**
 * How the slots of one task ended in one day. Every slot is there at most once, whatever is reported, how often and in what order:
 * a run fills a slot that is empty or has a gap record only; a gap record fills empty slots only.
 *
 * Kept as stretches by period, since a changed period begins a new series of slots, each list ascending and without overlaps.
 */
export class DayLedger {
  readonly #series = new Map<number, Stretch[]>()

  /** Whether anything is known of a slot. */
  has(slot: Slot): boolean {
    for (const list of this.#series.values()) if (holding(list, slot) >= 0) return true
    return false
  }

  hasRun(slot: Slot): boolean {
    for (const list of this.#series.values()) {
      const found = list[holding(list, slot)]
      if (found !== undefined && isRun(found.outcome)) return true
    }
    return false
  }

  /** @returns whether it counts: false where the slot has a run already */
  run(slot: Slot, periodMs: number, outcome: Outcome, agent: string): boolean {
    for (const list of this.#series.values()) {
      const index = holding(list, slot)
      if (index < 0) continue
      if (isRun(list[index]!.outcome)) return false
      takeOut(list, index, slot)
    }
    insert(this.#list(periodMs), { from: slot, to: slot, periodMs, outcome, reason: '', agent })
    return true
  }

  /** Fills the empty ones of the slots `from`, `from + periodMs`, … `to`. @returns how many there were */
  gap(gap: Stretch): number {
    let filled = 0
    for (const stretch of this.#emptyParts(gap)) {
      insert(this.#list(gap.periodMs), stretch)
      filled += slotsOf(stretch)
    }
    return filled
  }

  /** How many slots `gap` would fill. */
  emptyIn(gap: Stretch): number {
    return this.#emptyParts(gap).reduce((sum, part) => sum + slotsOf(part), 0)
  }

  #emptyParts(gap: Stretch): readonly Stretch[] {
    const { from, to, periodMs } = gap
    const taken: { from: Slot; to: Slot }[] = []
    for (const [period, list] of this.#series) {
      for (let i = Math.max(0, lastFrom(list, from)); i < list.length && list[i]!.from <= to; i++) {
        const stretch = list[i]!
        if (stretch.to < from) continue
        if (period === periodMs) taken.push({ from: Math.max(from, stretch.from), to: Math.min(to, stretch.to) })
        else {
          for (let slot = stretch.from; slot <= stretch.to; slot += period || 1)
            if (slot >= from && slot <= to && (slot - from) % periodMs === 0) taken.push({ from: slot, to: slot })
        }
      }
    }
    taken.sort((a, b) => a.from - b.from)
    const parts: Stretch[] = []
    let next = from
    for (const each of taken) {
      if (each.from > next) parts.push({ ...gap, from: next, to: each.from - periodMs })
      next = Math.max(next, each.to + periodMs)
    }
    if (next <= to) parts.push({ ...gap, from: next, to })
    return parts
  }

  /** All stretches in the order of their beginnings. */
  stretches(): readonly Stretch[] {
    const all = [...this.#series.values()].flat()
    return this.#series.size > 1 ? all.sort((a, b) => a.from - b.from) : all
  }

  /** On whom slots ended, in an order that is the same after storing. */
  agents(): readonly string[] {
    return [...new Set([...this.#series.values()].flatMap((list) => list.map((each) => each.agent)))]
  }

  /** @param start when the day begins */
  encode(out: ByteWriter, start: number): void {
    const reasons = [...new Set([...this.#series.values()].flatMap((list) => list.map((each) => each.reason)))]
    const agents = this.agents()
    writeTexts(out, reasons)
    writeTexts(out, agents)
    out.varint(this.#series.size)
    for (const [periodMs, list] of this.#series) {
      out.varint(periodMs)
      out.varint(list.length)
      let last = start
      for (const stretch of list) {
        out.varint(stretch.from - last)
        out.varint(slotsOf(stretch))
        out.byte(outcomes.indexOf(stretch.outcome))
        out.varint(reasons.indexOf(stretch.reason))
        if (agents.length > 1) out.varint(agents.indexOf(stretch.agent))
        last = stretch.to
      }
    }
  }

  /** @param stored.hasAgents whether it says on which agent slots ended */
  static decode(from: ByteReader, start: number, stored: { readonly hasAgents: boolean }): DayLedger {
    const ledger = new DayLedger()
    const reasons = readTexts(from)
    const agents = stored.hasAgents ? readTexts(from) : ['']
    for (let lists = from.varint(); lists > 0; lists--) {
      const periodMs = from.varint()
      const list = ledger.#list(periodMs)
      let last = start
      for (let length = from.varint(); length > 0; length--) {
        const first = last + from.varint()
        last = first + (from.varint() - 1) * periodMs
        list.push({
          from: first,
          to: last,
          periodMs,
          outcome: outcomes[from.byte()]!,
          reason: reasons[from.varint()]!,
          agent: agents[agents.length > 1 ? from.varint() : 0]!,
        })
      }
    }
    return ledger
  }

  #list(periodMs: number): Stretch[] {
    let list = this.#series.get(periodMs)
    if (list === undefined) this.#series.set(periodMs, (list = []))
    return list
  }
}

export function writeTexts(out: ByteWriter, texts: readonly string[]): void {
  out.varint(texts.length)
  for (const text of texts) {
    const bytes = Buffer.from(text)
    out.varint(bytes.length)
    out.raw(bytes)
  }
}

export function readTexts(from: ByteReader): readonly string[] {
  return Array.from({ length: from.varint() }, () => {
    const bytes = from.raw(from.varint())
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
  })
}

/** The index of the last stretch that begins at or before a slot; -1 for none. */
function lastFrom(list: readonly Stretch[], slot: Slot): number {
  let low = 0
  let high = list.length
  // Nearly always it is the last one.
  if (high > 0 && list[high - 1]!.from <= slot) return high - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]!.from <= slot) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The index of the stretch that has exactly this slot; -1 for none. */
function holding(list: readonly Stretch[], slot: Slot): number {
  const index = lastFrom(list, slot)
  const stretch = list[index]
  if (stretch === undefined || slot > stretch.to) return -1
  return stretch.from === slot || (slot - stretch.from) % stretch.periodMs === 0 ? index : -1
}

function takeOut(list: Stretch[], index: number, slot: Slot): void {
  const stretch = list[index]!
  const parts: Stretch[] = []
  if (stretch.from < slot) parts.push({ ...stretch, to: slot - stretch.periodMs })
  if (stretch.to > slot) parts.push({ ...stretch, from: slot + stretch.periodMs })
  list.splice(index, 1, ...parts)
}

/** Puts in a stretch of slots that are not in the list, and joins it with its neighbours where they ended alike. */
function insert(list: Stretch[], stretch: Stretch): void {
  const index = lastFrom(list, stretch.from)
  const before = list[index]
  const after = list[index + 1]
  const joinsBefore = before !== undefined && joins(before, stretch)
  const joinsAfter = after !== undefined && joins(stretch, after)
  if (joinsBefore && joinsAfter) list.splice(index, 2, { ...before, to: after.to })
  else if (joinsBefore) list[index] = { ...before, to: stretch.to }
  else if (joinsAfter) list[index + 1] = { ...after, from: stretch.from }
  else list.splice(index + 1, 0, stretch)
}

function joins(first: Stretch, second: Stretch): boolean {
  return (
    first.periodMs > 0 &&
    first.to + first.periodMs === second.from &&
    first.outcome === second.outcome &&
    first.reason === second.reason &&
    first.agent === second.agent
  )
}
