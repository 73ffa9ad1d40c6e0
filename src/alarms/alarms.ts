import { FarwatchError, hash53, messageOf, pathId, type Clock } from '../base/index.ts'
import {
  compareSeverity,
  severities,
  type Alarm,
  type AlarmEvent,
  type AlarmEventKind,
  type RunResult,
  type Severity,
  type SpoolEntry,
} from '../model/index.ts'
import { breathingLast, type Database, type Log, type Statement } from '../platform/index.ts'
import { DueTimes } from './due-times.ts'
import {
  alarmId,
  blankState,
  judgeRun,
  judgeSilence,
  kept,
  silenceDue,
  tableOf,
  type Judged,
  type Judgement,
  type TaskFacts,
  type TaskState,
} from './judge.ts'
import { breachMessage, silenceMessage } from './message.ts'
import * as store from './store.ts'
import { calm, step, type ItemState } from './step.ts'

/** What the log hands over: one stored batch. */
export interface JudgedBatch {
  /** Grows by 1. */
  readonly position: number
  /** Server time of storing. */
  readonly at: number
  /** `late`: it arrived after a newer slot of its task, or long after its time; it is history and raises nothing. */
  readonly entries: readonly (SpoolEntry & { readonly late?: true })[]
}

export interface AlarmsOptions {
  /** Opened with `alarmsSchema`. */
  readonly database: Database
  readonly clock: Clock
  /** The task as configured now; undefined where it no longer exists. Asked when a task is first met and when `tasksChanged` names it. */
  readonly tasks: (id: string) => TaskFacts | undefined
  /** Whether people are told already why nothing is heard of a task: nobody may run it, or its agent is lost. Its silence then raises nothing. */
  readonly isSilenceExplained?: (task: string) => boolean
  /** Whether a task is in a maintenance window at a moment: what is measured then is kept and not judged. */
  readonly isInMaintenance?: (task: string, at: number) => boolean
  /** The rows by which events are delivered; written in the same transaction as what they tell of. */
  readonly outbox: (events: readonly AlarmEvent[]) => readonly Statement[]
  readonly log: Log
}

export interface TasksChange {
  readonly added?: Iterable<string>
  readonly changed?: Iterable<string>
  readonly removed?: Iterable<string>
}

/** A problem of the program itself: a certificate that expires, an agent that is lost. */
export interface InternalProblem {
  /** Names the problem; one alarm is open for it at most. */
  readonly key: string
  readonly severity: Severity
  readonly message: string
  /** The group concerned; empty for the whole instance. */
  readonly group?: string
}

/** The row name of the dead-man that every task has. */
export const noResultsRule = 'no results'
/** The row that a person's clearing of an internal problem is remembered in. */
const internalTask = ''
const retentionMs = 400 * 86_400_000
const flushEveryMs = 1_000
/** Ticks come every second or so; a longer pause than this means that the program itself stood still. */
const longestNapMs = 15_000
/** How often a task is looked at of which nothing is to be heard: when that ends, its silence counts from the last look. */
const restingMs = 10_000

/** How long a task is silent before anybody wonders: three periods, a minute at least. */
export const shortestSilenceMs = (periodMs: number) => Math.max(3 * periodMs, 60_000)
/** The dead-man's patience: that, and what an upload may take. */
const patienceMs = (periodMs: number) => shortestSilenceMs(periodMs) + 15_000

interface Live {
  facts: TaskFacts
  state: TaskState
  silent: store.Silent | undefined
  /** The newest slot of which anything was heard, or when the task was first met. */
  signAt: number
  /** What the last record of a slot without a run said. */
  gap: string | undefined
}

/** Everything that waits to be written. */
interface Unsaved {
  readonly alarms: Map<string, store.StoredAlarm>
  steps: Statement[]
  events: AlarmEvent[]
  readonly tasks: Set<string>
}

export async function openAlarms(options: AlarmsOptions): Promise<Alarms> {
  const at = options.clock.now()
  const alarms = new Alarms(options, at, await store.load(options.database, at))
  await alarms.settle(at)
  return alarms
}

/** As they are stored, to be read: nothing is judged, looked after or written. */
export async function readAlarms(options: AlarmsOptions): Promise<Alarms> {
  const at = options.clock.now()
  return new Alarms(options, at, await store.load(options.database, at))
}

/**
 * Judges the log of results, and keeps the alarms.
 *
 * Memory is the truth and runs ahead of the database by at most a second; what anybody is told of (events, answers) was written first.
 * Changed states, alarms, histories, outbox rows and the log position are one transaction, so that the database always shows what judging
 * up to exactly that position gave: after a crash the rest is judged again with the same outcome and the same keys.
 * While the database cannot be written nothing is lost: all of it is part of the next write.
 */
export class Alarms {
  readonly #options: AlarmsOptions
  readonly #lives = new Map<string, Live>()
  readonly #open = new Map<string, store.StoredAlarm>()
  /** `task, place` of each open alarm → its id. */
  readonly #placed = new Map<string, string>()
  readonly #due = new DueTimes()
  readonly #listeners = new Set<(alarm: Alarm) => void>()
  readonly #remembered: Map<string, store.RememberedTask>
  /** Internal problems that a person cleared while they last. */
  readonly #mutedProblems = new Set<string>()
  /** Since when silence is heard: the start, or the last time the machine woke. */
  #listeningSince: number
  #tickedAt: number
  #unsaved: Unsaved = nothingUnsaved()
  #judged: number
  #stored: number
  #flushedAt: number
  #retainedAt = 0
  #writing: Promise<void> = Promise.resolve()
  /** Remarks are taken one after another. */
  #commenting: Promise<unknown> = Promise.resolve()
  #lastInternalAt = 0

  constructor(options: AlarmsOptions, at: number, loaded: Awaited<ReturnType<typeof store.load>>) {
    this.#options = options
    this.#listeningSince = this.#tickedAt = at
    this.#judged = this.#stored = loaded.position
    this.#flushedAt = options.clock.elapsed()
    this.#remembered = new Map(loaded.tasks)
    for (const stored of loaded.open) {
      this.#open.set(stored.alarm.id, stored)
      this.#placed.set(placeOf(stored.alarm.task, stored.place), stored.alarm.id)
    }
    for (const [key, state] of this.#remembered.get(internalTask)?.state.items ?? []) {
      if (state.is === 'muted') this.#mutedProblems.add(key)
    }
    this.#remembered.delete(internalTask)
  }

  /** Called once when opened: picks up what was remembered, and ends what concerns tasks and rows that are gone. */
  async settle(at: number): Promise<void> {
    for (const id of [...this.#remembered.keys()]) {
      if (this.#live(id, at) === undefined) this.#unsaved.tasks.add(id)
    }
    this.#remembered.clear()
    for (const { alarm, place } of [...this.#open.values()]) {
      if (alarm.task === '') continue
      const live = this.#live(alarm.task, at)
      if (live === undefined || (alarm.rule !== noResultsRule && tableOf(live.facts).judgeOf(place) === undefined))
        this.#clear(alarm.id, at, null, noLongerMonitored)
    }
    if (this.#unsaved.alarms.size > 0 || this.#unsaved.tasks.size > 0) await this.#flush()
  }

  /**
   * Takes over what another server that acted at the same time had: alarms that are not known here become history, ended at `at`, since whether
   * their problems last is judged here by what comes in; of those that are known the steps that people took are added. Nobody is notified: the
   * other server did that. Taking the same again changes nothing.
   * @param from names the other server, for people @throws FarwatchError `storage-unwritable`
   */
  async merge(others: readonly store.AlarmOfOther[], from: string, at: number): Promise<void> {
    for (const { alarm, place, history } of others) {
      const known = await this.#find(alarm.id)
      if (known === undefined) this.#addEnded(alarm, place, history, from, at)
      else {
        const here = new Set((await store.history(this.#options.database, alarm.id)).map(stepName))
        for (const entry of history)
          if (entry.by !== null && !here.has(stepName(entry)))
            this.#record((await this.#find(alarm.id)) ?? known, {}, entry, undefined)
      }
    }
    await this.#flush()
  }

  #addEnded(alarm: Alarm, place: string, history: readonly store.AlarmStep[], from: string, at: number): void {
    const isOpen = alarm.clearedAt === null
    const end = { at, what: 'cleared', by: null, text: `${from} does not act any more; this server judges on` } as const
    const steps = isOpen ? [...history, end] : history
    const ended: Alarm = isOpen ? { ...alarm, state: 'cleared', clearedAt: at, updatedAt: at } : alarm
    this.#keep({ alarm: ended, place, steps: steps.length })
    for (const [n, entry] of steps.entries()) this.#unsaved.steps.push(store.saveStep(alarm.id, n, entry))
  }

  /** The log position up to which everything is durable: the log need not keep anything at or below it for alarms. */
  position(): number {
    return this.#stored
  }

  /**
   * Judges one batch; called in log order, one after another. A batch that was judged already changes nothing.
   * @throws FarwatchError `storage-unwritable`: the batch was judged, and is written with the next one that can be
   */
  async judge(batch: JudgedBatch): Promise<void> {
    if (batch.position <= this.#judged) return
    for (const entry of batch.entries) {
      if (entry.late === true) continue
      if (entry.kind === 'run') this.#judgeRun(entry, batch.at)
      else this.#noteGap(entry, batch.at)
    }
    this.#judged = batch.position
    if (this.#unsaved.alarms.size > 0 && this.#isUrgent()) await this.#flush()
    else await this.#flushIfDue()
  }

  /** Looks for what did not happen: values and results that stay away. Called every second or so, with server time. */
  async tick(at: number): Promise<void> {
    // The machine slept, or its clock was set: nobody listened meanwhile, so nobody was silent.
    if (at - this.#tickedAt > longestNapMs) this.#listeningSince = at
    this.#tickedAt = at
    for (const id of this.#due.take(at)) {
      const live = this.#lives.get(id)
      const rests = live !== undefined && this.#tickTask(live, at)
      const dueAt = live === undefined ? Infinity : this.#dueOf(live)
      this.#due.put(id, rests ? Math.min(at + restingMs, dueAt) : dueAt)
    }
    if (at - this.#retainedAt >= 3_600_000) {
      this.#retainedAt = at
      await this.#options.database.write(store.forgetCleared(at - retentionMs))
    }
    if (this.#isUrgent()) await this.#flush()
    else await this.#flushIfDue()
  }

  /**
   * The configuration changed. Call it at start with all tasks as `added`, so that tasks of which nothing is ever heard are missed, too.
   * Alarms of tasks and rows that no longer exist are cleared with the reason "no longer monitored".
   * With very many it pauses now and then: what is judged meanwhile is judged by what was known of its task before. Each is taken as it is
   * when its turn comes, so that a change that overtakes another leaves what is right.
   */
  async tasksChanged(change: TasksChange): Promise<void> {
    const { clock } = this.#options
    const at = clock.now()
    const breathe = breathingLast(clock)
    for (const id of change.added ?? []) {
      this.#live(id, at)
      const turn = breathe()
      if (turn !== undefined) await turn
    }
    for (const ids of [change.changed ?? [], change.removed ?? []]) {
      for (const id of ids) {
        this.#reconsider(id, at)
        const turn = breathe()
        if (turn !== undefined) await turn
      }
    }
    if (this.#isUrgent()) await this.#flush()
  }

  #reconsider(id: string, at: number): void {
    const facts = this.#options.tasks(id)
    const live = this.#lives.get(id)
    if (facts === undefined) this.#forget(id, at)
    else if (live === undefined) this.#live(id, at)
    else this.#adopt(live, facts, at)
  }

  /** Raises, or updates, the one alarm of a problem of the program itself. Cleared by hand it stays away until `clearInternal`. */
  async raiseInternal(problem: InternalProblem): Promise<void> {
    const at = this.#options.clock.now()
    if (this.#mutedProblems.has(problem.key)) return
    const id = this.#placed.get(placeOf('', problem.key))
    if (id === undefined) {
      // Two problems of one name in one millisecond must not become one alarm.
      this.#lastInternalAt = Math.max(at, this.#lastInternalAt + 1)
      const alarm: Alarm = {
        id: pathId('internal', problem.key, String(this.#lastInternalAt)),
        severity: problem.severity,
        state: 'raised',
        group: problem.group ?? '',
        system: 'farwatch',
        connector: '',
        task: '',
        monitor: 'farwatch',
        rule: problem.key,
        item: '',
        metric: '',
        value: null,
        message: problem.message,
        raisedAt: at,
        updatedAt: at,
        clearedAt: null,
        acknowledgedBy: null,
        assignedTo: null,
      }
      this.#raise(alarm, problem.key, at)
    } else this.#update(id, { severity: problem.severity, message: problem.message, value: null }, at)
    if (this.#isUrgent()) await this.#flush()
  }

  /** The problem is over. Nothing happens where it was not raised. */
  async clearInternal(key: string, why = 'the problem is over'): Promise<void> {
    if (this.#mutedProblems.delete(key)) this.#unsaved.tasks.add(internalTask)
    const id = this.#placed.get(placeOf('', key))
    if (id !== undefined) this.#clear(id, this.#options.clock.now(), null, why)
    if (this.#isUrgent()) await this.#flush()
  }

  list(query: store.AlarmQuery): Promise<{ alarms: readonly Alarm[]; next: string | undefined }> {
    return store.list(this.#options.database, query)
  }

  /** When alarms were open, for their number over time. */
  openTimes(question: { groups?: readonly string[]; from: number; to: number }): Promise<readonly store.OpenTime[]> {
    return store.openTimes(this.#options.database, question)
  }

  /** @returns undefined where there is no such alarm */
  async get(id: string): Promise<{ alarm: Alarm; history: readonly store.AlarmStep[] } | undefined> {
    const stored = await this.#find(id)
    return stored === undefined
      ? undefined
      : { alarm: stored.alarm, history: await store.history(this.#options.database, id) }
  }

  /** Somebody is on it. @throws FarwatchError `not-found`, `conflict` where it is cleared */
  async acknowledge(id: string, by: string, text = ''): Promise<Alarm> {
    const at = this.#options.clock.now()
    const { alarm } = this.#open.get(id) ?? (await this.#refuse(id, 'acknowledged'))
    const first = alarm.state === 'raised'
    this.#change(
      id,
      { state: 'acknowledged', acknowledgedBy: by, updatedAt: at },
      { at, what: 'acknowledged', by, text },
      first,
    )
    return this.#answer(id)
  }

  /** Gives it to somebody; null to nobody. @throws FarwatchError `not-found`, `conflict` where it is cleared */
  async assign(id: string, by: string, to: string | null, text = ''): Promise<Alarm> {
    const at = this.#options.clock.now()
    if (!this.#open.has(id)) await this.#refuse(id, 'assigned')
    const words = `${to === null ? 'to nobody' : `to ${to}`}${text === '' ? '' : `: ${text}`}`
    this.#change(id, { assignedTo: to, updatedAt: at }, { at, what: 'assigned', by, text: words }, false)
    return this.#answer(id)
  }

  /** Adds a remark; to a cleared alarm, too. @throws FarwatchError `not-found` */
  comment(id: string, by: string, text: string): Promise<Alarm> {
    const mine = this.#commenting.then(async () => {
      // A cleared alarm is read back from the database, which must know its last step before another is counted on.
      if (!this.#open.has(id)) await this.#flush()
      const stored = await this.#find(id)
      if (stored === undefined) throw noSuchAlarm(id)
      const at = this.#options.clock.now()
      const next = this.#record(stored, {}, { at, what: 'commented', by, text }, undefined)
      await this.#flush()
      return next.alarm
    })
    this.#commenting = mine.catch(() => undefined)
    return mine
  }

  /**
   * Clears it by hand. It stays cleared until the condition has been good once and breaches anew.
   * @throws FarwatchError `not-found`, `conflict` where it is cleared already
   */
  async clear(id: string, by: string, text = ''): Promise<Alarm> {
    const { alarm, place } = this.#open.get(id) ?? (await this.#refuse(id, 'cleared'))
    const live = this.#lives.get(alarm.task)
    if (alarm.task === '') {
      this.#mutedProblems.add(alarm.rule)
      this.#unsaved.tasks.add(internalTask)
    } else if (live !== undefined && alarm.rule === noResultsRule && live.silent !== undefined) {
      live.silent = { ...live.silent, muted: true }
      this.#unsaved.tasks.add(alarm.task)
    } else if (live !== undefined) {
      const judge = tableOf(live.facts).judgeOf(place)
      const before = live.state.items.get(place)
      if (judge !== undefined && before !== undefined) {
        const { state } = step(judge.steps, before, { is: 'cleared by hand' }, alarm.updatedAt)
        live.state = { ...live.state, items: new Map(live.state.items).set(place, state) }
        this.#unsaved.tasks.add(alarm.task)
      }
    }
    const cleared = this.#clear(id, this.#options.clock.now(), by, text)
    await this.#flush()
    return cleared
  }

  /** Called for every alarm that is another than before, once that is durable; must not throw. @returns ends it */
  onChange(listener: (alarm: Alarm) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The open alarms, in no particular order; as cheap as reading memory. */
  open(): readonly Alarm[] {
    return [...this.#open.values()].map(({ alarm }) => alarm)
  }

  /** How many alarms are open, by severity; in some groups only, where they are given. */
  counts(groups?: ReadonlySet<string>): Readonly<Record<Severity, number>> {
    const counts = Object.fromEntries(severities.map((severity) => [severity, 0])) as Record<Severity, number>
    for (const { alarm } of this.#open.values()) {
      if (groups === undefined || groups.has(alarm.group)) counts[alarm.severity]++
    }
    return counts
  }

  /** Writes what waits. The database stays open: it belongs to whoever opened it. */
  async stop(): Promise<void> {
    await this.#flush()
  }

  // Judging

  #judgeRun(run: RunResult, at: number): void {
    const live = this.#live(run.task, at)
    if (live === undefined || run.slot <= live.state.lastSlot) return
    // A slot lies in the past of its result. One far ahead is a wrong clock's, and would make history of all that follows it.
    if (run.slot > at + Math.max(live.facts.periodMs, 60_000)) {
      this.#options.log.error('result of a future slot not judged', { task: run.task, slot: run.slot, at })
      return
    }
    live.signAt = Math.max(live.signAt, run.slot)
    live.gap = undefined
    if (live.silent !== undefined) {
      const id = this.#placed.get(placeOf(run.task, noResultsRule))
      if (id !== undefined) this.#clear(id, at, null, 'results are back')
      live.silent = undefined
      this.#unsaved.tasks.add(run.task)
    }
    if (this.#options.isInMaintenance?.(run.task, run.slot) === true) {
      live.state = { ...live.state, lastSlot: run.slot }
      this.#rest(live, run.slot)
      return
    }
    // What an agent measures while it is itself cut off says nothing of the target, neither good nor bad.
    if (run.isolated === true) live.state = { ...live.state, lastSlot: run.slot }
    else this.#take(live, judgeRun(tableOf(live.facts), live.state, run), run, at)
  }

  #noteGap(gap: Extract<SpoolEntry, { kind: 'gap' }>, at: number): void {
    const live = this.#live(gap.task, at)
    if (live === undefined) return
    live.gap = gap.reason === '' ? gap.outcome : `${gap.outcome}, ${gap.reason}`
    if (gap.outcome !== 'maintenance' && gap.outcome !== 'uncovered') return
    // Planned silence is no silence, and what nobody runs has an alarm of its own.
    this.#rest(live, gap.to)
  }

  /** Nothing was to be heard of it until a moment: its silence, and that of each of its items, counts from there. */
  #rest(live: Live, until: number): void {
    live.signAt = Math.max(live.signAt, until)
    if (live.state.watched.size === 0) return
    const watched = [...live.state.watched].map(([key, last]) => [key, Math.max(last, until)] as const)
    live.state = { ...live.state, watched: new Map(watched) }
  }

  #take(live: Live, judgement: Judgement, run: RunResult | undefined, at: number): void {
    live.state = judgement.state
    if (judgement.changed) {
      this.#unsaved.tasks.add(live.facts.id)
      // An item that is new, or back, may fall silent before the task would be looked at again.
      if (run !== undefined && tableOf(live.facts).watches) this.#due.put(live.facts.id, this.#dueOf(live))
    }
    for (const judged of judgement.effects) this.#carryOut(live, judged, run, at)
  }

  #carryOut(live: Live, judged: Judged, run: RunResult | undefined, at: number): void {
    const { effect, key, value } = judged
    const task = live.facts
    const id = this.#placed.get(placeOf(task.id, key))
    const state = live.state.items.get(key)
    const flapping = state?.is === 'raised' && state.flapping
    const message = (severity: Severity, cause: 'breach' | 'no data') =>
      breachMessage({ task, judged, severity, cause, flapping, run })
    switch (effect.is) {
      case 'raise':
        this.#raise(
          {
            ...this.#about(task),
            id: alarmId(task.id, judged.rule.name, judged.metric, judged.item, effect.since),
            severity: effect.severity,
            rule: judged.rule.name,
            item: judged.item,
            metric: judged.metric,
            value,
            message: message(effect.severity, effect.cause),
            raisedAt: at,
            updatedAt: at,
          },
          key,
          at,
        )
        break
      case 'change':
        if (id !== undefined)
          this.#update(id, { severity: effect.severity, message: message(effect.severity, effect.cause), value }, at)
        break
      case 'repeat': {
        const stored = id === undefined ? undefined : this.#open.get(id)
        if (stored !== undefined)
          this.#keep({
            ...stored,
            alarm: { ...stored.alarm, value, message: message(stored.alarm.severity, 'breach'), updatedAt: at },
          })
        break
      }
      case 'clear':
        if (id !== undefined) this.#clear(id, at, null, clearWords[effect.why])
        break
    }
  }

  /** @returns whether nothing is to be heard of it for now */
  #tickTask(live: Live, at: number): boolean {
    const { facts } = live
    const { isSilenceExplained, isInMaintenance } = this.#options
    if (isSilenceExplained?.(facts.id) === true || isInMaintenance?.(facts.id, at) === true) {
      // It counts anew from when somebody should run it again.
      this.#rest(live, at)
      return true
    }
    this.#take(live, judgeSilence(tableOf(facts), live.state, this.#listeningSince, at), undefined, at)
    const silentMs = at - Math.max(live.signAt, this.#listeningSince)
    if (live.silent !== undefined || silentMs < patienceMs(facts.periodMs)) return false
    live.silent = { since: live.signAt, muted: false }
    this.#unsaved.tasks.add(facts.id)
    this.#raise(
      {
        ...this.#about(facts),
        id: alarmId(facts.id, noResultsRule, '', '', live.signAt),
        severity: 'MAJOR',
        rule: noResultsRule,
        item: '',
        metric: '',
        value: null,
        message: silenceMessage(facts, at - live.signAt, live.gap),
        raisedAt: at,
        updatedAt: at,
      },
      noResultsRule,
      at,
    )
    return false
  }

  #dueOf(live: Live): number {
    const silence = silenceDue(tableOf(live.facts), live.state, this.#listeningSince)
    // A task whose dead-man has spoken is looked at again after another round, when a run may have come.
    const from = live.silent === undefined ? Math.max(live.signAt, this.#listeningSince) : this.#options.clock.now()
    return Math.min(from + patienceMs(live.facts.periodMs), silence)
  }

  #live(id: string, at: number): Live | undefined {
    const known = this.#lives.get(id)
    if (known !== undefined) return known
    const facts = this.#options.tasks(id)
    if (facts === undefined) return undefined
    const remembered = this.#remembered.get(id)
    const beginning = tableOf(facts).beginning(Math.max(at, this.#listeningSince))
    const live: Live = {
      facts,
      state: remembered?.state ?? beginning,
      silent: remembered?.silent,
      signAt: Math.max(at, this.#listeningSince),
      gap: undefined,
    }
    this.#lives.set(id, live)
    if (remembered !== undefined) this.#adopt(live, facts, at)
    // All tasks are met at once when the program starts. First looks that are spread keep them apart for good; a look too early costs nothing.
    this.#due.put(id, Math.min(this.#dueOf(live), at + (hash53(id) % patienceMs(facts.periodMs))))
    return live
  }

  /** Takes on a task's new configuration: what rows that are gone had raised ends, what new rows miss is watched. */
  #adopt(live: Live, facts: TaskFacts, at: number): void {
    live.facts = facts
    const table = tableOf(facts)
    const stands = ([key]: readonly [string, unknown]) => table.judgeOf(key) !== undefined
    const watches = ([key]: readonly [string, unknown]) => table.judgeOf(key)?.rule.noData !== undefined
    const items = new Map([...live.state.items].filter(stands))
    const watched = new Map([...table.beginning(at).watched, ...[...live.state.watched].filter(watches)])
    for (const key of live.state.items.keys()) {
      const id = items.has(key) ? undefined : this.#placed.get(placeOf(facts.id, key))
      if (id !== undefined) this.#clear(id, at, null, noLongerMonitored)
    }
    const { items: itemsBefore, watched: watchedBefore, counters } = live.state
    live.state = { ...live.state, items: kept(items), watched: kept(watched) }
    // Nearly all tasks are calm and have no row: an edit of a large profile must not write one statement for each.
    if (itemsBefore.size + watchedBefore.size + watched.size + counters.size > 0) this.#unsaved.tasks.add(facts.id)
    this.#due.put(facts.id, this.#dueOf(live))
  }

  #forget(task: string, at: number): void {
    const live = this.#lives.get(task)
    if (live === undefined) return
    for (const place of [noResultsRule, ...live.state.items.keys()]) {
      const id = this.#placed.get(placeOf(task, place))
      if (id !== undefined) this.#clear(id, at, null, noLongerMonitored)
    }
    this.#lives.delete(task)
    this.#unsaved.tasks.add(task)
  }

  // Alarms

  #about(task: TaskFacts) {
    const { id, group, system, connector, monitor } = task
    const fresh = { state: 'raised', clearedAt: null, acknowledgedBy: null, assignedTo: null } as const
    return { group, system, connector, monitor, task: id, ...fresh }
  }

  #raise(alarm: Alarm, place: string, at: number): void {
    this.#placed.set(placeOf(alarm.task, place), alarm.id)
    this.#record({ alarm, place, steps: 0 }, {}, { at, what: 'raised', by: null, text: alarm.message }, 'raised')
    const { id, severity, task, rule, item } = alarm
    this.#options.log.info('alarm raised', { alarm: id, severity, task, rule, item })
  }

  #update(id: string, now: Pick<Alarm, 'severity' | 'message' | 'value'>, at: number): void {
    const stored = this.#open.get(id)
    if (stored === undefined) return
    const { alarm } = stored
    if (alarm.severity === now.severity) {
      if (alarm.message !== now.message || alarm.value !== now.value)
        this.#keep({ ...stored, alarm: { ...alarm, ...now, updatedAt: at } })
      return
    }
    const way = compareSeverity(now.severity, alarm.severity) > 0 ? 'worse' : 'better'
    const text = `${way}, from ${alarm.severity} to ${now.severity}: ${now.message}`
    this.#record(stored, { ...now, updatedAt: at }, { at, what: 'updated', by: null, text }, 'updated')
  }

  #change(id: string, change: Partial<Alarm>, entry: store.AlarmStep, tell: boolean): void {
    const stored = this.#open.get(id)
    if (stored !== undefined) this.#record(stored, change, entry, tell ? 'acknowledged' : undefined)
  }

  #clear(id: string, at: number, by: string | null, text: string): Alarm {
    const stored = this.#open.get(id)!
    const change = { state: 'cleared', clearedAt: at, updatedAt: at } as const
    const { alarm } = this.#record(stored, change, { at, what: 'cleared', by, text }, 'cleared')
    this.#open.delete(id)
    this.#placed.delete(placeOf(alarm.task, stored.place))
    this.#options.log.info('alarm cleared', {
      alarm: id,
      task: alarm.task,
      rule: alarm.rule,
      item: alarm.item,
      by,
      why: text,
    })
    return alarm
  }

  /** The one place where an alarm's life goes a step on: the alarm, its history, and who hears of it. */
  #record(
    stored: store.StoredAlarm,
    change: Partial<Alarm>,
    entry: store.AlarmStep,
    event: AlarmEventKind | undefined,
  ): store.StoredAlarm {
    const alarm: Alarm = { ...stored.alarm, ...change }
    const next = { ...stored, alarm, steps: stored.steps + 1 }
    this.#keep(next)
    this.#unsaved.steps.push(store.saveStep(alarm.id, stored.steps, entry))
    if (event !== undefined)
      this.#unsaved.events.push({ key: `${alarm.id}.${stored.steps}.${event}`, event, alarm, at: entry.at })
    return next
  }

  #keep(stored: store.StoredAlarm): void {
    if (stored.alarm.state !== 'cleared') this.#open.set(stored.alarm.id, stored)
    this.#unsaved.alarms.set(stored.alarm.id, stored)
  }

  async #find(id: string): Promise<store.StoredAlarm | undefined> {
    const found = this.#open.get(id) ?? (await store.find(this.#options.database, id))
    // It may have gone a step on while the database was asked.
    return this.#open.get(id) ?? this.#unsaved.alarms.get(id) ?? found
  }

  /** Why an alarm that is not open cannot be changed. */
  async #refuse(id: string, wanted: string): Promise<never> {
    if ((await store.find(this.#options.database, id)) === undefined) throw noSuchAlarm(id)
    throw new FarwatchError('conflict', `alarm ${id} is cleared and can no longer be ${wanted}`, {
      hint: 'A comment can still be added.',
    })
  }

  async #answer(id: string): Promise<Alarm> {
    const { alarm } = this.#open.get(id)!
    await this.#flush()
    return alarm
  }

  // Writing

  /** Whether somebody waits to hear of something; otherwise a second's delay costs nothing. */
  #isUrgent(): boolean {
    return this.#unsaved.steps.length > 0
  }

  async #flushIfDue(): Promise<void> {
    const { alarms, tasks } = this.#unsaved
    if (this.#judged === this.#stored && alarms.size === 0 && tasks.size === 0) return
    if (this.#options.clock.elapsed() - this.#flushedAt >= flushEveryMs) await this.#flush()
  }

  /** Writes are one after another; each takes everything that waits when its turn comes. */
  #flush(): Promise<void> {
    const mine = this.#writing.then(() => this.#write())
    // The next write must not fail because this one did; whoever asked for this one hears of it.
    this.#writing = mine.catch(() => undefined)
    return mine
  }

  async #write(): Promise<void> {
    const taken = this.#unsaved
    const position = this.#judged
    if (taken.alarms.size === 0 && taken.tasks.size === 0 && position === this.#stored) return
    this.#unsaved = nothingUnsaved()
    const batch: Statement[] = [...taken.alarms.values()].map(store.saveAlarm)
    batch.push(...taken.steps)
    for (const task of taken.tasks) batch.push(store.saveTask(task, this.#toRemember(task)))
    if (taken.events.length > 0) batch.push(...this.#options.outbox(taken.events))
    if (position !== this.#stored) batch.push(store.savePosition(position))
    try {
      await this.#options.database.write(batch)
    } catch (thrown) {
      const since = this.#unsaved
      for (const [id, stored] of taken.alarms) if (!since.alarms.has(id)) since.alarms.set(id, stored)
      for (const task of taken.tasks) since.tasks.add(task)
      since.steps = [...taken.steps, ...since.steps]
      since.events = [...taken.events, ...since.events]
      this.#options.log.error('alarms not written', { waiting: since.alarms.size, problem: messageOf(thrown) })
      throw thrown
    }
    this.#stored = position
    this.#flushedAt = this.#options.clock.elapsed()
    for (const { alarm } of taken.alarms.values()) for (const listener of this.#listeners) listener(alarm)
  }

  #toRemember(task: string): store.RememberedTask | undefined {
    if (task === internalTask) {
      const muted = [...this.#mutedProblems].map((key): [string, ItemState] => [
        key,
        { is: 'muted', since: 0, absent: 0, raises: calm.raises },
      ])
      return { state: { ...blankState, items: new Map(muted) }, silent: undefined }
    }
    const live = this.#lives.get(task)
    return live === undefined ? undefined : { state: live.state, silent: live.silent }
  }
}

const noLongerMonitored = 'no longer monitored'
const clearWords = {
  good: 'the condition is good again',
  vanished: 'the item is no longer there',
  gone: 'the item has not been seen for more than a day',
} as const

const stepName = ({ at, what, by, text }: store.AlarmStep) => JSON.stringify([at, what, by, text])
const nothingUnsaved = (): Unsaved => ({ alarms: new Map(), steps: [], events: [], tasks: new Set() })
const placeOf = (task: string, place: string) => `${task}\u0000${place}`

function noSuchAlarm(id: string): FarwatchError {
  return new FarwatchError('not-found', `there is no alarm ${id.slice(0, 40)}`, {
    hint: 'Alarms are forgotten 400 days after they were cleared.',
  })
}
