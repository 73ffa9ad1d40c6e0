import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SshClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import hostLinux from './host.linux.ts'

const answer = (about: {
  ticks: string
  received: number
  disk: string
  available?: number
  clock?: string
  swapFree?: number
  uptime?: number
}) =>
  `@@@ stat
cpu  ${about.ticks}
cpu0 1 2 3 4
cpu1 1 2 3 4
procs_running 2
procs_blocked 3
@@@ meminfo
MemTotal: 1000 kB
MemAvailable: ${about.available ?? 400} kB
SwapTotal: 100 kB
SwapFree: ${about.swapFree ?? 75} kB
@@@ loadavg
2.00 4.00 6.00 1/200 99
@@@ uptime
${about.uptime ?? 86_400.51} 1.0
@@@ diskstats
   7       0 loop0 1 1 1 1 1 1 1 1 1 1 1
   8       0 sda ${about.disk}
   8       1 sda1 ${about.disk}
@@@ net
Inter-| Receive
  lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0
eth0: ${about.received} 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0
@@@ clock
${about.clock ?? 'yes'}
@@@ uname
Linux
db1
6.1.0
x86_64
@@@ release
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
`

function host(stdout: string): SshClient {
  return {
    target: 'db1:22',
    run: async () => ({ exit: 0, stdout, stderr: '', truncated: false, duration: 3 }),
  }
}

const before = answer({ ticks: '100 0 100 800 0 0 0 0 0 0', received: 1000, disk: '10 0 100 50 10 0 200 50 0 1000 0' })
const after = answer({ ticks: '160 0 120 810 10 0 0 0 0 0', received: 3000, disk: '14 0 104 60 16 0 208 60 0 2000 0' })

async function twice(first: string, second: string) {
  let kept: unknown
  const remember = (value: unknown) => (kept = JSON.parse(JSON.stringify(value)))
  await collectOnce(hostLinux, {}, { client: host(first), remember, now: () => 1_000 })
  return collectOnce(hostLinux, {}, { client: host(second), previous: kept, now: () => 3_000 })
}

test('reads one answer into shares, sizes and rates', async () => {
  const seen = await twice(before, after)
  expectSound(hostLinux, seen)
  expect([seen.metrics, seen.facts]).toEqual([
    {
      cpu: 80,
      cpu_kind: expect.any(Array),
      cpus: 2,
      memory_used: 60,
      memory_available: 400 * 1024,
      memory_total: 1000 * 1024,
      swap_used: 25,
      swap_used_bytes: 25 * 1024,
      load1: 2,
      load5: 4,
      load15: 6,
      load_per_cpu: 2,
      processes: 200,
      processes_blocked: 3,
      disk_read: [{ labels: { disk: 'sda' }, value: 1024 }],
      disk_written: [{ labels: { disk: 'sda' }, value: 2048 }],
      disk_busy: [{ labels: { disk: 'sda' }, value: 50 }],
      disk_wait: [{ labels: { disk: 'sda' }, value: 2 }],
      network_received: [{ labels: { interface: 'eth0' }, value: 1000 }],
      network_sent: [{ labels: { interface: 'eth0' }, value: 0 }],
      network_errors: [{ labels: { interface: 'eth0' }, value: 0 }],
      clock_synchronised: 1,
      uptime: 86400.51,
    },
    { hostname: 'db1', kernel: '6.1.0', architecture: 'x86_64', distribution: 'Debian GNU/Linux 12 (bookworm)' },
  ])
})

test('full memory and a free-running clock raise; a machine at rest is clear', async () => {
  const bad = answer({ ticks: '1 1 1 1', received: 0, disk: '', available: 40, clock: 'no' })
  expect([judgedBy(hostLinux, await twice(bad, bad)), judgedBy(hostLinux, await twice(before, before))]).toEqual([
    { 'memory full': 'CRITICAL', 'clock not set': 'WARNING' },
    {},
  ])
})

test('busy processors and disks, full swap and a restart raise', async () => {
  const busy = answer({
    ticks: '1100 0 100 800 0 0 0 0 0 0',
    received: 1000,
    disk: '14 0 104 60 16 0 208 60 0 2990 0',
    swapFree: 1,
    uptime: 20,
  })
  const calm = answer({ ticks: '100 0 100 1800 0 0 0 0 0 0', received: 1000, disk: '10 0 100 50 10 0 200 50 0 1000 0' })
  expect([judgedBy(hostLinux, await twice(before, busy)), judgedBy(hostLinux, await twice(before, calm))]).toEqual([
    {
      'processors busy': 'MAJOR',
      'swap full': 'CRITICAL',
      'disk busy': 'WARNING',
      'machine restarted': 'INFO',
    },
    {},
  ])
})

test('a restart gives no negative rates', async () => {
  const seen = await twice(after, before)
  expect([seen.metrics['cpu'], seen.metrics['disk_read'], seen.metrics['network_received']]).toEqual([
    undefined,
    [],
    [],
  ])
})

test('another system is named instead of guessed at', async () => {
  const run = collectOnce(hostLinux, {}, { client: host('@@@ stat\n@@@ uname\nAIX\nbox\n7.2\n') })
  await expect(run).rejects.toMatchObject({ reason: 'configuration', message: 'db1:22 runs AIX, not Linux' })
})

test('whatever a host answers, the outcome is numbers or words', async () => {
  const mutated = fc
    .tuple(fc.nat(after.length), fc.nat(60), fc.string({ maxLength: 40 }))
    .map(([at, length, other]) => after.slice(0, at) + other + after.slice(at + length))
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.string()), mutated, async (first, second) => {
      const seen = await twice(first, second).catch((thrown: unknown) => thrown)
      if (seen instanceof Error) expect(seen.name).toBe('TargetError')
      else expectSound(hostLinux, seen as Awaited<ReturnType<typeof twice>>)
    }),
  )
})
