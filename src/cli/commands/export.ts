import { stringify } from 'yaml'
import type { Client } from '../client.ts'
import { writeOut } from '../output-file.ts'
import type { Terminal } from '../terminal.ts'

/** Writes the configuration document as YAML, or as JSON where asked. */
export async function exportConfiguration(
  terminal: Terminal,
  client: Client,
  options: { output?: string; json?: boolean },
): Promise<void> {
  const document = await client.call('showConfiguration')
  const text =
    options.json === true ? `${JSON.stringify(document, null, 2)}\n` : stringify(document, { lineWidth: 140 })
  await writeOut(terminal, options.output, text)
}
