import { expect, test } from 'vitest'
import { draftOf, judgeDraft, modesOf, switchStep, withRole } from './failover.ts'

const alone = { role: 'NONE', mode: 'OFF', peerUrl: '', peerUuid: '', timeoutMs: 15_000, pollMs: 2_000 } as const

test('a role brings its mode along, and only what differs is asked for', () => {
  const draft = draftOf(alone)
  const held = { ...alone, role: 'PRIMARY', mode: 'ACTIVE', peerUuid: 'u' } as const
  expect([
    draft,
    judgeDraft(alone, draft),
    judgeDraft(alone, { ...withRole(draft, 'SECONDARY'), peerUrl: ' https://a.example ', timeout: '7,5' }),
    judgeDraft(held, { ...draftOf(held), timeout: '20' }),
    judgeDraft(held, withRole(draftOf(held), 'NONE')),
    judgeDraft(alone, { ...draft, timeout: '', poll: '2s' }),
  ]).toEqual([
    { role: 'NONE', mode: 'OFF', peerUrl: '', peerUuid: '', timeout: '15', poll: '2' },
    { ok: true, change: {} },
    { ok: true, change: { role: 'SECONDARY', mode: 'STANDBY', peerUrl: 'https://a.example', timeoutMs: 7_500 } },
    { ok: true, change: { timeoutMs: 20_000 } },
    { ok: true, change: { role: 'NONE', mode: 'OFF' } },
    { ok: false, wrong: ['timeout', 'poll'] },
  ])
})

test('a secondary that took over shows that it is active beside what it can be set to', () => {
  expect([modesOf('SECONDARY', 'ACTIVE'), modesOf('SECONDARY', 'OFF'), modesOf('PRIMARY', 'ACTIVE')]).toEqual([
    ['ACTIVE', 'STANDBY', 'OFF'],
    ['STANDBY', 'OFF'],
    ['ACTIVE', 'OFF'],
  ])
})

test('a drill is followed by who acts in which term', () => {
  const peer = { state: 'active', on: true, term: 4, complete: true, unsound: null, heardMsAgo: 0 } as const
  const seen = (acts: boolean, term: number, there: boolean | null) =>
    switchStep(3, { acts, term, peer: there === null ? null : { ...peer, acts: there } })
  expect([seen(true, 3, false), seen(false, 3, null), seen(false, 4, true), seen(true, 5, false)]).toEqual([
    'leaving',
    'leaving',
    'there',
    'back',
  ])
})
