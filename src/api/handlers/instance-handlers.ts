import { FarwatchError, iso } from '../../base/index.ts'
import type { Instance, Setting } from '../../contract/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import {
  declarationOf,
  shownProxy,
  type LiveSettings,
  type Logs,
  type SettingName,
  type Settings,
  type ShownSetting,
} from '../../platform/index.ts'
import type { PairNow } from '../failover.ts'
import { demand, type Handlers } from '../route.ts'

type Names = 'showInstance' | 'changeInstance' | 'showSettings' | 'changeSettings' | 'listLogs' | 'downloadLogs'

export interface InstanceParts {
  readonly describe: () => Omit<Instance, 'proxy' | 'roleGivenBy' | 'failover'>
  /** How it stands in its pair; undefined where it is no server. */
  readonly pair?: () => PairNow | undefined
  readonly settings: LiveSettings
  readonly logs: Logs
  readonly inventory: Pick<Inventory, 'record'>
  /** Resolves when the roles that the settings name are in force. @throws FarwatchError where they cannot be */
  readonly rolesSettled: () => Promise<void>
}

const defaultLogBytes = 1024 ** 2

/** Who this instance is, its settings and logs: whatever its role. */
export function instanceHandlers(parts: InstanceParts): Handlers<Names> {
  const { settings, logs, inventory } = parts
  const values = () => Object.fromEntries(settings.shown().map(({ name, value }) => [name, value]))
  return {
    showInstance: () => describedInstance(parts),
    changeInstance: async ({ caller, body }) => {
      demand(caller, 'admin', null)
      const { name, servers, proxy } = body
      const changes = {
        ...(name === undefined ? {} : { name }),
        ...(servers === undefined ? {} : { servers }),
        ...(proxy === undefined ? {} : { proxy }),
        ...(body.roles === undefined ? {} : { role: roleOf(body.roles) }),
      }
      refuseGivenElsewhere(changes)
      await change(caller.username, changes)
      await parts.rolesSettled()
      return describedInstance(parts)
    },
    showSettings: ({ caller, query }) => {
      demand(caller, 'viewer', null)
      return query.details === true ? settings.shown().map(shownSetting) : values()
    },
    changeSettings: async ({ caller, body }) => {
      demand(caller, 'admin', null)
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
    downloadLogs: ({ caller, query }) => {
      demand(caller, 'admin', null)
      return (write) => logs.newest(query.maxBytes ?? defaultLogBytes, write)
    },
  }

  /** What was given when the instance was started stays, whatever is stored: nobody is to believe that it changed. */
  function refuseGivenElsewhere(changes: Partial<Record<SettingName, unknown>>): void {
    for (const { name, value, overruledBy } of settings.shown()) {
      if (overruledBy === undefined || !(name in changes)) continue
      if (JSON.stringify(changes[name]) === JSON.stringify(value)) continue
      const { flag, variable } = declarationOf(name)
      const where = { flag: flag?.split(' ')[0] ?? name, environment: variable, file: `${name} in settings.yaml` }
      throw new FarwatchError('conflict', `${name}: is given by ${where[overruledBy]}, and cannot be changed here`, {
        hint: 'Change it there, or start Farwatch without it; from then on it can be changed here.',
      })
    }
  }

  async function change(by: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
    const before = values()
    const changed = await settings.change(changes)
    if (changed.length === 0) return
    const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map((name) => [name, from[name]]))
    await inventory.record({
      who: by,
      action: 'settings changed',
      what: changed.join(', '),
      before: pick(before),
      after: pick(values()),
    })
  }
}

/** What `GET /instance` answers. */
export function describedInstance({
  describe,
  settings,
  pair,
}: Pick<InstanceParts, 'describe' | 'settings' | 'pair'>): Instance {
  const { proxy } = settings.values
  return {
    ...describe(),
    proxy: proxy === '' ? null : shownProxy(proxy),
    roleGivenBy: settings.shown().find(({ name }) => name === 'role')?.overruledBy ?? null,
    failover: inPair(pair?.()),
  }
}

function shownSetting({ choices, ...rest }: ShownSetting): Setting {
  return { ...rest, ...(choices === undefined ? {} : { choices: [...choices] }) }
}

function inPair(pair: PairNow | undefined): Instance['failover'] {
  if (pair === undefined) return null
  const { role, state, term, notActive, activeUrl } = pair
  return { role, state, acts: notActive === undefined, term, message: notActive ?? null, activeUrl: activeUrl ?? null }
}

function roleOf({ server, agent }: Instance['roles']): Settings['role'] {
  if (server && agent) return 'standalone'
  if (server) return 'server'
  if (agent) return 'agent'
  throw new FarwatchError('invalid-value', 'roles: an instance is a server, an agent, or both', {
    hint: 'An agent that shall do nothing for a while is deactivated on its server.',
  })
}
