import type { Agent, AlarmAnswer, GroupSummary } from '../../../src/contract/index.ts'
import { compareNames } from './overview.ts'

export type AgentWord = 'PENDING' | 'REJECTED' | 'ONLINE' | 'OFFLINE' | 'DRAINING' | 'drained' | 'OFF' | 'isolated'

/** What a state means for whoever looks: as it should be, on purpose, to be decided, or wrong. */
export type AgentLook = 'good' | 'quiet' | 'asks' | 'bad'

const looks: Record<AgentWord, AgentLook> = {
  PENDING: 'asks',
  REJECTED: 'quiet',
  ONLINE: 'good',
  OFFLINE: 'bad',
  DRAINING: 'asks',
  drained: 'quiet',
  OFF: 'quiet',
  isolated: 'bad',
}

/**
 * The words for how an agent is, the weightiest first. One that is switched off is still online or not, so there may be several. Of one
 * that was not accepted nothing else matters.
 */
export function agentWords(agent: Agent): readonly { readonly word: AgentWord; readonly look: AgentLook }[] {
  const words: AgentWord[] = []
  if (agent.registration !== 'ACCEPTED') words.push(agent.registration)
  else {
    if (agent.admin === 'OFF') words.push('OFF')
    if (agent.runtime === 'OFFLINE') words.push('OFFLINE')
    else if (agent.drain !== 'none') words.push(agent.drain === 'done' ? 'drained' : 'DRAINING')
    else words.push(agent.runtime)
    if (agent.isolated === true) words.push('isolated')
  }
  return words.map((word) => ({ word, look: word === 'OFFLINE' && agent.admin === 'OFF' ? 'quiet' : looks[word] }))
}

export interface SortedAgents {
  readonly pending: readonly Agent[]
  readonly accepted: readonly Agent[]
  readonly rejected: readonly Agent[]
}

/** Who waits longest comes first; of the accepted, what is wrong comes first, and the server's own last among its like. */
export function sortAgents(agents: readonly Agent[]): SortedAgents {
  const of = (registration: Agent['registration']): Agent[] =>
    agents.filter((agent) => agent.registration === registration)
  return {
    pending: of('PENDING').toSorted((a, b) => (a.firstSeenAt ?? '').localeCompare(b.firstSeenAt ?? '')),
    accepted: of('ACCEPTED').toSorted(
      (a, b) => trouble(b) - trouble(a) || Number(a.local) - Number(b.local) || compareNames(a.name, b.name),
    ),
    rejected: of('REJECTED').toSorted((a, b) => compareNames(a.name, b.name)),
  }
}

function trouble(agent: Agent): number {
  const found = agentWords(agent).map(({ look }) => look)
  return found.includes('bad') ? 2 : found.includes('asks') ? 1 : 0
}

/** Whether every word is found in the names of an agent, its groups, where it is, or its version. */
export function matchesAgent(agent: Agent, text: string): boolean {
  const hay = [agent.name, agent.announcedName, agent.id, agent.hostname, agent.address, agent.version, ...agent.groups]
    .join('\n')
    .toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word))
}

/**
 * How an agent's clock stands against the server's. `offsetMs` is what has to be added to the agent's clock. What lies within the error of the
 * measurement is no difference, and neither is a tenth of a second to anybody who reads it.
 */
export function clockOf(clock: { readonly offsetMs: number; readonly rttMs: number }): {
  readonly is: 'exact' | 'ahead' | 'behind'
  readonly byMs: number
  /** So far off that certificates and logs of that machine mislead. */
  readonly isWrong: boolean
} {
  const byMs = Math.abs(clock.offsetMs)
  if (byMs <= Math.max(100, clock.rttMs)) return { is: 'exact', byMs, isWrong: false }
  return { is: clock.offsetMs > 0 ? 'behind' : 'ahead', byMs, isWrong: byMs >= 60_000 }
}

/** More than a machine can do; from then on runs are skipped. */
export function isOverloaded(load: number): boolean {
  return load > 1
}

/** What Farwatch raised about agents and their groups itself, by the names of its rules. */
export type AgentProblem =
  | { readonly is: 'agent lost' | 'agent isolated' | 'agent double'; readonly agent: string }
  | { readonly is: 'agents lost' }
  | { readonly is: 'no spare agent'; readonly group: string }
  | { readonly is: 'uncovered'; readonly group: string }

/** What an alarm says about agents, or undefined where it is about something else. */
export function agentProblemOf(alarm: Pick<AlarmAnswer, 'monitor' | 'rule'>): AgentProblem | undefined {
  if (alarm.monitor !== 'farwatch') return undefined
  if (alarm.rule === 'agents lost') return { is: 'agents lost' }
  const [, what, name = ''] =
    /^(agent lost|agent isolated|agent double|no spare agent|uncovered): (.*)$/s.exec(alarm.rule) ?? []
  switch (what) {
    case 'agent lost':
    case 'agent isolated':
    case 'agent double':
      return { is: what, agent: name }
    case 'no spare agent':
    case 'uncovered':
      return { is: what, group: name }
    default:
      return undefined
  }
}

/** Open alarms that concern one agent: that it is lost, or that its groups have nobody beside it or nobody at all. */
export function problemsOf(agent: Pick<Agent, 'id' | 'groups'>, alarms: readonly AlarmAnswer[]): AlarmAnswer[] {
  return alarms.filter((alarm) => {
    const problem = agentProblemOf(alarm)
    switch (problem?.is) {
      case 'agent lost':
      case 'agent isolated':
      case 'agent double':
        return problem.agent === agent.id
      case 'no spare agent':
      case 'uncovered':
        return agent.groups.includes(problem.group)
      case 'agents lost':
        return true
      case undefined:
        return false
    }
  })
}

/** Groups that are not monitored for one reason, wholly or in part. */
export interface BareGroups {
  readonly names: readonly string[]
  readonly isWhole: boolean
  readonly reason: string | null
}

/** What nobody watches, the groups of one reason together: forty groups that lost their only agents are one line. */
export function bareGroups(groups: readonly Pick<GroupSummary, 'name' | 'state' | 'reason'>[]): readonly BareGroups[] {
  const bare = groups
    .filter(({ state, reason }) => state === 'UNCOVERED' || reason !== null)
    .toSorted((a, b) => compareNames(a.name, b.name))
  const byReason = Map.groupBy(bare, ({ state, reason }) => JSON.stringify([state === 'UNCOVERED', reason]))
  return [...byReason.values()].map((alike) => ({
    names: alike.map(({ name }) => name),
    isWhole: alike[0]!.state === 'UNCOVERED',
    reason: alike[0]!.reason,
  }))
}
