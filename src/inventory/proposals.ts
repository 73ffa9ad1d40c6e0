import type { ConfigurationDocument, ConnectorDocument, GroupDocument, ProfileDocument } from '../contract/index.ts'
import type { FoundConnector } from '../model/index.ts'
import { checkDeclared, type Library } from '../sdk/index.ts'
import { defaultProfileOf } from './defaults.ts'
import { nameProblem } from './reading.ts'

/** A connector that could be added, checked against the library, with what it takes to add it. */
export interface ProposedConnector {
  /** The system that it belongs to; made where it is missing. */
  readonly system: string
  /** As the document writes it, without a credential. */
  readonly connector: ConnectorDocument
  readonly title: string
  readonly seen: string
  readonly certainty: 'identified' | 'guessed'
  /** The credential that it wants, and those of the group that it could use. Null where it works without. */
  readonly credential: {
    readonly type: string
    readonly isRequired: boolean
    readonly usable: readonly string[]
  } | null
  /** The profile that has to be made before; null where it is there, is the default one, or none suits. */
  readonly profile: ProfileDocument | null
  /** `system / connector` that has the same type and target already, or null. */
  readonly known: string | null
  /** With what the target is asked for more: the settings and the system of the connector that is there already, else its own. */
  readonly way: { readonly settings: Readonly<Record<string, unknown>>; readonly system: string }
}

export interface ProposalPlace {
  readonly group: string
  readonly host: string
  /** The system for what belongs to the host; named as the host unless given. */
  readonly system?: string | undefined
  /** The present configuration, as far as the one who asks sees it. */
  readonly document: ConfigurationDocument
}

/** What was found, as connectors that this program's library takes, in the order of systems and names. What it does not take is told in words. */
export function proposedConnectors(
  found: readonly FoundConnector[],
  place: ProposalPlace,
  library: Library,
): { readonly proposals: readonly ProposedConnector[]; readonly problems: readonly string[] } {
  const group = place.document.groups?.find(({ name }) => name === place.group)
  const known = knownTargets(group, library)
  const taken = new Map(
    (group?.systems ?? []).map(({ name, connectors }) => [name, new Set((connectors ?? []).map((one) => one.name))]),
  )
  const proposals: ProposedConnector[] = []
  const problems: string[] = []
  const order = [...found].sort((a, b) =>
    a.certainty === b.certainty ? compare(a, b) : a.certainty === 'guessed' ? 1 : -1,
  )
  const met = new Set<string>()
  for (const one of order) {
    const connector = library.connectors.get(one.type)
    if (connector === undefined) {
      problems.push(`${one.title}: the server knows no connector of the type ${one.type}`)
      continue
    }
    const checked = checkDeclared(connector, one.settings, 'settings')
    const system = one.system ?? place.system ?? place.host
    const wrong = checked.ok
      ? (nameProblem(one.name) ?? nameProblem(system))
      : checked.problems.map(({ path, message }) => `${path} ${message}`).join('; ')
    if (wrong !== undefined || !checked.ok) {
      problems.push(`${one.title}: cannot be used (${wrong ?? ''})`)
      continue
    }
    const target = `${one.type} ${connector.target(checked.value)}`
    // Two ports or two questions may lead to the same thing.
    if (met.has(`${system} ${target} ${one.profile ?? ''}`)) continue
    met.add(`${system} ${target} ${one.profile ?? ''}`)
    const profile = profileOf(one, library)
    const names = taken.get(system) ?? new Set()
    taken.set(system, names)
    const there = known.get(target) ?? null
    const name = there === null ? freeName(one.name, names) : one.name
    if (there === null) names.add(name)
    const wants = one.credential ?? (connector.credentialRequired === true ? connector.credentials[0] : undefined)
    proposals.push({
      system,
      connector: {
        name,
        type: one.type,
        ...(Object.keys(one.settings).length === 0 ? {} : { settings: one.settings }),
        ...(profile === 'default' ? { defaults: true } : profile === undefined ? {} : { profiles: [profile.name] }),
      },
      title: one.title,
      seen: one.seen,
      certainty: one.certainty,
      credential:
        wants === undefined
          ? null
          : {
              type: wants,
              isRequired: connector.credentialRequired === true,
              usable: (group?.credentials ?? [])
                .filter(({ type }) => connector.credentials.some((usable) => usable === type))
                .map((credential) => credential.name),
            },
      profile:
        profile === undefined ||
        profile === 'default' ||
        place.document.profiles?.some((present) => present.name === profile.name) === true
          ? null
          : profile,
      known: there?.path ?? null,
      way: { settings: there?.settings ?? one.settings, system: there?.system ?? system },
    })
  }
  return { proposals, problems }
}

/** The document that adds proposals to what is there; everything that is not named in it stays as it is. */
export function proposedDocument(
  proposals: readonly ProposedConnector[],
  place: ProposalPlace,
  /** Names of credentials, given to each connector that can use one of them; the first that it can. */
  credentials: readonly string[],
): { readonly document: ConfigurationDocument; readonly waiting: readonly ProposedConnector[] } {
  const waiting: ProposedConnector[] = []
  const systems = new Map<string, ConnectorDocument[]>()
  const profiles = new Map<string, ProfileDocument>()
  for (const one of proposals) {
    const credential = credentials.find((name) => one.credential?.usable.includes(name) === true)
    if (one.credential?.isRequired === true && credential === undefined) {
      waiting.push(one)
      continue
    }
    if (one.profile !== null) profiles.set(one.profile.name, one.profile)
    const connectors = systems.get(one.system) ?? []
    connectors.push({ ...one.connector, ...(credential === undefined ? {} : { credential }) })
    systems.set(one.system, connectors)
  }
  // What has a name and is written is written whole: what it had before would go otherwise.
  const group = place.document.groups?.find(({ name }) => name === place.group)
  const { credentials: _kept, systems: present = [], ...about } = group ?? { name: place.group }
  const written = [...systems].map(([name, connectors]) => ({
    ...(present.find((system) => system.name === name) ?? { name, ...(name === place.host ? { type: 'host' } : {}) }),
    connectors,
  }))
  return {
    document: {
      ...(profiles.size === 0 ? {} : { profiles: [...profiles.values()] }),
      groups: [{ ...about, systems: written }],
    },
    waiting,
  }
}

function compare(a: FoundConnector, b: FoundConnector): number {
  const [one, other] = [`${a.system ?? ''} ${a.name} ${a.title}`, `${b.system ?? ''} ${b.name} ${b.title}`]
  return one < other ? -1 : one > other ? 1 : 0
}

/** `default`: the default profile of its type. Undefined: nothing that is there suits it without being told more. */
function profileOf(
  { type, profile, monitors, title }: FoundConnector,
  library: Library,
): ProfileDocument | 'default' | undefined {
  if (monitors === undefined || profile === undefined)
    return defaultProfileOf(type, library) === undefined ? undefined : 'default'
  const usable = monitors.filter(({ monitor, settings }) => {
    const declared = library.monitors.get(monitor)
    return (
      declared?.connectors.some((one) => one === type) === true &&
      checkDeclared(declared, settings ?? {}, 'settings').ok
    )
  })
  if (usable.length === 0 || nameProblem(profile) !== undefined) return undefined
  return { name: profile, connector: type, description: title.slice(0, 200), monitors: usable }
}

interface Known {
  /** `system / connector` */
  readonly path: string
  readonly system: string
  readonly settings: Readonly<Record<string, unknown>>
}

function knownTargets(group: GroupDocument | undefined, library: Library): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>()
  for (const system of group?.systems ?? []) {
    for (const { name, type, settings = {} } of system.connectors ?? []) {
      const target = targetOf({ type, settings }, library)
      if (target !== undefined) known.set(target, { path: `${system.name} / ${name}`, system: system.name, settings })
    }
  }
  return known
}

/** What two connectors have in common that lead to the same thing; undefined where the library does not take it. */
function targetOf({ type, settings }: Pick<FoundConnector, 'type' | 'settings'>, library: Library): string | undefined {
  const connector = library.connectors.get(type)
  const checked = connector === undefined ? undefined : checkDeclared(connector, settings, 'settings')
  return checked?.ok === true ? `${type} ${connector?.target(checked.value)}` : undefined
}

/** What was found, with what it knew of beside itself: the name that somebody who was asked gives to a thing takes the place of its port's number. */
export function withNeighbours(
  found: readonly FoundConnector[],
  neighbours: readonly FoundConnector[],
  library: Library,
): readonly FoundConnector[] {
  const named = new Set(neighbours.map((one) => targetOf(one, library)))
  const others = found.filter((one) => {
    const target = targetOf(one, library)
    return target === undefined || !named.has(target)
  })
  return [...neighbours, ...others]
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted
  for (let number = 2; ; number++) {
    if (!taken.has(`${wanted}-${number}`)) return `${wanted}-${number}`
  }
}
