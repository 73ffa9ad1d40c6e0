import type { CredentialType, DiscoveryPlace, Proposal } from '../../sdk/index.ts'

/** A connector to a server that said what it is, with nothing in its settings but where it is and what was `learned`. */
export function proposalOf(
  { host, port }: DiscoveryPlace,
  about: {
    /** The connector's type, and its port where none is given. */
    readonly id: string
    readonly port: number
    readonly title: string
    /** Follows "port 3306 …". */
    readonly seen: string
    readonly credential?: CredentialType
    readonly learned?: Readonly<Record<string, unknown>>
  },
): Proposal {
  const usual = port === about.port
  return {
    name: usual ? about.id : `${about.id}-${port}`,
    title: `${about.title}, port ${port}`,
    settings: { host, ...(usual ? {} : { port }), ...about.learned },
    seen: `port ${port} ${about.seen}`,
    certainty: 'identified',
    ...(about.credential === undefined ? {} : { credential: about.credential }),
  }
}
