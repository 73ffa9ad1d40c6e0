import { FarwatchError } from '../../base/index.ts'
import type { Instance } from '../../contract/index.ts'
import type { LiveSettings, Logs } from '../../platform/index.ts'
import { demand, type Handlers } from '../route.ts'
import { iso } from '../shape.ts'

type Names = 'showInstance' | 'changeInstance' | 'showSettings' | 'changeSettings' | 'listLogs'

export interface InstanceParts {
  readonly describe: () => Instance
  readonly settings: LiveSettings
  readonly logs: Logs
  /** Writes to the audit log. */
  readonly record: (change: {
    readonly who: string
    readonly action: string
    readonly what: string
    readonly before: unknown
    readonly after: unknown
  }) => Promise<void>
  /** Resolves when the roles that the settings name are in force. */
  readonly rolesSettled: () => Promise<void>
}

/** Who this instance is, its settings and logs; alike in every role. */
export function instanceHandlers(parts: InstanceParts): Handlers<Names> {
  const { settings, logs } = parts
  const values = () => Object.fromEntries(settings.shown().map(({ name, value }) => [name, value]))
  return {
    showInstance: () => parts.describe(),
    changeInstance: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      const { name, servers, proxy, roles } = body
      if (roles !== undefined) refuseFixedRole()
      const changes = {
        ...(name === undefined ? {} : { name }),
        ...(servers === undefined ? {} : { servers }),
        ...(proxy === undefined ? {} : { proxy: proxy ?? '' }),
        ...(roles === undefined ? {} : { role: roleOf(roles) }),
      }
      await change(caller.username, changes)
      await parts.rolesSettled()
      return parts.describe()
    },
    showSettings: ({ caller, query }) => {
      demand(caller, 'viewer', null)
      return query.details === true ? settings.shown().map(({ value, ...rest }) => ({ ...rest, value })) : values()
    },
    changeSettings: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      if (Object.hasOwn(body, 'role')) refuseFixedRole()
      await change(caller.username, body)
      await parts.rolesSettled()
      return values()
    },
    listLogs: ({ caller, query }) => {
      demand(caller, 'admin', null)
      const lines =
        query.level === undefined ? logs.recent() : logs.recent().filter(({ level }) => level === query.level)
      return lines
        .slice(-(query.limit ?? 200))
        .map(({ at, level, event, fields }) => ({ at: iso(at), level, event, fields: { ...fields } }))
    },
  }

  /** Stored it would hold only once that is gone: somebody who switches a role wants it now. */
  function refuseFixedRole(): void {
    const by = settings.shown().find(({ name }) => name === 'role')?.overruledBy
    if (by === undefined) return
    const where = { flag: 'by the flag --role', environment: 'by FARWATCH_ROLE', file: 'in settings.yaml' }[by]
    throw new FarwatchError('conflict', `the role of this instance was given ${where} and cannot be changed here`, {
      hint: 'Start it without that, or with the other role.',
    })
  }

  async function change(by: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
    const before = values()
    const changed = await settings.change(changes)
    if (changed.length === 0) return
    const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map((name) => [name, from[name]]))
    await parts.record({
      who: by,
      action: 'settings changed',
      what: changed.join(', '),
      before: pick(before),
      after: pick(values()),
    })
  }
}

function roleOf({ server, agent }: Instance['roles']): 'standalone' | 'server' | 'agent' {
  if (server && agent) return 'standalone'
  if (server) return 'server'
  if (agent) return 'agent'
  throw new FarwatchError('invalid-value', 'an instance without any role would do nothing', {
    hint: 'Set server, agent, or both.',
  })
}
