import { may } from '../../access/index.ts'
import type { Alarms } from '../../alarms/index.ts'
import { FarwatchError, formatDuration, iso, isoOrNull, parseDuration, type Clock } from '../../base/index.ts'
import type {
  AnswerOf,
  GroupSummary,
  Operations,
  Result,
  Series as SeriesAnswer,
  SystemBrief,
  SystemSummary,
  Task,
} from '../../contract/index.ts'
import type { Coverage, LastSlot } from '../../ingest/index.ts'
import type { GroupEntry, Inventory, SystemEntry, TaskEntry } from '../../inventory/index.ts'
import { aggregatedUnit, type Series } from '../../metrics/index.ts'
import {
  compareSeverity,
  conditionsOf,
  judgedUnit,
  outcomes,
  rowsFor,
  severities,
  worstSeverity,
  type Alarm,
  type Outcome,
  type RunResult,
  type Severity,
  type SeverityOrClear,
  type Threshold,
} from '../../model/index.ts'
import type { AgentQuestions, HistoryQuestions, StoredResult } from '../questions.ts'
import { readRange } from '../read-request.ts'
import { inTime, remembered } from '../remembered.ts'
import { demand, Page, WrittenJson, visibleGroups, type Caller, type Handlers } from '../route.ts'
import { readSeriesMatch, takes } from '../series-match.ts'
import { monitorStatistics } from './monitor-statistics.ts'

type Names =
  | 'listGroups'
  | 'listSystems'
  | 'indexSystems'
  | 'showSystem'
  | 'listTasks'
  | 'showTask'
  | 'listResults'
  | 'listOutcomes'
  | 'listThresholds'
  | 'runTask'
  | 'listSeries'
  | 'queryMetrics'
  | 'chartMetrics'
  | 'showCoverage'
  | 'monitorStatistics'

export interface MonitoringParts {
  readonly inventory: Inventory
  readonly history: HistoryQuestions
  readonly alarms: Alarms
  readonly clock: Clock
  readonly agent: AgentQuestions
  /** The name under which an agent's id is shown. */
  readonly agentName: (id: string) => string
  /** Who runs a connector now. Asked for every connector of a list. */
  readonly placeOf: (connector: { readonly connectorId: string; readonly group: string }) => RunningPlace
  /** The same thing as long as `placeOf` answers the same, but for names. */
  readonly placesNow: () => object
}

/** `agent`: its name. */
export type RunningPlace =
  | { readonly state: 'covered'; readonly agent: string }
  | { readonly state: 'UNCOVERED'; readonly reason: string }

/** How many connectors of a system have tasks, and why those are not run that nobody runs. */
interface SystemState {
  readonly connectors: number
  readonly reasons: readonly string[]
}

const mostRows = 10_000
const rowsPerRead = 1_000
/** Above so many tasks the history is not asked for each of them with every refresh of a list of groups. */
const mostAskedEach = 5_000
const sharesKeptMs = 15_000
/** For so long it is waited for where its answer is not known: the list is wanted now, with or without the coverage of the groups. */
const sharesWaitMs = 300

/** What is watched and how it is doing: groups, systems, tasks, results, series, coverage. */
export function monitoringHandlers(parts: MonitoringParts): Handlers<Names> {
  const { inventory, history, alarms, clock, agent, placeOf } = parts

  // To look up the places of 100,000 connectors takes a tenth of a second.
  let states = { of: parts.placesNow(), bySystem: new WeakMap<SystemEntry, SystemState>() }
  function placesOf(system: SystemEntry): SystemState {
    const known = states.bySystem.get(system)
    if (known !== undefined) return known
    // Of a connector without tasks there is nothing to run.
    const places = system.connectors.flatMap(({ tasks }) => (tasks[0] === undefined ? [] : placeOf(tasks[0])))
    const reasons = places.flatMap((at) => (at.state === 'UNCOVERED' ? at.reason : []))
    const found = { connectors: places.length, reasons }
    states.bySystem.set(system, found)
    return found
  }

  /** Uncovered where nobody runs one of its connectors: that is the first thing to know of what holds them. */
  function stateOf(systems: readonly SystemEntry[]): Pick<SystemSummary, 'state' | 'reason'> {
    const of = parts.placesNow()
    if (states.of !== of) states = { of, bySystem: new WeakMap() }
    const all = systems.map(placesOf)
    const connectors = all.reduce((sum, one) => sum + one.connectors, 0)
    const reasons = all.flatMap((one) => one.reasons)
    if (connectors === 0) return { state: 'no tasks', reason: null }
    if (reasons.length === 0) return { state: 'covered', reason: null }
    const part = reasons.length === connectors ? '' : `${reasons.length} of ${connectors} connectors: `
    return { state: 'UNCOVERED', reason: `${part}${reasons[0]}` }
  }

  function task(caller: Caller, id: string): TaskEntry {
    const found = inventory.task(id)
    // A task of a group that the caller does not see does not exist for the caller.
    if (found === undefined || !may(caller.grants, 'viewer', found.group))
      throw new FarwatchError('not-found', `there is no task ${JSON.stringify(id)}`, { hint: 'GET /tasks lists them.' })
    return found
  }

  /** A series of a group that the caller does not see does not exist for the caller. @throws FarwatchError `not-found` */
  function demandVisible(found: readonly Series[], caller: Caller): void {
    const hidden = found.find(({ task: id }) => {
      const owner = inventory.task(id)
      return owner === undefined || !may(caller.grants, 'viewer', owner.group)
    })
    if (hidden !== undefined) throw noSeries(String(hidden.number))
  }

  function shownSeries({ number, name, unit, kind, task: id, labels }: Series): SeriesAnswer {
    const owner = inventory.task(id)
    const place =
      owner === undefined
        ? {}
        : { group: owner.group, system: owner.system, connector: owner.connector, monitor: owner.monitor }
    return { id: String(number), name, unit, kind: kind ?? 'gauge', task: id, labels: { ...place, ...labels } }
  }

  async function shownTasks(entries: readonly TaskEntry[]): Promise<Task[]> {
    const ids = entries.map(({ id }) => id)
    const [slots, learned] = await Promise.all([history.lastSlots(ids), history.newestFacts(ids)])
    const last = new Map(slots.map((slot) => [slot.task, slot]))
    const facts = new Map(learned.map((one) => [one.task, one.facts]))
    const worst = worstByTask(alarms.open())
    return entries.map((entry) => {
      const slot = last.get(entry.id)
      const at = placeOf(entry)
      return {
        id: entry.id,
        group: entry.group,
        system: entry.system,
        connector: entry.connector,
        profile: entry.profile,
        monitor: entry.monitor,
        name: entry.name,
        period: formatDuration(entry.periodMs),
        agent: at.state === 'covered' ? at.agent : null,
        coverage: slot?.coverage ?? null,
        state: at.state,
        reason: at.state === 'UNCOVERED' ? at.reason : null,
        worst: worst.get(entry.id) ?? 'CLEAR',
        lastSlot: isoOrNull(slot?.slot),
        lastOutcome: slot?.outcome ?? null,
        lastMessage: slot === undefined || slot.message === '' ? (slot?.reason ?? '') || null : slot.message,
        facts: facts.get(entry.id) ?? null,
      }
    })
  }

  async function summaries(systems: readonly SystemEntry[]): Promise<SystemSummary[]> {
    const last = new Map(
      (await history.lastSlots(systems.flatMap((system) => system.tasks.map(({ id }) => id)))).map((slot) => [
        slot.task,
        slot,
      ]),
    )
    const open = openBySystem()
    return systems.map((system) => summary(system, last, open.get(placeOfSystem(system)) ?? []))
  }

  function openBySystem(): ReadonlyMap<string, readonly Alarm[]> {
    return Map.groupBy(alarms.open(), ({ group, system }) => placeOfSystem({ group, name: system }))
  }

  function summary(system: SystemEntry, last: ReadonlyMap<string, LastSlot>, open: readonly Alarm[]): SystemSummary {
    const failing = (tasks: readonly TaskEntry[]) => tasks.filter(({ id }) => last.get(id)?.outcome === 'failed').length
    return {
      id: system.id,
      group: system.group,
      name: system.name,
      type: system.type,
      tags: { ...system.tags },
      worst: worstSeverity(open.map(({ severity }) => severity)),
      ...stateOf([system]),
      alarms: countBySeverity(open),
      tasks: system.tasks.length,
      failing: failing(system.tasks),
      coverage: meanCoverage(system.tasks, last),
      connectors: system.connectors.map((connector) => ({
        name: connector.name,
        type: connector.type,
        worst: worstSeverity(
          open.filter((alarm) => alarm.connector === connector.name).map(({ severity }) => severity),
        ),
        tasks: connector.tasks.length,
        failing: failing(connector.tasks),
      })),
    }
  }

  /** The coverage of groups; those of which nothing is known are left out. */
  async function sharesOf(groups: readonly GroupEntry[]): Promise<ReadonlyMap<string, number>> {
    const ids = groups.flatMap((group) => group.systems.flatMap((system) => system.tasks.map(({ id }) => id)))
    const last = new Map((await history.lastSlots(ids)).map((slot) => [slot.task, slot]))
    return new Map(
      groups.flatMap((group) => {
        const share = meanCoverage(
          group.systems.flatMap((system) => system.tasks),
          last,
        )
        return share === null ? [] : [[group.name, share] as const]
      }),
    )
  }
  const sharesOfAll = remembered(clock, sharesKeptMs, () => sharesOf(inventory.groups()))

  return {
    listGroups: async ({ caller }) => {
      const groups = inventory.groups(visibleGroups(caller))
      const tasks = groups.reduce((sum, group) => sum + group.tasks, 0)
      const shares =
        (await (tasks > mostAskedEach ? inTime(clock, sharesWaitMs, sharesOfAll()) : sharesOf(groups))) ??
        new Map<string, number>()
      const byGroup = Map.groupBy(alarms.open(), ({ group }) => group)
      return groups
        .map((group): GroupSummary => {
          const open = byGroup.get(group.name) ?? []
          return {
            name: group.name,
            worst: worstSeverity(open.map(({ severity }) => severity)),
            ...stateOf(group.systems),
            systems: group.systems.length,
            tasks: group.tasks,
            alarms: countBySeverity(open),
            coverage: shares.get(group.name) ?? null,
          }
        })
        .sort((a, b) => compareSeverity(b.worst, a.worst) || byText(a.name, b.name))
    },

    listSystems: async ({ caller, query }) => {
      const text = query.text?.toLowerCase()
      const ids = query.ids === undefined ? undefined : new Set(query.ids.split(','))
      const open = openBySystem()
      const found = inventory
        .systems({ groups: visibleGroups(caller), group: query.group })
        .filter(
          (system) =>
            (ids === undefined || ids.has(system.id)) &&
            (text === undefined ||
              [system.group, system.name, system.type, ...Object.entries(system.tags).flat()].some((word) =>
                word.toLowerCase().includes(text),
              )),
        )
        .map((system) => ({ system, worst: worstOf(open.get(placeOfSystem(system))) }))
        .sort(
          (a, b) =>
            compareSeverity(b.worst, a.worst) ||
            byText(a.system.group, b.system.group) ||
            byText(a.system.name, b.system.name),
        )
      // The history is asked for the systems of this page alone.
      const page = pageOf(found, ({ system }) => system.id, query)
      return new Page(await summaries(page.rows.map(({ system }) => system)), page.next)
    },

    indexSystems: ({ caller }) => {
      const open = openBySystem()
      return inventory.systems({ groups: visibleGroups(caller) }).map((system): SystemBrief => {
        const { id, group, name, type, tags, connectors, tasks } = system
        const alarms = open.get(placeOfSystem(system))
        return {
          id,
          group,
          name,
          type,
          tags: { ...tags },
          worst: worstOf(alarms),
          state: stateOf([system]).state,
          ...(alarms === undefined ? {} : { alarms: countBySeverity(alarms) }),
          tasks: tasks.length,
          connectors: namesByType(connectors),
        }
      })
    },

    showSystem: async ({ caller, params }) => {
      const system = inventory.system(params.id)
      if (system === undefined || !may(caller.grants, 'viewer', system.group))
        throw new FarwatchError('not-found', `there is no system ${JSON.stringify(params.id)}`, {
          hint: 'GET /systems lists them.',
        })
      return (await summaries([system]))[0]!
    },

    listTasks: async ({ caller, query }) => {
      const { outcome, monitor, profile, group, system, connector } = query
      let entries = inventory
        .tasks({ groups: visibleGroups(caller), group, system, connector })
        .filter(
          (entry) =>
            (monitor === undefined || entry.monitor === monitor) &&
            (profile === undefined || entry.profile === profile),
        )
      if (outcome !== undefined) {
        const wanted = new Set(
          (await history.lastSlots(entries.map(({ id }) => id)))
            .filter((slot) => slot.outcome === outcome)
            .map((slot) => slot.task),
        )
        entries = entries.filter(({ id }) => wanted.has(id))
      }
      const page = pageOf(entries, ({ id }) => id, query)
      return new Page(await shownTasks(page.rows), page.next)
    },

    showTask: async ({ caller, params }) => (await shownTasks([task(caller, params.id)]))[0]!,

    listResults: async ({ caller, params, query }) => {
      const { id } = task(caller, params.id)
      const { from, to } = readRange(query, clock.now())
      const limit = query.limit ?? mostRows
      const rows: Result[] = []
      let next = query.cursor === undefined ? from : readCursor(query.cursor)
      for (;;) {
        const page = await history.results(id, { from: next, to, limit: Math.min(rowsPerRead, limit - rows.length) })
        for (const row of page.rows)
          if (query.outcome === undefined || row.outcome === query.outcome) rows.push(shownResult(row, parts.agentName))
        if (page.next === undefined) return new Page(rows, undefined)
        next = page.next
        if (rows.length >= limit) return new Page(rows, String(next))
      }
    },

    listOutcomes: async ({ caller, params, query }) => {
      const { id } = task(caller, params.id)
      const { from, to } = readRange(query, clock.now())
      const { stretches, late } = await history.outcomes(id, { from, to })
      return {
        from,
        to,
        stretches: stretches.map((one) => ({
          from: one.from,
          to: one.to,
          everyMs: one.periodMs,
          outcome: one.outcome,
          reason: one.reason || null,
          agent: one.agent === '' ? null : parts.agentName(one.agent),
        })),
        late: [...late],
      }
    },

    listThresholds: async ({ caller, params }) => {
      const { id, rules } = task(caller, params.id)
      const found: AnswerOf<Operations['listThresholds']> = []
      let after = 0
      for (;;) {
        const page = await history.series({ tasks: [id] }, { limit: rowsPerRead, after })
        for (const one of page.series) {
          const unit = judgedUnit(one)
          for (const rule of rowsFor(rules, one.name, one.labels)) {
            for (const { severity, threshold } of conditionsOf(rule, unit) ?? []) {
              const text = rule.thresholds.find((written) => written.severity === severity)?.text ?? ''
              found.push({
                series: String(one.number),
                rule: rule.name,
                severity,
                threshold: text,
                at: endsOf(threshold),
                unit,
              })
            }
          }
        }
        if (page.next === undefined) return found
        after = page.next
      }
    },

    runTask: async ({ caller, params }) => {
      const entry = task(caller, params.id)
      demand(caller, 'operator', entry.group)
      const run = await agent.runNow(entry.id)
      return shownRun(run.result, parts.agentName(run.agent))
    },

    listSeries: async ({ caller, query }) => {
      const match = readSeriesMatch(query.match ?? '')
      const place = (key: string) => match.labels.get(key)
      const tasks = inventory
        .tasks({ groups: visibleGroups(caller) })
        .filter(
          (entry) =>
            (query.task === undefined || entry.id === query.task) &&
            (query.tag === undefined || bears(entry.tags, query.tag)) &&
            takes(place('group'), entry.group) &&
            takes(place('system'), entry.system) &&
            takes(place('connector'), entry.connector) &&
            takes(place('monitor'), entry.monitor) &&
            takes(place('profile'), entry.profile) &&
            takes(place('task'), entry.id),
        )
      const own = [...match.labels].filter(([key]) => !placeLabels.has(key))
      const limit = query.limit ?? mostRows
      const rows: SeriesAnswer[] = []
      let after = query.cursor === undefined ? 0 : readCursor(query.cursor)
      if (tasks.length === 0) return new Page(rows, undefined)
      const exact =
        match.name?.any.length === 1 && match.name.none.length === 0 && match.name.any[0]!.is === 'exact'
          ? match.name.any[0]!.text
          : undefined
      for (;;) {
        const page = await history.series(
          { tasks: tasks.map(({ id }) => id), ...(exact === undefined ? {} : { name: exact }) },
          { limit: rowsPerRead, after },
        )
        for (const one of page.series) {
          after = one.number
          if (!takes(match.name, one.name) || !own.every(([key, wanted]) => takes(wanted, one.labels[key]))) continue
          rows.push(shownSeries(one))
          if (rows.length >= limit) return new Page(rows, String(after))
        }
        if (page.next === undefined) return new Page(rows, undefined)
        after = page.next
      }
    },

    queryMetrics: async ({ caller, query }) => {
      const { from, to } = readRange(query, clock.now())
      const step = query.step === undefined ? undefined : parseDuration(query.step)
      if (query.step !== undefined && step === undefined)
        throw new FarwatchError('bad-request', `step: ${JSON.stringify(query.step)} is not a duration`, {
          hint: 'For example: 1m, 5m, 1h',
        })
      const number = seriesNumber(query.series)
      const answers = await history.query({
        series: [number],
        from,
        to: to + 1,
        ...(query.agg === undefined ? {} : { agg: query.agg }),
        ...(step === undefined ? {} : { step }),
      })
      const { series: found, agg, json } = answers[0]!
      demandVisible([found], caller)
      const about = {
        series: shownSeries(found),
        step: step === undefined ? null : formatDuration(step),
        agg,
        unit: aggregatedUnit(found.unit, agg),
      }
      return new WrittenJson([`${JSON.stringify(about).slice(0, -1)},"points":`, json, '}'])
    },

    chartMetrics: async ({ caller, query }) => {
      const { from, to } = readRange(query, clock.now())
      const numbers = query.series.split(',').map(seriesNumber)
      if (numbers.length > 100)
        throw new FarwatchError('bad-request', `series: ${numbers.length} are asked for; at most 100`, {
          hint: 'Ask in several requests.',
        })
      const known = await history.seriesNumbered(numbers)
      demandVisible(known, caller)
      // A step shorter than the tasks' period would show a line of gaps.
      const longest = Math.max(...known.map((one) => inventory.task(one.task)?.periodMs ?? 0))
      const stepMs = niceStep(Math.max(longest, (to - from) / (query.points ?? 500)))
      const first = Math.floor(from / stepMs) * stepMs
      const grid = { first, stepMs, count: Math.floor((to - first) / stepMs) + 1 }
      const charted = await history.chart({
        series: numbers,
        from,
        to: to + 1,
        grid,
        ...(query.agg === undefined ? {} : { agg: query.agg }),
      })
      const at = Array.from({ length: grid.count }, (_, i) => first + i * stepMs)
      return new WrittenJson([
        `{"stepMs":${stepMs},"at":${JSON.stringify(at)},"series":[`,
        ...charted.flatMap(({ series: one, agg, json }, i) => {
          const names = { id: String(one.number), agg, unit: aggregatedUnit(one.unit, agg) }
          return [`${i === 0 ? '' : ','}${JSON.stringify(names).slice(0, -1)},`, json, '}']
        }),
        ']}',
      ])
    },

    showCoverage: async ({ caller, query }) => {
      const { from, to } = readRange(query, clock.now())
      const { group, system, connector } = query
      const tasks =
        query.task === undefined
          ? inventory.tasks({ groups: visibleGroups(caller), group, system, connector })
          : [task(caller, query.task)]
      return {
        from: iso(from),
        to: iso(to),
        ...sumCoverage(await history.coverage({ tasks: tasks.map(({ id }) => id), from, to })),
      }
    },

    monitorStatistics: async ({ caller, query }) =>
      monitorStatistics(query, {
        tasks: inventory.tasks({
          groups: visibleGroups(caller),
          group: query.group,
          system: query.system,
          connector: query.connector,
        }),
        history,
        now: clock.now(),
        agentName: parts.agentName,
      }),
  }
}

function namesByType(
  connectors: readonly { readonly name: string; readonly type: string }[],
): Record<string, string[]> {
  const byType: Record<string, string[]> = {}
  for (const { name, type } of connectors) (byType[type] ??= []).push(name)
  return byType
}

/** The values between which a threshold divides good from bad. */
function endsOf(threshold: Threshold): number[] {
  return 'than' in threshold ? [threshold.than] : [threshold.low, threshold.high]
}

function bears(tags: Readonly<Record<string, string>>, tag: string): boolean {
  return Object.entries(tags).some(([key, value]) => (value === '' ? key : `${key}=${value}`) === tag)
}

// Names hold no control characters.
function placeOfSystem({ group, name }: { readonly group: string; readonly name: string }): string {
  return `${group}\n${name}`
}

function worstOf(open: readonly Alarm[] | undefined): SeverityOrClear {
  return open === undefined ? 'CLEAR' : worstSeverity(open.map(({ severity }) => severity))
}

const placeLabels = new Set(['group', 'system', 'connector', 'monitor', 'profile', 'task'])

export type SlotCounts = Pick<Coverage, 'counts' | 'slots'>

/** Adds up the slots of many tasks, or of sums of them. */
export function addSlots(all: readonly SlotCounts[]): SlotCounts {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  let slots = 0
  for (const one of all) {
    for (const outcome of outcomes) counts[outcome] += one.counts[outcome]
    slots += one.slots
  }
  return { counts, slots }
}

/** The share of slots that were run, null where none has ended, and how many ended how. */
export function sumCoverage(all: readonly SlotCounts[]): { share: number | null; outcomes: Record<string, number> } {
  const { counts, slots } = addSlots(all)
  const runs = counts.ran + counts.failed + counts.late
  return { share: slots === 0 ? null : runs / slots, outcomes: counts }
}

function meanCoverage(tasks: readonly TaskEntry[], last: ReadonlyMap<string, LastSlot>): number | null {
  const known = tasks.flatMap(({ id }) => last.get(id)?.coverage ?? [])
  return known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0) / known.length
}

function worstByTask(open: readonly Alarm[]): Map<string, SeverityOrClear> {
  const worst = new Map<string, SeverityOrClear>()
  for (const { task, severity } of open)
    if (compareSeverity(severity, worst.get(task) ?? 'CLEAR') > 0) worst.set(task, severity)
  return worst
}

function countBySeverity(open: readonly Alarm[]): Record<Severity, number> {
  const counts = Object.fromEntries(severities.map((severity) => [severity, 0])) as Record<Severity, number>
  for (const { severity } of open) counts[severity]++
  return counts
}

function shownResult(row: StoredResult, agentName: (id: string) => string): Result {
  const metrics = row.metrics.map(({ name, labels, value, unit }) => ({ name, labels: { ...labels }, value, unit }))
  if (row.kind === 'run') {
    return {
      slot: row.slot,
      plannedAt: iso(row.slot),
      outcome: row.outcome,
      startedAt: iso(row.startedAt),
      durationMs: row.durationMs,
      agent: agentName(row.agent),
      late: row.late,
      reason: row.reason || null,
      message: row.message || null,
      metrics,
    }
  }
  return {
    slot: row.from,
    plannedAt: iso(row.from),
    outcome: row.outcome,
    startedAt: null,
    durationMs: null,
    agent: null,
    late: false,
    reason: row.reason || null,
    message: null,
    metrics,
    from: iso(row.from),
    to: iso(row.to),
    slots: row.slots,
  }
}

function shownRun(run: RunResult, agent: string): Result {
  return {
    slot: run.slot,
    plannedAt: iso(run.slot),
    outcome: run.outcome,
    startedAt: iso(run.startedAt),
    durationMs: run.durationMs,
    agent,
    late: false,
    reason: run.reason ?? null,
    message: run.message ?? null,
    metrics: run.samples.map(({ name, labels, value, unit }) => ({
      name,
      labels: { ...labels },
      value,
      unit: unit ?? '',
    })),
  }
}

function pageOf<T>(
  all: readonly T[],
  id: (row: T) => string,
  query: { readonly cursor?: string; readonly limit?: number },
): Page<T[]> {
  const last = query.cursor === undefined ? -1 : all.findIndex((row) => id(row) === query.cursor)
  // From the beginning again, whoever follows the pages would never come to an end.
  if (query.cursor !== undefined && last < 0) throw badCursor('or what it named is gone; begin again without it')
  const begin = last + 1
  const rows = all.slice(begin, begin + (query.limit ?? mostRows))
  return new Page(rows, begin + rows.length < all.length ? id(rows.at(-1)!) : undefined)
}

function readCursor(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw badCursor()
  return Number(cursor)
}

function badCursor(more = ''): FarwatchError {
  return new FarwatchError(
    'bad-request',
    `cursor: this is not one that was given out${more === '' ? '' : `, ${more}`}`,
    {
      hint: 'Take it from the header Farwatch-Next-Cursor.',
    },
  )
}

function seriesNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw noSeries(text)
  return Number(text)
}

function noSeries(text: string): FarwatchError {
  return new FarwatchError('not-found', `there is no series ${JSON.stringify(text.slice(0, 40))}`, {
    hint: 'GET /metrics/series lists them.',
  })
}

const second = 1_000
const niceSteps = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
].map((s) => s * second)

/** The next step of a clock's own that is not shorter. */
function niceStep(ms: number): number {
  return niceSteps.find((step) => step >= ms) ?? Math.ceil(ms / 86_400_000) * 86_400_000
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
