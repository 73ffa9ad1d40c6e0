import type {
  AssociationDocument,
  ConfigurationDocument,
  ConnectorDocument,
  CredentialDocument,
  DashboardDocument,
  DashboardVariable,
  GroupDocument,
  MaintenanceDocument,
  MonitorDocument,
  PanelDocument,
  PluginDocument,
  ProfileDocument,
  SystemDocument,
} from '../contract/index.ts'
import { ruleKeys, severities, type MaintenanceTimes, type Rule, type RuleDocument } from '../model/index.ts'
import type { PluginFeed } from '../sdk/index.ts'

/**
 * The whole configuration as one immutable value. A change makes a new value that shares every object that is still the same, so that
 * "did it change" is a comparison of references everywhere behind `settle`.
 *
 * Objects hold what was written, in canonical form, and beside it what was made of it for use (`made`), which follows from what was
 * written and the library. `made` is undefined where a later version of the library no longer takes what was stored.
 */
export interface Configuration {
  readonly profiles: ReadonlyMap<string, Profile>
  readonly groups: ReadonlyMap<string, Group>
  /** Agents' names by group, sorted. */
  readonly associations: ReadonlyMap<string, Association>
  readonly plugins: ReadonlyMap<string, Plugin>
  readonly maintenances: ReadonlyMap<string, Maintenance>
  readonly dashboards: ReadonlyMap<string, Dashboard>
}

export interface Profile {
  readonly name: string
  readonly connector: string
  readonly description: string
  readonly monitors: ReadonlyMap<string, ProfileMonitor>
}

export interface ProfileMonitor {
  readonly name: string
  readonly written: Omit<MonitorDocument, 'name'>
  readonly made: MonitorForUse | undefined
}

/** A monitor of a profile as the tasks made of it need it; shared by all of them. */
export interface MonitorForUse {
  readonly periodMs: number
  readonly timeoutMs: number
  readonly settings: Readonly<Record<string, unknown>>
  readonly rules: readonly Rule[]
  /** It runs what users wrote: no task is made of it in groups that do not allow that. */
  readonly runsCommands: boolean
}

export interface Group {
  readonly name: string
  readonly description: string
  readonly whenCutOff: 'available' | 'exclusive'
  readonly ownCommands: 'refused' | 'allowed'
  readonly credentials: ReadonlyMap<string, Credential>
  readonly systems: ReadonlyMap<string, System>
}

export interface Credential {
  readonly name: string
  readonly type: string
  /** The fields that may be shown. */
  readonly fields: Readonly<Record<string, string>>
  readonly secrets: Secrets
}

/** Secret fields: their names, and their values as the vault sealed them; `sealed` is empty where there are none. */
export interface Secrets {
  readonly names: readonly string[]
  readonly sealed: string
}

export interface System {
  readonly name: string
  readonly type: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  readonly connectors: ReadonlyMap<string, Connector>
}

export interface Connector {
  readonly name: string
  readonly type: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly credential: string | undefined
  /** Names, sorted: on a connector profiles are a set. */
  readonly profiles: readonly string[]
  /** Name of the only agent that may run it. */
  readonly pin: string | undefined
  /** The settings as the connector's code sees them. */
  readonly made: Readonly<Record<string, unknown>> | undefined
}

export interface Association {
  readonly group: string
  /** Names, sorted. */
  readonly agents: readonly string[]
}

export interface Plugin {
  readonly name: string
  readonly plugin: string
  /** The settings that may be shown. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly secrets: Secrets
  readonly sends: readonly PluginFeed[]
}

/** A maintenance window. */
export interface Maintenance {
  readonly name: string
  readonly written: Omit<MaintenanceDocument, 'name'>
  readonly made: MaintenanceForUse | undefined
}

/** Undefined narrows nothing down. */
export interface MaintenanceForUse {
  readonly group: string | undefined
  readonly system: string | undefined
  readonly connector: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly isSkipped: boolean
  readonly times: MaintenanceTimes
}

export interface Dashboard {
  readonly name: string
  readonly description: string
  readonly variables: readonly DashboardVariable[]
  readonly panels: readonly Panel[]
}

/** With the defaults applied; `agg` undefined for what fits each series. */
export type Panel = Required<Omit<PanelDocument, 'agg'>> & Pick<PanelDocument, 'agg'>

export const defaultPanel = { width: 6, height: 2 } as const

export const noSecrets: Secrets = { names: [], sealed: '' }

/** By code units: the same on every machine, whatever its language. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The entries of a map in the one order that everything leaves here in. */
export function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort((a, b) => byName(a[0], b[0]))
}

/** JSON values with the keys of every object in one order, so that two ways to write the same are the same. */
export function canonical<T>(value: T): T {
  if (Array.isArray(value)) return value.map(canonical) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .sort((a, b) => byName(a[0], b[0]))
      .map(([key, one]) => [key, canonical(one)]),
  ) as T
}

/** Whether two JSON values say the same; the order of keys says nothing. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, index) => isSame(one, b[index]))
    )
  }
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]))
  )
}

const isEmpty = (value: object) => Object.keys(value).length === 0

// One object each as the document writes it, without the named objects below it. `secret` says how its secrets are shown.

export function writeProfile(profile: Profile): Omit<ProfileDocument, 'monitors'> {
  return {
    name: profile.name,
    connector: profile.connector,
    ...(profile.description === '' ? {} : { description: profile.description }),
  }
}

export function writeMonitor(monitor: ProfileMonitor): MonitorDocument {
  const { monitor: id, period, timeout, settings, rules } = monitor.written
  return {
    monitor: id,
    ...(monitor.name === id ? {} : { name: monitor.name }),
    ...(period === undefined ? {} : { period }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(settings === undefined ? {} : { settings }),
    ...(rules === undefined ? {} : { rules: rules.map(writeRule) }),
  }
}

function inOrder<T extends object>(value: T, order: readonly string[]): T {
  const place = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length)
  // The same keys and values, so the same type.
  return Object.fromEntries(Object.entries(value).sort((a, b) => place(a[0]) - place(b[0]) || byName(a[0], b[0]))) as T
}

function writeRule(rule: RuleDocument): RuleDocument {
  const { thresholds } = rule
  // A text is the notation `G2W:80 W2M:90`, which has an order of its own.
  if (thresholds === undefined || typeof thresholds === 'string') return inOrder(rule, ruleKeys)
  return inOrder({ ...rule, thresholds: inOrder(thresholds, severities) }, ruleKeys)
}

export function writeGroup(group: Group): Omit<GroupDocument, 'credentials' | 'systems'> {
  return {
    name: group.name,
    ...(group.description === '' ? {} : { description: group.description }),
    whenCutOff: group.whenCutOff,
    ...(group.ownCommands === 'refused' ? {} : { ownCommands: group.ownCommands }),
  }
}

export function writeCredential<S>(credential: Credential, secret: S): Record<string, string | S> {
  return {
    name: credential.name,
    type: credential.type,
    ...credential.fields,
    ...Object.fromEntries(credential.secrets.names.map((field) => [field, secret])),
  }
}

export function writeSystem(system: System): Omit<SystemDocument, 'connectors'> {
  return {
    name: system.name,
    ...(system.type === '' ? {} : { type: system.type }),
    ...(system.description === '' ? {} : { description: system.description }),
    ...(isEmpty(system.tags) ? {} : { tags: system.tags }),
  }
}

export function writeConnector(connector: Connector): ConnectorDocument {
  return {
    name: connector.name,
    type: connector.type,
    ...(isEmpty(connector.settings) ? {} : { settings: connector.settings }),
    ...(connector.credential === undefined ? {} : { credential: connector.credential }),
    ...(connector.profiles.length === 0 ? {} : { profiles: connector.profiles }),
    ...(connector.pin === undefined ? {} : { pin: connector.pin }),
  }
}

export function writeAssociation(association: Association): AssociationDocument {
  return { group: association.group, agents: association.agents }
}

export function writePlugin(plugin: Plugin, secret: unknown): PluginDocument {
  const settings = {
    ...plugin.settings,
    ...Object.fromEntries(plugin.secrets.names.map((field) => [field, secret])),
  }
  return {
    name: plugin.name,
    plugin: plugin.plugin,
    ...(isEmpty(settings) ? {} : { settings: canonical(settings) }),
    sends: plugin.sends,
  }
}

export function writeMaintenance({ name, written }: Maintenance): MaintenanceDocument {
  return { name, ...written }
}

export function writeDashboard(dashboard: Dashboard): DashboardDocument {
  const { name, description, variables, panels } = dashboard
  return {
    name,
    ...(description === '' ? {} : { description }),
    ...(variables.length === 0 ? {} : { variables }),
    panels: panels.map(({ title, kind, series, agg, width, height }) => ({
      title,
      kind,
      series,
      ...(agg === undefined ? {} : { agg }),
      ...(width === defaultPanel.width ? {} : { width }),
      ...(height === defaultPanel.height ? {} : { height }),
    })),
  }
}

/** Whose part of the configuration somebody sees. `undefined` stands for everything. */
export type Visible = ReadonlySet<string> | undefined

/**
 * The document of a configuration: in one order, secrets as `{ keep: true }`, nothing volatile. Profiles belong to no group and are
 * seen by all, and so are dashboards; plugins, and maintenance windows of no group, only by those who see everything.
 */
export function exportDocument(configuration: Configuration, visible?: Visible): ConfigurationDocument {
  const keep = { keep: true } as const
  const sees = (group: string) => visible === undefined || visible.has(group)
  return {
    profiles: sorted(configuration.profiles).map(([, profile]) => ({
      ...writeProfile(profile),
      monitors: sorted(profile.monitors).map(([, monitor]) => writeMonitor(monitor)),
    })),
    groups: sorted(configuration.groups)
      .filter(([name]) => sees(name))
      .map(([, group]) => ({
        ...writeGroup(group),
        ...(group.credentials.size === 0
          ? {}
          : {
              credentials: sorted(group.credentials).map(
                // Name and type are written first, and every other field is a text or the secret's stand-in.
                ([, credential]) => writeCredential(credential, keep) as CredentialDocument,
              ),
            }),
        systems: sorted(group.systems).map(([, system]) => ({
          ...writeSystem(system),
          connectors: sorted(system.connectors).map(([, connector]) => writeConnector(connector)),
        })),
      })),
    associations: sorted(configuration.associations)
      .filter(([group]) => sees(group))
      .map(([, association]) => writeAssociation(association)),
    plugins: visible === undefined ? sorted(configuration.plugins).map(([, plugin]) => writePlugin(plugin, keep)) : [],
    ...writtenMaintenances(configuration, visible),
    // Left out where there are none: documents and programs from before there were any stay as they are.
    ...(configuration.dashboards.size === 0
      ? {}
      : { dashboards: sorted(configuration.dashboards).map(([, dashboard]) => writeDashboard(dashboard)) }),
  }
}

/** Left out where there are none: documents were written before there could be any. */
function writtenMaintenances(
  { maintenances }: Configuration,
  visible: Visible,
): Pick<ConfigurationDocument, 'maintenances'> {
  const seen = sorted(maintenances).filter(([, one]) => seesMaintenance(visible, one))
  return seen.length === 0 ? {} : { maintenances: seen.map(([, one]) => writeMaintenance(one)) }
}

export function seesMaintenance(visible: Visible, { written: { group } }: Pick<Maintenance, 'written'>): boolean {
  return visible === undefined || (group !== undefined && visible.has(group))
}
