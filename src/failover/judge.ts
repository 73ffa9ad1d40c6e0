import { formatSize } from '../base/index.ts'
import { comparePosition, type Position } from './position.ts'
import type { Unsound } from './state.ts'

/** What was last seen of an instance's own data. Whoever looks says what it saw, and judges nothing. */
export interface DataFacts {
  readonly database: {
    /** Why the last write failed; undefined where it went through. A probe writes once in a while, so that a quiet server knows too. */
    readonly writeProblem: string | undefined
    /** What the last check of integrity, or a read, found; undefined where all was well. */
    readonly integrityProblem: string | undefined
    /** How long the oldest of what the database was asked waits for its answer; 0 where nothing does. */
    readonly waitingMs: number
  }
  readonly disk: { readonly freeBytes: number; readonly neededBytes: number }
  readonly directory: {
    /** The UUID with which the program started, and the one that stands there now; undefined: nothing could be read. */
    readonly startedWith: string
    readonly now: string | undefined
  }
  readonly ingest: {
    /** Batches that were taken and are not stored. */
    readonly waiting: number
    /** How long nothing of them was stored; 0 where none waits. */
    readonly stalledMs: number
  }
  /** What the data says of itself, and the most that was ever known of it, by the other side or by what the pair's own file holds. */
  readonly own: { readonly term: number; readonly position: Position }
  readonly known: { readonly term: number; readonly position: Position } | undefined
}

/** SQLite waits for so long for a lock before it gives a write up. */
const lockPatienceMs = 5_000

/**
 * A lock that another program holds is found by that nothing is answered, since each write that waits for it holds up all behind it. Half of the timeout leaves
 * the other side time to take over within it; what is shorter than SQLite's own patience is no sign of anything.
 */
function databasePatienceMs(timeoutMs: number): number {
  return Math.max(lockPatienceMs, timeoutMs / 2)
}

/**
 * Whether an instance can rely on its own data; if not, the gravest reason. An active side that cannot is replaced at once, so that nothing here
 * may be a matter of taste: each is a state in which what is measured would be lost, or what was known is not known any more.
 */
export function judgeData(facts: DataFacts, timeoutMs: number): Unsound | undefined {
  const { database, disk, directory, ingest, own, known } = facts
  if (directory.now !== directory.startedWith)
    return {
      why: 'data directory replaced',
      message:
        directory.now === undefined
          ? 'the data directory is not there any more, or cannot be read'
          : `the data directory is that of another instance now (${directory.now})`,
    }
  if (database.integrityProblem !== undefined) return { why: 'database corrupt', message: database.integrityProblem }
  if (known !== undefined && own.term < known.term)
    return { why: 'rolled back', message: `the data is of term ${own.term}, and was of term ${known.term} once` }
  if (known !== undefined && comparePosition(own.position, known.position) < 0)
    return {
      why: 'rolled back',
      message: `the data ends with change ${own.position.count} of term ${own.position.term}, and reached ${known.position.count} of term ${known.position.term} once`,
    }
  // Before `unwritable`, which is what it looks like from the database: the reason that names the way out comes first.
  if (disk.freeBytes < disk.neededBytes)
    return {
      why: 'disk full',
      message: `${formatSize(disk.freeBytes)} are free on the disk of the data directory, and ${formatSize(disk.neededBytes)} are needed`,
    }
  if (database.writeProblem !== undefined) return { why: 'database unwritable', message: database.writeProblem }
  const patienceMs = databasePatienceMs(timeoutMs)
  if (database.waitingMs > patienceMs)
    return {
      why: 'database unwritable',
      message: `the database has not answered for longer than ${patienceMs / 1_000} s: it is in use by another program, or its disk hangs`,
    }
  if (ingest.waiting > 0 && ingest.stalledMs > timeoutMs)
    return {
      why: 'ingest stalled',
      message: `nothing of ${ingest.waiting} waiting batches was stored for ${Math.round(ingest.stalledMs / 1_000)} s`,
    }
  return undefined
}
