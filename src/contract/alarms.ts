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

export const AlarmAnswer = exact({
  id: Id,
  severity: Severity,
  state: Type.Enum(['raised', 'acknowledged', 'cleared']),
  group: Type.String(),
  system: Type.String(),
  connector: Type.String(),
  task: Type.String(),
  monitor: Type.String(),
  rule: Type.String(),
  item: Type.String(),
  metric: Type.String(),
  value: Nullable(Type.Number()),
  message: Type.String(),
  raisedAt: Timestamp,
  updatedAt: Timestamp,
  clearedAt: Nullable(Timestamp),
  acknowledgedBy: Nullable(Type.String()),
  assignedTo: Nullable(Type.String()),
})
export type AlarmAnswer = Static<typeof AlarmAnswer>

export const AlarmStep = exact({
  at: Timestamp,
  what: Type.String(),
  by: Nullable(Type.String({ description: 'A user, or null for Farwatch itself' })),
  text: Type.String(),
})

/** A row of a surveillance table, as far as it says why an alarm was raised. */
const AlarmRule = exact({
  name: Type.String(),
  items: Labels,
  thresholds: Type.Array(exact({ severity: Severity, threshold: Type.String() })),
  hold: Nullable(Type.String({ description: 'How a breach must hold: `for 1m`, `3 of 5`' })),
  clearAfter: Count,
  hysteresis: Nullable(Type.String()),
  exclusive: Type.Boolean(),
  noData: Nullable(exact({ after: Type.String(), severity: Severity })),
})

const tag = 'Alarms'
const params = exact({ id: Id })
const Text = Type.String({ maxLength: 4_000 })

export const alarmOperations = {
  listAlarms: {
    method: 'GET',
    path: '/alarms',
    tag,
    summary: 'Alarms, newest first; with `from` and `to` those that were open at some moment in between',
    allowed: 'viewer',
    query: exact({
      state: Type.Optional(
        Type.String({
          maxLength: 100,
          description: 'raised, acknowledged, cleared, or several joined by commas; `open` is the first two',
        }),
      ),
      severity: Type.Optional(Type.String({ maxLength: 100, description: 'One or several joined by commas' })),
      group: Type.Optional(Name),
      system: Type.Optional(Name),
      task: Type.Optional(Id),
      from: Type.Optional(Moment),
      to: Type.Optional(Moment),
      cursor: Type.Optional(Cursor),
      limit: Type.Optional(Limit),
    }),
    answer: Type.Array(AlarmAnswer),
    paged: true,
  },
  showAlarm: {
    method: 'GET',
    path: '/alarms/{id}',
    tag,
    summary: 'One alarm with every step of its life',
    allowed: 'viewer',
    params,
    answer: exact({
      ...AlarmAnswer.properties,
      systemId: Nullable(Id),
      history: Type.Array(AlarmStep),
    }),
  },
  countAlarms: {
    method: 'GET',
    path: '/alarms/counts',
    tag,
    summary:
      'How many alarms were open at some moment of each part of a range, by the severity they had last; the last 24 hours unless asked otherwise',
    allowed: 'viewer',
    query: exact({
      group: Type.Optional(Name),
      from: Type.Optional(Moment),
      to: Type.Optional(Moment),
      points: Type.Optional(Type.Integer({ minimum: 2, maximum: 1_000, description: 'How many parts' })),
    }),
    answer: exact({
      at: Type.Array(Type.Number(), { description: 'Where each part begins, in epoch milliseconds' }),
      open: exact({
        INFO: Type.Array(Count),
        WARNING: Type.Array(Count),
        MINOR: Type.Array(Count),
        MAJOR: Type.Array(Count),
        CRITICAL: Type.Array(Count),
      }),
    }),
  },
  explainAlarm: {
    method: 'GET',
    path: '/alarms/{id}/why',
    tag,
    summary: 'The row that raised it, the values it judged, and which rows take its item',
    allowed: 'viewer',
    params,
    answer: exact({
      by: Type.Enum(['rule', 'no results', 'farwatch'], {
        description: 'A row of the surveillance table, the dead-man that every task has, or Farwatch about itself',
      }),
      rule: Nullable(AlarmRule),
      unit: Type.String({ description: 'In which the values are judged' }),
      runs: Type.Array(
        exact({
          slot: Type.Number(),
          plannedAt: Timestamp,
          outcome: Outcome,
          value: Nullable(Type.Number()),
          /** What the row says of this value alone; null where it has none that says anything by itself, such as a counter's. */
          severity: Nullable(SeverityOrClear),
          message: Nullable(Type.String()),
        }),
        { description: 'Around the raising, oldest first' },
      ),
      rows: Type.Array(
        exact({
          rule: Type.String(),
          exclusive: Type.Boolean(),
          alarm: Type.Boolean(),
          severity: Nullable(SeverityOrClear),
        }),
        { description: 'The rows that take the item, in order, with what each says of its newest value' },
      ),
    }),
  },
  listAlarmDestinations: {
    method: 'GET',
    path: '/alarms/{id}/destinations',
    tag,
    summary: 'Where the next step of an alarm goes, where it does not and why, and what became of the steps so far',
    allowed: 'viewer',
    params,
    answer: Type.Array(
      exact({
        plugin: Type.String({ description: 'Name of the configured plugin' }),
        goes: Type.Boolean(),
        because: Type.String(),
        deliveries: Type.Array(
          exact({
            id: Id,
            event: Type.String(),
            state: Type.Enum(['queued', 'delivered', 'dead', 'discarded']),
            queuedAt: Timestamp,
            finishedAt: Nullable(Timestamp),
            message: Type.String(),
          }),
        ),
      }),
    ),
  },
  acknowledgeAlarm: {
    method: 'POST',
    path: '/alarms/{id}/acknowledge',
    tag,
    summary: 'Somebody is on it',
    allowed: 'operator',
    params,
    body: exact({ comment: Type.Optional(Text) }),
    answer: AlarmAnswer,
  },
  assignAlarm: {
    method: 'POST',
    path: '/alarms/{id}/assign',
    tag,
    summary: 'Gives it to a user; null to nobody',
    allowed: 'operator',
    params,
    body: exact({ to: Nullable(Name), comment: Type.Optional(Text) }),
    answer: AlarmAnswer,
  },
  commentAlarm: {
    method: 'POST',
    path: '/alarms/{id}/comment',
    tag,
    summary: 'Adds a remark',
    allowed: 'operator',
    params,
    body: exact({ comment: Type.String({ minLength: 1, maxLength: 4_000 }) }),
    answer: AlarmAnswer,
  },
  clearAlarm: {
    method: 'POST',
    path: '/alarms/{id}/clear',
    tag,
    summary: 'Clears it by hand; it is raised anew only after the problem was gone once',
    allowed: 'operator',
    params,
    body: exact({ comment: Type.Optional(Text) }),
    answer: AlarmAnswer,
  },
} as const satisfies Record<string, Operation>
