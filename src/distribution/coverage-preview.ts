import { inOnePiece, type Pieces } from '../platform/index.ts'
import {
  Kinds,
  whyUncovered,
  type PlacementAgent,
  type PlacementConnector,
  type PlacementGroup,
} from './eligibility.ts'
import type { Placement } from './placement.ts'
import { perStep } from './sorting.ts'

/** A group with connectors that nobody can run. */
export interface UncoveredGroup {
  readonly group: string
  readonly reason: string
  /** How many connectors, and how many the group has. */
  readonly connectors: number
  readonly of: number
}

export interface AssociationPreview {
  /** Covered now, uncovered afterwards. */
  readonly becomeUncovered: readonly UncoveredGroup[]
  /** Uncovered now, covered afterwards. Names of groups. */
  readonly becomeCovered: readonly string[]
  /** Connectors whose agent may not run them afterwards, so that they move or end. */
  readonly moves: number
  /** What the loss of one agent would do afterwards. */
  readonly weak: readonly WeakGroup[]
}

/** A group that the loss of one agent would leave without agents, or with agents that have too much to do. */
export interface WeakGroup {
  readonly group: string
  /** Id of the agent. */
  readonly agent: string
  readonly effect: 'uncovered' | 'overloaded'
  /** How many of its connectors. */
  readonly connectors: number
}

/** What coverage is decided by. */
export interface CoverageFacts {
  readonly agents: readonly PlacementAgent[]
  readonly connectors: readonly PlacementConnector[]
  readonly groups: ReadonlyMap<string, PlacementGroup>
}

/**
 * The groups that nobody can run, wholly or in part, in the order of their names. A group without connectors counts as uncovered where no
 * agent is there for it, so that its first system is not a surprise.
 */
export function uncoveredGroups(facts: CoverageFacts): readonly UncoveredGroup[] {
  return inOnePiece(lookingForUncovered(facts))
}

/** As `uncoveredGroups`, with pauses. */
export function* lookingForUncovered({ agents, connectors, groups }: CoverageFacts): Pieces<readonly UncoveredGroup[]> {
  const kinds = new Kinds(agents, groups)
  const totals = new Map<string, { connectors: number; of: number; reason: string }>()
  for (const [i, connector] of connectors.entries()) {
    if (i % perStep === 0) yield
    let total = totals.get(connector.group)
    if (total === undefined) totals.set(connector.group, (total = { connectors: 0, of: 0, reason: '' }))
    total.of++
    if (kinds.kindOf(connector).eligible.length > 0) continue
    total.connectors++
    if (total.reason === '') total.reason = whyUncovered(agents, connector, groups.get(connector.group))
  }
  for (const [group, facts] of groups) {
    if (totals.has(group)) continue
    const any: PlacementConnector = { id: '', group, monitors: [], programs: [], cost: 0 }
    const isCovered = kinds.kindOf(any).eligible.length > 0
    if (!isCovered) totals.set(group, { connectors: 0, of: 0, reason: whyUncovered(agents, any, facts) })
  }
  return [...totals]
    .filter(([, { reason }]) => reason !== '')
    .map(([group, total]) => ({ group, ...total }))
    .sort(byGroup)
}

/** What other associations would do, without doing it. `now` and `then` differ in their groups. */
export function previewAssociations(now: CoverageFacts, then: CoverageFacts, placement: Placement): AssociationPreview {
  const before = new Map(uncoveredGroups(now).map((group) => [group.group, group]))
  const after = uncoveredGroups(then)
  const still = new Set(after.map(({ group }) => group))
  const kinds = new Kinds(then.agents, then.groups)
  const indexOf = new Map(then.agents.map(({ id }, i) => [id, i]))
  let moves = 0
  for (const connector of then.connectors) {
    const at = placement.places.get(connector.id)
    if (at === undefined || at.is === 'uncovered') continue
    if (kinds.kindOf(connector).isAllowed[indexOf.get(at.agent) ?? -1] !== true) moves++
  }
  return {
    becomeUncovered: after.filter((group) => group.connectors > (before.get(group.group)?.connectors ?? -1)),
    becomeCovered: [...before.keys()].filter((group) => !still.has(group)),
    moves,
    weak: weakGroups(then, placement),
  }
}

/**
 * N−1: what the loss of any one agent would do. What it has is dealt out to the others as placement would, the largest first; an agent
 * that then has more than it can is overloaded, and the groups whose connectors made it so are named.
 *
 * The server's own agent is not taken away: it is lost with the server, and that is what a failover pair is for. Connectors that are pinned,
 * or that nobody runs now, say nothing about the loss of an agent.
 */
export function weakGroups(facts: CoverageFacts, placement: Placement): readonly WeakGroup[] {
  return inOnePiece(lookingForWeak(facts, placement))
}

/** As `weakGroups`, with pauses. */
export function* lookingForWeak(
  { agents, connectors, groups }: CoverageFacts,
  placement: Placement,
): Pieces<readonly WeakGroup[]> {
  const kinds = new Kinds(agents, groups)
  const indexOf = new Map(agents.map(({ id }, i) => [id, i]))
  const load = agents.map(() => 0)
  const has: PlacementConnector[][] = agents.map(() => [])
  for (const [i, connector] of connectors.entries()) {
    if (i % perStep === 0) yield
    const at = placement.places.get(connector.id)
    if (at === undefined || at.is === 'uncovered') continue
    const owner = indexOf.get(at.is === 'proving' || at.is === 'handing' ? at.to : at.agent)
    if (owner === undefined) continue
    load[owner]! += connector.cost / agents[owner]!.capacity
    has[owner]!.push(connector)
  }
  const weak: WeakGroup[] = []
  for (const [index, lost] of agents.entries()) {
    if (lost.local) continue
    yield
    const counts = new Map<string, number>()
    const count = (group: string, effect: WeakGroup['effect']) => {
      const key = JSON.stringify([group, effect])
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const then = [...load]
    const largestFirst = [...has[index]!].sort((a, b) => b.cost - a.cost || (a.id < b.id ? -1 : 1))
    for (const connector of largestFirst) {
      if (connector.pin !== undefined) continue
      let best = -1
      for (const agent of kinds.kindOf(connector).eligible) {
        if (agent !== index && (best < 0 || then[agent]! < then[best]!)) best = agent
      }
      if (best < 0) count(connector.group, 'uncovered')
      else {
        then[best]! += connector.cost / agents[best]!.capacity
        if (then[best]! > 1) count(connector.group, 'overloaded')
      }
    }
    for (const [key, number] of counts) {
      // Made above.
      const [group, effect] = JSON.parse(key) as [string, WeakGroup['effect']]
      weak.push({ group, agent: lost.id, effect, connectors: number })
    }
  }
  return weak.sort((a, b) => byGroup(a, b) || (a.agent < b.agent ? -1 : a.agent > b.agent ? 1 : 0))
}

function byGroup(a: { readonly group: string }, b: { readonly group: string }): number {
  return a.group < b.group ? -1 : a.group > b.group ? 1 : 0
}
