import type { ConfigurationEdit, ObjectPlace } from '../contract/index.ts'
import { isPlainObject, shown, type Library } from '../sdk/index.ts'
import { readDocument, type CheckContext } from './check.ts'
import {
  writeGroup,
  writeProfile,
  writeSystem,
  type Configuration,
  type Connector,
  type Group,
  type System,
} from './configuration.ts'
import { defaultProfileOf, noDefaults } from './defaults.ts'
import type { ConfigurationObject, Edit, ObjectKey } from './difference.ts'
import { followingWindows } from './following-windows.ts'
import { merge, namePath, type Referring } from './plan.ts'
import { Problems, nameProblem } from './reading.ts'
import { credentialContext, openIfReadable, pluginContext, type SecretVault } from './secrets.ts'
import { pathOf } from './store.ts'
import { withObjects, type Put } from './with-objects.ts'

/** A named object, by the names on the way to it. */
interface Target {
  readonly kind: 'profile' | 'monitor' | 'group' | 'credential' | 'system' | 'connector' | 'plugin'
  readonly key: ObjectKey
  readonly path: string
}

function targetOf(place: ObjectPlace): Target {
  const target = (kind: Target['kind'], name: string, parent = '', inner = ''): Target => {
    const key = { parent, place: inner, name }
    return { kind, key, path: pathOf({ kind, ...key }) }
  }
  if ('plugin' in place) return target('plugin', place.plugin)
  if ('profile' in place)
    return 'monitor' in place ? target('monitor', place.monitor, place.profile) : target('profile', place.profile)
  if ('credential' in place) return target('credential', place.credential, place.group)
  if ('connector' in place) return target('connector', place.connector, place.group, place.system)
  if ('system' in place) return target('system', place.system, place.group)
  return target('group', place.group)
}

function find({ kind, key }: Target, { profiles, groups, plugins }: Configuration): ConfigurationObject | undefined {
  const { parent, place, name } = key
  const of = <K extends ConfigurationObject['kind'], T>(as: K, value: T | undefined) =>
    value === undefined ? undefined : { kind: as, value }
  switch (kind) {
    case 'profile':
      return of(kind, profiles.get(name))
    case 'monitor':
      return of(kind, profiles.get(parent)?.monitors.get(name))
    case 'group':
      return of(kind, groups.get(name))
    case 'credential':
      return of(kind, groups.get(parent)?.credentials.get(name))
    case 'system':
      return of(kind, groups.get(parent)?.systems.get(name))
    case 'connector':
      return of(kind, groups.get(parent)?.systems.get(place)?.connectors.get(name))
    case 'plugin':
      return of(kind, plugins.get(name))
  }
}

/** Whether what an object would stand in is there; says it where it is not. */
function hasParent({ kind, key, path }: Target, configuration: Configuration, problems: Problems): boolean {
  const missing = (what: string, name: string) => {
    problems.add(path, `there is no ${what} ${shown(name)}`, 'It may have been removed or renamed meanwhile.')
    return false
  }
  switch (kind) {
    case 'profile':
    case 'group':
    case 'plugin':
      return true
    case 'monitor':
      return configuration.profiles.has(key.parent) || missing('profile', key.parent)
    case 'credential':
    case 'system':
      return configuration.groups.has(key.parent) || missing('group', key.parent)
    case 'connector':
      return configuration.groups.get(key.parent)?.systems.has(key.place) === true || missing('system', key.place)
  }
}

/**
 * What a configuration becomes by edits, one on what the one before it left. Names what is wrong by the path of the object, as differences
 * name it, and what is in it: `groups["acme"].systems["shop"].connectors["web"].settings.url`. What names refer to is looked at afterwards.
 */
export async function edited(
  configuration: Configuration,
  edits: readonly ConfigurationEdit[],
  context: Omit<CheckContext, 'current'>,
  problems: Problems,
): Promise<Configuration> {
  let present = configuration
  for (const edit of edits) {
    if (problems.isFull) break
    present = await step(present, edit, context, problems)
    const turn = context.breathe()
    if (turn !== undefined) await turn
  }
  return present
}

async function step(
  present: Configuration,
  edit: ConfigurationEdit,
  context: Omit<CheckContext, 'current'>,
  problems: Problems,
): Promise<Configuration> {
  switch (edit.is) {
    case 'add': {
      const target = targetOf(edit.at)
      if (!hasParent(target, present, problems)) return present
      if (find(target, present) !== undefined) {
        problems.add(`${target.path}.name`, `there is already a ${target.kind} ${shown(target.key.name)}`)
        return present
      }
      return written(present, target, edit.value, context, problems)
    }
    case 'change': {
      const target = targetOf(edit.at)
      return isThere(target, present, problems) ? written(present, target, edit.value, context, problems) : present
    }
    case 'remove': {
      const target = targetOf(edit.at)
      return isThere(target, present, problems) ? removed(present, target) : present
    }
    case 'move': {
      const [from, to] = [targetOf(edit.at), targetOf(edit.to)]
      if (!isThere(from, present, problems) || !hasParent(to, present, problems)) return present
      const wrong = from.kind === to.kind ? nameProblem(to.key.name) : `is no place for a ${from.kind}`
      if (wrong !== undefined) problems.add(`${from.path}.name`, wrong)
      else if (find(to, present) !== undefined)
        problems.add(`${from.path}.name`, `there is already a ${to.kind} ${shown(to.key.name)}`)
      else return moved(present, from, to, context.vault, problems)
      return present
    }
    case 'assign': {
      const targets = edit.at.map(targetOf).filter((target) => isThere(target, present, problems))
      const ready = edit.defaults === true ? await withDefaultProfiles(present, targets, context, problems) : present
      const puts = targets.flatMap((target) => assigned(target, edit, ready, context.library, problems))
      return withObjects(ready, puts)
    }
  }
}

function isThere(target: Target, configuration: Configuration, problems: Problems): boolean {
  if (find(target, configuration) !== undefined) return true
  problems.add(
    target.path,
    `there is no ${target.kind} ${shown(target.key.name)}`,
    'It may have been removed or renamed meanwhile.',
  )
  return false
}

/** Puts an object in as it was written, as a document of nothing else would: named objects in it are merged by name. */
async function written(
  present: Configuration,
  target: Target,
  value: unknown,
  context: Omit<CheckContext, 'current'>,
  problems: Problems,
): Promise<Configuration> {
  const { kind, key } = target
  if (!isPlainObject(value)) {
    problems.add(target.path, `must be an object, not ${shown(value)}`)
    return present
  }
  const { name, parent, place } = key
  const one = { ...value, name }
  const group = present.groups.get(parent)
  const system = group?.systems.get(place)
  const profile = present.profiles.get(parent)
  // What it stands in is written as it is.
  const inGroup = (more: object) => ({ groups: [{ ...(group === undefined ? {} : writeGroup(group)), ...more }] })
  const document = ((): { readonly document: object; readonly path: string } => {
    switch (kind) {
      case 'profile':
        return { document: { profiles: [one] }, path: 'profiles[0]' }
      case 'monitor':
        return {
          document: { profiles: [{ ...(profile === undefined ? {} : writeProfile(profile)), monitors: [one] }] },
          path: 'profiles[0].monitors[0]',
        }
      case 'group':
        return { document: { groups: [one] }, path: 'groups[0]' }
      case 'credential':
        return { document: inGroup({ credentials: [one] }), path: 'groups[0].credentials[0]' }
      case 'system':
        return { document: inGroup({ systems: [one] }), path: 'groups[0].systems[0]' }
      case 'connector': {
        const systems = [{ ...(system === undefined ? {} : writeSystem(system)), connectors: [one] }]
        return { document: inGroup({ systems }), path: 'groups[0].systems[0].connectors[0]' }
      }
      case 'plugin':
        return { document: { plugins: [one] }, path: 'plugins[0]' }
    }
  })()
  const found = new Problems()
  const read = await readDocument(document.document, { ...context, current: present }, found)
  const next =
    found.list.length > 0
      ? present
      : merge(present, read, { prune: 'nothing', visible: undefined }, context.library, found, 'later')
  for (const { path, message, hint } of found.list)
    problems.add(path.startsWith(document.path) ? target.path + path.slice(document.path.length) : path, message, hint)
  return next
}

/** Takes an object away. What names a profile or a group then does not name it any more; what uses a credential keeps it from going. */
function removed(present: Configuration, { kind, key }: Target): Configuration {
  const gone: Put[] = [{ key, kind, object: undefined }]
  if (kind === 'group' || kind === 'system' || kind === 'connector')
    gone.push(...followingWindows(present.maintenances, kind, key, undefined))
  if (kind === 'group' && present.associations.has(key.name)) gone.push({ key, kind: 'association', object: undefined })
  if (kind === 'profile') {
    gone.push(
      ...connectorsWhere(
        present,
        ({ profiles }) => profiles.includes(key.name),
        (connector) => ({
          ...connector,
          profiles: connector.profiles.filter((name) => name !== key.name),
        }),
      ),
    )
  }
  return withObjects(present, gone)
}

/** Gives an object another name or another place; what names it follows, as far as it can still reach it. */
function moved(
  present: Configuration,
  from: Target,
  to: Target,
  vault: SecretVault,
  problems: Problems,
): Configuration {
  const object = find(from, present)
  if (object === undefined) return present
  const { name } = to.key
  const gone: Put = { key: from.key, kind: from.kind, object: undefined }
  const put = (one: ConfigurationObject, key = to.key): Put => ({ key, kind: one.kind, object: one })
  switch (object.kind) {
    case 'plugin': {
      const secrets = resealed(object.value.secrets, pluginContext(object.value.name), pluginContext(name), vault)
      if (secrets === undefined) return unreadable(present, from, problems)
      return withObjects(present, [gone, put({ ...object, value: { ...object.value, name, secrets } })])
    }
    case 'profile':
      return withObjects(present, [
        gone,
        put({ ...object, value: { ...object.value, name } }),
        ...[...object.value.monitors].map(([monitor, value]) =>
          put({ kind: 'monitor', value }, { parent: name, place: '', name: monitor }),
        ),
        ...connectorsWhere(
          present,
          ({ profiles }) => profiles.includes(from.key.name),
          (connector) => ({
            ...connector,
            profiles: connector.profiles.map((one) => (one === from.key.name ? name : one)).sort(),
          }),
        ),
      ])
    case 'monitor':
      return withObjects(present, [gone, put({ ...object, value: { ...object.value, name } })])
    case 'connector':
      return withObjects(present, [
        gone,
        put({ ...object, value: { ...object.value, name } }),
        ...followingWindows(present.maintenances, 'connector', from.key, to.key),
      ])
    case 'system':
      return withObjects(present, [
        gone,
        put({ ...object, value: { ...object.value, name } }),
        ...connectorsOf(object.value, to.key.parent, name),
        ...followingWindows(present.maintenances, 'system', from.key, to.key),
      ])
    case 'credential': {
      const secrets = resealed(
        object.value.secrets,
        credentialContext(from.key.parent, from.key.name),
        credentialContext(to.key.parent, name),
        vault,
      )
      if (secrets === undefined) return unreadable(present, from, problems)
      const next = withObjects(present, [gone, put({ ...object, value: { ...object.value, name, secrets } })])
      if (from.key.parent !== to.key.parent) return next
      const follow = connectorsWhere(
        { ...next, groups: new Map([...next.groups].filter(([group]) => group === to.key.parent)) },
        ({ credential }) => credential === from.key.name,
        (connector) => ({ ...connector, credential: name }),
      )
      return withObjects(next, follow)
    }
    case 'group':
      return movedGroup(present, object.value, name, vault, problems)
    case 'association':
    case 'maintenance':
    case 'dashboard':
      // Is no place of its own.
      return present
  }
}

function movedGroup(
  present: Configuration,
  group: Group,
  name: string,
  vault: SecretVault,
  problems: Problems,
): Configuration {
  const at = (key: string) => ({ parent: name, place: '', name: key })
  const puts: Put[] = [
    { key: { parent: '', place: '', name: group.name }, kind: 'group', object: undefined },
    { key: { parent: '', place: '', name }, kind: 'group', object: { kind: 'group', value: { ...group, name } } },
  ]
  for (const [key, credential] of group.credentials) {
    const [was, is] = [credentialContext(group.name, key), credentialContext(name, key)]
    const secrets = resealed(credential.secrets, was, is, vault)
    const path = namePath(['groups', group.name], ['credentials', key])
    if (secrets === undefined) problems.add(path, cannotOpen, enterAgain)
    else
      puts.push({ key: at(key), kind: 'credential', object: { kind: 'credential', value: { ...credential, secrets } } })
  }
  for (const [key, system] of group.systems)
    puts.push(
      { key: at(key), kind: 'system', object: { kind: 'system', value: system } },
      ...connectorsOf(system, name, key),
    )
  const place = (key: string) => ({ parent: '', place: '', name: key })
  puts.push(...followingWindows(present.maintenances, 'group', place(group.name), place(name)))
  const association = present.associations.get(group.name)
  if (association !== undefined) {
    const key = { parent: '', place: '', name: group.name }
    puts.push(
      { key, kind: 'association', object: undefined },
      {
        key: { ...key, name },
        kind: 'association',
        object: { kind: 'association', value: { ...association, group: name } },
      },
    )
  }
  return withObjects(present, puts)
}

function connectorsOf(system: System, group: string, name: string): Put[] {
  return [...system.connectors].map(([key, value]) => ({
    key: { parent: group, place: name, name: key },
    kind: 'connector',
    object: { kind: 'connector', value },
  }))
}

const cannotOpen = 'the stored secret cannot be opened'
const enterAgain = 'Enter it again first.'

function unreadable(present: Configuration, { path }: Target, problems: Problems): Configuration {
  problems.add(path, cannotOpen, enterAgain)
  return present
}

/** Secrets open only where they were sealed for. Undefined where they cannot be opened. */
function resealed(
  secrets: { readonly names: readonly string[]; readonly sealed: string },
  from: string,
  to: string,
  vault: SecretVault,
): typeof secrets | undefined {
  if (secrets.sealed === '') return secrets
  const clear = openIfReadable(secrets.sealed, from, vault)
  return clear === undefined ? undefined : { names: secrets.names, sealed: vault.seal(clear, to) }
}

function connectorsWhere(
  { groups }: Pick<Configuration, 'groups'>,
  isOne: (connector: Connector) => boolean,
  change: (connector: Connector) => Connector,
): Put[] {
  return [...groups].flatMap(([group, { systems }]) =>
    [...systems].flatMap(([system, { connectors }]) =>
      [...connectors].flatMap(([name, connector]): Put[] =>
        isOne(connector)
          ? [
              {
                key: { parent: group, place: system, name },
                kind: 'connector',
                object: { kind: 'connector', value: change(connector) },
              },
            ]
          : [],
      ),
    ),
  )
}

function connectorsAt({ key, kind }: Target, { groups }: Configuration): Connector[] {
  const system = groups.get(key.parent)?.systems.get(kind === 'connector' ? key.place : key.name)
  return [...(system?.connectors.values() ?? [])].filter(({ name }) => kind !== 'connector' || name === key.name)
}

/** The default profiles of all connectors concerned, as they are shipped where they are missing. Of a whole system those count that have one. */
async function withDefaultProfiles(
  present: Configuration,
  targets: readonly Target[],
  context: Omit<CheckContext, 'current'>,
  problems: Problems,
): Promise<Configuration> {
  let next = present
  for (const target of targets) {
    for (const { type } of connectorsAt(target, present)) {
      const profile = defaultProfileOf(type, context.library)
      if (profile === undefined) {
        if (target.kind === 'connector') problems.add(`${target.path}.profiles`, noDefaults(type))
      } else if (!next.profiles.has(profile.name)) {
        next = await written(next, targetOf({ profile: profile.name }), profile, context, problems)
      }
    }
  }
  return next
}

/** Profiles go onto connectors of their type, tags onto systems. */
function assigned(
  { key, kind, path }: Target,
  { profiles, tags, defaults }: Extract<ConfigurationEdit, { is: 'assign' }>,
  present: Configuration,
  library: Library,
  problems: Problems,
): Put[] {
  const group = present.groups.get(key.parent)
  const system = group?.systems.get(kind === 'connector' ? key.place : key.name)
  if (system === undefined || (kind !== 'system' && kind !== 'connector')) {
    problems.add(path, `a ${kind} takes neither profiles nor tags`)
    return []
  }
  const puts: Put[] = []
  if (tags !== undefined) {
    const kept = Object.entries(system.tags).filter(([tag]) => !(tags.remove ?? []).includes(tag))
    const next = Object.fromEntries([...kept, ...Object.entries(tags.set ?? {})].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
    for (const tag of Object.keys(tags.set ?? {})) {
      const wrong = nameProblem(tag)
      if (wrong !== undefined) problems.add(`${path}.tags`, `the tag ${shown(tag)}: ${wrong}`)
    }
    puts.push({
      key: { parent: key.parent, place: '', name: system.name },
      kind: 'system',
      object: { kind: 'system', value: { ...system, tags: next } },
    })
  }
  if (profiles === undefined && defaults !== true) return puts
  for (const [name, connector] of system.connectors) {
    if (kind === 'connector' && name !== key.name) continue
    const byDefault = defaults === true ? defaultProfileOf(connector.type, library) : undefined
    const fits = (profile: string) => present.profiles.get(profile)?.connector === connector.type
    // Of a whole system those connectors are meant that the profile is for; one that is named is meant itself.
    const added = (profiles?.add ?? []).filter((profile) => kind === 'connector' || fits(profile))
    const next = [...new Set([...connector.profiles, ...added, ...(byDefault === undefined ? [] : [byDefault.name])])]
      .filter((profile) => !(profiles?.remove ?? []).includes(profile))
      .sort()
    puts.push({
      key: { parent: key.parent, place: system.name, name },
      kind: 'connector',
      object: { kind: 'connector', value: { ...connector, profiles: next } },
    })
  }
  return puts
}

/** The objects that edits put in, as `checkReferences` asks for what a document wrote. */
export function referringOf(edits: readonly Edit[]): Referring {
  const profiles = new Map<string, { path: string; monitors: Map<string, unknown> }>()
  const groups = new Map<
    string,
    {
      path: string
      credentials: Map<string, { path: string }>
      systems: Map<string, { connectors: Map<string, { path: string; profiles: readonly string[] }> }>
    }
  >()
  const associations = new Map<string, { path: string }>()
  const maintenances = new Map<string, { path: string }>()
  const group = (name: string) => {
    const known = groups.get(name) ?? { path: namePath(['groups', name]), credentials: new Map(), systems: new Map() }
    groups.set(name, known)
    return known
  }
  const profile = (name: string) => {
    const known = profiles.get(name) ?? { path: namePath(['profiles', name]), monitors: new Map() }
    profiles.set(name, known)
    return known
  }
  for (const { object, key, path } of edits) {
    if (object === undefined) continue
    switch (object.kind) {
      case 'profile':
        profile(key.name)
        break
      case 'monitor':
        profile(key.parent).monitors.set(key.name, object.value)
        break
      case 'credential':
        group(key.parent).credentials.set(key.name, { path })
        break
      case 'connector': {
        const { systems } = group(key.parent)
        const system = systems.get(key.place) ?? { connectors: new Map() }
        system.connectors.set(key.name, { path, profiles: object.value.profiles })
        systems.set(key.place, system)
        break
      }
      case 'association':
        associations.set(key.name, { path })
        break
      case 'maintenance':
        maintenances.set(key.name, { path })
        break
      case 'group':
      case 'system':
      case 'plugin':
      case 'dashboard':
        break
    }
  }
  return { profiles, groups, associations, maintenances }
}
