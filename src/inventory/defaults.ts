import type { ConfigurationDocument, ProfileDocument } from '../contract/index.ts'
import { checkDeclared, type Library } from '../sdk/index.ts'
import type { Inventory } from './inventory.ts'
import { nameProblem } from './reading.ts'

/** The default profiles that had names before there was a rule for them. */
const givenNames: Readonly<Record<string, string>> = { local: 'host-local', http: 'web-default', icmp: 'ping-default' }
const givenDescriptions: Readonly<Record<string, string>> = {
  local: 'Processors, memory, file systems and network of the machine that the agent runs on.',
  http: 'A page or an interface: whether it answers, how fast, and how long its certificate lasts.',
  tcp: 'Whether a port accepts connections, and how fast.',
  icmp: 'Whether a host is there: loss, round trip and jitter.',
  postgresql: 'Connections, locks, long transactions, replication and size of a PostgreSQL database.',
}
/** Short, so that there are charts within the first minute. What it reads is in memory. */
const givenPeriods: Readonly<Record<string, string>> = { 'host.local': '10s' }

/**
 * The default profile of a connector type: all its monitors that need to be told nothing and that nobody has to choose on purpose
 * (`optIn`), with their own rules and periods. Undefined where there are none: a name to look up and a plugin's command line are
 * somebody's own.
 */
export function defaultProfileOf(type: string, library: Library): ProfileDocument | undefined {
  const connector = library.connectors.get(type)
  const monitors = [...library.monitors.values()].filter(
    (monitor) =>
      monitor.connectors.some((one) => one === type) &&
      monitor.optIn === undefined &&
      checkDeclared(monitor, {}, 'settings').ok,
  )
  if (connector === undefined || monitors.length === 0) return undefined
  return {
    name: givenNames[type] ?? `${type}-default`,
    connector: type,
    description: givenDescriptions[type] ?? `${connector.title}: everything that needs no settings.`,
    monitors: monitors.map(({ id }) => ({
      monitor: id,
      ...(givenPeriods[id] === undefined ? {} : { period: givenPeriods[id] }),
    })),
  }
}

/** What to say where `defaultProfileOf` has none. */
export function noDefaults(type: string): string {
  return `there are no defaults for ${type}: each of its monitors needs settings, or is to be chosen on purpose`
}

/** Profiles for what has to be chosen: those that are so common that everybody would make them. */
const chosen: readonly ProfileDocument[] = [
  {
    name: 'farwatch-self',
    connector: 'http',
    description: 'Whether this Farwatch answers, and how long its certificate lasts.',
    monitors: [{ monitor: 'http.response', period: '10s', settings: { expectStatus: '200' } }],
  },
  {
    name: 'prometheus-default',
    connector: 'http',
    description: 'Everything that an exporter for Prometheus shows under /metrics.',
    monitors: [{ monitor: 'prometheus.scrape' }],
  },
  {
    name: 'tls-default',
    connector: 'tcp',
    description: 'The certificate of a port that speaks TLS: its chain, its name, and how long it lasts.',
    monitors: [{ monitor: 'tls.certificate' }],
  },
]

const own = { group: 'local', connector: 'farwatch', profile: 'farwatch-self', path: '/healthz' } as const

/** Names that are this machine's wherever they are said. */
const loopback: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Where an instance reaches itself. Any certificate will do: it may be replaced, and nothing secret is sent. */
function ownSettings(ownUrl: string): Readonly<Record<string, unknown>> {
  return { url: `${ownUrl}${own.path}`, verifyCertificate: false }
}

/**
 * The configuration of the very first start: the machine and the instance itself, so that there is something to see and a real way for
 * an alarm from the first minute. Whoever removes any of it has it gone.
 * @param about.ownUrl where the instance reaches itself, without a path: `https://localhost:8443`
 */
export function defaultDocument(about: { hostname: string; ownUrl: string; library: Library }): ConfigurationDocument {
  const byRule = [...about.library.connectors.keys()].flatMap((type) => defaultProfileOf(type, about.library) ?? [])
  return {
    profiles: [...byRule, ...chosen],
    groups: [
      {
        name: own.group,
        description: 'The machine that Farwatch runs on.',
        systems: [
          {
            name: nameProblem(about.hostname) === undefined ? about.hostname : 'localhost',
            type: 'host',
            connectors: [
              { name: 'host', type: 'local', profiles: ['host-local'] },
              {
                name: own.connector,
                type: 'http',
                settings: ownSettings(about.ownUrl),
                profiles: [own.profile],
              },
            ],
          },
        ],
      },
    ],
  }
}

/**
 * Keeps the shipped connector to the instance itself right where the instance is now started on another port: a new revision by
 * `farwatch`, for that connector alone. One that somebody has changed in any other way is left as it is.
 */
export async function followOwnUrl(inventory: Inventory, ownUrl: string): Promise<void> {
  const group = inventory.document([own.group]).groups?.[0]
  const wanted = ownSettings(ownUrl)
  for (const system of group?.systems ?? []) {
    const connector = system.connectors?.find(({ name }) => name === own.connector)
    const settings = connector?.settings ?? {}
    const url = settings['url']
    const isShipped =
      connector?.type === 'http' &&
      connector.profiles?.includes(own.profile) === true &&
      Object.keys(settings).length === Object.keys(wanted).length &&
      settings['verifyCertificate'] === wanted['verifyCertificate'] &&
      typeof url === 'string' &&
      URL.canParse(url) &&
      new URL(url).pathname === own.path &&
      [...loopback, new URL(ownUrl).hostname].includes(new URL(url).hostname)
    if (!isShipped || url === wanted['url']) continue
    await inventory.apply(
      {
        groups: [
          { ...group, credentials: [], systems: [{ ...system, connectors: [{ ...connector, settings: wanted }] }] },
        ],
      },
      { author: 'farwatch', comment: `this instance is now reached at ${ownUrl}` },
    )
  }
}
