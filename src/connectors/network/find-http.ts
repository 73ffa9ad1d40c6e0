import { isIP } from 'node:net'
import { TargetError, type Discovery, type DiscoveryPlace, type Proposal } from '../../sdk/index.ts'
import { httpBeginning, type HttpBeginning } from './first-words.ts'
import { hostPort } from './target.ts'

/** Where pages and interfaces are, and where exporters listen by the list that the Prometheus project keeps of their ports. */
const pages = [80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 8888]
const exporters = [
  8428, 9090, 9091, 9093, 9100, 9101, 9102, 9103, 9104, 9113, 9115, 9116, 9117, 9121, 9134, 9150, 9182, 9187, 9216,
  9256, 9308, 9399, 9419, 9664, 9668, 9680, 9835,
]
const securePorts = new Set([443, 8443])

/** Exporters by the beginning of the names of their metrics. */
const families: readonly (readonly [prefix: string, name: string, title: string])[] = [
  ['node_', 'node-exporter', 'Node exporter'],
  ['windows_', 'windows-exporter', 'Windows exporter'],
  ['hanadb_', 'hanadb-exporter', 'SAP HANA exporter'],
  ['sap_', 'sap-host-exporter', 'SAP host exporter'],
  ['ha_cluster_', 'ha-cluster-exporter', 'HA cluster exporter'],
  ['pg_', 'postgres-exporter', 'PostgreSQL exporter'],
  ['mysql_', 'mysqld-exporter', 'MySQL exporter'],
  ['mongodb_', 'mongodb-exporter', 'MongoDB exporter'],
  ['redis_', 'redis-exporter', 'Redis exporter'],
  ['rabbitmq_', 'rabbitmq', 'RabbitMQ'],
  ['kafka_', 'kafka-exporter', 'Kafka exporter'],
  ['nginx_', 'nginx-exporter', 'nginx exporter'],
  ['apache_', 'apache-exporter', 'Apache exporter'],
  ['haproxy_', 'haproxy-exporter', 'HAProxy exporter'],
  ['blackbox_', 'blackbox-exporter', 'Blackbox exporter'],
  ['snmp_', 'snmp-exporter', 'SNMP exporter'],
  ['jvm_', 'jvm-exporter', 'JVM exporter'],
  ['alertmanager_', 'alertmanager', 'Alertmanager'],
  ['prometheus_', 'prometheus', 'Prometheus'],
  ['vm_', 'victoria-metrics', 'VictoriaMetrics'],
]

/** Pages, interfaces, and exporters for Prometheus, which show themselves under `/metrics`. */
export const httpDiscovery: Discovery = {
  at: { tcp: [...pages, ...exporters] },
  async identify(place, signal) {
    const found = await talksHttp(place, signal)
    if (found === undefined) return []
    const { tls, page } = found
    const base = `${tls ? 'https' : 'http'}://${hostOfUrl(place, tls)}`
    const metrics = await httpBeginning(place, { path: '/metrics', tls }, signal)
    const proposals: Proposal[] = []
    if (metrics?.status === 200 && isExposition(metrics.body)) {
      const [, name, title] = families.find(([prefix]) => metrics.body.includes(`# TYPE ${prefix}`)) ?? [
        '',
        'exporter',
        'Exporter for Prometheus',
      ]
      proposals.push({
        name,
        title: `${title}, port ${place.port}`,
        settings: { url: `${base}/` },
        seen: `port ${place.port} shows metrics for Prometheus under /metrics`,
        certainty: 'identified',
        monitors: [{ monitor: 'prometheus.scrape' }],
        profile: 'prometheus-default',
      })
    }
    // The page in front of an exporter says nothing that its metrics do not.
    if (proposals.length === 0) proposals.push(pageProposal(place, base, page))
    return proposals
  },
}

function pageProposal(place: DiscoveryPlace, base: string, page: HttpBeginning): Proposal {
  const server = page.headers['server']?.slice(0, 60)
  const asks = page.status === 401 ? ', asks for a user name and password' : ''
  return {
    name: pages.includes(place.port) ? 'web' : 'http',
    title: `${server === undefined ? 'Web server' : `Web server ${server}`}, port ${place.port}${asks}`,
    settings: { url: `${base}/` },
    seen: `port ${place.port} answered HTTP ${page.status}`,
    certainty: 'identified',
    ...(page.status === 401 ? { credential: 'basic' as const } : {}),
  }
}

/** By TLS or without, whichever is answered. A server of HTTPS answers a plain request with 400, or not at all. */
async function talksHttp(
  place: DiscoveryPlace,
  signal: AbortSignal,
): Promise<{ readonly tls: boolean; readonly page: HttpBeginning } | undefined> {
  const secureFirst = securePorts.has(place.port)
  let plainlyRefused: HttpBeginning | undefined
  for (const tls of [secureFirst, !secureFirst]) {
    try {
      const page = await httpBeginning(place, { path: '/', tls }, signal)
      if (page === undefined) continue
      if (!tls && page.status === 400) plainlyRefused = page
      else return { tls, page }
    } catch (thrown) {
      if (!(thrown instanceof TargetError) || signal.aborted) throw thrown
    }
  }
  return plainlyRefused === undefined ? undefined : { tls: false, page: plainlyRefused }
}

function isExposition(text: string): boolean {
  return /^# (?:HELP|TYPE) [A-Za-z_:]/m.test(text)
}

function hostOfUrl({ host, port }: DiscoveryPlace, tls: boolean): string {
  if (port !== (tls ? 443 : 80)) return hostPort(host, port)
  return isIP(host) === 6 ? `[${host}]` : host
}
