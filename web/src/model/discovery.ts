import type {
  ConfigurationDocument,
  ConfigurationEdit,
  ConnectorDocument,
  Proposal,
} from '../../../src/contract/index.ts'

/** What somebody decided about one proposal. */
export interface Ticked {
  readonly name: string
  /** Name of a credential of the group; empty for none. */
  readonly credential: string
}

/** The connector of a proposal, as the document writes it. */
export function connectorOf({ connector }: Proposal): ConnectorDocument {
  // The server made it from its own library; to the API it is any JSON.
  return connector as ConnectorDocument
}

/** Ticked from the beginning: what said what it is, is not there yet, and lacks nothing that the group does not have. */
export function isTickedAtFirst({ certainty, known, credential }: Proposal): boolean {
  return (
    certainty === 'identified' && known === null && (credential?.isRequired !== true || credential.usable.length > 0)
  )
}

export function firstTick(proposal: Proposal): Ticked {
  const { credential } = proposal
  const name = credential?.isRequired === true ? (credential.usable[0] ?? '') : ''
  return { name: connectorOf(proposal).name, credential: name }
}

/** Whether a proposal cannot be taken as it is decided about: a credential that it needs is missing. */
export function isLacking({ credential }: Proposal, ticked: Ticked): boolean {
  return credential?.isRequired === true && ticked.credential === ''
}

/** The edits that add what was ticked: profiles and systems that are missing first. */
export function editsToAdd(
  group: string,
  host: string,
  chosen: readonly (readonly [Proposal, Ticked])[],
  document: ConfigurationDocument,
): readonly ConfigurationEdit[] {
  const profiles = new Map<string, object>()
  const systems = new Set<string>()
  const present = document.groups?.find(({ name }) => name === group)?.systems ?? []
  const connectors: ConfigurationEdit[] = []
  for (const [proposal, { name, credential }] of chosen) {
    const { system } = proposal
    if (proposal.profile !== null) {
      const { name: profile, ...value } = proposal.profile as { readonly name: string }
      profiles.set(profile, value)
    }
    if (!present.some((one) => one.name === system)) systems.add(system)
    const { name: _proposed, ...value } = connectorOf(proposal)
    connectors.push({
      is: 'add',
      at: { group, system, connector: name },
      value: { ...value, ...(credential === '' ? {} : { credential }) },
    })
  }
  return [
    ...[...profiles].map(([profile, value]) => ({ is: 'add', at: { profile }, value }) as const),
    ...[...systems].map(
      (system) => ({ is: 'add', at: { group, system }, value: system === host ? { type: 'host' } : {} }) as const,
    ),
    ...connectors,
  ]
}
