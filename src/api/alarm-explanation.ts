import { explain, itemText, noResultsRule, type MetricFacts } from '../alarms/index.ts'
import { formatDuration, iso, type Clock } from '../base/index.ts'
import type { AnswerOf, Operations } from '../contract/index.ts'
import type { Inventory, TaskEntry } from '../inventory/index.ts'
import { failedMetric, formatMatcher, type Alarm, type Rule } from '../model/index.ts'
import type { HistoryQuestions, StoredResult } from './questions.ts'

export interface ExplanationParts {
  readonly inventory: Pick<Inventory, 'task'>
  readonly history: Pick<HistoryQuestions, 'results'>
  readonly clock: Clock
  /** What the monitor of a task declares; empty for one that the library does not have. */
  readonly metricsOf: (task: TaskEntry) => Readonly<Record<string, MetricFacts>>
}

type Why = AnswerOf<Operations['explainAlarm']>

/** How many runs before the raising are shown, and how many in all. */
const runsBefore = 5
const mostRuns = 30

/** Why an alarm was raised: its row, the runs around its raising, and what the rows of today say of the newest of them. */
export async function explainAlarm(alarm: Alarm, parts: ExplanationParts): Promise<Why> {
  if (alarm.task === '') return { by: 'farwatch', rule: null, unit: '', runs: [], rows: [] }
  const by = alarm.rule === noResultsRule ? 'no results' : 'rule'
  const task = parts.inventory.task(alarm.task)
  // Its group, its profile or its monitor is gone since.
  if (task === undefined) return { by, rule: null, unit: '', runs: [], rows: [] }
  const facts = { rules: task.rules, metrics: parts.metricsOf(task), periodMs: task.periodMs }
  const rule = task.rules.find(({ name }) => name === alarm.rule)
  const { rows } = await parts.history.results(task.id, {
    from: alarm.raisedAt - (runsBefore + 1) * task.periodMs - holdMs(rule, task.periodMs),
    to: (alarm.clearedAt ?? parts.clock.now()) + task.periodMs,
    limit: mostRuns,
  })
  const judged = rows.map((row) => ({ row, found: itemOf(row, alarm, facts) }))
  const newest = judged.findLast(({ found }) => found !== undefined)?.found
  return {
    by,
    rule: rule === undefined ? null : shownRule(rule),
    unit: newest?.unit ?? '',
    runs: judged.map(({ row, found }) => ({
      slot: row.kind === 'run' ? row.slot : row.from,
      plannedAt: iso(row.kind === 'run' ? row.slot : row.from),
      outcome: row.outcome,
      value: found?.value ?? null,
      severity: found?.rows.find((one) => one.rule === alarm.rule)?.severity ?? null,
      message: row.kind === 'run' ? row.message || null : row.reason || null,
    })),
    rows: (newest?.rows ?? []).map((row) => ({ ...row })),
  }
}

/** What a run says of the alarm's item; undefined where it says nothing. */
function itemOf(row: StoredResult, alarm: Alarm, facts: Parameters<typeof explain>[0]) {
  if (row.kind === 'gap') return undefined
  const samples = row.metrics.filter(({ name, labels }) => name === alarm.metric && itemText(labels) === alarm.item)
  return explain(facts, { outcome: row.outcome, samples }).find(
    ({ metric, item }) => metric === alarm.metric && (item === alarm.item || metric === failedMetric),
  )
}

function holdMs(rule: Rule | undefined, periodMs: number): number {
  switch (rule?.hold.is) {
    case undefined:
    case 'once':
      return 0
    case 'for':
      return rule!.hold.ms
    case 'of':
      return rule!.hold.m * periodMs
  }
}

function shownRule(rule: Rule): NonNullable<Why['rule']> {
  const { hold, noData } = rule
  return {
    name: rule.name,
    items: Object.fromEntries(Object.entries(rule.items).map(([label, matcher]) => [label, formatMatcher(matcher)])),
    thresholds: rule.thresholds.map(({ severity, text }) => ({ severity, threshold: text })),
    hold: hold.is === 'once' ? null : hold.is === 'for' ? `for ${formatDuration(hold.ms)}` : `${hold.n} of ${hold.m}`,
    clearAfter: rule.clearAfter,
    hysteresis: rule.hysteresis ?? null,
    exclusive: rule.exclusive,
    noData: noData === undefined ? null : { after: formatDuration(noData.afterMs), severity: noData.severity },
  }
}
