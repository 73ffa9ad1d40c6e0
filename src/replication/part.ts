import type { ChangeFeed } from '../platform/index.ts'

/**
 * What is replicated is in parts that fail and are copied by themselves: the database, the history. Both servers have the same parts in the same
 * order; one that refers to another stands behind it, and so is not ahead of it on a standby unless that is just being copied.
 */
export interface PartSource {
  readonly name: string
  /** Of the form of what a copy has. A follower takes no copy of a higher one than its own. */
  readonly version: number
  readonly feed: Pick<ChangeFeed, 'facts' | 'read' | 'confirm'>
  /** Begins a copy. @returns what it needs to be known by, also after a restart */
  beginCopy(): Promise<string>
  /** What of a copy comes at a cursor; '' is its beginning, where a chunk comes in any case, and be it an empty one. `gone`: it cannot be had any more, and another has to begin. */
  readCopy(copy: string, cursor: string, bytes: number): Promise<CopyChunk | 'end' | 'gone'>
}

export interface CopyChunk {
  readonly body: Uint8Array
  /** Where the next one begins. */
  readonly next: string
}

/** Which copy arrives, and what comes next. */
export interface CopyProgress {
  readonly copy: string
  readonly cursor: string
}

export interface PartTarget {
  readonly name: string
  /** Of the form of what it can take. */
  readonly version: number
  readonly feed: Pick<ChangeFeed, 'facts' | 'apply'>
  /** The copy that is under way, also after a restart. */
  copying(): Promise<CopyProgress | undefined>
  /** Keeps a chunk; the first one of another copy takes the place of the one that was under way. */
  takeCopy(copy: string, chunk: CopyChunk): Promise<void>
  /** All of it is here: the part follows from there. @returns false where it is worthless, and another has to begin */
  finishCopy(copy: string): Promise<boolean>
}
