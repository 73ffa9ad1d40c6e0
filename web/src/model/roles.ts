import type { Instance } from '../../../src/contract/index.ts'
import { readServerUrl } from './agent-commands.ts'

export type RoleName = 'standalone' | 'server' | 'agent'
export const roleNames = ['standalone', 'server', 'agent'] as const satisfies readonly RoleName[]

export function roleOf({ server, agent }: Instance['roles']): RoleName {
  return server ? (agent ? 'standalone' : 'server') : 'agent'
}

export function rolesOf(role: RoleName): Instance['roles'] {
  return { server: role !== 'agent', agent: role !== 'server' }
}

/** What stands in the form: the servers one a line, and an empty proxy for none. */
export interface RoleDraft {
  readonly name: string
  readonly role: RoleName
  readonly servers: string
  readonly proxy: string
}

type Changeable = Pick<Instance, 'name' | 'roles' | 'servers' | 'proxy'>

export function draftOf(instance: Changeable): RoleDraft {
  return {
    name: instance.name,
    role: roleOf(instance.roles),
    servers: instance.servers.join('\n'),
    proxy: instance.proxy ?? '',
  }
}

export interface InstanceChange {
  name?: string
  roles?: Instance['roles']
  servers?: string[]
  proxy?: string
}

/**
 * What a draft asks the instance to change. Only what differs is sent: what a flag gives cannot be set, and a proxy's password, which is
 * shown as stars, would be lost.
 * @returns the first thing that is wrong where something is: a server that is no address, or undefined where there is none at all
 */
export function judgeDraft(
  here: Changeable,
  draft: RoleDraft,
):
  | { readonly ok: true; readonly isChanged: boolean; readonly change: InstanceChange }
  | { readonly ok: false; readonly wrong: string | undefined } {
  const change: InstanceChange = {}
  const name = draft.name.trim()
  if (name !== '' && name !== here.name) change.name = name
  if (draft.role !== roleOf(here.roles)) change.roles = rolesOf(draft.role)
  if (draft.role === 'agent') {
    const lines = draft.servers.split(/[\s,]+/).filter((line) => line !== '')
    if (lines.length === 0) return { ok: false, wrong: undefined }
    const wrong = lines.find((line) => readServerUrl(line) === undefined)
    if (wrong !== undefined) return { ok: false, wrong }
    if (lines.join('\n') !== here.servers.join('\n')) change.servers = lines
    if (draft.proxy.trim() !== (here.proxy ?? '')) change.proxy = draft.proxy.trim()
  }
  return { ok: true, isChanged: Object.keys(change).length > 0, change }
}

/** What a change of the role brings about. */
export type RoleMeaning =
  | 'pages hidden'
  | 'data kept'
  | 'agents unanswered'
  | 'works for its server'
  | 'pages back'
  | 'stops for its server'
  | 'watches nothing'
  | 'may watch'

export function meansOf(from: RoleName, to: RoleName): readonly RoleMeaning[] {
  if (from === to) return []
  if (to === 'agent') return ['pages hidden', 'data kept', 'agents unanswered', 'works for its server']
  const back: readonly RoleMeaning[] = from === 'agent' ? ['pages back', 'stops for its server'] : []
  return [...back, to === 'server' ? 'watches nothing' : 'may watch']
}
