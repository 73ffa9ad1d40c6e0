import type { AgentStatus } from '../agent/index.ts'
import type { ReportedStatus } from '../link/index.ts'
import { LoadMeter, diskSpace } from '../platform/index.ts'
import type { Machine } from './machine.ts'

const diskEveryMs = 10_000

/** What an agent says of itself and its machine with every call. */
export class SelfReport {
  readonly #machine: Pick<Machine, 'clock' | 'directory' | 'notApplied'>
  readonly #load = new LoadMeter()
  #disk = { freeBytes: 0, totalBytes: 0 }
  #cancel: () => void = () => undefined
  #stopped = false

  constructor(machine: Pick<Machine, 'clock' | 'directory' | 'notApplied'>) {
    this.#machine = machine
    this.#lookAtDisk()
  }

  /** @param sendMs how long the last upload took; undefined before the first */
  of(status: AgentStatus | undefined, sendMs: number | undefined): Omit<ReportedStatus, 'clock'> {
    const children = status?.pool.processes.flatMap(({ pid }) => pid ?? []) ?? []
    const { foreignCores, ...load } = this.#load.read(this.#machine.clock.elapsed(), children)
    const spool = status?.spool
    return {
      ...load,
      ...(foreignCores === undefined ? {} : { foreignCores }),
      disk: this.#disk,
      spool: {
        entries: (spool?.entries ?? 0) + (spool?.waiting ?? 0),
        bytes: spool?.bytes ?? 0,
        ...(spool?.oldestAt === undefined ? {} : { oldestAt: spool.oldestAt }),
      },
      unsafe: status?.unsafe ?? 0,
      tasks: status?.tasks ?? 0,
      running: status?.running ?? 0,
      waiting: status?.waiting ?? 0,
      isolated: status?.isolated ?? false,
      ...(sendMs === undefined ? {} : { sendMs }),
    }
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #lookAtDisk(): void {
    const { directory, clock, notApplied } = this.#machine
    diskSpace(directory.path)
      .then((disk) => (this.#disk = disk))
      .catch(notApplied('look at the disk'))
      .finally(() => {
        if (!this.#stopped) this.#cancel = clock.after(diskEveryMs, () => this.#lookAtDisk())
      })
  }
}
