import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import type { Assignment } from '../model/index.ts'
import { writeFileAtomically, type DataDirectory, type Log, type Vault } from '../platform/index.ts'
import { isOneOf } from './agent-memory.ts'

const format = 1
const context = 'assignment'

interface Kept {
  readonly format: number
  /** The URLs of its server or pair, as they were known then: what one gave it is nothing that another one asked for. */
  readonly servers: readonly string[]
  readonly assignment: Assignment
}

/**
 * What an agent has to do, kept over its own end: with no server in reach it goes on from there. `assignment.sealed` is JSON with a format,
 * encrypted whole, since there are credentials in it, with the key of the data directory.
 * @param servers all URLs by which the present server or pair is known
 */
export function keptAssignment(
  directory: DataDirectory,
  vault: Vault,
  log: Log,
  servers: () => readonly string[],
): { read(): Promise<Assignment | undefined>; write(assignment: Assignment): Promise<void> } {
  const file = directory.file('assignment.sealed')
  return {
    async read() {
      try {
        const { assignment } = vault.open(await readFile(file, 'utf8'), context)
        // Written by `write` below, and unreadable to everybody else.
        const kept = JSON.parse(assignment ?? '') as Kept
        if (kept.format !== format)
          log.warn('kept assignment not used', { problem: `it has the format ${kept.format}` })
        else if (isOneOf(kept.servers, servers())) return kept.assignment
        else log.info('kept assignment not used', { problem: 'it is from a server that this agent does not work for' })
      } catch (thrown) {
        if (systemCodeOf(thrown) !== 'ENOENT') log.warn('kept assignment not used', { problem: messageOf(thrown) })
      }
      return undefined
    },
    async write(assignment) {
      const kept: Kept = { format, servers: servers(), assignment }
      const text = JSON.stringify(kept)
      try {
        await writeFileAtomically(file, vault.seal({ assignment: text }, context))
      } catch (thrown) {
        throw new FarwatchError('storage-unwritable', `the assignment cannot be kept: ${messageOf(thrown)}`, {
          hint: 'This agent runs on, but after a restart with no server in reach it has nothing to do.',
          cause: thrown,
        })
      }
    },
  }
}
