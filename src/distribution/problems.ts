import { formatDuration } from '../base/index.ts'
import type { Severity } from '../model/index.ts'
import type { UncoveredGroup, WeakGroup } from './coverage-preview.ts'
import type { AgentLife } from './leases.ts'
import type { MassLoss } from './placement.ts'

/** Something about agents that somebody has to know of while it lasts. */
export interface DistributionProblem {
  /** Names the problem; it is raised once and cleared by this name. */
  readonly key: string
  readonly severity: Severity
  readonly message: string
  /** The group concerned; empty for several or none. */
  readonly group: string
}

export interface ProblemFacts {
  readonly agents: readonly {
    readonly id: string
    readonly name: string
    readonly life: AgentLife
    /** The groups that it is to run, in order of names. */
    readonly groups: readonly string[]
  }[]
  readonly massLoss: MassLoss | undefined
  readonly uncovered: readonly UncoveredGroup[]
  readonly weak: readonly WeakGroup[]
  readonly offlineTimeoutMs: number
}

const namedAtMost = 10

/**
 * The problems that stand now, in the order of their keys. What stands is derived from what is, and not from what happened: raised and
 * cleared is the difference from one time to the next, so that none is forgotten and none is told twice.
 *
 * Each lost agent is one problem. Where most are lost together they are one problem all in all, for as long as it lasts.
 */
export function problemsOf(facts: ProblemFacts): readonly DistributionProblem[] {
  const { massLoss } = facts
  const names = new Map(facts.agents.map(({ id, name }) => [id, name]))
  const named = (id: string) => names.get(id) ?? id
  const problems: DistributionProblem[] = []
  if (massLoss !== undefined) {
    const silent = massLoss.agents.length
    const groups = new Set(facts.agents.flatMap(({ id, groups: own }) => (massLoss.agents.includes(id) ? own : [])))
    problems.push({
      key: 'agents lost',
      severity: 'CRITICAL',
      message: `${silent} of ${massLoss.of} agents fell silent together: ${listed(massLoss.agents.map(named).sort())}. Their work is held back from moving for a while, as it is rather the network of this server than all of them. Groups concerned: ${listed([...groups].sort())}`,
      group: '',
    })
  }
  for (const { id, name, life, groups } of facts.agents) {
    if (!life.isLost || massLoss?.agents.includes(id) === true) continue
    problems.push({
      key: `agent lost: ${id}`,
      severity: 'MAJOR',
      message: `The agent ${name} has been silent for more than ${formatDuration(facts.offlineTimeoutMs)}. Groups concerned: ${listed(groups)}`,
      group: groups.length === 1 ? groups[0]! : '',
    })
  }
  for (const { group, reason, connectors, of } of facts.uncovered) {
    // A group is made before its first system, and often before its agents; nothing is unwatched yet.
    if (of === 0) continue
    const what = connectors === of ? 'nobody runs it' : `nobody runs ${connectors} of its ${of} connectors`
    problems.push({
      key: `uncovered: ${group}`,
      severity: 'CRITICAL',
      message: `The group ${JSON.stringify(group)} is UNCOVERED, ${what}: ${reason}`,
      group,
    })
  }
  const byGroup = Map.groupBy(facts.weak, ({ group }) => group)
  for (const [group, weak] of byGroup) {
    const of = (effect: WeakGroup['effect']) =>
      weak.filter((one) => one.effect === effect).map(({ agent }) => named(agent))
    const uncovers = of('uncovered')
    const overloads = of('overloaded')
    const words = [
      ...(uncovers.length > 0 ? [`uncovered without ${listed(uncovers, 'or')}`] : []),
      ...(overloads.length > 0 ? [`too much for the other agents without ${listed(overloads, 'or')}`] : []),
    ]
    problems.push({
      key: `no spare agent: ${group}`,
      severity: 'WARNING',
      message: `The group ${JSON.stringify(group)} has no spare agent: it would be ${words.join(', and ')}`,
      group,
    })
  }
  return problems.sort((a, b) => (a.key < b.key ? -1 : 1))
}

function listed(names: readonly string[], and = 'and'): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, namedAtMost)
  if (names.length > namedAtMost) return `${shown.join(', ')} ${and} ${names.length - namedAtMost} more`
  const last = shown.pop()!
  return shown.length === 0 ? last : `${shown.join(', ')} ${and} ${last}`
}
