/** Registration: who the server knows and trusts. */
export type Registration = 'PENDING' | 'ACCEPTED' | 'REJECTED'
/** What an administrator wants of an agent. */
export type AdminState = 'ON' | 'OFF'
/** What the server sees of an agent. */
export type RuntimeState = 'ONLINE' | 'OFFLINE' | 'DRAINING'

/** An agent as placement sees it. Moments are epoch milliseconds of server time. */
export interface PlacementAgent {
  readonly id: string
  readonly name: string
  /** The server's own agent: associated under the name `local`, and never lost without the server. */
  readonly local: boolean
  readonly registration: Registration
  readonly admin: AdminState
  readonly runtime: RuntimeState
  /** Milliseconds of monitor runs that it can have going in one second: 1,000 for one run at a time. Above 0. */
  readonly capacity: number
  /** Ids of the monitors that its version has. */
  readonly monitors: ReadonlySet<string>
  /** Programs on its machine that monitors may need; undefined where it does not say, and is believed to have them. */
  readonly programs: ReadonlySet<string> | undefined
  /** It was lost a short while ago: before this moment it only gets what nobody else may run. */
  readonly steadyFrom: number
  /** When it went OFFLINE; undefined where it is not, or was never seen. */
  readonly lostAt: number | undefined
  /** Not OFFLINE yet, but silent for longer than it should be. */
  readonly isOverdue: boolean
  /** It says that it works with another server, which acts in a higher term: that its lease here ended does not mean that it stopped. */
  readonly isElsewhere: boolean
}

/** What an agent found out about the way to a target by a cheap connect. */
export interface Reach {
  readonly ok: boolean
  readonly at: number
  /** Why not; empty where it is reached. */
  readonly reason: string
}

/** A connector as placement sees it: the unit that is placed, because its tasks share connections. */
export interface PlacementConnector {
  readonly id: string
  readonly group: string
  /** Ids of the monitors of its tasks. */
  readonly monitors: readonly string[]
  /** Programs that its monitors need on the agent's machine. */
  readonly programs: readonly string[]
  /** Milliseconds of runs in one second. Above 0. */
  readonly cost: number
  /** Id of the only agent that may run it, by an administrator's word. */
  readonly pin?: string
  /** By agent, as far as it was tried and is recent enough to be believed. */
  readonly reach?: ReadonlyMap<string, Reach>
  /** The other side of a hand-over has confirmed it. */
  readonly isConfirmed?: boolean
}

export interface PlacementGroup {
  /** Names of the agents that are to run it, by the rule of associations. */
  readonly agents: readonly string[]
  /** Its targets must not be queried by two agents at once. */
  readonly exclusive: boolean
}

/** The name under which a server's own agent is associated with groups. */
const localName = 'local'

function isAssociated(agent: PlacementAgent, group: PlacementGroup | undefined): boolean {
  return group?.agents.includes(agent.local ? localName : agent.name) ?? false
}

function isSuspended(agent: PlacementAgent): string | undefined {
  switch (agent.registration) {
    case 'PENDING':
      return 'waits to be accepted (PENDING)'
    case 'REJECTED':
      return 'was rejected (REJECTED)'
    case 'ACCEPTED':
      break
  }
  return agent.admin === 'OFF' ? 'is switched off (OFF)' : undefined
}

/** Why an agent may not have a connector, whether or not it is there; undefined where it may. */
export function whyNotAllowed(
  agent: PlacementAgent,
  connector: PlacementConnector,
  group: PlacementGroup | undefined,
): string | undefined {
  if (connector.pin !== undefined && connector.pin !== agent.id) return 'the connector is pinned to another agent'
  if (!isAssociated(agent, group)) return `is not associated with the group ${JSON.stringify(connector.group)}`
  const suspended = isSuspended(agent)
  if (suspended !== undefined) return suspended
  const monitors = connector.monitors.filter((monitor) => !agent.monitors.has(monitor))
  if (monitors.length > 0) return `its version lacks ${listed('the monitor', monitors)}`
  const programs = connector.programs.filter((program) => agent.programs?.has(program) === false)
  if (programs.length > 0) return `its machine lacks ${listed('the program', programs)}`
  return undefined
}

/** Why an agent cannot be given a connector now; undefined where it can. */
export function whyNotEligible(
  agent: PlacementAgent,
  connector: PlacementConnector,
  group: PlacementGroup | undefined,
): string | undefined {
  const reason = whyNotAllowed(agent, connector, group)
  if (reason !== undefined) return reason
  switch (agent.runtime) {
    case 'ONLINE':
      return undefined
    case 'OFFLINE':
      return agent.lostAt === undefined ? 'is not there (OFFLINE)' : 'is silent (OFFLINE)'
    case 'DRAINING':
      return 'is being drained (DRAINING)'
  }
}

/** Why nobody can run a connector, in one sentence for people. Asked where no agent is eligible. */
export function whyUncovered(
  agents: readonly PlacementAgent[],
  connector: PlacementConnector,
  group: PlacementGroup | undefined,
): string {
  const name = JSON.stringify(connector.group)
  if (connector.pin !== undefined) {
    const pinned = agents.find(({ id }) => id === connector.pin)
    if (pinned === undefined) return 'pinned to an agent that is not known (any more)'
    return `pinned to the agent ${pinned.name}, which ${reasonOf(pinned, connector, group)}`
  }
  if (group === undefined || group.agents.length === 0) return `the group ${name} is associated with no agent`
  const words = group.agents.map((wanted) => {
    const agent = agents.find((one) => (one.local ? localName : one.name) === wanted)
    return agent === undefined ? `${wanted} is not known` : `${wanted}: ${reasonOf(agent, connector, group)}`
  })
  return `none of the agents of the group ${name} can run it (${words.join('; ')})`
}

function reasonOf(agent: PlacementAgent, connector: PlacementConnector, group: PlacementGroup | undefined): string {
  return whyNotEligible(agent, connector, group) ?? 'is eligible'
}

function listed(what: string, names: readonly string[]): string {
  return `${what}${names.length > 1 ? 's' : ''} ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`
}

/** Connectors that the same agents may run, for the same reasons. Who may run them is decided once for all of them. */
export interface Kind {
  /** Indices of agents that may run them and are there. */
  readonly eligible: readonly number[]
  /** Whether an agent may keep what it has of them: eligible, or DRAINING. By index. */
  readonly mayKeep: readonly boolean[]
  /** Whether an agent may run them, there or not. By index. */
  readonly isAllowed: readonly boolean[]
}

/** Kinds of one group, the last one that was asked for first. */
interface KindOfGroup {
  readonly pin: string | undefined
  readonly monitors: readonly string[]
  readonly programs: readonly string[]
  readonly kind: Kind
}

/** Sorts connectors into kinds; a kind is made when its first connector is met. */
export class Kinds {
  readonly #agents: readonly PlacementAgent[]
  readonly #groups: ReadonlyMap<string, PlacementGroup>
  readonly #byKey = new Map<string, Kind>()
  /** By group. Connectors mostly share their lists with the one before. */
  readonly #last = new Map<string, KindOfGroup>()

  constructor(agents: readonly PlacementAgent[], groups: ReadonlyMap<string, PlacementGroup>) {
    this.#agents = agents
    this.#groups = groups
  }

  kindOf(connector: PlacementConnector): Kind {
    const { group, pin, monitors, programs } = connector
    const last = this.#last.get(group)
    if (last !== undefined && last.pin === pin && last.monitors === monitors && last.programs === programs)
      return last.kind
    // Names hold no control characters.
    const key = `${group}\n${pin ?? ''}\n${monitors.join()}\n${programs.join()}`
    let kind = this.#byKey.get(key)
    if (kind === undefined) this.#byKey.set(key, (kind = this.#make(connector)))
    this.#last.set(group, { pin, monitors, programs, kind })
    return kind
  }

  #make(connector: PlacementConnector): Kind {
    const group = this.#groups.get(connector.group)
    // Most agents have nothing to do with most groups; no words are made for those.
    const isAllowed = this.#agents.map(
      (agent) => isAssociated(agent, group) && whyNotAllowed(agent, connector, group) === undefined,
    )
    return {
      isAllowed,
      mayKeep: this.#agents.map((agent, i) => isAllowed[i]! && agent.runtime !== 'OFFLINE'),
      eligible: this.#agents.flatMap((agent, i) => (isAllowed[i] === true && agent.runtime === 'ONLINE' ? [i] : [])),
    }
  }
}
