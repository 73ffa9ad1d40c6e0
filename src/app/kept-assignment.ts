import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import type { Assignment } from '../model/index.ts'
import { writeFileAtomically, type DataDirectory, type Log, type Vault } from '../platform/index.ts'

const format = 1
const context = 'assignment'

/**
 * What an agent has to do, kept over its own end: with no server in reach it goes on from there. `assignment.sealed` is JSON with a format,
 * encrypted whole, since there are credentials in it, with the key of the data directory.
 */
export function keptAssignment(
  directory: DataDirectory,
  vault: Vault,
  log: Log,
): { read(): Promise<Assignment | undefined>; write(assignment: Assignment): Promise<void> } {
  const file = directory.file('assignment.sealed')
  return {
    async read() {
      try {
        const { assignment } = vault.open(await readFile(file, 'utf8'), context)
        // Written by `write` below, and unreadable to everybody else.
        const kept = JSON.parse(assignment ?? '') as { format: number; assignment: Assignment }
        if (kept.format === format) return kept.assignment
        log.warn('kept assignment not used', { problem: `it has the format ${kept.format}` })
      } catch (thrown) {
        if (systemCodeOf(thrown) !== 'ENOENT') log.warn('kept assignment not used', { problem: messageOf(thrown) })
      }
      return undefined
    },
    async write(assignment) {
      const text = JSON.stringify({ format, assignment })
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
