import { defineMonitor, TargetError, type Item } from '../sdk/index.ts'
import {
  countersByInterface,
  cpuMetrics,
  grown,
  interfaceMetrics,
  machineRules,
  memoryAndLoad,
  memoryMetrics,
  networkMetrics,
  processorMetrics,
  readSeen,
  type Counts,
  type Seen,
} from './formats/machine.ts'
import { measured } from './formats/measured.ts'
import {
  parseCpuTimes,
  parseDiskstats,
  parseLoadavg,
  parseMeminfo,
  parseNetDev,
  parseStatCount,
  parseUptime,
} from './formats/proc.ts'
import { sectionsOf, sectionsScript } from './formats/sections.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'
import { sshGrant } from './formats/ssh-account.ts'

const script = sectionsScript({
  stat: 'cat /proc/stat',
  meminfo: 'cat /proc/meminfo',
  loadavg: 'cat /proc/loadavg',
  uptime: 'cat /proc/uptime',
  diskstats: 'cat /proc/diskstats',
  net: 'cat /proc/net/dev',
  clock: 'timedatectl show --property=NTPSynchronized --value || chronyc -n tracking',
  uname: 'uname -s; uname -n; uname -r; uname -m',
  release: 'cat /etc/os-release',
})

/** A Linux machine by SSH, read from /proc in one command. */
export default defineMonitor({
  id: 'host.linux',
  title: 'Linux machine',
  summary: 'Processor, memory, swap, load, disks, network, clock and uptime of a Linux machine by SSH.',
  connector: 'ssh',
  settings: {
    interfaces: { ...includeSetting('Network interfaces', 'By name.'), candidates: true },
    excludeInterfaces: {
      ...excludeSetting('Network interfaces left out', 'By name.'),
      default: ['lo', 'veth*', 'docker*', 'br-*', 'cali*', 'flannel*', 'cni*', 'virbr*'],
      candidates: true,
    },
    disks: { ...includeSetting('Disks', 'By name; their partitions are part of them.'), candidates: true },
    excludeDisks: {
      ...excludeSetting('Disks left out', 'By name.'),
      default: ['loop*', 'ram*', 'zram*', 'sr*', 'fd*'],
      candidates: true,
    },
  },
  metrics: {
    ...processorMetrics,
    cpus: { title: 'Processors', unit: '' },
    ...memoryAndLoad,
    processes: { title: 'Processes and threads', unit: '' },
    processes_blocked: { title: 'Processes that wait for a disk', unit: '' },
    disk_read: { title: 'Read from the disk', unit: 'B/s', items: ['disk'] },
    disk_written: { title: 'Written to the disk', unit: 'B/s', items: ['disk'] },
    disk_busy: { title: 'Time in which the disk had something to do', unit: '%', items: ['disk'] },
    disk_wait: { title: 'Mean time of one request to the disk', unit: 'ms', items: ['disk'] },
    ...interfaceMetrics,
    clock_synchronised: { title: 'The clock is set by a time server (1) or not (0)', unit: '' },
    uptime: { title: 'Time since the machine started', unit: 's' },
  },
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  thresholdsFrom:
    'Processors and memory 90 and 95 %, as in the common sets for node_exporter; disk and clock are our own judgement.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    ...machineRules,
    { name: 'disk busy', metric: 'disk_busy', thresholds: { WARNING: '> 95%' }, for: '15m' },
    { name: 'clock not set', metric: 'clock_synchronised', thresholds: { WARNING: '== 0' }, for: '30m' },
    { name: 'machine restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs: 'An account that may sign in by SSH, with a shell and nothing more. /proc is readable by everybody.',
  grant: sshGrant,
  tryIt: 'On the host: `timeout 20m sh -c "yes > /dev/null & yes > /dev/null"` keeps processors busy for long enough.',
  check: ({ interfaces, excludeInterfaces, disks, excludeDisks }, path) =>
    selectionProblems({ interfaces, excludeInterfaces, disks, excludeDisks }, path),
  async candidates(_, { client, signal }) {
    const { stdout } = await client.run({ words: ['sh', '-c', script], maxOutputBytes: 1024 * 1024 }, signal)
    const section = sectionsOf(stdout)
    const interfaces = parseNetDev(section.get('net') ?? '').map(({ name }) => name)
    const disks = parseDiskstats(section.get('diskstats') ?? '').map(({ name }) => name)
    return { interfaces, excludeInterfaces: interfaces, disks, excludeDisks: disks }
  },
  async collect({ interfaces, excludeInterfaces, disks, excludeDisks }, { client, signal, now, previous, remember }) {
    const { stdout } = await client.run({ words: ['sh', '-c', script], maxOutputBytes: 1024 * 1024 }, signal)
    const section = sectionsOf(stdout)
    const read = (name: string) => section.get(name) ?? ''
    const [system, hostname, release, architecture] = read('uname').split('\n')
    const stat = read('stat')
    const cpuTimes = parseCpuTimes(stat)
    if (cpuTimes === undefined)
      throw new TargetError(
        'configuration',
        system === undefined || system === '' || system === 'Linux'
          ? `${client.target} shows no /proc/stat to this account`
          : `${client.target} runs ${system.slice(0, 40)}, not Linux`,
      )
    const seen: SeenLinux = {
      at: now(),
      cpu: { ...cpuTimes },
      network: countersByInterface(read('net'), selects(interfaces, excludeInterfaces)),
      disks: countersByDisk(read('diskstats'), selects(disks, excludeDisks)),
    }
    remember(seen)
    const before = readSeen(previous)
    const load = parseLoadavg(read('loadavg'))
    const cpus = [...stat.matchAll(/^cpu\d+ /gm)].length
    return {
      metrics: {
        ...cpuMetrics(before?.cpu, seen.cpu),
        ...memoryMetrics(parseMeminfo(read('meminfo'))),
        ...diskMetrics(before === undefined ? undefined : { at: before.at, disks: disksIn(previous) }, seen),
        ...networkMetrics(before, seen),
        ...measured({
          cpus: cpus > 0 ? cpus : undefined,
          load1: load?.[0],
          load5: load?.[1],
          load15: load?.[2],
          load_per_cpu: load === undefined ? undefined : load[1] / Math.max(1, cpus),
          processes: numberAfter(read('loadavg'), /^\S+ \S+ \S+ \d+\/(\d{1,9}) /),
          processes_blocked: parseStatCount(stat, 'procs_blocked'),
          clock_synchronised: clockState(read('clock')),
          uptime: parseUptime(read('uptime')),
        }),
      },
      facts: {
        ...(hostname ? { hostname } : {}),
        ...(release ? { kernel: release } : {}),
        ...(architecture ? { architecture } : {}),
        ...distribution(read('release')),
      },
    }
  },
})

interface SeenLinux extends Seen {
  readonly disks: Readonly<Record<string, Counts>>
}

function disksIn(remembered: unknown): Readonly<Record<string, Counts>> {
  const disks = (remembered as Partial<SeenLinux> | null | undefined)?.disks
  return typeof disks === 'object' ? disks : {}
}

function numberAfter(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)
  return found === null ? undefined : Number(found[1])
}

function countersByDisk(text: string, isWanted: (name: string) => boolean): Readonly<Record<string, Counts>> {
  return Object.fromEntries(
    parseDiskstats(text)
      .filter(({ name }) => isWanted(name))
      .slice(0, 200)
      .map(({ name, reads, writes, readBytes, writtenBytes, waitedMs, busyMs }) => [
        name,
        { requests: reads + writes, read: readBytes, written: writtenBytes, waited: waitedMs, busy: busyMs },
      ]),
  )
}

function diskMetrics(before: Pick<SeenLinux, 'at' | 'disks'> | undefined, now: SeenLinux) {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000
  if (before === undefined || seconds <= 0) return {}
  const items = (kind: string, value: (by: number, name: string) => number | undefined): Item[] =>
    grown(before.disks, now.disks, kind).flatMap(({ name, by }) => {
      const one = value(by, name)
      return one === undefined ? [] : [{ labels: { disk: name }, value: one }]
    })
  const requests = new Map(grown(before.disks, now.disks, 'requests').map(({ name, by }) => [name, by]))
  return {
    disk_read: items('read', (by) => by / seconds),
    disk_written: items('written', (by) => by / seconds),
    disk_busy: items('busy', (by) => Math.min(100, by / 10 / seconds)),
    // A disk that was asked nothing has no time of a request.
    disk_wait: items('waited', (by, name) => ((requests.get(name) ?? 0) > 0 ? by / requests.get(name)! : undefined)),
  }
}

/** What timedatectl says in a word, or chronyc in its last line. Neither there: nothing is known. */
function clockState(text: string): number | undefined {
  if (/^yes$/m.test(text) || /^Leap status\s*: (Normal|Insert second|Delete second)$/m.test(text)) return 1
  return /^no$/m.test(text) || /^Leap status\s*: Not synchronised$/m.test(text) ? 0 : undefined
}

function distribution(osRelease: string): { readonly distribution?: string } {
  const found = /^PRETTY_NAME="?([^"\n]{1,200})"?$/m.exec(osRelease)
  return found === null ? {} : { distribution: found[1]! }
}
