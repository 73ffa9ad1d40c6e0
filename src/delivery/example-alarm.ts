import type { AlarmEvent } from '../model/index.ts'
import type { MetricPoint } from '../sdk/index.ts'

/** What "send a test" sends: an alarm that says in every field a person reads that it is none. */
export function exampleAlarm(key: string, at: number): AlarmEvent {
  return {
    key,
    event: 'raised',
    at,
    alarm: {
      id: key,
      severity: 'INFO',
      state: 'raised',
      group: 'test',
      system: 'Farwatch test',
      connector: 'test',
      task: 'test',
      monitor: 'test',
      rule: 'test',
      item: '',
      metric: 'test',
      value: 1,
      message: 'This is a test. Nothing is wrong.',
      raisedAt: at,
      updatedAt: at,
      clearedAt: null,
      acknowledgedBy: null,
      assignedTo: null,
    },
  }
}

export function examplePoint(at: number): MetricPoint {
  return { name: 'farwatch_test', labels: { source: 'send a test' }, at, value: 1 }
}
