/** Readers for the files below /proc that describe a Linux machine. Each takes any text and gives what it finds in it. */

export interface CpuTimes {
  readonly user: number
  readonly nice: number
  readonly system: number
  readonly idle: number
  readonly iowait: number
  readonly interrupt: number
  readonly steal: number
}

/** The first line of /proc/stat, in ticks since boot. Guest time is part of user and nice, and not counted twice. */
export function parseCpuTimes(stat: string): CpuTimes | undefined {
  const line = /^cpu +(.*)$/m.exec(stat)
  if (line === null) return undefined
  const ticks = line[1]!.trim().split(/\s+/).map(Number)
  if (ticks.length < 4 || !ticks.every((tick) => Number.isFinite(tick) && tick >= 0)) return undefined
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = ticks
  return { user, nice, system, idle, iowait, interrupt: irq + softirq, steal }
}

/** /proc/meminfo in bytes: `{ MemTotal: 2085867520, … }`. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  for (const line of text.split('\n')) {
    const found = /^([A-Za-z0-9_()]+):\s+(\d{1,15})(?: (kB))?\s*$/.exec(line)
    if (found !== null) sizes.set(found[1]!, Number(found[2]) * (found[3] === undefined ? 1 : 1024))
  }
  return sizes
}

export interface InterfaceCounters {
  readonly name: string
  readonly receivedBytes: number
  readonly receivedErrors: number
  readonly receivedDropped: number
  readonly sentBytes: number
  readonly sentErrors: number
  readonly sentDropped: number
}

/** /proc/net/dev, one entry for each interface. */
export function parseNetDev(text: string): InterfaceCounters[] {
  const interfaces: InterfaceCounters[] = []
  for (const line of text.split('\n')) {
    const split = line.lastIndexOf(':')
    if (split < 1) continue
    const counts = line
      .slice(split + 1)
      .trim()
      .split(/\s+/)
      .map(Number)
    if (counts.length < 12 || !counts.every((count) => Number.isFinite(count) && count >= 0)) continue
    interfaces.push({
      name: line.slice(0, split).trim(),
      receivedBytes: counts[0]!,
      receivedErrors: counts[2]!,
      receivedDropped: counts[3]!,
      sentBytes: counts[8]!,
      sentErrors: counts[10]!,
      sentDropped: counts[11]!,
    })
  }
  return interfaces
}

export interface Mount {
  readonly mount: string
  readonly type: string
  readonly source: string
  /** Major and minor number: two mounts of one file system bear the same. */
  readonly device: string
  readonly readOnly: boolean
}

/** /proc/self/mountinfo; of several mounts at one place the last, which is the one that is seen. */
export function parseMountinfo(text: string): Mount[] {
  const mounts = new Map<string, Mount>()
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ')
    const head = before?.trim().split(' ') ?? []
    const tail = after?.trim().split(' ') ?? []
    const [, , device, , place, options] = head
    const [type, source, superOptions] = tail
    if (device === undefined || place === undefined || type === undefined || source === undefined) continue
    const mount = unescaped(place)
    const flags = `${options ?? ''},${superOptions ?? ''}`.split(',')
    mounts.set(mount, { mount, type, source: unescaped(source), device, readOnly: flags.includes('ro') })
  }
  return [...mounts.values()]
}

/** The kernel writes white space and backslashes as octal: `/mnt/my\040disk`. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** /proc/loadavg: the means of 1, 5 and 15 minutes. */
export function parseLoadavg(text: string): readonly [number, number, number] | undefined {
  const found = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+)\b/.exec(text)
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])]
}

export interface DiskCounters {
  readonly name: string
  readonly reads: number
  readonly readBytes: number
  readonly writes: number
  readonly writtenBytes: number
  /** Milliseconds that all requests took together. */
  readonly waitedMs: number
  /** Milliseconds in which the disk had something to do. */
  readonly busyMs: number
}

/** /proc/diskstats, one entry for each whole device: what its partitions do is part of it. The kernel counts in sectors of 512 bytes. */
export function parseDiskstats(text: string): DiskCounters[] {
  const disks: DiskCounters[] = []
  for (const line of text.split('\n')) {
    const [, , name, ...rest] = line.trim().split(/\s+/)
    const counts = rest.map(Number)
    if (name === undefined || counts.length < 11 || !counts.every((count) => Number.isFinite(count) && count >= 0))
      continue
    disks.push({
      name,
      reads: counts[0]!,
      readBytes: counts[2]! * 512,
      writes: counts[4]!,
      writtenBytes: counts[6]! * 512,
      waitedMs: counts[3]! + counts[7]!,
      busyMs: counts[9]!,
    })
  }
  const names = new Set(disks.map(({ name }) => name))
  return disks.filter(({ name }) => !names.has(wholeOf(name) ?? ''))
}

/** The device of a partition: `sda` of `sda1`, `nvme0n1` of `nvme0n1p2`. */
function wholeOf(name: string): string | undefined {
  return (/^(.*\d)p\d+$/.exec(name) ?? /^(.*\D)\d+$/.exec(name))?.[1]
}

/** Seconds since the machine started, from /proc/uptime. */
export function parseUptime(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?) /.exec(text)
  return found === null ? undefined : Number(found[1])
}

/** The lines `name value` of /proc/stat with one number: `procs_running`, `procs_blocked`, `ctxt`, `processes`. */
export function parseStatCount(stat: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\d{1,15})$`, 'm').exec(stat)
  return found === null ? undefined : Number(found[1])
}
