import fc from 'fast-check'
import { expect, test } from 'vitest'
import { previewAssociations, uncoveredGroups, weakGroups, type CoverageFacts } from './coverage-preview.ts'
import type { PlacementAgent, PlacementGroup } from './eligibility.ts'
import { explain } from './explain.ts'
import { problemsOf } from './problems.ts'
import { newLife } from './leases.ts'
import { Stage, agentOf, connectorOf } from './testing.ts'

/** `acme: a b, beta: local` */
function groupsOf(text: string): ReadonlyMap<string, PlacementGroup> {
  return new Map(
    text.split(', ').map((line) => {
      const [group, agents] = line.split(':') as [string, string]
      return [group, { agents: agents.split(' ').filter((name) => name !== ''), exclusive: false }]
    }),
  )
}

/** One connector for each group. */
function stageOf(groups: string, agents: readonly PlacementAgent[], cost = 100): Stage {
  const all = groupsOf(groups)
  const connectors = [...all.keys()].map((group) => connectorOf(`c-${group}`, cost, { group }))
  const stage = new Stage(agents, connectors, all)
  stage.converge()
  return stage
}

test('a dry run names the groups that an edit uncovers, those it covers, and what would move', () => {
  const agents = [agentOf('a'), agentOf('self', { local: true, name: 'box' })]
  const stage = stageOf('acme:local, beta:local, gone:', agents)
  const then = { ...stage, agents, connectors: stage.connectors, groups: groupsOf('acme:a, beta:, gone:local') }
  expect(previewAssociations(stage, then, stage.placement)).toEqual({
    becomeUncovered: [{ group: 'beta', connectors: 1, of: 1, reason: 'the group "beta" is associated with no agent' }],
    becomeCovered: ['gone'],
    moves: 2,
    weak: [],
  })
})

test('a group is uncovered in part where one of its connectors needs what no agent has', () => {
  const stage = stageOf('acme:a', [agentOf('a')])
  const facts: CoverageFacts = {
    agents: stage.agents,
    connectors: [...stage.connectors, connectorOf('odd', 1, { monitors: ['sap.abap'] })],
    groups: stage.groups,
  }
  expect(uncoveredGroups(facts)).toEqual([
    {
      group: 'acme',
      connectors: 1,
      of: 2,
      reason: 'none of the agents of the group "acme" can run it (a: its version lacks the monitor sap.abap)',
    },
  ])
})

test('a group without systems is uncovered where nobody would be there for them', () => {
  const facts = { agents: [agentOf('a')], connectors: [], groups: groupsOf('acme:a, beta:b') }
  expect(uncoveredGroups(facts).map(({ group }) => group)).toEqual(['beta'])
})

// agents of the group, the cost of its one connector for a capacity of 1,000 → what the loss of one agent does
const losses: readonly (readonly [string, string, number, readonly string[]])[] = [
  ['two agents with room', 'acme:a b', 100, []],
  ['one agent alone', 'acme:a', 100, ['acme uncovered without a']],
  ['the local agent alone', 'acme:local', 100, []],
  ['another that has too little room', 'acme:a b, beta:a b', 700, ['acme overloaded', 'beta overloaded']],
]

test.each(losses)('N−1 of %s', (_, groups, cost, expected) => {
  const stage = stageOf(groups, [agentOf('a'), agentOf('b'), agentOf('self', { local: true })], cost)
  const weak = weakGroups(stage, stage.placement).map(({ group, agent, effect }) =>
    effect === 'uncovered' ? `${group} uncovered without ${agent}` : `${group} overloaded`,
  )
  expect(weak).toEqual(expected)
})

test('N−1 says uncovered exactly where the loss of the agent would leave connectors without one', () => {
  const names = ['a', 'b', 'c']
  fc.assert(
    fc.property(
      fc.tuple(fc.subarray(names), fc.subarray(names)),
      fc.array(fc.constantFrom('g', 'h'), { maxLength: 12 }),
      fc.constantFrom(...names),
      ([g, h], groupsOfConnectors, lost) => {
        const connectors = groupsOfConnectors.map((group, i) => connectorOf(`c${i}`, 1 + i, { group }))
        const groups = groupsOf(`g:${g.join(' ')}, h:${h.join(' ')}`)
        const stage = new Stage(
          names.map((name) => agentOf(name)),
          connectors,
          groups,
        )
        stage.converge()
        const told = weakGroups(stage, stage.placement)
          .filter(({ agent, effect }) => agent === lost && effect === 'uncovered')
          .reduce((sum, weak) => sum + weak.connectors, 0)
        const before = new Map(stage.placement.places)
        stage.agents = stage.agents.map((agent) =>
          agent.id === lost ? { ...agent, runtime: 'OFFLINE', lostAt: stage.at } : agent,
        )
        const after = stage.step()
        const uncovered = [...after.places].filter(
          ([id, at]) => at.is === 'uncovered' && before.get(id)!.is !== 'uncovered',
        )
        expect(told).toBe(uncovered.length)
      },
    ),
  )
})

test('a connector explains why it is here, and why on no other agent', () => {
  const agents = [
    agentOf('a', { name: 'north-1' }),
    agentOf('b', { name: 'north-2' }),
    agentOf('c', { name: 'south', admin: 'OFF' }),
    agentOf('d', { name: 'old', monitors: new Set() }),
    agentOf('e', { name: 'other' }),
    agentOf('f', { name: 'shaky', steadyFrom: 1_060_000 }),
  ]
  const connectors = ['x', 'y'].map((id) => connectorOf(id, 100))
  const stage = new Stage(agents, connectors, groupsOf('acme:north-1 north-2 south old shaky'))
  stage.converge()
  const [x] = [...stage.owners()].find(([, agent]) => agent === 'a')!
  const facts = { ...stage, agents, connectors, at: stage.at }
  expect(explain(facts, stage.placement, x)).toEqual({
    connector: x,
    is: 'settled',
    agent: 'a',
    because: 'it had the least load of the agents that may run it',
    others: [
      { agent: 'b', because: 'may run it, and a move would gain nothing: its load is 10 %, here it is 10 %' },
      { agent: 'd', because: 'its version lacks the monitor http.response' },
      { agent: 'e', because: 'is not associated with the group "acme"' },
      {
        agent: 'f',
        because: expect.stringMatching(/^came back a short while ago: gets no work back before \d+s are over$/),
      },
      { agent: 'c', because: 'is switched off (OFF)' },
    ],
  })
  expect(explain(facts, stage.placement, 'nobody')).toBeUndefined()
})

test('a connector on its way explains each step', () => {
  const stage = new Stage([agentOf('a')], [connectorOf('x'), connectorOf('y')], groupsOf('acme:a b'))
  stage.converge()
  stage.agents = [agentOf('a'), agentOf('b')]
  const words: string[] = []
  for (let i = 0; i < 3; i++) {
    stage.step()
    const moving = [...stage.placement.places].find(([, at]) => at.is !== 'settled' || at.agent === 'b')![0]
    const facts = { agents: stage.agents, connectors: stage.connectors, groups: stage.groups, at: stage.at }
    words.push(explain(facts, stage.placement, moving)!.because)
  }
  expect(words).toEqual([
    'it had the least load of the agents that may run it; this agent has too much to do: goes to b as soon as that has proved that it reaches the target, asked just now',
    'it had the least load of the agents that may run it; being handed to b: both run it until b confirms, and a slot that both run counts once',
    'a had it and had too much to do',
  ])
})

test('problems have their words', () => {
  const life = { ...newLife(0), registration: 'ACCEPTED' as const, isLost: true }
  const agents = ['a', 'b', 'c', 'd'].map((id) => ({ id, name: `agent-${id}`, life, groups: ['acme', 'beta'] }))
  const problems = problemsOf({
    agents,
    massLoss: { since: 0, agents: ['a', 'b', 'c'], of: 4, holdsUntil: 1 },
    uncovered: [{ group: 'beta', connectors: 1, of: 3, reason: 'why' }],
    weak: [
      { group: 'acme', agent: 'a', effect: 'uncovered', connectors: 1 },
      { group: 'acme', agent: 'b', effect: 'overloaded', connectors: 1 },
    ],
    offlineTimeoutMs: 15_000,
  })
  expect(problems.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
    'MAJOR The agent agent-d has been silent for more than 15s. Groups concerned: acme and beta',
    'CRITICAL 3 of 4 agents fell silent together: agent-a, agent-b and agent-c. Their work is held back from moving for a while, as it is rather the network of this server than all of them. Groups concerned: acme and beta',
    'WARNING The group "acme" has no spare agent: it would be uncovered without agent-a, and too much for the other agents without agent-b',
    'CRITICAL The group "beta" is UNCOVERED, nobody runs 1 of its 3 connectors: why',
  ])
})
