import type { SchemaPart, Statement } from '../platform/index.ts'
import type { Library } from '../sdk/index.ts'
import type { Problem } from '../base/index.ts'
import { compileConnector, compileMonitor } from './compile.ts'
import type {
  Association,
  Configuration,
  Connector,
  Credential,
  Dashboard,
  Group,
  Plugin,
  Profile,
  ProfileMonitor,
  System,
} from './configuration.ts'
import type { ConfigurationObject, Edit, ObjectKey } from './difference.ts'
import { namePath } from './plan.ts'

/**
 * The tables of the inventory. Each named object of the configuration is a row: whole, as JSON, because it is only ever read whole, into
 * memory, at the start. Secrets are a column of their own, sealed.
 */
export const inventorySchema: SchemaPart = {
  name: 'inventory',
  steps: [
    `CREATE TABLE configuration_object (
       kind TEXT NOT NULL,
       parent TEXT NOT NULL,
       place TEXT NOT NULL,
       name TEXT NOT NULL,
       body TEXT NOT NULL,
       sealed TEXT NOT NULL,
       PRIMARY KEY (kind, parent, place, name)
     ) STRICT;
     CREATE TABLE configuration_revision (
       revision INTEGER PRIMARY KEY,
       at INTEGER NOT NULL,
       author TEXT NOT NULL,
       comment TEXT NOT NULL,
       added INTEGER NOT NULL,
       changed INTEGER NOT NULL,
       removed INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE configuration_snapshot (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL,
       at INTEGER NOT NULL,
       author TEXT NOT NULL,
       revision INTEGER NOT NULL,
       body TEXT NOT NULL
     ) STRICT;
     CREATE TABLE audit (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       at INTEGER NOT NULL,
       who TEXT NOT NULL,
       action TEXT NOT NULL,
       what TEXT NOT NULL,
       before_value TEXT,
       after_value TEXT
     ) STRICT;
     CREATE INDEX audit_who ON audit (who, id);
     CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
       BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END;
     CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
       BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END;`,
  ],
}

/** A row of `configuration_object`, and an entry of a snapshot. */
export interface ObjectRow extends ObjectKey {
  readonly kind: string
  readonly body: string
  readonly sealed: string
}

/** What is stored of an object: all but its name, which is the key, and what is made of it, which follows. */
function encode(object: ConfigurationObject): { body: string; sealed: string } {
  const text = (body: object, sealed = '') => ({ body: JSON.stringify(body), sealed })
  switch (object.kind) {
    case 'profile':
      return text({ connector: object.value.connector, description: object.value.description })
    case 'monitor':
      return text(object.value.written)
    case 'group':
      return text({ description: object.value.description, whenCutOff: object.value.whenCutOff })
    case 'credential':
      return text(
        { type: object.value.type, fields: object.value.fields, secrets: object.value.secrets.names },
        object.value.secrets.sealed,
      )
    case 'system':
      return text({ type: object.value.type, description: object.value.description, tags: object.value.tags })
    case 'connector':
      return text({
        type: object.value.type,
        settings: object.value.settings,
        credential: object.value.credential,
        profiles: object.value.profiles,
        pin: object.value.pin,
      })
    case 'association':
      return text({ agents: object.value.agents })
    case 'plugin':
      return text(
        {
          plugin: object.value.plugin,
          settings: object.value.settings,
          secrets: object.value.secrets.names,
          sends: object.value.sends,
        },
        object.value.secrets.sealed,
      )
    case 'dashboard':
      return text({
        description: object.value.description,
        variables: object.value.variables,
        panels: object.value.panels,
      })
  }
}

/** The rows of a whole configuration, for a snapshot: outer objects before what is in them. */
export function rowsOf(configuration: Configuration): ObjectRow[] {
  const rows: ObjectRow[] = []
  const add = (parent: string, place: string, name: string, object: ConfigurationObject) =>
    void rows.push({ kind: object.kind, parent, place, name, ...encode(object) })
  for (const [name, value] of configuration.profiles) {
    add('', '', name, { kind: 'profile', value })
    for (const [monitor, one] of value.monitors) add(name, '', monitor, { kind: 'monitor', value: one })
  }
  for (const [group, value] of configuration.groups) {
    add('', '', group, { kind: 'group', value })
    for (const [name, one] of value.credentials) add(group, '', name, { kind: 'credential', value: one })
    for (const [system, one] of value.systems) {
      add(group, '', system, { kind: 'system', value: one })
      for (const [name, connector] of one.connectors) add(group, system, name, { kind: 'connector', value: connector })
    }
  }
  for (const [name, value] of configuration.associations) add('', '', name, { kind: 'association', value })
  for (const [name, value] of configuration.plugins) add('', '', name, { kind: 'plugin', value })
  for (const [name, value] of configuration.dashboards) add('', '', name, { kind: 'dashboard', value })
  return rows
}

/** The statement that stores what one edit says. It expects the row to be as the memory has it. */
export function storing({ kind, key, object, action }: Edit): Statement {
  const where = { kind, parent: key.parent, place: key.place, name: key.name }
  if (object === undefined) {
    return {
      sql: 'DELETE FROM configuration_object WHERE kind = $kind AND parent = $parent AND place = $place AND name = $name',
      params: where,
      expect: 1,
    }
  }
  return {
    sql:
      action === 'add'
        ? 'INSERT INTO configuration_object (kind, parent, place, name, body, sealed) VALUES ($kind, $parent, $place, $name, $body, $sealed)'
        : 'UPDATE configuration_object SET body = $body, sealed = $sealed WHERE kind = $kind AND parent = $parent AND place = $place AND name = $name',
    params: { ...where, ...encode(object) },
    expect: 1,
  }
}

export const selectObjects = 'SELECT kind, parent, place, name, body, sealed FROM configuration_object'

/**
 * Makes the configuration that rows hold. What the library no longer takes stays in it as it was written, without what would be made
 * of it, and is reported.
 */
export function fromRows(
  rows: Iterable<ObjectRow>,
  library: Library,
): { readonly configuration: Configuration; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  type Open<T> = { -readonly [K in keyof T]: T[K] extends ReadonlyMap<string, infer V> ? Map<string, V> : T[K] }
  const profiles = new Map<string, Open<Profile>>()
  const groups = new Map<string, Open<Group>>()
  const systems = new Map<string, Open<System>>()
  const associations = new Map<string, Association>()
  const plugins = new Map<string, Plugin>()
  const dashboards = new Map<string, Dashboard>()
  const systemKey = (group: string, system: string) => JSON.stringify([group, system])
  const inner: ObjectRow[] = []

  // Bodies were written by `encode`; each kind is read as that kind was written.
  for (const row of rows) {
    const { name } = row
    switch (row.kind) {
      case 'profile':
        profiles.set(name, {
          name,
          ...(JSON.parse(row.body) as Pick<Profile, 'connector' | 'description'>),
          monitors: new Map(),
        })
        break
      case 'group':
        groups.set(name, {
          name,
          ...(JSON.parse(row.body) as Pick<Group, 'description' | 'whenCutOff'>),
          credentials: new Map(),
          systems: new Map(),
        })
        break
      case 'association':
        associations.set(name, { group: name, ...(JSON.parse(row.body) as Pick<Association, 'agents'>) })
        break
      case 'plugin': {
        const body = JSON.parse(row.body) as Omit<Plugin, 'name' | 'secrets'> & { secrets: readonly string[] }
        plugins.set(name, { name, ...body, secrets: { names: body.secrets, sealed: row.sealed } })
        break
      }
      case 'dashboard':
        dashboards.set(name, { name, ...(JSON.parse(row.body) as Omit<Dashboard, 'name'>) })
        break
      default:
        inner.push(row)
    }
  }
  for (const row of inner) {
    if (row.kind !== 'system') continue
    const system = {
      name: row.name,
      ...(JSON.parse(row.body) as Pick<System, 'type' | 'description' | 'tags'>),
      connectors: new Map<string, Connector>(),
    }
    groups.get(row.parent)?.systems.set(row.name, system)
    systems.set(systemKey(row.parent, row.name), system)
  }
  for (const row of inner) {
    const { name } = row
    if (row.kind === 'monitor') {
      const profile = profiles.get(row.parent)
      const written = JSON.parse(row.body) as ProfileMonitor['written']
      const path = namePath(['profiles', row.parent], ['monitors', name])
      const made = compileMonitor({ ...absent, ...written }, profile?.connector, library, path)
      if (!made.ok) problems.push(...made.problems)
      profile?.monitors.set(name, { name, written, made: made.ok ? made.value : undefined })
    } else if (row.kind === 'credential') {
      const body = JSON.parse(row.body) as Omit<Credential, 'name' | 'secrets'> & { secrets: readonly string[] }
      groups
        .get(row.parent)
        ?.credentials.set(name, { name, ...body, secrets: { names: body.secrets, sealed: row.sealed } })
    } else if (row.kind === 'connector') {
      const body = JSON.parse(row.body) as Omit<Connector, 'name' | 'made' | 'credential' | 'pin'> & {
        credential?: string
        pin?: string
      }
      const path = namePath(['groups', row.parent], ['systems', row.place], ['connectors', name])
      const made = compileConnector(body, library, path)
      if (!made.ok) problems.push(...made.problems)
      systems.get(systemKey(row.parent, row.place))?.connectors.set(name, {
        name,
        ...body,
        credential: body.credential,
        pin: body.pin,
        made: made.ok ? made.value : undefined,
      })
    }
  }
  return { configuration: { profiles, groups, associations, plugins, dashboards }, problems }
}

const absent = { period: undefined, timeout: undefined, settings: undefined, rules: undefined }
