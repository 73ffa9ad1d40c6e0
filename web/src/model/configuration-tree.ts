import type {
  ConfigurationDocument,
  ConnectorDocument,
  CredentialDocument,
  GroupDocument,
  MonitorDocument,
  ObjectPlace,
  ProfileDocument,
  SystemDocument,
} from '../../../src/contract/index.ts'

export type ObjectKind = 'group' | 'system' | 'connector' | 'credential' | 'profile' | 'monitor' | 'plugin'

export function kindOf(place: ObjectPlace): ObjectKind {
  if ('plugin' in place) return 'plugin'
  if ('profile' in place) return 'monitor' in place ? 'monitor' : 'profile'
  if ('credential' in place) return 'credential'
  if ('connector' in place) return 'connector'
  return 'system' in place ? 'system' : 'group'
}

export function nameOf(place: ObjectPlace): string {
  if ('plugin' in place) return place.plugin
  if ('profile' in place) return 'monitor' in place ? place.monitor : place.profile
  if ('credential' in place) return place.credential
  if ('connector' in place) return place.connector
  return 'system' in place ? place.system : place.group
}

/** The same object with another name of its own. */
export function renamed(place: ObjectPlace, name: string): ObjectPlace {
  if ('plugin' in place) return { plugin: name }
  if ('profile' in place) return 'monitor' in place ? { ...place, monitor: name } : { profile: name }
  if ('credential' in place) return { ...place, credential: name }
  if ('connector' in place) return { ...place, connector: name }
  return 'system' in place ? { ...place, system: name } : { group: name }
}

/** As the server names it in differences and in what is wrong: `groups["acme"].systems["shop"]`. */
export function pathOf(place: ObjectPlace): string {
  const step = (list: string, name: string) => `${list}[${JSON.stringify(name)}]`
  if ('plugin' in place) return step('plugins', place.plugin)
  if ('profile' in place) {
    const profile = step('profiles', place.profile)
    return 'monitor' in place ? `${profile}.${step('monitors', place.monitor)}` : profile
  }
  const group = step('groups', place.group)
  if ('credential' in place) return `${group}.${step('credentials', place.credential)}`
  if (!('system' in place)) return group
  const system = `${group}.${step('systems', place.system)}`
  return 'connector' in place ? `${system}.${step('connectors', place.connector)}` : system
}

/** One text for one object, to know it by. */
export const placeKey = pathOf

export const monitorName = (monitor: MonitorDocument): string => monitor.name ?? monitor.monitor

type Found =
  | GroupDocument
  | SystemDocument
  | ConnectorDocument
  | CredentialDocument
  | ProfileDocument
  | MonitorDocument
  | Readonly<Record<string, unknown>>

/** An object of the document as an edit takes it: without its name and without the named objects in it. Undefined where there is none. */
export function objectAt(
  document: ConfigurationDocument,
  place: ObjectPlace,
): Readonly<Record<string, unknown>> | undefined {
  const found = find(document, place)
  if (found === undefined) return undefined
  const inner = innerOf[kindOf(place)]
  return Object.fromEntries(Object.entries(found).filter(([key]) => key !== 'name' && !inner.includes(key)))
}

const innerOf: Record<ObjectKind, readonly string[]> = {
  group: ['systems', 'credentials'],
  system: ['connectors'],
  connector: [],
  credential: [],
  profile: ['monitors'],
  monitor: [],
  plugin: [],
}

function find(document: ConfigurationDocument, place: ObjectPlace): Found | undefined {
  if ('plugin' in place) return document.plugins?.find(({ name }) => name === place.plugin) as Found | undefined
  if ('profile' in place) {
    const profile = document.profiles?.find(({ name }) => name === place.profile)
    return 'monitor' in place ? profile?.monitors?.find((one) => monitorName(one) === place.monitor) : profile
  }
  const group = document.groups?.find(({ name }) => name === place.group)
  if ('credential' in place) return group?.credentials?.find(({ name }) => name === place.credential)
  if (!('system' in place)) return group
  const system = group?.systems?.find(({ name }) => name === place.system)
  return 'connector' in place ? system?.connectors?.find(({ name }) => name === place.connector) : system
}

export interface TreeRow {
  readonly key: string
  readonly place: ObjectPlace
  readonly kind: 'group' | 'system' | 'connector' | 'credential'
  readonly name: string
  /** Its type, where it has one. */
  readonly type: string
  readonly tags: Readonly<Record<string, string>>
  /** Of a connector: how many profiles it has. */
  readonly profiles: number
  /** 1 for a group. */
  readonly level: 1 | 2 | 3
  /** Objects below it; 0 where it cannot be opened. */
  readonly inside: number
  readonly isOpen: boolean
}

/** Whether every word of a filter is in one of the texts. */
export function matchesWords(filter: string, ...texts: readonly string[]): boolean {
  const all = texts.join('\n').toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word))
}

/**
 * The rows of the tree that are to be seen, in the document's order. With a filter those objects that match it, below what they stand in,
 * and whatever is in an object that matches.
 */
export function treeRows(
  document: ConfigurationDocument,
  open: ReadonlySet<string>,
  filter: string,
): readonly TreeRow[] {
  const isFiltered = filter.trim() !== ''
  const matches = (...words: readonly string[]) => isFiltered && matchesWords(filter.trim(), ...words)
  const rows: TreeRow[] = []
  const plain = { type: '', tags: {}, profiles: 0, inside: 0, isOpen: false } as const
  for (const group of document.groups ?? []) {
    const at = { group: group.name }
    const isGroupMet = matches(group.name, group.description ?? '')
    const inner: TreeRow[] = []
    for (const system of group.systems ?? []) {
      const place = { ...at, system: system.name }
      const { type = '', tags = {}, connectors = [] } = system
      const tagWords = Object.entries(tags).map(([tag, value]) => `${tag}=${value}`)
      const isMet = isGroupMet || matches(system.name, type, system.description ?? '', ...tagWords)
      const met = connectors.filter(
        (one) => isMet || !isFiltered || matches(one.name, one.type, ...(one.profiles ?? []), writtenTarget(one)),
      )
      if (isFiltered && !isMet && met.length === 0) continue
      const key = placeKey(place)
      const isOpen = isFiltered ? !isMet || open.has(key) : open.has(key)
      const about = { kind: 'system', level: 2, type, tags, profiles: 0, inside: connectors.length, isOpen } as const
      inner.push({ key, place, name: system.name, ...about })
      if (!isOpen) continue
      for (const one of met) {
        const to = { ...place, connector: one.name }
        const profiles = one.profiles?.length ?? 0
        inner.push({
          ...plain,
          key: placeKey(to),
          place: to,
          kind: 'connector',
          level: 3,
          name: one.name,
          type: one.type,
          profiles,
        })
      }
    }
    for (const one of group.credentials ?? []) {
      if (isFiltered && !isGroupMet && !matches(one.name, one.type)) continue
      const place = { ...at, credential: one.name }
      inner.push({
        ...plain,
        key: placeKey(place),
        place,
        kind: 'credential',
        level: 2,
        name: one.name,
        type: one.type,
      })
    }
    if (isFiltered && !isGroupMet && inner.length === 0) continue
    const key = placeKey(at)
    const isOpen = isFiltered || open.has(key)
    const inside = (group.systems?.length ?? 0) + (group.credentials?.length ?? 0)
    rows.push({ ...plain, key, place: at, kind: 'group', level: 1, name: group.name, inside, isOpen })
    if (isOpen) rows.push(...inner)
  }
  return rows
}

/** What a connector leads to, as far as its settings say it in texts. */
function writtenTarget({ settings = {} }: ConnectorDocument): string {
  return Object.values(settings)
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .join(' ')
}

/** What of an object's path a problem is about: `settings.url`; undefined where it is about something else. */
export function within(problemPath: string, objectPath: string): string | undefined {
  if (problemPath === objectPath) return ''
  if (!problemPath.startsWith(objectPath)) return undefined
  const rest = problemPath.slice(objectPath.length)
  return rest.startsWith('.') ? rest.slice(1) : rest.startsWith('[') ? rest : undefined
}

/** What the address names a place by. */
export interface PlaceSearch {
  readonly tab?: string
  readonly group?: string
  readonly system?: string
  readonly connector?: string
  readonly credential?: string
  readonly profile?: string
  readonly monitor?: string
}

export function searchOf(place: ObjectPlace): PlaceSearch {
  if ('plugin' in place) return {}
  return 'profile' in place ? { tab: 'profiles', ...place } : place
}

/** The place that an address names. */
export function placeOf(search: PlaceSearch): ObjectPlace | undefined {
  const { group, system, connector, credential, profile, monitor } = search
  if (profile !== undefined) return monitor === undefined ? { profile } : { profile, monitor }
  if (group === undefined) return undefined
  if (credential !== undefined) return { group, credential }
  if (system === undefined) return { group }
  return connector === undefined ? { group, system } : { group, system, connector }
}

/** Where somebody is after an object has gone: what it stood in. */
export function searchAbove(place: ObjectPlace): PlaceSearch {
  if ('connector' in place) return searchOf({ group: place.group, system: place.system })
  if ('system' in place || 'credential' in place) return searchOf({ group: place.group })
  if ('monitor' in place) return searchOf({ profile: place.profile })
  return 'profile' in place ? { tab: 'profiles' } : {}
}
