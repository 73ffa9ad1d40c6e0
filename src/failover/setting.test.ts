import { expect, test } from 'vitest'
import { begin, neverPaired } from './decide.ts'
import {
  changeSettings,
  checkSetUp,
  defaultPairSettings,
  rulesOf,
  shownMode,
  type PairSettings,
  type SettingFacts,
  type SetUpWays,
} from './setting.ts'
import type { PairState, Report } from './state.ts'

const own = '11111111-1111-4111-8111-111111111111'
const other = '22222222-2222-4222-8222-222222222222'
const primary: PairSettings = { ...defaultPairSettings, role: 'PRIMARY', mode: 'ACTIVE', peerUuid: other }
const secondary: PairSettings = {
  ...defaultPairSettings,
  role: 'SECONDARY',
  mode: 'STANDBY',
  peerUrl: 'https://a.example:8443',
}

const peer: Report = {
  state: 'active',
  isOn: true,
  acts: true,
  term: 2,
  position: { term: 2, count: 9 },
  isWhole: true,
  unsound: undefined,
  followers: 0,
  configuration: '',
  handOver: 'none',
  asksForHandOver: false,
}
const idle = (settings: PairSettings): PairState => begin({ ...neverPaired, acts: false }, rulesOf(settings), 0)
const heldBehind = (settings: PairSettings): PairState => ({ ...idle(settings), peer: { ...peer, at: 0 } })
const active = (settings: PairSettings): PairState => ({
  ...idle(settings),
  standing: { is: 'active', since: 0, because: 'peer lost', hasMet: true, handOver: undefined },
})
const alone = begin(neverPaired, rulesOf(defaultPairSettings), 0)

const facts: SettingFacts = { ownUuid: own, ownUrls: ['https://b.example:8443'], isServer: true, state: alone }
const none = defaultPairSettings

// what there was, what was given, what is known → where, what we answer
const refused: Readonly<Record<string, readonly [PairSettings, Partial<PairSettings>, Partial<SettingFacts>, string]>> =
  {
    'a PRIMARY without a UUID': [
      none,
      { role: 'PRIMARY', mode: 'ACTIVE' },
      {},
      'peerUuid: a PRIMARY needs the UUID of its SECONDARY',
    ],
    'a SECONDARY without a URL': [
      none,
      { role: 'SECONDARY', mode: 'STANDBY' },
      {},
      'peerUrl: a SECONDARY needs the URL of its PRIMARY',
    ],
    'two PRIMARYs': [
      none,
      { ...primary },
      { peerRole: 'PRIMARY' },
      'role: the other instance is the PRIMARY already, and is switched on',
    ],
    'two SECONDARYs': [
      none,
      { ...secondary },
      { peerRole: 'SECONDARY' },
      'role: the other instance is the SECONDARY already, and is switched on',
    ],
    'what is no UUID': [none, { ...primary, peerUuid: 'server-b' }, {}, 'peerUuid: `server-b` is not a UUID'],
    'its own UUID': [none, { ...primary, peerUuid: own }, {}, 'peerUuid: this is the UUID of this very instance'],
    'its own URL': [
      none,
      { ...secondary, peerUrl: 'https://B.example:8443/' },
      {},
      'peerUrl: this is the URL of this very instance',
    ],
    'a URL without TLS': [
      none,
      { ...secondary, peerUrl: 'http://a.example' },
      {},
      'peerUrl: `http://a.example` is not an https:// URL',
    ],
    'STANDBY on a PRIMARY': [
      primary,
      { mode: 'STANDBY' },
      { state: active(primary) },
      'mode: a PRIMARY cannot be set to STANDBY',
    ],
    'ACTIVE by hand on a held PRIMARY': [
      primary,
      { mode: 'ACTIVE' },
      { state: heldBehind(primary) },
      'mode: this PRIMARY is held, and cannot be set to ACTIVE by hand',
    ],
    'ACTIVE by hand on a SECONDARY that stands by': [
      secondary,
      { mode: 'ACTIVE' },
      { state: idle(secondary) },
      'mode: a SECONDARY cannot be set to ACTIVE by hand',
    ],
    'ACTIVE on a new SECONDARY': [
      none,
      { ...secondary, mode: 'ACTIVE' },
      {},
      'mode: a SECONDARY cannot be set to ACTIVE by hand',
    ],
    'a mode without a role': [
      none,
      { mode: 'ACTIVE' },
      {},
      'mode: the mode ACTIVE needs a role: this instance is neither PRIMARY nor SECONDARY',
    ],
    'an instance that is an agent only': [
      none,
      { ...primary },
      { isServer: false },
      'role: this instance is an agent only, and cannot be half of a pair of servers',
    ],
    'roles that are exchanged while switched on': [
      primary,
      { role: 'SECONDARY', mode: 'STANDBY', peerUrl: 'https://a.example' },
      { state: active(primary) },
      'role: a PRIMARY that is switched on cannot become SECONDARY',
    ],
    'a timeout below the floor': [none, { timeoutMs: 4_999 }, {}, 'timeoutMs: the timeout must be at least 5s'],
    'a timeout that is no number': [none, { timeoutMs: Number.NaN }, {}, 'timeoutMs: the timeout must be at least 5s'],
    'a timeout beyond all measure': [none, { timeoutMs: 86_400_000 }, {}, 'timeoutMs: the timeout must be at most 1h'],
    'polls that are as rare as the timeout': [
      none,
      { timeoutMs: 5_000, pollMs: 4_000 },
      {},
      'pollMs: the poll interval of 4s fits less than twice into the timeout of 5s',
    ],
    'polls without a pause': [none, { pollMs: 0 }, {}, 'pollMs: the poll interval must be at least 250ms'],
  }

test.each(Object.entries(refused))('refused: %s', (_, [before, given, known, words]) => {
  const checked = changeSettings(before, given, { ...facts, ...known })
  expect(checked.ok ? [] : checked.problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([words])
})

test('every refusal names the right way', () => {
  const hints = Object.values(refused).flatMap(([before, given, known]) => {
    const checked = changeSettings(before, given, { ...facts, ...known })
    return checked.ok ? [] : checked.problems.map(({ hint }) => hint ?? '')
  })
  expect(hints.filter((hint) => hint.length < 10)).toEqual([])
})

test('the way back to a held PRIMARY leads over the SECONDARY while that one acts', () => {
  const hint = (state: PairState) => {
    const checked = changeSettings(primary, { mode: 'ACTIVE' }, { ...facts, state })
    return checked.ok ? '' : checked.problems[0]?.hint?.split(/[,:]/)[0]
  }
  expect([hint(heldBehind(primary)), hint(idle(primary))]).toEqual([
    'Set the SECONDARY to STANDBY',
    'It becomes active by itself when the SECONDARY',
  ])
})

// what there was, what was given, the state → what is stored, and whether it hands over
const accepted: Readonly<
  Record<string, readonly [PairSettings, Partial<PairSettings>, PairState, Partial<PairSettings>, boolean]>
> = {
  'a PRIMARY': [none, { ...primary }, alone, primary, false],
  'a SECONDARY': [none, { ...secondary }, alone, secondary, false],
  'a UUID with capitals and blanks': [
    none,
    { ...primary, peerUuid: ` ${other.toUpperCase()} ` },
    alone,
    primary,
    false,
  ],
  'roles set before the mode': [none, { role: 'PRIMARY' }, alone, { ...none, role: 'PRIMARY' }, false],
  'another timeout of a held PRIMARY': [
    primary,
    { timeoutMs: 20_000 },
    heldBehind(primary),
    { ...primary, timeoutMs: 20_000 },
    false,
  ],
  'STANDBY on an active SECONDARY: it hands over': [secondary, { mode: 'STANDBY' }, active(secondary), secondary, true],
  'ACTIVE on an active SECONDARY changes nothing': [secondary, { mode: 'ACTIVE' }, active(secondary), secondary, false],
  'OFF at any time': [secondary, { mode: 'OFF' }, active(secondary), { ...secondary, mode: 'OFF' }, false],
  'out of the pair at any time': [
    primary,
    { role: 'NONE', mode: 'OFF' },
    heldBehind(primary),
    { ...primary, role: 'NONE', mode: 'OFF' },
    false,
  ],
}

test.each(Object.entries(accepted))('accepted: %s', (_, [before, given, state, settings, handsOver]) => {
  expect(changeSettings(before, given, { ...facts, state })).toEqual({ ok: true, value: { settings, handsOver } })
})

test('a SECONDARY shows ACTIVE while it is', () => {
  expect([
    shownMode(secondary, active(secondary)),
    shownMode(secondary, idle(secondary)),
    shownMode(primary, idle(primary)),
  ]).toEqual(['ACTIVE', 'STANDBY', 'ACTIVE'])
})

test('the set-up check says what is missing, and on which side', () => {
  const nowhere: SetUpWays = { idle: undefined, tried: undefined }
  const known = { ownUuid: own, peerFingerprint: undefined, pollProblem: undefined, remoteAgents: 0, ways: nowhere }
  const missing = (...[settings, state, more]: [PairSettings, PairState, Partial<typeof known>?]) =>
    checkSetUp(settings, state, { ...known, ...more })
      .filter(({ isDone }) => !isDone)
      .map(({ on, message }) => `${on}: ${message.split(/[:.]/)[0]}`)
  expect({
    nothing: missing(none, alone),
    primary: missing({ ...primary, peerUuid: '', mode: 'OFF' }, alone),
    secondary: missing(secondary, idle(secondary)),
    copying: missing(primary, { ...active(primary), peer: { ...peer, acts: false, isWhole: false, at: 0 } }),
    off: missing(secondary, { ...idle(secondary), peer: { ...peer, isOn: false, at: 0 } }),
  }).toEqual({
    nothing: ['PRIMARY: Set the role of one server to PRIMARY, and of the other to SECONDARY'],
    primary: [
      'PRIMARY: The PRIMARY has the UUID of the SECONDARY',
      'PRIMARY: The mode of the PRIMARY is ACTIVE',
      'SECONDARY: The SECONDARY has not polled since this server was started',
      'agents: There is no agent elsewhere',
    ],
    secondary: ['PRIMARY: The PRIMARY does not answer as one', 'agents: There is no agent elsewhere'],
    copying: ['SECONDARY: The first copy to the SECONDARY is under way', 'agents: There is no agent elsewhere'],
    off: ['PRIMARY: The mode of the PRIMARY is OFF', 'agents: There is no agent elsewhere'],
  })
})

test('the set-up check says whether agents find both servers, at the addresses that they are given', () => {
  const contact = { ...active(primary), peer: { ...peer, acts: false, at: 0 } }
  const found = (idle: SetUpWays['idle'], tried?: SetUpWays['tried']) =>
    checkSetUp(primary, contact, {
      ownUuid: own,
      peerFingerprint: 'k',
      pollProblem: undefined,
      remoteAgents: 3,
      ways: { idle, tried },
    })
      .slice(5)
      .map(({ on, isDone, message }) => `${on} ${isDone ? 'done' : 'open'}: ${message.split(/[.:] /)[0]}`)
  const url = 'https://b.example:8443'
  const elsewhere = 'https://a.example'
  expect([
    found(undefined),
    found({ url, agents: 0, calling: 0 }),
    found({ url, agents: 3, calling: 3 }, { url: elsewhere, problem: undefined }),
    found({ url, agents: 3, calling: 2 }),
    found({ url, agents: 3, calling: 0 }, { url: elsewhere, problem: 'nobody listens there' }),
  ]).toEqual([
    [],
    [],
    [
      'agents done: The agents call the SECONDARY as well, at https://b.example:8443.',
      'agents done: The PRIMARY is there at https://a.example, the address that agents are given.',
    ],
    [
      'agents open: Of 3 agents that work with the PRIMARY only 2 call the SECONDARY at https://b.example:8443, the address that they are given',
    ],
    [
      'agents open: Of 3 agents that work with the PRIMARY none calls the SECONDARY at https://b.example:8443, the address that they are given',
      'agents open: The SECONDARY does not find the PRIMARY at https://a.example, the address that agents are given',
    ],
  ])
})
