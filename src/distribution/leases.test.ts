import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  defaultLeaseSettings as settings,
  isOverdue,
  listen,
  newLife,
  runtimeOf,
  startListening,
  steadyFrom,
  step,
  type AgentLife,
  type LifeEvent,
} from './leases.ts'

/**
 * A life in words, each `second:event`. Events: `hear`, `.` (a tick), `accept`, `reject`, `off`, `on`, `drain`, `undrain`, `done`, `set` (the clock).
 * Answers the runtime state and the effects of each.
 */
function live(story: string): string {
  let life: AgentLife = { ...newLife(0), registration: 'ACCEPTED' }
  const told: string[] = []
  for (const word of story.split(' ')) {
    const [second, what] = word.split(':') as [string, string]
    const { registration, admin } = life
    const events: Readonly<Record<string, LifeEvent>> = {
      hear: { is: 'heard' },
      '.': { is: 'tick', since: 0, begunAt: 0, behindMs: 0 },
      accept: { is: 'standing', registration: 'ACCEPTED', admin },
      reject: { is: 'standing', registration: 'REJECTED', admin },
      off: { is: 'standing', registration, admin: 'OFF' },
      on: { is: 'standing', registration, admin: 'ON' },
      drain: { is: 'drain asked' },
      undrain: { is: 'drain ended' },
      done: { is: 'drained' },
      set: { is: 'clock set' },
    }
    const next = step(life, events[what]!, Number(second) * 1_000, settings)
    life = next.life
    told.push([runtimeOf(life), ...next.effects].join('+'))
  }
  return told.join(' ')
}

const stories: Readonly<Record<string, readonly [string, string]>> = {
  'an agent is ONLINE while it calls': ['1:hear 10:. 12:hear 20:. 26:.', 'ONLINE+place ONLINE ONLINE ONLINE ONLINE'],
  'silent for the timeout it is lost, once': [
    '1:hear 15:. 16:. 17:. 18:hear 19:.',
    'ONLINE+place ONLINE OFFLINE+place+lost OFFLINE ONLINE+place+found ONLINE',
  ],
  'who never called is not missed': ['1:. 100:.', 'OFFLINE OFFLINE'],
  'who is switched off is not missed': ['1:hear 2:off 20:.', 'ONLINE+place ONLINE+place OFFLINE+place'],
  'who is lost and then switched off is missed no more': [
    '1:hear 20:. 30:off 40:on',
    'ONLINE+place OFFLINE+place+lost OFFLINE+place+found OFFLINE+place',
  ],
  'who is rejected is not missed': ['1:hear 2:reject 20:.', 'ONLINE+place ONLINE+place OFFLINE+place'],
  'who falls silent is missed although the clock was set back': [
    '1000:hear 100:set 101:. 115:.',
    'ONLINE+place ONLINE ONLINE OFFLINE+place+lost',
  ],
  'told what it knows it does nothing': ['1:hear 2:accept 3:on', 'ONLINE+place ONLINE ONLINE'],
  'a drain is DRAINING, and done when nothing is left': [
    '1:hear 2:drain 3:drain 4:done 5:done 6:undrain',
    'ONLINE+place DRAINING+place DRAINING DRAINING+drained DRAINING ONLINE+place',
  ],
  'who goes after a drain is not missed': [
    '1:hear 2:drain 3:done 20:. 30:hear',
    'ONLINE+place DRAINING+place DRAINING+drained OFFLINE+place DRAINING+place',
  ],
  'who goes amid a drain is missed': [
    '1:hear 2:drain 20:. 30:hear',
    'ONLINE+place DRAINING+place OFFLINE+place+lost DRAINING+place+found',
  ],
}

test.each(Object.entries(stories))('%s', (_, [story, told]) => {
  expect(live(story)).toBe(told)
})

test('the timeout has a floor of five seconds', () => {
  const life = step({ ...newLife(0), registration: 'ACCEPTED' }, { is: 'heard' }, 0, settings).life
  const hasty = { ...settings, offlineTimeoutMs: 1 }
  const at = (ms: number) => runtimeOf(step(life, { is: 'tick', since: 0, begunAt: 0, behindMs: 0 }, ms, hasty).life)
  expect([at(4_999), at(5_000)]).toEqual(['ONLINE', 'OFFLINE'])
})

test('an agent is overdue after half of the timeout', () => {
  const life = step(newLife(0), { is: 'heard' }, 0, settings).life
  expect([7_000, 8_000].map((at) => isOverdue(life, { since: 0, begunAt: 0, behindMs: 0 }, at, settings))).toEqual([
    false,
    true,
  ])
})

test('each loss within an hour doubles the time until work comes back; an hour later it is as if nothing had been', () => {
  let life: AgentLife = { ...newLife(0), registration: 'ACCEPTED' }
  const waits: number[] = []
  const comeBack = (at: number) => {
    life = step(life, { is: 'heard' }, at, settings).life
    waits.push((steadyFrom(life, settings) - at) / 1_000)
  }
  comeBack(0)
  for (let minute = 1; minute <= 7; minute++) {
    life = step(life, { is: 'tick', since: 0, begunAt: 0, behindMs: 0 }, minute * 60_000, settings).life
    comeBack(minute * 60_000 + 1)
  }
  life = step(life, { is: 'tick', since: 0, begunAt: 0, behindMs: 0 }, 5_000_000, settings).life
  comeBack(10_000_000)
  expect(waits).toEqual([0, 60, 120, 240, 480, 960, 1_800, 1_800, 0])
})

test('a server that is behind with everything waits longer for agents, until it has kept up for a while', () => {
  let listening = startListening(0, 0, settings)
  let at = 0
  const ticks = (count: number, ms: number) => {
    for (let i = 0; i < count; i++) listening = listen(listening, (at += ms), at, settings)
    return listening.behindMs
  }
  const inTime = ticks(20, 1_100)
  const late = ticks(20, 2_000)
  const life: AgentLife = { ...newLife(0), isOnline: true, registration: 'ACCEPTED', heardAt: at - 18_000 }
  const isLost = (behindMs: number) =>
    step(life, { is: 'tick', since: 0, begunAt: 0, behindMs }, at, settings).life.isLost
  const lost = [isLost(0), isLost(late)]
  const recovered = ticks(60, 1_000)
  expect({ inTime, isLate: late > 4_000 && late < settings.offlineTimeoutMs, lost, isOver: recovered < 200 }).toEqual({
    inTime: 0,
    isLate: true,
    lost: [true, false],
    isOver: true,
  })
})

// what happened since the last tick: wall clock, clock that only moves forward → whether silence still counts
const naps: readonly (readonly [string, number, number, boolean])[] = [
  ['a tick in time', 1_000, 1_000, true],
  ['a busy moment', 4_000, 4_000, true],
  ['a clock that is corrected a little', 1_500, 1_000, true],
  ['a paused virtual machine', 60_000, 60_000, false],
  ['a suspended machine', 60_000, 1_000, false],
  ['a wall clock set forward', 3_600_000, 1_000, false],
  ['a wall clock set back', -3_600_000, 1_000, false],
]

test.each(naps)('after %s it is known whether silence counts', (_, wallMs, realMs, counts) => {
  const before = listen(startListening(0, 0, settings), 1_000, 1_000, settings)
  const after = listen(before, 1_000 + wallMs, 1_000 + realMs, settings)
  const life: AgentLife = { ...newLife(0), isOnline: true, registration: 'ACCEPTED' }
  const patience = after.since + settings.offlineTimeoutMs - (1_000 + wallMs)
  expect({
    counts: after.since === before.since,
    patience: counts ? undefined : patience,
    lost: step(life, { is: 'tick', ...after }, 1_000 + wallMs, settings).effects,
  }).toEqual({ counts, patience: counts ? undefined : settings.graceMs, lost: [] })
})

test('whatever happens, lost and found take turns, and only who should be there is lost', () => {
  const events: fc.Arbitrary<LifeEvent> = fc.oneof(
    fc.constant<LifeEvent>({ is: 'heard' }),
    fc.constant<LifeEvent>({ is: 'tick', since: 0, begunAt: 0, behindMs: 0 }),
    fc.constantFrom<LifeEvent>({ is: 'drain asked' }, { is: 'drain ended' }, { is: 'drained' }),
    fc.record({
      is: fc.constant('standing' as const),
      registration: fc.constantFrom('PENDING', 'ACCEPTED', 'ACCEPTED', 'REJECTED'),
      admin: fc.constantFrom('ON', 'ON', 'OFF'),
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), events), { maxLength: 60 }), (story) => {
      let life = newLife(0)
      let at = 0
      let isMissed = false
      for (const [ms, event] of story) {
        at += ms
        const next = step(life, event, at, settings)
        if (next.effects.includes('lost')) {
          expect(isMissed).toBe(false)
          isMissed = true
        }
        if (next.effects.includes('found')) {
          expect(isMissed).toBe(true)
          isMissed = false
        }
        life = next.life
        expect(life.isLost).toBe(isMissed)
        if (isMissed) expect([life.registration, life.admin, life.isOnline]).toEqual(['ACCEPTED', 'ON', false])
      }
    }),
  )
})

test('after a start of the server who has called is missed like at any other time, and who has not is given the time to come back', () => {
  const listening = startListening(100_000, 0, settings)
  const from: AgentLife = { ...newLife(50_000), registration: 'ACCEPTED' }
  const before = step(from, { is: 'heard' }, 90_000, settings).life
  const since = step(before, { is: 'heard' }, 101_000, settings).life
  const lostAt = (life: AgentLife) => {
    for (let at = 101_000; ; at += 1_000)
      if (step(life, { is: 'tick', ...listening }, at, settings).life.isLost) return at
  }
  expect([lostAt(before), lostAt(since)]).toEqual([100_000 + settings.graceMs, 101_000 + settings.offlineTimeoutMs])
})
