/** What an agent found at a host, as a connector that could be configured. Nothing in it was checked against declarations yet. */
export interface FoundConnector {
  readonly type: string
  readonly name: string
  readonly title: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly seen: string
  readonly certainty: 'identified' | 'guessed'
  /** The type of credential that it will want. */
  readonly credential?: string
  readonly monitors?: readonly { readonly monitor: string; readonly settings?: Readonly<Record<string, unknown>> }[]
  readonly profile?: string
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
