import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Cursor, Id, Limit, Name, Nullable, Severity, Timestamp, exact } from './schemas.ts'

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

const tag = 'Alarms'
const params = exact({ id: Id })
const Text = Type.String({ maxLength: 4_000 })

export const alarmOperations = {
  listAlarms: {
    method: 'GET',
    path: '/alarms',
    tag,
    summary: 'Alarms, newest first',
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
    answer: exact({ ...AlarmAnswer.properties, history: Type.Array(AlarmStep) }),
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
