/** What an agent found at a host, as a connector that could be configured. Nothing in it was checked against declarations yet. */
export interface FoundConnector {
  readonly type: string
  /** The connector's name: short and telling, such as `sap-00` or `postgresql`. Where one is taken, a number is added. */
  readonly name: string
  /** What is there, in one line: `SAP instance ASCS01 of NPL on sapnplas`. */
  readonly title: string
  /** The connector's settings as a user writes them (`10s`, `2GiB`), without those that are the default. */
  readonly settings: Readonly<Record<string, unknown>>
  /** What led to it: `port 5432 answered in the words of PostgreSQL`. */
  readonly seen: string
  /** `identified`: it said what it is; ticked from the beginning. `guessed`: only the port speaks for it. */
  readonly certainty: 'identified' | 'guessed'
  /** The type of credential that it will want before anything can be measured. Absent: it works without. */
  readonly credential?: string
  /** The monitors that suit what was found, where those are not the default profile of its type: an exporter rather than a page. */
  readonly monitors?: readonly { readonly monitor: string; readonly settings?: Readonly<Record<string, unknown>> }[]
  /** The profile that holds just those `monitors`; needed where they are given. Letters, digits, `-`. */
  readonly profile?: string
  /** The system that it belongs to, where that is not the host: the SID of an SAP system. */
  readonly system?: string
}

/** A host as an agent sees it from where it is. */
export interface Discovered {
  /** The address that the name led to; absent where it led nowhere. */
  readonly address?: string
  /** How many TCP ports were tried. */
  readonly tried: number
  /** Those that accepted a connection, in ascending order. */
  readonly open: readonly number[]
  readonly found: readonly FoundConnector[]
  /** What could not be found out, in words. */
  readonly problems: readonly string[]
}
