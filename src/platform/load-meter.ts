import { readFileSync } from 'node:fs'
import { cpus, freemem, totalmem } from 'node:os'

export interface MachineLoad {
  /** Busy share of all processors since the reading before, 0 to 1. */
  readonly cpu: number
  readonly cores: number
  /** Processors that other programs used, in cores; undefined where the machine does not tell. */
  readonly foreignCores: number | undefined
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number }
}

interface Reading {
  readonly busy: number
  readonly total: number
  /** Seconds of processor time of our own processes; undefined where the machine does not tell. */
  readonly ownSeconds: number | undefined
  readonly at: number
}

/** Shorter than that, a share is noise; the one before is told again. */
const leastMs = 1_000
/** USER_HZ: what `/proc` counts processor time in on every Linux that Node runs on. */
const ticksPerSecond = 100

/** How busy a machine is, and how much of that is others' doing. Each reading costs less than a millisecond. */
export class LoadMeter {
  #before: Reading | undefined
  #last: MachineLoad | undefined

  /**
   * @param at milliseconds that only grow
   * @param children our monitoring processes
   */
  read(at: number, children: readonly number[]): MachineLoad {
    const { usedBytes, totalBytes } = memory()
    if (this.#last !== undefined && this.#before !== undefined && at - this.#before.at < leastMs)
      return { ...this.#last, memory: { usedBytes, totalBytes } }
    const processors = cpus()
    let busy = 0
    let total = 0
    for (const { times } of processors) {
      const all = times.user + times.nice + times.sys + times.irq + times.idle
      total += all
      busy += all - times.idle
    }
    const now: Reading = { busy, total, ownSeconds: ownSeconds(children), at }
    const before = this.#before
    this.#before = now
    const share = before === undefined || total <= before.total ? 0 : (busy - before.busy) / (total - before.total)
    const cpu = Math.min(1, Math.max(0, share))
    // Children that came or went between two readings make the difference meaningless, which shows as less than nothing.
    const own =
      before?.ownSeconds === undefined || now.ownSeconds === undefined
        ? undefined
        : Math.max(0, now.ownSeconds - before.ownSeconds) / ((at - before.at) / 1_000)
    const cores = Math.max(1, processors.length)
    this.#last = {
      cpu,
      cores,
      foreignCores: own === undefined ? undefined : Math.max(0, cpu * cores - own),
      memory: { usedBytes, totalBytes },
    }
    return this.#last
  }
}

function ownSeconds(children: readonly number[]): number | undefined {
  const { user, system } = process.cpuUsage()
  let seconds = (user + system) / 1e6
  for (const pid of children) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
      const after = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
      seconds += (Number(after[11]) + Number(after[12])) / ticksPerSecond
    } catch {
      return undefined
    }
  }
  return seconds
}

function memory(): { usedBytes: number; totalBytes: number } {
  const totalBytes = totalmem()
  // libuv takes MemAvailable for it on Linux: what can be had without swapping.
  return { usedBytes: Math.max(0, totalBytes - freemem()), totalBytes }
}
