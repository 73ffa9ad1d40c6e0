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
import type { ConfigurationObject, ObjectKey } from './difference.ts'

/** One object as it is to be: as given, or gone with all that is in it. */
export interface Put {
  readonly key: ObjectKey
  readonly kind: ConfigurationObject['kind']
  /** Named objects below it are not looked at: those that are there stay. */
  readonly object: ConfigurationObject | undefined
}

/**
 * The configuration with some objects put in, replaced or taken away, in the order given. What is put below something that is not there is
 * left out. Whatever is not touched stays the same object. Pure; costs as much as the maps that are touched.
 */
export function withObjects(configuration: Configuration, puts: readonly Put[]): Configuration {
  const draft = new Draft(configuration)
  for (const put of puts) draft.put(put)
  return draft.result()
}

type Open<T> = { -readonly [K in keyof T]: T[K] extends ReadonlyMap<string, infer V> ? Map<string, V> : T[K] }

/** Copies what it changes, once. */
class Draft {
  readonly #profiles: Map<string, Profile>
  readonly #groups: Map<string, Group>
  readonly #associations: Map<string, Association>
  readonly #plugins: Map<string, Plugin>
  readonly #maintenances: Map<string, Maintenance>
  readonly #dashboards: Map<string, Dashboard>
  readonly #before: Configuration
  /** The objects of this draft's own making, whose maps may be written. */
  readonly #own = new Set<object>()
  readonly #touched = new Set<keyof Configuration>()

  constructor(before: Configuration) {
    this.#before = before
    this.#profiles = new Map(before.profiles)
    this.#groups = new Map(before.groups)
    this.#associations = new Map(before.associations)
    this.#plugins = new Map(before.plugins)
    this.#maintenances = new Map(before.maintenances)
    this.#dashboards = new Map(before.dashboards)
  }

  result(): Configuration {
    const of = <K extends keyof Configuration>(key: K, changed: Configuration[K]): Configuration[K] =>
      this.#touched.has(key) ? changed : this.#before[key]
    return {
      profiles: of('profiles', this.#profiles),
      groups: of('groups', this.#groups),
      associations: of('associations', this.#associations),
      plugins: of('plugins', this.#plugins),
      maintenances: of('maintenances', this.#maintenances),
      dashboards: of('dashboards', this.#dashboards),
    }
  }

  put({ key: { parent, place, name }, kind, object }: Put): void {
    if (object === undefined) return this.#remove(kind, parent, place, name)
    switch (object.kind) {
      case 'profile':
        this.#touched.add('profiles')
        this.#profiles.set(name, { ...object.value, monitors: this.#profiles.get(name)?.monitors ?? new Map() })
        return
      case 'monitor':
        this.#profile(parent)?.monitors.set(name, object.value)
        return
      case 'group': {
        this.#touched.add('groups')
        const old = this.#groups.get(name)
        const { credentials = new Map<string, Credential>(), systems = new Map<string, System>() } = old ?? {}
        this.#groups.set(name, { ...object.value, credentials, systems })
        return
      }
      case 'credential':
        this.#group(parent)?.credentials.set(name, object.value)
        return
      case 'system': {
        const systems = this.#group(parent)?.systems
        systems?.set(name, { ...object.value, connectors: systems.get(name)?.connectors ?? new Map() })
        return
      }
      case 'connector':
        this.#system(parent, place)?.connectors.set(name, object.value)
        return
      case 'association':
        this.#touched.add('associations')
        this.#associations.set(name, object.value)
        return
      case 'plugin':
        this.#touched.add('plugins')
        this.#plugins.set(name, object.value)
        return
      case 'maintenance':
        this.#touched.add('maintenances')
        this.#maintenances.set(name, object.value)
        return
      case 'dashboard':
        this.#touched.add('dashboards')
        this.#dashboards.set(name, object.value)
        return
    }
  }

  #remove(kind: ConfigurationObject['kind'], parent: string, place: string, name: string): void {
    switch (kind) {
      case 'profile':
        this.#touched.add('profiles')
        this.#profiles.delete(name)
        return
      case 'monitor':
        this.#profile(parent)?.monitors.delete(name)
        return
      case 'group':
        this.#touched.add('groups')
        this.#groups.delete(name)
        return
      case 'credential':
        this.#group(parent)?.credentials.delete(name)
        return
      case 'system':
        this.#group(parent)?.systems.delete(name)
        return
      case 'connector':
        this.#system(parent, place)?.connectors.delete(name)
        return
      case 'association':
        this.#touched.add('associations')
        this.#associations.delete(name)
        return
      case 'plugin':
        this.#touched.add('plugins')
        this.#plugins.delete(name)
        return
      case 'maintenance':
        this.#touched.add('maintenances')
        this.#maintenances.delete(name)
        return
      case 'dashboard':
        this.#touched.add('dashboards')
        this.#dashboards.delete(name)
        return
    }
  }

  #profile(name: string): Open<Profile> | undefined {
    const profile = this.#profiles.get(name)
    if (profile === undefined || this.#own.has(profile)) return this.#opened<Profile>(profile)
    this.#touched.add('profiles')
    const copy = { ...profile, monitors: new Map<string, ProfileMonitor>(profile.monitors) }
    this.#own.add(copy)
    this.#profiles.set(name, copy)
    return copy
  }

  #group(name: string): Open<Group> | undefined {
    const group = this.#groups.get(name)
    if (group === undefined || this.#own.has(group)) return this.#opened<Group>(group)
    this.#touched.add('groups')
    const copy = { ...group, credentials: new Map(group.credentials), systems: new Map(group.systems) }
    this.#own.add(copy)
    this.#groups.set(name, copy)
    return copy
  }

  #system(group: string, name: string): Open<System> | undefined {
    const systems = this.#group(group)?.systems
    const system = systems?.get(name)
    if (systems === undefined || system === undefined || this.#own.has(system)) return this.#opened<System>(system)
    const copy = { ...system, connectors: new Map<string, Connector>(system.connectors) }
    this.#own.add(copy)
    systems.set(name, copy)
    return copy
  }

  /** It was copied here, into maps that may be written. */
  #opened<T extends object>(own: T | undefined): Open<T> | undefined {
    return own as Open<T> | undefined
  }
}
