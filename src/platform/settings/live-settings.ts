import { readFile } from 'node:fs/promises'
import { FarwatchError, messageOf, systemCodeOf } from '../../base/index.ts'
import type { DataDirectory } from '../data-directory.ts'
import { writeFileAtomically } from '../files.ts'
import {
  declarationOf,
  isSettingName,
  settingNames,
  type SettingDeclaration,
  type SettingName,
  type Settings,
} from './declarations.ts'
import {
  checkChanges,
  resolveSettings,
  type GivenSettings,
  type ResolvedSettings,
  type SettingSource,
} from './resolve.ts'
import { allowedValues, hiddenPassword, shownProxy, writeSetting } from './value.ts'

/** One setting as portal and API show it. */
export interface ShownSetting {
  readonly name: SettingName
  readonly value: string | number | boolean | readonly string[]
  readonly default: string | number | boolean | readonly string[]
  readonly source: SettingSource
  readonly scope: 'travels' | 'server' | 'local'
  readonly change: 'at once' | 'restart' | 'start'
  /** A change is stored and takes no effect while a stronger source gives another value. */
  readonly overruledBy?: Exclude<SettingSource, 'stored' | 'default'>
  readonly allowed: string
  readonly help: string
  /** What a form for it needs to know beside. */
  readonly kind: SettingDeclaration['kind']
  readonly choices?: readonly string[]
  readonly unit?: string
  readonly min?: number
  readonly max?: number
  readonly tooSmall?: string
  readonly tooLarge?: string
  readonly variable: string
  readonly flag?: string
  readonly retention?: true
}

/** The settings of a running instance: read by everything, changed by portal and API. */
export interface LiveSettings {
  /** The present values. Read it each time; it is replaced as a whole by a change. */
  readonly values: Settings
  readonly warnings: readonly string[]
  shown(): readonly ShownSetting[]
  /**
   * Checks, stores and applies changes, all or none; `null` takes a stored value back to its default. One call at a time takes
   * effect; calls wait for each other.
   * @returns the names whose values changed, for the audit log and for who must act on them
   * @throws FarwatchError `invalid-setting`, `storage-unwritable`
   */
  change(changes: Readonly<Record<string, unknown>>): Promise<readonly SettingName[]>
  /** Called after every change with the names whose values changed. @returns ends it */
  onChange(listener: (changed: readonly SettingName[], values: Settings) => void): () => void
}

const storedFile = 'settings.stored.json'

/**
 * Reads `settings.yaml` and the stored settings of a data directory beside what was given at the start.
 * Stored settings are a file and not rows of the database: host, port and role are needed before a database is open, and an instance
 * that is an agent only has none.
 * @throws FarwatchError `invalid-setting`, `storage-corrupt`, `not-supported`
 */
export async function openSettings(
  directory: DataDirectory,
  given: Pick<GivenSettings, 'flags' | 'environment'>,
): Promise<LiveSettings> {
  const text = await textOf(directory.file('settings.yaml'))
  const start: GivenSettings = {
    ...given,
    // A copy: the secrets are taken out of the real environment after reading.
    environment: { ...given.environment },
    ...(text === undefined ? {} : { file: { path: directory.file('settings.yaml'), text } }),
  }
  let stored = await readStored(directory.file(storedFile))
  let resolved: ResolvedSettings = resolveSettings({ ...start, stored })
  const listeners = new Set<(changed: readonly SettingName[], values: Settings) => void>()
  let queue: Promise<unknown> = Promise.resolve()

  async function change(changes: Readonly<Record<string, unknown>>): Promise<readonly SettingName[]> {
    const removed = Object.keys(changes).filter((name) => changes[name] === null)
    checkChanges(Object.fromEntries(removed.map((name) => [name, exampleOf(name)])))
    const given = Object.entries(changes).filter(([, value]) => value !== null)
    const checked = checkChanges(Object.fromEntries(given.map(([name, value]) => [name, asMeant(name, value)])))
    const next: Record<string, unknown> = { ...stored }
    for (const name of removed) delete next[name]
    for (const [name, value] of Object.entries(checked)) next[name] = writeSetting(value)
    const now = resolveSettings({ ...start, stored: next })
    await writeFileAtomically(directory.file(storedFile), `${JSON.stringify(next, null, 2)}\n`)
    const before = resolved
    stored = next
    resolved = now
    const changed = settingNames.filter(
      (name) => JSON.stringify(before.values[name]) !== JSON.stringify(now.values[name]),
    )
    if (changed.length > 0) for (const listener of listeners) listener(changed, now.values)
    return changed
  }

  /** A proxy that is given back as it was shown is the one that there is. @throws FarwatchError `invalid-setting` */
  function asMeant(name: string, given: unknown): unknown {
    if (name !== 'proxy' || typeof given !== 'string') return given
    if (given === shownProxy(resolved.values.proxy)) return resolved.values.proxy
    if (URL.parse(given)?.password === hiddenPassword)
      throw new FarwatchError(
        'invalid-setting',
        'proxy: the password is needed once more where anything else changes',
        {
          hint: 'Give it as http://user:password@name:port.',
        },
      )
    return given
  }

  return {
    get values() {
      return resolved.values
    },
    warnings: resolved.warnings,
    shown: () => settingNames.filter((name) => declarationOf(name).secret !== true).map((name) => show(name, resolved)),
    change(changes) {
      const done = queue.then(() => change(changes))
      queue = done.catch(() => undefined)
      return done
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

// A name that is taken back is checked like one that is set: with a value that is certainly right for it.
function exampleOf(name: string): unknown {
  return isSettingName(name) ? declarationOf(name).default : ''
}

function show(name: SettingName, resolved: ResolvedSettings): ShownSetting {
  const declaration = declarationOf(name)
  const source = resolved.sources[name]
  return {
    name,
    value: declaration.kind === 'proxy' ? shownProxy(resolved.values.proxy) : writeSetting(resolved.values[name]),
    default: declaration.default,
    source,
    scope: declaration.scope,
    change: declaration.change,
    ...(source === 'stored' || source === 'default' ? {} : { overruledBy: source }),
    allowed: allowedValues(declaration),
    help: declaration.help,
    kind: declaration.kind,
    ...(declaration.kind === 'choice' ? { choices: declaration.of } : {}),
    ...(declaration.kind === 'number' ? { unit: declaration.unit, min: declaration.min, max: declaration.max } : {}),
    ...(declaration.tooSmall === undefined ? {} : { tooSmall: declaration.tooSmall }),
    ...(declaration.tooLarge === undefined ? {} : { tooLarge: declaration.tooLarge }),
    variable: declaration.variable,
    ...(declaration.flag === undefined ? {} : { flag: declaration.flag }),
    ...(declaration.retention === undefined ? {} : { retention: declaration.retention }),
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw new FarwatchError('data-directory-unusable', `${file} cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    })
  }
}

async function readStored(file: string): Promise<Record<string, unknown>> {
  const text = await textOf(file)
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw new FarwatchError('storage-corrupt', `${file} is not a map of settings`, {
    hint: 'Restore it from a copy, or remove it: the settings changed in the portal are then back to their defaults.',
  })
}
