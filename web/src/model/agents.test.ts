import { expect, test } from 'vitest'
import type { Agent, AlarmAnswer } from '../../../src/contract/index.ts'
import { agentProblemOf, agentWords, bareGroups, clockOf, matchesAgent, problemsOf, sortAgents } from './agents.ts'

function agent(name: string, more: Partial<Agent> = {}): Agent {
  return {
    id: `id of ${name}`,
    name,
    announcedName: name,
    local: false,
    registration: 'ACCEPTED',
    admin: 'ON',
    runtime: 'ONLINE',
    drain: 'none',
    fingerprint: '',
    version: '1.2.0',
    protocol: 1,
    address: '10.0.0.7',
    hostname: null,
    platform: null,
    groups: [],
    connectors: 0,
    tasks: null,
    running: null,
    waiting: null,
    load: 0,
    capacity: 1_000,
    cpu: null,
    memory: null,
    disk: null,
    spool: null,
    clock: null,
    sendMs: null,
    isolated: null,
    lacks: [],
    firstSeenAt: null,
    since: '2026-01-01T00:00:00.000Z',
    lastSeenAt: null,
    decidedAt: null,
    decidedBy: null,
    ...more,
  }
}

test('how an agent is takes few words, and what is off on purpose is no trouble', () => {
  const stories: readonly (readonly [Partial<Agent>, string])[] = [
    [{}, 'ONLINE good'],
    [{ runtime: 'OFFLINE' }, 'OFFLINE bad'],
    [{ admin: 'OFF' }, 'OFF quiet, ONLINE good'],
    [{ admin: 'OFF', runtime: 'OFFLINE' }, 'OFF quiet, OFFLINE quiet'],
    [{ runtime: 'DRAINING', drain: 'under way' }, 'DRAINING asks'],
    [{ runtime: 'DRAINING', drain: 'done' }, 'drained quiet'],
    [{ runtime: 'OFFLINE', drain: 'under way' }, 'OFFLINE bad'],
    [{ isolated: true }, 'ONLINE good, isolated bad'],
    [{ registration: 'PENDING', runtime: 'OFFLINE' }, 'PENDING asks'],
    [{ registration: 'REJECTED' }, 'REJECTED quiet'],
  ]
  const said = stories.map(([given]) =>
    agentWords(agent('north', given))
      .map(({ word, look }) => `${word} ${look}`)
      .join(', '),
  )
  expect(said).toEqual(stories.map(([, words]) => words))
})

test('who waits longest is first, and so is what is wrong', () => {
  const sorted = sortAgents([
    agent('local', { local: true }),
    agent('north-10'),
    agent('north-2'),
    agent('lost', { runtime: 'OFFLINE' }),
    agent('moving', { runtime: 'DRAINING', drain: 'under way' }),
    agent('late', { registration: 'PENDING', firstSeenAt: '2026-01-02T00:00:00.000Z' }),
    agent('early', { registration: 'PENDING', firstSeenAt: '2026-01-01T00:00:00.000Z' }),
    agent('refused', { registration: 'REJECTED' }),
  ])
  const names = (agents: readonly Agent[]): string => agents.map(({ name }) => name).join(' ')
  expect([names(sorted.pending), names(sorted.accepted), names(sorted.rejected)]).toEqual([
    'early late',
    'lost moving north-2 north-10 local',
    'refused',
  ])
})

test('an agent is found by name, group, address or version, and by several words at once', () => {
  const one = agent('north-1', { groups: ['acme'] })
  expect(['', 'NORTH', 'acme 1.2', '10.0.0', 'south'].map((text) => matchesAgent(one, text))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ])
})

test('a clock is off only beyond what can be told', () => {
  const offsets = [0, 90, -300, 300, 90_000].map((offsetMs) => clockOf({ offsetMs, rttMs: 20 }))
  const slowLine = clockOf({ offsetMs: 300, rttMs: 400 })
  expect([...offsets, slowLine].map(({ is, isWrong }) => `${is}${isWrong ? ' wrong' : ''}`)).toEqual([
    'exact',
    'exact',
    'ahead',
    'behind',
    'behind wrong',
    'exact',
  ])
})

test('alarms that name an agent or its groups are its problems', () => {
  // What else an alarm carries does not matter here.
  const alarm = (rule: string, monitor = 'farwatch') => ({ rule, monitor }) as AlarmAnswer
  const alarms = [
    alarm('agent lost: id of north'),
    alarm('agent lost: id of south'),
    alarm('agent double: id of north'),
    alarm('agents lost'),
    alarm('no spare agent: acme: the shop'),
    alarm('no spare agent: globex'),
    alarm('disk space'),
    alarm('uncovered: acme: the shop', 'http.response'),
  ]
  const groups = ['acme: the shop']
  expect([
    problemsOf({ id: 'id of north', groups }, alarms).map(({ rule }) => rule),
    agentProblemOf(alarm('uncovered: a')),
  ]).toEqual([
    ['agent lost: id of north', 'agent double: id of north', 'agents lost', 'no spare agent: acme: the shop'],
    { is: 'uncovered', group: 'a' },
  ])
})

test('groups that are bare for one reason are told together, and those bare in part apart from them', () => {
  const groups = [
    { name: 'globex', state: 'UNCOVERED', reason: 'no agent is associated with it' },
    { name: 'acme', state: 'UNCOVERED', reason: 'no agent is associated with it' },
    { name: 'hooli', state: 'covered', reason: 'no agent has nmap' },
    { name: 'initech', state: 'covered', reason: null },
  ] as const
  expect(bareGroups(groups)).toEqual([
    { names: ['acme', 'globex'], isWhole: true, reason: 'no agent is associated with it' },
    { names: ['hooli'], isWhole: false, reason: 'no agent has nmap' },
  ])
})
