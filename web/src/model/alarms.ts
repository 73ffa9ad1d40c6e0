import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { severitiesDown } from './overview.ts'
import { isObject } from './same.ts'

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

/** The worst first, among those of one severity the newest. */
export function byWorst(a: AlarmAnswer, b: AlarmAnswer): number {
  return severitiesDown.indexOf(a.severity) - severitiesDown.indexOf(b.severity) || b.raisedAt.localeCompare(a.raisedAt)
}

/** What an act that was not answered yet makes of an alarm. */
export type AlarmChange = Partial<Pick<AlarmAnswer, 'state' | 'acknowledgedBy' | 'assignedTo'>>

/** What was loaded of alarms (one, a list, or the pages of one) with one of them changed; anything else as it is. */
export function withAlarm(loaded: unknown, id: string, change: AlarmChange): unknown {
  if (Array.isArray(loaded)) return loaded.map((one: unknown) => withAlarm(one, id, change))
  if (!isObject(loaded)) return loaded
  if (loaded['id'] === id && 'severity' in loaded) return { ...loaded, ...change }
  if ('pages' in loaded) return { ...loaded, pages: withAlarm(loaded['pages'], id, change) }
  return 'rows' in loaded ? { ...loaded, rows: withAlarm(loaded['rows'], id, change) } : loaded
}

export const groupings = ['', 'system', 'rule'] as const
export type Grouping = (typeof groupings)[number]

/** A line of the list: an alarm, or the head of those that have a system or a rule in common. */
export type AlarmRow =
  | { readonly is: 'alarm'; readonly alarm: AlarmAnswer }
  | {
      readonly is: 'head'
      readonly key: string
      readonly name: string
      readonly of: readonly AlarmAnswer[]
      readonly open: boolean
    }

function groupName(alarm: AlarmAnswer, by: Exclude<Grouping, ''>): string {
  switch (by) {
    case 'system':
      return alarm.group === '' ? alarm.system : `${alarm.group} / ${alarm.system}`
    case 'rule':
      return alarm.monitor === '' ? alarm.rule : `${alarm.monitor}: ${alarm.rule}`
  }
}

/** The list as it is drawn; the group with the worst alarm comes first, then the one with the most. */
export function alarmRows(alarms: readonly AlarmAnswer[], by: Grouping, closed: ReadonlySet<string>): AlarmRow[] {
  const rows = (some: readonly AlarmAnswer[]): AlarmRow[] => some.map((alarm) => ({ is: 'alarm', alarm }))
  if (by === '') return rows(alarms)
  return [...Map.groupBy(alarms, (alarm) => groupName(alarm, by))]
    .map(([name, of]) => ({ name, of: of.toSorted(byWorst) }))
    .toSorted((a, b) => severityPlace(a.of[0]!) - severityPlace(b.of[0]!) || b.of.length - a.of.length)
    .flatMap(({ name, of }): AlarmRow[] => {
      const head: AlarmRow = { is: 'head', key: `${by} ${name}`, name, of, open: !closed.has(`${by} ${name}`) }
      return head.open ? [head, ...rows(of)] : [head]
    })
}

function severityPlace({ severity }: AlarmAnswer): number {
  return severitiesDown.indexOf(severity)
}
