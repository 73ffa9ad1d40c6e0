import { inOnePiece, type Pieces } from '../platform/index.ts'
import {
  byName,
  isSame,
  writeAssociation,
  writeConnector,
  writeCredential,
  writeDashboard,
  writeGroup,
  writeMaintenance,
  writeMonitor,
  writePlugin,
  writeProfile,
  writeSystem,
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
} from './configuration.ts'
import { namePath } from './plan.ts'

/** Where an object stands: its names from the outside in. The two in front are empty where it needs fewer. */
export interface ObjectKey {
  readonly parent: string
  readonly place: string
  readonly name: string
}

/** A named object of the configuration without the named objects below it. */
export type ConfigurationObject =
  | { readonly kind: 'profile'; readonly value: Profile }
  | { readonly kind: 'monitor'; readonly value: ProfileMonitor }
  | { readonly kind: 'group'; readonly value: Group }
  | { readonly kind: 'credential'; readonly value: Credential }
  | { readonly kind: 'system'; readonly value: System }
  | { readonly kind: 'connector'; readonly value: Connector }
  | { readonly kind: 'association'; readonly value: Association }
  | { readonly kind: 'plugin'; readonly value: Plugin }
  | { readonly kind: 'maintenance'; readonly value: Maintenance }
  | { readonly kind: 'dashboard'; readonly value: Dashboard }

/** One object that changed: as people see it (secrets as `***`), and as it is to be stored. */
export interface Edit {
  readonly action: 'add' | 'change' | 'remove'
  readonly kind: ConfigurationObject['kind']
  readonly path: string
  /** The group it belongs to; null for what belongs to none. */
  readonly group: string | null
  readonly key: ObjectKey
  /** The whole object, or of a changed one the fields that differ; absent where there was or will be none. */
  readonly before: Readonly<Record<string, unknown>> | undefined
  readonly after: Readonly<Record<string, unknown>> | undefined
  /** What was stored; undefined where it is new. */
  readonly was: ConfigurationObject | undefined
  /** What to store; undefined where it is removed. */
  readonly object: ConfigurationObject | undefined
}

const hidden = '***'
/** So many objects are compared between two pauses: well below a millisecond of work. */
const perPiece = 50

/** The object as people see it, in the form of the document. */
function written(object: ConfigurationObject): Readonly<Record<string, unknown>> {
  switch (object.kind) {
    case 'profile':
      return { ...writeProfile(object.value) }
    case 'monitor':
      return { ...writeMonitor(object.value) }
    case 'group':
      return { ...writeGroup(object.value) }
    case 'credential':
      return writeCredential(object.value, hidden)
    case 'system':
      return { ...writeSystem(object.value) }
    case 'connector':
      return { ...writeConnector(object.value) }
    case 'association':
      return { ...writeAssociation(object.value) }
    case 'plugin':
      return { ...writePlugin(object.value, hidden) }
    case 'maintenance':
      return { ...writeMaintenance(object.value) }
    case 'dashboard':
      return { ...writeDashboard(object.value) }
  }
}

/**
 * Everything that differs between two settled configurations, in one order: profiles, groups with what is in them, associations,
 * plugins, maintenance windows, dashboards, each by name. Costs as much as what differs, for objects that are shared are not looked into. Pure.
 */
export function* differing(before: Configuration, after: Configuration): Pieces<readonly Edit[]> {
  const edits: Edit[] = []

  function compare(
    key: ObjectKey,
    path: string,
    group: string | null,
    old: ConfigurationObject | undefined,
    next: ConfigurationObject | undefined,
  ): void {
    if (old?.value === next?.value) return
    const edit = editOf({ key, path, group }, old, next)
    if (edit !== undefined) edits.push(edit)
  }

  function* each<T>(
    old: ReadonlyMap<string, T> | undefined,
    next: ReadonlyMap<string, T> | undefined,
    look: (name: string, old: T | undefined, next: T | undefined) => Pieces<void> | void,
  ): Pieces<void> {
    if (old === next) return
    const names: string[] = []
    for (const [name, one] of next ?? []) if (old?.get(name) !== one) names.push(name)
    for (const name of old?.keys() ?? []) if (next?.has(name) !== true) names.push(name)
    for (const [i, name] of names.sort(byName).entries()) {
      const within = look(name, old?.get(name), next?.get(name))
      if (within !== undefined) yield* within
      if (i % perPiece === 0) yield
    }
  }

  const of = <K extends ConfigurationObject['kind'], T>(kind: K, value: T | undefined) =>
    value === undefined ? undefined : { kind, value }

  yield* each(before.profiles, after.profiles, function* (name, old, next) {
    const path = namePath(['profiles', name])
    compare({ parent: '', place: '', name }, path, null, of('profile', old), of('profile', next))
    yield* each(old?.monitors, next?.monitors, (monitor, oldMonitor, nextMonitor) =>
      compare(
        { parent: name, place: '', name: monitor },
        `${path}.${namePath(['monitors', monitor])}`,
        null,
        of('monitor', oldMonitor),
        of('monitor', nextMonitor),
      ),
    )
  })
  yield* each(before.groups, after.groups, function* (group, old, next) {
    const path = namePath(['groups', group])
    compare({ parent: '', place: '', name: group }, path, group, of('group', old), of('group', next))
    yield* each(old?.credentials, next?.credentials, (name, oldOne, nextOne) =>
      compare(
        { parent: group, place: '', name },
        `${path}.${namePath(['credentials', name])}`,
        group,
        of('credential', oldOne),
        of('credential', nextOne),
      ),
    )
    yield* each(old?.systems, next?.systems, function* (system, oldSystem, nextSystem) {
      const place = `${path}.${namePath(['systems', system])}`
      compare(
        { parent: group, place: '', name: system },
        place,
        group,
        of('system', oldSystem),
        of('system', nextSystem),
      )
      yield* each(oldSystem?.connectors, nextSystem?.connectors, (name, oldOne, nextOne) =>
        compare(
          { parent: group, place: system, name },
          `${place}.${namePath(['connectors', name])}`,
          group,
          of('connector', oldOne),
          of('connector', nextOne),
        ),
      )
    })
  })
  yield* each(before.associations, after.associations, (name, old, next) =>
    compare(
      { parent: '', place: '', name },
      namePath(['associations', name]),
      name,
      of('association', old),
      of('association', next),
    ),
  )
  yield* each(before.plugins, after.plugins, (name, old, next) =>
    compare({ parent: '', place: '', name }, namePath(['plugins', name]), null, of('plugin', old), of('plugin', next)),
  )
  yield* each(before.maintenances, after.maintenances, (name, old, next) =>
    compare(
      { parent: '', place: '', name },
      namePath(['maintenances', name]),
      (next ?? old)?.written.group ?? null,
      of('maintenance', old),
      of('maintenance', next),
    ),
  )
  yield* each(before.dashboards, after.dashboards, (name, old, next) =>
    compare(
      { parent: '', place: '', name },
      namePath(['dashboards', name]),
      null,
      of('dashboard', old),
      of('dashboard', next),
    ),
  )
  return edits
}

/** The same in one piece, for configurations that hardly differ. */
export function difference(before: Configuration, after: Configuration): readonly Edit[] {
  return inOnePiece(differing(before, after))
}

/** What became of one object; undefined where nothing that is written did. */
export function editOf(
  about: Pick<Edit, 'key' | 'path' | 'group'>,
  was: ConfigurationObject | undefined,
  object: ConfigurationObject | undefined,
): Edit | undefined {
  if (was === undefined) {
    if (object === undefined) return undefined
    return { ...about, action: 'add', kind: object.kind, before: undefined, after: written(object), was, object }
  }
  if (object === undefined)
    return { ...about, action: 'remove', kind: was.kind, before: written(was), after: undefined, was, object }
  const changed = changedFields(was, object)
  return changed === undefined ? undefined : { ...about, action: 'change', kind: object.kind, ...changed, was, object }
}

/** The fields that differ, before and after; undefined where nothing that is written does. */
function changedFields(
  old: ConfigurationObject,
  next: ConfigurationObject,
): Pick<Edit, 'before' | 'after'> | undefined {
  const left = written(old)
  const right = written(next)
  // A secret is `***` before and after: that it is listed at all says that it is another one.
  const secrets = new Set(changedSecrets(old, next))
  const fields = [...new Set([...Object.keys(left), ...Object.keys(right), ...secrets])].filter(
    (field) => secrets.has(field) || !isSame(left[field], right[field]),
  )
  if (fields.length === 0) return undefined
  const pick = (from: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(fields.filter((field) => Object.hasOwn(from, field)).map((field) => [field, from[field]]))
  return { before: pick(left), after: pick(right) }
}

/** The top-level fields in which a secret changed. */
function changedSecrets(old: ConfigurationObject, next: ConfigurationObject): readonly string[] {
  if (old.kind === 'credential' && next.kind === 'credential' && old.value.secrets.sealed !== next.value.secrets.sealed)
    return [...new Set([...old.value.secrets.names, ...next.value.secrets.names])]
  if (old.kind === 'plugin' && next.kind === 'plugin' && old.value.secrets.sealed !== next.value.secrets.sealed)
    return ['settings']
  return []
}
