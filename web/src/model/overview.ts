import type { GroupSummary, SystemBrief } from '../../../src/contract/index.ts'
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

export const stateFilters = [
  'all',
  'problems',
  ...severitiesDown,
  'UNCOVERED',
] as const satisfies readonly StateFilter[]

export interface SystemFilter {
  readonly text: string
  /** `problems`: anything that is not well; a severity: that or worse. */
  readonly state: StateFilter
  /** Empty for all. */
  readonly group: string
  /** `key=value`, or the key alone where it has no value; empty for all. */
  readonly tag: string
}

/** Reads a filter from the address, where anyone may have written anything. */
export function readFilter(search: { text?: string; state?: string; group?: string; tag?: string }): SystemFilter {
  return {
    text: search.text ?? '',
    state: stateFilters.find((one) => one === search.state) ?? 'all',
    group: search.group ?? '',
    tag: search.tag ?? '',
  }
}

export function isFiltered({ text, state, group, tag }: SystemFilter): boolean {
  return text.trim() !== '' || state !== 'all' || group !== '' || tag !== ''
}

/** A tag as it is chosen and shown. */
export function tagText(key: string, value: string): string {
  return value === '' ? key : `${key}=${value}`
}

/** The tags that systems bear, the most frequent first. */
export function tagsOf(systems: readonly SystemBrief[]): string[] {
  const counts = new Map<string, number>()
  for (const { tags } of systems) {
    for (const [key, value] of Object.entries(tags)) {
      const tag = tagText(key, value)
      counts.set(tag, (counts.get(tag) ?? 0) + 1)
    }
  }
  return [...counts].toSorted(([a, m], [b, n]) => n - m || compareNames(a, b)).map(([tag]) => tag)
}

/** A line of the tree. Flat, so that ten thousand of them can be drawn a screenful at a time. */
export type TreeRow =
  | { readonly is: 'group'; readonly group: GroupSummary; readonly shown: number; readonly open: boolean }
  | { readonly is: 'system'; readonly system: SystemBrief; readonly open: boolean }
  | { readonly is: 'connector'; readonly system: SystemBrief; readonly name: string; readonly type: string }

/** In the order of names. */
export function connectorsOf({ connectors }: SystemBrief): { readonly name: string; readonly type: string }[] {
  return Object.entries(connectors)
    .flatMap(([type, names]) => names.map((name) => ({ name, type })))
    .toSorted((a, b) => compareNames(a.name, b.name))
}

// What a system is found by does not change while it is shown, and ten thousand are looked through with every letter.
const hays = new WeakMap<SystemBrief, string>()

function hayOf(system: SystemBrief): string {
  const known = hays.get(system)
  if (known !== undefined) return known
  const hay = [
    system.name,
    system.group,
    system.type,
    ...Object.entries(system.connectors).flat(2),
    ...Object.entries(system.tags).map(([key, value]) => `${key}=${value}`),
  ]
    .join('\n')
    .toLowerCase()
  hays.set(system, hay)
  return hay
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
}

/**
 * Whether every word of the text is found: in the system's name, group, type, a connector's name or type, or a tag. A tag matches by
 * its key, its value, or both as `key=value`.
 */
export function matchesText(system: SystemBrief, text: string): boolean {
  const hay = hayOf(system)
  return wordsOf(text).every((word) => hay.includes(word))
}

function matchesState(one: Pick<Urgent, 'worst' | 'state'>, filter: StateFilter): boolean {
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

const noAlarms = { INFO: 0, WARNING: 0, MINOR: 0, MAJOR: 0, CRITICAL: 0 }

function urgencyOf(system: SystemBrief): Urgent {
  const { name, worst, state, alarms = noAlarms } = system
  return { name, worst, state, alarms }
}

/** The systems that a filter leaves, by group; within each by urgency. */
export function filterSystems(
  systems: readonly SystemBrief[],
  filter: SystemFilter,
): ReadonlyMap<string, readonly SystemBrief[]> {
  const words = wordsOf(filter.text)
  const within = new Map<string, SystemBrief[]>()
  for (const system of systems) {
    if (filter.group !== '' && system.group !== filter.group) continue
    if (!matchesState(system, filter.state)) continue
    if (words.length > 0 && !matchesText(system, filter.text)) continue
    if (filter.tag !== '' && !Object.entries(system.tags).some(([key, value]) => tagText(key, value) === filter.tag))
      continue
    const there = within.get(system.group)
    if (there === undefined) within.set(system.group, [system])
    else there.push(system)
  }
  for (const some of within.values()) some.sort((a, b) => byUrgency(urgencyOf(a), urgencyOf(b)))
  return within
}

/** More systems than this begin with their groups closed: whoever sees ten thousand looks for a group first. */
const mostOpened = 400

/** What of the tree is open: `turned` names the groups that are not as they were at first, and the systems that were opened. */
export interface Opened {
  readonly turned: ReadonlySet<string>
  readonly systems: ReadonlySet<string>
}

/**
 * Groups by urgency, each with its systems by urgency, each of those that is open with its connectors. A group without a matching
 * system is left out, unless nothing is filtered.
 */
export function treeRows(
  groups: readonly GroupSummary[],
  within: ReadonlyMap<string, readonly SystemBrief[]>,
  filtered: boolean,
  opened: Opened,
): TreeRow[] {
  const count = [...within.values()].reduce((sum, some) => sum + some.length, 0)
  const openAtFirst = count <= mostOpened
  return groups
    .filter((group) => !filtered || within.has(group.name))
    .toSorted(byUrgency)
    .flatMap((group): TreeRow[] => {
      const shown = within.get(group.name) ?? []
      const open = opened.turned.has(group.name) ? !openAtFirst : openAtFirst
      const head: TreeRow = { is: 'group', group, shown: shown.length, open }
      if (!open) return [head]
      return [head, ...shown.flatMap((system) => systemRows(system, opened.systems.has(system.id)))]
    })
}

function systemRows(system: SystemBrief, open: boolean): TreeRow[] {
  const head: TreeRow = { is: 'system', system, open }
  if (!open) return [head]
  return [head, ...connectorsOf(system).map((one): TreeRow => ({ is: 'connector', system, ...one }))]
}
