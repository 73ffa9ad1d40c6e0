import { expect, test } from 'vitest'
import { draftOf, judgeDraft, modesOf, withRole } from './failover.ts'

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
