import { defaultProfileOf } from '../../inventory/index.ts'
import { credentialTypes, settingsSchema, type Library } from '../../sdk/index.ts'
import type { Handlers } from '../route.ts'

function shownDefault(profile: ReturnType<typeof defaultProfileOf>) {
  return profile === undefined
    ? null
    : { name: profile.name, monitors: (profile.monitors ?? []).map(({ monitor }) => monitor) }
}

type Names = 'listMonitors' | 'listConnectors' | 'listPluginTypes'

/** What can be configured, from the declarations: `settings` as JSON Schema for machines, `params` as declared for drawing forms. */
export function libraryHandlers(library: Library): Handlers<Names> {
  const byId = <T extends { readonly id: string }>(a: T, b: T) => (a.id < b.id ? -1 : 1)
  const monitors = [...library.monitors.values()].sort(byId).map((monitor) => ({
    id: monitor.id,
    title: monitor.title,
    summary: monitor.summary,
    connectors: [...monitor.connectors],
    period: monitor.period,
    timeout: monitor.timeout,
    settings: settingsSchema(monitor.settings),
    params: monitor.settings,
    metrics: Object.entries(monitor.metrics).map(([name, { title, unit, kind, items }]) => ({
      name,
      title,
      unit,
      kind: kind ?? 'gauge',
      items: [...(items ?? [])],
    })),
    openMetrics: monitor.openMetrics ?? null,
    rules: [...monitor.rules],
    needs: monitor.needs ?? null,
    grant: monitor.grant ?? null,
    thresholdsFrom: monitor.thresholdsFrom ?? null,
    tryIt: monitor.tryIt ?? null,
    optIn: monitor.optIn ?? null,
    tested: monitor.tested,
  }))
  const connectors = [...library.connectors.values()].sort(byId).map((connector) => ({
    id: connector.id,
    title: connector.title,
    summary: connector.summary,
    settings: settingsSchema(connector.settings),
    params: connector.settings,
    credentials: connector.credentials.map((type) => ({
      type,
      title: credentialTypes[type].title,
      fields: credentialTypes[type].fields,
    })),
    credentialRequired: connector.credentialRequired ?? false,
    canBeDiscovered: connector.discovery !== undefined,
    defaultProfile: shownDefault(defaultProfileOf(connector.id, library)),
  }))
  const plugins = [...library.plugins.values()].sort(byId).map((plugin) => ({
    id: plugin.id,
    title: plugin.title,
    summary: plugin.summary,
    settings: settingsSchema(plugin.settings),
    params: plugin.settings,
    sends: [
      ...(plugin.alarm === undefined ? [] : ['alarms']),
      ...(plugin.metrics === undefined ? [] : ['metrics']),
      ...(plugin.report === undefined ? [] : ['reports']),
    ],
    honoursIdempotencyKey: plugin.honoursIdempotencyKey,
  }))
  return { listMonitors: () => monitors, listConnectors: () => connectors, listPluginTypes: () => plugins }
}
