import type { FoundConnector } from '../model/index.ts'
import type { CredentialType } from './connector.ts'

/** A host to be looked at, by the name or address that was typed in, and one port of it; 0 where the question is about the host. */
export interface DiscoveryPlace {
  readonly host: string
  readonly port: number
}

/** One thing that was found, as a connector that could be configured. Nothing is made of it before somebody has looked at it. */
export interface Proposal extends Omit<FoundConnector, 'type' | 'credential'> {
  /** The type of credential that it will want before anything can be measured. Absent: it works without. */
  readonly credential?: CredentialType
}

/** How a connector finds out whether what it connects to is at a host that somebody points at. */
export interface Discovery {
  /**
   * Where it asks. `tcp`: ports it listens on by default; `identify` is called for each that accepts a connection. `udp`: nothing but an
   * answer shows whether somebody listens, so it is called for each. `host`: called once, with the port 0.
   */
  readonly at: { readonly tcp?: readonly number[]; readonly udp?: readonly number[] } | 'host'
  /** Its proposals count only for ports at which no other connector found anything. */
  readonly isFallback?: true
  /**
   * Says what is there; nothing: an empty list. Read-only and without credentials, one or two small exchanges, with no client library where a
   * few bytes will do: it runs in the agent's own process. Ends with the signal, which gives it five seconds. May propose several
   * connectors, also such as lie on other hosts (the instances of one system). What it throws is shown beside the proposals.
   */
  identify(place: DiscoveryPlace, signal: AbortSignal): Promise<readonly Proposal[]>
}
