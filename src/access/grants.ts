/** What a user may do in a group, from least to most; each includes the ones before it. */
export const roles = ['viewer', 'operator', 'editor', 'admin'] as const
export type Role = (typeof roles)[number]

/** A role in one group, or with `*` in all groups and in what belongs to none: settings, users, plugins, profiles. */
export interface Grant {
  readonly group: string
  readonly role: Role
}

/** Whether the grants give at least `role` in `group`; null asks for what belongs to no group. */
export function may(grants: readonly Grant[], role: Role, group: string | null): boolean {
  const wanted = roles.indexOf(role)
  return grants.some((grant) => (grant.group === '*' || grant.group === group) && roles.indexOf(grant.role) >= wanted)
}

/** Whether the grants give at least `role` somewhere. */
export function mayAnywhere(grants: readonly Grant[], role: Role): boolean {
  const wanted = roles.indexOf(role)
  return grants.some((grant) => roles.indexOf(grant.role) >= wanted)
}

/** The groups in which the grants give at least `role`: all of them, or just these. */
export function groupsWith(grants: readonly Grant[], role: Role): '*' | ReadonlySet<string> {
  if (may(grants, role, null)) return '*'
  const wanted = roles.indexOf(role)
  return new Set(grants.filter((grant) => roles.indexOf(grant.role) >= wanted).map((grant) => grant.group))
}

/**
 * Grants of a token that may not exceed its owner's: in every group the lesser of the two roles.
 * Computed at every use, so that taking a grant from a user takes it from the user's tokens at once.
 */
export function narrowed(owner: readonly Grant[], token: readonly Grant[]): readonly Grant[] {
  return token.flatMap((grant) =>
    owner
      .filter((own) => own.group === '*' || grant.group === '*' || own.group === grant.group)
      .map((own) => ({
        group: grant.group === '*' ? own.group : grant.group,
        role: lesser(own.role, grant.role),
      })),
  )
}

function lesser(a: Role, b: Role): Role {
  return roles.indexOf(a) <= roles.indexOf(b) ? a : b
}
