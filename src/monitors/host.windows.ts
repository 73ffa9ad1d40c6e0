import { defineMonitor, type Item, type WmiInstance } from '../sdk/index.ts'
import { itemsOf, measured, shareOf } from './formats/measured.ts'
import { Parts } from './formats/parts.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const system =
  'SELECT Caption, Version, CSName, LastBootUpTime, LocalDateTime, FreePhysicalMemory, TotalVisibleMemorySize, NumberOfProcesses FROM Win32_OperatingSystem'
const processor = "SELECT PercentProcessorTime FROM Win32_PerfFormattedData_PerfOS_Processor WHERE Name = '_Total'"
const queue = 'SELECT ProcessorQueueLength FROM Win32_PerfFormattedData_PerfOS_System'
const pageFiles = 'SELECT Name, CurrentUsage, AllocatedBaseSize FROM Win32_PageFileUsage'
const drives = 'SELECT DeviceID, Size, FreeSpace FROM Win32_LogicalDisk WHERE DriveType = 3'
const disks =
  'SELECT Name, DiskReadBytesPersec, DiskWriteBytesPersec, PercentIdleTime FROM Win32_PerfFormattedData_PerfDisk_PhysicalDisk'
const network =
  'SELECT Name, BytesReceivedPersec, BytesSentPersec, PacketsReceivedErrors, PacketsOutboundErrors FROM Win32_PerfFormattedData_Tcpip_NetworkInterface'
const services = "SELECT Name, State, StartMode, ExitCode FROM Win32_Service WHERE StartMode = 'Auto'"
const someServices = (names: readonly string[]) =>
  `SELECT Name, State, StartMode, ExitCode FROM Win32_Service WHERE ${names.map((name) => `Name = '${name}'`).join(' OR ')}`

/** A Windows machine by WS-Management. */
export default defineMonitor({
  id: 'host.windows',
  title: 'Windows machine',
  summary:
    'Processor, memory, page file, drives, disks, network, services and uptime of a Windows machine by WS-Management.',
  connector: 'winrm',
  settings: {
    drives: { ...includeSetting('Drives', 'Such as `C:`.'), candidates: true },
    excludeDrives: { ...excludeSetting('Drives left out', 'Such as `D:`.'), candidates: true },
    excludeInterfaces: {
      ...excludeSetting('Network interfaces left out', 'By the name of their counters.'),
      default: ['isatap*', 'Teredo*', '*Loopback*', '*WAN Miniport*'],
      candidates: true,
    },
    services: {
      kind: 'list',
      label: 'Services that must run',
      help: 'Their short names, such as `W32Time`, whatever their kind of start.',
      of: { kind: 'text', label: 'Service', pattern: '[A-Za-z0-9_.$ \\-]+', maxLength: 200 },
      maxItems: 100,
      default: [],
      candidates: true,
    },
    excludeServices: {
      ...excludeSetting(
        'Automatic services that may be stopped',
        'By their short names. Those that stop by themselves when there is nothing to do.',
      ),
      default: [
        'BITS',
        'CDPSvc',
        'clr_optimization*',
        'edgeupdate*',
        'gpsvc',
        'gupdate*',
        'GoogleUpdater*',
        'MapsBroker',
        'MSDTC',
        'RemoteRegistry',
        'ShellHWDetection',
        'sppsvc',
        'stisvc',
        'TrustedInstaller',
        'tiledatamodelsvc',
        'WbioSrvc',
        'wuauserv',
      ],
      candidates: true,
    },
  },
  metrics: {
    cpu: { title: 'Processors busy, of all', unit: '%' },
    processor_queue: { title: 'Threads that wait for a processor', unit: '' },
    memory_used: { title: 'Memory in use', unit: '%' },
    memory_available: { title: 'Memory that programs can still have', unit: 'B' },
    memory_total: { title: 'Memory', unit: 'B' },
    pagefile_used: { title: 'Page file in use', unit: '%', items: ['pagefile'] },
    drive_used: { title: 'Drive in use', unit: '%', items: ['drive'] },
    drive_available: { title: 'Free space of the drive', unit: 'B', items: ['drive'] },
    drive_size: { title: 'Size of the drive', unit: 'B', items: ['drive'] },
    disk_read: { title: 'Read from the disk', unit: 'B/s', items: ['disk'] },
    disk_written: { title: 'Written to the disk', unit: 'B/s', items: ['disk'] },
    disk_busy: { title: 'Time in which the disk had something to do', unit: '%', items: ['disk'] },
    network_received: { title: 'Received', unit: 'B/s', items: ['interface'] },
    network_sent: { title: 'Sent', unit: 'B/s', items: ['interface'] },
    network_errors: { title: 'Packets with errors since the start', unit: '', kind: 'counter', items: ['interface'] },
    service_stopped: { title: 'An automatic service that does not run (1)', unit: '', items: ['service'] },
    service_running: { title: 'A chosen service runs (1) or not (0)', unit: '', items: ['service'] },
    processes: { title: 'Processes', unit: '' },
    uptime: { title: 'Time since the machine started', unit: 's' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'schema only',
  thresholdsFrom:
    'As for Linux: processors and memory 90 and 95 %, drives 85 and 95 %; services are our own judgement.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'processors busy', metric: 'cpu', thresholds: { WARNING: '> 90%', MAJOR: '> 95%' }, for: '15m' },
    { name: 'memory full', metric: 'memory_used', thresholds: { WARNING: '> 90%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'page file full', metric: 'pagefile_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'drive full', metric: 'drive_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'disk busy', metric: 'disk_busy', thresholds: { WARNING: '> 95%' }, for: '15m' },
    { name: 'automatic service stopped', metric: 'service_stopped', thresholds: { WARNING: '> 0' }, for: '5m' },
    { name: 'service not running', metric: 'service_running', thresholds: { CRITICAL: '== 0' }, for: '1m' },
    { name: 'machine restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs:
    'WS-Management switched on, and an account in the groups Remote Management Users and Performance Monitor Users that may read WMI. What it may not read is left out, and the result says so.',
  grant: [
    '# In an administrator’s PowerShell on the machine',
    'Enable-PSRemoting -Force',
    "Add-LocalGroupMember -Group 'Remote Management Users' -Member 'farwatch'",
    "Add-LocalGroupMember -Group 'Performance Monitor Users' -Member 'farwatch'",
    '# Then in wmimgmt.msc, WMI Control, Properties, Security, Root\\CIMV2: Enable Account and Remote Enable for farwatch.',
    '# To let it see services it does not own: sc.exe sdset scmanager with (A;;CCLCRPRC;;;<SID of farwatch>) added.',
  ].join('\n'),
  tryIt: 'On the machine: `Stop-Service W32Time` with W32Time among the services that must run.',
  check: ({ drives: include, excludeDrives, excludeInterfaces, excludeServices }, path) =>
    selectionProblems({ drives: include, excludeDrives, excludeInterfaces, excludeServices }, path),
  async candidates(_, { client, signal }) {
    const names = async (wql: string, property: string) => {
      const found = await client.query(wql, 2_000, signal)
      return found.map((one) => one[property] ?? '').filter((name) => name !== '')
    }
    const letters = await names(drives, 'DeviceID')
    const interfaces = await names(network, 'Name')
    const all = await names('SELECT Name FROM Win32_Service', 'Name')
    return {
      drives: letters,
      excludeDrives: letters,
      excludeInterfaces: interfaces,
      services: all,
      excludeServices: all,
    }
  },
  async collect(settings, { client, signal }) {
    const parts = new Parts()
    const ask = async (part: string, wql: string) =>
      (await parts.read(part, () => client.query(wql, 2_000, signal))) ?? []
    const [os = {}] = await ask('system', system)
    const [total = {}] = await ask('processors', processor)
    const [waiting = {}] = await ask('processor queue', queue)
    const files = await ask('page files', pageFiles)
    const spaces = (await ask('drives', drives)).filter(
      named('DeviceID', selects(settings.drives, settings.excludeDrives)),
    )
    const spindles = (await ask('disks', disks)).filter(named('Name', (name) => name !== '_Total'))
    const interfaces = (await ask('network', network)).filter(named('Name', selects([], settings.excludeInterfaces)))
    const automatic = await ask('services', services)
    const chosen = settings.services.length === 0 ? [] : await ask('chosen services', someServices(settings.services))
    const memory = numberOf(os, 'TotalVisibleMemorySize')
    const free = numberOf(os, 'FreePhysicalMemory')
    const isAllowed = settings.excludeServices.length === 0 ? () => false : selects(settings.excludeServices, [])
    const stopped = automatic.filter(
      (one) => one['State'] !== 'Running' && one['StartMode'] === 'Auto' && !isAllowed(one['Name'] ?? ''),
    )
    const per = (
      all: readonly WmiInstance[],
      label: string,
      property: string,
      value: (one: WmiInstance) => number | undefined,
    ): Item[] => itemsOf(distinct(all, property), (one) => ({ [label]: one[property] ?? '' }), value)
    const about = parts.about(`${os['Caption'] ?? 'Windows'} on ${os['CSName'] ?? client.target}`)
    return {
      metrics: measured({
        cpu: numberOf(total, 'PercentProcessorTime'),
        processor_queue: numberOf(waiting, 'ProcessorQueueLength'),
        memory_used: memory === undefined || free === undefined ? undefined : shareOf(memory - free, memory),
        memory_available: free === undefined ? undefined : free * 1024,
        memory_total: memory === undefined ? undefined : memory * 1024,
        pagefile_used: per(files, 'pagefile', 'Name', (one) =>
          shareOf(numberOf(one, 'CurrentUsage'), numberOf(one, 'AllocatedBaseSize')),
        ),
        drive_used: per(spaces, 'drive', 'DeviceID', (one) => {
          const [size, left] = [numberOf(one, 'Size'), numberOf(one, 'FreeSpace')]
          return size === undefined || left === undefined ? undefined : shareOf(size - left, size)
        }),
        drive_available: per(spaces, 'drive', 'DeviceID', (one) => numberOf(one, 'FreeSpace')),
        drive_size: per(spaces, 'drive', 'DeviceID', (one) => numberOf(one, 'Size')),
        disk_read: per(spindles, 'disk', 'Name', (one) => numberOf(one, 'DiskReadBytesPersec')),
        disk_written: per(spindles, 'disk', 'Name', (one) => numberOf(one, 'DiskWriteBytesPersec')),
        disk_busy: per(spindles, 'disk', 'Name', (one) => {
          const idle = numberOf(one, 'PercentIdleTime')
          return idle === undefined ? undefined : Math.max(0, 100 - idle)
        }),
        network_received: per(interfaces, 'interface', 'Name', (one) => numberOf(one, 'BytesReceivedPersec')),
        network_sent: per(interfaces, 'interface', 'Name', (one) => numberOf(one, 'BytesSentPersec')),
        network_errors: per(interfaces, 'interface', 'Name', (one) => {
          const [received, sent] = [numberOf(one, 'PacketsReceivedErrors'), numberOf(one, 'PacketsOutboundErrors')]
          return received === undefined || sent === undefined ? undefined : received + sent
        }),
        service_stopped: per(stopped, 'service', 'Name', () => 1),
        service_running: parts.missing.some((part) => part.startsWith('chosen services'))
          ? undefined
          : settings.services.map((name) => ({
              labels: { service: name },
              value: chosen.some((one) => same(one['Name'], name) && one['State'] === 'Running') ? 1 : 0,
            })),
        processes: numberOf(os, 'NumberOfProcesses'),
        uptime: uptimeOf(os),
      }),
      facts: {
        ...about.facts,
        ...(os['CSName'] === undefined ? {} : { hostname: os['CSName'].slice(0, 200) }),
        ...(os['Caption'] === undefined ? {} : { system: os['Caption'].slice(0, 200) }),
        ...(os['Version'] === undefined ? {} : { version: os['Version'].slice(0, 200) }),
      },
      message: about.message.slice(0, 800),
      ...(Object.keys(os).length === 0 && spaces.length === 0 && automatic.length === 0
        ? {
            failure: {
              reason: 'credentials' as const,
              message: `${client.target} lets this account read nothing: ${parts.missing.join('; ').slice(0, 400)}`,
            },
          }
        : {}),
    }
  },
})

function named(property: string, isWanted: (name: string) => boolean): (one: WmiInstance) => boolean {
  return (one) => {
    const name = one[property]
    return name !== undefined && isWanted(name)
  }
}

/** The first of each name: two interfaces of one model bear the same on old systems. */
function distinct(all: readonly WmiInstance[], property: string): readonly WmiInstance[] {
  return [...new Map([...all].reverse().map((one) => [one[property], one])).values()].reverse()
}

function same(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase()
}

function numberOf(instance: WmiInstance, property: string): number | undefined {
  const text = instance[property]
  return text !== undefined && /^-?\d{1,20}(\.\d{1,20})?$/.test(text) ? Number(text) : undefined
}

/** By the machine's own clock, so that a wrong one does not matter. */
function uptimeOf(os: WmiInstance): number | undefined {
  const [now, started] = [momentOf(os['LocalDateTime']), momentOf(os['LastBootUpTime'])]
  return now === undefined || started === undefined || now < started ? undefined : (now - started) / 1_000
}

/** `2026-11-26T06:07:32.500000+01:00`, or as WMI writes it itself: `20261126060732.500000+060`. */
function momentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const own = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{3})\d{3}([+-])(\d{3})$/.exec(text)
  if (own === null) {
    const read = Date.parse(text.replace(/(\.\d{3})\d+/, '$1'))
    return Number.isFinite(read) ? read : undefined
  }
  const [year, month, day, hour, minute, second, milli] = own.slice(1, 8).map(Number)
  const offset = (own[8] === '-' ? -1 : 1) * Number(own[9])
  return Date.UTC(year!, month! - 1, day, hour, minute, second, milli) - offset * 60_000
}
