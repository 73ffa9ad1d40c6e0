import { readlinkSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { basename } from 'node:path'

/**
 * Has the calling thread stand back where other threads of this program want the same cores: a niceness of 5 is a third of the usual share of
 * time. Linux alone has one for each thread (setpriority(2): it differs from POSIX there); elsewhere nothing is done.
 */
export function standBack(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')))
    setPriority(thread, Math.min(19, getPriority(thread) + 5))
  } catch {
    // Not Linux, without /proc, or as low as can be: all that is lost is who goes first.
  }
}
