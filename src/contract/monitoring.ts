import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import {
  Count,
  Cursor,
  Id,
  Labels,
  Limit,
  Moment,
  Name,
  Nullable,
  Outcome,
  Severity,
  SeverityOrClear,
  Timestamp,
  exact,
} from './schemas.ts'

const Alarms = exact({ INFO: Count, WARNING: Count, MINOR: Count, MAJOR: Count, CRITICAL: Count })

/** Coverage: how many slots ended how; `share` is runs among all ended slots, null where none ended. */
export const Coverage = exact({
  from: Timestamp,
  to: Timestamp,
  share: Nullable(Type.Number()),
  outcomes: Type.Record(Type.String(), Count),
})

export const Task = exact({
  id: Id,
  group: Name,
  system: Name,
  connector: Name,
  profile: Name,
  monitor: Name,
  /** The monitor's name within its profile; the monitor's id unless given. */
  name: Name,
  period: Type.String(),
  agent: Nullable(Type.String()),
  coverage: Nullable(Type.Number({ description: 'Share of the slots of the last 24 hours that were run' })),
  state: Type.Enum(['covered', 'UNCOVERED']),
  reason: Nullable(Type.String({ description: 'Why nobody runs it' })),
  worst: SeverityOrClear,
  lastSlot: Nullable(Timestamp),
  lastOutcome: Nullable(Outcome),
  lastMessage: Nullable(Type.String()),
  facts: Nullable(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'What the newest run that learned any has learned and is no number to chart: versions, subjects',
    }),
  ),
})
export type Task = Static<typeof Task>

export const ResultMetric = exact({ name: Type.String(), labels: Labels, value: Type.Number(), unit: Type.String() })

export const Result = exact({
  slot: Type.Number({ description: 'The planned time in epoch milliseconds, which names the slot' }),
  plannedAt: Timestamp,
  outcome: Outcome,
  startedAt: Nullable(Timestamp),
  durationMs: Nullable(Type.Number()),
  agent: Nullable(Type.String()),
  late: Type.Boolean(),
  reason: Nullable(Type.String()),
  message: Nullable(Type.String()),
  metrics: Type.Array(ResultMetric),
  from: Type.Optional(Timestamp),
  to: Type.Optional(Timestamp),
  slots: Type.Optional(Count),
})
export type Result = Static<typeof Result>

export const Series = exact({
  id: Type.String(),
  name: Type.String(),
  unit: Type.String(),
  kind: Type.Enum(['gauge', 'counter']),
  task: Id,
  labels: Labels,
})
export type Series = Static<typeof Series>

/** Slots that ended alike, one after another, `everyMs` apart; 0 for one that stands alone. */
const OutcomeStretch = exact({
  from: Type.Number({ description: 'The first slot, in epoch milliseconds' }),
  to: Type.Number({ description: 'The last slot' }),
  everyMs: Type.Number(),
  outcome: Outcome,
  reason: Nullable(Type.String()),
  agent: Nullable(Type.String()),
})

const connectorState = exact({ name: Name, type: Name, worst: SeverityOrClear, tasks: Count, failing: Count })

export const SystemSummary = exact({
  id: Id,
  group: Name,
  name: Name,
  type: Type.String(),
  tags: Type.Record(Type.String(), Type.String()),
  worst: SeverityOrClear,
  state: Type.Enum(['covered', 'UNCOVERED', 'no tasks']),
  reason: Nullable(Type.String({ description: 'Why nobody runs it, or part of it' })),
  alarms: Alarms,
  tasks: Count,
  failing: Count,
  coverage: Nullable(Type.Number()),
  connectors: Type.Array(connectorState),
})
export type SystemSummary = Static<typeof SystemSummary>

/** A system as lists of ten thousand need it; what has to be asked of the history is left out. */
export const SystemBrief = exact({
  id: Id,
  group: Name,
  name: Name,
  type: Type.String(),
  tags: Type.Record(Type.String(), Type.String()),
  worst: SeverityOrClear,
  state: Type.Enum(['covered', 'UNCOVERED', 'no tasks']),
  alarms: Type.Optional(Alarms),
  tasks: Count,
  // By type: each name with its type would double what ten thousand systems weigh.
  connectors: Type.Record(Name, Type.Array(Name), { description: 'Names of its connectors by their types' }),
})
export type SystemBrief = Static<typeof SystemBrief>

export const GroupSummary = exact({
  name: Name,
  worst: SeverityOrClear,
  state: Type.Enum(['covered', 'UNCOVERED', 'no tasks']),
  reason: Nullable(Type.String({ description: 'Why nobody runs it, or part of it' })),
  systems: Count,
  tasks: Count,
  alarms: Alarms,
  coverage: Nullable(Type.Number({ description: 'Null as in the status' })),
})
export type GroupSummary = Static<typeof GroupSummary>

const range = { from: Type.Optional(Moment), to: Type.Optional(Moment) }
const place = { group: Type.Optional(Name), system: Type.Optional(Name), connector: Type.Optional(Name) }
const page = { cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) }
const byId = exact({ id: Id })
const Aggregate = Type.Enum(['avg', 'min', 'max', 'sum', 'count', 'last', 'rate'])
const AskedAggregate = Type.Enum(['avg', 'min', 'max', 'sum', 'count', 'last', 'rate'], {
  description: 'Without it, rate (growth per second) for counters and avg for gauges',
})
const PointsUnit = Type.String({ description: 'Of the values answered: that of the series, but per second for a rate' })
const tag = 'Monitoring'

export const monitoringOperations = {
  listGroups: {
    method: 'GET',
    path: '/groups',
    tag,
    summary: 'Groups by worst state',
    allowed: 'viewer',
    answer: Type.Array(GroupSummary),
  },
  listSystems: {
    method: 'GET',
    path: '/systems',
    tag,
    summary: 'Systems by worst state',
    allowed: 'viewer',
    query: exact({
      group: Type.Optional(Name),
      text: Type.Optional(Type.String({ maxLength: 200 })),
      ids: Type.Optional(Type.String({ maxLength: 8_000, description: 'Only these, joined by commas' })),
      ...page,
    }),
    answer: Type.Array(SystemSummary),
    paged: true,
  },
  indexSystems: {
    method: 'GET',
    path: '/systems/index',
    tag,
    summary: 'Every system in brief, in the order of names; `alarms` is left out where there are none',
    allowed: 'viewer',
    answer: Type.Array(SystemBrief),
  },
  showSystem: {
    method: 'GET',
    path: '/systems/{id}',
    tag,
    summary: 'One system',
    allowed: 'viewer',
    params: byId,
    answer: SystemSummary,
  },
  listTasks: {
    method: 'GET',
    path: '/tasks',
    tag,
    summary: 'What is scheduled, where it runs and how it went last',
    allowed: 'viewer',
    query: exact({
      ...place,
      monitor: Type.Optional(Name),
      profile: Type.Optional(Name),
      outcome: Type.Optional(Outcome),
      ...page,
    }),
    answer: Type.Array(Task),
    paged: true,
  },
  showTask: {
    method: 'GET',
    path: '/tasks/{id}',
    tag,
    summary: 'One task',
    allowed: 'viewer',
    params: byId,
    answer: Task,
  },
  listResults: {
    method: 'GET',
    path: '/tasks/{id}/results',
    tag,
    summary: 'Results and gaps in slot order; the last 24 hours unless asked otherwise',
    allowed: 'viewer',
    params: byId,
    query: exact({ ...range, outcome: Type.Optional(Outcome), ...page }),
    answer: Type.Array(Result),
    paged: true,
  },
  listOutcomes: {
    method: 'GET',
    path: '/tasks/{id}/outcomes',
    tag,
    summary:
      'How each slot ended, alike ones together, and which runs came late; the last 24 hours unless asked otherwise',
    allowed: 'viewer',
    params: byId,
    query: exact(range),
    answer: exact({
      from: Type.Number(),
      to: Type.Number(),
      stretches: Type.Array(OutcomeStretch),
      late: Type.Array(
        Type.Number({ description: 'A slot whose result came after a newer one, or long after its time' }),
      ),
    }),
  },
  listThresholds: {
    method: 'GET',
    path: '/tasks/{id}/thresholds',
    tag,
    summary: 'What the rows of the surveillance table demand of each series of a task, in the unit that is judged',
    allowed: 'viewer',
    params: byId,
    answer: Type.Array(
      exact({
        series: Id,
        rule: Type.String(),
        severity: Severity,
        threshold: Type.String({ description: 'As it is written: > 2s' }),
        at: Type.Array(Type.Number(), { description: 'Where it lies: one value, or both ends of a range' }),
        unit: Type.String({ description: 'Of `at`: that of the series, but per second for a counter' }),
      }),
    ),
  },
  runTask: {
    method: 'POST',
    path: '/tasks/{id}/run',
    tag,
    summary: 'Runs it now, answers with the result; takes no slot and is not stored',
    allowed: 'operator',
    params: byId,
    answer: Result,
  },
  listSeries: {
    method: 'GET',
    path: '/metrics/series',
    tag,
    summary: 'Series and their labels',
    allowed: 'viewer',
    query: exact({
      match: Type.Optional(
        Type.String({
          maxLength: 2_000,
          description:
            'duration{group="acme",system="sho*"}: a metric name and label matchers, each in the matcher grammar',
        }),
      ),
      task: Type.Optional(Id),
      tag: Type.Optional(
        Type.String({
          maxLength: 1_300,
          description: 'Only of systems that bear it: key=value, or a key without a value',
        }),
      ),
      ...page,
    }),
    answer: Type.Array(Series),
    paged: true,
  },
  queryMetrics: {
    method: 'GET',
    path: '/metrics/query',
    tag,
    summary: 'Points of one series',
    allowed: 'viewer',
    isWritten: true,
    query: exact({
      series: Id,
      ...range,
      step: Type.Optional(Type.String({ maxLength: 40, description: 'A duration; without it as stored' })),
      agg: Type.Optional(AskedAggregate),
    }),
    answer: exact({
      series: Series,
      step: Nullable(Type.String()),
      agg: Aggregate,
      unit: PointsUnit,
      points: Type.Array(
        exact({
          at: Timestamp,
          value: Type.Number(),
          min: Type.Optional(Type.Number()),
          max: Type.Optional(Type.Number()),
        }),
      ),
    }),
  },
  chartMetrics: {
    method: 'GET',
    path: '/metrics/chart',
    tag,
    summary: 'Several series as columns on one time axis, for charts; times are epoch milliseconds, null is a gap',
    allowed: 'viewer',
    isWritten: true,
    query: exact({
      series: Type.String({ maxLength: 4_000, description: 'Ids joined by commas, at most 100' }),
      ...range,
      points: Type.Optional(Type.Integer({ minimum: 10, maximum: 5_000 })),
      agg: Type.Optional(AskedAggregate),
    }),
    answer: exact({
      stepMs: Type.Number(),
      at: Type.Array(Type.Number()),
      series: Type.Array(
        exact({
          id: Id,
          agg: Aggregate,
          unit: PointsUnit,
          value: Type.Array(Nullable(Type.Number())),
          min: Type.Array(Nullable(Type.Number())),
          max: Type.Array(Nullable(Type.Number())),
        }),
      ),
    }),
  },
  showCoverage: {
    method: 'GET',
    path: '/coverage',
    tag,
    summary: 'How the slots ended; the last 24 hours unless asked otherwise',
    allowed: 'viewer',
    query: exact({ ...place, task: Type.Optional(Id), ...range }),
    answer: Coverage,
  },
  monitorStatistics: {
    method: 'GET',
    path: '/statistics/monitors',
    tag,
    summary:
      'Runs, outcomes, timeouts, durations, and how long after their planned times runs began (the wait for a turn is part of that). ' +
      'Times and timeouts are of the whole days (UTC) that the range touches',
    allowed: 'viewer',
    query: exact({
      by: Type.Optional(Type.Enum(['monitor', 'group', 'system', 'connector', 'task', 'agent'])),
      ...place,
      monitor: Type.Optional(Name),
      ...range,
      sort: Type.Optional(
        Type.Enum(['runs', 'failed', 'missed', 'timeouts', 'median', 'slowest', 'longest', 'lateness'], {
          description: 'The largest first; `slowest` is the 95th percentile, `missed` counts slots without a run',
        }),
      ),
      limit: Type.Optional(Limit),
    }),
    answer: Type.Array(
      exact({
        by: Type.String({ description: 'By agent, empty for slots that were no agent’s' }),
        place: Type.Optional(
          exact({
            group: Name,
            system: Type.Optional(Name),
            systemId: Type.Optional(Id),
            connector: Type.Optional(Name),
            profile: Type.Optional(Name),
            monitor: Type.Optional(Name),
          }),
        ),
        runs: Count,
        outcomes: Type.Record(Type.String(), Count),
        timeouts: Count,
        meanMs: Nullable(Type.Number()),
        p50Ms: Nullable(Type.Number()),
        p95Ms: Nullable(Type.Number()),
        maxMs: Nullable(Type.Number()),
        latenessP50Ms: Nullable(Type.Number()),
        latenessP95Ms: Nullable(Type.Number()),
        latenessMaxMs: Nullable(Type.Number()),
      }),
    ),
  },
} as const satisfies Record<string, Operation>
