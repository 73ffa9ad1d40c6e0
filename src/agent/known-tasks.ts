import { join } from 'node:path'
import type { Disk } from '../platform/index.ts'

/** A task as the agent needs it to say, after it was away, which of its slots went by. */
export interface KnownTask {
  readonly id: string
  readonly periodMs: number
  readonly timeoutMs: number
  /** Since when it is run here with this period: slots before that were never this agent's. Server time, epoch milliseconds. */
  readonly since: number
}

const fileName = 'tasks.json'

/** @throws FarwatchError `storage-unwritable` */
export async function writeKnownTasks(disk: Disk, directory: string, tasks: readonly KnownTask[]): Promise<void> {
  const rows = tasks.map(({ id, periodMs, timeoutMs, since }) => [id, periodMs, timeoutMs, since])
  await disk.writeAtomically(join(directory, fileName), JSON.stringify({ format: 1, tasks: rows }))
}

/** The tasks that were run last; none where nobody ran here or the file cannot be read. */
export async function readKnownTasks(disk: Disk, directory: string): Promise<KnownTask[]> {
  try {
    const { tasks } = JSON.parse(String(await disk.read(join(directory, fileName)))) as { tasks: unknown }
    if (!Array.isArray(tasks)) return []
    return tasks.flatMap((row: unknown) => {
      if (!Array.isArray(row)) return []
      const [id, periodMs, timeoutMs, since] = row as unknown[]
      return typeof id === 'string' && isPositive(periodMs) && isPositive(timeoutMs) && isPositive(since)
        ? [{ id, periodMs, timeoutMs, since }]
        : []
    })
  } catch {
    return []
  }
}

function isPositive(given: unknown): given is number {
  return typeof given === 'number' && given > 0 && Number.isFinite(given)
}
