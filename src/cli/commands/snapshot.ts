import { stringify } from 'yaml'
import { FarwatchError, suggest } from '../../base/index.ts'
import type { Client } from '../client.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'
import { describe } from './apply.ts'

const actions = ['create', 'list', 'show', 'diff', 'restore'] as const

/** Saves, shows, compares and restores copies of the configuration. */
export async function snapshot(
  terminal: Terminal,
  client: Client,
  action: string,
  name: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const print = (answer: unknown, text: () => string) =>
    line(terminal.stdout, options.json === true ? JSON.stringify(answer) : text())
  const needed = (what: string): string => {
    if (name === undefined) throw new FarwatchError('wrong-use', `snapshot ${action} needs ${what}`)
    return name
  }
  switch (action as (typeof actions)[number]) {
    case 'create': {
      const made = await client.call('createSnapshot', { body: { name: needed('a name') } })
      return print(made, () => `Saved as ${made.id}.`)
    }
    case 'list': {
      const all = await client.call('listSnapshots')
      return print(all, () =>
        table([
          ['ID', 'AT', 'BY', 'REVISION', 'NAME'],
          ...all.map((one) => [one.id, one.at, printable(one.author), String(one.revision), printable(one.name)]),
        ]),
      )
    }
    case 'show': {
      const shown = await client.call('showSnapshot', { params: { id: needed('an id') } })
      return print(shown, () => stringify(shown.document, { lineWidth: 140 }).trimEnd())
    }
    case 'diff': {
      const difference = await client.call('diffSnapshot', { params: { id: needed('an id') } })
      return print(difference, () => describe(difference))
    }
    case 'restore': {
      const difference = await client.call('restoreSnapshot', { params: { id: needed('an id') } })
      return print(
        difference,
        () =>
          `${describe(difference)}\n${difference.applied ? `Restored as revision ${difference.revision ?? '?'}.` : 'The configuration is as in the snapshot already.'}`,
      )
    }
  }
  throw new FarwatchError('wrong-use', `snapshot ${action}: there is no such action`, {
    hint: suggest(action, actions),
  })
}
