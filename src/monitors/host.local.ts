import { defineMonitor, type Item, type LocalClient } from '../sdk/index.ts'
import {
  countersByInterface,
  cpuMetrics,
  dataFileSystems,
  distinctFileSystems,
  interfaceMetrics,
  machineRules,
  memoryAndLoad,
  memoryMetrics,
  networkMetrics,
  processorMetrics,
  readSeen,
  usedShare,
  type Seen,
} from './formats/machine.ts'
import { parseCpuTimes, parseLoadavg, parseMeminfo, parseMountinfo, parseNetDev } from './formats/proc.ts'

/** File systems that hold nobody's data: views into the kernel. */
const kernelFileSystems = new Set([
  'autofs',
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'devtmpfs',
  'efivarfs',
  'fusectl',
  'hugetlbfs',
  'mqueue',
  'nsfs',
  'proc',
  'pstore',
  'ramfs',
  'securityfs',
  'sysfs',
  'tracefs',
])

/**
 * The machine that the agent runs on, from /proc on Linux and from what the runtime knows elsewhere.
 *
 * Default thresholds: CPU and memory 90 and 95 %, file systems and inodes 85 and 95 %, as in the common sets for node_exporter.
 */
export default defineMonitor({
  id: 'host.local',
  title: 'This machine',
  summary:
    'Processor, memory, swap, load, file systems, inodes, network and uptime of the machine that the agent runs on.',
  connector: 'local',
  settings: {
    mounts: {
      kind: 'list',
      label: 'Further mount points',
      help: 'Measured besides those of local file systems: network drives, for example.',
      of: { kind: 'text', label: 'Mount point' },
      maxItems: 100,
      default: [],
      candidates: true,
    },
    excludeMounts: {
      kind: 'list',
      label: 'Mount points left out',
      help: 'A mount point, and everything below it.',
      of: { kind: 'text', label: 'Mount point' },
      maxItems: 100,
      default: ['/snap', '/var/lib/docker', '/var/lib/containers', '/run'],
      candidates: true,
    },
    excludeInterfaces: {
      kind: 'list',
      label: 'Network interfaces left out',
      help: 'Beginnings of their names.',
      of: { kind: 'text', label: 'Beginning of a name' },
      maxItems: 100,
      default: ['lo', 'veth', 'docker', 'br-', 'cali', 'flannel', 'cni', 'virbr'],
      candidates: true,
    },
  },
  metrics: {
    ...processorMetrics,
    ...memoryAndLoad,
    filesystem_used: { title: 'File system in use', unit: '%', items: ['mount'] },
    filesystem_available: { title: 'Space that users can still have', unit: 'B', items: ['mount'] },
    filesystem_size: { title: 'Size of the file system', unit: 'B', items: ['mount'] },
    filesystem_readonly: { title: 'Mounted read-only (1) or not (0)', unit: '', items: ['mount'] },
    inodes_used: { title: 'Inodes in use', unit: '%', items: ['mount'] },
    ...interfaceMetrics,
    uptime: { title: 'Time since the machine started', unit: 's' },
  },
  period: '30s',
  timeout: '10s',
  tested: 'real server',
  thresholdsFrom:
    'The catalogue for hosts: processors 90 and 95 % for 15 minutes, memory 90 and 95 %, file systems and inodes 85 and 95 %; swap 80 and 95 % is our own judgement.',
  tryIt:
    '`farwatch check host.local`. `fallocate -l 2G /tmp/big` on a small file system raises “file system full” (remove it afterwards).',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    ...machineRules,
    { name: 'file system full', metric: 'filesystem_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'inodes used up', metric: 'inodes_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'machine restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  async candidates(_, { client, signal }) {
    const read = async (path: string) => (await client.read(path, signal)) ?? ''
    const [mountinfo, netDev] = await Promise.all([read('/proc/self/mountinfo'), read('/proc/net/dev')])
    const listed = parseMountinfo(mountinfo).filter(({ type }) => !kernelFileSystems.has(type))
    return {
      mounts: listed.filter(({ type }) => !dataFileSystems.has(type)).map(({ mount }) => mount),
      excludeMounts: listed.filter(({ type }) => dataFileSystems.has(type)).map(({ mount }) => mount),
      excludeInterfaces: parseNetDev(netDev).map(({ name }) => name),
    }
  },
  async collect({ mounts, excludeMounts, excludeInterfaces }, { client, signal, now, previous, remember }) {
    const machine = client.machine()
    const onLinux = machine.system === 'linux'
    const read = async (path: string) => (onLinux ? ((await client.read(path, signal)) ?? '') : '')
    const [stat, meminfo, netDev, mountinfo, loadavg] = await Promise.all([
      read('/proc/stat'),
      read('/proc/meminfo'),
      read('/proc/net/dev'),
      read('/proc/self/mountinfo'),
      read('/proc/loadavg'),
    ])
    const seen: Seen = {
      at: now(),
      cpu: parseCpuTimes(stat) ? { ...parseCpuTimes(stat)! } : { ...machine.cpuTimes },
      network: countersByInterface(
        netDev,
        (name) => !excludeInterfaces.some((beginning) => name.startsWith(beginning)),
      ),
    }
    remember(seen)
    const before = readSeen(previous)
    const [load1, load5, load15] = parseLoadavg(loadavg) ?? machine.load
    const hasLoad = machine.system !== 'win32'
    return {
      metrics: {
        ...cpuMetrics(before?.cpu, seen.cpu),
        ...memoryMetrics(parseMeminfo(meminfo), { total: machine.memory, available: machine.memoryFree }),
        ...(hasLoad ? { load1, load5, load15, load_per_cpu: load5 / Math.max(1, machine.cpus) } : {}),
        ...(await spaceMetrics(client, mountinfo, mounts, excludeMounts, signal)),
        ...networkMetrics(before, seen),
        uptime: machine.uptime,
      },
      facts: {
        hostname: machine.hostname,
        system: machine.system,
        release: machine.release,
        architecture: machine.architecture,
        cpus: machine.cpus,
      },
    }
  },
})

async function spaceMetrics(
  client: LocalClient,
  mountinfo: string,
  further: readonly string[],
  excluded: readonly string[],
  signal: AbortSignal,
) {
  const listed = parseMountinfo(mountinfo)
  const isLeftOut = (mount: string) =>
    excluded.some((one) => mount === one || mount.startsWith(`${one.replace(/\/$/, '')}/`))
  const chosen: { mount: string; readOnly: boolean | undefined }[] = distinctFileSystems(
    listed,
    (mount) => !isLeftOut(mount) && !further.includes(mount),
  )
  if (listed.length === 0) for (const mount of await client.drives(signal)) chosen.push({ mount, readOnly: undefined })
  for (const mount of further) chosen.push({ mount, readOnly: listed.find((one) => one.mount === mount)?.readOnly })
  const measured = await Promise.all(
    chosen.slice(0, 200).map(async (one) => ({ ...one, space: await client.space(one.mount, signal) })),
  )
  const used: Item[] = []
  const available: Item[] = []
  const size: Item[] = []
  const inodes: Item[] = []
  const readOnly: Item[] = []
  for (const one of measured) {
    const labels = { mount: one.mount }
    if (one.space === undefined || one.space.size <= 0) continue
    used.push({ labels, value: usedShare(one.space) })
    available.push({ labels, value: one.space.available })
    size.push({ labels, value: one.space.size })
    if (one.space.inodes > 0)
      inodes.push({ labels, value: (100 * (one.space.inodes - one.space.inodesFree)) / one.space.inodes })
    if (one.readOnly !== undefined) readOnly.push({ labels, value: one.readOnly ? 1 : 0 })
  }
  return {
    filesystem_used: used,
    filesystem_available: available,
    filesystem_size: size,
    filesystem_readonly: readOnly,
    inodes_used: inodes,
  }
}
