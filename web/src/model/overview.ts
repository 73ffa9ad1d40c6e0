import type { GroupSummary, SystemSummary } from '../../../src/contract/index.ts'
import type { Severity, SeverityOrClear } from '../../../src/model/index.ts'

export const severitiesDown = ['CRITICAL', 'MAJOR', 'MINOR', 'WARNING', 'INFO'] as const satisfies readonly Severity[]

const rank: Record<SeverityOrClear, number> = { CLEAR: 0, INFO: 1, WARNING: 2, MINOR: 3, MAJOR: 4, CRITICAL: 5 }

/**
 * How urgently something wants to be seen: by its worst alarm; then what nobody watches comes before what is well, because a
 * silence is not good news; then by how much of it is wrong.
 */
interface Urgent {
  readonly name: string
  readonly worst: SeverityOrClear
  readonly state: 'covered' | 'UNCOVERED' | 'no tasks'
  readonly alarms: Readonly<Record<Severity, number>>
}

export function byUrgency(a: Urgent, b: Urgent): number {
  return (
    rank[b.worst] - rank[a.worst] ||
    Number(b.state === 'UNCOVERED') - Number(a.state === 'UNCOVERED') ||
    countAlarms(b.alarms) - countAlarms(a.alarms) ||
    compareNames(a.name, b.name)
  )
}

// One collator for all comparisons: making one for each is what makes sorting ten thousand names slow.
const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/** Names as people sort them: `db2` before `db10`. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b)
}

export function countAlarms(alarms: Readonly<Record<Severity, number>>): number {
  return severitiesDown.reduce((sum, severity) => sum + alarms[severity], 0)
}

export type StateFilter = 'all' | 'problems' | 'UNCOVERED' | Severity

export interface OverviewFilter {
  readonly text: string
  /** `problems`: anything that is not well; a severity: that or worse. */
  readonly state: StateFilter
}

/** One line of the overview: a group, or a system below it. Flat, so that ten thousand of them can be drawn a screenful at a time. */
export type OverviewRow =
  | { readonly is: 'group'; readonly group: GroupSummary; readonly shown: number; readonly folded: boolean }
  | { readonly is: 'system'; readonly system: SystemSummary }

/**
 * Whether every word of the text is found: in the system's name, group, type, a connector's name or type, or a tag. A tag matches by
 * its key, its value, or both as `key=value`.
 */
export function matchesText(system: SystemSummary, text: string): boolean {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return true
  const hay = [
    system.name,
    system.group,
    system.type,
    ...system.connectors.flatMap((connector) => [connector.name, connector.type]),
    ...Object.entries(system.tags).map(([key, value]) => `${key}=${value}`),
  ]
    .join('\n')
    .toLowerCase()
  return words.every((word) => hay.includes(word))
}

function matchesState(one: Urgent, filter: StateFilter): boolean {
  switch (filter) {
    case 'all':
      return true
    case 'problems':
      return one.worst !== 'CLEAR' || one.state === 'UNCOVERED'
    case 'UNCOVERED':
      return one.state === 'UNCOVERED'
    default:
      return rank[one.worst] >= rank[filter]
  }
}

/** Groups by urgency, each with its systems by urgency. A group without a matching system is left out, unless nothing is filtered. */
export function overviewRows(
  groups: readonly GroupSummary[],
  systems: readonly SystemSummary[],
  filter: OverviewFilter,
  folded: ReadonlySet<string>,
): OverviewRow[] {
  const within = new Map<string, SystemSummary[]>()
  for (const system of systems) {
    if (!matchesState(system, filter.state) || !matchesText(system, filter.text)) continue
    const there = within.get(system.group)
    if (there === undefined) within.set(system.group, [system])
    else there.push(system)
  }
  const everything = filter.state === 'all' && filter.text.trim() === ''
  return groups
    .filter((group) => everything || within.has(group.name))
    .toSorted(byUrgency)
    .flatMap((group): OverviewRow[] => {
      const shown = within.get(group.name) ?? []
      const head: OverviewRow = { is: 'group', group, shown: shown.length, folded: folded.has(group.name) }
      if (head.folded) return [head]
      return [head, ...shown.toSorted(byUrgency).map((system): OverviewRow => ({ is: 'system', system }))]
    })
}
