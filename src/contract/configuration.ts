import type { RuleDocument } from '../model/index.ts'

/**
 * The configuration document: what `GET /configuration` gives, `PUT /configuration` and `farwatch apply` take, as YAML or JSON.
 *
 * Names are unique within their parent and identify things. Applying merges by name: everything that has a name stays until it is
 * pruned; everything without one (settings, tags, rules, lists of profiles or agents) is replaced whole by what the document says, and
 * a field that is left out of a named object goes back to its default.
 */
export interface ConfigurationDocument {
  /** The form of the document. Only 1 exists; may be left out. */
  readonly format?: 1
  /** Another word for `format`. */
  readonly version?: 1
  readonly profiles?: readonly ProfileDocument[]
  readonly groups?: readonly GroupDocument[]
  readonly associations?: readonly AssociationDocument[]
  readonly plugins?: readonly PluginDocument[]
  readonly maintenances?: readonly MaintenanceDocument[]
  readonly dashboards?: readonly DashboardDocument[]
}

/** A named set of configured monitors for connectors of one type. */
export interface ProfileDocument {
  readonly name: string
  /** The connector type its monitors need. */
  readonly connector: string
  readonly description?: string
  readonly monitors?: readonly MonitorDocument[]
}

export interface MonitorDocument {
  /** Id in the monitor library. */
  readonly monitor: string
  /** Unique within the profile. Default: the monitor's id. */
  readonly name?: string
  /** `10s`; from 1s to 7d. Default: the monitor's own. */
  readonly period?: string
  /** At most the period. Default: the monitor's own, or the period where that is shorter. */
  readonly timeout?: string
  readonly settings?: Readonly<Record<string, unknown>>
  /** The surveillance table. Default: the monitor's own; an empty list judges nothing. */
  readonly rules?: readonly RuleDocument[]
}

export interface GroupDocument {
  readonly name: string
  readonly description?: string
  /** What an agent does that is cut off from its server: design.md, leases. Default `available`. */
  readonly whenCutOff?: 'available' | 'exclusive'
  /** Whether monitors may run commands that users wrote on its systems, with the rights of its credentials. Default `refused`. */
  readonly ownCommands?: 'refused' | 'allowed'
  readonly credentials?: readonly CredentialDocument[]
  readonly systems?: readonly SystemDocument[]
}

/** A secret in a document. Given as a value or as the name of an environment variable; given back as `{ keep: true }`. */
export type SecretDocument = { readonly value: string } | { readonly env: string } | { readonly keep: true }

/** A credential: name, type, and beside them the fields of its type (`username`, `secret`, …). */
export interface CredentialDocument {
  readonly name: string
  readonly type: string
  readonly [field: string]: string | SecretDocument
}

export interface SystemDocument {
  readonly name: string
  /** What kind of thing it is, in the user's own words: `web`, `host`, `database`. */
  readonly type?: string
  readonly description?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly connectors?: readonly ConnectorDocument[]
}

export interface ConnectorDocument {
  readonly name: string
  readonly type: string
  readonly settings?: Readonly<Record<string, unknown>>
  /** Name of a credential of the same group. */
  readonly credential?: string
  readonly profiles?: readonly string[]
  /** Also the default profile of its type, which is made where it is missing. Given back as one of `profiles`. */
  readonly defaults?: boolean
  /** Name of the only agent that may run it; the server's own is called `local`. Default: any agent of the group. */
  readonly pin?: string
}

/** Which agents run a group, by name; a server's own is called `local`. */
export interface AssociationDocument {
  readonly group: string
  readonly agents: readonly string[]
}

export interface PluginDocument {
  readonly name: string
  readonly plugin: string
  /** Settings of kind `secret` are written as a `SecretDocument` or as a plain text. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly sends: readonly ('alarms' | 'metrics' | 'reports')[]
}

/**
 * A time in which problems are expected: nothing is alarmed, and unless `checks` says `run` nothing is measured either. It concerns
 * everything that all of `group`, `system`, `connector` and `tags` name; with none of them everything there is.
 */
export interface MaintenanceDocument {
  readonly name: string
  readonly reason?: string
  /** Who is responsible; for people. */
  readonly by?: string
  readonly group?: string
  /** Of that group. */
  readonly system?: string
  /** Of that system. */
  readonly connector?: string
  /** Systems that bear all of these. */
  readonly tags?: Readonly<Record<string, string>>
  /** On the wall of `zone`: `2026-12-01T22:00`. */
  readonly begins: string
  /** `2h`. */
  readonly lasts: string
  /** Name of a time zone: `Europe/Berlin`. Default `UTC`. */
  readonly zone?: string
  readonly repeats?: RepetitionDocument
  /** `skip` (the default): slots are not run. `run`: they are, and no rule judges them. */
  readonly checks?: 'skip' | 'run'
  /** The moment at which somebody ended the one that was on. */
  readonly endedAt?: string
}

export interface RepetitionDocument {
  readonly every: 'day' | 'week' | 'month'
  /** Every so many of them. Default 1. */
  readonly interval?: number
  /** Of a week `mon` to `sun`; of a month `15`, `last`, `2nd tue`, `last fri`. Default: as the first one. */
  readonly on?: readonly (string | number)[]
  /** The last day on which one begins: `2027-06-30`. */
  readonly until?: string
}

/** What is chosen above a dashboard: `$group` and `$system` in its panels stand for what was; a tag narrows all of it to the systems that bear it. */
export const dashboardVariables = ['group', 'system', 'tag'] as const
export type DashboardVariable = (typeof dashboardVariables)[number]
export const panelKinds = ['chart', 'number', 'table'] as const
export type PanelKind = (typeof panelKinds)[number]
export const panelAggregations = ['avg', 'min', 'max', 'sum', 'last', 'rate'] as const
export type PanelAggregation = (typeof panelAggregations)[number]

/** Charts, numbers and tables on one page. Belongs to no group: everybody sees it, and on it the series of the groups they see. */
export interface DashboardDocument {
  readonly name: string
  readonly description?: string
  readonly variables?: readonly DashboardVariable[]
  /** From left to right and top to bottom. */
  readonly panels?: readonly PanelDocument[]
}

export interface PanelDocument {
  readonly title: string
  readonly kind: PanelKind
  /** Selections as `GET /metrics/series` takes them: `duration{system="shop"}`. */
  readonly series: readonly string[]
  /** Default: rate for counters and avg for gauges. */
  readonly agg?: PanelAggregation
  /** In columns of twelve. Default 6. */
  readonly width?: number
  /** In rows, 1 to 6. Default 2. */
  readonly height?: number
}
