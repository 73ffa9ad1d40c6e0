import { expect, test } from 'vitest'
import { draftOf, judgeDraft, meansOf, roleNames, roleOf, rolesOf } from './roles.ts'

const standalone = { name: 'north', roles: rolesOf('standalone'), servers: [], proxy: null }
const agent = {
  name: 'north',
  roles: rolesOf('agent'),
  servers: ['https://a:8443'],
  proxy: 'http://user:***@proxy:3128',
}

test('each role is what its two halves say, and back', () => {
  expect(roleNames.map((role) => [role, rolesOf(role), roleOf(rolesOf(role))])).toEqual([
    ['standalone', { server: true, agent: true }, 'standalone'],
    ['server', { server: true, agent: false }, 'server'],
    ['agent', { server: false, agent: true }, 'agent'],
  ])
})

test('only what differs is asked for, so that a proxy keeps its password', () => {
  expect([
    judgeDraft(agent, draftOf(agent)),
    judgeDraft(agent, { ...draftOf(agent), servers: 'https://a:8443, https://b:8443\n' }),
    judgeDraft(agent, { ...draftOf(agent), proxy: ' ' }),
    judgeDraft(standalone, { name: ' north-1 ', role: 'agent', servers: 'https://a:8443', proxy: '' }),
    judgeDraft(agent, { ...draftOf(agent), role: 'standalone', servers: 'not an address' }),
  ]).toEqual([
    { ok: true, isChanged: false, change: {} },
    { ok: true, isChanged: true, change: { servers: ['https://a:8443', 'https://b:8443'] } },
    { ok: true, isChanged: true, change: { proxy: '' } },
    {
      ok: true,
      isChanged: true,
      change: { name: 'north-1', roles: { server: false, agent: true }, servers: ['https://a:8443'] },
    },
    { ok: true, isChanged: true, change: { roles: { server: true, agent: true } } },
  ])
})

test('an agent needs a server, and an address is needed for one', () => {
  const drafts = ['', ' \n', 'https://a:8443 http://b', 'b:8443']
  expect(drafts.map((servers) => judgeDraft(standalone, { name: '', role: 'agent', servers, proxy: '' }))).toEqual([
    { ok: false, wrong: undefined },
    { ok: false, wrong: undefined },
    { ok: false, wrong: 'http://b' },
    { ok: false, wrong: 'b:8443' },
  ])
})

test('what a change of the role means is said before it is made', () => {
  const said = roleNames.flatMap((from) =>
    roleNames.filter((to) => to !== from).map((to) => `${from} to ${to}: ${meansOf(from, to).join(', ')}`),
  )
  expect(said).toEqual([
    'standalone to server: watches nothing',
    'standalone to agent: pages hidden, data kept, agents unanswered, works for its server',
    'server to standalone: may watch',
    'server to agent: pages hidden, data kept, agents unanswered, works for its server',
    'agent to standalone: pages back, stops for its server, may watch',
    'agent to server: pages back, stops for its server, watches nothing',
  ])
})
