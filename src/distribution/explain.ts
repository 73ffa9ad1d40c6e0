import { formatDuration } from '../base/index.ts'
import { failsToReach } from './balance.ts'
import { whyNotEligible, type PlacementAgent, type PlacementConnector } from './eligibility.ts'
import type { Cause, Place, Placement, PlacementInput } from './placement.ts'

/** Why a connector is where it is, in sentences for people. */
export interface Explanation {
  readonly connector: string
  readonly is: Place['is']
  /** Id of the agent that is to run it now; null for none. */
  readonly agent: string | null
  readonly because: string
  /** Every other agent, in the order of names. */
  readonly others: readonly { readonly agent: string; readonly because: string }[]
}

/** What `explain` looks at: the input that a placement was made of, without the placement before. */
export type PlacementFacts = Pick<PlacementInput, 'agents' | 'connectors' | 'groups' | 'at'>

/** @returns undefined where the connector has no place */
export function explain(facts: PlacementFacts, placement: Placement, id: string): Explanation | undefined {
  return explainer(facts, placement)(id)
}

/** Explains connector after connector: what is the same for all of them is worked out once. */
export function explainer(facts: PlacementFacts, placement: Placement): (id: string) => Explanation | undefined {
  const connectors = new Map(facts.connectors.map((one) => [one.id, one]))
  const loads = loadsOf(facts, placement)
  return (id) => explainOne(facts, placement, loads, connectors.get(id))
}

function explainOne(
  facts: PlacementFacts,
  placement: Placement,
  loads: ReadonlyMap<string, number>,
  connector: PlacementConnector | undefined,
): Explanation | undefined {
  const here = connector === undefined ? undefined : placement.places.get(connector.id)
  if (connector === undefined || here === undefined) return undefined
  const agent = here.is === 'uncovered' ? null : here.agent
  const others = facts.agents
    .filter((one) => one.id !== agent)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
    .map((one) => ({ agent: one.id, because: whyNotThere(facts, connector, one, here, loads) }))
  return { connector: connector.id, is: here.is, agent, because: whyHere(facts, connector, here), others }
}

/** The load of each agent by its id: what it runs or is about to run, by what it can; 1 is all that it can. */
export function loadsOf(facts: PlacementFacts, placement: Placement): ReadonlyMap<string, number> {
  const capacity = new Map(facts.agents.map((agent) => [agent.id, agent.capacity]))
  const loads = new Map(facts.agents.map(({ id }) => [id, 0]))
  for (const { id, cost } of facts.connectors) {
    const at = placement.places.get(id)
    if (at === undefined || at.is === 'uncovered') continue
    const agent = at.is === 'proving' || at.is === 'handing' ? at.to : at.agent
    const of = capacity.get(agent)
    if (of !== undefined) loads.set(agent, loads.get(agent)! + cost / of)
  }
  return loads
}

function whyHere(facts: PlacementFacts, connector: PlacementConnector, here: Place): string {
  const name = namesOf(facts.agents)
  if (here.is === 'uncovered') return `not monitored: ${here.reason}`
  const words = [came(here.cause, here.from === undefined ? undefined : name(here.from), connector, here.agent)]
  switch (here.is) {
    case 'settled': {
      const owner = facts.agents.find(({ id }) => id === here.agent)
      const failed = connector.reach?.get(here.agent)
      if (failed?.ok === false)
        words.push(`the target was not reached from here (${failed.reason}), and no other agent is known to reach it`)
      else if (here.onTrust) words.push('given on trust: whether the target is reached from here is being tried')
      if (owner?.runtime === 'DRAINING')
        words.push(`stays although the agent is being drained: ${stuck(facts, connector, owner).words}`)
      break
    }
    case 'proving':
      words.push(
        `${wish(here.why)}: goes to ${name(here.to)} as soon as that has proved that it reaches the target, asked ${ago(facts.at, here.askedAt)}`,
      )
      break
    case 'handing':
      words.push(
        here.overlap
          ? `being handed to ${name(here.to)}: both run it until ${name(here.to)} confirms, and a slot that both run counts once`
          : `being handed to ${name(here.to)}: its group is exclusive, so that nobody runs it until this agent has stopped`,
      )
      break
    case 'held':
      words.push(
        facts.agents.find(({ id }) => id === here.agent)?.isElsewhere === true
          ? 'held: this agent works with another server, of a higher term, and its group is exclusive: nobody else is to run it beside it'
          : 'held: this agent is silent, as are most others, which is rather the network of the server than all of them',
      )
      break
  }
  return words.join('; ')
}

function came(cause: Cause, from: string | undefined, connector: PlacementConnector, agent: string): string {
  if (connector.pin === agent) return 'pinned to this agent'
  switch (cause) {
    case 'first':
      return 'it had the least load of the agents that may run it'
    case 'lost':
      return `${from} had it and fell silent; this agent had the least load of those that may run it`
    case 'barred':
      return `${from} had it and may not run it any more; this agent had the least load of those that may`
    case 'balance':
      return `${from} had it and had too much to do`
    case 'drain':
      return `${from} had it and was drained`
    case 'unreachable':
      return `${from} had it and did not reach the target`
  }
}

function wish(why: 'balance' | 'drain' | 'unreachable'): string {
  switch (why) {
    case 'balance':
      return 'this agent has too much to do'
    case 'drain':
      return 'this agent is being drained'
    case 'unreachable':
      return 'this agent does not reach the target'
  }
}

/** Why an agent that is being drained still has a connector. `isWaiting`: it will move in its turn. */
export function stuck(
  facts: PlacementFacts,
  connector: PlacementConnector,
  owner: PlacementAgent,
): { readonly isWaiting: boolean; readonly words: string } {
  const group = facts.groups.get(connector.group)
  const able = facts.agents.filter((agent) => agent !== owner && whyNotEligible(agent, connector, group) === undefined)
  if (able.length === 0) return { isWaiting: false, words: 'no other agent can run it' }
  if (!able.every((agent) => failsToReach(agent, connector)))
    return { isWaiting: true, words: 'it waits for its turn to move' }
  const failures = able.map((agent) => `${agent.name}: ${connector.reach?.get(agent.id)?.reason ?? ''}`)
  return { isWaiting: false, words: `no other agent reaches the target (${failures.join('; ')})` }
}

function whyNotThere(
  { groups, at }: PlacementFacts,
  connector: PlacementConnector,
  agent: PlacementAgent,
  here: Place,
  loads: ReadonlyMap<string, number>,
): string {
  const reason = whyNotEligible(agent, connector, groups.get(connector.group))
  if (reason !== undefined) return reason
  const reach = connector.reach?.get(agent.id)
  if (reach?.ok === false) return `did not reach the target ${ago(at, reach.at)}: ${reach.reason}`
  if (here.is === 'proving' && here.to === agent.id) return 'is asked to prove that it reaches the target'
  if (here.is === 'handing' && here.to === agent.id) return 'is about to have it'
  if (agent.steadyFrom > at)
    return `came back a short while ago: gets no work back before ${formatDuration(Math.ceil((agent.steadyFrom - at) / 1_000) * 1_000)} are over`
  if (agent.isOverdue) return 'has not called for longer than it should'
  const owner = here.is === 'uncovered' ? undefined : here.agent
  const percent = (id: string) => `${Math.round((loads.get(id) ?? 0) * 100)} %`
  return `may run it, and a move would gain nothing: its load is ${percent(agent.id)}${owner === undefined ? '' : `, here it is ${percent(owner)}`}`
}

function ago(now: number, then: number): string {
  const seconds = Math.max(0, Math.round((now - then) / 1_000))
  return seconds === 0 ? 'just now' : `${formatDuration(seconds * 1_000)} ago`
}

function namesOf(agents: readonly PlacementAgent[]): (id: string) => string {
  const names = new Map(agents.map(({ id, name }) => [id, name]))
  return (id) => names.get(id) ?? 'an agent that was removed'
}
