import type { Severity } from './severity.ts'

export type AlarmStatus = 'raised' | 'acknowledged' | 'cleared'

/**
 * A problem with a life. The id is derived from (task, rule, item, slot of the first breach), so that two servers that meet the
 * same problem name it alike. Times are epoch milliseconds.
 */
export interface Alarm {
  readonly id: string
  readonly severity: Severity
  readonly state: AlarmStatus
  readonly group: string
  readonly system: string
  readonly connector: string
  readonly task: string
  readonly monitor: string
  /** Name of the row that judged it. */
  readonly rule: string
  /** The item in one line: `mount=/var`; empty for a metric with one value. */
  readonly item: string
  readonly metric: string
  readonly value: number | null
  readonly message: string
  readonly raisedAt: number
  readonly updatedAt: number
  readonly clearedAt: number | null
  readonly acknowledgedBy: string | null
  readonly assignedTo: string | null
}

export type AlarmEventKind = 'raised' | 'updated' | 'acknowledged' | 'cleared'

/** A step in an alarm's life that others want to hear of. `key` is the same wherever and however often the step is told. */
export interface AlarmEvent {
  readonly key: string
  readonly event: AlarmEventKind
  readonly alarm: Alarm
  readonly at: number
}
