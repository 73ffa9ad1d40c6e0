import type { FileSystemSpace, Item } from '../../sdk/index.ts'
import { parseNetDev, type InterfaceCounters, type Mount } from './proc.ts'

/** File systems that hold somebody's data. Network drives are asked for by name only: one that is dead must not be stumbled upon. */
export const dataFileSystems = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'jfs',
  'reiserfs',
  'f2fs',
  'bcachefs',
  'ntfs',
  'ntfs3',
  'exfat',
  'vfat',
  'overlay',
  'apfs',
  'hfsplus',
  'ufs',
])

/** The file systems that hold somebody's data, each once: one that is mounted at several places counts at the shortest that is wanted. */
export function distinctFileSystems(
  mounts: readonly Mount[],
  isWanted: (mount: string) => boolean,
): { readonly mount: string; readonly readOnly: boolean }[] {
  const devices = new Set<string>()
  const chosen: { mount: string; readOnly: boolean }[] = []
  for (const { mount, type, device, readOnly } of [...mounts].sort((a, b) => a.mount.length - b.mount.length)) {
    if (!isWanted(mount) || !dataFileSystems.has(type) || devices.has(device)) continue
    devices.add(device)
    chosen.push({ mount, readOnly })
  }
  return chosen
}

/** What a machine that is read from /proc has in common, however it is reached; `cpuMetrics` and those below fill them. */
export const processorMetrics = {
  cpu: { title: 'Processors busy, of all', unit: '%' },
  cpu_kind: { title: 'Processor time by kind', unit: '%', items: ['kind'] },
} as const

export const memoryAndLoad = {
  memory_used: { title: 'Memory in use, without what can be given back', unit: '%' },
  memory_available: { title: 'Memory that programs can still have', unit: 'B' },
  memory_total: { title: 'Memory', unit: 'B' },
  swap_used: { title: 'Swap in use', unit: '%' },
  swap_used_bytes: { title: 'Swap in use', unit: 'B' },
  load1: { title: 'Load, 1 minute', unit: '' },
  load5: { title: 'Load, 5 minutes', unit: '' },
  load15: { title: 'Load, 15 minutes', unit: '' },
  load_per_cpu: { title: 'Load of 5 minutes for each processor', unit: '' },
} as const

export const interfaceMetrics = {
  network_received: { title: 'Received', unit: 'B/s', items: ['interface'] },
  network_sent: { title: 'Sent', unit: 'B/s', items: ['interface'] },
  network_errors: { title: 'Packets broken or dropped', unit: '/s', items: ['interface'] },
} as const

export const machineRules = [
  { name: 'processors busy', metric: 'cpu', thresholds: { WARNING: '> 90%', MAJOR: '> 95%' }, for: '15m' },
  { name: 'memory full', metric: 'memory_used', thresholds: { WARNING: '> 90%', CRITICAL: '> 95%' }, for: '5m' },
  { name: 'swap full', metric: 'swap_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
] as const

export type Counts = Readonly<Record<string, number>>

/** What is remembered for the rates of the next run. */
export interface Seen {
  readonly at: number
  readonly cpu: Counts
  readonly network: Readonly<Record<string, Counts>>
}

export function readSeen(remembered: unknown): Seen | undefined {
  const seen = remembered as Partial<Seen> | null | undefined
  return typeof seen?.at === 'number' && typeof seen.cpu === 'object' && typeof seen.network === 'object'
    ? { at: seen.at, cpu: seen.cpu, network: seen.network }
    : undefined
}

/** Shares of each kind since the run before; nothing on the first run, and where a counter went back (the machine restarted). */
export function cpuMetrics(before: Counts | undefined, now: Counts): { cpu?: number; cpu_kind?: Item[] } {
  if (before === undefined) return {}
  const grown = Object.entries(now).map(([kind, ticks]) => [kind, ticks - (before[kind] ?? 0)] as const)
  const total = grown.reduce((sum, [, ticks]) => sum + ticks, 0)
  // The kernel's idle and iowait may step back by a tick; anything more is a restart.
  if (total <= 0 || grown.some(([, ticks]) => ticks < -10)) return {}
  const share = (ticks: number) => Math.min(100, Math.max(0, (100 * ticks) / total))
  const waiting = grown.filter(([kind]) => kind === 'idle' || kind === 'iowait').reduce((sum, [, t]) => sum + t, 0)
  return {
    cpu: share(total - waiting),
    cpu_kind: grown.map(([kind, ticks]) => ({ labels: { kind }, value: share(ticks) })),
  }
}

/** `fallback` stands where the kernel does not say: bytes in all, and those that programs can still have. */
export function memoryMetrics(
  meminfo: ReadonlyMap<string, number>,
  fallback?: { readonly total: number; readonly available: number },
) {
  const total = meminfo.get('MemTotal') ?? fallback?.total
  // Kernels before 3.14 do not say what is available.
  const available = meminfo.get('MemAvailable') ?? fallback?.available ?? meminfo.get('MemFree')
  const swapTotal = meminfo.get('SwapTotal')
  const swapFree = meminfo.get('SwapFree')
  return {
    ...(total === undefined || available === undefined
      ? {}
      : {
          ...(total > 0 ? { memory_used: (100 * (total - available)) / total } : {}),
          memory_available: available,
          memory_total: total,
        }),
    ...(swapTotal === undefined || swapFree === undefined || swapTotal === 0
      ? {}
      : { swap_used: (100 * (swapTotal - swapFree)) / swapTotal, swap_used_bytes: swapTotal - swapFree }),
  }
}

/** As `df` counts: what is kept for the superuser is neither used nor available. */
export function usedShare({ size, free, available }: FileSystemSpace): number {
  const used = size - free
  return used + available <= 0 ? 100 : (100 * used) / (used + available)
}

/** What each wanted network interface has counted; at most a hundred. */
export function countersByInterface(
  netDev: string,
  isWanted: (name: string) => boolean,
): Readonly<Record<string, Counts>> {
  return Object.fromEntries(
    parseNetDev(netDev)
      .filter(({ name }) => isWanted(name))
      .slice(0, 100)
      .map((counters) => [counters.name, countersOf(counters)]),
  )
}

function countersOf(counters: InterfaceCounters): Counts {
  return {
    received: counters.receivedBytes,
    sent: counters.sentBytes,
    errors: counters.receivedErrors + counters.receivedDropped + counters.sentErrors + counters.sentDropped,
  }
}

export function networkMetrics(before: Seen | undefined, now: Seen) {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000
  if (before === undefined || seconds <= 0) return {}
  const rate = (kind: string) =>
    grown(before.network, now.network, kind).map(({ name, by }) => ({
      labels: { interface: name },
      value: by / seconds,
    }))
  return { network_received: rate('received'), network_sent: rate('sent'), network_errors: rate('errors') }
}

/** By how much the counters of one kind grew, for everything that was there before as well. One that went back began anew and is left out. */
export function grown(
  before: Readonly<Record<string, Counts>>,
  now: Readonly<Record<string, Counts>>,
  kind: string,
): { readonly name: string; readonly by: number }[] {
  return Object.entries(now)
    .map(([name, counts]) => ({
      name,
      by: (counts[kind] ?? 0) - (before[name]?.[kind] ?? Number.POSITIVE_INFINITY),
    }))
    .filter(({ by }) => by >= 0)
}
