import { FarwatchError, suggest } from '../../base/index.ts'
import type { Instance } from '../../contract/index.ts'
import type { Client } from '../client.ts'
import { writeOut } from '../output-file.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'
import { connectionRows, pairRows } from './status.ts'

const actions = ['show', 'set', 'connection', 'logs'] as const

const rolesByName: Readonly<Record<string, Instance['roles']>> = {
  standalone: { server: true, agent: true },
  server: { server: true, agent: false },
  agent: { server: false, agent: true },
}

export interface InstanceOptions {
  readonly json?: boolean
  readonly role?: string
  readonly name?: string
  readonly server?: readonly string[]
  readonly proxy?: string
  readonly output?: string
}

/** The instance itself: who it is, its roles, how it reaches its servers, its log. */
export async function instance(
  terminal: Terminal,
  client: Client,
  action: string,
  options: InstanceOptions,
): Promise<void> {
  const print = (answer: unknown, text: () => string) =>
    line(terminal.stdout, options.json === true ? JSON.stringify(answer) : text())
  switch (action as (typeof actions)[number]) {
    case 'show': {
      const now = await client.call('showInstance')
      return print(now, () => described(now))
    }
    case 'set': {
      const { name, role, server, proxy } = options
      const roles = role === undefined ? undefined : rolesByName[role]
      if (role !== undefined && roles === undefined)
        throw new FarwatchError('wrong-use', `--role ${role}: there is no such role`, {
          hint: suggest(role, Object.keys(rolesByName)) || `Known: ${Object.keys(rolesByName).join(', ')}.`,
        })
      const body = {
        ...(name === undefined ? {} : { name }),
        ...(roles === undefined ? {} : { roles }),
        // `--server ''` takes all of them away.
        ...(server === undefined ? {} : { servers: server.filter((url) => url !== '') }),
        ...(proxy === undefined ? {} : { proxy }),
      }
      if (Object.keys(body).length === 0)
        throw new FarwatchError('wrong-use', 'instance set needs what to set', {
          hint: 'Give --role, --name, --server or --proxy.',
        })
      const now = await client.call('changeInstance', { body })
      return print(now, () => described(now))
    }
    case 'connection': {
      const now = await client.call('showConnection')
      return print(now, () => table(connectionRows(now)))
    }
    case 'logs':
      return writeOut(terminal, options.output, await client.call('downloadLogs'))
  }
  throw new FarwatchError('wrong-use', `instance ${action}: there is no such action`, {
    hint: suggest(action, actions),
  })
}

function roleOf({ server, agent }: Instance['roles']): string {
  return server && agent ? 'standalone (server and agent)' : server ? 'server' : 'agent'
}

function described(now: Instance): string {
  return table([
    ['Name', printable(now.name)],
    ['Id', now.uuid],
    ['Role', `${roleOf(now.roles)}${now.roleGivenBy === null ? '' : `, given by ${now.roleGivenBy}`}`],
    ...pairRows(now),
    ['Servers', now.servers.length === 0 ? 'none' : now.servers.map(printable).join(' ')],
    ...(now.proxy === null ? [] : [['Proxy', printable(now.proxy)]]),
    ['Fingerprint', now.fingerprint],
    ['Version', now.version],
  ])
}
