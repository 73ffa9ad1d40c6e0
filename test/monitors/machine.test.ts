import { afterEach, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startNodeExporter } from '../servers/node-exporter.ts'
import { freePort } from '../servers/processes.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const started: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop()
})

test('this machine says how it is', async () => {
  const monitor = theOne(monitors, 'host.local')
  const first = await runMonitor('host.local', {})
  const second = await measured('host.local', {}, {}, { previous: first.kept })
  expectSound(monitor, second)
  const root = second.metrics['filesystem_size']
  expect([
    Number(second.metrics['memory_total']) > 1e8,
    Number(second.metrics['uptime']) > 0,
    Array.isArray(root) && root.some((one) => one.labels['mount'] === '/'),
  ]).toEqual([true, true, true])
})

test('this machine answers to ping, several targets in one process', async () => {
  const monitor = theOne(monitors, 'ping')
  const hosts = ['127.0.0.1', '127.0.0.2', 'localhost']
  const seen = await Promise.all(hosts.map((host) => measured('ping', { host }, { count: 2, interval: '50ms' })))
  for (const one of seen) expectSound(monitor, one)
  expect(seen.map((one) => one.metrics['loss'])).toEqual([0, 0, 0])
})

test('an address that nobody has loses everything and raises', async () => {
  // 240.0.0.0/4 is reserved: nobody has an address in it, and test networks in between do not answer for it.
  const seen = await measured('ping', { host: '240.0.0.1' }, { count: 1, timeout: '100ms' })
  expect([seen.metrics, judgedBy(theOne(monitors, 'ping'), seen)]).toEqual([
    { loss: 100 },
    { 'packets lost': 'CRITICAL' },
  ])
})

test('node_exporter is scraped, chosen by name and label, and its end raises', async () => {
  const monitor = theOne(monitors, 'prometheus.scrape')
  const exporter = await startNodeExporter()
  started.push(exporter)
  const settings = { include: ['node_cpu_seconds_total', 'node_load1'], labels: { mode: '/^(idle|)$/' } }
  const seen = await measured('prometheus.scrape', { url: exporter.url }, settings)
  const said = await byHand('prometheus.scrape', { url: exporter.url })
  expectSound(monitor, seen)
  const all = await measured('prometheus.scrape', { url: exporter.url }, { maxSeries: 20_000 })
  await exporter.stop()
  const gone = await runMonitor('prometheus.scrape', { url: exporter.url })
  expect([
    [...new Set(seen.more?.map((one) => `${one.name} ${one.kind ?? 'gauge'}`))].sort(),
    Number(all.metrics['scrape_samples']) > 300,
    all.metrics['scrape_lines_skipped'],
    gone.failed,
    said,
  ]).toEqual([
    ['node_cpu_seconds_total counter', 'node_load1 gauge'],
    true,
    0,
    `refused: connection refused by 127.0.0.1:${exporter.port}`,
    '0 prometheus.scrape ran',
  ])
})

test('monitoring plugins of the distribution give their state and values', async () => {
  const monitor = theOne(monitors, 'nagios.plugin')
  const load = await measured(
    'nagios.plugin',
    {},
    { command: 'check_load', arguments: ['-w', '0,0,0', '-c', '1000,1000,1000'] },
  )
  const dummy = await measured(
    'nagios.plugin',
    {},
    { command: 'check_dummy', arguments: ['2', 'it is broken; rm -rf $HOME'] },
  )
  const port = await freePort()
  const tcp = await measured(
    'nagios.plugin',
    {},
    { command: 'check_tcp', arguments: ['-H', '127.0.0.1', '-p', String(port)] },
  )
  for (const one of [load, dummy, tcp]) expectSound(monitor, one)
  expect([
    load.more?.map((one) => one.labels['label']),
    dummy.message,
    judgedBy(monitor, dummy),
    tcp.metrics['state'],
  ]).toEqual([['load1', 'load5', 'load15'], 'CRITICAL: it is broken; rm -rf $HOME', { 'plugin state': 'CRITICAL' }, 2])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('host.local', {}),
    await byHand('ping', { host: '127.0.0.1' }, { settings: { count: 1 } }),
    await byHand('nagios.plugin', {}, { settings: { command: 'check_dummy', arguments: ['2', 'broken'] } }),
  ]).toEqual([expect.stringMatching(/^[012] host\.local ran$/), '0 ping ran', '2 nagios.plugin ran'])
})
