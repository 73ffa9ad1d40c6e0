import { hasPosition, slotFrom, slotUntil, type Ranges } from '../model/index.ts'
import { lateBit, type LogRow, type LoggedGap } from './log-format.ts'
import type { Layout, Layouts } from './layouts.ts'
import type { Stretch } from './ledger.ts'
import type { PackedBatch } from './packed-upload.ts'
import type { SampleDefinition, SampleSink } from './sample-sink.ts'
import { byDay, stretchOf } from './stretches.ts'
import { openSpan, type Task, type TaskBook } from './task-book.ts'

/** Which entries of a batch count, by index, and the row of the log that says so. */
export interface Decision {
  readonly row: LogRow
  readonly counted: readonly number[]
  readonly late: ReadonlySet<number>
}

interface Chosen {
  readonly counted: number[]
  readonly late: Set<number>
  /** Places of runs in the columns of the batch. */
  readonly runs: number[]
  readonly gaps: LoggedGap[]
}

/** What arrives later than three periods, and two minutes, after its slot is history: rules no longer judge it as of now. */
const lateAfterPeriods = 3
const lateAfterMs = 120_000

/** Decides what of an upload counts: each slot once, whatever is sent, how often and in whatever order. */
export class UploadDecider {
  readonly #tasks: TaskBook
  readonly #layouts: Layouts
  readonly #samples: Pick<SampleSink, 'refuse'>
  /** Since the start: entries that changed nothing, and runs of slots before any that are kept. */
  readonly counts = { repeated: 0, tooOld: 0 }

  constructor(tasks: TaskBook, layouts: Layouts, samples: Pick<SampleSink, 'refuse'>) {
    this.#tasks = tasks
    this.#layouts = layouts
    this.#samples = samples
  }

  /**
   * Changes nothing but what is staged, and `pending`.
   * @param ranges positions of the batch's spool that were received @param oldest slots before it are not kept
   */
  decide(batch: PackedBatch, ranges: Ranges, pending: Pending, oldest: number, at: number): Decision {
    const layouts = Array.from(batch.layouts, (number) => this.#layouts.of(number))
    const chosen = this.#choose(batch, layouts, ranges, pending, oldest, at)
    const row = this.#rowOf(batch, layouts, chosen, at)
    return { row, counted: chosen.counted, late: chosen.late }
  }

  #choose(
    batch: PackedBatch,
    layouts: readonly Layout[],
    ranges: Ranges,
    pending: Pending,
    oldest: number,
    at: number,
  ): Chosen {
    const chosen: Chosen = { counted: [], late: new Set(), runs: [], gaps: [] }
    let nextGap = 0
    for (let i = 0; i <= batch.indexes.length; i++) {
      const index = batch.indexes[i] ?? batch.count
      for (; nextGap < batch.gaps.length && batch.gaps[nextGap]![0] < index; nextGap++)
        this.#chooseGap(batch, nextGap, chosen, ranges, pending, oldest, at)
      if (i === batch.indexes.length) break
      const { task } = layouts[i]!
      const slot = batch.slots[i]!
      if (slot < oldest) {
        this.counts.tooOld++
        continue
      }
      if (
        hasPosition(ranges, batch.from + index) ||
        pending.hasRun(task, slot) ||
        this.#tasks.day(task, slot).record.ledger.hasRun(slot)
      ) {
        this.counts.repeated++
        continue
      }
      pending.addRun(task, slot)
      chosen.counted.push(index)
      if (isLate(task, slot, openSpan(task.spans)?.periodMs ?? 0, at)) chosen.late.add(index)
      chosen.runs.push(i)
    }
    return chosen
  }

  #chooseGap(
    batch: PackedBatch,
    place: number,
    { counted, late, runs, gaps }: Chosen,
    ranges: Ranges,
    pending: Pending,
    oldest: number,
    at: number,
  ): void {
    const [index, record] = batch.gaps[place]!
    if (hasPosition(ranges, batch.from + index)) {
      this.counts.repeated++
      return
    }
    const { outcome, periodMs, reason } = record
    const task = this.#tasks.findOrStage(record.task, record.task, at)
    const from = Math.max(slotFrom(task.id, periodMs, record.from), slotFrom(task.id, periodMs, Math.max(0, oldest)))
    const to = slotUntil(task.id, periodMs, record.to)
    const gap = { from, to, outcome, periodMs, reason }
    if (from > to || this.#emptyIn(task, stretchOf(gap, batch.agent), pending) <= 0) {
      this.counts.repeated++
      return
    }
    pending.addGap(task, from, to)
    counted.push(index)
    const comesLate = isLate(task, to, periodMs, at)
    if (comesLate) late.add(index)
    gaps.push({ task: task.number, gap, late: comesLate, before: runs.length })
  }

  #emptyIn(task: Task, gap: Stretch, pending: Pending): number {
    const ledgerAt = (slot: number) => this.#tasks.day(task, slot).record.ledger
    let empty = 0
    for (const part of byDay(gap)) empty += ledgerAt(part.from).emptyIn(part)
    return empty - pending.filledIn(task, gap, (slot) => !ledgerAt(slot).has(slot))
  }

  #rowOf(batch: PackedBatch, layouts: readonly Layout[], { runs, gaps, late }: Chosen, at: number): LogRow {
    const { agent, spool, from, count } = batch
    const valuesFrom: number[] = []
    let samples = 0
    for (const { count: ofRun } of layouts) {
      valuesFrom.push(samples)
      samples += ofRun
    }
    const kept = runs.reduce((sum, i) => sum + layouts[i]!.count, 0)
    const values = new Float64Array(kept)
    const series = new Int32Array(kept)
    const samplesFrom = new Float64Array(runs.length + 1)
    const loose = new LooseDefinitions()
    let next = 0
    runs.forEach((i, k) => {
      const layout = layouts[i]!
      const { numbers, refused, loose: ofRun } = this.#layouts.seriesOf(layout, at)
      if (refused > 0) this.#samples.refuse(layout.task.connector, refused)
      samplesFrom[k] = next
      values.set(batch.values.subarray(valuesFrom[i]!, valuesFrom[i]! + numbers.length), next)
      series.set(numbers, next)
      for (const { place, key } of ofRun) series[next + place] = -1 - loose.place(key, layout.samples[place]!)
      next += numbers.length
    })
    samplesFrom[runs.length] = next
    const noteOf = new Map(batch.notes)
    return {
      at,
      agent,
      spool,
      from,
      count,
      gaps,
      loose: loose.all,
      notes:
        noteOf.size === 0
          ? []
          : runs.flatMap((i, k) => {
              const note = noteOf.get(batch.indexes[i]!)
              return note === undefined ? [] : [[k, note] as const]
            }),
      runs: {
        count: runs.length,
        tasks: Float64Array.from(runs, (i) => layouts[i]!.task.number),
        slots: Float64Array.from(runs, (i) => batch.slots[i]!),
        startedAt: Float64Array.from(runs, (i) => batch.startedAt[i]!),
        durations: Float64Array.from(runs, (i) => batch.durations[i]!),
        codes: Float64Array.from(runs, (i) => batch.codes[i]! + (late.has(batch.indexes[i]!) ? lateBit : 0)),
        samplesFrom,
        values,
        series,
      },
    }
  }
}

function isLate(task: Task, slot: number, periodMs: number, at: number): boolean {
  if (at - slot > Math.max(lateAfterMs, lateAfterPeriods * periodMs)) return true
  // A newest slot that lies in the future, left by a clock that was wrong, makes nothing late.
  return task.last !== undefined && slot < task.last.slot && task.last.slot <= at + periodMs
}

/** What a row says of samples without a series: each definition once, as tasks of one shape have the same. */
class LooseDefinitions {
  readonly all: SampleDefinition[] = []
  readonly #places = new Map<string, number>()

  place(key: string, definition: SampleDefinition): number {
    let place = this.#places.get(key)
    if (place === undefined) this.#places.set(key, (place = this.all.push(definition) - 1))
    return place
  }
}

/** What the batches of one transaction have filled, before it is committed. */
export class Pending {
  readonly #runs = new Map<Task, Set<number>>()
  readonly #gaps = new Map<Task, { from: number; to: number }[]>()

  hasRun(task: Task, slot: number): boolean {
    return this.#runs.get(task)?.has(slot) ?? false
  }

  addRun(task: Task, slot: number): void {
    const slots = this.#runs.get(task)
    if (slots === undefined) this.#runs.set(task, new Set([slot]))
    else slots.add(slot)
  }

  addGap(task: Task, from: number, to: number): void {
    const gaps = this.#gaps.get(task)
    if (gaps === undefined) this.#gaps.set(task, [{ from, to }])
    else gaps.push({ from, to })
  }

  /** How many slots of a gap that memory takes for empty are not any more. */
  filledIn(task: Task, gap: Stretch, isEmpty: (slot: number) => boolean): number {
    const filled = new Set<number>()
    for (const slot of this.#runs.get(task) ?? [])
      if (slot >= gap.from && slot <= gap.to && (slot - gap.from) % gap.periodMs === 0 && isEmpty(slot))
        filled.add(slot)
    for (const { from, to } of this.#gaps.get(task) ?? []) {
      const last = Math.min(to, gap.to)
      for (
        let slot = gap.from + Math.max(0, Math.ceil((from - gap.from) / gap.periodMs)) * gap.periodMs;
        slot <= last;
        slot += gap.periodMs
      )
        if (isEmpty(slot)) filled.add(slot)
    }
    return filled.size
  }
}
