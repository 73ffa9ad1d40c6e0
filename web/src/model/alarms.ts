import type { AlarmAnswer } from '../../../src/contract/index.ts'

/** Whether every word of the text is found in what the list shows of an alarm. */
export function matchesAlarm(alarm: AlarmAnswer, text: string): boolean {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return true
  const hay = [
    alarm.message,
    alarm.group,
    alarm.system,
    alarm.connector,
    alarm.item,
    alarm.monitor,
    alarm.metric,
    alarm.assignedTo ?? '',
    alarm.acknowledgedBy ?? '',
  ]
    .join('\n')
    .toLowerCase()
  return words.every((word) => hay.includes(word))
}
