import type { Instance } from '../../../src/contract/index.ts'

export type RoleName = 'standalone' | 'server' | 'agent'
export const roleNames = ['standalone', 'server', 'agent'] as const satisfies readonly RoleName[]

export function roleOf({ server, agent }: Instance['roles']): RoleName {
  return server ? (agent ? 'standalone' : 'server') : 'agent'
}

export function rolesOf(role: RoleName): Instance['roles'] {
  return { server: role !== 'agent', agent: role !== 'server' }
}
