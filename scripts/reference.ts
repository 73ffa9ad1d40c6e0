import { errorCatalogue } from '../src/base/index.ts'
import { defaultProfileOf } from '../src/inventory/index.ts'
import {
  allowedValues,
  declarationOf,
  failoverDeclarations,
  failoverNames,
  settingNames,
  writeSetting,
  type SettingDeclaration,
} from '../src/platform/index.ts'
import {
  credentialTypes,
  type AnyMonitor,
  type AnyPlugin,
  type Discovery,
  type Library,
  type Param,
  type Params,
} from '../src/sdk/index.ts'

/** The reference pages, written from the declarations alone. Markdown. */

const head = '<!-- Written by `npm run generate`; do not edit. -->\n'

export function errorsPage(): string {
  return page(
    'Errors',
    'Every failure that the API, the command line and the log may name, by its stable code. A code never changes its meaning.',
    [
      table(
        ['Code', 'HTTP status', 'Meaning'],
        Object.entries(errorCatalogue).map(([code, { status, title }]) => [`\`${code}\``, String(status), title]),
      ),
    ],
  )
}

export function settingsPage(): string {
  const scopes = {
    travels: 'Handed from the server to every agent.',
    server: 'Matters where the server role is.',
    local: "Each instance's own.",
  }
  const changes = {
    'at once': 'Can be changed in the portal and by API; holds at once.',
    restart: 'Can be changed in the portal and by API; holds from the next start on.',
    start: 'Given when Farwatch is started.',
  }
  const section = (title: string, one: SettingDeclaration) => {
    const secret = one.secret === true
    const fallback = writeSetting(one.default)
    return [
      title,
      one.help,
      [
        `- Environment: \`${one.variable}\`${one.flag === undefined ? '' : ` · flag: \`${one.flag}\``}`,
        `- Must be ${allowedValues(one)}.`,
        `- Default: ${fallback === '' || (Array.isArray(fallback) && fallback.length === 0) ? 'empty' : `\`${String(fallback)}\``}`,
        `- ${scopes[one.scope]} ${changes[one.change]}`,
        ...(secret ? ['- Secret: taken from the environment only, removed from it after reading, never shown.'] : []),
        ...(one.tooSmall === undefined ? [] : [`- Too small: ${one.tooSmall}`]),
        ...(one.tooLarge === undefined ? [] : [`- Too large: ${one.tooLarge}`]),
      ].join('\n'),
    ].join('\n\n')
  }
  const sections = [
    ...settingNames.map((name) => section(`## ${name}`, declarationOf(name))),
    '## The pair of servers at the start',
    'Given in the environment, these are the change of `PUT /failover` that is made at each start; where they are not given, what is stored stays. [failover.md](failover.md) says what they mean.',
    ...failoverNames.map((name) => section(`### failover ${name}`, failoverDeclarations[name])),
  ]
  return page(
    'Settings',
    'A flag overrules the environment, that overrules `settings.yaml` in the data directory, that what was changed in the portal or by API, and that the default. `GET /settings` says for each where its value is from.',
    sections,
  )
}

export function monitorIndexPage(library: Library): string {
  return page('Monitors', 'What can be measured. Each page is written from the declaration of its monitor.', [
    table(
      ['Monitor', 'Connector', 'What it measures', 'What it needs', 'Tested with'],
      [...library.monitors.values()].map(({ id, connectors, summary, needs, tested, optIn }) => [
        `[${id}](${id}.md)`,
        connectors.join(', '),
        optIn === undefined ? summary : `${summary} *To be chosen on purpose.*`,
        needs ?? 'nothing',
        testedWith[tested].short,
      ]),
    ),
  ])
}

const testedWith: Readonly<Record<AnyMonitor['tested'], { readonly short: string; readonly long: string }>> = {
  'real server': { short: 'the real thing', long: 'Tested with the real thing, started by the tests.' },
  'recorded data': {
    short: 'recordings',
    long: 'Tested with answers that were recorded from real systems; no live one was reached.',
  },
  'schema only': {
    short: 'its published form',
    long: 'Tested with answers in the published form alone: not seen at work in the field yet. [A recording](../recordings.md) of a run on your system would help.',
  },
}

/** A block of text to be pasted, in a fence that nothing in it ends. */
function verbatim(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text.trim()}\n${fence}`
}

export function monitorPage(monitor: AnyMonitor, library: Library): string {
  const connectors = monitor.connectors.map((type) => {
    const connector = library.connectors.get(type)
    return `[${type}](../connectors.md#${type})${connector === undefined ? '' : ` (${connector.title})`}`
  })
  return page(`${monitor.id}: ${monitor.title}`, monitor.summary, [
    [
      `- Connector: ${connectors.join(', ')}`,
      `- Runs every \`${monitor.period}\` and takes at most \`${monitor.timeout}\`, unless a profile says otherwise.`,
      ...(monitor.needs === undefined ? [] : [`- Needs: ${monitor.needs}`]),
      ...(monitor.optIn === undefined ? [] : [`- In no default profile, to be chosen on purpose: ${monitor.optIn}`]),
      `- ${testedWith[monitor.tested].long}`,
    ].join('\n'),
    ...(monitor.grant === undefined
      ? []
      : [
          `## The least it needs on the target\n\nTo be pasted there by whoever administers it.\n\n${verbatim(monitor.grant)}`,
        ]),
    `## Settings\n\n${paramTable(monitor.settings)}`,
    `## Metrics\n\n${table(
      ['Metric', 'Unit', 'Items by', 'Meaning'],
      Object.entries(monitor.metrics).map(([name, metric]) => [
        `\`${name}\``,
        metric.unit === '' ? '' : metric.unit,
        (metric.items ?? []).join(', '),
        `${metric.title}${metric.kind === 'counter' ? ' (counter)' : ''}`,
      ]),
    )}${monitor.openMetrics === undefined ? '' : `\n\n${monitor.openMetrics}`}`,
    `## Default rules\n\nA profile that names the monitor without rules gets these.\n\n\`\`\`yaml\n${monitor.rules
      .map((rule) => `- ${JSON.stringify(rule)}`)
      .join(
        '\n',
      )}\n\`\`\`${monitor.thresholdsFrom === undefined ? '' : `\n\nWhere the thresholds come from: ${monitor.thresholdsFrom}`}`,
    ...(monitor.tryIt === undefined ? [] : [`## See it work\n\n${monitor.tryIt}`]),
  ])
}

export function pluginIndexPage(library: Library): string {
  return page('Plugins', 'Where alarms, metrics and reports can be sent.', [
    table(
      ['Plugin', 'Takes', 'What it does'],
      [...library.plugins.values()].map((plugin) => [
        `[${plugin.id}](${plugin.id}.md)`,
        feedsOf(plugin),
        plugin.summary,
      ]),
    ),
  ])
}

export function pluginPage(plugin: AnyPlugin): string {
  return page(`${plugin.id}: ${plugin.title}`, plugin.summary, [
    [
      `- Takes: ${feedsOf(plugin)}`,
      plugin.honoursIdempotencyKey
        ? '- The receiver drops a repeat that bears the same idempotency key.'
        : '- Delivered at least once: after a crash in the wrong moment the receiver may see one delivery twice.',
    ].join('\n'),
    `## Settings\n\n${paramTable(plugin.settings)}`,
  ])
}

export function connectorsPage(library: Library): string {
  const sections = [...library.connectors.values()].map(
    ({ id, title, summary, settings, credentials, credentialRequired, discovery, neighbours }) => {
      const accepted =
        credentials.length === 0
          ? 'Takes no credential.'
          : `Credential (${credentialRequired === true ? 'required' : 'optional'}): ${credentials
              .map((type) => `\`${type}\` (${credentialTypes[type].title})`)
              .join(', ')}.`
      const profile = defaultProfileOf(id, library)
      const about = [
        `- ${accepted}`,
        profile === undefined
          ? '- No default profile: each of its monitors needs settings, or is to be chosen on purpose.'
          : `- Default profile: \`${profile.name}\` with ${(profile.monitors ?? []).map(({ monitor }) => `[${monitor}](monitors/${monitor}.md)`).join(', ')}.`,
        ...(discovery === undefined ? [] : [`- Found by discovery: ${whereFound(discovery)}.`]),
        ...(neighbours === undefined
          ? []
          : [
              '- Says, with a credential that is named for that, [what else it knows of](discovery.md#what-one-leads-to).',
            ]),
      ]
      return `## ${id}\n\n${title}. ${summary}\n\n${about.join('\n')}\n\n${paramTable(settings)}`
    },
  )
  return page('Connectors', 'The ways in to a system.', sections)
}

function whereFound({ at }: Discovery): string {
  if (at === 'host') return 'by its host'
  const { tcp = [], udp = [] } = at
  const places = [
    ...(tcp.length > 24 ? [`${tcp.length} TCP ports from ${Math.min(...tcp)}`] : []),
    ...(tcp.length > 0 && tcp.length <= 24 ? [`the TCP ports ${tcp.join(', ')}`] : []),
    ...(udp.length > 0 ? [`the UDP ports ${udp.join(', ')}`] : []),
  ]
  return `at ${places.join(' and ')}`
}

function feedsOf(plugin: AnyPlugin): string {
  const feeds = [plugin.alarm && 'alarms', plugin.metrics && 'metrics', plugin.report && 'reports']
  return feeds.filter((feed) => feed !== undefined).join(', ')
}

function paramTable(params: Params): string {
  const rows = Object.entries(params).map(([name, param]) => [
    `\`${name}\``,
    kindOf(param),
    defaultText(param),
    [param.label, param.help].filter((text) => text !== undefined).join('. '),
  ])
  return rows.length === 0 ? 'None.' : table(['Setting', 'Kind', 'Default', 'Meaning'], rows)
}

function kindOf(param: Param): string {
  switch (param.kind) {
    case 'choice':
      return `one of ${param.of.map((one) => `\`${one}\``).join(', ')}`
    case 'list':
      return `list of ${kindOf(param.of)}`
    case 'number': {
      const kind = param.integer === true ? 'whole number' : 'number'
      return [
        kind,
        param.min === undefined ? '' : `from ${param.min}`,
        param.max === undefined ? '' : `to ${param.max}`,
      ]
        .filter((part) => part !== '')
        .join(' ')
    }
    case 'duration':
    case 'size':
      return [
        param.kind,
        param.min === undefined ? '' : `from ${param.min}`,
        param.max === undefined ? '' : `to ${param.max}`,
      ]
        .filter((part) => part !== '')
        .join(' ')
    case 'url':
      return `URL (${param.protocols.join(', ')})`
    case 'text':
    case 'flag':
    case 'secret':
    case 'map':
      return param.kind
  }
}

function defaultText(param: Param): string {
  if ('default' in param && param.default !== undefined) {
    const written = typeof param.default === 'object' ? JSON.stringify(param.default) : String(param.default)
    return written === '' ? 'empty' : `\`${written}\``
  }
  return param.optional === true ? 'none' : '**required**'
}

function page(title: string, intro: string, sections: readonly string[]): string {
  return `${[head + `# ${title}`, intro, ...sections].join('\n\n')}\n`
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}
