import { expect, test } from 'vitest'
import { StatementRefused, type WinrmClient, type WmiInstance } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import hostWindows from './host.windows.ts'

type Answers = Readonly<Record<string, readonly WmiInstance[] | StatementRefused>>

/** Answers each query by the class it is about. */
function machine(answers: Answers): WinrmClient {
  return {
    target: 'win1:5985',
    async query(wql) {
      const answer = answers[/FROM (\w+)/.exec(wql)?.[1] ?? ''] ?? []
      if (answer instanceof StatementRefused) throw answer
      return answer
    },
  }
}

const calm: Answers = {
  Win32_OperatingSystem: [
    {
      Caption: 'Microsoft Windows Server 2022 Standard',
      Version: '10.0.20348',
      CSName: 'WIN1',
      LastBootUpTime: '2026-11-25T06:00:00+01:00',
      LocalDateTime: '2026-11-26T06:00:00.500000+01:00',
      FreePhysicalMemory: '4000',
      TotalVisibleMemorySize: '8000',
      NumberOfProcesses: '120',
    },
  ],
  Win32_PerfFormattedData_PerfOS_Processor: [{ PercentProcessorTime: '12' }],
  Win32_PerfFormattedData_PerfOS_System: [{ ProcessorQueueLength: '1' }],
  Win32_PageFileUsage: [{ Name: 'C:\\pagefile.sys', CurrentUsage: '100', AllocatedBaseSize: '1000' }],
  Win32_LogicalDisk: [{ DeviceID: 'C:', Size: '1000', FreeSpace: '600' }, { DeviceID: 'E:' }],
  Win32_PerfFormattedData_PerfDisk_PhysicalDisk: [
    { Name: '0 C:', DiskReadBytesPersec: '10', DiskWriteBytesPersec: '20', PercentIdleTime: '95' },
    { Name: '_Total', DiskReadBytesPersec: '10', DiskWriteBytesPersec: '20', PercentIdleTime: '95' },
  ],
  Win32_PerfFormattedData_Tcpip_NetworkInterface: [
    {
      Name: 'vmxnet3',
      BytesReceivedPersec: '5',
      BytesSentPersec: '6',
      PacketsReceivedErrors: '1',
      PacketsOutboundErrors: '2',
    },
    { Name: 'isatap.{1}', BytesReceivedPersec: '0', BytesSentPersec: '0' },
  ],
  Win32_Service: [
    { Name: 'W32Time', State: 'Running', StartMode: 'Auto', ExitCode: '0' },
    { Name: 'sppsvc', State: 'Stopped', StartMode: 'Auto', ExitCode: '0' },
  ],
}

test('a machine is read into shares, sizes and states', async () => {
  const seen = await collectOnce(hostWindows, { services: ['w32time'] }, { client: machine(calm) })
  expectSound(hostWindows, seen)
  expect([seen, judgedBy(hostWindows, seen)]).toEqual([
    {
      metrics: {
        cpu: 12,
        processor_queue: 1,
        memory_used: 50,
        memory_available: 4000 * 1024,
        memory_total: 8000 * 1024,
        pagefile_used: [{ labels: { pagefile: 'C:\\pagefile.sys' }, value: 10 }],
        drive_used: [{ labels: { drive: 'C:' }, value: 40 }],
        drive_available: [{ labels: { drive: 'C:' }, value: 600 }],
        drive_size: [{ labels: { drive: 'C:' }, value: 1000 }],
        disk_read: [{ labels: { disk: '0 C:' }, value: 10 }],
        disk_written: [{ labels: { disk: '0 C:' }, value: 20 }],
        disk_busy: [{ labels: { disk: '0 C:' }, value: 5 }],
        network_received: [{ labels: { interface: 'vmxnet3' }, value: 5 }],
        network_sent: [{ labels: { interface: 'vmxnet3' }, value: 6 }],
        network_errors: [{ labels: { interface: 'vmxnet3' }, value: 3 }],
        service_stopped: [],
        service_running: [{ labels: { service: 'w32time' }, value: 1 }],
        processes: 120,
        uptime: 86_400.5,
      },
      facts: { hostname: 'WIN1', system: 'Microsoft Windows Server 2022 Standard', version: '10.0.20348' },
      message: 'Microsoft Windows Server 2022 Standard on WIN1',
    },
    {},
  ])
})

test('a full drive, a stopped service and a chosen one raise', async () => {
  const client = machine({
    ...calm,
    Win32_LogicalDisk: [{ DeviceID: 'C:', Size: '1000', FreeSpace: '40' }],
    Win32_Service: [{ Name: 'Spooler', State: 'Stopped', StartMode: 'Auto', ExitCode: '1067' }],
  })
  const seen = await collectOnce(hostWindows, { services: ['Spooler'] }, { client })
  expect(judgedBy(hostWindows, seen)).toEqual({
    'drive full': 'CRITICAL',
    'automatic service stopped': 'WARNING',
    'service not running': 'CRITICAL',
  })
})

test('a machine that has too little of everything raises, and one that has just started', async () => {
  const [system] = calm['Win32_OperatingSystem'] as readonly WmiInstance[]
  const started = { LastBootUpTime: '2026-11-26T05:58:00+01:00', FreePhysicalMemory: '300' }
  const client = machine({
    ...calm,
    Win32_OperatingSystem: [{ ...system, ...started }],
    Win32_PerfFormattedData_PerfOS_Processor: [{ PercentProcessorTime: '99' }],
    Win32_PageFileUsage: [{ Name: 'C:\\pagefile.sys', CurrentUsage: '900', AllocatedBaseSize: '1000' }],
    Win32_PerfFormattedData_PerfDisk_PhysicalDisk: [{ Name: '0 C:', PercentIdleTime: '2' }],
  })
  expect(judgedBy(hostWindows, await collectOnce(hostWindows, {}, { client }))).toEqual({
    'processors busy': 'MAJOR',
    'memory full': 'CRITICAL',
    'page file full': 'WARNING',
    'disk busy': 'WARNING',
    'machine restarted': 'INFO',
  })
})

test('what the account may not read is left out and named; nothing at all is a matter of the credential', async () => {
  const refused = new StatementRefused('AccessDenied', 'Access is denied.')
  const seen = await collectOnce(hostWindows, {}, { client: machine({ ...calm, Win32_Service: refused }) })
  const none = await collectOnce(
    hostWindows,
    {},
    { client: machine(Object.fromEntries(Object.keys(calm).map((name) => [name, refused]))) },
  )
  expect([seen.failure, seen.facts?.['missing'], none.failure?.reason]).toEqual([
    undefined,
    'services (Access is denied.)',
    'credentials',
  ])
})
