import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PairEffect } from './decide.ts'
import { SimulatedPair } from './testing.ts'

/**
 * What becomes of a pair that was started at second 0 with three agents: `second command` → who became active in which term at which second
 * (`36:S2`), who stopped (`36:P!`), and what was refused.
 */
function play(story: string, agents: string): string {
  return run(story, agents).told.join(' ')
}

function run(story: string, agents: string): SimulatedPair {
  const pair = new SimulatedPair({ agents })
  for (const line of `${story}, 200 end`.split(',').map((each) => each.trim())) {
    const [second, command] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
    pair.runUntil(Number(second))
    const refused = command === 'end' ? undefined : pair.tell(command)
    if (refused !== undefined) pair.told.push(`${second}:no, ${refused}`)
  }
  return pair
}

const isolated = ['P-S', 'S-a', 'S-b', 'S-c']
const each = (second: number, verb: string, links: readonly string[]) =>
  links.map((link) => `${second} ${verb} ${link}`).join(', ')

const stories: Readonly<Record<string, readonly [string, string]>> = {
  'in peace the PRIMARY is active, from the first poll on': ['60 end', '2:P1'],
  'a dead PRIMARY is replaced after the timeout': ['20 kill P', '2:P1 20:P! 35.5:S2'],
  'a PRIMARY that comes back is held': ['20 kill P, 60 start P', '2:P1 20:P! 35.5:S2'],
  'a PRIMARY that comes back within the timeout goes on': ['20 kill P, 22 start P', '2:P1 20:P! 24:P1'],
  'set to STANDBY, the SECONDARY hands over to a PRIMARY that has everything': [
    '20 kill P, 60 start P, 80 hand-over S',
    '2:P1 20:P! 35.5:S2 80.5:S! 81:P3',
  ],
  'the held PRIMARY may ask for it, too': ['20 kill P, 60 start P, 80 hand-over P', '2:P1 20:P! 35.5:S2 82.5:S! 83:P3'],
  'a hand-over needs the other side': [
    '20 kill P, 60 hand-over S',
    '2:P1 20:P! 35.5:S2 60:no, the other server is not in contact',
  ],
  'a planned switch goes the other way as well': ['20 hand-over P', '2:P1 20.5:P! 20.5:S2'],
  'what is not taken is taken back after five seconds': ['20 stick S, 30 hand-over P', '2:P1 30.5:P! 35.5:P1'],
  'a force takes over at once, and the other stops on contact': [
    '20 kill P, 60 start P, 80 force P',
    '2:P1 20:P! 35.5:S2 80:P3 81:S!',
  ],
  'who is active cannot be forced': ['20 force P', '2:P1 20:no, this server is active already'],
  'a cut between the servers alone is no takeover': ['20 cut P-S, 120 join P-S', '2:P1'],
  'a PRIMARY that all lost is replaced, and stops on contact': [
    `${each(20, 'cut', ['P-S', 'P-a', 'P-b', 'P-c'])}, ${each(120, 'join', ['P-S', 'P-a', 'P-b', 'P-c'])}`,
    '2:P1 35.5:S2 121:P!',
  ],
  'a split with agents on both sides ends on contact: the lower term stops': [
    `${each(20, 'cut', ['P-S', 'P-a', 'P-b', 'S-c'])}, 120 join P-S`,
    '2:P1 35.5:S2 122:P!',
  ],
  'who was cut off from all and took over alone gives the agents back': [
    `${each(20, 'cut', isolated)}, ${each(120, 'join', isolated)}`,
    '2:P1 80.5:S2 122:P! 122.5:S! 123:P3',
  ],
  'a PRIMARY that stood still stops at once when it goes on': ['20 pause P, 80 resume P', '2:P1 35.5:S2 80.5:P!'],
  'a SECONDARY that stood still has heard no silence': ['20 pause S, 80 resume S', '2:P1'],
  'unsound data hands over at once': ['20 break P', '2:P1 22:P! 22:S2'],
  'unsound data stays active where nobody could take over': ['20 kill S, 30 break P', '2:P1'],
  'an old data directory that was put back does not act': [
    '20 save P, 60 kill P, 61 restore P, 62 start P',
    '2:P1 60:P! 64:S2',
  ],
  'an old data directory of the SECONDARY leaves the PRIMARY to act': [
    '18 save S, 20 kill P, 60 start P, 80 kill S, 80 restore S, 81 start S',
    '2:P1 20:P! 35.5:S2 80:S! 82:P3',
  ],
  'the follower of an active SECONDARY takes over from it likewise': [
    '20 kill P, 60 start P, 80 kill S',
    '2:P1 20:P! 35.5:S2 80:S! 95.5:P3',
  ],
  'a PRIMARY that starts alone is held while agents know of a higher term': [
    '20 kill P, 60 kill S, 70 start P',
    '2:P1 20:P! 35.5:S2 60:S!',
  ],
  'until the SECONDARY is back, which goes on': [
    '20 kill P, 60 kill S, 70 start P, 80 start S',
    '2:P1 20:P! 35.5:S2 60:S! 82:S2',
  ],
  'or until it is forced': ['20 kill P, 60 kill S, 70 start P, 150 force P', '2:P1 20:P! 35.5:S2 60:S! 150:P3'],
  'a PRIMARY that starts alone acts when nothing speaks against it': [
    '20 kill P, 20 kill S, 30 start P, 60 start S',
    '2:P1 20:P! 45.5:P1',
  ],
  'a SECONDARY that restarts amid its time goes on': [
    '20 kill P, 37 kill S, 38 start S',
    '2:P1 20:P! 35.5:S2 37:S! 53.5:S2',
  ],
  'one agent alone makes nobody step down': ['20 lie P', '2:P1'],
  'switched off on the PRIMARY, nobody takes over': ['20 off P, 30 kill P', '2:P1 30:P!'],
  'switched off on the SECONDARY, nobody takes over': ['20 off S, 30 kill P', '2:P1 30:P!'],
  'out of the pair, a server acts above what agents have seen of it': [
    '20 kill P, 60 alone S',
    '2:P1 20:P! 35.5:S2 60:S3',
  ],
  'switched off while it acts, the SECONDARY goes on acting': ['20 kill P, 60 off S, 70 start P', '2:P1 20:P! 35.5:S2'],
}

test.each(Object.entries(stories))('%s', (_, [story, told]) => {
  expect(play(story, 'abc')).toBe(told)
})

const lonely: Readonly<Record<string, readonly [string, string]>> = {
  'with no agent in reach the timeout alone decides': ['20 kill P', '2:P1 20:P! 35.5:S2'],
  'even where only the link is cut; the lower term stops on contact': [
    '20 cut P-S, 120 join P-S',
    '2:P1 35.5:S2 122:P!',
  ],
  'two that become active without knowing of each other take different terms': [
    '20 kill P, 20 cut P-S, 36 start P, 40 force P',
    '2:P1 20:P! 35.5:S2 40:P3',
  ],
}

test.each(Object.entries(lonely))('without agents: %s', (_, [story, told]) => {
  expect(play(story, '')).toBe(told)
})

// what happens → the problems that each side told of, in order; `ok` where one was over
const troubles: Readonly<Record<string, readonly [string, string, string]>> = {
  'a takeover, until it is handed back': [
    '20 kill P, 60 start P, 80 hand-over S',
    '',
    'MAJOR secondary active, MAJOR no standby, ok no standby, ok secondary active',
  ],
  'a SECONDARY that is gone': ['20 kill S, 60 start S', 'MAJOR no standby, ok no standby', ''],
  'a link that is cut': ['20 cut P-S, 60 join P-S', 'MAJOR no standby, ok no standby', 'MAJOR link cut, ok link cut'],
  'a server that is alone': [
    `${each(20, 'cut', isolated)}, ${each(120, 'join', isolated)}`,
    'MAJOR no standby, ok no standby',
    'MAJOR secondary active, MAJOR alone, MAJOR no standby, ok alone, ok no standby, ok secondary active',
  ],
  'unsound data': [
    '20 break P, 60 mend P',
    'CRITICAL unsound, ok unsound',
    'MAJOR standby unsound, MAJOR secondary active, ok standby unsound',
  ],
  'an agent that names a higher term': ['20 lie P', 'WARNING higher term, ok higher term', ''],
  'a hand-over that is not taken': ['20 stick S, 30 hand-over P', 'WARNING hand-over not taken', ''],
  'an old data directory': [
    '20 save P, 60 kill P, 61 restore P, 62 start P',
    'CRITICAL rolled back, ok rolled back',
    'MAJOR standby unsound, MAJOR secondary active, ok standby unsound',
  ],
}

test.each(Object.entries(troubles))('told of: %s', (_, [story, primary, secondary]) => {
  const { servers } = run(story, 'abc')
  const told = ([...log]: readonly PairEffect[]) =>
    log
      .flatMap((effect) =>
        effect.do === 'raise'
          ? [`${effect.severity} ${effect.key}`]
          : effect.do === 'clear'
            ? [`ok ${effect.key}`]
            : [],
      )
      .join(', ')
      .replaceAll('failover: ', '')
  expect([told(servers.P.log), told(servers.S.log)]).toEqual([primary, secondary])
})

test('a takeover says what was seen', () => {
  const { servers } = run('20 kill P', 'abc')
  const audit = servers.S.log.filter((effect) => effect.do === 'audit' && effect.action === 'became active')
  expect(audit).toEqual([
    {
      do: 'audit',
      action: 'became active',
      term: 2,
      why: 'peer lost',
      seen: {
        lastContactMsAgo: 15_500,
        peer: { state: 'active', term: 1, unsound: undefined },
        witnesses: ['a', 'b', 'c'].map((agent) => ({ agent, says: 'lost' })),
        lag: 0,
      },
    },
  ])
})

const links = ['P-S', ...['P', 'S'].flatMap((server) => ['a', 'b', 'c'].map((agent) => `${server}-${agent}`))]
const fault = fc.oneof(
  fc.constantFrom('cut P-S', 'join P-S'),
  fc.constantFrom(...links.flatMap((link) => [`cut ${link}`, `join ${link}`])),
  fc.constantFrom(
    ...['P', 'S'].flatMap((server) =>
      [
        'kill',
        'start',
        'pause',
        'resume',
        'break',
        'mend',
        'stick',
        'free',
        'hand-over',
        'force',
        'lie',
        'save',
        'restore',
      ].map((verb) => `${verb} ${server}`),
    ),
  ),
)
const life = fc.record({
  agents: fc.constantFrom('', 'a', 'abc'),
  seed: fc.nat(),
  lossShare: fc.constantFrom(0, 0.1, 0.5),
  faults: fc.array(fc.record({ afterS: fc.integer({ min: 0, max: 40 }), fault }), { maxLength: 25 }),
})

function live({
  agents,
  seed,
  lossShare,
  faults,
}: {
  agents: string
  seed: number
  lossShare: number
  faults: { afterS: number; fault: string }[]
}) {
  const pair = new SimulatedPair({ agents, seed })
  pair.lossShare = lossShare
  let second = 10
  for (const { afterS, fault: command } of faults) {
    second += afterS
    pair.runUntil(second)
    const [verb, object] = command.split(' ') as [string, 'P' | 'S']
    const isAlive = object === 'P' || object === 'S' ? pair.servers[object].isAlive : true
    const needsDead = verb === 'start' || verb === 'restore'
    if (needsDead ? !isAlive : isAlive || verb === 'cut' || verb === 'join') pair.tell(command)
  }
  return { pair, second }
}

test('whatever happens, no term has two that acted, and no planned hand-over loses a change', () => {
  fc.assert(
    fc.property(life, (given) => {
      const { pair } = live(given)
      const shared = [...pair.actedIn].filter(([, servers]) => servers.size > 1)
      expect({ shared, lossy: pair.lossyHandOvers }).toEqual({ shared: [], lossy: [] })
    }),
    { numRuns: 300 },
  )
})

test('when all faults are over, exactly one acts, and every agent is with it', () => {
  fc.assert(
    fc.property(life, (given) => {
      const { pair, second } = live(given)
      pair.lossShare = 0
      for (const link of links) pair.tell(`join ${link}`)
      for (const server of ['P', 'S'] as const) {
        for (const verb of ['mend', 'free', 'resume']) pair.tell(`${verb} ${server}`)
        if (!pair.servers[server].isAlive) pair.tell(`start ${server}`)
      }
      pair.runUntil(second + 120)
      const [active] = pair.acting()
      const { ownTerm } = pair.servers[active ?? 'P'].state
      expect({ acting: pair.acting().length, terms: pair.agents.map(({ term }) => term) }).toEqual({
        acting: 1,
        terms: pair.agents.map(() => ownTerm),
      })
    }),
    { numRuns: 300 },
  )
})
