import { seededRandom, type Random } from '../base/index.ts'
import type { PlacementAgent, PlacementConnector, PlacementGroup, Reach } from './eligibility.ts'
import { defaultPlacementSettings, nowhere, place, type Placement, type PlacementSettings } from './placement.ts'

/** An agent that is there and can do everything, but for what a story says otherwise. */
export function agentOf(id: string, more: Partial<PlacementAgent> = {}): PlacementAgent {
  return {
    id,
    name: id,
    local: false,
    registration: 'ACCEPTED',
    admin: 'ON',
    runtime: 'ONLINE',
    capacity: 1_000,
    monitors: new Set(['http.response']),
    programs: new Set(),
    steadyFrom: 0,
    lostAt: undefined,
    isOverdue: false,
    isElsewhere: false,
    ...more,
  }
}

export function connectorOf(id: string, cost = 1, more: Partial<PlacementConnector> = {}): PlacementConnector {
  return { id, group: 'acme', monitors: ['http.response'], programs: [], cost, ...more }
}

/** Costs as they are in life: the n-th largest is an n-th of the largest. Shuffled, so that the order of the ids says nothing. */
export function zipfConnectors(count: number, random: Random = seededRandom(1)): readonly PlacementConnector[] {
  const ranks = Array.from({ length: count }, (_, i) => i + 1)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[ranks[i], ranks[j]] = [ranks[j]!, ranks[i]!]
  }
  return ranks.map((rank, i) => connectorOf(`c${String(i).padStart(5, '0')}`, 1_000 / rank))
}

/** The world around `place` in stories: moves are proved and confirmed as the story says. */
export class Stage {
  agents: readonly PlacementAgent[]
  connectors: readonly PlacementConnector[]
  groups: ReadonlyMap<string, PlacementGroup>
  settings: PlacementSettings = defaultPlacementSettings
  placement: Placement = nowhere
  at = 1_000_000
  /** Whether an agent reaches a target. */
  reaches: (agent: string, connector: string) => boolean = () => true
  readonly #reach = new Map<string, Map<string, Reach>>()

  constructor(
    agents: readonly PlacementAgent[],
    connectors: readonly PlacementConnector[],
    groups: ReadonlyMap<string, PlacementGroup> = new Map([
      ['acme', { agents: agents.map(({ name }) => name), exclusive: false }],
    ]),
  ) {
    this.agents = agents
    this.connectors = connectors
    this.groups = groups
  }

  /** One placement; every move that it wants is answered for the next one. */
  step(ms = 1_000): Placement {
    this.at += ms
    this.placement = place({
      agents: this.agents,
      connectors: this.connectors.map((connector) => {
        const reach = this.#reach.get(connector.id)
        return { ...connector, ...(reach === undefined ? {} : { reach }), isConfirmed: true }
      }),
      groups: this.groups,
      previous: this.placement,
      at: this.at,
      settings: this.settings,
    })
    for (const [id, at] of this.placement.places) {
      const asked = at.is === 'proving' ? at.to : at.is === 'settled' && at.onTrust ? at.agent : undefined
      if (asked === undefined) continue
      const ok = this.reaches(asked, id)
      const known = this.#reach.get(id) ?? new Map<string, Reach>()
      this.#reach.set(id, known.set(asked, { ok, at: this.at, reason: ok ? '' : 'connection refused' }))
    }
    return this.placement
  }

  /** Steps until nothing changes any more. @returns how many connectors have another agent than at first */
  converge(): { readonly moved: readonly string[]; readonly steps: number } {
    const first = this.owners()
    for (let steps = 1; steps < 500; steps++) {
      const before = this.placement.places
      const after = this.step().places
      if (steps > 1 && [...after].every(([id, at]) => before.get(id) === at)) {
        const now = this.owners()
        return { moved: [...now].filter(([id, agent]) => first.get(id) !== agent).map(([id]) => id), steps }
      }
    }
    throw new Error('the placement does not come to rest')
  }

  /** The agent of each connector; `-` for none. */
  owners(): ReadonlyMap<string, string> {
    return new Map([...this.placement.places].map(([id, at]) => [id, at.is === 'uncovered' ? '-' : at.agent]))
  }

  /** The load of the fullest agent that is there as a multiple of the mean. */
  peak(): number {
    const there = this.agents.filter(({ runtime }) => runtime === 'ONLINE')
    const cost = new Map(this.connectors.map((connector) => [connector.id, connector.cost]))
    const loads = new Map(there.map(({ id }) => [id, 0]))
    for (const [id, agent] of this.owners()) {
      if (loads.has(agent)) loads.set(agent, loads.get(agent)! + cost.get(id)!)
    }
    const total = [...loads.values()].reduce((sum, load) => sum + load, 0)
    const capacity = there.reduce((sum, agent) => sum + agent.capacity, 0)
    return Math.max(...there.map((agent) => loads.get(agent.id)! / agent.capacity)) / (total / capacity)
  }
}
