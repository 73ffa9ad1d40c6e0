import { expect, test } from 'vitest'
import type { FileSystemSpace, LocalClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import hostLocal from './host.local.ts'

const files = (ticks: string, received: number) => ({
  '/proc/stat': `cpu  ${ticks}\ncpu0 1 2 3 4\n`,
  '/proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 40 kB\nSwapTotal: 100 kB\nSwapFree: 75 kB\n',
  '/proc/net/dev': `Inter-| Receive\n  lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\neth0: ${received} 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n`,
  '/proc/self/mountinfo':
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:1 /x /again rw - ext4 /dev/sda1 rw\n3 1 8:2 / /my\\040disk ro - xfs /dev/sdb ro\n' +
    '4 1 0:9 / /nfs rw - nfs4 far:/ rw\n5 1 8:3 / /snap/core/1 ro - ext4 /dev/loop0 ro\n',
  '/proc/loadavg': '2.00 4.00 6.00 1/200 99\n',
})

function machine(texts: Readonly<Record<string, string>>, uptime = 86_400, inodesFree = 90): LocalClient {
  const spaces: Record<string, FileSystemSpace> = {
    '/': { size: 1000, free: 100, available: 50, inodes: 100, inodesFree },
    '/my disk': { size: 1000, free: 600, available: 600, inodes: 0, inodesFree: 0 },
  }
  return {
    machine: () => ({
      hostname: 'host1',
      system: 'linux',
      release: '6.1',
      architecture: 'x64',
      cpus: 2,
      cpuTimes: { user: 0, nice: 0, system: 0, idle: 0, interrupt: 0 },
      memory: 1,
      memoryFree: 1,
      load: [0, 0, 0],
      uptime,
    }),
    read: async (path) => texts[path],
    space: async (mount) => spaces[mount],
    drives: async () => ['/'],
  }
}

async function twice() {
  let kept: unknown
  const remember = (value: unknown) => (kept = JSON.parse(JSON.stringify(value)))
  await collectOnce(
    hostLocal,
    {},
    { client: machine(files('100 0 100 800 0 0 0 0 0 0', 1000)), remember, now: () => 1_000 },
  )
  return collectOnce(
    hostLocal,
    {},
    {
      client: machine(files('160 0 120 810 10 0 0 0 0 0', 3000)),
      previous: kept,
      now: () => 3_000,
    },
  )
}

test('reads the files of the kernel into shares, sizes and rates', async () => {
  const seen = await twice()
  expectSound(hostLocal, seen)
  expect(seen.metrics).toEqual({
    cpu: 80,
    cpu_kind: [
      { labels: { kind: 'user' }, value: 60 },
      { labels: { kind: 'nice' }, value: 0 },
      { labels: { kind: 'system' }, value: 20 },
      { labels: { kind: 'idle' }, value: 10 },
      { labels: { kind: 'iowait' }, value: 10 },
      { labels: { kind: 'interrupt' }, value: 0 },
      { labels: { kind: 'steal' }, value: 0 },
    ],
    memory_used: 96,
    memory_available: 40 * 1024,
    memory_total: 1000 * 1024,
    swap_used: 25,
    swap_used_bytes: 25 * 1024,
    load1: 2,
    load5: 4,
    load15: 6,
    load_per_cpu: 2,
    filesystem_used: [
      { labels: { mount: '/' }, value: (100 * 900) / 950 },
      { labels: { mount: '/my disk' }, value: 40 },
    ],
    filesystem_available: [
      { labels: { mount: '/' }, value: 50 },
      { labels: { mount: '/my disk' }, value: 600 },
    ],
    filesystem_size: [
      { labels: { mount: '/' }, value: 1000 },
      { labels: { mount: '/my disk' }, value: 1000 },
    ],
    filesystem_readonly: [
      { labels: { mount: '/' }, value: 0 },
      { labels: { mount: '/my disk' }, value: 1 },
    ],
    inodes_used: [{ labels: { mount: '/' }, value: 10 }],
    network_received: [{ labels: { interface: 'eth0' }, value: 1000 }],
    network_sent: [{ labels: { interface: 'eth0' }, value: 0 }],
    network_errors: [{ labels: { interface: 'eth0' }, value: 0 }],
    uptime: 86_400,
  })
})

test('full memory and a full disk raise; a machine at rest is clear', async () => {
  const calm = files('100 0 100 800 0 0 0 0 0 0', 0)
  const rested = {
    ...calm,
    '/proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 900 kB\n',
    '/proc/self/mountinfo': '3 1 8:2 / /my\\040disk rw - xfs /dev/sdb rw\n',
  }
  expect([
    judgedBy(hostLocal, await twice()),
    judgedBy(hostLocal, await collectOnce(hostLocal, {}, { client: machine(rested) })),
  ]).toEqual([{ 'memory full': 'CRITICAL', 'file system full': 'WARNING' }, {}])
})

test('busy processors, full swap and used up inodes raise', async () => {
  const busy = {
    ...files('1100 0 100 800 0 0 0 0 0 0', 0),
    '/proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 900 kB\nSwapTotal: 100 kB\nSwapFree: 1 kB\n',
    '/proc/self/mountinfo': '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n',
  }
  const previous = { at: 0, cpu: { user: 100, system: 100, idle: 800 }, network: {} }
  const seen = await collectOnce(hostLocal, {}, { client: machine(busy, 86_400, 1), previous, now: () => 1_000 })
  expect(judgedBy(hostLocal, seen)).toMatchObject({
    'processors busy': expect.any(String),
    'swap full': expect.any(String),
    'inodes used up': 'CRITICAL',
  })
})

test('a restart gives no rates, and says that it was one', async () => {
  const before = { at: 0, cpu: { user: 1e9, idle: 1e9 }, network: { eth0: { received: 1e12, sent: 1e12, errors: 0 } } }
  const seen = await collectOnce(
    hostLocal,
    {},
    {
      client: machine(files('1 0 1 8 0 0 0 0 0 0', 10), 30),
      previous: before,
      now: () => 1_000,
    },
  )
  expect([
    seen.metrics['cpu'],
    seen.metrics['network_received'],
    judgedBy(hostLocal, seen)['machine restarted'],
  ]).toEqual([undefined, [], 'INFO'])
})

test('a machine without these files is measured by what the runtime knows', async () => {
  const seen = await collectOnce(hostLocal, {}, { client: machine({}) })
  expectSound(hostLocal, seen)
  expect([seen.metrics['memory_total'], seen.metrics['filesystem_size']]).toEqual([
    1,
    [{ labels: { mount: '/' }, value: 1000 }],
  ])
})

test('offers mounts and interfaces: network drives to be measured too, others to be left out', async () => {
  const client = machine({
    '/proc/self/mountinfo':
      '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:4 / /proc rw - proc proc rw\n3 1 0:50 / /mnt/share rw - nfs4 nas:/share rw\n',
    '/proc/net/dev':
      'Inter-|\n face |\n    lo: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n  eth0: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n',
  })
  expect(await hostLocal.candidates?.({}, { client, signal: AbortSignal.timeout(5_000) })).toEqual({
    mounts: ['/mnt/share'],
    excludeMounts: ['/'],
    excludeInterfaces: ['lo', 'eth0'],
  })
})
