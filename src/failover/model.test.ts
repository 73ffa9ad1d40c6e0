import { expect, test } from 'vitest'
import { begin, durableOf, neverPaired, step, type DurablePair, type PairEvent } from './decide.ts'
import type { Position } from './position.ts'
import { actsIn, reportOf, type PairState, type World } from './state.ts'

/**
 * The terms and witnesses of two servers and three agents, searched state by state: everything that can come of up to three faults (a line cut, a
 * server killed or paused, an answer lost, a hand-over asked for in between), with repairs whenever. Time goes in steps of a third of the
 * timeout; in each, both servers look round, the SECONDARY polls, and every agent calls both servers. The servers are the real decider.
 */
type Name = 'P' | 'S'
const names = ['P', 'S'] as const

interface Server {
  readonly state: PairState
  readonly disk: DurablePair
  readonly position: Position
  readonly is: 'running' | 'paused' | 'dead'
}

interface Agent {
  readonly term: number
  readonly servedAt: Readonly<Record<Name, number | undefined>>
  readonly isCut: Readonly<Record<Name, boolean>>
}

interface Model {
  readonly now: number
  readonly faults: number
  readonly isLinkCut: boolean
  readonly servers: Readonly<Record<Name, Server>>
  readonly agents: readonly Agent[]
  /** Who has acted in which term. */
  readonly owners: Readonly<Record<number, string>>
  /** In this step somebody who was away acted before it had looked round. */
  readonly isHasty: boolean
}

type Action =
  | { readonly is: 'nothing' | 'cut link' | 'join all' | 'lose answer' }
  | { readonly is: 'kill' | 'pause' | 'start' | 'resume' | 'hand over' | 'force'; readonly server: Name }
  | { readonly is: 'cut agent'; readonly server: Name; readonly agent: number }

const timeoutMs = 15_000
const stepMs = timeoutMs / 3
const mostFaults = 3

const rules = (name: Name) => ({ role: name === 'P' ? 'PRIMARY' : 'SECONDARY', isOn: true, timeoutMs }) as const

function worldOf(name: Name, { position }: Server, agents: readonly Agent[], now: number): World {
  const followers = agents.filter(({ servedAt }) => now - (servedAt[name] ?? -Infinity) <= 60_000).length
  const own = { position, isWhole: true, isQuiet: true, unsound: undefined, followers, configuration: '' }
  return { rules: rules(name), own }
}

const first: Model = {
  now: 0,
  faults: 0,
  isLinkCut: false,
  servers: {
    P: fresh('P', neverPaired),
    S: fresh('S', { term: 1, ownTerm: 0, acts: false, joins: false }),
  },
  agents: [1, 2, 3].map(() => ({
    term: 0,
    servedAt: { P: undefined, S: undefined },
    isCut: { P: false, S: false },
  })),
  owners: {},
  isHasty: false,
}

function fresh(name: Name, disk: DurablePair): Server {
  return { state: begin(disk, rules(name), 0), disk, position: { term: 1, count: 0 }, is: 'running' }
}

function take(model: Model, name: Name, event: PairEvent): Model {
  const server = model.servers[name]
  const { state, effects } = step(server.state, event, worldOf(name, server, model.agents, model.now), model.now)
  const act = effects.find((effect) => effect.do === 'act')
  const next: Server = {
    ...server,
    state,
    disk: durableOf(state),
    position: act === undefined ? server.position : { term: act.term, count: server.position.count + 1 },
  }
  const servers = { ...model.servers, [name]: next }
  if (act === undefined) return { ...model, servers }
  const owner = model.owners[act.term] ?? ''
  return { ...model, servers, owners: { ...model.owners, [act.term]: owner.includes(name) ? owner : owner + name } }
}

const runs = (model: Model, name: Name) => model.servers[name].is === 'running'
const actsNow = (model: Model, name: Name) => model.servers[name].is !== 'dead' && actsIn(model.servers[name].state)

function withServer(model: Model, name: Name, change: Partial<Server>): Model {
  return { ...model, servers: { ...model.servers, [name]: { ...model.servers[name], ...change } } }
}

/** The replication: who follows holds what the other has whenever they were in contact. */
function copied(model: Model, from: Name, to: Name): Model {
  const [leader, follower] = [model.servers[from], model.servers[to]]
  const leads = actsIn(leader.state) || leader.state.standing.is === 'giving'
  if (!leads || actsIn(follower.state) || follower.state.term !== leader.state.ownTerm) return model
  return withServer(model, to, { position: leader.position })
}

function poll(model: Model, losesAnswer: boolean): Model {
  if (model.isLinkCut || !runs(model, 'P') || !runs(model, 'S')) return model
  const reportNow = (of: Model, name: Name) =>
    reportOf(of.servers[name].state, worldOf(name, of.servers[name], of.agents, of.now))
  const asked = copied(take(model, 'P', { is: 'heard', report: reportNow(model, 'S') }), 'S', 'P')
  if (losesAnswer) return asked
  return copied(take(asked, 'S', { is: 'heard', report: reportNow(asked, 'P') }), 'P', 'S')
}

function call(model: Model, index: number): Model {
  let next = model
  for (const name of names) {
    const agent = next.agents[index]!
    if (agent.isCut[name] || !runs(next, name)) continue
    const servedAt = agent.servedAt[name === 'P' ? 'S' : 'P']
    const servedMsAgo = servedAt === undefined ? undefined : next.now - servedAt
    next = take(next, name, { is: 'agent', agent: `${index}`, servedMsAgo, term: agent.term })
    const { ownTerm } = next.servers[name].state
    if (!actsNow(next, name) || agent.term > ownTerm) continue
    const served = { ...agent, term: ownTerm, servedAt: { ...agent.servedAt, [name]: next.now } }
    next = { ...next, agents: next.agents.map((each, i) => (i === index ? served : each)) }
  }
  return next
}

function act(model: Model, action: Action): Model {
  const faulty = { ...model, faults: model.faults + 1 }
  switch (action.is) {
    case 'nothing':
      return model
    case 'lose answer':
      return faulty
    case 'cut link':
      return { ...faulty, isLinkCut: true }
    case 'join all':
      return {
        ...model,
        isLinkCut: false,
        agents: model.agents.map((agent) => ({ ...agent, isCut: { P: false, S: false } })),
      }
    case 'kill':
      return withServer(faulty, action.server, { is: 'dead' })
    case 'pause':
      return withServer(faulty, action.server, { is: 'paused' })
    case 'resume':
      return withServer(model, action.server, { is: 'running' })
    case 'start': {
      const { disk } = model.servers[action.server]
      const state = begin(disk, rules(action.server), model.now)
      return withServer(model, action.server, { is: 'running', state })
    }
    case 'hand over':
    case 'force':
      return take(faulty, action.server, { is: action.is })
    case 'cut agent': {
      const agents = model.agents.map((agent, i) =>
        i === action.agent ? { ...agent, isCut: { ...agent.isCut, [action.server]: true } } : agent,
      )
      return { ...faulty, agents }
    }
  }
}

function next(model: Model, action: Action): Model {
  let after = act({ ...model, now: model.now + stepMs, isHasty: false }, action)
  for (const name of names) {
    if (!runs(after, name)) continue
    const wasAway =
      (action.is === 'start' && action.server === name) || after.now - after.servers[name].state.tickedAt > timeoutMs
    after = take(after, name, { is: 'tick' })
    if (wasAway && actsNow(after, name)) after = { ...after, isHasty: true }
  }
  after = poll(after, action.is === 'lose answer')
  for (const index of after.agents.keys()) after = call(after, index)
  return after
}

function actions(model: Model): readonly Action[] {
  const { servers, agents, isLinkCut, faults } = model
  const possible: Action[] = [{ is: 'nothing' }]
  if (isLinkCut || agents.some(({ isCut }) => isCut.P || isCut.S)) possible.push({ is: 'join all' })
  for (const server of names) {
    if (servers[server].is === 'dead') possible.push({ is: 'start', server })
    if (servers[server].is === 'paused') possible.push({ is: 'resume', server })
  }
  if (faults === mostFaults) return possible
  if (!isLinkCut) possible.push({ is: 'cut link' }, { is: 'lose answer' })
  for (const server of names) {
    if (servers[server].is === 'running') possible.push({ is: 'kill', server }, { is: 'pause', server })
    if (runs(model, server))
      possible.push(actsNow(model, server) ? { is: 'hand over', server } : { is: 'force', server })
    // Agents are alike: cutting off the first of those that are alike is cutting off any.
    const seen = new Set<string>()
    for (const [agent, each] of agents.entries()) {
      const kind = agentKey(model, agent)
      if (each.isCut[server] || seen.has(kind)) continue
      seen.add(kind)
      possible.push({ is: 'cut agent', server, agent })
    }
  }
  return possible
}

/** Beyond this nothing depends on how long ago something was. */
const forgottenMs = 75_000

function ago(model: Model, at: number | undefined): number | undefined {
  return at === undefined ? undefined : Math.min(model.now - at, forgottenMs)
}

function agentKey(model: Model, index: number): string {
  const { term, servedAt, isCut } = model.agents[index]!
  const said = names.map((name) => {
    const statement = model.servers[name].state.statements.get(`${index}`)
    if (statement === undefined || model.now - statement.at > 60_000) return undefined
    return [
      ago(model, statement.at),
      Math.min(statement.servedMsAgo ?? forgottenMs, forgottenMs),
      statement.servedMsAgo === undefined,
      statement.term,
    ]
  })
  return JSON.stringify([term, ago(model, servedAt.P), ago(model, servedAt.S), isCut, said])
}

/** Two models with the same key have the same future, but for the names of the agents. */
function keyOf(model: Model): string {
  const servers = names.map((name) => {
    const { state, disk, position, is } = model.servers[name]
    if (is === 'dead') return [disk, position]
    const { standing, peer, contactAt, tickedAt, term, ownTerm, asksForHandOver } = state
    const since = standing.is === 'off' ? undefined : ago(model, standing.since)
    return [
      is,
      disk,
      position,
      { ...standing, since },
      { ...peer, at: ago(model, peer?.at) },
      ago(model, contactAt),
      ago(model, tickedAt),
      term,
      ownTerm,
      asksForHandOver,
    ]
  })
  const agents = model.agents.map((_, index) => agentKey(model, index)).sort()
  return JSON.stringify([model.faults, model.isLinkCut, servers, agents, model.owners])
}

/** Whether everybody is with the one who acts. */
function isAtPeace(model: Model): boolean {
  const acting = names.filter((name) => actsNow(model, name))
  const [only] = acting
  if (only === undefined || acting.length > 1) return false
  const { ownTerm, standing } = model.servers[only].state
  return (
    standing.is === 'active' && standing.handOver === undefined && model.agents.every(({ term }) => term === ownTerm)
  )
}

function repaired(model: Model): Model {
  let after = act(model, { is: 'join all' })
  for (const server of names) {
    const { is } = after.servers[server]
    if (is !== 'running') after = act(after, { is: is === 'dead' ? 'start' : 'resume', server })
  }
  return after
}

/** Steps after which it is given up: nothing would come any more. */
const longestUnrest = 18

function unrestOf(model: Model): number {
  let after = repaired(model)
  for (let steps = 0; steps <= longestUnrest; steps++) {
    if (isAtPeace(after)) return steps
    after = next(after, { is: 'nothing' })
  }
  return Infinity
}

/** How many steps may pass between two things that happen: none to speak of, a timeout, the time for which agents are asked. */
const waits = new Set([1, 4, 13])
const longestWait = Math.max(...waits)

interface Found {
  readonly sharedTerms: string[]
  readonly needless: string[]
  readonly hasty: string[]
  /** Steps from the repair of everything until one acts and all agents are with it. */
  longestUnrest: number
}

/** Breadth first, so that the first story of a fault is a shortest one. */
function search(depth: number): Found {
  const found: Found = { sharedTerms: [], needless: [], hasty: [], longestUnrest: 0 }
  let settled = first
  for (let i = 0; i < 3; i++) settled = next(settled, { is: 'nothing' })
  let border: { readonly model: Model; readonly story: string }[] = [{ model: settled, story: '' }]
  const seen = new Set([keyOf(settled)])
  const walked = new Set<string>()
  for (let level = 0; level < depth; level++) {
    const beyond: typeof border = []
    for (const { model, story } of border)
      for (const action of actions(model)) {
        let before = model
        let after = next(model, action)
        // From here on nothing happens but time: what was walked once need not be again.
        const entered = keyOf(after)
        if (walked.has(entered)) continue
        walked.add(entered)
        for (let waited = 1; waited <= longestWait; waited++) {
          const told = `${story} ${Object.values(action).join(' ')} ${waited},`
          judge(before, after, action, told, found)
          if (waits.has(waited)) {
            const key = keyOf(after)
            if (!seen.has(key)) {
              seen.add(key)
              found.longestUnrest = Math.max(found.longestUnrest, unrestOf(after))
              beyond.push({ model: after, story: told })
            }
          }
          before = after
          after = next(after, { is: 'nothing' })
        }
      }
    border = beyond
  }
  return found
}

function judge(before: Model, after: Model, action: Action, story: string, found: Found): void {
  if (Object.values(after.owners).some((owners) => owners.length > 1)) found.sharedTerms.push(story)
  if (after.isHasty) found.hasty.push(story)
  // Every agent is served by the PRIMARY, and reaches the SECONDARY to say so.
  const isServed = [before, after].every(({ agents }) => agents.every(({ isCut }) => !isCut.P && !isCut.S))
  const isActive = runs(before, 'P') && runs(after, 'P') && actsNow(before, 'P') && actsNow(after, 'P')
  const isForced = action.is === 'force'
  if (isServed && isActive && !isForced && !actsNow(before, 'S') && actsNow(after, 'S')) found.needless.push(story)
}

test('whatever three faults do: no term is shared, no takeover is needless, nobody is hasty, and there is peace within two steps', () => {
  expect(search(4)).toEqual({ sharedTerms: [], needless: [], hasty: [], longestUnrest: 2 })
}, 120_000)
