import { stringify } from 'yaml'
import { FarwatchError } from '../../base/index.ts'
import type { DiscoveryAnswer } from '../../contract/index.ts'
import type { Client } from '../client.ts'
import { writeOut } from '../output-file.ts'
import { line, printable, type Terminal } from '../terminal.ts'
import { describe } from './apply.ts'

export interface DiscoverOptions {
  readonly group?: string
  readonly system?: string
  readonly agent?: string
  readonly credential?: readonly string[]
  readonly guessed?: boolean
  readonly apply?: boolean
  readonly output?: string
  readonly json?: boolean
}

/**
 * Looks at a host and writes what could be monitored there as a configuration document, for `farwatch apply`; with `--apply` it is applied at
 * once. What is known already, only guessed, or without the credential it needs stands in comments.
 */
export async function discover(
  terminal: Terminal,
  client: Client,
  host: string,
  options: DiscoverOptions,
): Promise<void> {
  const group = options.group ?? (await onlyGroup(client))
  const answer = await client.call('discover', {
    body: {
      group,
      host,
      ...(options.agent === undefined ? {} : { agent: options.agent }),
      ...(options.system === undefined ? {} : { system: options.system }),
      ...(options.credential === undefined ? {} : { credentials: [...options.credential] }),
      ...(options.guessed === true ? { guessed: true } : {}),
    },
  })
  if (options.json === true) return line(terminal.stdout, JSON.stringify(answer))
  const notes = notesOf(host, answer, options.guessed === true)
  if (options.apply !== true) {
    const text = `${notes.map((note) => `# ${printable(note)}`).join('\n')}\n${stringify(answer.document, { lineWidth: 140 })}`
    return writeOut(terminal, options.output, text)
  }
  for (const note of notes) line(terminal.stderr, printable(note))
  const done = await client.call('applyConfiguration', {
    query: { base: answer.revision, comment: `discovered at ${host}` },
    body: answer.document,
  })
  line(terminal.stdout, describe(done))
  if (done.applied) line(terminal.stdout, `Applied as revision ${done.revision ?? '?'}.`)
}

async function onlyGroup(client: Client): Promise<string> {
  const groups = await client.call('showConfiguration').then(groupNames)
  const [only] = groups
  if (only !== undefined && groups.length === 1) return only
  throw new FarwatchError('wrong-use', 'which group shall it belong to?', {
    hint: groups.length === 0 ? 'Make a group first.' : `--group with one of: ${groups.slice(0, 20).join(', ')}`,
  })
}

function groupNames(document: unknown): readonly string[] {
  const { groups = [] } = document as { readonly groups?: readonly { readonly name: string }[] }
  return groups.map(({ name }) => name)
}

function notesOf(
  host: string,
  { agent, address, tried, open, proposals, problems, waiting }: DiscoveryAnswer,
  withGuesses: boolean,
): readonly string[] {
  const looked =
    address === null
      ? `${host}, as ${agent} sees it: no address.`
      : `${host} (${address}), as ${agent} sees it: ${tried} ports tried, open: ${open.length === 0 ? 'none' : open.join(', ')}.`
  const nameOf = (connector: unknown) => (connector as { readonly name: string }).name
  return [
    looked,
    ...proposals
      .filter(({ known, certainty }) => known === null && (withGuesses || certainty === 'identified'))
      .map(({ connector, title, seen }) => `  ${nameOf(connector)}: ${title} (${seen})`),
    ...waiting.map((one) => `Left out, needs a credential (--credential NAME): ${one}`),
    ...proposals.flatMap(({ known, title }) => (known === null ? [] : [`Left out, is there as ${known}: ${title}`])),
    ...proposals
      .filter(({ known, certainty }) => known === null && !withGuesses && certainty === 'guessed')
      .map(({ title, seen }) => `Left out, only guessed (--guessed): ${title} (${seen})`),
    ...problems.map((problem) => `Not found out: ${problem}`),
  ]
}
