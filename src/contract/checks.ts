import { Type, type Static } from 'typebox'
import type { Operation } from './operation.ts'
import { Labels, Name, Nullable, SeverityOrClear, Timestamp, exact } from './schemas.ts'

/** Which row of a surveillance table takes an item, and how bad it finds the value. */
const TakingRow = exact({
  row: Type.Integer({ minimum: 0, description: 'Its place in the table' }),
  name: Type.String(),
  exclusive: Type.Boolean(),
  alarm: Type.Boolean(),
  severity: Nullable(SeverityOrClear),
})

const measured = { name: Type.String({ maxLength: 4_096 }), labels: Labels, value: Type.Number() }
export const JudgedSample = exact({ ...measured, unit: Type.String(), rows: Type.Array(TakingRow) })
export type JudgedSample = Static<typeof JudgedSample>

export const CheckAnswer = exact({
  agent: Name,
  outcome: Type.Enum(['ran', 'failed', 'late']),
  startedAt: Timestamp,
  durationMs: Type.Number(),
  reason: Nullable(Type.String()),
  message: Nullable(Type.String()),
  facts: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  /** The first is the run itself: the metric `failed`. */
  samples: Type.Array(JudgedSample),
  left: Type.Integer({ minimum: 0, description: 'Values that are not shown, because there are so many' }),
})
export type CheckAnswer = Static<typeof CheckAnswer>

const CheckedConnector = exact({
  type: Name,
  settings: Type.Optional(Type.Unknown()),
  credential: Type.Optional(Name),
})

const checked = {
  monitor: Name,
  settings: Type.Optional(Type.Unknown()),
  rules: Type.Optional(Type.Unknown({ description: 'A surveillance table; the default of the monitor unless given' })),
}

export const checkOperations = {
  checkConnector: {
    method: 'POST',
    path: '/checks',
    tag: 'Configuration',
    summary:
      'Runs a monitor once on a connector that need not be saved, from an agent that may run the group; keeps nothing',
    allowed: 'editor',
    isLong: true,
    body: exact({
      group: Name,
      agent: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Its name; any unless given' })),
      connector: CheckedConnector,
      timeout: Type.Optional(Type.String({ maxLength: 40 })),
      ...checked,
    }),
    answer: CheckAnswer,
  },
  listCandidates: {
    method: 'POST',
    path: '/checks/candidates',
    tag: 'Configuration',
    summary:
      'Asks the target of a connector, which need not be saved, what there is to choose from for the settings of a monitor that declare it',
    allowed: 'editor',
    isLong: true,
    body: exact({
      group: Name,
      agent: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Its name; any unless given' })),
      connector: CheckedConnector,
      monitor: Name,
      settings: Type.Optional(Type.Unknown({ description: 'Those to be chosen are not looked at' })),
    }),
    answer: exact({
      agent: Name,
      reason: Nullable(Type.String({ description: 'Why the target could not be asked' })),
      message: Nullable(Type.String()),
      candidates: Type.Record(Type.String(), Type.Array(Type.String()), { description: 'By setting' }),
    }),
  },
  previewRules: {
    method: 'POST',
    path: '/checks/preview',
    tag: 'Configuration',
    summary: 'Which row of a surveillance table takes which item',
    allowed: 'viewer',
    body: exact({
      ...checked,
      samples: Type.Array(exact({ ...measured, unit: Type.Optional(Type.String()) }), { maxItems: 5_000 }),
    }),
    answer: exact({ samples: Type.Array(JudgedSample) }),
  },
} as const satisfies Record<string, Operation>
