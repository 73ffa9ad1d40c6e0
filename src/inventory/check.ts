import { at } from '../base/index.ts'
import { dashboardVariables, type ProfileDocument } from '../contract/index.ts'
import type { Breathe } from '../platform/index.ts'
import {
  checkPluginSettings,
  checkSettings,
  credentialTypes,
  feedsOf,
  isPlainObject,
  pluginFeeds,
  reservedKey,
  shown,
  textProblem,
  type CredentialType,
  type Library,
  type Params,
  type PluginFeed,
} from '../sdk/index.ts'
import { asRules, compileConnector, compileMonitor, readKnown } from './compile.ts'
import {
  byName,
  canonical,
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
  type Secrets,
  type System,
} from './configuration.ts'
import { asMaintenance, compileMaintenance, maintenanceKeys } from './maintenance.ts'
import { defaultProfileOf, noDefaults } from './defaults.ts'
import { readPanel } from './panel.ts'
import {
  Problems,
  UniqueNames,
  nameProblem,
  readChoice,
  readList,
  readName,
  readObject,
  readOwn,
  readSettings,
  readText,
  reportUnknown,
} from './reading.ts'
import {
  credentialContext,
  openIfReadable,
  pluginContext,
  readSecret,
  sealSecrets,
  type Environment,
  type SecretVault,
} from './secrets.ts'

/** So much one instance holds. Far above what one machine can run; a document beyond it is an accident or an attack. */
export const bounds = {
  profiles: 10_000,
  monitorsOfProfile: 1_000,
  groups: 10_000,
  credentials: 100_000,
  systems: 200_000,
  connectors: 200_000,
  profilesOfConnector: 100,
  agentsOfGroup: 1_000,
  plugins: 1_000,
  maintenances: 10_000,
  dashboards: 1_000,
  panelsOfDashboard: 100,
  tasks: 1_000_000,
} as const

const maxDescription = 4_000
const maxSystemType = 200
const maxTags = 100
const maxTagValue = 1_000

/** A named object as a document wrote it, and where. */
export interface Written<T> {
  readonly path: string
  readonly value: T
}

export type WrittenProfile = Written<Omit<Profile, 'monitors'>> & {
  readonly monitors: ReadonlyMap<string, Written<ProfileMonitor>>
}
/** `profiles` are in the order of the document; in the value they are a sorted set. */
export type WrittenConnector = Written<Connector> & { readonly profiles: readonly string[] }
export type WrittenSystem = Written<Omit<System, 'connectors'>> & {
  readonly connectors: ReadonlyMap<string, WrittenConnector>
}
export type WrittenGroup = Written<Omit<Group, 'credentials' | 'systems'>> & {
  readonly credentials: ReadonlyMap<string, Written<Credential>>
  readonly systems: ReadonlyMap<string, WrittenSystem>
}

/** A document whose every object is right by itself. What its names refer to is looked at in `merge`. */
export interface WrittenDocument {
  readonly profiles: ReadonlyMap<string, WrittenProfile>
  readonly groups: ReadonlyMap<string, WrittenGroup>
  readonly associations: ReadonlyMap<string, Written<Association>>
  readonly plugins: ReadonlyMap<string, Written<Plugin>>
  readonly maintenances: ReadonlyMap<string, Written<Maintenance>>
  readonly dashboards: ReadonlyMap<string, Written<Dashboard>>
}

export interface CheckContext {
  readonly library: Library
  /** What is stored: secrets that are kept, and those that are given once more. */
  readonly current: Configuration
  readonly vault: SecretVault
  readonly environment: Environment
  /** Called after each object. */
  readonly breathe: Breathe
}

/**
 * Reads a decoded document completely. Nothing in it is trusted: types, unknown keys, bounds, names and every setting are checked, and
 * all that is wrong is reported with its path (up to a hundred problems).
 */
export async function readDocument(
  given: unknown,
  context: CheckContext,
  problems: Problems,
): Promise<WrittenDocument> {
  const document =
    readObject(
      given,
      '',
      ['format', 'version', 'profiles', 'groups', 'associations', 'plugins', 'maintenances', 'dashboards'],
      problems,
    ) ?? {}
  for (const key of ['format', 'version']) {
    const form = readOwn(document, key)
    if (form !== undefined && form !== 1)
      problems.add(key, `${shown(form)} is not a form of the document that is known here; only 1 is`)
  }
  const reader = new DocumentReader(context, problems)
  const profiles = await reader.profiles(readOwn(document, 'profiles'))
  const groups = await reader.groups(readOwn(document, 'groups'))
  return {
    profiles: await reader.withDefaults(profiles),
    groups,
    associations: reader.associations(readOwn(document, 'associations')),
    plugins: await reader.plugins(readOwn(document, 'plugins')),
    maintenances: await reader.maintenances(readOwn(document, 'maintenances')),
    dashboards: await reader.dashboards(readOwn(document, 'dashboards')),
  }
}

class DocumentReader {
  readonly #context: CheckContext
  readonly #problems: Problems
  /** The default profiles that connectors asked for, by name. */
  readonly #defaults = new Map<string, ProfileDocument>()
  readonly #counts = { systems: 0, connectors: 0, credentials: 0 }

  constructor(context: CheckContext, problems: Problems) {
    this.#context = context
    this.#problems = problems
  }

  /** Reads each object of a list of named ones; those without a usable name, or there twice, are left out. */
  async #named<T>(
    given: unknown,
    path: string,
    most: number,
    keys: readonly string[] | undefined,
    read: (object: Readonly<Record<string, unknown>>, path: string, name: string) => T | Promise<T>,
    nameOf: (object: Readonly<Record<string, unknown>>, path: string) => string | undefined = (object, place) =>
      readName(readOwn(object, 'name'), at(place, 'name'), this.#problems),
  ): Promise<ReadonlyMap<string, T>> {
    const found = new Map<string, T>()
    const names = new UniqueNames()
    for (const [index, one] of readList(given, path, most, this.#problems).entries()) {
      if (this.#problems.isFull) break
      const place = at(path, index)
      const object = keys === undefined && isPlainObject(one) ? one : readObject(one, place, keys ?? [], this.#problems)
      if (object === undefined) continue
      const name = nameOf(object, place)
      if (name !== undefined && !names.take(name, at(place, 'name'), this.#problems)) continue
      // Without a name the rest is still looked at: all problems are told at once.
      const value = await read(object, place, name ?? '?')
      if (name !== undefined) found.set(name, value)
      const turn = this.#context.breathe()
      if (turn !== undefined) await turn
    }
    return found
  }

  /** Adds the default profiles that connectors asked for and the document does not name: as they are stored, or as they are shipped. */
  async withDefaults(written: ReadonlyMap<string, WrittenProfile>): Promise<ReadonlyMap<string, WrittenProfile>> {
    const all = new Map(written)
    for (const shipped of this.#defaults.values()) {
      if (all.has(shipped.name)) continue
      const stored = this.#context.current.profiles.get(shipped.name)
      if (stored === undefined) {
        for (const [name, profile] of await this.profiles([shipped])) all.set(name, profile)
      } else {
        const { monitors, ...value } = stored
        const path = at('profiles', all.size)
        all.set(stored.name, {
          path,
          value,
          monitors: new Map([...monitors].map(([name, monitor]) => [name, { path, value: monitor }])),
        })
      }
    }
    return all
  }

  #count(what: 'systems' | 'connectors' | 'credentials', path: string): void {
    if (++this.#counts[what] === bounds[what] + 1)
      this.#problems.add(path, `the document has more than ${bounds[what]} ${what}; an instance holds no more`)
  }

  profiles(given: unknown): Promise<ReadonlyMap<string, WrittenProfile>> {
    const { library } = this.#context
    const keys = ['name', 'connector', 'description', 'monitors']
    return this.#named(given, 'profiles', bounds.profiles, keys, async (object, path, name) => {
      const connector = readKnown(
        readOwn(object, 'connector'),
        at(path, 'connector'),
        'connector type',
        library.connectors.keys(),
        this.#problems,
      )
      const description = readText(
        readOwn(object, 'description'),
        at(path, 'description'),
        maxDescription,
        this.#problems,
      )
      const monitors = await this.#monitors(readOwn(object, 'monitors'), at(path, 'monitors'), connector)
      return { path, value: { name, connector: connector ?? '', description }, monitors }
    })
  }

  #monitors(
    given: unknown,
    path: string,
    connector: string | undefined,
  ): Promise<ReadonlyMap<string, Written<ProfileMonitor>>> {
    const keys = ['monitor', 'name', 'period', 'timeout', 'settings', 'rules']
    return this.#named(
      given,
      path,
      bounds.monitorsOfProfile,
      keys,
      (object, place, name) => {
        const written = {
          monitor: readOwn(object, 'monitor'),
          period: readOwn(object, 'period'),
          timeout: readOwn(object, 'timeout'),
          settings: readOwn(object, 'settings'),
          rules: readOwn(object, 'rules'),
        }
        const checked = compileMonitor(written, connector, this.#context.library, place)
        if (!checked.ok) this.#problems.addAll(checked.problems)
        const { settings } = written
        return {
          path: place,
          value: {
            name,
            written: !checked.ok
              ? { monitor: '' }
              : canonical({
                  monitor: String(written.monitor),
                  ...(written.period === undefined ? {} : { period: String(written.period) }),
                  ...(written.timeout === undefined ? {} : { timeout: String(written.timeout) }),
                  ...(isPlainObject(settings) && Object.keys(settings).length > 0 ? { settings } : {}),
                  ...(written.rules === undefined ? {} : { rules: asRules(written.rules) }),
                }),
            made: checked.ok ? checked.value : undefined,
          },
        }
      },
      (object, place) => {
        const own = readOwn(object, 'name')
        if (own !== undefined) return readName(own, at(place, 'name'), this.#problems)
        const id = readOwn(object, 'monitor')
        // A wrong id is reported where the monitor is looked up.
        return typeof id === 'string' && nameProblem(id) === undefined ? id : undefined
      },
    )
  }

  groups(given: unknown): Promise<ReadonlyMap<string, WrittenGroup>> {
    const keys = ['name', 'description', 'whenCutOff', 'ownCommands', 'credentials', 'systems']
    return this.#named(given, 'groups', bounds.groups, keys, async (object, path, name) => {
      if (name === '*')
        this.#problems.add(
          at(path, 'name'),
          'must not be *, which stands for all groups where somebody is granted a role',
        )
      const whenCutOff = readOwn(object, 'whenCutOff')
      const ownCommands = readOwn(object, 'ownCommands')
      return {
        path,
        value: {
          name,
          description: readText(
            readOwn(object, 'description'),
            at(path, 'description'),
            maxDescription,
            this.#problems,
          ),
          whenCutOff:
            whenCutOff === undefined
              ? ('available' as const)
              : (readChoice(whenCutOff, at(path, 'whenCutOff'), ['available', 'exclusive'], this.#problems) ??
                'available'),
          ownCommands:
            ownCommands === undefined
              ? ('refused' as const)
              : (readChoice(ownCommands, at(path, 'ownCommands'), ['refused', 'allowed'], this.#problems) ?? 'refused'),
        },
        credentials: await this.#credentials(readOwn(object, 'credentials'), at(path, 'credentials'), name),
        systems: await this.#systems(readOwn(object, 'systems'), at(path, 'systems')),
      }
    })
  }

  #credentials(given: unknown, path: string, group: string): Promise<ReadonlyMap<string, Written<Credential>>> {
    return this.#named(given, path, bounds.credentials, undefined, (object, place, name) => {
      this.#count('credentials', place)
      const stored = this.#context.current.groups.get(group)?.credentials.get(name)
      const empty = { path: place, value: { name, type: '', fields: {}, secrets: { names: [], sealed: '' } } }
      const type = readKnown(
        readOwn(object, 'type'),
        at(place, 'type'),
        'credential type',
        Object.keys(credentialTypes),
        this.#problems,
      )
      // `readKnown` has found it among these very keys.
      const fields: Params | undefined = type === undefined ? undefined : credentialTypes[type as CredentialType].fields
      if (type === undefined || fields === undefined) return empty
      reportUnknown(object, place, ['name', 'type', ...Object.keys(fields)], this.#problems)
      const read = this.#withSecrets(
        Object.fromEntries(Object.entries(object).filter(([key]) => Object.hasOwn(fields, key))),
        fields,
        place,
        { secrets: stored?.type === type ? stored.secrets : undefined, context: credentialContext(group, name) },
        'refused',
      )
      if (read === undefined) return empty
      const checked = checkSettings(fields, read.clear, place)
      if (!checked.ok) {
        this.#problems.addAll(checked.problems)
        return empty
      }
      // Every field of a credential is a text or a secret, which `checkSettings` has seen to.
      const shownFields = canonical(read.open) as Readonly<Record<string, string>>
      return { path: place, value: { name, type, fields: shownFields, secrets: read.seal() } }
    })
  }

  /**
   * Finds the values of the secret ones among declared settings.
   * @returns the settings in the clear, those that may be shown, and how to seal the others; undefined where a secret is wrong
   */
  #withSecrets(
    given: Readonly<Record<string, unknown>>,
    declared: Params,
    path: string,
    stored: { readonly secrets: Secrets | undefined; readonly context: string },
    plainText: 'allowed' | 'refused',
  ):
    | {
        readonly clear: Readonly<Record<string, unknown>>
        readonly open: Readonly<Record<string, unknown>>
        readonly seal: () => Secrets
      }
    | undefined {
    const { vault, environment } = this.#context
    const open: Record<string, unknown> = {}
    const secret: Record<string, string> = {}
    let isRight = true
    let kept: Readonly<Record<string, string>> | undefined
    for (const [field, value] of Object.entries(given)) {
      if (!Object.hasOwn(declared, field) || declared[field]!.kind !== 'secret' || value === undefined) {
        if (!reservedKey(field)) open[field] = value
        continue
      }
      const found = readSecret(value, at(path, field), environment, this.#problems, plainText)
      if (found === undefined) isRight = false
      else if (found.is === 'value') secret[field] = found.value
      else {
        const sealed = stored.secrets?.sealed ?? ''
        kept ??= sealed === '' ? {} : openIfReadable(sealed, stored.context, vault)
        if (kept === undefined) {
          isRight = false
          this.#problems.add(at(path, field), 'the stored secret cannot be opened', 'Enter it again: { value: … }.')
          continue
        }
        const before = Object.hasOwn(kept, field) ? kept[field] : undefined
        if (before === undefined) {
          isRight = false
          this.#problems.add(at(path, field), 'there is no stored secret to keep', 'Give it once: { value: … }.')
        } else secret[field] = before
      }
    }
    if (!isRight) return undefined
    return {
      clear: { ...open, ...secret },
      open,
      seal: () => sealSecrets(secret, stored.secrets, stored.context, vault),
    }
  }

  #systems(given: unknown, path: string): Promise<ReadonlyMap<string, WrittenSystem>> {
    const keys = ['name', 'type', 'description', 'tags', 'connectors']
    return this.#named(given, path, bounds.systems, keys, async (object, place, name) => {
      this.#count('systems', place)
      const problems = this.#problems
      const type = readText(readOwn(object, 'type'), at(place, 'type'), maxSystemType, problems)
      const wrong = type === '' ? undefined : nameProblem(type)
      if (wrong !== undefined) problems.add(at(place, 'type'), wrong)
      return {
        path: place,
        value: {
          name,
          type,
          description: readText(readOwn(object, 'description'), at(place, 'description'), maxDescription, problems),
          tags: this.#tags(readOwn(object, 'tags'), at(place, 'tags')),
        },
        connectors: await this.#connectors(readOwn(object, 'connectors'), at(place, 'connectors')),
      }
    })
  }

  #tags(given: unknown, path: string): Readonly<Record<string, string>> {
    const problems = this.#problems
    if (given === undefined) return {}
    if (!isPlainObject(given)) {
      problems.add(path, `must be a map of names to texts, not ${shown(given)}`)
      return {}
    }
    const count = Object.keys(given).length
    if (count > maxTags) {
      problems.add(path, `has ${count} tags; at most ${maxTags} are allowed`)
      return {}
    }
    const tags: Record<string, string> = {}
    for (const [key, value] of Object.entries(given)) {
      const wrongKey = nameProblem(key)
      if (wrongKey !== undefined) problems.add(path, `the tag ${shown(key)}: ${wrongKey}`)
      else if (typeof value !== 'string')
        problems.add(at(path, key), `must be a text, not ${shown(value)}`, 'Put it in quotes.')
      else {
        const wrong = textProblem(value, { maxLength: maxTagValue })
        if (wrong === undefined) tags[key] = value
        else problems.add(at(path, key), wrong)
      }
    }
    return canonical(tags)
  }

  #connectors(given: unknown, path: string): Promise<ReadonlyMap<string, WrittenConnector>> {
    const keys = ['name', 'type', 'settings', 'credential', 'profiles', 'defaults', 'pin']
    return this.#named(given, path, bounds.connectors, keys, (object, place, name) => {
      this.#count('connectors', place)
      const problems = this.#problems
      const type = readOwn(object, 'type')
      const settings = readOwn(object, 'settings')
      const checked = compileConnector({ type, settings }, this.#context.library, place)
      if (!checked.ok) problems.addAll(checked.problems)
      const credential = readOwn(object, 'credential')
      const pin = readOwn(object, 'pin')
      const named = this.#references(readOwn(object, 'profiles'), at(place, 'profiles'), bounds.profilesOfConnector)
      const byDefault = this.#defaultOf(readOwn(object, 'defaults'), at(place, 'defaults'), type)
      const profiles = byDefault === undefined ? named : [...new Set([...named, byDefault])]
      return {
        path: place,
        value: {
          name,
          type: typeof type === 'string' ? type : '',
          settings: checked.ok && isPlainObject(settings) ? canonical(settings) : {},
          credential: credential === undefined ? undefined : readName(credential, at(place, 'credential'), problems),
          profiles: [...profiles].sort(byName),
          // Whether such an agent is there is not asked: agents come after the configuration, and go before it.
          pin: pin === undefined ? undefined : readName(pin, at(place, 'pin'), problems),
          made: checked.ok ? checked.value : undefined,
        },
        profiles,
      }
    })
  }

  /** The name of the default profile, where a connector asks for it. */
  #defaultOf(given: unknown, path: string, type: unknown): string | undefined {
    if (given === undefined || given === false) return undefined
    if (given !== true) return this.#problems.add(path, `must be true or false, not ${shown(given)}`)
    // A wrong type is reported where it stands.
    if (typeof type !== 'string' || !this.#context.library.connectors.has(type)) return undefined
    const profile = defaultProfileOf(type, this.#context.library)
    if (profile === undefined) return this.#problems.add(path, noDefaults(type))
    this.#defaults.set(profile.name, profile)
    return profile.name
  }

  /** Names of other things in the order of the document, each written once. */
  #references(given: unknown, path: string, most: number): readonly string[] {
    const names = new Set<string>()
    for (const [index, one] of readList(given, path, most, this.#problems).entries()) {
      const name = readName(one, at(path, index), this.#problems)
      if (name === undefined) continue
      if (names.has(name)) this.#problems.add(at(path, index), `${shown(name)} is there twice`)
      names.add(name)
    }
    return [...names]
  }

  associations(given: unknown): ReadonlyMap<string, Written<Association>> {
    const problems = this.#problems
    const found = new Map<string, Written<Association>>()
    for (const [index, one] of readList(given, 'associations', bounds.groups, problems).entries()) {
      const path = at('associations', index)
      const object = readObject(one, path, ['group', 'agents'], problems)
      if (object === undefined) continue
      const group = readName(readOwn(object, 'group'), at(path, 'group'), problems)
      if (readOwn(object, 'agents') === undefined) problems.add(at(path, 'agents'), 'is missing: the agents, by name')
      const agents = this.#references(readOwn(object, 'agents'), at(path, 'agents'), bounds.agentsOfGroup)
      if (group === undefined) continue
      const before = found.get(group)
      if (before !== undefined)
        problems.add(at(path, 'group'), `${shown(group)} is there twice; the other one is ${at(before.path, 'group')}`)
      found.set(group, { path, value: { group, agents: [...agents].sort(byName) } })
    }
    return found
  }

  plugins(given: unknown): Promise<ReadonlyMap<string, Written<Plugin>>> {
    const { library, current } = this.#context
    const problems = this.#problems
    return this.#named(
      given,
      'plugins',
      bounds.plugins,
      ['name', 'plugin', 'settings', 'sends'],
      (object, path, name) => {
        const empty: Written<Plugin> = {
          path,
          value: { name, plugin: '', settings: {}, secrets: { names: [], sealed: '' }, sends: [] },
        }
        const id = readKnown(readOwn(object, 'plugin'), at(path, 'plugin'), 'plugin', library.plugins.keys(), problems)
        const plugin = id === undefined ? undefined : library.plugins.get(id)
        if (id === undefined || plugin === undefined) return empty
        const sends = this.#feeds(readOwn(object, 'sends'), at(path, 'sends'), feedsOf(plugin), id)
        const settings = readSettings(readOwn(object, 'settings'), at(path, 'settings'), problems)
        if (settings === undefined) return empty
        const before = current.plugins.get(name)
        const read = this.#withSecrets(
          settings,
          plugin.settings,
          at(path, 'settings'),
          { secrets: before?.plugin === id ? before.secrets : undefined, context: pluginContext(name) },
          'allowed',
        )
        if (read === undefined) return empty
        const checked = checkPluginSettings(plugin, read.clear, at(path, 'settings'))
        if (!checked.ok) {
          problems.addAll(checked.problems)
          return empty
        }
        return { path, value: { name, plugin: id, settings: canonical(read.open), secrets: read.seal(), sends } }
      },
    )
  }

  maintenances(given: unknown): Promise<ReadonlyMap<string, Written<Maintenance>>> {
    const keys = ['name', ...maintenanceKeys]
    return this.#named(given, 'maintenances', bounds.maintenances, keys, (object, path, name) => {
      const checked = compileMaintenance(object, path)
      if (!checked.ok) this.#problems.addAll(checked.problems)
      const tags = this.#tags(readOwn(object, 'tags'), at(path, 'tags'))
      return {
        path,
        value: {
          name,
          written: checked.ok ? asMaintenance(object, tags) : { begins: '', lasts: '' },
          made: checked.ok ? checked.value : undefined,
        },
      }
    })
  }

  dashboards(given: unknown): Promise<ReadonlyMap<string, Written<Dashboard>>> {
    const problems = this.#problems
    const keys = ['name', 'description', 'variables', 'panels']
    return this.#named(given, 'dashboards', bounds.dashboards, keys, (object, path, name) => {
      const chosen = new Set(
        readList(readOwn(object, 'variables'), at(path, 'variables'), dashboardVariables.length, problems).flatMap(
          (one, index) => readChoice(one, at(at(path, 'variables'), index), dashboardVariables, problems) ?? [],
        ),
      )
      const panels = readList(
        readOwn(object, 'panels'),
        at(path, 'panels'),
        bounds.panelsOfDashboard,
        problems,
      ).flatMap((one, index) => readPanel(one, at(at(path, 'panels'), index), problems) ?? [])
      return {
        path,
        value: {
          name,
          description: readText(readOwn(object, 'description'), at(path, 'description'), maxDescription, problems),
          variables: dashboardVariables.filter((variable) => chosen.has(variable)),
          panels,
        },
      }
    })
  }

  #feeds(given: unknown, path: string, possible: readonly PluginFeed[], plugin: string): readonly PluginFeed[] {
    if (given === undefined) {
      this.#problems.add(path, 'is missing: what the plugin sends', `Possible: ${possible.join(', ')}`)
      return []
    }
    const feeds = new Set<PluginFeed>()
    for (const [index, one] of readList(given, path, pluginFeeds.length, this.#problems).entries()) {
      const feed = readChoice(one, at(path, index), pluginFeeds, this.#problems)
      if (feed === undefined) continue
      if (!possible.includes(feed))
        this.#problems.add(
          at(path, index),
          `the plugin ${plugin} cannot send ${feed}`,
          `Possible: ${possible.join(', ')}`,
        )
      feeds.add(feed)
    }
    return pluginFeeds.filter((feed) => feeds.has(feed))
  }
}
