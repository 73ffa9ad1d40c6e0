import { pathId } from '../base/index.ts'
import {
  conditionsOf,
  failedMetric,
  judgedUnit,
  judgesFailed,
  rowsFor,
  severityOf,
  type Condition,
  type FailureReason,
  type JudgedMetric,
  type Labels,
  type Rule,
  type RunResult,
  type Sample,
  type SeverityOrClear,
  type Unit,
} from '../model/index.ts'
import { calm, step, type Effect, type ItemRule, type ItemState, type Observation } from './step.ts'

export interface MetricFacts extends JudgedMetric {
  readonly title?: string
  readonly items?: readonly string[]
}

/**
 * A task as alarms need to know it. `rules` and `metrics` must be the same objects for as long as the configuration stands, and shared by
 * tasks of one profile: what is compiled from them is kept by their identity.
 */
export interface TaskFacts {
  readonly id: string
  readonly group: string
  readonly system: string
  readonly connector: string
  readonly profile: string
  readonly monitor: string
  readonly periodMs: number
  readonly rules: readonly Rule[]
  /** What the monitor declares. Samples of other names are judged in the unit they bring. */
  readonly metrics: Readonly<Record<string, MetricFacts>>
}

/** What is remembered of a task between its runs. Maps hold what is not calm, what counters need, what must not fall silent. */
export interface TaskState {
  /** The last slot that was judged; what is older is history. */
  readonly lastSlot: number
  readonly items: ReadonlyMap<string, ItemState>
  readonly counters: ReadonlyMap<string, { readonly slot: number; readonly value: number }>
  /** Items of rows with `noData`, and when each had its last value. */
  readonly watched: ReadonlyMap<string, number>
}

/** One row on one item: where a step's effect belongs. */
export interface Judged {
  /** `row, metric, item` in one text. */
  readonly key: string
  readonly rule: Rule
  readonly metric: string
  readonly item: string
  readonly unit: Unit
  readonly value: number | null
  readonly effect: Effect
}

export interface Judgement {
  readonly state: TaskState
  readonly effects: readonly Judged[]
  /** Whether anything but `lastSlot` and the times in `watched` is another than before, and so must be stored. */
  readonly changed: boolean
}

/** What a sample says of its metric where the monitor's declaration does not know it. */
type Brought = Pick<Sample, 'unit' | 'kind'>

interface Judge {
  readonly rule: Rule
  readonly key: string
  readonly metric: string
  readonly item: string
  readonly unit: Unit
  readonly steps: ItemRule
}

/** A name cannot hold the separator: control characters are refused in rows' names, and only the last part may be anything. */
const separator = '\u0000'
/** Far above the items of a shape in real life; a target that invents labels for ever starts the cache afresh. */
const maxCached = 50_000

/** An alarm's identity: two servers that meet the same problem name it alike. */
export function alarmId(task: string, rule: string, metric: string, item: string, since: number): string {
  return pathId(task, rule, metric, item, String(since))
}

/** Labels in one line: `mount=/var`. Values that would be ambiguous are quoted. */
export function itemText(labels: Labels): string {
  let text = ''
  const keys = Object.keys(labels)
  if (keys.length > 1) keys.sort()
  for (const key of keys) {
    const value = labels[key]!
    text += `${text === '' ? '' : ', '}${key}=${/[,="]/.test(value) ? JSON.stringify(value) : value}`
  }
  return text
}

/** A surveillance table made ready for one shape of task: matchers run once per item, then the answer is remembered. */
export class Table {
  readonly rules: readonly Rule[]
  readonly watches: boolean
  readonly judgesFailed: boolean
  readonly #metrics: Readonly<Record<string, MetricFacts>>
  readonly #periodMs: number
  readonly #judges = new Map<string, readonly Judge[]>()

  constructor(rules: readonly Rule[], metrics: Readonly<Record<string, MetricFacts>>, periodMs: number) {
    this.rules = rules
    this.#metrics = metrics
    this.#periodMs = periodMs
    this.watches = rules.some((rule) => rule.alarm && rule.noData !== undefined)
    this.judgesFailed = rules.some((rule) => judgesFailed(rule))
  }

  /** Unit and kind as declared; of a metric that no declaration knows, as the sample brings them. */
  #declared(metric: string, brought: Brought): JudgedMetric {
    if (Object.hasOwn(this.#metrics, metric)) return this.#metrics[metric]!
    return { unit: brought.unit ?? '', ...(brought.kind === undefined ? {} : { kind: brought.kind }) }
  }

  isCounter(metric: string, brought: Brought): boolean {
    return this.#declared(metric, brought).kind === 'counter'
  }

  /** The unit in which a metric is judged. */
  unitOf(metric: string, brought: Brought): Unit {
    return judgedUnit(this.#declared(metric, brought))
  }

  /** The rows that judge an item, in order, and only those that may make an alarm. */
  judgesOf(metric: string, item: string, labels: Labels, brought: Brought): readonly Judge[] {
    const cacheKey = item === '' ? metric : metric + separator + item
    let judges = this.#judges.get(cacheKey)
    if (judges === undefined) {
      if (this.#judges.size >= maxCached) this.#judges.clear()
      judges = this.#find(metric, item, labels, this.unitOf(metric, brought))
      this.#judges.set(cacheKey, judges)
    }
    return judges
  }

  #find(metric: string, item: string, labels: Labels, unit: Unit): readonly Judge[] {
    const judges: Judge[] = []
    for (const rule of rowsFor(this.rules, metric, labels)) {
      const conditions = rule.alarm ? conditionsOf(rule, unit) : undefined
      if (conditions !== undefined) judges.push(this.#judge(rule, metric, item, unit, conditions))
    }
    return judges
  }

  #judge(rule: Rule, metric: string, item: string, unit: Unit, conditions: readonly Condition[]): Judge {
    const { hold, clearAfter, noData } = rule
    return {
      rule,
      key: rule.name + separator + metric + separator + item,
      metric,
      item,
      unit,
      steps: { conditions, hold, clearAfter, noData, periodMs: this.#periodMs },
    }
  }

  /** The row and item that a key was made of, for what is judged without a value; undefined where the table has no such row any more. */
  judgeOf(key: string): Judge | undefined {
    const { rule: name, metric, item } = partsOf(key)
    const rule = this.rules.find((one) => one.name === name && one.alarm)
    if (rule === undefined) return undefined
    const unit = this.unitOf(metric, {})
    return this.#judge(rule, metric, item, unit, conditionsOf(rule, unit) ?? [])
  }

  /** What a task with this table has before its first run: values of metrics that are named and single are missed from the start. */
  beginning(at: number): TaskState {
    const watched = new Map<string, number>()
    for (const rule of this.rules) {
      if (!rule.alarm || rule.noData === undefined) continue
      for (const term of rule.metric.any) {
        if (term.is !== 'exact' || !Object.hasOwn(this.#metrics, term.text)) continue
        if ((this.#metrics[term.text]!.items ?? []).length > 0) continue
        for (const judge of this.judgesOf(term.text, '', {}, {})) if (judge.rule === rule) watched.set(judge.key, at)
      }
    }
    return { ...blankState, watched: kept(watched) }
  }
}

export function partsOf(key: string): { rule: string; metric: string; item: string } {
  const [rule, metric, ...item] = key.split(separator)
  return { rule: rule!, metric: metric!, item: item.join(separator) }
}

const tables = new WeakMap<readonly Rule[], Map<number, { metrics: TaskFacts['metrics']; table: Table }>>()

/** The table of a task, compiled once for all tasks of its shape. */
export function tableOf(task: Pick<TaskFacts, 'rules' | 'metrics' | 'periodMs'>): Table {
  let byPeriod = tables.get(task.rules)
  if (byPeriod === undefined) tables.set(task.rules, (byPeriod = new Map()))
  let found = byPeriod.get(task.periodMs)
  if (found === undefined || found.metrics !== task.metrics) {
    found = { metrics: task.metrics, table: new Table(task.rules, task.metrics, task.periodMs) }
    byPeriod.set(task.periodMs, found)
  }
  return found.table
}

const none: readonly Judged[] = []

/** Of all tasks that have nothing to remember of a kind, which is nearly all: three maps of their own are 0.6 kB for each. */
const nothing: ReadonlyMap<string, never> = new Map<string, never>()

/** A map to be kept, but for an empty one. */
export function kept<T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return map.size === 0 ? nothing : map
}

/** Of which nothing is remembered. */
export const blankState: TaskState = { lastSlot: 0, items: nothing, counters: nothing, watched: nothing }

/**
 * Judges one run. The caller has seen to it that the slot is newer than `state.lastSlot`, and that the run was not made by an isolated
 * agent. Of a run that failed, items without a value were not observed: they neither clear nor raise, nor do they count as absent.
 */
export function judgeRun(table: Table, state: TaskState, result: RunResult): Judgement {
  const work = new Work(state)
  const failed = result.outcome === 'failed'
  if (table.judgesFailed) {
    for (const judge of table.judgesOf(failedMetric, '', {}, {})) work.value(judge, failed ? 1 : 0, result.slot)
  }
  for (const sample of result.samples) {
    const item = itemText(sample.labels)
    const judges = table.judgesOf(sample.name, item, sample.labels, sample)
    if (judges.length === 0) continue
    const value = table.isCounter(sample.name, sample)
      ? work.rate(sample.name, item, sample.value, result.slot)
      : sample.value
    for (const judge of judges) {
      if (value !== undefined) work.value(judge, value, result.slot)
      // A counter's first value says nothing about its rate, but the item is there.
      else work.met(judge)
    }
  }
  if (!failed) work.absences(table, result.slot)
  return work.end(result.slot)
}

/**
 * Raises what has been silent for too long, and ends what has been silent for a day longer. `at` is server time; silence counts from
 * `listeningSince` at the earliest.
 */
export function judgeSilence(table: Table, state: TaskState, listeningSince: number, at: number): Judgement {
  const work = new Work(state)
  for (const [key, last] of state.watched) {
    const judge = table.judgeOf(key)
    if (judge?.rule.noData === undefined) continue
    const silentMs = at - Math.max(last, listeningSince)
    // A metric that every run should have is missed for as long as it is missing; one of many items was perhaps removed.
    if (judge.item !== '' && silentMs >= judge.rule.noData.afterMs + goneAfterMs) work.forget(judge, at)
    else if (silentMs >= judge.rule.noData.afterMs) work.observe(judge, { is: 'silence', since: last }, null, at)
  }
  return work.end(state.lastSlot)
}

/** How long an item that no longer appears keeps its no-data alarm: long enough to be seen, not for ever. */
const goneAfterMs = 86_400_000

/** When `judgeSilence` next may have something to say; Infinity where never. */
export function silenceDue(table: Table, state: TaskState, listeningSince: number): number {
  let due = Infinity
  for (const [key, seen] of state.watched) {
    const last = Math.max(seen, listeningSince)
    const { rule: name, item } = partsOf(key)
    const afterMs = table.rules.find((rule) => rule.name === name)?.noData?.afterMs
    if (afterMs === undefined) continue
    const is = state.items.get(key)
    const told = is?.is === 'muted' || (is?.is === 'raised' && is.cause === 'no data')
    if (!told) due = Math.min(due, last + afterMs)
    else if (item !== '') due = Math.min(due, last + afterMs + goneAfterMs)
  }
  return due
}

/** The state of a task while it is judged: copies a map when it is first changed, so that a calm run costs nothing. */
class Work {
  readonly #before: TaskState
  #items: Map<string, ItemState> | undefined
  #counters: Map<string, { slot: number; value: number }> | undefined
  #watched: Map<string, number> | undefined
  #changed = false
  #effects: Judged[] | undefined
  readonly #met: Set<string> | undefined

  constructor(before: TaskState) {
    this.#before = before
    this.#met = before.items.size === 0 ? undefined : new Set()
  }

  met(judge: Judge): void {
    this.#met?.add(judge.key)
  }

  value(judge: Judge, value: number, at: number): void {
    this.#met?.add(judge.key)
    if (judge.rule.noData !== undefined) {
      this.#watched ??= new Map(this.#before.watched)
      if (!this.#watched.has(judge.key)) this.#changed = true
      this.#watched.set(judge.key, at)
    }
    const before = this.#stateOf(judge.key)
    // Nearly every value is good and was good before: the whole machine is spared for it.
    if (before === calm && severityOf(judge.steps.conditions, value, 'CLEAR') === 'CLEAR') return
    this.observe(judge, { is: 'value', value }, value, at)
  }

  observe(judge: Judge, seen: Observation, value: number | null, at: number): void {
    const before = this.#stateOf(judge.key)
    const { state, effect } = step(judge.steps, before, seen, at)
    if (state !== before) {
      this.#items ??= new Map(this.#before.items)
      if (state === calm) this.#items.delete(judge.key)
      else this.#items.set(judge.key, state)
      this.#changed = true
    }
    if (effect !== undefined) {
      const { key, rule, metric, item, unit } = judge
      ;(this.#effects ??= []).push({ key, rule, metric, item, unit, value, effect })
    }
  }

  forget(judge: Judge, at: number): void {
    this.observe(judge, { is: 'gone' }, null, at)
    this.#watched ??= new Map(this.#before.watched)
    this.#watched.delete(judge.key)
    this.#changed = true
  }

  /** The rate of a counter per second; undefined for its first value and after it began anew. */
  rate(metric: string, item: string, value: number, slot: number): number | undefined {
    const key = metric + separator + item
    this.#counters ??= new Map()
    this.#counters.set(key, { slot, value })
    this.#changed = true
    const before = this.#before.counters.get(key)
    if (before === undefined || before.slot >= slot || value < before.value) return undefined
    return ((value - before.value) * 1_000) / (slot - before.slot)
  }

  absences(table: Table, at: number): void {
    if (this.#met === undefined) return
    for (const key of this.#before.items.keys()) {
      if (this.#met.has(key)) continue
      const judge = table.judgeOf(key)
      if (judge !== undefined) this.observe(judge, { is: 'absent' }, null, at)
    }
  }

  end(lastSlot: number): Judgement {
    const { items, counters, watched } = this.#before
    return {
      state: {
        lastSlot,
        items: kept(this.#items ?? items),
        counters: kept(this.#counters ?? counters),
        watched: kept(this.#watched ?? watched),
      },
      effects: this.#effects ?? none,
      changed: this.#changed,
    }
  }

  #stateOf(key: string): ItemState {
    return (this.#items ?? this.#before.items).get(key) ?? calm
  }
}

/** What the portal shows for one item: which rows judged it, and how bad each finds it. */
export interface Explained {
  readonly metric: string
  readonly item: string
  readonly value: number
  readonly unit: Unit
  /** In the table's order; none where no row takes the item. A counter's value says nothing without its rate: severity null. */
  readonly rows: readonly {
    readonly rule: string
    readonly exclusive: boolean
    readonly alarm: boolean
    /** Null where the row's thresholds cannot be compared with this value. */
    readonly severity: SeverityOrClear | null
  }[]
}

/** Says for every item of a result which rows took it. */
export function explain(
  task: Pick<TaskFacts, 'rules' | 'metrics' | 'periodMs'>,
  result: Pick<RunResult, 'outcome' | 'samples'> & { readonly reason?: FailureReason },
): readonly Explained[] {
  const table = tableOf(task)
  const one = (metric: string, labels: Labels, value: number, brought: Brought): Explained => {
    const unit = table.unitOf(metric, brought)
    return {
      metric,
      item: itemText(labels),
      value,
      unit,
      rows: rowsFor(task.rules, metric, labels).map((rule) => {
        const conditions = table.isCounter(metric, brought) ? undefined : conditionsOf(rule, unit)
        const severity = conditions === undefined ? null : severityOf(conditions, value, 'CLEAR')
        return { rule: rule.name, exclusive: rule.exclusive, alarm: rule.alarm, severity }
      }),
    }
  }
  return [
    one(failedMetric, {}, result.outcome === 'failed' ? 1 : 0, {}),
    ...result.samples.map((sample) => one(sample.name, sample.labels, sample.value, sample)),
  ]
}
