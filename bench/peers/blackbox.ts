/** The blackbox exporter, asked by a Prometheus that stores what it says. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inPath } from '../../scripts/programs.mjs'
import { freePort, listening, run, scratch } from '../../test/servers/processes.ts'
import type { Carrying, ComparedKind, Peer, PeerLoad } from './peer.ts'
import { PrometheusApi } from './prometheus-api.ts'
import { prometheusProgram } from './prometheus.ts'

const overIpv4 = { preferred_ip_protocol: 'ip4', ip_protocol_fallback: false }
const modules: Record<ComparedKind, object> = {
  'http-new': { prober: 'http', http: overIpv4 },
  tcp: { prober: 'tcp', tcp: overIpv4 },
  ping: { prober: 'icmp', icmp: overIpv4 },
}

function targetOf({ kind, port }: PeerLoad, i: number): string {
  if (kind === 'ping') return `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
  return kind === 'tcp' ? `127.0.0.1:${port}` : `http://127.0.0.1:${port}/`
}

/** Targets with the same labels would be one to Prometheus; each has its number as a label. */
function scrapes(load: PeerLoad, exporterPort: number): object {
  return {
    global: { scrape_interval: `${load.periodMs}ms`, scrape_timeout: `${Math.min(load.periodMs, 5_000)}ms` },
    scrape_configs: [
      {
        job_name: 'probe',
        metrics_path: '/probe',
        params: { module: ['bench'] },
        static_configs: Array.from({ length: load.tasks }, (_, i) => ({
          targets: [targetOf(load, i)],
          labels: { task: String(i) },
        })),
        relabel_configs: [
          { source_labels: ['__address__'], target_label: '__param_target' },
          { source_labels: ['__param_target'], target_label: 'instance' },
          { target_label: '__address__', replacement: `127.0.0.1:${exporterPort}` },
        ],
      },
    ],
  }
}

async function carry(load: PeerLoad): Promise<Carrying> {
  const directory = await scratch('blackbox')
  const file = (name: string) => join(directory.path, name)
  const [exporterPort, port] = [await freePort(), await freePort()]
  // JSON is YAML.
  await writeFile(file('blackbox.yml'), JSON.stringify({ modules: { bench: modules[load.kind] } }))
  await writeFile(file('prometheus.yml'), JSON.stringify(scrapes(load, exporterPort)))
  const exporter = run('/usr/bin/prometheus-blackbox-exporter', [
    `--config.file=${file('blackbox.yml')}`,
    `--web.listen-address=127.0.0.1:${exporterPort}`,
    '--log.level=error',
  ])
  const prometheus = run('/usr/bin/prometheus', [
    `--config.file=${file('prometheus.yml')}`,
    `--storage.tsdb.path=${file('data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ])
  const stop = async () => {
    await Promise.all([prometheus.stop(), exporter.stop()])
    await directory.remove()
  }
  try {
    await listening(exporterPort, exporter)
    await listening(port, prometheus)
  } catch (thrown) {
    await stop()
    throw thrown
  }
  const [exporterId, prometheusId] = [exporter.child.pid ?? 0, prometheus.child.pid ?? 0]
  const api = new PrometheusApi(`http://127.0.0.1:${port}`)
  return {
    parts: [
      { name: 'exporter alone', roots: [exporterId] },
      { name: 'with Prometheus', roots: [exporterId, prometheusId] },
    ],
    stop,
    stored: (from, to) => api.number(`sum(sum_over_time(probe_success[${to - from}ms]))`, to),
  }
}

export const blackbox: Peer = {
  name: 'blackbox',
  programs: [
    prometheusProgram,
    { package: 'prometheus-blackbox-exporter', isThere: () => inPath('prometheus-blackbox-exporter') },
  ],
  rates: { 'http-new': 400, tcp: 400, ping: 400 },
  does: { 'http-new': 'a new connection, some 25 series', tcp: 'some 10 series', ping: 'one packet, some 10 series' },
  prepare: () => Promise.resolve({ carry, [Symbol.asyncDispose]: () => Promise.resolve() }),
}
