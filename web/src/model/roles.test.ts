import { expect, test } from 'vitest'
import { roleNames, roleOf, rolesOf } from './roles.ts'

test('each role is what its two halves say, and back', () => {
  expect(roleNames.map((role) => [role, rolesOf(role), roleOf(rolesOf(role))])).toEqual([
    ['standalone', { server: true, agent: true }, 'standalone'],
    ['server', { server: true, agent: false }, 'server'],
    ['agent', { server: false, agent: true }, 'agent'],
  ])
})
