import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { parseDocument } from 'yaml'
import { FarwatchError, at, messageOf } from '../../base/index.ts'
import type { Difference } from '../../contract/index.ts'
import type { Client } from '../client.ts'
import { line, printable, type Terminal } from '../terminal.ts'

/** Shows what a document would change, then applies it. */
export async function apply(
  terminal: Terminal,
  client: Client,
  options: { file: string; dryRun?: boolean; prune?: boolean; json?: boolean; comment?: string },
): Promise<void> {
  const document = resolveEnvironment(await readDocument(terminal, options.file), terminal.env)
  const query = {
    ...(options.prune === true ? { prune: true } : {}),
    ...(options.comment === undefined ? {} : { comment: options.comment }),
  }
  progress(terminal, options, 'Comparing with the present configuration…')
  const planned = await client.call('applyConfiguration', { query: { ...query, dryRun: true }, body: document })
  if (options.json !== true) line(terminal.stdout, describe(planned))
  if (options.dryRun !== true && planned.changes.length > 0) progress(terminal, options, 'Applying…')
  const done =
    options.dryRun === true || planned.changes.length === 0
      ? planned
      : await client.call('applyConfiguration', { query, body: document })
  if (options.json === true) line(terminal.stdout, JSON.stringify(done))
  else if (done.applied) line(terminal.stdout, `Applied as revision ${done.revision ?? '?'}.`)
  else if (planned.changes.length > 0) line(terminal.stdout, 'Nothing was changed (dry run).')
}

/** For who waits at a terminal; a large document takes seconds. Never in what a script reads. */
function progress(terminal: Terminal, options: { json?: boolean }, text: string): void {
  if (terminal.isInteractive && options.json !== true) line(terminal.stderr, text)
}

async function readDocument(terminal: Terminal, file: string): Promise<unknown> {
  let text: string
  try {
    text = file === '-' ? await readAll(terminal.stdin) : await readFile(file, 'utf8')
  } catch (thrown) {
    throw new FarwatchError('wrong-use', `${file} cannot be read: ${messageOf(thrown)}`)
  }
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0)
    throw new FarwatchError('invalid-document', `${file} is not valid YAML: ${document.errors[0]!.message}`)
  return document.toJS({ maxAliasCount: 100 })
}

/** Replaces `{ env: NAME }` by the value in this command's environment; names that are not set here are left for the server. */
function resolveEnvironment(document: unknown, env: Terminal['env']): unknown {
  const walk = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => walk(item, at(path, i)))
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value)
    if (
      entries.length === 1 &&
      entries[0]![0] === 'env' &&
      typeof entries[0]![1] === 'string' &&
      /credentials|settings/.test(path)
    ) {
      const found = env[entries[0]![1]]
      return found === undefined ? value : { value: found }
    }
    return Object.fromEntries(entries.map(([key, item]) => [key, walk(item, at(path, key))]))
  }
  return walk(document, '')
}

const signs = { add: '+', change: '~', remove: '-' } as const

/** The difference in lines for people: what is added, changed, removed, and how many of each. */
export function describe(difference: Difference): string {
  if (difference.changes.length === 0) return 'No changes.'
  const shown = difference.changes.slice(0, 200).flatMap((change) => {
    const head = `${signs[change.action]} ${change.kind} ${printable(change.path)}`
    return change.action === 'change' ? [head, ...changedFields(change.before, change.after)] : [head]
  })
  if (difference.changes.length > 200) shown.push(`… and ${difference.changes.length - 200} more`)
  const { add, change, remove } = difference.summary
  return [...shown, `${add} to add, ${change} to change, ${remove} to remove.`].join('\n')
}

function changedFields(before: unknown, after: unknown): string[] {
  const one = isRecord(before) ? before : { '': before }
  const other = isRecord(after) ? after : { '': after }
  return [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .filter((key) => JSON.stringify(one[key]) !== JSON.stringify(other[key]))
    .map((key) => `    ${key}: ${brief(one[key])} → ${brief(other[key])}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function brief(value: unknown): string {
  const text = value === undefined ? '(none)' : JSON.stringify(value)
  return printable(text.length > 100 ? `${text.slice(0, 99)}…` : text)
}
