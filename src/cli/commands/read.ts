import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { FarwatchError, messageOf } from '../../base/index.ts'
import type { Client } from '../client.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'

/** Writes the configuration document as YAML, or as JSON where asked. */
export async function exportConfiguration(
  terminal: Terminal,
  client: Client,
  options: { output?: string; json?: boolean },
): Promise<void> {
  const document = await client.call('showConfiguration')
  const text =
    options.json === true ? `${JSON.stringify(document, null, 2)}\n` : stringify(document, { lineWidth: 140 })
  if (options.output === undefined) {
    terminal.stdout.write(text)
    return
  }
  try {
    await writeFile(options.output, text)
  } catch (thrown) {
    throw new FarwatchError('wrong-use', `${options.output} cannot be written: ${messageOf(thrown)}`)
  }
}

export async function listAgents(terminal: Terminal, client: Client, options: { json?: boolean }): Promise<void> {
  const agents = await client.call('listAgents')
  if (options.json === true) return line(terminal.stdout, JSON.stringify(agents))
  const rows = agents.map((agent) => [
    agent.id,
    printable(agent.name),
    agent.registration,
    agent.admin,
    agent.runtime,
    String(agent.connectors),
    agent.lastSeenAt ?? '-',
  ])
  line(terminal.stdout, table([['ID', 'NAME', 'REGISTRATION', 'ADMIN', 'RUNTIME', 'CONNECTORS', 'LAST SEEN'], ...rows]))
}
