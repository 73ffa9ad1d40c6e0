/** What a process and everything it started use, as Linux counts it in /proc. */
import { readFileSync, readdirSync } from 'node:fs'

/** Ticks of /proc/<pid>/stat: 100 a second on every Linux that matters here (`getconf CLK_TCK`). */
export const tickMs = 10

export interface ProcessUse {
  readonly pid: number
  readonly command: string
  /** User and system time, of children that ended as well. */
  readonly cpuMs: number
  readonly residentBytes: number
  /** Resident memory with what is shared divided among those who share it. */
  readonly ownBytes: number
  /** Open files, sockets and pipes. */
  readonly handles: number
  readonly threads: number
}

/** A process and all below it. Those that end while it is read are left out. */
export function processTree(root: number): readonly ProcessUse[] {
  const found: ProcessUse[] = []
  const look = [root]
  for (let pid = look.pop(); pid !== undefined; pid = look.pop()) {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ')
        look.push(...children.filter((child) => child !== '').map(Number))
      }
      found.push(useOf(pid))
    } catch {
      // It ended; its time is in its parent's count of children.
    }
  }
  return found
}

/** The name in parentheses may hold blanks. Behind it, counted from the state: utime, stime, cutime, cstime are 11 to 14. */
function statMs(pid: number, fields: readonly number[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const all = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.reduce((sum, i) => sum + Number(all[i]), 0) * tickMs
}

/** Milliseconds of CPU of those children of this process that ended and were waited for, of their ended children as well. */
export function endedChildrenMs(): number {
  return statMs(process.pid, [13, 14])
}

function useOf(pid: number): ProcessUse {
  return {
    pid,
    command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
    cpuMs: statMs(pid, [11, 12, 13, 14]),
    residentBytes: kilobytes(`/proc/${pid}/status`, 'VmRSS'),
    ownBytes: kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss'),
    handles: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
  }
}

function kilobytes(file: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'))
  return found === null ? 0 : Number(found[1]) * 1024
}

/** Milliseconds of CPU of a process, of all below it, and of those of them that ended and were waited for. */
export function treeCpuMs(root: number): number {
  return processTree(root).reduce((sum, { cpuMs }) => sum + cpuMs, 0)
}
