import type { Grant, Role } from '../../../src/contract/index.ts'

const rank: Record<Role, number> = { viewer: 0, operator: 1, editor: 2, admin: 3 }

/**
 * Whether grants allow a role's acts in a group; without a group, anywhere at all. The portal asks so that it does not offer what
 * the server would refuse; the server decides.
 */
export function may(grants: readonly Grant[], role: Role, group?: string): boolean {
  return grants.some(
    (grant) => (group === undefined || grant.group === '*' || grant.group === group) && rank[grant.role] >= rank[role],
  )
}

/**
 * Where to go after signing in: a place within the portal that was wanted before, else the beginning. An address that leads
 * elsewhere (`//evil.example`, `https:…`) is a trick and is not followed.
 */
export function safeReturn(wanted: string | undefined): string {
  if (wanted === undefined || !/^\/(?![/\\])/.test(wanted) || !isPlain(wanted)) return '/'
  return /^\/(sign-in|setup)(?:[/?#]|$)/.test(wanted) ? '/' : wanted
}

/** Browsers drop tabs and line breaks from addresses, which would turn `/<tab>/evil.example` into one of the tricks above. */
function isPlain(text: string): boolean {
  return [...text].every((character) => character >= ' ')
}
