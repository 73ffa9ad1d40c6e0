import type { Assignment } from '../model/index.ts'

/**
 * The version of an assignment as agents know it. It names the start of the server, the version of the agent's scope (which connectors are
 * placed on it) and the digest of what is in it, so that an agent which names it in its next call confirms the scope: placement waits
 * for that before it lets another agent begin. Versions of scopes are counted anew by each start of a server.
 */
export function scopedVersion(boot: string, scope: number, digest: string): string {
  return `${boot}.${scope}.${digest}`
}

/** The version of the scope that an agent carries out, or undefined where its assignment is from another start of the server, or none. */
export function confirmedScope(boot: string, known: string | undefined): number | undefined {
  const [of, scope] = known?.split('.') ?? []
  if (of !== boot || scope === undefined || !/^\d{1,15}$/.test(scope)) return undefined
  return Number(scope)
}

/**
 * Leaves out the tasks whose monitor an agent does not have, so that an agent of a neighbouring version runs all the others of a connector.
 * @param has undefined where it has all of them
 */
export function withoutMissing(assignment: Assignment, has: ((monitor: string) => boolean) | undefined): Assignment {
  if (has === undefined) return assignment
  const tasks = assignment.tasks.filter(({ monitor }) => has(monitor))
  return tasks.length === assignment.tasks.length ? assignment : { ...assignment, tasks }
}
