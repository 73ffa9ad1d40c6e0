import type { SchemaPart, Statement } from '../platform/index.ts'
import type { Library } from '../sdk/index.ts'
import type { Checked, Problem } from '../base/index.ts'
import { compileConnector, compileMonitor } from './compile.ts'
import { compileMaintenance } from './maintenance.ts'
import type {
  Association,
  Configuration,
  Connector,
  Credential,
  Dashboard,
  Group,
  Maintenance,
  Plugin,
  Profile,
  ProfileMonitor,
  System,
} from './configuration.ts'
import type { ConfigurationObject, Edit, ObjectKey } from './difference.ts'
import { namePath } from './plan.ts'
import { withObjects } from './with-objects.ts'

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
    // What each revision did to which object, so that revisions can be compared and taken back. Secrets as they were sealed.
    `CREATE TABLE configuration_edit (
       revision INTEGER NOT NULL,
       number INTEGER NOT NULL,
       kind TEXT NOT NULL,
       parent TEXT NOT NULL,
       place TEXT NOT NULL,
       name TEXT NOT NULL,
       body_before TEXT,
       sealed_before TEXT,
       body_after TEXT,
       sealed_after TEXT,
       PRIMARY KEY (revision, number)
     ) STRICT, WITHOUT ROWID;`,
  ],
}

/** A row of `configuration_object`, and an entry of a snapshot. */
export interface ObjectRow extends ObjectKey {
  readonly kind: ConfigurationObject['kind']
  readonly body: string
  readonly sealed: string
}

export interface Encoded {
  readonly body: string
  readonly sealed: string
}

/** What is stored of an object: all but its name, which is the key, and what is made of it, which follows. */
export function encode(object: ConfigurationObject): Encoded {
  const text = (body: object, sealed = '') => ({ body: JSON.stringify(body), sealed })
  switch (object.kind) {
    case 'profile':
      return text({ connector: object.value.connector, description: object.value.description })
    case 'monitor':
      return text(object.value.written)
    case 'group':
      return text({
        description: object.value.description,
        whenCutOff: object.value.whenCutOff,
        ownCommands: object.value.ownCommands,
      })
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
    case 'maintenance':
      return text(object.value.written)
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
  for (const [name, value] of configuration.maintenances) add('', '', name, { kind: 'maintenance', value })
  for (const [name, value] of configuration.dashboards) add('', '', name, { kind: 'dashboard', value })
  return rows
}

/** The statement that stores what one edit says. It expects the row to be as the memory has it. @param after the edit's object; undefined where it is removed */
export function storing({ kind, key, action }: Edit, after: Encoded | undefined): Statement {
  const where = { kind, parent: key.parent, place: key.place, name: key.name }
  if (after === undefined) {
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
    params: { ...where, body: after.body, sealed: after.sealed },
    expect: 1,
  }
}

export const selectObjects = 'SELECT kind, parent, place, name, body, sealed FROM configuration_object'

/** An object as a row holds it, without the named objects below it; and what the library does not take of it. */
export function objectOf(
  row: ObjectRow,
  library: Library,
  /** Of a monitor's profile; undefined where that is not there. */
  connectorType: string | undefined,
): { readonly object: ConfigurationObject; readonly problems: readonly Problem[] } {
  const { name, kind } = row
  const good = (object: ConfigurationObject) => ({ object, problems: [] })
  // Bodies were written by `encode`; each kind is read as that kind was written.
  switch (kind) {
    case 'profile': {
      const body = JSON.parse(row.body) as Pick<Profile, 'connector' | 'description'>
      return good({ kind, value: { name, ...body, monitors: new Map() } })
    }
    case 'group': {
      const body = JSON.parse(row.body) as Pick<Group, 'description' | 'whenCutOff'> &
        Partial<Pick<Group, 'ownCommands'>>
      // A group of before 2026-11-26 does not say.
      return good({
        kind,
        value: { name, ownCommands: 'refused', ...body, credentials: new Map(), systems: new Map() },
      })
    }
    case 'association':
      return good({ kind, value: { group: name, ...(JSON.parse(row.body) as Pick<Association, 'agents'>) } })
    case 'plugin': {
      const body = JSON.parse(row.body) as Omit<Plugin, 'name' | 'secrets'> & { secrets: readonly string[] }
      return good({ kind, value: { name, ...body, secrets: { names: body.secrets, sealed: row.sealed } } })
    }
    case 'credential': {
      const body = JSON.parse(row.body) as Omit<Credential, 'name' | 'secrets'> & { secrets: readonly string[] }
      return good({ kind, value: { name, ...body, secrets: { names: body.secrets, sealed: row.sealed } } })
    }
    case 'system': {
      const body = JSON.parse(row.body) as Pick<System, 'type' | 'description' | 'tags'>
      return good({ kind, value: { name, ...body, connectors: new Map() } })
    }
    case 'dashboard':
      return good({ kind, value: { name, ...(JSON.parse(row.body) as Omit<Dashboard, 'name'>) } })
    case 'maintenance': {
      const written = JSON.parse(row.body) as Maintenance['written']
      const made = checkedAt(row, (path) => compileMaintenance(written, path))
      return {
        object: { kind, value: { name, written, made: made.ok ? made.value : undefined } },
        problems: made.ok ? [] : made.problems,
      }
    }
    case 'monitor': {
      const written = JSON.parse(row.body) as ProfileMonitor['written']
      const made = checkedAt(row, (path) => compileMonitor({ ...absent, ...written }, connectorType, library, path))
      return {
        object: { kind, value: { name, written, made: made.ok ? made.value : undefined } },
        problems: made.ok ? [] : made.problems,
      }
    }
    case 'connector': {
      const body = JSON.parse(row.body) as Omit<Connector, 'name' | 'made' | 'credential' | 'pin'> & {
        credential?: string
        pin?: string
      }
      const made = checkedAt(row, (path) => compileConnector(body, library, path))
      const { credential, pin } = body
      return {
        object: { kind, value: { name, ...body, credential, pin, made: made.ok ? made.value : undefined } },
        problems: made.ok ? [] : made.problems,
      }
    }
  }
}

/** Where it stands is only worked out where something is wrong with it: of a hundred thousand rows hardly ever. */
function checkedAt<T>(row: ObjectRow, check: (path: string) => Checked<T>): Checked<T> {
  const made = check('')
  return made.ok ? made : check(pathOf(row))
}

/** Where an object stands, in words: `groups["acme"].systems["shop"]`. */
export function pathOf({ kind, parent, place, name }: ObjectKey & Pick<ObjectRow, 'kind'>): string {
  switch (kind) {
    case 'profile':
      return namePath(['profiles', name])
    case 'monitor':
      return namePath(['profiles', parent], ['monitors', name])
    case 'group':
      return namePath(['groups', name])
    case 'credential':
      return namePath(['groups', parent], ['credentials', name])
    case 'system':
      return namePath(['groups', parent], ['systems', name])
    case 'connector':
      return namePath(['groups', parent], ['systems', place], ['connectors', name])
    case 'association':
      return namePath(['associations', name])
    case 'plugin':
      return namePath(['plugins', name])
    case 'maintenance':
      return namePath(['maintenances', name])
    case 'dashboard':
      return namePath(['dashboards', name])
  }
}

/** The group that an object belongs to; null where it belongs to none. */
export function groupOf({ kind, parent, name }: Pick<ObjectRow, 'kind' | 'parent' | 'name'>): string | null {
  switch (kind) {
    case 'group':
    case 'association':
      return name
    case 'credential':
    case 'system':
    case 'connector':
      return parent
    case 'profile':
    case 'monitor':
    case 'plugin':
    case 'dashboard':
    // It has its group in itself.
    case 'maintenance':
      return null
  }
}

const depth: Record<ConfigurationObject['kind'], number> = {
  profile: 0,
  group: 0,
  association: 0,
  plugin: 0,
  maintenance: 0,
  dashboard: 0,
  monitor: 1,
  credential: 1,
  system: 1,
  connector: 2,
}

/**
 * Makes the configuration that rows hold. What the library no longer takes stays in it as it was written, without what would be made
 * of it, and is reported.
 */
export function fromRows(
  rows: Iterable<ObjectRow>,
  library: Library,
): { readonly configuration: Configuration; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  // Kinds that only a later version has are left alone.
  const all = [...rows].filter(({ kind }) => Object.hasOwn(depth, kind))
  const types = new Map<string, string>()
  const made = all
    .sort((a, b) => depth[a.kind] - depth[b.kind])
    .map((row) => {
      const { object, problems: found } = objectOf(row, library, types.get(row.parent))
      if (object.kind === 'profile') types.set(row.name, object.value.connector)
      problems.push(...found)
      return { key: row, kind: row.kind, object }
    })
  return { configuration: withObjects(nothing, made), problems }
}

const nothing: Configuration = {
  profiles: new Map(),
  groups: new Map(),
  associations: new Map(),
  plugins: new Map(),
  maintenances: new Map(),
  dashboards: new Map(),
}
const absent = { period: undefined, timeout: undefined, settings: undefined, rules: undefined }
