import { at } from '../base/index.ts'
import { credentialTypes, shown, type CredentialType, type Library } from '../sdk/index.ts'
import { inOnePiece, type Pieces } from '../platform/index.ts'
import { bounds, type Written, type WrittenDocument } from './check.ts'
import {
  isSame,
  seesMaintenance,
  type Association,
  type Configuration,
  type Connector,
  type Credential,
  type Dashboard,
  type Group,
  type Maintenance,
  type Plugin,
  type Profile,
  type ProfileMonitor,
  type System,
  type Visible,
} from './configuration.ts'
import { comparable, suggestFrom, type Problems } from './reading.ts'

/** What the words of a path mean outside of a document: `groups["acme"].systems["shop"]`. */
export function namePath(...steps: readonly (readonly [list: string, name: string])[]): string {
  return steps.map(([list, name]) => `${list}[${JSON.stringify(name)}]`).join('.')
}

/** What of that which a document does not name goes: nothing, all of it, or one of its lists alone. */
export type Prune = 'nothing' | 'everything' | 'associations' | 'dashboards'

/**
 * Makes the configuration that a document asks for out of the present one. Pure.
 *
 * Merging is by name, at every level: an object that is named is replaced as written, the named objects below it are merged in turn,
 * and whatever is not named stays. Pruned it goes, everywhere that the one who applies can see: then the document is the whole
 * truth. Either way applying the same document again changes nothing.
 *
 * @param references `later`: whoever calls has more to change, and calls `checkReferences` when that is done
 */
export function* merging(
  current: Configuration,
  document: WrittenDocument,
  options: { readonly prune: Prune; readonly visible: Visible },
  library: Library,
  problems: Problems,
  references: 'now' | 'later' = 'now',
): Pieces<Configuration> {
  const { prune, visible } = options
  const unseen = (group: string) => visible !== undefined && !visible.has(group)
  function* join<W extends Written<unknown>, T>(
    list: 'associations' | 'dashboards' | 'others',
    old: ReadonlyMap<string, T> | undefined,
    written: ReadonlyMap<string, W>,
    make: (written: W, old: T | undefined) => Pieces<T>,
    stays: (name: string) => boolean = () => false,
  ): Pieces<ReadonlyMap<string, T>> {
    const joined = new Map<string, T>()
    const isPruned = prune === 'everything' || prune === list
    for (const [name, one] of old ?? []) if (!isPruned || written.has(name) || stays(name)) joined.set(name, one)
    if (!isPruned && old !== undefined) reportLookalikes(old, written, problems)
    for (const [name, one] of written) joined.set(name, yield* make(one, old?.get(name)))
    return joined
  }
  function* value<T>(written: Written<T>): Pieces<T> {
    yield
    return written.value
  }

  const wanted: Configuration = {
    profiles: yield* join('others', current.profiles, document.profiles, function* (written, old) {
      return { ...written.value, monitors: yield* join('others', old?.monitors, written.monitors, value) }
    }),
    groups: yield* join(
      'others',
      current.groups,
      document.groups,
      function* (written, old) {
        return {
          ...written.value,
          credentials: yield* join('others', old?.credentials, written.credentials, value),
          systems: yield* join('others', old?.systems, written.systems, function* (system, before) {
            return {
              ...system.value,
              connectors: yield* join('others', before?.connectors, system.connectors, value),
            }
          }),
        }
      },
      unseen,
    ),
    associations: yield* join('associations', current.associations, document.associations, value, unseen),
    plugins: yield* join('others', current.plugins, document.plugins, value, () => visible !== undefined),
    maintenances: yield* join('others', current.maintenances, document.maintenances, value, (name) => {
      const one = current.maintenances.get(name)
      return one !== undefined && !seesMaintenance(visible, one)
    }),
    dashboards: yield* join('dashboards', current.dashboards, document.dashboards, value),
  }
  // Names that were misread would be reported as missing ones once more.
  if (references === 'now' && problems.list.length === 0)
    yield* checkingReferences(wanted, document, visible, library, problems)
  return yield* settling(current, wanted)
}

/** The same in one piece, for a document that says little. */
export function merge(...given: Parameters<typeof merging>): Configuration {
  return inOnePiece(merging(...given))
}

/** So many objects are looked at between two pauses: well below a millisecond of work. */
const perPiece = 100

/** A new name that looks exactly like one that is there: only how its characters are composed tells them apart. */
function reportLookalikes<W extends Written<unknown>>(
  old: ReadonlyMap<string, unknown>,
  written: ReadonlyMap<string, W>,
  problems: Problems,
): void {
  let known: Map<string, string> | undefined
  for (const [name, { path }] of written) {
    if (old.has(name)) continue
    known ??= new Map([...old.keys()].map((one) => [comparable(one), one]))
    const other = known.get(comparable(name))
    if (other !== undefined) {
      problems.add(
        at(path, 'name'),
        `${shown(name)} differs from a name that is there only in how its characters are composed (Unicode normal form)`,
        'Write it as the export does.',
      )
    }
  }
}

/** The objects that were written and name others, or are named by others, and where they were written. */
export interface Referring {
  readonly profiles: ReadonlyMap<string, { readonly path: string; readonly monitors: ReadonlyMap<string, unknown> }>
  readonly groups: ReadonlyMap<string, ReferringGroup>
  readonly associations: ReadonlyMap<string, { readonly path: string }>
  readonly maintenances: ReadonlyMap<string, { readonly path: string }>
}

interface ReferringGroup {
  readonly path: string
  readonly credentials: ReadonlyMap<string, { readonly path: string }>
  readonly systems: ReadonlyMap<string, { readonly connectors: ReadonlyMap<string, ReferringConnector> }>
}

interface ReferringConnector {
  readonly path: string
  readonly profiles: readonly string[]
}

/** Looks at everything that one named object says of another. */
export function* checkingReferences(
  wanted: Configuration,
  document: Referring,
  visible: Visible,
  library: Library,
  problems: Problems,
): Pieces<void> {
  for (const profile of wanted.profiles.values()) {
    const written = document.profiles.get(profile.name)
    if (written === undefined) continue
    for (const [name, monitor] of profile.monitors) {
      const needs = library.monitors.get(monitor.written.monitor)?.connectors
      if (written.monitors.has(name) || needs === undefined || needs.some((type) => type === profile.connector))
        continue
      problems.add(
        at(written.path, 'connector'),
        `the profile has the monitor ${shown(name)}, which needs a connector of type ${needs.join(' or ')}, not ${profile.connector}`,
      )
    }
  }
  let tasks = 0
  let connectors = 0
  for (const group of wanted.groups.values()) {
    if (problems.isFull) return
    const writtenGroup = document.groups.get(group.name)
    for (const system of group.systems.values()) {
      const writtenSystem = writtenGroup?.systems.get(system.name)
      for (const connector of system.connectors.values()) {
        const written = writtenSystem?.connectors.get(connector.name)
        const place = { wanted, document, visible, library, group, system, connector }
        checkCredential({ ...place, written, writtenGroup }, problems)
        for (const name of connector.profiles) {
          tasks += wanted.profiles.get(name)?.monitors.size ?? 0
          checkProfile({ ...place, written, name }, problems)
          checkCommands({ ...place, written, writtenGroup, name }, problems)
        }
        if (++connectors % perPiece === 0) yield
      }
    }
  }
  if (tasks > bounds.tasks)
    problems.add('', `the configuration would have ${tasks} tasks; an instance holds at most ${bounds.tasks}`)
  for (const [group, { path }] of document.associations) {
    if (!wanted.groups.has(group))
      problems.add(
        at(path, 'group'),
        `there is no group ${shown(group)}`,
        suggestFrom(group, seenGroups(wanted, visible)),
      )
  }
  checkMaintenances(wanted, document, visible, problems)
}

/** What a window names must be there: a slip in a name would leave what it is meant for unprotected. */
function checkMaintenances(wanted: Configuration, document: Referring, visible: Visible, problems: Problems): void {
  for (const [name, { path }] of document.maintenances) {
    const { group, system, connector } = wanted.maintenances.get(name)?.written ?? {}
    if (group === undefined) continue
    const owner = wanted.groups.get(group)
    if (owner === undefined || (visible !== undefined && !visible.has(group))) {
      problems.add(
        at(path, 'group'),
        `there is no group ${shown(group)}`,
        suggestFrom(group, seenGroups(wanted, visible)),
      )
      continue
    }
    if (system === undefined) continue
    const part = owner.systems.get(system)
    if (part === undefined) {
      problems.add(
        at(path, 'system'),
        `there is no system ${shown(system)} in the group ${shown(group)}`,
        suggestFrom(system, owner.systems.keys()),
      )
    } else if (connector !== undefined && !part.connectors.has(connector)) {
      problems.add(
        at(path, 'connector'),
        `the system ${shown(system)} has no connector ${shown(connector)}`,
        suggestFrom(connector, part.connectors.keys()),
      )
    }
  }
}

function seenGroups(wanted: Configuration, visible: Visible): string[] {
  return [...wanted.groups.keys()].filter((name) => visible === undefined || visible.has(name))
}

interface Place {
  readonly wanted: Configuration
  readonly document: Referring
  readonly visible: Visible
  readonly library: Library
  readonly group: Group
  readonly system: System
  readonly connector: Connector
}

function nameOf({ group, system, connector }: Place): string {
  return namePath(['groups', group.name], ['systems', system.name], ['connectors', connector.name])
}

function checkProfile(
  place: Place & { readonly written: ReferringConnector | undefined; readonly name: string },
  problems: Problems,
): void {
  const { wanted, document, visible, connector, written, name } = place
  const profile = wanted.profiles.get(name)
  if (profile !== undefined && profile.connector === connector.type) return
  const where = written === undefined ? undefined : at(at(written.path, 'profiles'), written.profiles.indexOf(name))
  if (profile === undefined) {
    const fitting = [...wanted.profiles.values()].filter((one) => one.connector === connector.type)
    const isSeen = visible === undefined || visible.has(place.group.name)
    if (where !== undefined)
      problems.add(
        where,
        `there is no profile ${shown(name)}`,
        suggestFrom(
          name,
          fitting.map((one) => one.name),
        ),
      )
    else
      problems.add(
        'profiles',
        `the profile ${shown(name)} would be removed, and is used by ${isSeen ? nameOf(place) : 'groups that you do not see'}`,
      )
    return
  }
  if (where !== undefined) {
    const fitting = [...wanted.profiles.values()].filter((one) => one.connector === connector.type)
    problems.add(
      where,
      `the profile ${shown(name)} is for connectors of type ${profile.connector}, not ${connector.type}`,
      fitting.length === 0
        ? `There is no profile for ${connector.type} yet.`
        : `For ${connector.type}: ${fitting
            .slice(0, 12)
            .map((one) => one.name)
            .join(', ')}.`,
    )
    return
  }
  const writtenProfile = document.profiles.get(name)
  const isSeen = visible === undefined || visible.has(place.group.name)
  if (writtenProfile !== undefined)
    problems.add(
      at(writtenProfile.path, 'connector'),
      `the profile is used by ${isSeen ? nameOf(place) : 'groups that you do not see'}, of type ${connector.type}`,
      'Give the profile for another connector type another name.',
    )
}

/** Commands that users wrote run only where an administrator has allowed them: what would be left out silently is refused with words. */
function checkCommands(
  place: Place & {
    readonly written: ReferringConnector | undefined
    readonly writtenGroup: ReferringGroup | undefined
    readonly name: string
  },
  problems: Problems,
): void {
  const { wanted, document, visible, library, group, written, writtenGroup, name } = place
  if (group.ownCommands === 'allowed') return
  const running = [...(wanted.profiles.get(name)?.monitors.values() ?? [])].find(
    (monitor) => library.monitors.get(monitor.written.monitor)?.runsCommands === true,
  )
  if (running === undefined) return
  const words = `the group ${shown(group.name)} does not allow the monitor ${running.written.monitor}, which runs commands that users wrote`
  const hint = 'An administrator allows it with `ownCommands: allowed` in the group.'
  if (written !== undefined) {
    problems.add(at(at(written.path, 'profiles'), written.profiles.indexOf(name)), words, hint)
    return
  }
  if (writtenGroup !== undefined) {
    problems.add(at(writtenGroup.path, 'ownCommands'), `is refused, and is used by ${nameOf(place)}`, hint)
    return
  }
  const isSeen = visible === undefined || visible.has(group.name)
  problems.add(
    document.profiles.get(name)?.path ?? 'profiles',
    isSeen ? words : `a group that uses the profile does not allow ${running.written.monitor}`,
    hint,
  )
}

function checkCredential(
  place: Place & {
    readonly written: ReferringConnector | undefined
    readonly writtenGroup: ReferringGroup | undefined
  },
  problems: Problems,
): void {
  const { wanted, visible, library, group, connector, writtenGroup } = place
  // Undefined where the document does not write the connector, and only what it refers to has changed.
  const path = place.written?.path
  const type = library.connectors.get(connector.type)
  const name = connector.credential
  if (name === undefined) {
    if (type?.credentialRequired === true && path !== undefined)
      problems.add(
        at(path, 'credential'),
        `is missing: a connector of type ${connector.type} needs one`,
        `Of type: ${type.credentials.join(', ')}.`,
      )
    return
  }
  const credential = group.credentials.get(name)
  if (credential === undefined) {
    if (path === undefined) {
      problems.add(
        writtenGroup === undefined ? 'groups' : at(writtenGroup.path, 'credentials'),
        `the credential ${shown(name)} would be removed, and is used by ${nameOf(place)}`,
      )
      return
    }
    const owner = seenGroups(wanted, visible).find((other) => wanted.groups.get(other)!.credentials.has(name))
    problems.add(
      at(path, 'credential'),
      owner === undefined
        ? `there is no credential ${shown(name)} in the group ${shown(group.name)}`
        : `${shown(name)} is a credential of the group ${shown(owner)}; a connector of ${shown(group.name)} can only use those of its own group`,
      suggestFrom(name, group.credentials.keys()),
    )
    return
  }
  if (type === undefined || type.credentials.some((usable) => usable === credential.type)) return
  const why =
    type.credentials.length === 0
      ? `a connector of type ${connector.type} uses no credential`
      : `a connector of type ${connector.type} cannot use a credential of type ${credential.type}`
  const usable = type.credentials.length === 0 ? '' : `It can use: ${type.credentials.join(', ')}.`
  if (path !== undefined) {
    const title = Object.hasOwn(credentialTypes, credential.type)
      ? ` (${credentialTypes[credential.type as CredentialType].title.toLowerCase()})`
      : ''
    problems.add(at(path, 'credential'), `${shown(name)}: ${why}${title}`, usable)
    return
  }
  const writtenCredential = writtenGroup?.credentials.get(name)
  if (writtenCredential !== undefined)
    problems.add(at(writtenCredential.path, 'type'), `is used by ${nameOf(place)}, and ${why}`, usable)
}

/** The same configuration as `wanted`, made of the objects of `current` wherever they say the same. */
export function* settling(current: Configuration, wanted: Configuration): Pieces<Configuration> {
  const profiles = yield* settleMap(current.profiles, wanted.profiles, settleProfile)
  const groups = yield* settleMap(current.groups, wanted.groups, settleGroup)
  const associations = yield* settleMap(current.associations, wanted.associations, whole(keepIfSame<Association>))
  const plugins = yield* settleMap(current.plugins, wanted.plugins, whole(keepIfSame<Plugin>))
  const maintenances = yield* settleMap(current.maintenances, wanted.maintenances, whole(settleMaintenance))
  const dashboards = yield* settleMap(current.dashboards, wanted.dashboards, whole(keepIfSame<Dashboard>))
  return profiles === current.profiles &&
    groups === current.groups &&
    associations === current.associations &&
    plugins === current.plugins &&
    maintenances === current.maintenances &&
    dashboards === current.dashboards
    ? current
    : { profiles, groups, associations, plugins, maintenances, dashboards }
}

/** The same in one piece, for configurations that share most of their objects. */
export function settle(current: Configuration, wanted: Configuration): Configuration {
  return inOnePiece(settling(current, wanted))
}

function* settleMap<T>(
  old: ReadonlyMap<string, T>,
  wanted: ReadonlyMap<string, T>,
  settleOne: (old: T, wanted: T) => Pieces<T>,
): Pieces<ReadonlyMap<string, T>> {
  if (old === wanted) return old
  let isChanged = old.size !== wanted.size
  const settled = new Map<string, T>()
  let looked = 0
  for (const [name, one] of wanted) {
    const before = old.get(name)
    const after = before === undefined ? one : before === one ? one : yield* settleOne(before, one)
    if (after !== before) isChanged = true
    settled.set(name, after)
    if (++looked % perPiece === 0) yield
  }
  return isChanged ? settled : old
}

/** Of what has no named objects below it. */
function whole<T>(settleOne: (old: T, wanted: T) => T): (old: T, wanted: T) => Pieces<T> {
  return function* (old, wanted) {
    yield
    return settleOne(old, wanted)
  }
}

function keepIfSame<T extends object>(old: T, wanted: T): T {
  return isSame(old, wanted) ? old : wanted
}

/** What was written is compared; what was made of it follows, but for what the library did not take before. */
function settleMonitor(old: ProfileMonitor, wanted: ProfileMonitor): ProfileMonitor {
  return old.made !== undefined && isSame(old.written, wanted.written) ? old : wanted
}

function settleMaintenance(old: Maintenance, wanted: Maintenance): Maintenance {
  return old.made !== undefined && isSame(old.written, wanted.written) ? old : wanted
}

function settleConnector(old: Connector, wanted: Connector): Connector {
  return old.made !== undefined &&
    old.type === wanted.type &&
    old.credential === wanted.credential &&
    old.pin === wanted.pin &&
    isSame(old.profiles, wanted.profiles) &&
    isSame(old.settings, wanted.settings)
    ? old
    : wanted
}

function* settleProfile(old: Profile, wanted: Profile): Pieces<Profile> {
  const monitors = yield* settleMap(old.monitors, wanted.monitors, whole(settleMonitor))
  return monitors === old.monitors && old.connector === wanted.connector && old.description === wanted.description
    ? old
    : { ...wanted, monitors }
}

function* settleSystem(old: System, wanted: System): Pieces<System> {
  const connectors = yield* settleMap(old.connectors, wanted.connectors, whole(settleConnector))
  return connectors === old.connectors &&
    old.type === wanted.type &&
    old.description === wanted.description &&
    isSame(old.tags, wanted.tags)
    ? old
    : { ...wanted, connectors }
}

function* settleGroup(old: Group, wanted: Group): Pieces<Group> {
  const credentials = yield* settleMap(old.credentials, wanted.credentials, whole(keepIfSame<Credential>))
  const systems = yield* settleMap(old.systems, wanted.systems, settleSystem)
  return credentials === old.credentials &&
    systems === old.systems &&
    old.whenCutOff === wanted.whenCutOff &&
    old.ownCommands === wanted.ownCommands &&
    old.description === wanted.description
    ? old
    : { ...wanted, credentials, systems }
}
